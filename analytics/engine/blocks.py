"""Figures of one block of portfolios, taken in one pass while it is near the processor's cache.

Rows are portfolios (B, T), each contiguous; figures are (B,), and each is what the function of its name gives. Windows
may differ in length: what lies before a row's first return is ``outside``, is 0 while sums are taken, and is left out
of every count.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import lru_cache

import numpy as np

from analytics.engine.lanes import accumulate, from_lanes, to_lanes
from analytics.engine.order import lowest
from analytics.engine.returns import compounded
from analytics.engine.tail import quantile_weights, tail_weights
from analytics.engine.types import LARGEST, BoolArray, FloatArray, IntArray, bounded, is_flat

Figures = dict[str, FloatArray]

TAIL = 0.95  # of the tail ratio


@dataclass(frozen=True, slots=True)
class Terms:
    """What is the same for every block; ``more`` asks for the further figures, too."""

    risk_free: float
    periods: float
    level: float
    more: bool


@dataclass(frozen=True, slots=True)
class Block:
    """Returns (B, T) that may be overwritten, the benchmark (1, T) or (B, T), and two buffers and one of booleans.

    ``counts`` are the returns of each row, (B,) or (1,); ``outside`` (B, T) is None where all windows are alike.
    ``path`` and ``peak``, by lanes, lie where the first and the second buffer do.
    """

    rows: FloatArray
    market: FloatArray | None
    counts: IntArray
    outside: BoolArray | None
    first: FloatArray
    second: FloatArray
    path: FloatArray
    peak: FloatArray
    gains: BoolArray

    def cleared(self, values: FloatArray, value: float = 0.0) -> FloatArray:
        """``values`` with ``value`` where no window is."""
        if self.outside is not None:
            np.copyto(values, value, where=self.outside)
        return values

    def mean(self, values: FloatArray) -> FloatArray:
        return np.asarray(values.sum(axis=1) / self.counts)

    def product(self, one: FloatArray, other: FloatArray) -> FloatArray:
        """The mean of ``one`` × ``other``."""
        return np.asarray(np.vecdot(one, other) / self.counts)

    def centred(self, values: FloatArray, mean: FloatArray) -> FloatArray:
        """``values`` less their mean, in place."""
        values -= mean[:, np.newaxis]
        return self.cleared(values)


def figures_of(block: Block, terms: Terms) -> Figures:
    """The twelve metrics, and the further ones if they are asked for.

    Raises ``ValueError`` if a return is NaN, infinite or beyond ±``LARGEST``.
    """
    block.cleared(block.rows)
    mean = block.mean(block.rows)
    if not np.isfinite(mean).all():
        raise ValueError("returns must not contain NaN or infinity")
    size = np.sqrt(block.product(block.rows, block.rows))
    if not (size * np.sqrt(block.counts) <= LARGEST).all():  # no single return is larger than that
        bounded(block.rows, "returns")
    figures = _growth(block, terms)
    figures |= _gains(block, terms, mean, size)
    figures |= _spread(block, terms, mean, size)
    every = block.market
    if every is not None:
        # The deviations from the mean are still in the first buffer.
        market = _inside(block, every)
        figures |= _against(block, terms, market, mean)
        if terms.more:
            figures |= _beside(block, terms, every, market, size)
    return figures | _tail(block, terms)


def _growth(block: Block, terms: Terms) -> Figures:
    """What follows from the path of wealth."""
    path = to_lanes(block.rows, block.path)
    accumulate(np.multiply, path, path)
    # The peak starts at 1, before the first return. fmax is faster than maximum; they differ for NaN, which is refused.
    ratio = accumulate(np.fmax, path, block.peak)
    np.divide(path, ratio, out=ratio)
    least, final = ratio.min(axis=0).min(axis=1), path[-1, :, -1]
    growth = np.where(least < 0, np.nan, final)
    annual = np.asarray(compounded(growth, terms.periods / block.counts))
    drawdown = least - 1.0
    calmar = annual / -np.where(drawdown == 0, np.nan, drawdown)
    figures = {"annual_return": annual, "max_drawdown": drawdown, "calmar_ratio": calmar}
    if terms.more:
        figures["total_return"] = final - 1.0
        figures |= _path(block, path, ratio)
    return figures


def _path(block: Block, path: FloatArray, ratio: FloatArray) -> Figures:
    """What else follows from wealth and from its share of the peak, both by lanes and overwritten."""
    best = block.cleared(block.rows, -np.inf).max(axis=1)
    worst = block.cleared(block.rows, np.inf).min(axis=1)
    block.cleared(block.rows)
    ratio -= 1.0
    ulcer = np.sqrt(np.vecdot(ratio, ratio).sum(axis=0) / block.counts)
    lost = worst <= -1.0
    logs = from_lanes(path, block.second)
    logs[lost] = 1.0
    np.log(logs, out=logs)
    size = np.sqrt(block.product(logs, logs))
    block.centred(logs, block.mean(logs))
    spread = np.sqrt(block.product(logs, logs))
    # The middle of the time may lie anywhere: the deviations sum to 0. The mean of (t − t̄)² is (n² − 1) / 12.
    time = np.arange(logs.shape[1]) - (logs.shape[1] - 1) / 2
    slope = logs @ time / block.counts / np.where(is_flat(spread, size) | lost, np.nan, spread)
    stability = slope**2 * 12 / np.maximum(block.counts**2 - 1.0, 1.0)
    return {"best_day": best, "worst_day": worst, "ulcer_index": ulcer, "stability": stability}


def _gains(block: Block, terms: Terms, mean: FloatArray, size: FloatArray) -> Figures:
    """What follows from returns above and below a line: zero, and the minimal acceptable return."""
    np.greater(block.rows, 0.0, out=block.gains)
    won = block.gains.sum(axis=1, dtype=np.int32)
    below = np.minimum(block.rows, terms.risk_free, out=block.first)
    if terms.risk_free:
        below -= terms.risk_free
        block.cleared(below)
    risk = np.sqrt(block.product(below, below))
    excess = mean - terms.risk_free
    sortino = excess / np.where(is_flat(risk, size), np.nan, risk) * np.sqrt(terms.periods)
    figures = {"win_rate": won / block.counts, "sortino_ratio": sortino}
    if terms.more:
        losses = -block.mean(below)
        figures["omega_ratio"] = (excess + losses) / np.where(losses == 0, np.nan, losses)
    return figures


def _spread(block: Block, terms: Terms, mean: FloatArray, size: FloatArray) -> Figures:
    """What follows from deviations from the mean."""
    centred = block.cleared(np.subtract(block.rows, mean[:, np.newaxis], out=block.first))
    squares = np.multiply(centred, centred, out=block.second)
    deviation = np.sqrt(block.mean(squares))
    spread = np.where(is_flat(deviation, size), np.nan, deviation)
    sample = _sample(block)
    figures = {
        "annual_volatility": deviation * sample * np.sqrt(terms.periods),
        "sharpe_ratio": (mean - terms.risk_free) / (spread * sample) * np.sqrt(terms.periods),
        "skewness": block.product(squares, centred) / spread**3,
    }
    if terms.more:
        figures["excess_kurtosis"] = block.product(squares, squares) / spread**4 - 3.0
    return figures


def _against(block: Block, terms: Terms, market: FloatArray, mean: FloatArray) -> Figures:
    """Beta and alpha, of the centred returns in the first buffer."""
    level = block.mean(market)
    moves = block.cleared(market - level[:, np.newaxis])
    variance = block.product(moves, moves)
    flat = is_flat(np.sqrt(variance), np.sqrt(level**2 + variance))
    known = np.where(flat, np.nan, variance)
    slope = block.product(block.first, moves) / known
    unexplained = mean - terms.risk_free - slope * (level - terms.risk_free)
    figures = {"beta": slope, "alpha": np.asarray(compounded(1.0 + unexplained, terms.periods))}
    if terms.more:
        own = block.product(block.first, block.first)
        still = is_flat(np.sqrt(own), np.sqrt(mean**2 + own))
        figures["r_squared"] = slope**2 * known / np.where(still, np.nan, own)
    return figures


def _beside(block: Block, terms: Terms, every: FloatArray, market: FloatArray, size: FloatArray) -> Figures:
    """The active return, and growth where the benchmark gained or lost; ``every`` is the benchmark without windows."""
    active = np.subtract(block.rows, market, out=block.first)
    mean = block.mean(active)
    block.centred(active, mean)
    deviation = np.sqrt(block.product(active, active)) * _sample(block)
    whole = size + np.sqrt(block.product(market, market))
    return {
        "tracking_error": deviation * np.sqrt(terms.periods),
        "information_ratio": mean / np.where(is_flat(deviation, whole), np.nan, deviation),
        "up_capture": _capture(block, every, every > 0, terms.periods),
        "down_capture": _capture(block, every, every < 0, terms.periods),
    }


def _inside(block: Block, market: FloatArray) -> FloatArray:
    """The benchmark (1, T) or (B, T), 0 where no window is."""
    if block.outside is None:
        return market
    return block.cleared(np.broadcast_to(market, block.rows.shape).copy())


def _capture(block: Block, market: FloatArray, counted: BoolArray, periods: float) -> FloatArray:
    """``market`` and ``counted`` are of all periods, (1, T) or (B, T)."""
    count = _to_the_end(block, np.add, counted.astype(np.float64))
    its = _to_the_end(block, np.multiply, market * counted + 1.0)
    years = np.where(count > 0, count, np.nan) / periods
    own = np.add(np.multiply(block.rows, counted, out=block.second), 1.0, out=block.second).prod(axis=1)
    annual = np.power(np.where(its < 0, np.nan, its), 1.0 / years) - 1.0
    return (np.power(np.where(own < 0, np.nan, own), 1.0 / years) - 1.0) / np.where(annual == 0, np.nan, annual)


def _to_the_end(block: Block, step: np.ufunc, values: FloatArray) -> FloatArray:
    """``step`` over the values (1, T) or (B, T) of each row's window, which ends with them."""
    running = step.accumulate(values[:, ::-1], axis=1)
    return np.asarray(running[np.arange(len(values)), block.counts - 1])


