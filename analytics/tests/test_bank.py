"""The bank administrator's report and pages."""

from __future__ import annotations

from datetime import UTC, date, datetime
from decimal import Decimal
from typing import Any

import pytest
from django.contrib.auth.models import Permission
from django.test import Client

from activity.models import AuditEvent, Job
from activity.services import start_job
from analytics.models import BankReport, RiskFlag, Snapshot
from analytics.queries.bank import month_ends, report_due, year_to
from analytics.services.bank import FAILED, KIND, compute_report
from analytics.views.bank import _with_figures
from assets.tests.factories import make_rate
from banking.models import Account, CashSplit, CashTransaction, Section
from banking.services.accounts import open_account
from banking.services.classification import category_named
from banking.services.transactions import book_cash
from core.testing import client_of, count_queries, make_user
from portfolios.models import Portfolio
from portfolios.tests.factories import make_portfolio
from users.models import Membership, Organisation, User

pytestmark = pytest.mark.django_db

NOW = datetime(2024, 6, 28, 20, tzinfo=UTC)


@pytest.fixture
def alice() -> User:
    return make_user("alice")


@pytest.fixture
def overseer() -> User:
    return make_user("overseer", superuser=True)


@pytest.fixture
def daily(alice: User) -> Account:
    return open_account(holder=alice, name="Daily", balance=Decimal(1000), opened_on=date(2024, 1, 2), actor=alice)


def spend(account: Account, amount: str, category: str, day: date = date(2024, 5, 3)) -> CashTransaction:
    section = Section.EXPENSE if amount.startswith("-") else Section.INCOME
    known = category_named(category, section, books=account) if category else None
    return book_cash(
        account=account, amount=Decimal(amount), booked_on=day, section=section, category=known, actor=None
    )


def page(user: User, path: str = "", **query: str) -> str:
    client = Client()
    client.force_login(user)
    answer = client.get(f"/bank-admin/{path}", query)
    assert answer.status_code == 200
    return answer.content.decode()


def test_month_ends() -> None:
    days = month_ends(date(2024, 3, 15), 4)
    assert days == [date(2023, 12, 31), date(2024, 1, 31), date(2024, 2, 29), date(2024, 3, 15)]


def test_a_year_begins_with_the_same_day() -> None:
    days = year_to(date(2024, 3, 15))
    assert days[:2] == [date(2023, 3, 15), date(2023, 4, 30)]
    assert (days[-2:], len(days)) == ([date(2024, 2, 29), date(2024, 3, 15)], 13)
    assert year_to(date(2024, 2, 29))[0] == date(2023, 2, 28)


def test_a_year_is_a_whole_year(alice: User) -> None:
    account = open_account(holder=alice, name="A", balance=Decimal(100), opened_on=date(2023, 6, 1), actor=alice)
    spend(account, "7", "", date(2023, 6, 30))
    spend(account, "1", "", date(2024, 6, 28))
    row = compute_report(NOW).holders.get()
    assert (row.total, row.year_before, row.grown) == (Decimal(108), Decimal(100), Decimal(8))


def test_the_report_sums_everybody(alice: User, daily: Account) -> None:
    make_rate("EURUSD", {date(2024, 1, 2): "1.10"})
    firm = Organisation.objects.create(name="Acme")
    euros = open_account(
        holder=firm, name="Operating", currency="EUR", balance=Decimal(200), opened_on=date(2024, 6, 3), actor=None
    )
    spend(daily, "-40", "Food")
    spend(daily, "-10", "")
    spend(euros, "-20", "Food", date(2024, 6, 4))
    split = spend(daily, "-30", "")
    for name, amount in (("Food", -20), ("Rent", -10)):
        category = category_named(name, Section.EXPENSE, books=daily)
        CashSplit.objects.create(transaction=split, category=category, amount=amount)
    report = compute_report(NOW)
    assert (report.people, report.organisations, report.accounts, report.transactions) == (1, 1, 2, 6)
    assert report.months[-1]["total"] == "1118.00"  # 1000 - 40 - 10 - 30 + 180 × 1.10
    assert report.months[-2]["total"] == "920.00"
    assert report.as_of == date(2024, 6, 4)
    assert [tuple(row) for row in report.categories] == [
        ("2024-05", "expense", "Food", "-60.00"),
        ("2024-05", "expense", "Not categorised", "-10.00"),
        ("2024-05", "expense", "Rent", "-10.00"),
        ("2024-06", "expense", "Food", "-22.00"),
    ]
    assert {row.total for row in report.holders.all()} == {Decimal(920), Decimal(198)}
    compute_report(NOW.replace(hour=21))
    assert BankReport.objects.count() == 1, "the newest takes the place of the one before"


