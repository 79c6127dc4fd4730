"""The pages that pay, move, schedule and match."""

from __future__ import annotations

from datetime import timedelta
from decimal import Decimal
from typing import Any

import pytest
from django.test import Client
from django.urls import reverse
from django.utils import timezone

from banking.models import Account, CashTransaction, Schedule, ScheduleRun, ScheduleState, Section, Transfer
from banking.services.payments import Payment, pay
from banking.services.schedules import ScheduleTerms, create_schedule
from banking.services.transactions import book_cash
from core.testing import Page
from users.models import User

NEW = "/banking/transfers/new/"
PREVIEW = "/banking/transfers/new/preview/"


@pytest.fixture
def checking(alice: User) -> Account:
    return Account.objects.create(owner=alice, name="Checking", currency="USD")


@pytest.fixture
def euros(alice: User) -> Account:
    return Account.objects.create(owner=alice, name="Euros", currency="EUR")


@pytest.fixture
def browser(alice: User, checking: Account) -> Client:
    client = Client()
    client.force_login(alice)
    return client


def form(source: Account, **values: Any) -> dict[str, Any]:
    given = {"source": source.pk, "amount": "12.50", "booked_on": f"{timezone.now().date()}", "action": "book"}
    return given | values


def faultless(answer: Any) -> str:
    text: str = answer.content.decode()
    assert answer.status_code == 200
    assert Page(text).faults == []
    return text


def test_money_is_moved_once_however_often_the_page_is_sent(browser: Client, checking: Account, euros: Account) -> None:
    key = browser.get(NEW).context["form"].initial["key"]
    sent = form(checking, target=euros.pk, rate="0.9", key=str(key))
    for told in ("Paid: 12.50 USD from Checking to Euros.", "nothing was booked again"):
        assert told in faultless(browser.post(NEW, sent, follow=True))
    assert Transfer.objects.get().received.amount == Decimal("11.25")


def test_somebody_is_paid_by_name(browser: Client, checking: Account) -> None:
    text = faultless(browser.post(NEW, form(checking, name="Landlord", note="May"), follow=True))
    assert "to Landlord" in text
    row = CashTransaction.objects.get()
    assert (row.amount, row.section, row.description, str(row.counterparty)) == (
        Decimal("-12.5"),
        "expense",
        "May",
        "Landlord",
    )


@pytest.mark.parametrize("values", [{"repeats": "month", "interval": "2", "weekend": "after"}, {"ahead": 3}])
def test_a_day_to_come_or_a_repetition_is_scheduled(browser: Client, checking: Account, values: dict[str, Any]) -> None:
    day = timezone.now().date() + timedelta(days=values.pop("ahead", 0))
    sent = form(checking, name="Landlord", booked_on=f"{day}", **values)
    moved = {5: 2, 6: 1}.get(day.weekday(), 0) if values else 0  # days, from a Saturday or Sunday to the Monday after
    assert f"{day + timedelta(days=moved):%B}" in browser.post(PREVIEW, sent).content.decode()
    assert "Scheduled: 12.50 USD" in faultless(browser.post(NEW, sent, follow=True))
    made = Schedule.objects.get()
    assert (made.first_on, made.unit, made.interval) == (
        day,
        values.get("repeats", "once"),
        int(values.get("interval", 1)),
    )
    assert not CashTransaction.objects.exists()


@pytest.mark.parametrize(
    ("values", "told"),
    [
        ({"target": "euros"}, "Rate"),
        ({"name": "Landlord"}, "Nobody of this server receives it"),
        ({"target_iban": "bob"}, "An account of this server receives it"),
        ({"name": "Landlord", "amount": "1"}, "would be below zero"),
        ({"name": "Landlord", "repeats": "week"}, "Paid by itself on"),
    ],
)
def test_the_preview_says_what_it_would_do_and_books_nothing(
    browser: Client, checking: Account, euros: Account, bob: User, values: dict[str, Any], told: str
) -> None:
    Account.objects.create(owner=bob, name="Secret", currency="USD", iban="bob", receives=True)
    if values.get("target"):
        values = {"target": euros.pk, "rate": "0.9"}
    for url in (PREVIEW, NEW):
        text = browser.post(url, form(checking, **values) | {"action": "preview"}).content.decode()
        assert told in text
        assert "Secret" not in text
    assert not CashTransaction.objects.exists()
    assert not Schedule.objects.exists()


