"""What holdings gained or lost on a day."""

from __future__ import annotations

from datetime import date
from decimal import Decimal

import pytest

from assets.models import Asset
from assets.tests.factories import make_asset, make_bars
from core.testing import count_queries
from portfolios.models import Portfolio
from portfolios.queries import holdings
from portfolios.queries.day_moves import DayMove, best_and_worst, day_change, day_moves
from portfolios.services.actions import apply_action
from portfolios.tests.factories import buy, make_portfolio, sell
from users.models import User

MONDAY = date(2024, 1, 8)
FRIDAY = date(2024, 1, 5)


def moves_of(portfolio: Portfolio, day: date = MONDAY, as_of: date | None = None) -> dict[str, DayMove]:
    held = holdings([portfolio], as_of, include_closed=True)[portfolio.pk]
    found = day_moves(held, {portfolio.pk: portfolio.base_currency}, day, as_of=as_of)
    return {move.holding.symbol: move for move in found}


def held(portfolio: Portfolio, symbol: str, closes: list[int], quantity: int = 10, **values: str) -> Asset:
    """Bars from Thursday, 4 January 2024 on."""
    asset = make_asset(symbol, **values)
    make_bars(asset, closes, start=date(2024, 1, 4))
    buy(portfolio, asset, quantity, closes[0], "2024-01-04", exchange_rate=Decimal(1) if "currency" in values else None)
    return asset


@pytest.fixture
def portfolio(alice: User) -> Portfolio:
    return make_portfolio(alice)


def test_a_move_is_from_the_close_before_to_the_last_one(portfolio: Portfolio) -> None:
    held(portfolio, "UP", [90, 100, 110])
    held(portfolio, "DOWN", [100, 200, 150], quantity=2)
    moves = moves_of(portfolio)
    assert (moves["UP"].before, moves["UP"].amount, moves["UP"].fraction) == (1000, 100, Decimal("0.1"))
    assert (moves["DOWN"].before, moves["DOWN"].amount, moves["DOWN"].fraction) == (400, -100, Decimal("-0.25"))
    change = day_change(list(moves.values()), MONDAY)
    assert change is not None
    assert (change.day, change.amount, change.fraction) == (MONDAY, 0, 0)


def test_what_had_no_close_that_day_did_not_move(portfolio: Portfolio) -> None:
    held(portfolio, "UP", [90, 100, 110])
    held(portfolio, "STILL", [50, 60])
    moves = moves_of(portfolio)
    assert moves["STILL"].amount == 0
    gains, losses = best_and_worst(list(moves.values()))
    assert [move.holding.symbol for move in gains] == ["UP"]
    assert losses == []


def test_a_past_day_has_its_own_moves(portfolio: Portfolio) -> None:
    held(portfolio, "UP", [90, 100, 110])
    assert moves_of(portfolio, FRIDAY, as_of=FRIDAY)["UP"].amount == 100


def test_a_split_is_no_move(portfolio: Portfolio) -> None:
    asset = held(portfolio, "SPLIT", [90, 100, 55])
    apply_action(asset=asset, kind="split", ex_date=MONDAY, ratio=Decimal(2), per=Decimal(1), actor=None)
    move = moves_of(portfolio)["SPLIT"]
    assert (move.before, move.amount) == (1000, 100)


def test_exchange_rates_are_in_it(portfolio: Portfolio) -> None:
    pair = make_asset("EURUSD", type="fx", currency="USD")
    make_bars(pair, [1, 2, 3], start=date(2024, 1, 4))
    held(portfolio, "SAP", [100, 100, 100], currency="EUR")
    move = moves_of(portfolio)["SAP"]
    assert (move.before, move.amount, move.fraction) == (2000, 1000, Decimal("0.5"))


def test_without_a_close_before_there_is_no_move(portfolio: Portfolio) -> None:
    asset = make_asset("FRESH")
    make_bars(asset, [5], start=MONDAY)
    buy(portfolio, asset, 1, 5, FRIDAY)
    buy(portfolio, make_asset("UNPRICED"), 1, 5, FRIDAY)
    assert moves_of(portfolio) == {}
    assert day_change([], MONDAY) is None


# --- trades of the day ----------------------------------------------------------------------------------------------


def test_what_is_bought_that_day_moves_from_what_it_cost(portfolio: Portfolio) -> None:
    asset = held(portfolio, "UP", [90, 100, 110])
    buy(portfolio, asset, 4, 108, MONDAY, fee=Decimal(2))
    move = moves_of(portfolio)["UP"]
    assert (move.before, move.amount) == (1000 + 434, 100 + 4 * 2 - 2)
    fresh = make_asset("FRESH")
    make_bars(fresh, [5], start=MONDAY)
    buy(portfolio, fresh, 10, 4, MONDAY)
    assert (moves_of(portfolio)["FRESH"].before, moves_of(portfolio)["FRESH"].amount) == (40, 10)


def test_what_is_sold_that_day_moves_to_what_it_brought(portfolio: Portfolio) -> None:
    asset = held(portfolio, "UP", [90, 100, 110])
    sell(portfolio, asset, 4, 105, MONDAY, fee=Decimal(1))
    assert (moves_of(portfolio)["UP"].before, moves_of(portfolio)["UP"].amount) == (1000, 6 * 10 + 4 * 5 - 1)
    sell(portfolio, asset, 6, 106, MONDAY)
    assert (moves_of(portfolio)["UP"].before, moves_of(portfolio)["UP"].amount) == (1000, 4 * 5 - 1 + 6 * 6)
    buy(portfolio, asset, 3, 100, MONDAY)
    sell(portfolio, asset, 3, 101, MONDAY)
    assert moves_of(portfolio)["UP"].amount == 4 * 5 - 1 + 6 * 6 + 3
    assert moves_of(portfolio, FRIDAY, FRIDAY)["UP"].amount == 100  # nothing of the day after


