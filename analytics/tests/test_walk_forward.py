"""Weights chosen on the past and judged afterwards, against the same thing written as a loop."""

from __future__ import annotations

import numpy as np
import pytest
from numpy.testing import assert_allclose

from analytics.engine import (
    FloatArray,
    Infeasible,
    InsufficientData,
    Limits,
    optimise,
    rebalancings,
    walk_forward,
)

RETURNS = np.random.default_rng(5).normal(0.0004, 0.01, (400, 4))


def chosen(window: FloatArray, held: FloatArray) -> FloatArray:
    return optimise(window, objective="min_variance").weights


def by_hand(returns: FloatArray, weights: list[FloatArray], window: int, step: int, cost: float) -> list[float]:
    """Money in each asset, day by day."""
    money, value, found = None, 1.0, []
    for number, row in enumerate(range(window, len(returns), step)):
        wanted = weights[number] * value
        paid = 0.0 if money is None else cost * float(np.abs(wanted - money).sum())
        money = wanted * (1 - paid / value)
        for day in returns[row : row + step]:
            money = money * (1 + day)
            found.append(money.sum() / value - 1)
            value = money.sum()
    return found


@pytest.mark.parametrize("cost", [0.0, 0.002])
def test_both_tracks_are_what_a_loop_makes_of_them(cost: float) -> None:
    found = walk_forward(RETURNS, chosen, window=150, cost=cost)

    weights = [optimise(RETURNS[row - 150 : row], objective="min_variance").weights for row in found.rebalanced]
    assert found.rebalanced == (150, 213, 276, 339)
    assert_allclose(found.weights, weights)
    assert_allclose(found.chosen.returns, by_hand(RETURNS, weights, 150, 63, cost))
    assert_allclose(found.equal.returns, by_hand(RETURNS, [np.full(4, 0.25)] * 4, 150, 63, cost))
    assert len(found.chosen.returns) == 250
    assert found.chosen.turnover[0] == found.equal.turnover[0] == 0
    assert (found.chosen.turnover[1:] > 0).all()


def test_only_the_past_is_known() -> None:
    changed = RETURNS.copy()
    changed[276:] = -RETURNS[276:]

    before, after = (walk_forward(series, chosen, window=150) for series in (RETURNS, changed))

    assert_allclose(before.weights[:3], after.weights[:3])
    assert_allclose(before.chosen.returns[:126], after.chosen.returns[:126])


def test_equal_weights_earn_what_equal_weights_earn() -> None:
    found = walk_forward(RETURNS, lambda *_: np.full(4, 0.25), window=100)

    assert_allclose(found.chosen.returns, found.equal.returns)
    assert_allclose(found.chosen.turnover, found.equal.turnover)


def test_where_nothing_can_be_chosen_the_weights_held_are_kept() -> None:
    def sometimes(window: FloatArray, held: FloatArray) -> FloatArray:
        if np.array_equal(window, RETURNS[63:213]):
            return optimise(window, objective="target_return", target=50).weights
        return chosen(window, held)

    found = walk_forward(RETURNS, sometimes, window=150)

    assert list(found.skipped) == [213]
    assert "out of reach" in found.skipped[213]
    assert found.chosen.turnover[1] == 0
    assert found.chosen.turnover[2] > 0


def test_where_nothing_can_ever_be_chosen_it_says_why() -> None:
    with pytest.raises(Infeasible, match="out of reach"):
        walk_forward(
            RETURNS, lambda window, _: optimise(window, objective="target_return", target=50).weights, window=150
        )


def test_the_turnover_is_limited_from_what_is_held_by_then() -> None:
    def limited(window: FloatArray, held: FloatArray) -> FloatArray:
        return optimise(window, objective="min_variance", limits=Limits(current=held, turnover=0.05)).weights

    found = walk_forward(RETURNS, limited, window=150)

    assert (found.chosen.turnover <= 0.05 + 1e-7).all()


def test_rebalancings_come_after_the_first_window() -> None:
    assert list(rebalancings(400, 150)) == [150, 213, 276, 339]
    with pytest.raises(InsufficientData, match="needs 151 days, has 150"):
        rebalancings(150, 150)
    for window, step in ((1, 63), (150, 0)):
        with pytest.raises(ValueError, match="window"):
            rebalancings(400, window, step)


@pytest.mark.parametrize("cost", [-0.1, 1.0, float("nan")])
def test_a_cost_that_is_none_is_refused(cost: float) -> None:
    with pytest.raises(ValueError, match="cost"):
        walk_forward(RETURNS, chosen, window=150, cost=cost)


def test_gaps_and_single_series_are_refused() -> None:
    holed = RETURNS.copy()
    holed[3, 1] = np.nan
    for series in (holed, RETURNS[:, 0]):
        with pytest.raises(ValueError, match="returns"):
            walk_forward(series, chosen, window=150)


def borrowed(window: FloatArray, held: FloatArray) -> FloatArray:
    """Three times the first asset, on credit of the second."""
    return np.array([3.0, -2.0])


def falling(row: int, loss: float) -> FloatArray:
    """The first asset loses that much on one day of 300, and wins it back on the next; else nothing moves."""
    returns = np.zeros((301, 2))
    returns[row : row + 2, 0] = loss, -loss / (1 + loss)
    return returns[:300]


@pytest.mark.parametrize("row", [100, 130, 162, 163, 299])
def test_a_track_ends_where_everything_is_lost(row: int) -> None:
    found = walk_forward(falling(row, -0.4), borrowed, window=100)

    assert found.chosen.ruin == row
    assert_allclose(found.chosen.returns, [*np.zeros(row - 100), -1.0], atol=1e-15)
    assert len(found.chosen.turnover) == len(found.rebalanced) == len(found.weights) == (row - 100) // 63 + 1
    assert found.equal.ruin is None
    assert len(found.equal.returns) == 200


def test_nothing_is_chosen_for_what_is_lost() -> None:
    asked: list[int] = []

    def counted(window: FloatArray, held: FloatArray) -> FloatArray:
        asked.append(1)
        return borrowed(window, held)

    walk_forward(falling(170, -0.4), counted, window=100)

    assert len(asked) == 2


def test_to_lose_all_but_a_little_is_not_to_lose_everything() -> None:
    found = walk_forward(falling(130, -0.333), borrowed, window=100)

    assert found.chosen.ruin is None
    assert_allclose(found.chosen.returns[30], -0.999)


def test_costs_can_take_everything() -> None:
    def wild(window: FloatArray, held: FloatArray) -> FloatArray:
        return np.array([6.0, -5.0]) if held[0] < 1 else np.array([-5.0, 6.0])

    found = walk_forward(np.zeros((300, 2)), wild, window=100, cost=0.09)

    assert (found.chosen.ruin, found.rebalanced) == (163, (100, 163))
    assert_allclose(found.chosen.returns, [*np.zeros(63), -1.0])


def test_a_universe_that_is_lost_ends_both_tracks() -> None:
    returns = RETURNS.copy()
    returns[200] = -1.0

    found = walk_forward(returns, chosen, window=150)

    assert found.chosen.ruin == found.equal.ruin == 200
    assert found.chosen.returns[-1] == found.equal.returns[-1] == -1.0
