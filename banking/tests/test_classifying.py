"""Splitting, correcting and classifying cash rows, and taking that back."""

from __future__ import annotations

from datetime import date
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from activity.models import AuditEvent
from banking.models import Account, CashTransaction, Category, ClassifiedBy, Origin, Recategorisation, Section
from banking.services.classification import category_named, counterparty_named, tags_named
from banking.services.classifying import (
    AlreadyUndone,
    Classification,
    RowIsSplit,
    RowsMissing,
    TooManyRows,
    classify,
    undo_recategorisation,
)
from banking.services.corrections import LegOfTransfer, SplitOfAmount, correct_cash
from banking.services.derived import derive_cash
from banking.services.matching import match_transfer
from banking.services.splits import NotSplit, Part, PartsDoNotAddUp, PartsMissing, split_cash, unsplit_cash
from banking.services.transactions import (
    AlreadyVoided,
    AmountNotBookable,
    CategoryOfAnother,
    DerivedRow,
    SectionOfAnother,
    book_cash,
    restore_cash,
    restore_many,
    void_cash,
    void_many,
)
from banking.services.transfers import book_transfer
from core.errors import DomainError
from users.models import User

DAY = date(2024, 1, 10)
FEW = settings(max_examples=25, suppress_health_check=[HealthCheck.function_scoped_fixture])


@pytest.fixture
def account(alice: User) -> Account:
    return Account.objects.create(owner=alice, name="Checking", currency="USD")


def book(account: Account, amount: str = "-100", **terms: Any) -> CashTransaction:
    wanted: dict[str, Any] = {"booked_on": DAY, "section": Section.EXPENSE, "actor": account.owner} | terms
    return book_cash(account=account, amount=Decimal(amount), **wanted)


def kind(account: Account, name: str = "Food", section: str = "expense") -> Category:
    return category_named(name, section, books=account)


def state(row: CashTransaction) -> tuple[Any, ...]:
    row = CashTransaction.objects.get(pk=row.pk)
    tags = sorted(row.tags.values_list("name", flat=True))
    return row.category_id, row.counterparty_id, row.classified_by, tags


# --- splits ------------------------------------------------------------------------------------------------------


def test_a_row_is_split_and_one_again(account: Account, alice: User) -> None:
    row = book(account, "-100", category=kind(account, "Shopping"))
    split_cash(
        row=row,
        parts=[Part(kind(account), Decimal(-70), "lunch"), Part(kind(account, "Home"), Decimal(-30))],
        actor=alice,
    )
    row.refresh_from_db()
    assert (row.category, row.classified_by) == (None, ClassifiedBy.PERSON)
    assert [(part.category.name, part.amount, part.note) for part in row.splits.all()] == [
        ("Food", Decimal(-70), "lunch"),
        ("Home", Decimal(-30), ""),
    ]
    unsplit_cash(row=row, actor=alice)
    assert not row.splits.exists()
    with pytest.raises(NotSplit):
        unsplit_cash(row=row, actor=alice)
    assert AuditEvent.objects.filter(subject_id=str(row.pk), action__in=["cash.split", "cash.unsplit"]).count() == 2


@pytest.mark.parametrize(
    ("amounts", "error", "field"),
    [
        (["-100"], PartsMissing, "parts"),
        (["-50", "-49.99"], PartsDoNotAddUp, "parts"),
        (["-100", "0"], AmountNotBookable, "parts.1.amount"),
        (["-99.995", "-0.005"], AmountNotBookable, "parts.0.amount"),
        (["NaN", "-1"], AmountNotBookable, "parts.0.amount"),
        (["-1"] * 51, PartsMissing, "parts"),
    ],
)
def test_parts_that_are_no_split(
    account: Account, alice: User, amounts: list[str], error: type[DomainError], field: str
) -> None:
    row, food = book(account), kind(account)
    with pytest.raises(error) as caught:
        split_cash(row=row, parts=[Part(food, Decimal(amount)) for amount in amounts], actor=alice)
    assert caught.value.field == field
    assert not row.splits.exists()


def test_parts_are_of_the_rows_section_and_owner(account: Account, alice: User, bob: User) -> None:
    row = book(account)
    theirs = kind(Account.objects.create(owner=bob, name="B", currency="USD"), "Theirs")
    for category, error in ((kind(account, "Salary", "income"), SectionOfAnother), (theirs, CategoryOfAnother)):
        parts = [Part(kind(account), Decimal(-50)), Part(category, Decimal(-50))]
        with pytest.raises(error):
            split_cash(row=row, parts=parts, actor=alice)
    with pytest.raises(AlreadyVoided):
        split_cash(row=void_cash(row=row, actor=alice), parts=[], actor=alice)


