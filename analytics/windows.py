"""The figures of many portfolios over one month, a year … and since inception: slices of one matrix. Pure; no Django.

Portfolios with returns up to the same day, beside the same benchmark, are one block for the engine, each from its own
first day on; there is no loop over portfolios, only over such blocks.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from typing import Any

import numpy as np
from numpy.typing import NDArray

from analytics import engine
from analytics.engine import InsufficientData, UndefinedMetric
from analytics.performance import Inputs, Series
from analytics.valuation import FloatArray, IntArray
from portfolios.book.performance import MONTHS, months_before

PERIODS = {
    "month": "1 month",
    "quarter": "3 months",
    "half_year": "6 months",
    "ytd": "Year to date",
    "year": "1 year",
    "three_years": "3 years",
    "five_years": "5 years",
    "inception": "Since inception",
}

FIGURES = ("total_return", *engine.METRICS)
ALL_FIGURES = (*FIGURES, *(name for name in engine.FURTHER if name not in FIGURES))
_BESIDE = ("tracking_error", "information_ratio", "r_squared", "up_capture", "down_capture")
AGAINST_BENCHMARK = ("beta", "alpha", *_BESIDE)
# Product policy: a figure that speaks of a year or of a tail is not shown for fewer returns than this.
MIN_OBSERVATIONS = 30
# A year's return is not claimed from less than a year; the others here describe only what happened.
_OF_A_YEAR = ("annual_return", "calmar_ratio")
_OF_ANY_WINDOW = ("total_return", "max_drawdown", "win_rate", "best_day", "worst_day", "ulcer_index")
LEVEL = 0.95
HORIZON = 1.0

YOUNGER = "the portfolio is younger"
NOTHING_HELD = "nothing was held at the close of any session"
NO_BENCHMARK = "the portfolio has no benchmark"
TOO_LARGE = "it exceeds what a number can hold"


def needed(figure: str, periods: int, level: float = LEVEL) -> int:
    """How many returns a figure is shown from; ``periods`` make a year, ``level`` is that of the tail figures."""
    if figure in _OF_A_YEAR:
        return periods
    if figure in _OF_ANY_WINDOW:
        return 1
    return max(MIN_OBSERVATIONS, engine.minimum_observations(level)[figure])


def period_start(key: str, end: date) -> date:
    """The day at whose close a period begins that ends at the close of ``end``; not of "inception"."""
    return date(end.year - 1, 12, 31) if key == "ytd" else months_before(end, MONTHS[key])


# One period of one portfolio: its first session with a return, how many there are, and on how many of these the
# benchmark has one. NaT and 0 where the portfolio is younger.
WINDOW = np.dtype([("start", "<M8[D]"), ("observations", "<i4"), ("compared", "<i4")])


@dataclass(frozen=True, slots=True)
class Windows:
    """The figures of n portfolios over P periods.

    ``ends`` (n,) are the last sessions with a return, NaT without one; ``windows`` (n, P) are of ``WINDOW``;
    ``figures`` (n, P, F) are NaN where there is none. ``problems`` (n) hold, by period and figure, why the engine gives
    no number: what too few returns or a missing benchmark explain is not in it (see ``problem``).
    """

    keys: Sequence[str]
    names: Sequence[str]
    ends: NDArray[np.datetime64]
    windows: NDArray[np.void]
    figures: FloatArray
    problems: list[dict[str, dict[str, str]]]


def problem(
    name: str, window: np.void | Mapping[str, Any], *, periods: int, has_benchmark: bool, level: float = LEVEL
) -> str:
    """Why a period has no figure of this name though its returns are sound; "" if nothing of the kind is wrong."""
    observed = int(window["observations"])
    if not observed:
        return YOUNGER
    if name in AGAINST_BENCHMARK:
        if not has_benchmark:
            return NO_BENCHMARK
        observed = int(window["compared"])
    enough = needed(name, periods, level)
    return str(InsufficientData(enough, observed)) if observed < enough else ""


def windows_of(
    inputs: Inputs,
    series: Series,
    keys: Sequence[str] = tuple(PERIODS),
    *,
    level: float = LEVEL,
    horizon: float = HORIZON,
) -> Windows:
    """``ALL_FIGURES`` of each portfolio of ``series`` over each of the periods ``keys``, in that order.

    Value at risk and expected shortfall are at ``level`` over ``horizon`` sessions, by the square root of time.
    """
    names = ALL_FIGURES
    shape = len(series.rows), len(keys)
    windows = np.zeros(shape, WINDOW)
    windows["start"] = np.datetime64("NaT")
    ends = np.full(shape[0], np.datetime64("NaT", "D"))
    found = Windows(keys, names, ends, windows, np.full((*shape, len(names)), np.nan), [{} for _ in series.rows])
    spans = _Spans.of(inputs, series)
    if len(spans.places):
        ends[spans.places] = series.grid.days[spans.stop - 1]
        policy = _Policy(level, horizon)
        for period, key in enumerate(keys):
            for block in spans.blocks(key):
                _fill(found, period, block, policy)
    return found


@dataclass(frozen=True, slots=True)
class _Policy:
    level: float
    horizon: float


@dataclass(frozen=True, slots=True)
class _Block:
    """Portfolios of a series, by place (m,), with returns up to the same session, beside the same benchmark.

    ``sessions`` are T of the series' sessions; each portfolio counts from one of them on, by ``starts`` (m,).
    ``benchmark`` (T,) is None for portfolios without one, NaN on sessions without a return of it: then all count from
    the first.
    """

    series: Series
    places: NDArray[np.intp]
    sessions: slice | NDArray[np.intp]
    starts: IntArray
    benchmark: FloatArray | None

    def returns(self) -> FloatArray:
        """(T, m), contiguous by portfolio."""
        if isinstance(self.sessions, slice):
            rows: FloatArray = self.series.returns[_neighbours(self.places), self.sessions]
        else:
            rows = self.series.returns[self.places[:, np.newaxis], self.sessions]
        return rows.T

    def windows(self) -> NDArray[np.void]:
        """What each portfolio counts (m,), of WINDOW."""
        days = self.series.grid.days[self.sessions]
        made = np.zeros(len(self.places), WINDOW)
        made["start"] = days[self.starts]
        made["observations"] = len(days) - self.starts
        if self.benchmark is not None:
            whole = np.isfinite(self.benchmark).all()
            made["compared"] = made["observations"] if whole else np.isfinite(self.benchmark).sum()
        return made


@dataclass(frozen=True, slots=True)
class _Spans:
    """From where to where portfolios have returns: (m,) places in the series, first and last session but one."""

    series: Series
    places: NDArray[np.intp]
    first: IntArray
    stop: IntArray
    pattern: IntArray  # 0 where every session between has a return, else the same for the same sessions
    benchmark_of: IntArray  # asset id, 0 for none
    benchmarks: Mapping[int, FloatArray]

    @classmethod
    def of(cls, inputs: Inputs, series: Series) -> _Spans:
        sound = np.array([not reason for reason in series.problems], bool)
        places = np.flatnonzero(sound & series.valid.any(axis=1))
        valid = series.valid[places]
        sessions = valid.shape[1]
        first = valid.argmax(axis=1).astype(np.int64) if sessions else np.zeros(0, np.int64)
        stop = sessions - valid[:, ::-1].argmax(axis=1).astype(np.int64) if sessions else first
        gaps = valid.sum(axis=1) < stop - first
        pattern = np.zeros(len(places), np.int64)
        if gaps.any():
            _, same = np.unique(np.packbits(valid[gaps], axis=1), axis=0, return_inverse=True)
            pattern[gaps] = 1 + same.reshape(-1)
        own = np.array([inputs.portfolios[row].benchmark_id or 0 for row in series.rows[places]], np.int64)
        return cls(series, places, first, stop, pattern, own, benchmarks_of(inputs, series))

    def blocks(self, key: str) -> Iterator[_Block]:
        """The portfolios that are old enough for a period, in blocks."""
        lowest, old_enough = self._lowest(key)
        chosen = np.flatnonzero(old_enough)
        for members in _groups(chosen, self.stop, self.pattern, self.benchmark_of):
            whole = self._whole(members, lowest)
            if whole.any():
                first, stop = int(lowest[members[whole]].min()), int(self.stop[members[0]])
                yield self._block(members[whole], slice(first, stop), lowest[members[whole]] - first)
            yield from self._alike(members[~whole], lowest)

    def _whole(self, members: NDArray[np.intp], lowest: IntArray) -> NDArray[np.bool_]:
        """Which of portfolios that end together, beside one benchmark, have a return on every session, and it, too."""
        if self.pattern[members[0]]:
            return np.zeros(len(members), bool)
        benchmark = self.benchmarks.get(int(self.benchmark_of[members[0]]))
        if benchmark is None:
            return np.ones(len(members), bool)
        unknown = np.flatnonzero(np.isnan(benchmark[: self.stop[members[0]]]))
        return np.asarray(lowest[members] > unknown.max(initial=-1))

    def _alike(self, members: NDArray[np.intp], lowest: IntArray) -> Iterator[_Block]:
        """Those that count the same sessions: some lack a return, or the benchmark does."""
        for group in _groups(members, lowest):
            inside = slice(int(lowest[group[0]]), int(self.stop[group[0]]))
            sessions = inside.start + np.flatnonzero(self.series.valid[self.places[group[0]], inside])
            if len(sessions):
                yield self._block(group, sessions, np.zeros(len(group), np.int64))

    def _lowest(self, key: str) -> tuple[IntArray, NDArray[np.bool_]]:
        """The first session (m,) that counts, and which portfolios have been there since the period began."""
        if key == "inception":
            return self.first, np.ones(len(self.places), bool)
        days = self.series.grid.days
        ends, place = np.unique(self.stop, return_inverse=True)
        starts = np.array([period_start(key, days[end - 1].item()) for end in ends.tolist()], "M8[D]")
        after = np.searchsorted(days, starts, side="right").astype(np.int64)[place]
        begun = self.series.opened[self.places] - np.timedelta64(1, "D")
        return np.maximum(after, self.first), starts[place] >= begun

    def _block(self, members: NDArray[np.intp], sessions: slice | NDArray[np.intp], starts: IntArray) -> _Block:
        benchmark = self.benchmarks.get(int(self.benchmark_of[members[0]]))
        return _Block(
            self.series, self.places[members], sessions, starts, None if benchmark is None else benchmark[sessions]
        )


def _neighbours(places: NDArray[np.intp]) -> slice | NDArray[np.intp]:
    """``places`` as a slice where they are one, so that nothing is copied."""
    together = places[-1] - places[0] + 1 == len(places) and bool((np.diff(places) == 1).all())
    return slice(int(places[0]), int(places[-1]) + 1) if together else places


def _groups(chosen: NDArray[np.intp], *marks: IntArray) -> list[NDArray[np.intp]]:
    """``chosen`` in groups that agree in all ``marks``."""
    if not len(chosen):
        return []
    table = np.stack(marks)[:, chosen]
    order = np.lexsort(table)
    fresh = (np.diff(table[:, order], axis=1) != 0).any(axis=0)
    return np.split(chosen[order], np.flatnonzero(fresh) + 1)


def benchmarks_of(inputs: Inputs, series: Series) -> dict[int, FloatArray]:
    """Returns (T,) of each benchmark that a portfolio of ``series`` has, by asset id."""
    used = {inputs.portfolios[row].benchmark_id for row in series.rows}
    return {pk: inputs.market.benchmark_returns(pk, series.base, series.grid) for pk in used if pk is not None}


def _fill(found: Windows, period: int, block: _Block, policy: _Policy) -> None:
    """Write one block's windows and figures, and of what the engine gives no number, why."""
    windows = block.windows()
    table = _figures(block, policy)
    values = np.stack([table[name] for name in found.names], axis=1)
    shown = _shown(found.names, windows, block, policy)
    values[~(shown & np.isfinite(values))] = np.nan
    found.windows[block.places, period] = windows
    found.figures[block.places, period] = values
    for member, figure in np.argwhere(shown & np.isnan(values)).tolist():
        reasons = found.problems[block.places[member]].setdefault(found.keys[period], {})
        reasons[found.names[figure]] = _reason(found.names[figure], block, member)


