"""Arrays and decimals that record: worth what plain ones are, with everything that was done with them, or an error."""

from __future__ import annotations

import re
from collections.abc import Callable
from decimal import ROUND_DOWN, Decimal, localcontext
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from analytics import engine
from analytics.engine.recording import OPERATIONS, RecordedArray
from analytics.explaining import RecordedDecimal, given, trace_of
from analytics.queries.explain.ratios import CALLS, Given
from analytics.tests.recomputing import recomputed
from core.money import divide, multiply, quantise, subtract, total

RANDOM = np.random.default_rng(11)
COLUMNS = tuple(RANDOM.normal(0.0004, spread, 300) for spread in (0.013, 0.01, 0.02, 0.008))
RETURNS, BENCHMARK, OTHER, OTHER_BENCHMARK = COLUMNS


def again(result: Any, instead: dict[str, Any] | None = None) -> Any:
    """The result worked out from the trace, with other values for the inputs of these names."""
    trace = trace_of(result)
    others = {each["id"]: (instead or {})[each["name"]] for each in trace.inputs if each["name"] in (instead or {})}
    return recomputed({"inputs": trace.inputs, "steps": trace.steps, "result": trace.result}, others)


@pytest.mark.parametrize("key", CALLS)
def test_a_figure_is_the_same_and_its_trace_computes_it(key: str) -> None:
    """That of other returns, too: the trace holds the computation and not its numbers."""
    one, other = RecordedArray.given(RETURNS, "r"), RecordedArray.given(BENCHMARK, "b")
    recorded = CALLS[key](Given(one, one, other, 252, 0.95, 10))
    plain = CALLS[key](Given(RETURNS, RETURNS, BENCHMARK, 252, 0.95, 10))
    assert float(recorded) == float(plain)
    assert again(recorded) == pytest.approx(float(plain), rel=1e-12)
    moved = CALLS[key](Given(OTHER, OTHER, OTHER_BENCHMARK, 252, 0.95, 10))
    if key not in ("up_capture", "down_capture"):  # how many days count is a parameter of theirs
        found = again(recorded, {"r": OTHER, "b": OTHER_BENCHMARK})
        assert found == pytest.approx(float(moved), rel=1e-12, abs=1e-14)


@pytest.mark.parametrize("method", engine.METHODS)
@pytest.mark.parametrize("figure", [engine.value_at_risk, engine.expected_shortfall])
def test_losses_by_every_method(figure: Callable[..., Any], method: str) -> None:
    """Monte Carlo, too: its draws are one step with the generator's seed."""
    seed: Any = RecordedArray.given(7, "seed")
    recorded = figure(RecordedArray.given(RETURNS, "r"), 0.975, method=method, seed=seed)
    assert float(recorded) == float(figure(RETURNS, 0.975, method=method, seed=7))
    assert again(recorded) == pytest.approx(float(recorded), rel=1e-12)
    moved = float(figure(OTHER, 0.975, method=method, seed=7))
    assert again(recorded, {"r": OTHER}) == pytest.approx(moved, rel=1e-12)


def test_a_long_array_is_told_by_its_ends() -> None:
    seed: Any = RecordedArray.given(7, "seed")
    returns = RecordedArray.given(RETURNS, "r")
    trace = trace_of(engine.value_at_risk(returns, method="monte_carlo", seed=seed))
    [draws] = [step for step in trace.steps if step["operation"] == "standard_draws"]
    assert (draws["value"], draws["shape"], len(draws["first"]), len(draws["last"])) == (None, [1, 10_000], 5, 5)
    assert draws["options"]["seed"] == {"ref": next(each["id"] for each in trace.inputs if each["name"] == "seed")}


def test_what_did_not_lead_to_the_result_is_not_told() -> None:
    trace = trace_of(engine.sharpe_ratio(RecordedArray.given(RETURNS, "r")))
    assert [step["operation"] for step in trace.steps] == ["subtract", "std", "mean", "divide", "multiply"]
    assert {step["part"] for step in trace.steps} == {"sharpe_ratio"}


@pytest.mark.parametrize(
    "unknown",
    [
        np.median,
        np.sin,
        lambda array: np.add(array, 1.0, out=np.empty(3)),
        lambda array: array.__setitem__(0, 1.0),
        lambda array: array[..., 0],
        lambda array: array.reshape(3, 1) + 1.0,
        lambda array: np.maximum.reduceat(array, [0]),
    ],
)
def test_what_is_not_in_the_vocabulary_is_refused(unknown: Callable[[Any], Any]) -> None:
    """So a figure never has half an explanation."""
    with pytest.raises(TypeError):
        unknown(RecordedArray.given([1.0, 2.0, 3.0], "r"))


def test_the_vocabulary_is_written_down_whole() -> None:
    text = (Path(__file__).parents[2] / "docs" / "explain.md").read_text()
    rows = re.findall(r"^\| (.+?) \|", text.partition("## Operations")[2].partition("\n## ")[0], re.MULTILINE)
    assert {name for row in rows for name in re.findall(r"`(\w+)`", row)} == OPERATIONS


# --- decimals -----------------------------------------------------------------------------------------------------


def amount(value: str) -> Decimal:
    return given(Decimal(value), value, {"kind": "test"})


def test_a_recorded_decimal_is_worth_what_the_plain_one_is() -> None:
    one = amount("12.50")
    assert (one == Decimal("12.5"), one > 12, hash(one) == hash(Decimal("12.5")), bool(amount("0"))) == (
        True,
        True,
        True,
        False,
    )
    assert {Decimal("12.5"): "found"}[one] == "found"
    assert f"{one:.1f} {one}" == "12.5 12.50"


@pytest.mark.parametrize(
    "compute",
    [
        lambda a, b: total([a, b, Decimal(3)]),
        lambda a, b: sum([a, b], Decimal(0)),
        lambda a, b: quantise(multiply(a, b, Decimal("1.07")), "USD"),
        lambda a, b: divide(a, b) - 1,
        lambda a, b: 5 - subtract(a, b) / 3,
        lambda a, b: -abs(b - a) * 2 + a % 1,
        lambda a, b: Decimal(7) % b + Decimal(2) * a - Decimal(1) / b,
    ],
)
def test_every_way_to_compute_is_recorded(compute: Callable[[Decimal, Decimal], Decimal]) -> None:
    one, other = Decimal("12.50"), Decimal("7.13")
    recorded = compute(amount("12.50"), amount("7.13"))
    assert isinstance(recorded, RecordedDecimal)
    assert recorded == compute(one, other) == again(recorded)
    for digits in (12, 50):
        with localcontext(prec=digits):
            assert again(compute(amount("12.50"), amount("7.13"))) == compute(one, other)
    moved = {"12.50": Decimal("3.25"), "7.13": Decimal("41.07")}
    assert abs(again(recorded, moved) - compute(*moved.values())) < Decimal("1e-24")  # the operators round to 28 digits


def test_another_rounding_is_refused() -> None:
    with pytest.raises(TypeError):
        amount("1.005").quantize(Decimal("0.01"), ROUND_DOWN)


def test_plain_decimals_stay_plain() -> None:
    for made in (multiply(Decimal(2), Decimal(3)), divide(Decimal(1), Decimal(3)), total([Decimal(1)]), total([])):
        assert type(made) is Decimal
