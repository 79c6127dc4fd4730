"""Forty at once, workers that meet, and a worker that dies: nothing twice, nothing half, no deadlock told."""

from __future__ import annotations

import signal
import subprocess
import sys
from collections import Counter
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, date, datetime
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from django.db import connection, connections

from banking.models import Account, CashTransaction, RunState, Schedule, ScheduleRun, Section, Transfer
from banking.services.matching import match_transfer
from banking.services.schedules import ScheduleTerms, create_schedule
from banking.services.standing_orders import run_due
from banking.services.transactions import book_cash, void_cash
from banking.services.verification import cash_findings
from core.errors import DomainError
from core.testing import client_of, make_user
from users.models import User

ROOT = Path(__file__).resolve().parent.parent.parent
WORKERS = 40
DAY = date(2024, 1, 10)
SET_UP, DUE = datetime(2024, 1, 1, tzinfo=UTC), datetime(2024, 3, 31, 12, tzinfo=UTC)

pytestmark = pytest.mark.django_db(transaction=True)


def at_once(work: Callable[[int], Any], times: int = WORKERS) -> list[Any]:
    """What ``work`` gives for 0, 1, …, each in a thread with a connection of its own."""

    def one(number: int) -> Any:
        try:
            return work(number)
        finally:
            connection.close()

    with ThreadPoolExecutor(times) as pool:
        found = list(pool.map(one, range(times)))
    connections.close_all()
    return found


def account(owner: User, name: str, **values: Any) -> Account:
    return Account.objects.create(owner=owner, name=name, currency="USD", **values)


def test_opposite_transfers_over_the_api_all_arrive() -> None:
    alice = make_user("alice")
    one, two = account(alice, "One"), account(alice, "Two")

    def move(number: int) -> int:
        source, target = (one, two) if number % 2 else (two, one)
        body = {"source": source.pk, "target": target.pk, "amount": "3" if number % 2 else "1", "booked_on": f"{DAY}"}
        client = client_of(alice)
        client.raise_request_exception = False
        return int(client.post("/api/banking/transfers/", body).status_code)

    assert Counter(at_once(move)) == {201: WORKERS}
    assert CashTransaction.objects.balances() == {one.pk: -40, two.pk: 40}
    assert list(cash_findings()) == []


def test_two_people_who_pay_each_other_at_once_need_not_wait_for_ever() -> None:
    """Each first payment makes a counterparty in both books; other accounts, so that no account's lock helps."""
    people = [make_user("alice"), make_user("bob")]
    pays = [account(person, "Pays") for person in people]
    receives = [account(person, "Receives", iban=f"to-{person.username}", receives=True) for person in people]

    def send(number: int) -> int:
        payer = number % 2
        body = {"source": pays[payer].pk, "target_iban": receives[1 - payer].iban, "amount": "1", "booked_on": f"{DAY}"}
        client = client_of(people[payer])
        client.raise_request_exception = False
        return int(client.post("/api/banking/transfers/", body).status_code)

    assert Counter(at_once(send)) == {201: WORKERS}
    assert sorted(CashTransaction.objects.balances().values()) == [-20, -20, 20, 20]
    assert list(cash_findings()) == []


def test_a_row_is_matched_once_and_never_voided_alone() -> None:
    alice = make_user("alice")
    one, two, three = (account(alice, name) for name in ("One", "Two", "Three"))

    def row(place: Account, amount: int) -> CashTransaction:
        return book_cash(account=place, amount=Decimal(amount), booked_on=DAY, section=Section.INCOME, actor=None)

    sent, received = row(one, -5), [row(two, 5), row(three, 5)]

    def work(number: int) -> str:
        try:
            if number % 4 == 3:
                void_cash(row=CashTransaction.objects.get(pk=sent.pk), actor=None)
            else:
                match_transfer(sent=sent, received=received[number % 2], actor=None)
        except DomainError as error:
            return error.code
        return "done"

    outcomes = Counter(at_once(work, 16))
    assert 1 <= outcomes["done"] <= 2
    assert Transfer.objects.count() <= 1
    assert list(cash_findings()) == []
    standing = CashTransaction.objects.standing().filter(pk=sent.pk).exists()
    assert Transfer.objects.exists() or not standing


def plans(owner: User, count: int = 5) -> Account:
    source = account(owner, "Pays")
    for number in range(count):
        terms = ScheduleTerms(Decimal(number + 1), date(2024, 1, 31), name=f"Payee {number % 2}")
        create_schedule(source=source, terms=terms, actor=owner, now=SET_UP)
    return source


def test_workers_that_meet_pay_each_day_once() -> None:
    source = plans(make_user("alice"))
    paid = at_once(lambda _: run_due(DUE), 8)
    paid += [run_due(DUE), run_due(DUE)]  # what a worker passed by, because another one had it
    assert sum(paid) == 15
    assert paid[-1] == 0
    assert CashTransaction.objects.balances() == {source.pk: -3 * (1 + 2 + 3 + 4 + 5)}
    assert ScheduleRun.objects.filter(state=RunState.DONE).count() == 15


KILLED_WHILE_PAYING = """
import os, signal, sys
import django
django.setup()
from datetime import UTC, datetime
from django.db import transaction
from django.db.models.signals import post_save
from banking.models import CashTransaction, ScheduleRun
from banking.services.standing_orders import run_due

def die():
    os.kill(os.getpid(), signal.SIGKILL)

def saved(sender, **_):
    die() if sys.argv[1] == "before" else transaction.on_commit(die)

post_save.connect(saved, sender=CashTransaction if sys.argv[1] == "before" else ScheduleRun)
run_due(datetime(2024, 3, 31, 12, tzinfo=UTC))
"""


@pytest.mark.processes
@pytest.mark.parametrize(("moment", "stored"), [("before", 0), ("after", 1)])
def test_a_worker_that_dies_leaves_nothing_half_and_nothing_is_paid_twice(
    moment: str, stored: int, process_environment: dict[str, str]
) -> None:
    source = plans(make_user("alice"), 1)
    environment = process_environment | {"DJANGO_SETTINGS_MODULE": "portfolio_site.settings"}
    command = [sys.executable, "-c", KILLED_WHILE_PAYING, moment]
    done = subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, text=True, timeout=120, check=False)
    assert done.returncode == -signal.SIGKILL, done.stderr
    assert (CashTransaction.objects.count(), ScheduleRun.objects.count()) == (stored, stored)
    assert Schedule.objects.get().position == stored
    assert run_due(DUE) == 3 - stored
    assert CashTransaction.objects.balances() == {source.pk: -3}
