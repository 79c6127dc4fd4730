"""What a scenario does to each holding: shocks by name, and what happened in a past window. Pure NumPy; no Django."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import date, timedelta
from enum import StrEnum
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from analytics import engine
from analytics.exposure import Position, Weighted
from analytics.market import Market
from analytics.valuation import FloatArray, carried_forward

# A close further back than this before an end of a window says nothing about it.
OLDEST_CLOSE = timedelta(days=10)
MIN_SHARED = 30  # returns from which a beta is taken


class Target(StrEnum):
    """What a shock is aimed at."""

    ALL = "all"
    SECTOR = "sector"
    CURRENCY = "currency"
    ASSET = "asset"


class Source(StrEnum):
    """Where the shock of a holding comes from."""

    PRICES = "prices"  # its own prices in the window
    BETA = "beta"  # the benchmark's move, times its beta
    SCENARIO = "scenario"
    FACTORS = "factors"
    NONE = "none"  # nothing is known; taken as unmoved


class Shock(NamedTuple):
    """A return, such as −0.3, of what ``target`` and ``key`` name: a symbol, a sector or a currency; "" for all."""

    target: Target
    key: str
    size: float


class Window(NamedTuple):
    """A stretch of history: from the close of ``start`` to that of ``end``."""

    start: date
    end: date


@dataclass(frozen=True, slots=True)
class Effect:
    """What one holding does: its return and what that adds to the portfolio's, both fractions."""

    position: Position
    weight: float
    shock: float
    contribution: float
    source: Source


@dataclass(frozen=True, slots=True)
class Outcome:
    """A scenario's result for today's weights. ``covered`` is the share of the holdings' weight, counted without its
    sign, that has a shock of its own or through the benchmark. ``unused`` are the shocks that move
    nothing of what is held."""

    total: float
    covered: float
    effects: tuple[Effect, ...]
    unused: tuple[Shock, ...] = ()


def shocked(held: Weighted, shocks: Sequence[Shock]) -> Outcome:
    """The effect of shocks named by a person.

    The narrowest that fits an asset counts: its own, else its sector's, else that of all. A shock of a currency moves
    what is quoted in it besides: (1 + s)(1 + c) − 1.
    """
    by_target = {(shock.target, shock.key): shock for shock in shocks}
    moves, sources, used = np.zeros(len(held.positions)), [], set()
    for place, position in enumerate(held.positions):
        names = [(Target.ASSET, position.symbol), (Target.SECTOR, position.sector), (Target.ALL, "")]
        own = next((by_target[name] for name in names if name in by_target), None)
        money = by_target.get((Target.CURRENCY, position.currency)) if position.currency != held.currency else None
        applied = [shock for shock in (own, money) if shock is not None]
        moves[place] = np.prod([1.0 + shock.size for shock in applied]) - 1.0
        sources.append(Source.SCENARIO if applied else Source.NONE)
        used.update(applied)
    return replace(judged(held, moves, sources), unused=tuple(shock for shock in shocks if shock not in used))


def judged(held: Weighted, moves: FloatArray, sources: Sequence[Source]) -> Outcome:
    """The outcome of one return (N,) for each holding; none loses more than it is worth."""
    result = engine.stress(held.weights, np.maximum(moves, -1.0))
    rows = zip(held.positions, held.weights, np.maximum(moves, -1.0), result.contributions, sources, strict=True)
    effects = tuple(Effect(row[0], float(row[1]), float(row[2]), float(row[3]), row[4]) for row in rows)
    gross = float(np.abs(held.weights).sum())
    known = sum(abs(effect.weight) for effect in effects if effect.source != Source.NONE)
    return Outcome(result.total, known / gross if gross else 0.0, effects)


def replayed(held: Weighted, market: Market, window: Window, benchmark_id: int | None) -> Outcome:
    """Today's weights through a window of the past.

    An asset moves as its adjusted closes did, in the portfolio's currency. One that was not there yet moves by its beta
    times the benchmark's return, where the benchmark has prices for the window; else it is left out as unmoved.
    """
    moves = window_returns(market, [position.asset_id for position in held.positions], held.currency, window)
    sources = [Source.PRICES if np.isfinite(move) else Source.NONE for move in moves]
    if benchmark_id is not None and Source.NONE in sources:
        [index] = window_returns(market, [benchmark_id], held.currency, window)
        betas = benchmark_betas(held, market, benchmark_id)
        for place in np.flatnonzero(np.isnan(moves) & np.isfinite(betas * index)):
            moves[place], sources[place] = betas[place] * index, Source.BETA
    return judged(held, np.nan_to_num(moves), sources)


def moved_by_benchmark(held: Weighted, market: Market, benchmark_id: int, move: float) -> Outcome:
    """What a return of the benchmark does to today's weights, through each asset's beta."""
    betas = benchmark_betas(held, market, benchmark_id)
    sources = [Source.BETA if np.isfinite(beta) else Source.NONE for beta in betas]
    return judged(held, np.nan_to_num(betas) * move, sources)


def window_returns(market: Market, asset_ids: Sequence[int], base: str, window: Window) -> FloatArray:
    """Total returns (N,) over the window in ``base``; NaN for one without a close near either end.

    NaN for all when the market is not known from its start to its end.
    """
    found = np.full(len(asset_ids), np.nan)
    start, end = np.datetime64(window.start), np.datetime64(window.end)
    if not len(market.days) or market.days[0] > start or market.days[-1] < end:
        return found
    first, last = (int(np.searchsorted(market.days, day, side="right")) - 1 for day in (start, end))
    for row, pk in enumerate(asset_ids):
        closes = market.adjusted_of(pk)
        fresh = [_fresh(closes, market.days, place, day) for place, day in zip((first, last), window, strict=True)]
        if all(fresh):
            worth = carried_forward(closes[np.newaxis])[0] * market.rate(market.facts[pk].currency, base)
            found[row] = worth[last] / worth[first] - 1.0
    return found


def _fresh(closes: FloatArray, days: NDArray[np.datetime64], place: int, day: date) -> bool:
    oldest = int(np.searchsorted(days, np.datetime64(day - OLDEST_CLOSE)))
    return bool(np.isfinite(closes[oldest : place + 1]).any())


def benchmark_betas(held: Weighted, market: Market, benchmark_id: int) -> FloatArray:
    """Beta (N,) of each asset to the benchmark over all sessions that both have; NaN with fewer than 30."""
    asset_ids = [position.asset_id for position in held.positions]
    grid = market.grid(frozenset(market.facts[pk].calendar for pk in [*asset_ids, benchmark_id]))
    index = market.benchmark_returns(benchmark_id, held.currency, grid)
    return np.array([_beta(market.benchmark_returns(pk, held.currency, grid), index) for pk in asset_ids])


def _beta(returns: FloatArray, index: FloatArray) -> float:
    both = np.isfinite(returns) & np.isfinite(index)
    if both.sum() < MIN_SHARED:
        return np.nan
    try:
        return float(engine.beta(returns[both], index[both]))
    except engine.UndefinedMetric:
        return np.nan
