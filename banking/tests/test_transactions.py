"""Cash booked by hand."""

from __future__ import annotations

from datetime import date
from decimal import Decimal

import pytest

from banking.models import Account, CashTransaction, Section
from banking.services.transactions import AlreadyVoided, DuplicateCash, book_cash, void_cash
from core.errors import DomainError
from users.models import User

DAY = date(2024, 1, 10)


@pytest.fixture
def account(alice: User) -> Account:
    return Account.objects.create(owner=alice, name="Checking", currency="USD")


def book(account: Account, amount: str, external_id: str = "", section: str = "income") -> CashTransaction:
    return book_cash(
        account=account,
        amount=Decimal(amount),
        booked_on=DAY,
        section=section,  # type: ignore[arg-type]
        actor=account.owner,
        external_id=external_id,
    )


def test_the_balance_is_the_sum_of_what_stands(account: Account) -> None:
    book(account, "100.10")
    wrong = book(account, "-0.10", section="expense")
    void_cash(row=wrong, actor=account.owner)
    book(account, "-30.05", section="expense")

    assert CashTransaction.objects.balances() == {account.pk: Decimal("70.05")}
    assert CashTransaction.objects.balances(date(2024, 1, 9)) == {}
    account.refresh_from_db()
    assert account.version == 4


@pytest.mark.parametrize("amount", ["0", "NaN", "Infinity", "0.001", "1000000000000000"])
def test_an_amount_that_is_no_money_is_refused(account: Account, amount: str) -> None:
    with pytest.raises(DomainError) as refusal:
        book(account, amount)

    assert refusal.value.field == "amount"
    assert not CashTransaction.objects.exists()


def test_an_unknown_section_is_refused(account: Account) -> None:
    with pytest.raises(DomainError, match="income, expense or transfer"):
        book(account, "1", section="gift")


def test_an_external_id_stands_once(account: Account) -> None:
    first = book(account, "1", "a")
    with pytest.raises(DuplicateCash):
        book(account, "1", "a")

    void_cash(row=first, actor=None)
    assert book(account, "1", "a").section == Section.INCOME


def test_a_row_is_voided_once(account: Account) -> None:
    row = book(account, "1")
    assert void_cash(row=row, actor=account.owner).voided_by == account.owner

    with pytest.raises(AlreadyVoided):
        void_cash(row=row, actor=account.owner)
