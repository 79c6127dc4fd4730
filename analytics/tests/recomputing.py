"""Computes a figure again from the JSON that explains it and from nothing else: docs/explain.md in plain Python."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from datetime import date
from decimal import ROUND_HALF_UP, Context, Decimal
from fractions import Fraction
from math import ceil, floor
from statistics import NormalDist
from typing import Any

import numpy as np
from scipy.special import betainc

EXACT = Context(prec=50)
FINE = Context(prec=60)
NAMED = ("nan", "inf", "-inf")
DIGITS = re.compile(r"-?[0-9]+(\.[0-9]+)?")
Values = Mapping[str, Any]


def recomputed(document: Mapping[str, Any], instead: Mapping[str, Any] | None = None) -> Any:
    """The value of the explanation, worked out from its inputs (or from others ``instead``) step by step."""
    values: dict[str, Any] = {given["id"]: number(given["value"]) for given in document["inputs"]} | dict(instead or {})
    for step in document["steps"]:
        values[step["id"]] = worked_out(step, values)
    return argument(document["result"], values)


def every_step(document: Mapping[str, Any]) -> Any:
    """Each step's id with the value that it says it has and the one that comes out."""
    values: dict[str, Any] = {given["id"]: number(given["value"]) for given in document["inputs"]}
    for step in document["steps"]:
        values[step["id"]] = worked_out(step, values)
        yield step["id"], step["value"], values[step["id"]]


@np.errstate(invalid="ignore", divide="ignore")  # an expansion that turns nowhere has no turns
def worked_out(step: Mapping[str, Any], values: Values) -> Any:
    arguments = [argument(each, values) for each in step["arguments"]]
    options = {name: argument(each, values) for name, each in step["options"].items()}
    return OPERATIONS[step["operation"]](*arguments, **options)


def number(value: Any) -> Any:
    """A JSON number is a float, a list of them an array, digits in a string are a decimal."""
    if isinstance(value, str):
        return float(value) if value in NAMED else Decimal(value) if DIGITS.fullmatch(value) else value
    return np.array(value) if isinstance(value, list) else value


def argument(value: Any, values: Values) -> Any:
    if isinstance(value, dict):
        return values[value["ref"]] if "ref" in value else value
    if isinstance(value, list) and any(isinstance(each, dict | list) or _is_day(each) for each in value):
        parts = [argument(each, values) for each in value]
        return parts if _refers(value) else np.array(parts)
    return value if _is_day(value) else number(value)


def _refers(value: Any) -> bool:
    """Whether anything in a list is no number."""
    return any(_refers(each) if isinstance(each, list) else not isinstance(each, int | float) for each in value)


def _is_day(value: Any) -> bool:
    return isinstance(value, str) and len(value) == 10 and value[4] == value[7] == "-"


# --- decimals -----------------------------------------------------------------------------------------------------


def context(digits: int | None) -> Context:
    return Context(prec=digits) if digits else EXACT


def summed(*amounts: Any, digits: int | None = None, axis: int | None = None) -> Any:
    if len(amounts) == 1 and isinstance(amounts[0], np.ndarray):
        return amounts[0].sum(axis=axis)
    result = Decimal(0)
    for amount in amounts:
        result = context(digits).add(result, amount)
    return result


def multiplied(*factors: Any, digits: int | None = None) -> Any:
    if not all(isinstance(factor, Decimal) for factor in factors):
        return factors[0] * factors[1]
    product = Decimal(1)
    for factor in factors:
        product = context(digits).multiply(product, factor)
    return product


def either(exact: str, floating: Callable[[Any, Any], Any]) -> Callable[..., Any]:
    def apply(first: Any, second: Any, digits: int | None = None) -> Any:
        if isinstance(first, Decimal) and isinstance(second, Decimal):
            return getattr(context(digits), exact)(first, second)
        return floating(first, second)

    return apply


def rounded(amount: Decimal, decimals: int) -> Decimal:
    return amount.quantize(Decimal(1).scaleb(-decimals), ROUND_HALF_UP, EXACT)


