"""Taking a correction back: what was booked in its place is voided only where that may be."""

from __future__ import annotations

from collections.abc import Callable
from datetime import date
from decimal import Decimal

import pytest

from banking.models import Account, AccountShare, CashTransaction, Section, ShareRole
from banking.services.corrections import correct_cash
from banking.services.matching import match_transfer, unmatch_transfer
from banking.services.transactions import (
    ReplacementIsLeg,
    ReplacementNotYours,
    book_cash,
    restore_cash,
    restore_many,
    void_cash,
)
from banking.services.verification import cash_findings
from core.testing import client_of
from users.models import User

DAY = date(2024, 1, 10)


@pytest.fixture
def account(alice: User) -> Account:
    return Account.objects.create(owner=alice, name="Checking", currency="USD")


@pytest.fixture
def savings(alice: User) -> Account:
    return Account.objects.create(owner=alice, name="Savings", currency="USD")


def book(account: Account, amount: str = "-100") -> CashTransaction:
    section = Section.EXPENSE
    return book_cash(account=account, amount=Decimal(amount), booked_on=DAY, section=section, actor=account.owner)


def standing() -> list[CashTransaction]:
    return list(CashTransaction.objects.standing().order_by("pk"))


@pytest.fixture
def moved(account: Account, bob: User) -> tuple[CashTransaction, CashTransaction]:
    """bob's row, and its replacement in the account that alice shares with him."""
    AccountShare.objects.create(account=account, user=bob, role=ShareRole.EDITOR)
    row = book(Account.objects.create(owner=bob, name="Bob's", currency="USD"))
    return row, correct_cash(row=row, actor=bob, account=account)


Act = Callable[[CashTransaction, User], object]
RESTORES: list[Act] = [
    lambda row, actor: restore_cash(row=row, actor=actor),
    lambda row, actor: restore_many(rows=[row], actor=actor),
]


@pytest.mark.parametrize("restore", RESTORES)
def test_nobody_voids_a_row_of_a_stranger_by_restoring_the_own(
    restore: Act, moved: tuple[CashTransaction, CashTransaction], alice: User, bob: User
) -> None:
    row, new = moved
    restore(row, bob)  # who may book into both
    with pytest.raises(ReplacementNotYours):
        restore(new, alice)
    assert standing() == [row]


def test_nor_after_the_share_has_ended(moved: tuple[CashTransaction, CashTransaction], bob: User) -> None:
    row, new = moved
    AccountShare.objects.all().delete()
    refused = client_of(bob).post(f"/api/banking/transactions/{row.pk}/restore/")
    assert (refused.status_code, refused.json()["code"]) == (400, "replacement_not_yours")
    assert standing() == [new]


def test_a_replacement_that_became_a_leg_stays_until_its_transfer_is_taken_apart(
    account: Account, savings: Account, alice: User
) -> None:
    row = book(account)
    new, other = correct_cash(row=row, actor=alice, description="moved"), book(savings, "100")
    transfer = match_transfer(sent=new, received=other, actor=alice)
    with pytest.raises(ReplacementIsLeg):
        restore_cash(row=row, actor=alice)
    assert standing() == [new, other]
    unmatch_transfer(transfer=transfer, actor=alice)
    restore_cash(row=row, actor=alice)
    assert standing() == [row, other]
    assert list(cash_findings()) == []


def test_a_restored_transfer_stands_in_place_of_earlier_versions_of_either_leg(
    account: Account, savings: Account, alice: User
) -> None:
    row, old = book(account), book(savings, "100")
    other = correct_cash(row=old, actor=alice, description="moved")
    match_transfer(sent=row, received=other, actor=alice)
    void_cash(row=row, actor=alice)
    restore_cash(row=old, actor=alice)
    restore_cash(row=row, actor=alice)
    assert standing() == [row, other]
    assert list(cash_findings()) == []
