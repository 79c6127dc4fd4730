"""Taking a correction back: what was booked in its place is voided only where that may be; and what locks it."""

from __future__ import annotations

import re
from collections.abc import Callable
from datetime import date
from decimal import Decimal
from itertools import pairwise, takewhile
from typing import Any

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext

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


# --- the order of locks ------------------------------------------------------------------------------------------

WRITE = re.compile(r'(?:INSERT INTO|UPDATE|DELETE FROM) "banking_')
LOCK = re.compile(r'UPDATE "banking_account" SET "version" .* WHERE "banking_account"."id" = ([0-9]+)')
NAMES = {"category": "New", "counterparty": "New shop", "tags": ["new"]}
FACTS = {"booked_on": "2024-01-11", "amount": "-100", "section": "expense"}
TYPED = {**FACTS, "amount": "100", "category": "New", "counterparty": "New shop", "tags": "new"}
PARTS = [{"category": "New", "amount": "-40"}, {"category": "Newer", "amount": "-60"}]


def locked_first(work: Callable[[], Any]) -> list[int]:
    """The accounts that ``work`` locks before it writes anything else, in this order; it locks no other later."""
    with CaptureQueriesContext(connection) as sent:
        work()
    writes = [query["sql"] for query in sent.captured_queries if WRITE.match(query["sql"])]
    first = [int(found[1]) for found in takewhile(bool, map(LOCK.match, writes)) if found]
    every = {int(found[1]) for found in map(LOCK.match, writes) if found}
    assert len(writes) > len(first)
    assert every == set(first)
    return list(dict.fromkeys(first))


def test_a_correction_locks_the_accounts_of_all_versions(account: Account, savings: Account, alice: User) -> None:
    third = Account.objects.create(owner=alice, name="Third", currency="USD")
    new = correct_cash(row=book(account), actor=alice, account=third)
    locked = locked_first(lambda: correct_cash(row=new, actor=alice, account=savings))
    assert locked == [account.pk, savings.pk, third.pk]
    assert all(one < other for one, other in pairwise(locked))


@pytest.mark.parametrize(
    ("method", "path", "body"),
    [
        ("post", "", FACTS | NAMES),
        ("patch", "{row}/", NAMES),
        ("patch", "{row}/", {"amount": "-99"} | NAMES),
        ("post", "{row}/split/", {"parts": PARTS}),
        ("post", "categorise/", NAMES),
    ],
)
def test_the_api_locks_the_account_before_names_are_made(
    account: Account, alice: User, method: str, path: str, body: dict[str, Any]
) -> None:
    row, client = book(account), client_of(alice)
    whole = body | ({"account": account.pk} if not path else {"ids": [row.pk]} if path == "categorise/" else {})
    url = "/api/banking/transactions/" + path.format(row=row.pk)

    def send() -> None:
        assert getattr(client, method)(url, whole).status_code in (200, 201)

    assert locked_first(send) == [account.pk]


@pytest.mark.parametrize(
    ("path", "typed"),
    [
        ("new/", TYPED),
        ("many/", {"category": "New", "act": "classify"}),
        ("{row}/edit/", TYPED),
        ("{row}/edit/", TYPED | {"booked_on": "2024-01-10"}),
        ("{row}/category/", {"category": "New"}),
        ("{row}/split/", {f"part-{place}-{name}": part[name] for place, part in enumerate(PARTS) for name in part}),
    ],
)
def test_the_pages_lock_the_account_before_names_are_made(
    client: Client, account: Account, alice: User, path: str, typed: dict[str, Any]
) -> None:
    row = book(account)
    client.force_login(alice)
    url = "/banking/transactions/" + path.format(row=row.pk)

    def send() -> None:
        assert client.post(url, {"account": account.pk, "ids": [row.pk]} | typed).status_code == 302

    assert locked_first(send) == [account.pk]