def share_of_sum(*values: Decimal, place: int) -> Decimal:
    """Ten decimals each by the largest remainders."""
    unit, whole = 10**10, sum(map(Fraction, values))
    exact = [Fraction(value) * unit / whole for value in values]
    parts = [floor(value) for value in exact]
    by_remainder = sorted(range(len(values)), key=lambda at: (parts[at] - exact[at], at))
    for at in by_remainder[: unit - sum(parts)]:
        parts[at] += 1
    return Decimal(parts[place]).scaleb(-10)


# --- rates --------------------------------------------------------------------------------------------------------


def internal_rate(amounts: Sequence[Decimal], days: Sequence[str]) -> float:
    """The rate a year at which the payments are worth nothing together: found on a grid, then halved to 50 digits."""
    on = [date.fromisoformat(day) for day in days]
    years = [Fraction((day - min(on)).days, 365) for day in on]
    grid = np.concatenate([-np.geomspace(36, 1e-6, 4000), [0.0], np.geomspace(1e-6, 700, 4000)])
    weighed = np.array([float(amount) for amount in amounts])
    times = np.array([float(year) for year in years])
    with np.errstate(over="ignore", invalid="ignore"):
        signs = np.sign((weighed * np.exp(-np.outer(grid, times))).sum(axis=1))
    places = [int(place) for place in np.flatnonzero(signs[1:] * signs[:-1] <= 0)]
    falling = [place for place in places if signs[place] > signs[place + 1]] or places
    place = min(falling, key=lambda at: abs(grid[at]))
    low, high = Decimal(float(grid[place])), Decimal(float(grid[place + 1]))
    exact = [
        (Decimal(year.numerator) / Decimal(year.denominator), amount)
        for year, amount in zip(years, amounts, strict=True)
    ]
    for _ in range(120):
        middle = (low + high) / 2
        worth = sum((amount * FINE.exp(-middle * year) for year, amount in exact), Decimal(0))
        low, high = (middle, high) if (worth > 0) == (signs[place] > 0) else (low, middle)
    return float(FINE.exp(low) - 1)


def power_of(growth: Any, exponent: Fraction) -> float:
    return float(
        FINE.power(1 + Decimal(float(growth)), Decimal(exponent.numerator) / Decimal(exponent.denominator)) - 1
    )


# --- arrays -------------------------------------------------------------------------------------------------------


def item(array: Any, index: Any) -> Any:
    if isinstance(index, list | np.ndarray):
        return array[tuple(_axis(each) for each in index)]
    return array[slice(index["from"], index["to"], index["step"])] if isinstance(index, dict) else array[index]


def _axis(index: Any) -> Any:
    return slice(index["from"], index["to"], index["step"]) if isinstance(index, dict) else index


def falls(fall: Any) -> Any:
    """The runs of losses, walked through day by day."""
    rows: list[list[float]] = []
    start: int | None = None
    for place, loss in enumerate([*fall.tolist(), 0.0]):
        if loss < 0 and start is None:
            start = place
        elif loss >= 0 and start is not None:
            run = fall[start:place].tolist()
            back = place < len(fall)
            rows.append([start, start + run.index(min(run)), place if back else np.nan, min(run), len(run) + back])
            start = None
    return np.array(sorted(rows, key=lambda row: (row[3], row[0])))


def student_tails(ratio: Any, degrees: int) -> Any:
    """By the incomplete beta function."""
    return betainc(degrees / 2, 0.5, degrees / (degrees + np.square(ratio)))


def quantile_weights(count: int, level: float) -> Any:
    position = round((count - 1) * (1 - level), 12)
    weights = np.zeros(floor(position) + 2)
    weights[floor(position) :] = 1 - (position - floor(position)), position - floor(position)
    return weights[: floor(position) + 1] if position == floor(position) else weights


def tail_weights(count: int, level: float) -> Any:
    share = round(count * (1 - level), 12)
    return np.array([min(1.0, share - place) / share for place in range(ceil(share))])


