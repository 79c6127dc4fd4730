"""Spans, values and flows: each row is a rule that can be checked by hand."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from analytics.valuation import (
    BLOCK,
    Changes,
    Spans,
    carried_forward,
    first_known,
    flows,
    rounded,
    running_totals,
    spans,
    values,
    worth_of,
)

GAP = np.nan
# Two assets over six sessions, and the money that both are in; the second asset has no price before session 2.
PRICES = np.array([[10.0, 11, 12, 13, 14, 15], [GAP, GAP, 5, 5, 6, 6], [1.0, 1, 1, 1, 1, 1]])
FROM = first_known(PRICES)
MONEY = 2


def changes(*rows: tuple[int, int, int, float, float]) -> Changes:
    """From (portfolio, column, session, quantity, own price)."""
    portfolio, column, day, quantity, price = np.array(rows, float).reshape(-1, 5).T
    whole = np.stack([portfolio, column, day]).astype(np.int64)
    return Changes(whole[0], whole[1], whole[2], quantity, price, np.full(len(quantity), MONEY))


def worth(*rows: tuple[int, int, int, float, float], portfolios: int = 1) -> list[list[float]]:
    found: list[list[float]] = values(spans(changes(*rows), FROM, PRICES.shape[1]), PRICES, portfolios).tolist()
    return found


@pytest.mark.parametrize(
    ("rows", "expected"),
    [
        pytest.param([], [0, 0, 0, 0, 0, 0], id="nothing is worth nothing"),
        pytest.param([(0, 0, 0, 2, 9)], [20, 22, 24, 26, 28, 30], id="a quantity is worth its close each day"),
        pytest.param([(0, 0, 3, 2, 9)], [0, 0, 0, 26, 28, 30], id="from the session of the purchase on"),
        pytest.param([(0, 0, 1, 2, 9), (0, 0, 3, -2, 9)], [0, 22, 24, 0, 0, 0], id="to the session before the sale"),
        pytest.param([(0, 0, 1, 2, 9), (0, 0, 1, 3, 9)], [0, 55, 60, 65, 70, 75], id="one day's trades add up"),
        pytest.param([(0, 0, 1, 2, 9), (0, 0, 1, -2, 9)], [0, 0, 0, 0, 0, 0], id="in and out on one day"),
        pytest.param([(0, 1, 0, 2, 4)], [8, 8, 10, 10, 12, 12], id="the own price until there is a close"),
        pytest.param(
            [(0, 1, 0, 2, 4), (0, 1, 1, 1, 7)], [8, 21, 15, 15, 18, 18], id="the last own price counts for all units"
        ),
        pytest.param([(0, 1, 0, 2, 4), (0, 1, 1, -2, 7)], [8, 0, 0, 0, 0, 0], id="sold before there is a close"),
        pytest.param([(0, 0, 6, 2, 9)], [0, 0, 0, 0, 0, 0], id="a trade after the last session is outside"),
        pytest.param([(0, 2, 2, -3, 0)], [0, 0, -3, -3, -3, -3], id="a debt is worth less than nothing"),
        pytest.param(
            [(0, 0, 0, 0.1, 9), (0, 0, 1, 0.2, 9), (0, 0, 2, -0.3, 9)],
            [1, 3.3, 0, 0, 0, 0],
            id="what binary rounding leaves over is nothing",
        ),
    ],
)
def test_value(rows: list[tuple[int, int, int, float, float]], expected: list[float]) -> None:
    np.testing.assert_allclose(worth(*rows), [expected], rtol=1e-15)


def test_after_a_whole_sale_the_value_is_exactly_zero() -> None:
    assert worth((0, 0, 0, 0.1, 9), (0, 0, 1, 0.2, 9), (0, 0, 2, -0.3, 9))[0][2:] == [0, 0, 0, 0]


def test_portfolios_do_not_touch_each_other() -> None:
    both = worth((0, 0, 0, 2, 9), (1, 1, 4, 1, 9), portfolios=3)

    assert both == [[20, 22, 24, 26, 28, 30], [0, 0, 0, 0, 6, 6], [0, 0, 0, 0, 0, 0]]


def test_a_missing_rate_shows_where_something_is_held_and_nowhere_else() -> None:
    prices = np.array([[GAP, GAP, 3.0, 3.0]])
    held = spans(changes((0, 0, 1, 2, 0), (1, 0, 2, 2, 0)), np.array([0]), 4)

    assert np.isnan(values(held, prices, 2)).tolist() == [[False, True, False, False], [False] * 4]


@pytest.mark.parametrize("length", [1, BLOCK - 1, BLOCK, BLOCK + 1, 3 * BLOCK + 5])
def test_blocks_meet_without_a_seam(length: int) -> None:
    generator = np.random.default_rng(length)
    prices = generator.uniform(1, 9, (4, length))
    start = generator.integers(0, length, 50)
    held = Spans(
        row=generator.integers(0, 3, 50),
        column=generator.integers(0, 4, 50),
        start=start,
        stop=np.minimum(start + generator.integers(1, 2 * BLOCK, 50), length),
        quantity=generator.uniform(-5, 5, 50),
    )
    expected = np.zeros((3, length))
    columns = (held.row, held.column, held.start, held.stop, held.quantity)
    for row, column, first, after, quantity in zip(*columns, strict=True):
        expected[row, first:after] += quantity * prices[column, first:after]

    np.testing.assert_allclose(values(held, prices, 3), expected, rtol=1e-12, atol=1e-12)


@pytest.mark.parametrize(
    ("closes", "expected", "first"),
    [
        ([1, 2, 3], [1, 2, 3], 0),
        ([1, GAP, GAP, 4], [1, 1, 1, 4], 0),
        ([GAP, 2, GAP], [GAP, 2, 2], 1),
        ([GAP, GAP], [GAP, GAP], 2),
    ],
    ids=["whole", "a gap keeps the last close", "before the first there is none", "never a close"],
)
def test_carried_forward(closes: list[float], expected: list[float], first: int) -> None:
    filled = carried_forward(np.array([closes]))

    np.testing.assert_array_equal(filled, [expected])
    assert first_known(filled).tolist() == [first]


groups = st.lists(st.lists(st.integers(-1000, 1000), min_size=1, max_size=150), min_size=1, max_size=8)


@settings(max_examples=60, deadline=None)
@given(groups)
def test_running_totals_start_anew_with_each_group(amounts: list[list[int]]) -> None:
    starts = np.cumsum([0, *map(len, amounts)])[:-1]
    cents = np.concatenate([np.array(group) / 100 for group in amounts])

    totals = running_totals(cents, starts)

    expected = np.concatenate([np.cumsum(group) for group in amounts])
    np.testing.assert_allclose(totals, expected / 100, rtol=1e-12, atol=1e-12)
    assert (totals[expected == 0] == 0).all()


def test_a_group_of_large_amounts_does_not_blur_its_neighbour() -> None:
    assert running_totals(np.array([1e15, 1e15, 1e-3, 2e-3]), np.array([0, 2])).tolist() == [1e15, 2e15, 1e-3, 3e-3]


def test_flows_are_gross_by_portfolio_and_session() -> None:
    rows, days = np.array([0, 0, 1, 0, 1]), np.array([1, 1, 0, 3, 0])

    paid_in, paid_out = flows(rows, days, np.array([5.0, -2, 7, 9, 1]), (2, 3))

    assert paid_in.tolist() == [[0, 5, 0], [8, 0, 0]]
    assert paid_out.tolist() == [[0, 2, 0], [0, 0, 0]]


def test_a_flow_without_a_rate_is_not_taken_for_none() -> None:
    paid_in, paid_out = flows(np.array([0]), np.array([0]), np.array([GAP]), (1, 1))

    assert np.isnan([paid_in[0, 0], paid_out[0, 0]]).all()


def test_what_is_brought_in_is_worth_the_market_or_the_own_price() -> None:
    brought = changes((0, 0, 1, 2, 9), (0, 1, 1, 3, 4), (0, 1, 3, 3, 4), (0, 0, 6, 2, 9))

    assert worth_of(brought, PRICES, FROM).tolist() == [22, 12, 15, 0]


@pytest.mark.parametrize(
    ("amount", "decimals", "expected"),
    [
        (1.005, 2, 1.01),
        (2.675, 2, 2.68),
        (-1.005, 2, -1.01),
        (0.125, 2, 0.13),
        (1.0049, 2, 1.0),
        (149.5, 0, 150),
        (123456.78949, 3, 123456.789),
    ],
)
def test_halves_are_rounded_away_from_zero_as_in_the_books(amount: float, decimals: int, expected: float) -> None:
    assert rounded(np.array([amount]), np.array([decimals]))[0] == pytest.approx(expected, abs=1e-12)