def test_what_is_sold_earlier_or_bought_later_has_no_move(portfolio: Portfolio) -> None:
    gone = held(portfolio, "GONE", [90, 100, 110])
    sell(portfolio, gone, 10, 100, FRIDAY)
    asset = held(portfolio, "UP", [90, 100, 110])
    buy(portfolio, asset, 5, 109, "2024-01-09")
    fresh = make_asset("FRESH")
    make_bars(fresh, [5, 6, 7], start=date(2024, 1, 4))
    buy(portfolio, fresh, 1, 7, "2024-01-09")
    moves = moves_of(portfolio)
    assert list(moves) == ["UP"]
    assert (moves["UP"].before, moves["UP"].amount) == (1000, 100)


def test_what_a_split_multiplied_later_is_counted_in_the_units_of_now(portfolio: Portfolio) -> None:
    asset = held(portfolio, "SPLIT", [90, 100, 110])
    buy(portfolio, asset, 4, 108, MONDAY)
    apply_action(asset=asset, kind="split", ex_date=date(2024, 1, 9), ratio=Decimal(2), per=Decimal(1), actor=None)
    assert (moves_of(portfolio)["SPLIT"].before, moves_of(portfolio)["SPLIT"].amount) == (1432, 108)


def test_a_short_position_gains_where_the_price_falls(alice: User) -> None:
    portfolio = make_portfolio(alice, "Short", allow_short=True)
    asset = make_asset("DOWN")
    make_bars(asset, [100, 100, 90], start=date(2024, 1, 4))
    sell(portfolio, asset, 10, 100, "2024-01-04")
    sell(portfolio, asset, 5, 96, MONDAY)
    move = moves_of(portfolio)["DOWN"]
    assert (move.before, move.amount) == (-1480, 130)
    assert (move.fraction or 0) > 0


def test_a_purchase_in_another_currency_counts_at_its_own_rate(portfolio: Portfolio) -> None:
    pair = make_asset("EURUSD", type="fx", currency="USD")
    make_bars(pair, [2, 2, 2], start=date(2024, 1, 4))
    asset = held(portfolio, "SAP", [100, 100, 100], currency="EUR")
    buy(portfolio, asset, 1, 100, MONDAY, exchange_rate=Decimal("1.5"))
    move = moves_of(portfolio)["SAP"]
    assert (move.before, move.amount) == (2000 + 150, 50)


def test_the_days_change_is_the_return_of_the_day(portfolio: Portfolio) -> None:
    """Where no cash is kept, a purchase is paid in and a sale paid out, as in the time-weighted return."""
    first, second = held(portfolio, "UP", [90, 100, 110]), held(portfolio, "DOWN", [100, 200, 150], quantity=7)
    buy(portfolio, first, 4, 108, MONDAY, fee=Decimal(2))
    sell(portfolio, second, 7, 160, MONDAY, tax=Decimal(3))
    change = day_change(list(moves_of(portfolio).values()), MONDAY)
    assert change is not None
    start, paid, got = 10 * 100 + 7 * 200, 4 * 108 + 2, 7 * 160 - 3
    assert change.amount == 14 * 110 + got - start - paid
    assert float(change.fraction or 0) == pytest.approx((14 * 110 + got) / (start + paid) - 1)


def test_best_and_worst_are_by_their_fraction_and_few(portfolio: Portfolio) -> None:
    for number in range(7):
        held(portfolio, f"G{number}", [100, 100, 101 + number])
        held(portfolio, f"L{number}", [100, 100, 99 - number])
    gains, losses = best_and_worst(list(moves_of(portfolio).values()))
    assert [move.holding.symbol for move in gains] == ["G6", "G5", "G4", "G3", "G2"]
    assert [move.holding.symbol for move in losses] == ["L6", "L5", "L4", "L3", "L2"]


def test_one_asset_of_two_portfolios_moved_once(alice: User, portfolio: Portfolio) -> None:
    asset, other = held(portfolio, "UP", [90, 100, 110]), make_portfolio(alice, "Other")
    buy(other, asset, 5, 90, "2024-01-04")
    both = [*moves_of(portfolio).values(), *moves_of(other).values()]
    [gain], losses = best_and_worst(both)
    assert (gain.before, gain.amount, gain.fraction, losses) == (1500, 150, Decimal("0.1"), [])


def test_four_queries_however_many(portfolio: Portfolio) -> None:
    counts = []
    for number in range(6):
        held(portfolio, f"A{number}", [100, 100, 101 + number])
        rows = holdings([portfolio])[portfolio.pk]
        counts.append(count_queries(lambda rows=rows: day_moves(rows, {portfolio.pk: "USD"}, MONDAY))[0])  # type: ignore[misc]
    assert max(counts) <= 4
    for number in range(6):
        buy(portfolio, Asset.objects.get(symbol=f"A{number}"), 1, 100, MONDAY)
        rows = holdings([portfolio])[portfolio.pk]
        counts.append(count_queries(lambda rows=rows: day_moves(rows, {portfolio.pk: "USD"}, MONDAY))[0])  # type: ignore[misc]
    assert max(counts) <= 5
