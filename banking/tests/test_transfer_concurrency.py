"""Transfers that cross each other: none is half, and none waits for ever."""

from __future__ import annotations

from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from datetime import date
from decimal import Decimal

import pytest
from django.db import connection, connections

from banking.models import Account, CashTransaction, Transfer
from banking.services.transactions import AlreadyVoided
from banking.services.transfers import book_transfer, void_transfer
from banking.services.verification import cash_findings
from core.testing import make_user

DAY = date(2024, 1, 10)
WRITERS = 8


@pytest.fixture
def accounts(transactional_db: None) -> list[Account]:
    alice = make_user("alice")
    return [Account.objects.create(owner=alice, name=name, currency="USD") for name in ("One", "Two")]


def test_opposite_transfers_are_all_booked(accounts: list[Account]) -> None:
    def move(number: int) -> None:
        source, target = accounts if number % 2 else reversed(accounts)
        amount = Decimal(3 if number % 2 else 1)
        try:
            book_transfer(source=source, target=target, amount=amount, booked_on=DAY, actor=None)
        finally:
            connection.close()

    with ThreadPoolExecutor(WRITERS) as pool:
        list(pool.map(move, range(40)))
    connections.close_all()

    assert Transfer.objects.count() == 40
    assert CashTransaction.objects.balances() == {accounts[0].pk: -40, accounts[1].pk: 40}
    assert list(Account.objects.values_list("version", flat=True)) == [40, 40]
    assert list(cash_findings()) == []


def test_one_of_many_voids_a_transfer(accounts: list[Account]) -> None:
    source, target = accounts
    transfer = book_transfer(source=source, target=target, amount=Decimal(5), booked_on=DAY, actor=None)

    def void(number: int) -> str:
        try:
            void_transfer(transfer=Transfer.objects.select_related("sent").get(pk=transfer.pk), actor=None)
        except AlreadyVoided:
            return "refused"
        else:
            return "voided"
        finally:
            connection.close()

    with ThreadPoolExecutor(WRITERS) as pool:
        outcomes = Counter(pool.map(void, range(16)))
    connections.close_all()

    assert outcomes == {"voided": 1, "refused": 15}
    assert CashTransaction.objects.balances() == {}
    assert list(cash_findings()) == []
