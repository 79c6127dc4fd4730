"""What an optimisation shows where everything was lost, where it would know the future, and where figures overflow."""

from __future__ import annotations

import json
from dataclasses import replace
from datetime import date
from typing import Any

import numpy as np
import pytest

from analytics.engine import FloatArray
from analytics.optimiser import Candidate, Terms, Universe, View, charts, outcome, steps
from analytics.optimiser.outcome import Overflow

DAYS = np.arange("2020-01-01", "2023-01-01", dtype="M8[D]")[:700]
GEARED = Terms(objective="target_volatility", target=5.0, lower=-1.0, upper=10.0)


def universe(returns: FloatArray, worth: float = 1.0) -> Universe:
    candidates = tuple(Candidate(each, f"A{each}", f"A{each} Inc.", "s", worth) for each in range(returns.shape[1]))
    return Universe(date(2023, 1, 1), "USD", 252, DAYS, returns, candidates)


def moving(seed: int = 0, count: int = 4) -> FloatArray:
    draw = np.random.default_rng(seed)
    return draw.normal(0.0005, 0.01, (len(DAYS), 1)) + draw.normal(0, 0.01, (len(DAYS), count))


def crashing() -> FloatArray:
    """The best of the assets, of which four times the money is held on credit of the others, falls by 60 % one day."""
    returns = moving() + np.array([0.003, 0.0, 0.0, 0.0])
    returns[400] = [-0.6, 0.0, 0.0, 0.0]
    return returns


def run(terms: Terms, known: Universe) -> tuple[Any, list[str]]:
    told: list[str] = []
    return outcome(terms, known, told.append), told


def test_a_walk_that_loses_everything_stops_there_and_says_so() -> None:
    found, _ = run(GEARED, universe(crashing()))
    walk = found["walk_forward"]

    ruin = walk["days"].index(str(DAYS[400]))
    assert walk["figures"]["optimised"] == {
        "total_return": -1.0,
        "annual_return": None,
        "annual_volatility": None,
        "sharpe_ratio": None,
        "max_drawdown": -1.0,
        "turnover": None,
        "problem": f"lost everything on {DAYS[400]}",
    }
    assert walk["optimised"][ruin] == -1.0
    assert min(walk["optimised"][: ruin + 1]) == -1.0
    assert walk["optimised"][ruin + 1 :] == [None] * (len(walk["days"]) - ruin - 1)
    assert len(walk["equal"]) == len(walk["days"])
    assert None not in walk["equal"]
    assert "problem" not in walk["figures"]["equal"]
    assert walk["rebalanced"][-1] <= str(DAYS[400])


def test_the_chart_of_a_walk_ends_with_it() -> None:
    found, _ = run(GEARED, universe(crashing()))

    drawn = charts.walk(found)

    assert drawn is not None
    assert (drawn["lines"][0].lowest, drawn["lines"][0].last) == (-1.0, None)
    assert drawn["lines"][1].last is not None


NEUTRAL = Terms(objective="black_litterman", market="equal")


@pytest.mark.parametrize(
    ("terms", "words"),
    [
        (replace(NEUTRAL, views=(View("A0", 0.1, 0.5),)), "the views are of today"),
        (replace(NEUTRAL, market="current"), "what is held today"),
        (replace(NEUTRAL, market="capitalisation"), "today's market values"),
    ],
)
def test_there_is_no_walk_where_it_would_know_the_future(terms: Terms, words: str) -> None:
    known = universe(moving())
    valued = [replace(each, worth=each.asset_id + 1.0, capitalisation=1e9) for each in known.candidates]
    known = replace(known, candidates=tuple(valued))

    found, told = run(terms, known)

    assert words in found["walk_forward"]["problem"]
    assert len(told) == steps(terms, known) == 2
    assert len(found["frontier"]["weights"]) == 50


@pytest.mark.parametrize(("market", "worth"), [("equal", 1.0), ("current", 0.0)])
def test_equal_neutral_weights_were_known_at_each_step(market: Any, worth: float) -> None:
    terms, known = replace(NEUTRAL, market=market), universe(moving(), worth)

    found, told = run(terms, known)

    assert len(told) == steps(terms, known) == 2 + len(found["walk_forward"]["rebalanced"])
    np.testing.assert_allclose(found["walk_forward"]["optimised"], found["walk_forward"]["equal"], atol=1e-5)


def test_views_that_the_objective_does_not_ask_for_forbid_no_walk() -> None:
    terms = Terms(views=(View("A0", 0.1, 0.5),), market="capitalisation")

    assert "problem" not in run(terms, universe(moving()))[0]["walk_forward"]


def test_what_is_no_finite_number_is_not_stored() -> None:
    wild = replace(universe(moving()), cash_weight=float("nan"))

    with pytest.raises(Overflow, match="no finite number"):
        run(Terms(), wild)
    json.dumps(run(Terms(), universe(moving()))[0], allow_nan=False)


def test_a_part_that_is_no_finite_number_has_a_problem_and_leaves_the_others() -> None:
    returns = moving()
    returns[300:] = np.where(np.arange(len(DAYS) - 300)[:, np.newaxis] % 2, 1e9, 1e8) * (1 + returns[300:])

    found, _ = run(Terms(window=252), universe(returns))

    assert found["walk_forward"] == {"problem": "wealth exceeds what a float can hold"}
    assert sum(found["weights"].values()) == pytest.approx(1)
