"""Backtests of value at risk: how often the losses of many portfolios went beyond their forecasts. Pure; no Django."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Hashable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from functools import lru_cache
from typing import NamedTuple, TypeVar

import numpy as np
from numpy.typing import NDArray

from analytics import engine
from analytics.engine import InsufficientData, Method
from analytics.valuation import FloatArray

K = TypeVar("K", bound=Hashable)
TRAFFIC_LEVEL = 0.99  # the one for which the supervisors' zones are defined
DIGITS = 8  # of a fraction that is listed: a millionth of a percent


class History(NamedTuple):
    """A portfolio's returns (T,) on its ``days``, ascending."""

    days: NDArray[np.datetime64]
    returns: FloatArray


class Exceeded(NamedTuple):
    """A day whose loss went beyond the forecast, both as positive fractions of the value."""

    day: date
    forecast: float
    loss: float


@dataclass(frozen=True, slots=True)
class Plan:
    """What is tested: each method at each level over the last so many days, each day from the ``window`` before it."""

    methods: tuple[Method, ...]
    levels: tuple[float, ...]
    lengths: tuple[int, ...]
    window: int

    @property
    def longest(self) -> int:
        """Returns that the longest backtest takes."""
        return self.window + max(self.lengths)


@dataclass(frozen=True, slots=True)
class Backtest:
    """One method at one level over ``days`` sessions. Without an answer, ``problem`` says why and nothing else is set.

    The statistics are likelihood ratios, each with its p-value: ``coverage`` is Kupiec's, ``independence`` and
    ``joint`` are Christoffersen's. ``zone`` is empty at another level than 99 %.
    """

    method: Method
    level: float
    days: int
    expected: float
    exceptions: int | None = None
    coverage: tuple[float, float] | None = None
    independence: tuple[float, float] | None = None
    joint: tuple[float, float] | None = None
    zone: str = ""
    first_day: date | None = None
    last_day: date | None = None
    exceeded: tuple[Exceeded, ...] = ()
    problem: str = ""


def backtests(histories: Mapping[K, History], plan: Plan) -> dict[K, list[Backtest]]:
    """Every backtest of ``plan`` for each portfolio; those with the same days are computed as matrices."""
    results: dict[K, list[Backtest]] = {}
    for names, days, returns in _alike(histories, plan.longest):
        lengths = [length for length in plan.lengths if plan.window + length <= len(days)]
        results |= {name: [*_too_short(plan, lengths, len(days))] for name in names}
        if not lengths:
            continue
        start = len(days) - plan.window - max(lengths)
        tested = _tested(plan, lengths, days[start:], returns[start:])
        for name, found in zip(names, tested, strict=True):
            results[name] += found
    return results


def refused(plan: Plan, problem: str) -> list[Backtest]:
    """Every backtest of the plan without an answer, for one reason."""
    return [
        Backtest(method, level, length, _expected(level, length), problem=problem)
        for method in plan.methods
        for level in plan.levels
        for length in plan.lengths
    ]


def _alike(
    histories: Mapping[K, History], longest: int
) -> Iterator[tuple[list[K], NDArray[np.datetime64], FloatArray]]:
    """Portfolios whose last ``longest`` returns are of the same days: names, days (T,) and returns (T, n)."""
    groups: dict[bytes, list[K]] = defaultdict(list)
    for name, history in histories.items():
        groups[history.days[-longest:].astype("datetime64[D]").tobytes()].append(name)
    for names in groups.values():
        days = histories[names[0]].days[-longest:]
        yield names, days, np.stack([histories[name].returns[-longest:] for name in names], axis=1)


def _too_short(plan: Plan, lengths: Sequence[int], got: int) -> Iterator[Backtest]:
    for length in plan.lengths:
        if length not in lengths:
            short = Plan(plan.methods, plan.levels, (length,), plan.window)
            yield from refused(short, str(InsufficientData(plan.window + length, got)))


def _expected(level: float, length: int) -> float:
    return round(length * (1 - level), 9)


def _tested(
    plan: Plan, lengths: Sequence[int], days: NDArray[np.datetime64], returns: FloatArray
) -> Iterable[list[Backtest]]:
    """The backtests of each column of ``returns`` (window + D, n)."""
    forecasts = engine.loss_forecasts(returns, plan.levels, window=plan.window, methods=plan.methods)
    results: list[list[Backtest]] = [[] for _ in range(returns.shape[1])]
    for method, of_levels in forecasts.items():
        for level, forecast in zip(plan.levels, of_levels, strict=True):
            for length in lengths:
                part = _Part(method, level, days[-length:], returns[-length:], forecast[-length:])
                for found, result in zip(results, part.results(), strict=True):
                    found.append(result)
    return results


@lru_cache
def _zone(exceptions: int, days: int) -> str:
    return engine.basel_traffic_light(exceptions, days).zone


@dataclass(frozen=True, slots=True, eq=False)
class _Part:
    """One method and level over the same days for n portfolios: days (D,), returns and forecasts (D, n)."""

    method: Method
    level: float
    days: NDArray[np.datetime64]
    returns: FloatArray
    forecasts: FloatArray

    def results(self) -> Iterator[Backtest]:
        known = np.asarray(np.isfinite(self.forecasts).all(axis=0))
        # NaN is not below any loss: such a column has no exceptions, and is left out below.
        hits = -self.returns > self.forecasts
        tests = engine.coverage_tests(hits, self.level)
        ratios = (tests.coverage, tests.independence, tests.conditional_coverage)
        pairs = np.stack([np.stack([*pair]) for pair in zip(ratios, tests.p_values, strict=True)]).T.tolist()
        for column, ok in enumerate(known):
            if not ok:
                yield self._none(column)
                continue
            coverage, independence, joint = ((ratio, p_value) for ratio, p_value in zip(*pairs[column], strict=True))
            count = int(tests.exceptions[column])
            yield Backtest(
                self.method,
                self.level,
                len(self.days),
                _expected(self.level, len(self.days)),
                count,
                coverage,
                independence,
                joint,
                self.zone(count),
                self.days[0].item(),
                self.days[-1].item(),
                tuple(self._exceeded(column, hits[:, column])),
            )

    def zone(self, count: int) -> str:
        return _zone(count, len(self.days)) if self.level == TRAFFIC_LEVEL else ""

    def _exceeded(self, column: int, hits: NDArray[np.bool_]) -> Iterator[Exceeded]:
        places = np.flatnonzero(hits)
        forecasts, losses = self.forecasts[places, column].round(DIGITS), -self.returns[places, column].round(DIGITS)
        for day, forecast, loss in zip(self.days[places].tolist(), forecasts.tolist(), losses.tolist(), strict=True):
            yield Exceeded(day, forecast, loss)

    def _none(self, column: int) -> Backtest:
        day = self.days[int(np.isnan(self.forecasts[:, column]).argmax())]
        problem = f"the returns before {day} do not vary"
        return Backtest(self.method, self.level, len(self.days), _expected(self.level, len(self.days)), problem=problem)
