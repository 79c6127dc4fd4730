"""Many writers on one portfolio: no unit is sold twice."""

from __future__ import annotations

from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from decimal import Decimal

import pytest
from django.db import connection, connections

from assets.tests.factories import make_asset
from banking.models import CashTransaction
from core.testing import make_user
from portfolios.book.types import ShortSale
from portfolios.models import Disposal, Investment, Lot, Portfolio, Trade
from portfolios.services.rebuild import rebuild
from portfolios.services.trades import DuplicateTrade
from portfolios.tests.factories import buy, derived_rows, make_portfolio, sell

WRITERS = 10


@pytest.fixture
def portfolio(transactional_db: None) -> Portfolio:
    return make_portfolio(make_user("alice"), cash="tracked")


def test_of_fifty_parallel_sales_thirty_are_booked_and_twenty_refused(portfolio: Portfolio) -> None:
    apple = make_asset("AAPL")
    buy(portfolio, apple, 30, 100, "2024-01-10")

    def attempt(number: int) -> str:
        try:
            sell(Portfolio.objects.get(pk=portfolio.pk), apple, 1, 110, "2024-02-01")
        except ShortSale:
            return "refused"
        else:
            return "booked"
        finally:
            connection.close()

    with ThreadPoolExecutor(WRITERS) as pool:
        outcomes = Counter(pool.map(attempt, range(50)))
    connections.close_all()

    assert outcomes == {"booked": 30, "refused": 20}
    assert Investment.objects.get().quantity == 0
    assert Lot.objects.get().quantity == 0
    assert Trade.objects.count() == CashTransaction.objects.count() == 31
    assert sum(Disposal.objects.values_list("quantity", flat=True)) == 30
    assert sum(CashTransaction.objects.values_list("amount", flat=True)) == Decimal(300)
    portfolio.refresh_from_db()
    assert portfolio.version == 31
    before = derived_rows(portfolio)
    rebuild(portfolio)
    assert derived_rows(portfolio) == before


def test_one_external_id_in_many_hands_is_booked_once(portfolio: Portfolio) -> None:
    apple = make_asset("AAPL")

    def attempt(number: int) -> str:
        try:
            buy(Portfolio.objects.get(pk=portfolio.pk), apple, 1, 100, "2024-01-10", external_id="X-1")
        except DuplicateTrade:
            return "refused"
        else:
            return "booked"
        finally:
            connection.close()

    with ThreadPoolExecutor(WRITERS) as pool:
        outcomes = Counter(pool.map(attempt, range(WRITERS)))

    assert outcomes == {"booked": 1, "refused": WRITERS - 1}
    assert Investment.objects.get().quantity == 1
