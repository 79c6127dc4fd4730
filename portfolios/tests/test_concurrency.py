"""Many writers on one portfolio: no unit is sold twice."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from datetime import date
from decimal import Decimal
from functools import partial

import pytest
from django.db import connection, connections

from assets.tests.factories import make_asset
from banking.models import CashTransaction
from core.errors import DomainError
from core.testing import make_user, owner_of
from portfolios.book.types import ShortSale
from portfolios.models import Disposal, Investment, Lot, Portfolio, Trade, TradeKind
from portfolios.services.actions import apply_action
from portfolios.services.entry import enter_trade
from portfolios.services.rebuild import rebuild
from portfolios.services.trades import DuplicateTrade, void_trade
from portfolios.services.transfers import transfer_securities
from portfolios.tests.factories import at, buy, derived_rows, make_portfolio, new_trade, sell

WRITERS = 10
Task = Callable[[], object]


def at_once(tasks: Sequence[Task]) -> Counter[str]:
    """Run ``tasks`` in threads with connections of their own; counts what was booked and refused, by error."""

    def run(task: Task) -> str:
        try:
            task()
        except DomainError as error:
            return error.code
        else:
            return "booked"
        finally:
            connection.close()

    with ThreadPoolExecutor(WRITERS) as pool:
        outcomes = Counter(pool.map(run, tasks))
    connections.close_all()
    return outcomes


def assert_rebuilt(portfolio: Portfolio) -> None:
    before = derived_rows(portfolio)
    rebuild(portfolio)
    assert derived_rows(portfolio) == before


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


def test_opposite_trades_at_once_lose_nothing(portfolio: Portfolio) -> None:
    apple = make_asset("AAPL")
    buy(portfolio, apple, 40, 100, "2024-01-10")
    both = [partial(buy, quantity=1, price=100), partial(sell, quantity=1, price=110)]
    own = Portfolio(pk=portfolio.pk, owner=portfolio.owner)
    tasks = [partial(both[number % 2], own, apple, day="2024-02-01") for number in range(40)]

    assert at_once(tasks) == {"booked": 40}
    assert Investment.objects.get().quantity == 40
    assert sum(CashTransaction.objects.values_list("amount", flat=True)) == -4000 - 2000 + 2200
    assert_rebuilt(portfolio)


def test_a_void_against_a_sale_leaves_one_of_them(portfolio: Portfolio) -> None:
    apple = make_asset("AAPL")
    for _ in range(5):
        bought = buy(portfolio, apple, 10, 100, "2024-01-10")
        sale = partial(sell, Portfolio(pk=portfolio.pk, owner=portfolio.owner), apple, 10, 110, "2024-02-01")
        outcomes = at_once([partial(void_trade, trade=bought, actor=None), sale])

        assert outcomes in ({"booked": 1, "short_sale": 1}, {"booked": 1, "breaks_later_trade": 1})
        assert not Investment.objects.open().exists()
        assert_rebuilt(portfolio)


def test_a_split_against_first_trades_reaches_every_holder(portfolio: Portfolio) -> None:
    """Whoever books a first trade while the split is applied has it applied too."""
    apple = make_asset("AAPL")
    buy(portfolio, apple, 10, 100, "2024-01-10")
    others = [make_portfolio(owner_of(portfolio), f"P{number}") for number in range(6)]
    split = partial(apply_action, asset=apple, kind="split", ex_date=date(2024, 3, 1), ratio=Decimal(2), actor=None)
    tasks: list[Task] = [partial(buy, other, apple, 10, 100, "2024-01-10") for other in others]
    outcomes = at_once([*tasks[:3], split, *tasks[3:]])

    assert outcomes == {"booked": 7}
    assert set(Investment.objects.values_list("quantity", flat=True)) == {Decimal(20)}


def test_transfers_in_both_directions_do_not_lock_each_other_out(portfolio: Portfolio) -> None:
    apple, other = make_asset("AAPL"), make_portfolio(owner_of(portfolio), "Other")
    for each in (portfolio, other):
        buy(each, apple, 20, 100, "2024-01-10")
    pairs = [(portfolio, other), (other, portfolio)]
    move = partial(transfer_securities, asset=apple, quantity=Decimal(1), traded_at=at("2024-02-01"), actor=None)
    tasks = [partial(move, source=pairs[n % 2][0], target=pairs[n % 2][1]) for n in range(20)]

    assert at_once(tasks) == {"booked": 20}
    assert set(Investment.objects.values_list("quantity", flat=True)) == {Decimal(20)}
    for each in (portfolio, other):
        assert_rebuilt(each)


def test_a_form_that_is_sent_many_times_at_once_books_once(portfolio: Portfolio) -> None:
    terms = new_trade(TradeKind.BUY, make_asset("AAPL"), 1, 100, "2024-01-10")
    made: list[tuple[int, bool]] = []

    def attempt() -> None:
        own = Portfolio.objects.select_related("owner").get(pk=portfolio.pk)
        trade, first = enter_trade(portfolio=own, terms=terms, actor=own.owner, key="form 1 abc")
        made.append((trade.pk, first))

    assert at_once([attempt] * 12) == {"booked": 12}

    [trade] = Trade.objects.all()
    assert Counter(made) == {(trade.pk, True): 1, (trade.pk, False): 11}
    assert CashTransaction.objects.count() == 1
