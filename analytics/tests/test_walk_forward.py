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
