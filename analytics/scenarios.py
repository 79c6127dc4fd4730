"""What a scenario does to each holding: shocks by name, and what happened in a past window. Pure NumPy; no Django."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date, timedelta
from enum import StrEnum
from functools import reduce
from operator import mul
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from analytics import engine
from analytics.engine.stress import StressResult
from analytics.exposure import Weighted
from analytics.market import Grid, Market
from analytics.valuation import FloatArray, carried_forward
from core.errors import DomainError

# A close further back than this before an end of a window says nothing about it.
OLDEST_CLOSE = timedelta(days=10)
MIN_SHARED = 30  # returns from which a beta is taken


class WorthlessBase(DomainError):
    """The portfolio's own currency cannot lose everything: nothing would have a value in it."""


class Target(StrEnum):
    """What a shock is aimed at."""

    ALL = "all"
    SECTOR = "sector"
    CURRENCY = "currency"
    ASSET = "asset"


class Source(StrEnum):
    """Where the shock of a holding comes from."""

    PRICES = "prices"  # its own prices in the window
    RATE = "rate"  # the exchange rate in the window, of cash
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


class Line(NamedTuple):
    """What a scenario may move: a holding or, without a symbol, cash in another currency."""

    symbol: str
    name: str
    sector: str
    currency: str


@dataclass(frozen=True, slots=True)
class Effect:
    """What one holding, or cash in another currency, does: its return and what that adds, both fractions."""

    line: Line
    weight: float
    shock: float
    contribution: float
    source: Source


@dataclass(frozen=True, slots=True)
class Outcome:
    """A scenario's result for today's weights.

    ``covered`` is the share of the weight of holdings and of cash in other currencies, counted without its sign, that
    has a shock of its own or through the benchmark or factors. ``unused`` are the shocks that move nothing of what is
    held.
    """

    total: float
    covered: float
    effects: tuple[Effect, ...]
    unused: tuple[Shock, ...] = ()

    @property
    def moves_holdings(self) -> bool:
        """Whether anything is known of a holding, not of cash alone."""
        return any(effect.line.symbol and effect.source != Source.NONE for effect in self.effects)


def lines(held: Weighted) -> list[Line]:
    """The holdings, then cash by currency, as every outcome has them."""
    holdings = [Line(position.symbol, position.name, position.sector, position.currency) for position in held.positions]
    return holdings + [Line("", f"Cash in {line.currency}", "", line.currency) for line in held.cash]


def weights_of(held: Weighted) -> FloatArray:
    """The weights (L,) of ``lines``."""
    return np.append(held.weights, [line.weight for line in held.cash])


class Shaken(NamedTuple):
    """What shocks do to each of ``lines``: returns (L,), where each comes from, and the shocks that move none."""

    moves: FloatArray
    sources: list[Source]
    unused: tuple[Shock, ...]


def shocked(held: Weighted, shocks: Sequence[Shock]) -> Outcome:
    """The effect of shocks named by a person.

    The narrowest that fits an asset counts: its own, else its sector's, else that of all. A shock c of a currency moves
    what is quoted in it besides, and cash in it; one b of the base currency moves everything that is in another:
    (1 + s)(1 + c) / (1 + b) − 1. Raises WorthlessBase.
    """
    found = shaken(held, shocks)
    return replace(judged(held, found.moves, found.sources), unused=found.unused)


def shaken(held: Weighted, shocks: Sequence[Shock]) -> Shaken:
    """The returns of ``shocked``, recorded where the sizes of the shocks are. Raises WorthlessBase."""
    by_target = {(shock.target, shock.key): shock for shock in shocks}
    base = by_target.get((Target.CURRENCY, held.currency))
    if base is not None and base.size <= -1.0:
        raise WorthlessBase(field="shocks")
    moves: list[Any] = []
    sources: list[Source] = []
    used: set[tuple[Target, str]] = set()
    for line in lines(held):
        own, money = _own(line, by_target), by_target.get((Target.CURRENCY, line.currency))
        rates = [money, base] if line.currency != held.currency else []
        applied = [shock for shock in (own, *rates) if shock is not None]
        growth = [1.0 / (1.0 + shock.size) if shock is base else 1.0 + shock.size for shock in applied]
        moves.append(reduce(mul, growth, 1.0) - 1.0)
        sources.append(Source.SCENARIO if applied else Source.NONE)
        used.update(shock[:2] for shock in applied)
    return Shaken(np.hstack(moves), sources, tuple(shock for shock in shocks if shock[:2] not in used))


