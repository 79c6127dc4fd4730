"""A portfolio's figures by period, stored or computed on request, and its returns for what is drawn over time."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from math import isfinite
from typing import Any

import numpy as np
from numpy.typing import NDArray

from analytics.history import Past
from analytics.models import Snapshot
from analytics.packing import LAYOUTS, unpack
from analytics.packing import history as packed_history
from analytics.performance import Inputs, Series, series_of
from analytics.queries.facts import inputs
from analytics.queries.remembered import remembered
from analytics.queries.versions import stale
from analytics.valuation import FloatArray
from analytics.windows import HORIZON, LEVEL, NOTHING_HELD, PERIODS, benchmarks_of, problem, windows_of
from portfolios.models import Portfolio

NOT_DEFINED = "it is not defined"


@dataclass(frozen=True, slots=True)
class PeriodFigures:
    """One period: its first and last session with a return, how many it has, and its figures by name.

    A figure is None where ``problems`` says why; ``compared`` are the returns beside one of the benchmark.
    """

    key: str
    label: str
    start: date | None
    end: date | None
    observations: int
    compared: int
    figures: Mapping[str, float | None]
    problems: Mapping[str, str]


@dataclass(frozen=True, slots=True)
class PeriodReport:
    """The periods of a portfolio that end with its newest return up to ``as_of``; ``computed_at`` of stored ones."""

    as_of: date | None
    stale: bool
    computed_at: datetime | None
    benchmark: str
    rows: Sequence[PeriodFigures]


@dataclass(frozen=True, slots=True)
class _Facts:
    """What the problems of a portfolio's figures follow from; ``reason`` is why it has no returns at all."""

    end: date | None
    periods: int
    has_benchmark: bool
    level: float
    reason: str
    problems: Mapping[str, Mapping[str, str]]


def period_report(
    portfolio: Portfolio, *, as_of: date | None = None, level: float = LEVEL, horizon: float = HORIZON
) -> PeriodReport:
    """The figures by period: of now those that are stored (2 queries), otherwise computed (at most 12)."""
    usual = (level, horizon) == (LEVEL, HORIZON)
    newest = Snapshot.objects.filter(portfolio=portfolio).order_by("-as_of").first() if as_of is None else None
    if usual and newest is not None and newest.period_layout in LAYOUTS:
        return stored_report(newest, late=stale(Portfolio.objects.filter(pk=portfolio.pk)).exists())
    terms = (as_of, level, horizon)
    rows = remembered(portfolio, "periods", terms, lambda: _computed(portfolio, as_of, level, horizon))
    shown = as_of or (newest.as_of if newest else rows[-1].end)
    benchmark = portfolio.benchmark.symbol if portfolio.benchmark else ""
    return PeriodReport(shown, stale=False, computed_at=None, benchmark=benchmark, rows=rows)


def figure_history(portfolio: Portfolio, period: str, figure: str) -> tuple[NDArray[np.datetime64], FloatArray]:
    """The days of the stored snapshots, ascending, and what one figure of one period was at each; one query."""
    kept = Snapshot.objects.filter(portfolio=portfolio, period_layout__in=LAYOUTS).order_by("as_of")
    rows = list(kept.values_list("as_of", "periods", "period_layout"))
    days = np.array([row[0] for row in rows], "M8[D]")
    return days, packed_history([(row[1] or b"", row[2]) for row in rows], period, figure)


def past_returns(portfolio: Portfolio, *, as_of: date | None = None) -> Past:
    """The sessions with a return, up to ``as_of``; at most 10 queries, and those of a price panel that lags."""
    return remembered(portfolio, "past", (as_of,), lambda: _past(portfolio, as_of))


def _past(portfolio: Portfolio, as_of: date | None) -> Past:
    chunk = inputs([portfolio.pk], as_of=as_of)
    [series] = series_of(chunk)
    return past_from(chunk, series)


def past_from(chunk: Inputs, series: Series) -> Past:
    """The same where the daily series of the one portfolio of ``chunk`` is there already; no query."""
    earned = series.valid[0]
    [beside] = benchmarks_of(chunk, series).values() or [None]
    problem = series.problems[0] or ("" if earned.any() else NOTHING_HELD)
    benchmark = None if beside is None else beside[earned]
    return Past(series.grid.days[earned], series.returns[0][earned], benchmark, series.grid.periods, problem)


def stored_report(snapshot: Snapshot, *, late: bool) -> PeriodReport:
    """What ``snapshot`` holds, ``late`` if it is stale; no query. Its layout is one of ``LAYOUTS``."""
    layout = LAYOUTS[snapshot.period_layout]
    facts = _Facts(
        snapshot.window_end,
        snapshot.sessions_a_year,
        bool(snapshot.benchmark_symbol),
        LEVEL,
        snapshot.problems.get("total_return", ""),
        snapshot.period_problems or {},
    )
    records = unpack(snapshot.periods or b"", snapshot.period_layout)
    rows = [
        _period(key, record, dict(zip(layout.figures, record["figures"].tolist(), strict=True)), facts)
        for key, record in zip(layout.periods, records, strict=True)
    ]
    return PeriodReport(snapshot.as_of, late, snapshot.computed_at, snapshot.benchmark_symbol, rows)


def _computed(portfolio: Portfolio, as_of: date | None, level: float, horizon: float) -> list[PeriodFigures]:
    chunk = inputs([portfolio.pk], as_of=as_of)
    [series] = series_of(chunk)
    found = windows_of(chunk, series, level=level, horizon=horizon)
    reason = series.problems[0] or ("" if series.valid.any() else NOTHING_HELD)
    end = None if np.isnat(found.ends[0]) else found.ends[0].item()
    has_benchmark = chunk.portfolios[0].benchmark_id is not None
    facts = _Facts(end, series.grid.periods, has_benchmark, level, reason, found.problems[0])
    figures = (dict(zip(found.names, values, strict=True)) for values in found.figures[0].tolist())
    return [_period(key, found.windows[0, place], next(figures), facts) for place, key in enumerate(found.keys)]


def _period(key: str, window: Any, values: Mapping[str, float], facts: _Facts) -> PeriodFigures:
    terms = {"periods": facts.periods, "has_benchmark": facts.has_benchmark, "level": facts.level}
    said = facts.problems.get(key, {})
    observations = int(window["observations"])
    problems = {
        name: facts.reason or problem(name, window, **terms) or said.get(name, NOT_DEFINED)  # type: ignore[arg-type]
        for name, value in values.items()
        if not isfinite(value)
    }
    return PeriodFigures(
        key,
        PERIODS[key],
        window["start"].item() if observations else None,
        facts.end if observations else None,
        observations,
        int(window["compared"]),
        {name: value if isfinite(value) else None for name, value in values.items()},
        problems,
    )
