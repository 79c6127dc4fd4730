"""Term deposits: opened by a transfer, accrued by the day, paid back once."""

from __future__ import annotations

import re
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from typing import Any

import pytest
from django.db import IntegrityError, transaction
from django.test import Client
from django.urls import reverse
from django.utils import timezone, translation
from hypothesis import given
from hypothesis import strategies as st

from activity.models import AuditEvent
from assets.bonds import DayCount
from banking.models import Account, AccountKind, CashTransaction, DepositState, TermDeposit, Transfer
from banking.services import deposits
from banking.services.deposits import BadDeposit, DepositCancelled, DepositPaid, DepositTerms, cancel_deposit
from banking.services.transfers import restore_transfer, void_transfer
from banking.services.verification import cash_findings
from banking.tasks import settle_deposits
from core.errors import DomainError
from core.testing import client_of, count_queries
from users.models import User

URL = "/api/banking/deposits/"
START, END = date(2024, 1, 10), date(2024, 7, 10)
OPENED = datetime(2024, 1, 10, 12, tzinfo=UTC)
DUE = datetime(2024, 7, 10, 0, 5, tzinfo=UTC)


@pytest.fixture
def savings(alice: User) -> Account:
    return Account.objects.create(owner=alice, name="Savings", currency="USD")


def lend(source: Account, principal: str = "10000", rate: str = "0.03", now: datetime = OPENED, **values: Any) -> Any:
    days = {"started_on": START, "matures_on": END} | values
    terms = DepositTerms(Decimal(principal), Decimal(rate), **days)
    return deposits.open_deposit(source=source, name="Half a year", terms=terms, actor=source.owner, now=now)


def balances(day: date) -> dict[str, Decimal]:
    names = dict(Account.objects.values_list("pk", "name"))
    return {names[pk]: amount for pk, amount in CashTransaction.objects.balances(day).items() if amount}


def test_it_is_opened_by_a_transfer_to_an_account_of_its_own(savings: Account, alice: User) -> None:
    deposit = lend(savings)
    assert (deposit.account.kind, deposit.account.currency) == (AccountKind.DEPOSIT, "USD")
    assert (deposit.account.owner, deposit.state) == (alice, DepositState.RUNNING)
    assert balances(START) == {"Savings": -10000, "Half a year": 10000}
    assert AuditEvent.objects.get(action="deposit.opened").actor == alice


@pytest.mark.parametrize(
    ("day_count", "interest"),
    [  # 10,000 × 3 % × 182 days (180 of months with 30)
        (DayCount.ACTUAL_365, "149.59"),
        (DayCount.ACTUAL_360, "151.67"),
        (DayCount.THIRTY_360, "150.00"),
        (DayCount.THIRTY_E_360, "150.00"),
    ],
)
def test_interest_and_principal_come_back_on_the_day(savings: Account, day_count: DayCount, interest: str) -> None:
    deposit = lend(savings, day_count=day_count)
    assert deposits.settle_due(DUE - timedelta(days=1)) == 0
    assert deposits.settle_due(DUE) == 1
    deposit = deposits.fresh(deposit)
    assert deposit.state == DepositState.PAID
    row = CashTransaction.objects.get(section="income")
    assert deposit.interest == row
    assert (row.amount, row.booked_on) == (Decimal(interest), END)
    assert balances(END) == {"Savings": Decimal(interest)}
    assert balances(END - timedelta(days=1)) == {"Savings": -10000, "Half a year": 10000}
    assert list(cash_findings()) == []


def test_it_is_paid_once(savings: Account) -> None:
    lend(savings)
    assert [deposits.settle_due(DUE + timedelta(days=days)) for days in range(3)] == [1, 0, 0]
    assert (Transfer.objects.count(), CashTransaction.objects.count()) == (2, 5)


def test_a_worker_that_read_it_before_another_paid_it_does_nothing(savings: Account) -> None:
    stale = lend(savings)
    deposits.settle_due(DUE)
    assert deposits._settle(stale) is False
    assert CashTransaction.objects.count() == 5