def test_who_has_nothing_is_listed_too(alice: User) -> None:
    Organisation.objects.create(name="Acme")
    gone = make_user("gone")
    gone.is_active = False
    gone.save()
    report = compute_report(NOW)
    assert {(str(row.holder), row.total, row.accounts) for row in report.holders.all()} == {
        ("alice", Decimal(0), 0),
        ("Acme", Decimal(0), 0),
    }


def test_what_is_spent_for_an_employer_is_in_no_category(alice: User, daily: Account) -> None:
    firm = Organisation.objects.create(name="Acme")
    Membership.objects.create(organisation=firm, user=alice, role="employee")
    card = open_account(
        holder=alice, name="Card", kind="expense", employer=firm, opened_on=date(2024, 1, 2), actor=alice
    )
    spend(card, "-500", "Travel")
    spend(daily, "-40", "Food")
    assert compute_report(NOW).categories == [["2024-05", "expense", "Food", "-40.00"]]


@pytest.mark.parametrize("amount", ["900000000000000", "900000000000000.55", "600000000000000"])
def test_what_is_too_large_to_keep_is_left_out_and_named(amount: str, alice: User, daily: Account) -> None:
    make_rate("EURUSD", {date(2024, 1, 2): "2"})
    rich, day = make_user("rich"), date(2024, 1, 3)
    for name in ("A", "B"):
        account = open_account(holder=rich, name=name, currency="EUR", opened_on=day, actor=rich)
        for part in (amount.split(".", maxsplit=1)[0], f"0.{amount.partition('.')[2] or 0}"):
            if Decimal(part):
                book_cash(account=account, amount=Decimal(part), booked_on=day, section=Section.TRANSFER, actor=rich)
    report = compute_report(NOW)
    assert {str(row.holder) for row in report.holders.all()} == {"alice"}
    assert report.missing == ["rich: The amounts are too large to be kept."]
    assert report.months[-1]["total"] == "1000.00"


def test_a_job_fails_with_its_report(daily: Account, overseer: User, settings: Any) -> None:
    settings.FLAG_DORMANT_DAYS = "many"
    job = start_job(owner=overseer, kind=KIND, total=0)
    with pytest.raises(TypeError):
        compute_report(NOW, job.pk)
    done = Job.objects.get(pk=job.pk)
    assert (done.state, done.message) == ("failed", FAILED)
    assert BankReport.objects.count() == 0


def test_a_night_is_due_once() -> None:
    assert report_due(NOW)
    compute_report(NOW)
    assert not report_due(NOW)
    assert not report_due(datetime(2024, 6, 29, 5, 29, tzinfo=UTC))
    assert report_due(datetime(2024, 6, 29, 5, 30, tzinfo=UTC))


def test_a_job_ends_with_its_report(daily: Account, overseer: User) -> None:
    job = start_job(owner=overseer, kind=KIND, total=0)
    report = compute_report(NOW, job.pk)
    done = Job.objects.get(pk=job.pk)
    assert (done.state, done.done, done.total, done.result) == ("done", done.total, 3, {"report": report.pk})


def test_only_overseers_look(alice: User, daily: Account, overseer: User) -> None:
    compute_report(NOW)
    paths = ["", "flags/", f"people/{alice.pk}/"]
    client = Client()
    client.force_login(alice)
    assert [client.get(f"/bank-admin/{path}").status_code for path in paths] == [403, 403, 403]
    assert client.post("/bank-admin/").status_code == 403
    assert client_of(alice).get("/api/bank/report/").status_code == 403
    alice.user_permissions.add(Permission.objects.get(codename="oversee_bank"))
    assert [client.get(f"/bank-admin/{path}").status_code for path in paths] == [200, 200, 200]
    assert client_of(overseer).get("/api/bank/report/").json()["months"][-1]["total"] == "1000.00"