def _own(line: Line, by_target: Mapping[tuple[Target, str], Shock]) -> Shock | None:
    """The narrowest shock that fits; none for cash, which moves with its currency alone."""
    names = [(Target.ASSET, line.symbol), (Target.SECTOR, line.sector), (Target.ALL, "")] if line.symbol else []
    return next((by_target[name] for name in names if name in by_target), None)


def judged(held: Weighted, moves: FloatArray, sources: Sequence[Source]) -> Outcome:
    """The outcome of one return (L,) for each of ``lines``; none loses more than it is worth."""
    return _outcome(held, result_of(weights_of(held), moves), sources)


def result_of(weights: FloatArray, moves: FloatArray) -> StressResult:
    """What returns (L,) of the lines do to their weights (L,)."""
    return engine.stress(weights, np.maximum(moves, -1.0))


def _outcome(held: Weighted, result: StressResult, sources: Sequence[Source]) -> Outcome:
    weights = weights_of(held)
    columns = (weights.tolist(), result.shocks.tolist(), result.contributions.tolist())
    effects = tuple(Effect(*row) for row in zip(lines(held), *columns, sources, strict=True))
    gross = float(np.abs(weights).sum())
    known = sum(abs(effect.weight) for effect in effects if effect.source != Source.NONE)
    return Outcome(result.total, known / gross if gross else 0.0, effects)


Betas = Callable[[], FloatArray]


def replayed(
    held: Weighted, market: Market, window: Window, benchmark_id: int | None, betas: Betas | None = None
) -> Outcome:
    """Today's weights through a window of the past.

    An asset moves as its adjusted closes did, in the portfolio's currency. One that was not there yet moves by its beta
    times the benchmark's return, where the benchmark has prices for the window; else it is left out as unmoved. Cash in
    another currency moves as its exchange rate did. ``betas`` gives ``benchmark_betas``, where they are at hand.
    """
    moves = window_returns(market, [position.asset_id for position in held.positions], held.currency, window)
    sources = [Source.PRICES if np.isfinite(move) else Source.NONE for move in moves]
    if benchmark_id is not None and Source.NONE in sources:
        [index] = window_returns(market, [benchmark_id], held.currency, window)
        known = benchmark_betas(held, market, benchmark_id) if betas is None else betas()
        for place in np.flatnonzero(np.isnan(moves) & np.isfinite(known * index)):
            moves[place], sources[place] = known[place] * index, Source.BETA
    rates = rate_returns(market, [line.currency for line in held.cash], held.currency, window)
    sources += [Source.RATE if np.isfinite(move) else Source.NONE for move in rates]
    return judged(held, np.nan_to_num(np.append(moves, rates)), sources)


def moved_by_benchmark(held: Weighted, betas: FloatArray, move: float) -> Outcome:
    """What a return of the benchmark does to today's weights, through each asset's beta (N,); cash stays as it is."""
    betas = np.append(betas, np.full(len(held.cash), np.nan))
    sources = [Source.BETA if np.isfinite(beta) else Source.NONE for beta in betas]
    return judged(held, np.nan_to_num(betas) * move, sources)


def moved_by_factors(held: Weighted, exposures: FloatArray, moves: Sequence[float]) -> Outcome:
    """What returns (K,) of factors do to today's weights through the exposures (K, N) of the holdings.

    Cash stays as it is.
    """
    result = through_factors(weights_of(held), exposures.T, moves)
    return _outcome(held, result, [Source.FACTORS] * len(held.positions) + [Source.NONE] * len(held.cash))


def through_factors(weights: FloatArray, exposures: FloatArray, moves: Sequence[float] | FloatArray) -> StressResult:
    """What returns (K,) of factors do to weights (L,), the first N of which have ``exposures`` (N, K)."""
    still = np.zeros((len(weights) - len(exposures), exposures.shape[1]))
    betas = np.concatenate([exposures, still]) if len(still) else exposures
    return engine.stress(weights, exposures=betas, factor_shocks=moves)


