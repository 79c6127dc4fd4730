"""Opening, changing and closing accounts, and finding what cash is classified by."""

from __future__ import annotations

from datetime import date
from decimal import Decimal
from typing import Any

import pytest

from banking.models import Account, CashTransaction, Category, Section
from banking.services.accounts import (
    OPENING,
    AliasTooLong,
    BadIban,
    BalanceLeft,
    BookedLater,
    IbanTaken,
    NotEmployed,
    change_account,
    clean_iban,
    close_account,
    open_account,
    reopen_account,
)
from banking.services.classification import category_named, counterparty_named, tags_named
from banking.services.transactions import AccountClosed, CategoryOfAnother, SectionOfAnother, book_cash, void_cash
from banking.services.transfers import book_transfer
from core.testing import make_user
from users.models import Membership, Organisation, Role, User

pytestmark = pytest.mark.django_db


@pytest.fixture
def alice() -> User:
    return make_user("alice")


@pytest.mark.parametrize(
    ("text", "kept"),
    [
        ("CH93 0076 2011 6238 5295 7", "CH9300762011623852957"),
        ("de89-3704-0044-0532-0130-00", "DE89370400440532013000"),
        ("my savings", "my savings"),
        ("", ""),
    ],
)
def test_an_iban_is_kept_compact_and_an_alias_as_it_is(text: str, kept: str) -> None:
    assert clean_iban(text) == kept


def test_wrong_check_digits_are_refused(alice: User) -> None:
    with pytest.raises(BadIban):
        clean_iban("CH93 0076 2011 6238 5295 8")
    with pytest.raises(AliasTooLong):
        clean_iban("a" * 35)
    with pytest.raises(BadIban):
        open_account(holder=alice, name="Wrong", iban="DE88370400440532013000", actor=alice)
    assert not Account.objects.exists()


def test_an_opening_balance_is_no_income(alice: User) -> None:
    account = open_account(
        holder=alice, name="Pocket", currency="CHF", balance=Decimal("12.50"), opened_on=date(2024, 1, 2), actor=alice
    )
    row = CashTransaction.objects.get()
    assert (row.amount, row.section, row.booked_on) == (Decimal("12.50"), Section.TRANSFER, date(2024, 1, 2))
    assert CashTransaction.objects.balances(date(2024, 1, 1)) == {}
    assert CashTransaction.objects.balances(date(2024, 1, 2)) == {account.pk: Decimal("12.50")}


def test_an_alias_is_taken_once_by_one_holder(alice: User) -> None:
    open_account(holder=alice, name="One", iban="pot", actor=alice)
    other = open_account(holder=alice, name="Two", actor=alice)
    with pytest.raises(IbanTaken):
        change_account(account=other, iban="pot", actor=alice)
    open_account(holder=make_user("bob"), name="His", iban="pot", actor=None)


def test_nothing_of_a_closed_account_is_voided(alice: User) -> None:
    opened = date(2024, 1, 2)
    account = open_account(holder=alice, name="Old", balance=Decimal(5), opened_on=opened, actor=alice)
    daily = open_account(holder=alice, name="Daily", opened_on=opened, actor=alice)
    moved = book_transfer(source=account, target=daily, amount=Decimal(5), booked_on=opened, actor=alice)
    close_account(account=account, closed_on=date(2024, 2, 1), actor=alice)
    for row in (CashTransaction.objects.get(description=OPENING), moved.received):
        with pytest.raises(AccountClosed, match="Old is closed since 2024-02-01: reopen it first"):
            void_cash(row=row, actor=alice)
    assert CashTransaction.objects.standing().count() == 3
    reopen_account(account=account, actor=alice)
    void_cash(row=moved.received, actor=alice)
    assert CashTransaction.objects.standing().count() == 1


def test_an_account_is_closed_when_it_is_empty(alice: User) -> None:
    account = open_account(holder=alice, name="Old", balance=Decimal(5), opened_on=date(2024, 1, 2), actor=alice)
    with pytest.raises(BookedLater):
        close_account(account=account, closed_on=date(2024, 1, 2), actor=alice)
    with pytest.raises(BalanceLeft):
        close_account(account=account, closed_on=date(2024, 2, 1), actor=alice)
    spent: dict[str, Any] = {"account": account, "section": Section.EXPENSE, "actor": alice}
    book_cash(amount=Decimal(-5), booked_on=date(2024, 1, 9), **spent)
    closed = close_account(account=account, closed_on=date(2024, 2, 1), actor=alice)
    with pytest.raises(AccountClosed):
        book_cash(amount=Decimal(1), booked_on=date(2024, 2, 1), **spent)
    with pytest.raises(AccountClosed):
        close_account(account=closed, closed_on=date(2024, 3, 1), actor=alice)
    book_cash(amount=Decimal(1), booked_on=date(2024, 1, 31), **spent)  # a late booking of an earlier day
    assert reopen_account(account=closed, actor=alice).closed_on is None


def test_only_an_employee_spends_for_an_organisation(alice: User) -> None:
    firm = Organisation.objects.create(name="Acme")
    account: dict[str, Any] = {"holder": alice, "name": "Travel", "kind": "expense", "employer": firm, "actor": alice}
    with pytest.raises(NotEmployed):
        open_account(**account)
    Membership.objects.create(organisation=firm, user=alice, role=Role.EMPLOYEE)
    with pytest.raises(NotEmployed):
        open_account(**account | {"kind": "checking"})
    assert open_account(**account).employer == firm


def test_names_find_what_is_there_before_they_make_something(alice: User) -> None:
    account = open_account(holder=alice, name="Daily", actor=alice)
    shared = Category.objects.create(section=Section.EXPENSE, name="Food")
    assert category_named("food", Section.EXPENSE, books=account) == shared
    own = category_named("Bees", Section.EXPENSE, books=account)
    assert (own.owner, category_named("BEES", Section.EXPENSE, books=account)) == (alice, own)
    shop = counterparty_named("Migros", iban="CH93 0076 2011 6238 5295 7", books=account)
    assert counterparty_named("MIGROS", books=account) == shop
    assert counterparty_named("Migros AG", iban="CH9300762011623852957", books=account) == shop
    tags = tags_named(["trip", "Home ", "TRIP"], books=account)
    assert [tag.name for tag in tags] == ["Home", "TRIP"]
    assert tags_named(["home", "Trip"], books=account) == tags


def test_a_row_is_classified_by_its_own_owners_words(alice: User) -> None:
    account = open_account(holder=alice, name="Daily", actor=alice)
    his = open_account(holder=make_user("bob"), name="His", actor=None)
    row: dict[str, Any] = {"account": account, "amount": Decimal(-3), "booked_on": date(2024, 1, 2), "actor": alice}
    with pytest.raises(CategoryOfAnother):
        book_cash(**row, section=Section.EXPENSE, category=category_named("Bees", Section.EXPENSE, books=his))
    with pytest.raises(SectionOfAnother):
        book_cash(**row, section=Section.INCOME, category=category_named("Bees", Section.EXPENSE, books=account))
    bees = category_named("Bees", Section.EXPENSE, books=account)
    booked = book_cash(**row, section=Section.EXPENSE, category=bees, tags=tags_named(["hive"], books=account))
    assert (booked.category, booked.classified_by, booked.tags.get().name) == (bees, "person", "hive")