@pytest.mark.parametrize(
    "values",
    [
        {},
        {"name": "L", "amount": "NaN"},
        {"name": "L", "amount": "1e5"},
        {"name": "L", "amount": "-1"},
        {"name": "L", "amount": "0.001"},
        {"name": "L", "amount": "9" * 60},
        {"name": "L", "amount": ""},
        {"name": "L", "rate": "2"},
        {"name": "L", "booked_on": "2024-02-30"},
        {"name": "L", "booked_on": "1899-01-01"},
        {"name": "L", "booked_on": "9999-12-31"},
        {"name": "L", "booked_on": "2024-01-01", "repeats": "week"},
        {"name": "L", "repeats": "day"},
        {"name": "L", "repeats": "week", "interval": "0"},
        {"name": "L", "repeats": "week", "until": "1999-01-01"},
        {"name": "L\x00"},
        {"target_iban": "DE88370400440532013000"},
        {"name": "L", "category": "987654321"},
        {"source": "987654321", "name": "L"},
        {"target": "987654321"},
        {"target": "x"},
        {"name": "L", "key": "x"},
    ],
)
def test_what_is_wrong_is_said_and_nothing_is_stored(
    browser: Client, checking: Account, values: dict[str, Any]
) -> None:
    text = faultless(browser.post(NEW, form(checking) | values))
    assert "field-problem" in text or "alert-danger" in text or "key" in values
    assert browser.post(PREVIEW, form(checking) | values).status_code == 200
    assert not CashTransaction.objects.exists()
    assert not Schedule.objects.exists()


def test_transfers_are_taken_back_and_restored_where_both_ends_are_ones_own(
    browser: Client, checking: Account, alice: User, bob: User
) -> None:
    savings = Account.objects.create(owner=alice, name="Savings", currency="USD")
    Account.objects.create(owner=bob, name="Secret", currency="USD", iban="bob", receives=True)
    day = timezone.now().date()
    own = pay(source=checking, payment=Payment(Decimal(5), day, savings), actor=alice)
    other = pay(source=checking, payment=Payment(Decimal(5), day, iban="bob"), actor=alice)
    text = faultless(browser.get("/banking/transfers/"))
    assert text.count("Take back") == 1
    assert "Secret" not in text
    for action, standing in (("void", 1), ("restore", 2)):
        browser.post(f"/banking/transfers/{own.pk}/", {"action": action})
        assert Transfer.objects.standing().count() == standing
    assert browser.post(f"/banking/transfers/{other.pk}/", {"action": "void"}).status_code == 403
    assert Transfer.objects.standing().count() == 2
    assert browser.post(f"/banking/transfers/{own.pk}/", {"action": "x"}).status_code == 400


def test_rows_are_matched_refused_and_taken_apart(browser: Client, checking: Account, alice: User, bob: User) -> None:
    savings = Account.objects.create(owner=alice, name="Savings", currency="USD")
    day, url = timezone.now().date(), "/banking/transfers/matches/"

    def row(account: Account, amount: int) -> CashTransaction:
        return book_cash(account=account, amount=Decimal(amount), booked_on=day, section=Section.EXPENSE, actor=alice)

    assert "Nothing to match" in faultless(browser.get(url))
    pairs = [(row(checking, -number), row(savings, number)) for number in (1, 2, 3)]
    assert "Match the 3" in faultless(browser.get(url))
    named = [{"sent": sent.pk, "received": received.pk} for sent, received in pairs]
    browser.post(url, named[0] | {"action": "match"})
    browser.post(url, named[1] | {"action": "refuse"})
    browser.post(url, {"action": "all"})
    assert Transfer.objects.count() == 2
    matched = Transfer.objects.get(sent=pairs[0][0])
    browser.post(f"/banking/transfers/{matched.pk}/", {"action": "unmatch"})
    assert Transfer.objects.count() == 1
    theirs = row(Account.objects.create(owner=bob, name="Bob's", currency="USD"), 1)
    for wrong in (named[0] | {"received": theirs.pk}, named[0] | {"sent": "x"}, {}):
        assert browser.post(url, wrong | {"action": "match"}).status_code == 404
    assert browser.post(url, {"action": "x"}).status_code == 400


def test_schedules_are_paused_left_out_run_and_ended(browser: Client, checking: Account, alice: User) -> None:
    now = timezone.now()
    assert "Nothing is scheduled" in faultless(browser.get("/banking/schedules/"))
    first = now.date() + timedelta(days=5)
    terms = ScheduleTerms(Decimal(5), first, name="Landlord", unit="week")
    schedule = create_schedule(source=checking, terms=terms, actor=alice, now=now)
    url = reverse("banking-schedule", args=[schedule.pk])

    def act(action: str, **values: str) -> Schedule:
        faultless(browser.post(url, {"action": action, **values}, follow=True))
        return Schedule.objects.get()

    assert act("pause").state == ScheduleState.PAUSED
    assert act("resume").state == ScheduleState.ACTIVE
    assert act("skip", due_on=f"{first}").position == 1
    assert act("skip", due_on="2024-02-30").position == 1
    second = f"{first + timedelta(weeks=1)}"
    assert f'name="due_on" value="{second}"' in browser.get("/banking/schedules/").content.decode()
    assert act("run", due_on=second).position == 2
    assert act("run", due_on=second).position == 2  # the button, pressed twice
    assert ScheduleRun.objects.count() == 2
    assert act("end").state == ScheduleState.ENDED
    assert "has ended" in faultless(browser.post(url, {"action": "run", "due_on": second}, follow=True))
    for wrong in ({"action": "x"}, {"action": "skip", "due_on": "x"}, {"action": "run"}, {}):
        assert browser.post(url, wrong).status_code == 400


def test_without_an_account_the_page_leads_on(alice: User) -> None:
    client = Client()
    client.force_login(alice)
    assert "No account to pay from" in faultless(client.get(NEW))
