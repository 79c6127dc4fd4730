"""What is wanted of each security: by hand, against a linear program, and under any weights."""

from __future__ import annotations

from decimal import Decimal

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.optimize import linprog

from core.money import total
from portfolios.book.allocation import (
    Bands,
    NothingToRebalance,
    Reach,
    bought_values,
    lowered,
    raised,
    sold_values,
    wanted_values,
)
from portfolios.tests.factories import exact

NEAR = Decimal("1e-20")


@pytest.mark.parametrize(
    ("levels", "amount", "after"),
    [
        ("0 10 20", 5, "5 10 20"),
        ("0 10 20", 10, "10 10 20"),
        ("0 10 20", 16, "13 13 20"),
        ("0 10 20", 60, "30 30 30"),
        ("20 0 10", 16, "20 13 13"),
        ("5 5", 0, "5 5"),
        ("-4 -4 3", 2, "-3 -3 3"),
    ],
)
def test_water_fills_the_lowest_first(levels: str, amount: int, after: str) -> None:
    assert raised(exact(*levels.split()), Decimal(amount)) == list(exact(*after.split()))


def test_the_highest_give_first() -> None:
    assert lowered(exact(0, 10, 20), Decimal(16)) == list(exact(0, 7, 7))
    assert raised([], Decimal(5)) == []


@pytest.mark.parametrize(
    ("values", "weights", "cash", "bands", "wanted"),
    [
        # To the target, everything: 700 of 1000 becomes 500.
        ("700 300", "0.5 0.5", 0, Bands(), "500 500"),
        # Cash is a target too: a tenth of it stays.
        ("700 300", "0.45 0.45", 0, Bands(), "450 450"),
        # All within the band: nothing moves.
        ("540 460", "0.5 0.5", 0, Bands(Decimal("0.05")), "540 460"),
        # The first lies outside and goes to its target; its money goes to what is lowest, within the band though it is.
        ("540 300 160", "0.45 0.35 0.2", 0, Bands(Decimal("0.05")), "450 350 200"),
        # The same to the edge: 500; of the 40 that it brings all must be spent, none of cash may stay.
        ("540 300 160", "0.45 0.35 0.2", 0, Bands(Decimal("0.05"), reach=Reach.EDGE), "500 325 175"),
        # With a band of its own, cash may keep them.
        ("540 300 160", "0.45 0.35 0.2", 0, Bands(Decimal("0.05"), Decimal("0.05"), Reach.EDGE), "500 300 160"),
        # What is to be bought and not paid for makes the highest give: 0 → 100 from 340, 330, 330.
        ("340 330 330 0", "0.3 0.3 0.3 0.1", 0, Bands(Decimal("0.05")), "300 300 300 100"),
        # An overdraft is made good even where every weight is within its band.
        ("510 500", "0.5 0.5", -10, Bands(Decimal("0.05"), Decimal("0.05")), "500 500"),
    ],
)
def test_wanted_values(values: str, weights: str, cash: int, bands: Bands, wanted: str) -> None:
    found = wanted_values(exact(*values.split()), exact(*weights.split()), Decimal(cash), bands)
    assert found == pytest.approx(exact(*wanted.split()), abs=NEAR)


def test_a_contribution_buys_the_most_underweight_until_they_are_level() -> None:
    # Of 1,200 the targets are 480, 480, 240: drifts −80, −180, +60 before; 200 lift the two lowest to −30.
    found = bought_values(exact(400, 300, 300), exact("0.4", "0.4", "0.2"), Decimal(200), Decimal(200))
    assert found == exact(450, 450, 300)


def test_a_contribution_leaves_the_target_of_cash() -> None:
    found = bought_values(exact(500), exact("0.5"), Decimal(300), Decimal(300))
    assert found == exact(500)  # 400 of 800 are wanted: cash is short already
    assert bought_values(exact(300), exact("0.5"), Decimal(500), Decimal(500)) == exact(400)