@FEW
@given(st.lists(st.integers(-5000, 5000).filter(bool), min_size=2, max_size=6), st.integers(-100, 100))
def test_parts_are_stored_only_if_they_add_up(account: Account, alice: User, cents: list[int], off: int) -> None:
    whole = sum(cents) + off
    if not whole:
        return
    row, food = book(account, str(Decimal(whole) / 100)), kind(account)
    parts = [Part(food, Decimal(cent) / 100) for cent in cents]
    if off:
        with pytest.raises(PartsDoNotAddUp):
            split_cash(row=row, parts=parts, actor=alice)
        assert not row.splits.exists()
        return
    split_cash(row=row, parts=parts, actor=alice)
    assert sum(part.amount for part in row.splits.all()) == row.amount


# --- corrections -------------------------------------------------------------------------------------------------


def test_a_correction_voids_and_books_anew_and_is_taken_back(account: Account, alice: User) -> None:
    shop = counterparty_named("Shop", books=account)
    row = book(
        account,
        "-10",
        category=kind(account),
        counterparty=shop,
        external_id="x1",
        tags=tags_named(["trip"], books=account),
    )
    new = correct_cash(row=row, actor=alice, amount=Decimal(-12), description="was wrong")
    newer = correct_cash(row=new, actor=alice, booked_on=date(2024, 1, 11))
    assert [each.original_id for each in (new, newer)] == [row.pk, row.pk]
    assert state(newer) == state(row) == (kind(account).pk, shop.pk, "person", ["trip"])
    assert newer.external_id == "x1"
    assert CashTransaction.objects.balances() == {account.pk: Decimal(-12)}

    restore_cash(row=row, actor=alice)
    assert list(CashTransaction.objects.versions_of(newer).standing()) == [row]
    assert CashTransaction.objects.balances() == {account.pk: Decimal(-10)}


def test_without_a_change_nothing_is_booked(account: Account, alice: User) -> None:
    row = book(account)
    assert correct_cash(row=row, actor=alice, amount=Decimal("-100.00"), section="expense") == row
    assert CashTransaction.objects.count() == 1


def test_a_refused_correction_leaves_the_row(account: Account, alice: User) -> None:
    row = book(account, category=kind(account))
    for changes in (
        {"amount": Decimal(0)},
        {"amount": Decimal("0.001")},
        {"section": "income", "category": kind(account)},
    ):
        with pytest.raises(DomainError):
            correct_cash(row=row, actor=alice, **changes)
    row.refresh_from_db()
    assert row.voided_at is None
    income = correct_cash(row=row, actor=alice, section="income")
    assert income.category is None


def test_what_is_not_corrected(account: Account, alice: User) -> None:
    savings = Account.objects.create(owner=alice, name="Savings", currency="USD")
    transfer = book_transfer(source=account, target=savings, amount=Decimal(5), booked_on=DAY, actor=alice)
    with pytest.raises(LegOfTransfer):
        correct_cash(row=transfer.sent, actor=alice, amount=Decimal(-6))
    with pytest.raises(DerivedRow):
        correct_cash(row=derived(account), actor=alice, amount=Decimal(-6))
    row = book(account)
    split_cash(row=row, parts=[Part(kind(account), Decimal(-50))] * 2, actor=alice)
    with pytest.raises(SplitOfAmount):
        correct_cash(row=row, actor=alice, amount=Decimal(-6))
    new = correct_cash(row=row, actor=alice, description="split all the same")
    assert [part.amount for part in new.splits.all()] == [Decimal(-50)] * 2
    with pytest.raises(AlreadyVoided):
        correct_cash(row=row, actor=alice, description="again")


def test_a_row_moves_to_another_account(account: Account, alice: User) -> None:
    yen = Account.objects.create(owner=alice, name="Yen", currency="JPY")
    row = book(account, "-10.50")
    with pytest.raises(AmountNotBookable):
        correct_cash(row=row, actor=alice, account=yen)
    correct_cash(row=row, actor=alice, account=yen, amount=Decimal(-1050))
    assert CashTransaction.objects.balances() == {yen.pk: Decimal(-1050)}


# --- classifying -------------------------------------------------------------------------------------------------


def derived(account: Account) -> CashTransaction:
    derive_cash(
        [
            CashTransaction(
                account=account, booked_on=DAY, amount=-5, section="expense", origin=Origin.TRADE, origin_id=1
            )
        ]
    )
    return CashTransaction.objects.get(origin=Origin.TRADE)


def food(account: Account) -> Classification:
    return Classification(sets=frozenset({"category"}), category=kind(account))


def test_many_rows_at_once_and_back(account: Account, alice: User) -> None:
    shop = counterparty_named("Shop", books=account)
    old = kind(account, "Old")
    rows = [
        book(account, category=old, classified_by=ClassifiedBy.IMPORT),
        book(account, counterparty=shop),
        derived(account),
    ]
    before = [state(row) for row in rows]
    to = Classification(
        frozenset({"category", "counterparty"}), kind(account), None, tags_named(["trip"], books=account)
    )
    act = classify(row_ids=[row.pk for row in rows], to=to, actor=alice)
    assert act.count == 3
    assert [state(row) for row in rows] == [(kind(account).pk, None, "person", ["trip"])] * 3
    act = undo_recategorisation(act=act, actor=alice)
    assert (act.restored, [state(row) for row in rows]) == (3, before)
    with pytest.raises(AlreadyUndone):
        undo_recategorisation(act=act, actor=alice)