def _shown(names: Sequence[str], windows: NDArray[np.void], block: _Block, policy: _Policy) -> NDArray[np.bool_]:
    """Which figures (m, F) have enough returns."""
    enough = np.array([needed(name, block.series.grid.periods, policy.level) for name in names])
    beside = np.isin(names, AGAINST_BENCHMARK)
    observed = np.where(beside, windows["compared"][:, np.newaxis], windows["observations"][:, np.newaxis])
    return np.asarray((observed >= enough) & ~(beside & (block.benchmark is None)))


def _figures(block: _Block, policy: _Policy) -> dict[str, FloatArray]:
    """Every figure (m,). A session without a benchmark return is left out of what is measured against it alone."""
    returns, benchmark = block.returns(), block.benchmark
    compared = np.zeros(len(returns), bool) if benchmark is None else np.isfinite(benchmark)
    whole = bool(compared.all())
    terms: dict[str, Any] = {"periods": block.series.grid.periods, "level": policy.level, "more": True}
    table = engine.metrics(returns, benchmark if whole else None, starts=block.starts, **terms)
    if benchmark is not None and not whole and compared.any():
        part = engine.metrics(returns[compared], benchmark[compared], **terms)
        table |= {name: part[name] for name in AGAINST_BENCHMARK}
    for name in ("value_at_risk", "expected_shortfall"):
        table[name] = table[name] * np.sqrt(policy.horizon)
    return table


def _reason(name: str, block: _Block, member: int) -> str:
    """Why the engine gives no number: it says so when it is asked for that figure alone."""
    start = block.starts[member]
    series = [block.returns()[start:, member]]
    if name in AGAINST_BENCHMARK and block.benchmark is not None:
        series = [each[np.isfinite(block.benchmark[start:])] for each in (*series, block.benchmark[start:])]
    figure: Callable[..., Any] = getattr(engine, name)
    try:
        figure(*series)
    except (UndefinedMetric, InsufficientData) as error:
        return str(error)
    return TOO_LARGE