def test_a_withdrawal_sells_the_most_overweight_until_they_are_level() -> None:
    # 200 are paid out of 1,000 without cash; of 800 the targets are 320, 320, 160: drifts +180, −20, +40.
    assert sold_values(exact(500, 300, 200), exact("0.4", "0.4", "0.2"), Decimal(-200)) == exact(330, 300, 170)


def test_nothing_is_no_portfolio() -> None:
    with pytest.raises(NothingToRebalance):
        wanted_values(exact(0), exact(1), Decimal(0), Bands())


amounts = st.lists(st.integers(0, 10_000).map(Decimal), min_size=1, max_size=6)


@st.composite
def cases(draw: st.DrawFn) -> tuple[list[Decimal], list[Decimal], Decimal]:
    values = draw(amounts)
    parts = draw(st.lists(st.integers(0, 100), min_size=len(values) + 1, max_size=len(values) + 1))
    weights = [Decimal(part) / Decimal(max(sum(parts), 1)) for part in parts]
    cash = Decimal(draw(st.integers(0, 5_000)))
    return (
        [*values[:-1], values[-1] + 1],
        [Decimal(f"{w:.6f}") - Decimal("1e-6") if w else w for w in weights[1:]],
        cash,
    )


@given(cases(), st.sampled_from([0, 1, 3, 10]), st.sampled_from([0, 1, 5]))
def test_no_weights_within_the_bands_move_less(
    case: tuple[list[Decimal], list[Decimal], Decimal], width: int, cash_width: int
) -> None:
    """Against the linear program: minimise Σ(bought + sold) so that every weight and cash lie within their bands."""
    values, weights, cash = case
    bands = Bands(Decimal(width) / 100, Decimal(cash_width) / 100, Reach.EDGE)
    wanted = wanted_values(values, weights, cash, bands)
    whole = total(values) + cash
    moved = total(abs(after - before) for after, before in zip(wanted, values, strict=True))
    reserve = whole - total(weight * whole for weight in weights)
    left = whole - total(wanted)
    assert left >= -NEAR
    assert abs(left - reserve) <= bands.cash_width * whole + NEAR
    for value, weight in zip(wanted, weights, strict=True):
        assert abs(value - weight * whole) <= bands.width * whole + NEAR
    assert float(moved) == pytest.approx(_least(values, weights, cash, bands), abs=1e-4)


def _least(values: list[Decimal], weights: list[Decimal], cash: Decimal, bands: Bands) -> float:
    count, held = len(values), np.array(values, float)
    whole = held.sum() + float(cash)
    targets, slack = np.array(weights, float) * whole, float(bands.width) * whole
    reserve, cash_slack = whole - targets.sum(), float(bands.cash_width) * whole
    change = np.hstack([np.eye(count), -np.eye(count)])  # bought, then sold
    spent = np.hstack([np.ones(count), -np.ones(count)])
    rows = np.vstack([change, -change, spent, -spent])
    most = [targets + slack - held, held - targets + slack]
    kept = [float(cash) - max(0.0, reserve - cash_slack), reserve + cash_slack - float(cash)]
    solved = linprog(np.ones(2 * count), A_ub=rows, b_ub=np.concatenate([*most, kept]) + 1e-9, bounds=(0, None))
    assert solved.success, solved.message
    return float(solved.fun or 0)


@given(cases(), st.integers(0, 5_000))
def test_a_contribution_never_sells_and_spends_no_more_than_it_is(
    case: tuple[list[Decimal], list[Decimal], Decimal], budget: int
) -> None:
    values, weights, cash = case
    bought = bought_values(values, weights, cash, min(Decimal(budget), cash))
    assert all(after >= before for after, before in zip(bought, values, strict=True))
    assert total(bought) - total(values) <= min(Decimal(budget), cash) + NEAR
    whole = total(values) + cash
    for after, before, weight in zip(bought, values, weights, strict=True):
        assert after == before or after <= weight * whole + NEAR