def test_a_missed_day_is_caught_up_with_its_own_date(savings: Account) -> None:
    lend(savings)
    assert deposits.settle_due(DUE + timedelta(days=400)) == 1
    assert balances(END) == {"Savings": Decimal("149.59")}


def test_one_that_has_ended_already_is_paid_at_once(savings: Account) -> None:
    assert lend(savings, now=DUE).state == DepositState.PAID
    assert balances(END) == {"Savings": Decimal("149.59")}


def test_without_interest_only_the_principal_comes_back(savings: Account) -> None:
    deposit = lend(savings, rate="0", now=DUE)
    assert (deposit.state, deposit.interest) == (DepositState.PAID, None)
    assert balances(END) == {}


def test_the_tick_pays(savings: Account) -> None:
    lend(savings)
    settle_deposits()
    assert TermDeposit.objects.get().payout is not None


def test_accrued_interest_by_the_day(savings: Account) -> None:
    deposit = lend(savings)
    told = {day: deposit.accrued_on(START + timedelta(days=day)) for day in (-1, 0, 1, 73, 181, 182, 500)}
    expected = ["0", "0", "0.82", "60", "148.77", "149.59", "149.59"]
    assert list(told.values()) == [Decimal(amount) for amount in expected]
    assert deposit.interest_until(START + timedelta(days=73)) == 60  # a fifth of 300
    deposits.settle_due(DUE)
    deposit = deposits.fresh(deposit)
    assert (deposit.accrued_on(END), deposit.principal_on(END)) == (0, 0)
    assert deposit.accrued_on(END - timedelta(days=1)) == Decimal("148.77")