def test_undo_leaves_what_was_changed_since(account: Account, alice: User) -> None:
    rows = [book(account) for _ in range(5)]
    act = classify(row_ids=[row.pk for row in rows], to=food(account), actor=alice)
    other = Classification(frozenset({"category"}), kind(account, "Home"))
    classify(row_ids=[rows[0].pk], to=other, actor=alice)
    classify(row_ids=[rows[1].pk], to=other, actor=alice)
    classify(row_ids=[rows[1].pk], to=food(account), actor=alice)  # as it was, but chosen anew
    split_cash(row=rows[2], parts=[Part(kind(account), Decimal(-50))] * 2, actor=alice)
    undone = classify(row_ids=[rows[3].pk], to=other, actor=alice)
    undo_recategorisation(act=undone, actor=alice)
    assert undo_recategorisation(act=act, actor=alice).restored == 2
    assert [state(row)[0] for row in rows] == [kind(account, "Home").pk, kind(account).pk, None, None, None]
    assert rows[2].splits.count() == 2


def test_undo_gives_back_nothing_that_is_gone(account: Account, alice: User) -> None:
    old = kind(account, "Old")
    rows = [book(account, category=old), book(account)]
    act = classify(row_ids=[row.pk for row in rows], to=food(account), actor=alice)
    old.delete()
    assert undo_recategorisation(act=act, actor=alice).restored == 1
    assert [state(row)[0] for row in rows] == [kind(account).pk, None]


def test_undo_gives_a_transfer_no_category_of_expenses_and_leaves_voided_rows(account: Account, alice: User) -> None:
    savings = Account.objects.create(owner=alice, name="Savings", currency="USD")
    rows = [book(account, category=kind(account)) for _ in range(3)]
    act = classify(row_ids=[row.pk for row in rows], to=Classification(frozenset({"category"})), actor=alice)
    match_transfer(sent=rows[0], received=book(savings, "100"), actor=alice)
    void_cash(row=rows[1], actor=alice)
    assert undo_recategorisation(act=act, actor=alice).restored == 1
    assert [state(row)[0] for row in rows] == [None, None, kind(account).pk]


def test_all_or_none(account: Account, alice: User, bob: User) -> None:
    theirs = Account.objects.create(owner=bob, name="B", currency="USD")
    row, income = book(account), book(account, "5", section=Section.INCOME)
    gone, split = void_cash(row=book(account), actor=alice), book(account)
    split_cash(row=split, parts=[Part(kind(account), Decimal(-50))] * 2, actor=alice)
    for other, error in (
        (income.pk, SectionOfAnother),
        (gone.pk, RowsMissing),
        (10**12, RowsMissing),
        (book(theirs).pk, CategoryOfAnother),
        (split.pk, RowIsSplit),
    ):
        with pytest.raises(error):
            classify(row_ids=[row.pk, other], to=food(account), actor=alice)
    with pytest.raises(TooManyRows):
        classify(row_ids=range(10_001), to=food(account), actor=alice)
    assert state(row)[0] is None
    assert not Recategorisation.objects.exists()


ACTS = st.lists(
    st.tuples(st.integers(0, 2), st.lists(st.integers(0, 3), min_size=1, unique=True)), min_size=1, max_size=6
)


@FEW
@given(ACTS)
def test_undoing_everything_backwards_restores_and_balances_never_move(
    account: Account, alice: User, acts: list[tuple[int, list[int]]]
) -> None:
    rows = [book(account, f"-{number + 1}") for number in range(4)]
    before, balances = [state(row) for row in rows], CashTransaction.objects.balances()
    kinds = [
        food(account),
        Classification(frozenset({"counterparty"}), counterparty=counterparty_named("Shop", books=account)),
        Classification(tags=tags_named(["trip"], books=account)),
    ]
    done = [classify(row_ids=[rows[at].pk for at in places], to=kinds[what], actor=alice) for what, places in acts]
    assert CashTransaction.objects.balances() == balances
    for act in reversed(done):
        undo_recategorisation(act=act, actor=alice)
    assert [state(row) for row in rows] == before
    assert CashTransaction.objects.balances() == balances


# --- many voids --------------------------------------------------------------------------------------------------


def test_many_are_voided_all_or_none(account: Account, alice: User) -> None:
    savings = Account.objects.create(owner=alice, name="Savings", currency="USD")
    transfer = book_transfer(source=account, target=savings, amount=Decimal(5), booked_on=DAY, actor=alice)
    rows = [book(account), transfer.sent, transfer.received]
    with pytest.raises(DerivedRow):
        void_many(rows=[*rows, derived(account)], actor=alice)
    assert CashTransaction.objects.standing().count() == 4
    assert all(row.voided_at for row in void_many(rows=rows, actor=alice))
    with pytest.raises(AlreadyVoided):
        void_many(rows=rows, actor=alice)
    assert not any(row.voided_at for row in restore_many(rows=rows, actor=alice))