def _tail(block: Block, terms: Terms) -> Figures:
    """The losses in order; the returns are overwritten."""
    quantile = _weights(block.counts, terms.level, quantile_weights)
    shortfall = _weights(block.counts, terms.level, tail_weights)
    fifth = _weights(block.counts, TAIL, quantile_weights)
    worst = _lowest(block, max(weights.shape[1] for weights in (quantile, shortfall, fifth)))
    figures = {"value_at_risk": -_weighted(worst, quantile), "expected_shortfall": -_weighted(worst, shortfall)}
    if terms.more:
        # The mirror of a type 7 quantile has the same weights, from the other end.
        np.negative(block.rows, out=block.rows)
        low, high = np.abs(_weighted(worst, fifth)), np.abs(_weighted(_lowest(block, fifth.shape[1]), fifth))
        figures["tail_ratio"] = high / np.where(low == 0, np.nan, low)
    return figures


def _lowest(block: Block, count: int) -> FloatArray:
    """The lowest ``count`` values of each row in ascending order; 0 for what a shorter window does not have."""
    low = lowest(block.cleared(block.rows, np.inf), count)
    return np.where(np.isposinf(low), 0.0, low)


def _weighted(low: FloatArray, weights: FloatArray) -> FloatArray:
    low = low[:, : weights.shape[1]]
    return np.asarray(low @ weights[0] if len(weights) == 1 else np.vecdot(low, weights))


def _weights(counts: IntArray, level: float, of: Callable[[int, float], FloatArray]) -> FloatArray:
    """Weights of order statistics, a row for each of ``counts``, filled up with 0."""
    if len(counts) == 1:
        return _known(of, int(counts[0]), level)[np.newaxis]
    lengths, place = np.unique(counts, return_inverse=True)
    known = [_known(of, count, level) for count in lengths.tolist()]
    table = np.zeros((len(known), max(map(len, known))))
    for row, weights in zip(table, known, strict=True):
        row[: len(weights)] = weights
    return table[place]


@lru_cache(maxsize=1 << 12)
def _known(of: Callable[[int, float], FloatArray], count: int, level: float) -> FloatArray:
    """Weights that every block asks for again."""
    return of(count, level)


def _sample(block: Block) -> FloatArray:
    """From the population's deviation to the sample's."""
    return np.asarray(np.sqrt(block.counts / np.maximum(block.counts - 1, 1)))