@given(
    st.decimals("0.01", "9999999", places=2),
    st.decimals(0, 1, places=4),
    st.integers(1, 18_000),
    st.sampled_from([DayCount.ACTUAL_365, DayCount.ACTUAL_360, DayCount.THIRTY_360, DayCount.THIRTY_E_360]),
)
def test_accrued_interest_never_falls_and_ends_at_what_is_paid(
    principal: Decimal, rate: Decimal, length: int, day_count: DayCount
) -> None:
    end = START + timedelta(days=length)
    account = Account(currency="USD")
    deposit = TermDeposit(
        account=account, principal=principal, rate=rate, started_on=START, matures_on=end, day_count=day_count
    )
    days = [START + timedelta(days=length * part // 10) for part in range(11)]
    run = [deposit.interest_until(day) for day in days]
    assert run == sorted(run)
    assert run[0] == 0
    assert abs(deposit.full_interest - run[-1]) <= Decimal("0.005")


def test_a_mistake_is_taken_back(savings: Account, alice: User) -> None:
    deposit = cancel_deposit(deposit=lend(savings), actor=alice)
    assert (deposit.state, deposit.accrued_on(END)) == (DepositState.CANCELLED, 0)
    assert balances(END) == {}
    assert deposits.settle_due(DUE) == 0
    with pytest.raises(DepositCancelled):
        cancel_deposit(deposit=deposit, actor=alice)


def test_what_was_paid_cannot_be_taken_back(savings: Account, alice: User) -> None:
    with pytest.raises(DepositPaid):
        cancel_deposit(deposit=lend(savings, now=DUE), actor=alice)


def test_a_voided_transfer_is_a_cancelled_deposit_until_it_is_restored(savings: Account, alice: User) -> None:
    deposit = lend(savings)
    void_transfer(transfer=deposit.opening, actor=alice)
    assert deposits.settle_due(DUE) == 0
    restore_transfer(transfer=deposit.opening, actor=alice)
    assert deposits.settle_due(DUE) == 1


def test_one_that_cannot_be_booked_does_not_keep_the_others(savings: Account) -> None:
    broken = lend(savings)
    lend(savings)
    Account.objects.filter(pk=broken.account_id).update(currency="XXX")  # no booking in it can be made
    assert deposits.settle_due(DUE) == 1
    assert deposits.fresh(broken).payout is None


@pytest.mark.parametrize(
    ("change", "field"),
    [
        ({"principal": "0"}, "principal"),
        ({"principal": "-1"}, "principal"),
        ({"principal": "NaN"}, "principal"),
        ({"principal": "100000000000"}, "principal"),
        ({"principal": "0.001"}, "amount"),
        ({"rate": "1.01"}, "rate"),
        ({"rate": "NaN"}, "rate"),
        ({"rate": "0.00000000001"}, "rate"),
        ({"matures_on": START}, "matures_on"),
        ({"matures_on": date(2075, 1, 1)}, "matures_on"),
        ({"started_on": date(2024, 1, 12)}, "started_on"),
        ({"day_count": DayCount.ACTUAL_ACTUAL}, "day_count"),
    ],
)
def test_what_is_no_deposit(savings: Account, change: dict[str, Any], field: str) -> None:
    with pytest.raises(DomainError) as refused, transaction.atomic():
        lend(savings, **change)
    assert refused.value.field == field
    assert not TermDeposit.objects.exists()
    assert list(Account.objects.all()) == [savings]


@pytest.mark.parametrize("change", [{"principal": 0}, {"rate": 2}, {"matures_on": START}, {"day_count": "act/act"}])
def test_the_database_keeps_no_such_deposit(savings: Account, change: dict[str, Any]) -> None:
    lend(savings)
    with pytest.raises(IntegrityError), transaction.atomic():
        TermDeposit.objects.update(**change)


# --- over HTTP --------------------------------------------------------------------------------------------------


def body(savings: Account, **values: Any) -> dict[str, Any]:
    today = timezone.now().date()
    days = {"started_on": f"{today - timedelta(days=73)}", "matures_on": f"{today + timedelta(days=292)}"}
    return {"name": "A year", "returns_to": savings.pk, "principal": "10000", "rate": "0.03"} | days | values


def test_a_deposit_is_opened_read_and_taken_back(savings: Account, alice: User) -> None:
    client = client_of(alice)
    answer = client.post(URL, body(savings))
    assert answer.status_code == 201, answer.content
    told = answer.json()
    assert (told["state"], told["accrued"], told["value"]) == ("running", "60", "10060")
    assert (told["interest_at_maturity"], told["currency"], told["day_count"]) == ("300", "USD", "act/365")
    one = f"{URL}{told['id']}/"
    assert client.get(one).json() == told
    assert client.get(URL).json()["results"] == [told]
    later = client.get(one, {"as_of": told["matures_on"]}).json()
    assert (later["accrued"], later["value"], later["as_of"]) == ("300", "10300", told["matures_on"])
    assert client.delete(one).status_code == 204
    assert client.get(one).json()["state"] == "cancelled"
    assert client.delete(one).status_code == 400


def test_the_account_must_be_ones_own(savings: Account, bob: User, alice: User) -> None:
    for user, pk in ((bob, savings.pk), (alice, 10**17)):
        answer = client_of(user).post(URL, body(savings, returns_to=pk))
        assert answer.status_code == 400
        assert answer.json()["errors"] == {"returns_to": ["You have no such account."]}
    assert not TermDeposit.objects.exists()


def test_the_problem_names_the_field(savings: Account, alice: User) -> None:
    answer = client_of(alice).post(URL, body(savings, rate="3"))
    assert (answer.status_code, list(answer.json()["errors"])) == (400, ["rate"])
    assert answer.json()["code"] == BadDeposit().code
    assert not Transfer.objects.exists()


@pytest.mark.parametrize(("language", "most"), [("en", "100,000,000,000"), ("de", "100.000.000.000")])
def test_the_most_is_told_with_the_separators_of_the_language(savings: Account, language: str, most: str) -> None:
    with translation.override(language), pytest.raises(BadDeposit, match=re.escape(most)):
        lend(savings, "1e11")


def test_the_list_takes_two_queries(savings: Account, alice: User) -> None:
    for _ in range(3):
        lend(savings)
    client = client_of(alice)
    count, texts = count_queries(lambda: client.get(URL))
    assert count == 2, texts


def test_the_admin_shows_them(client: Client, savings: Account, carol: User) -> None:
    deposit = lend(savings)
    client.force_login(carol)
    assert "Running</td>" in client.get(reverse("admin:banking_termdeposit_changelist")).content.decode()
    assert client.get(reverse("admin:banking_termdeposit_change", args=[deposit.pk])).status_code == 200