class Ends(NamedTuple):
    """What N things were worth at both ends of a window, each (N,): closes, and the rates to the base currency."""

    close_before: FloatArray
    rate_before: FloatArray
    close: FloatArray
    rate: FloatArray

    @property
    def returns(self) -> FloatArray:
        """Total returns (N,) in the base currency."""
        return grown(self.close_before * self.rate_before, self.close * self.rate)


def grown(before: FloatArray, after: FloatArray) -> FloatArray:
    """The return from one worth to another."""
    return after / before - 1.0


def window_returns(market: Market, asset_ids: Sequence[int], base: str, window: Window) -> FloatArray:
    """Total returns (N,) over the window in ``base``; NaN for one without a close near either end.

    NaN for all when the market is not known from its start to its end.
    """
    return window_ends(market, asset_ids, base, window).returns


def window_ends(market: Market, asset_ids: Sequence[int], base: str, window: Window) -> Ends:
    """The adjusted closes and rates at both ends of the window; NaN as in ``window_returns``."""
    places = places_of(market, window)
    found = Ends(*(np.full(len(asset_ids), np.nan) for _ in Ends._fields))
    for row, pk in enumerate(asset_ids if places else ()):
        closes = market.adjusted_of(pk)
        fresh = [_fresh(closes, market.days, place, day) for place, day in zip(places, window, strict=True)]
        if all(fresh):
            known, rates = carried_forward(closes[np.newaxis])[0], market.rate(market.facts[pk].currency, base)
            for column, value in zip(
                found, (level for place in places for level in (known[place], rates[place])), strict=True
            ):
                column[row] = value
    return found


def rate_returns(market: Market, currencies: Sequence[str], base: str, window: Window) -> FloatArray:
    """How the last known rate (C,) of each currency in ``base`` changed over the window; NaN where there was none."""
    return grown(*rate_ends(market, currencies, base, window))


def rate_ends(market: Market, currencies: Sequence[str], base: str, window: Window) -> tuple[FloatArray, FloatArray]:
    """The last known rates (C,) at both ends of the window; NaN as in ``rate_returns``."""
    places = places_of(market, window)
    if not places or not currencies:
        return np.full(len(currencies), np.nan), np.full(len(currencies), np.nan)
    rates = np.array([market.rate(currency, base)[list(places)] for currency in currencies])
    return rates[:, 0], rates[:, 1]


def places_of(market: Market, window: Window) -> tuple[int, ...]:
    """The places of the window's ends among the market's days; empty when it is not known from start to end."""
    start, end = np.datetime64(window.start), np.datetime64(window.end)
    if not len(market.days) or market.days[0] > start or market.days[-1] < end:
        return ()
    return tuple(int(np.searchsorted(market.days, day, side="right")) - 1 for day in (start, end))


def _fresh(closes: FloatArray, days: NDArray[np.datetime64], place: int, day: date) -> bool:
    oldest = int(np.searchsorted(days, np.datetime64(day - OLDEST_CLOSE)))
    return bool(np.isfinite(closes[oldest : place + 1]).any())


def benchmark_betas(held: Weighted, market: Market, benchmark_id: int) -> FloatArray:
    """Beta (N,) of each asset to the benchmark over all sessions that both have; NaN with fewer than 30."""
    grid = beta_grid(held, market, benchmark_id)
    index = market.benchmark_returns(benchmark_id, held.currency, grid)
    every = (market.benchmark_returns(position.asset_id, held.currency, grid) for position in held.positions)
    return np.array([_beta(returns, index) for returns in every])


def beta_grid(held: Weighted, market: Market, benchmark_id: int) -> Grid:
    """The sessions over which betas are taken: those of all that is held and of the benchmark."""
    asset_ids = [*(position.asset_id for position in held.positions), benchmark_id]
    return market.grid(frozenset(market.facts[pk].calendar for pk in asset_ids))


def _beta(returns: FloatArray, index: FloatArray) -> float:
    both = np.isfinite(returns) & np.isfinite(index)
    if both.sum() < MIN_SHARED:
        return np.nan
    try:
        return float(engine.beta(returns[both], index[both]))
    except engine.UndefinedMetric:
        return np.nan