def ewma_filtered(returns: Any) -> Any:
    variances = [float(np.mean(returns**2))]
    for each in returns:
        variances.append(0.94 * variances[-1] + 0.06 * each * each)
    return returns * np.sqrt(variances[-1] / np.array(variances[:-1]))


def standard_draws(periods: int, paths: int, distribution: str, seed: float, degrees: float = 5.0) -> Any:
    random = np.random.default_rng(int(seed))
    half = random.standard_normal((periods, (paths + 1) // 2))
    if distribution == "student":
        half = half * np.sqrt((degrees - 2.0) / random.chisquare(degrees, half.shape))
    return np.concatenate([half, -half], axis=1)[:, :paths]


OPERATIONS: dict[str, Callable[..., Any]] = {
    "absolute": lambda x: EXACT.abs(x) if isinstance(x, Decimal) else np.abs(x),
    "add": either("add", lambda a, b: a + b),
    "and": np.logical_and,
    "annualised": lambda growth, days: power_of(growth, Fraction(365, days)),
    "at": lambda column, place: column[int(place)],
    "any": lambda x, axis=None: np.any(x, axis=axis),
    "clip": np.clip,
    "copysign": np.copysign,
    "chosen": lambda array, mask: array[np.asarray(mask, bool)],
    "diagonal": np.diag,
    "divide": either("divide", lambda a, b: a / b),
    "dot": np.dot,
    "equal": np.equal,
    "ewma_filtered": ewma_filtered,
    "expm1": np.expm1,
    "falls": falls,
    "inverse": np.linalg.inv,
    "isfinite": np.isfinite,
    "picked": lambda array, places: array[np.asarray(places, int)],
    "side_by_side": np.column_stack,
    "student_tails": student_tails,
    "variance": lambda x, axis=None, ddof=0: np.var(x, axis=axis, ddof=ddof),
    "exp": np.exp,
    "greater": np.greater,
    "greatest": lambda x, axis=None: np.max(x, axis=axis),
    "greater_equal": np.greater_equal,
    "internal_rate": internal_rate,
    "item": item,
    "joined": lambda parts, axis=0: np.concatenate([np.atleast_1d(part) for part in parts], axis=axis),
    "least": lambda x, axis=None: np.min(x, axis=axis),
    "less": np.less,
    "less_equal": np.less_equal,
    "log1p": np.log1p,
    "maximum": np.maximum,
    "mean": lambda x, axis=None: np.mean(x, axis=axis),
    "minimum": np.minimum,
    "multiply": multiplied,
    "negative": lambda x: EXACT.minus(x) if isinstance(x, Decimal) else -x,
    "not": np.logical_not,
    "not_equal": np.not_equal,
    "or": np.logical_or,
    "over_days": lambda rate, days: power_of(rate, Fraction(days, 365)),
    "power": np.power,
    "product": lambda x, axis=None: np.prod(x, axis=axis),
    "quantile": lambda x, level, axis=None: np.quantile(x, np.asarray(level, float), axis=axis),
    "quantile_weights": quantile_weights,
    "repeated": lambda x, shape: np.broadcast_to(x, np.asarray(shape, int)),
    "round": rounded,
    "remainder": either("remainder", np.remainder),
    "running_any": lambda x, axis=0: np.logical_or.accumulate(x, axis=axis),
    "running_maximum": lambda x, axis=0: np.maximum.accumulate(x, axis=axis),
    "running_product": lambda x, axis=0: np.cumprod(x, axis=axis),
    "running_sum": lambda x, axis=0: np.cumsum(x, axis=axis),
    "share_of_sum": share_of_sum,
    "smallest": lambda x, count: np.sort(x)[:count],
    "sqrt": np.sqrt,
    "square": np.square,
    "standard_draws": standard_draws,
    "outer": np.multiply.outer,
    "std": lambda x, axis=None, ddof=0: np.std(x, axis=axis, ddof=ddof),
    "subtract": either("subtract", lambda a, b: a - b),
    "sum": summed,
    "tail_weights": tail_weights,
    "where": np.where,
    "zeros_like": np.zeros_like,
    "normal_quantile": np.vectorize(NormalDist().inv_cdf),
    "transposed": np.transpose,
}