def test_each_look_is_on_record(alice: User, daily: Account, overseer: User) -> None:
    compute_report(NOW)
    looked = AuditEvent.objects.filter(action="bank.looked", actor=overseer)
    assert "alice" in page(overseer)
    both = sorted([alice.pk, overseer.pk])
    assert looked.get().data == {"page": "overview", "people": both, "organisations": []}
    assert "Nobody fits" in page(overseer, q="zzz")
    assert looked.order_by("pk").last().data["people"] == []  # type: ignore[union-attr]
    assert "Daily" in page(overseer, f"people/{alice.pk}/")
    last = looked.order_by("pk").last()
    assert last is not None
    assert (last.subject_type, last.subject_id, last.data) == ("users.user", str(alice.pk), {"page": "holder"})


def test_those_whose_flags_are_shown_are_on_record(alice: User, overseer: User) -> None:
    looked = AuditEvent.objects.filter(action="bank.looked", actor=overseer).order_by("-pk")
    page(overseer, "flags/")
    before = looked[0]
    assert (before.subject_type, before.subject_id) == ("users.user", str(overseer.pk))
    assert before.data == {"page": "flags", "people": [], "organisations": []}
    open_account(holder=alice, name="A", balance=Decimal(-5), opened_on=date(2024, 1, 2), actor=alice)
    compute_report(NOW)
    assert "Negative cash" in page(overseer, q="zzz")
    assert looked[0].data == {"page": "overview", "people": [alice.pk], "organisations": []}
    BankReport.objects.all().delete()
    assert "Negative cash" in page(overseer, "flags/")
    assert (looked[0].subject_id, looked[0].data["people"]) == (str(overseer.pk), [alice.pk])


def test_a_holder_has_the_newest_figures_of_each_portfolio(alice: User, overseer: User) -> None:
    common = {"portfolio_version": 1, "accounts_version": 0, "price_version": 0, "currency": "USD"}
    for name, values in (("Growth", {3: 111000, 5: 222000, 4: 333000}), ("Income", {1: 444000})):
        portfolio = make_portfolio(alice, name)
        for day, value in values.items():
            Snapshot.objects.create(portfolio=portfolio, as_of=date(2024, 6, day), total_value=value, **common)
    [growth, income] = _with_figures(Portfolio.objects.order_by("name"))
    assert growth[1] is not None
    assert income[1] is not None
    assert (growth[1].total_value, income[1].total_value) == (Decimal(222000), Decimal(444000))
    assert growth[1].get_deferred_fields() == {"periods", "period_problems"}
    make_portfolio(alice, "New")
    text = page(overseer, f"people/{alice.pk}/")
    assert "222,000.00" in text
    assert "333,000.00" not in text
    assert text.count("No figures yet") == 1


def test_pages_before_the_first_report(overseer: User) -> None:
    assert "There is no report yet" in page(overseer)
    assert "There is no such flag" in page(overseer, "flags/")
    client = Client()
    client.force_login(overseer)
    assert client.get("/bank-admin/people/987654321/").status_code == 404
    assert client.get("/bank-admin/organisations/987654321/").status_code == 404


def test_a_flag_is_decided_on_its_page(alice: User, overseer: User) -> None:
    open_account(holder=alice, name="A", balance=Decimal(-5), opened_on=date(2024, 1, 2), actor=alice)
    compute_report(NOW)
    text = page(overseer, "flags/")
    assert "Negative cash" in text
    assert "−5.00 USD" in text
    client = Client()
    client.force_login(overseer)
    flag = RiskFlag.objects.get()
    client.post("/bank-admin/flags/", {"flag": flag.pk, "state": "acknowledged", "note": "called"})
    assert "called" in page(overseer, "flags/", state="acknowledged")
    assert client.post("/bank-admin/flags/", {"flag": flag.pk, "state": "nonsense"}).status_code == 302
    flag.refresh_from_db()
    assert flag.state == "acknowledged"


def test_the_number_of_queries_is_fixed(daily: Account, overseer: User) -> None:
    compute_report(NOW)
    client = Client()
    client.force_login(overseer)
    before, _ = count_queries(lambda: client.get("/bank-admin/"))
    for number in range(4):
        open_account(
            holder=make_user(f"u{number}"), name="A", balance=Decimal(-5), opened_on=date(2024, 1, 2), actor=None
        )
    compute_report(NOW.replace(hour=21))
    after, texts = count_queries(lambda: client.get("/bank-admin/"))
    assert after <= before, texts
