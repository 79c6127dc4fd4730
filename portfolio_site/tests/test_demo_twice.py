"""Two processes that load the demo at once: what the first one loads is there for the second."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime
from time import sleep

import pytest
from django.db import connection, connections, transaction

from assets.models import CorporateAction
from assets.tests.factories import make_asset
from banking.models import Account, TermDeposit
from core.testing import make_user
from portfolio_site.demo_income import load_deposits, load_facts
from portfolio_site.simulation.town import iban

NOW = datetime(2024, 1, 5, tzinfo=UTC)
MOMENT = 0.5  # in which the second one begins while the first one is not done


def in_two(load: Callable[[], int]) -> tuple[int, int]:
    """What the first one loaded, and what a second one did that began meanwhile."""

    def second() -> int:
        try:
            return load()
        finally:
            connection.close()

    with ThreadPoolExecutor(1) as pool:
        with transaction.atomic():
            first = load()
            other = pool.submit(second)
            sleep(MOMENT)
        found = first, other.result(timeout=60)
    connections.close_all()
    return found


@pytest.mark.django_db(transaction=True)
def test_each_dividend_is_loaded_once() -> None:
    assets = {"WATER.SIM": make_asset("WATER.SIM")}
    paid = [["2022-03-10", "2022-03-25", "0.42"], ["2022-06-09", "2022-06-24", "0.42"]]
    rows = [{"symbol": "WATER.SIM", "dividends": {"withheld": "", "paid": paid}}]
    assert in_two(lambda: load_facts(rows, assets)) == (2, 0)
    assert CorporateAction.objects.count() == 2


@pytest.mark.django_db(transaction=True)
def test_each_deposit_is_opened_once() -> None:
    person = make_user("alice")
    Account.objects.create(owner=person, name="Savings", currency="USD", iban=iban(7, ("person", 0), "savings"))
    days = {"started_on": "2022-01-03", "matures_on": "2022-07-01"}
    rows = [{"name": "Half a year", "principal": "5000", "rate": "0.012", **days}]
    assert in_two(lambda: load_deposits(rows, person, 7, NOW)) == (1, 0)
    assert TermDeposit.objects.count() == 1
