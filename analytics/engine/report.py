"""The figures of many portfolios at once: twelve metrics in one pass, block by block.

A block is a handful of portfolios, each laid out as one contiguous row, small enough that the block and its two scratch
buffers stay in the processor's cache while all twelve figures are taken from it. One portfolio is a block of one row.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike

from analytics.engine.errors import InsufficientData
from analytics.engine.returns import by_asset, compounded, product, sparse_weights
from analytics.engine.tail import check_level, full_tail, quantile_weights, tail_weights
from analytics.engine.types import BoolArray, FloatArray, Weights, beside, checked, is_flat

Figures = dict[str, FloatArray]

METRICS = (
    "annual_return",
    "annual_volatility",
    "sharpe_ratio",
    "sortino_ratio",
    "calmar_ratio",
    "max_drawdown",
    "beta",
    "alpha",
    "value_at_risk",
    "expected_shortfall",
    "skewness",
    "win_rate",
)

# Returns in a block: 1 MB, near the cache; smaller blocks pay more for the calls than they save (measured).
BLOCK = 1 << 17

# Gives the returns of some columns as contiguous rows (B, T): in the buffer, or in an array that may be overwritten.
Load = Callable[[slice, FloatArray], FloatArray]


def minimum_observations(level: float = 0.95) -> dict[str, int]:
    """How many returns each of the metrics needs; ``metrics`` gives NaN below.

    The tail figures need one whole observation in the tail: 20 returns at 95 %. (``value_at_risk`` itself interpolates
    with fewer; a report does not show what no observation supports.)
    """
    check_level(level)
    needed = dict.fromkeys(METRICS, 1)
    needed |= dict.fromkeys(("annual_volatility", "sharpe_ratio", "beta", "alpha"), 2)
    needed |= dict.fromkeys(("value_at_risk", "expected_shortfall"), full_tail(level))
    return needed | {"skewness": 3}


def metrics(
    returns: ArrayLike,
    benchmark: ArrayLike | None = None,
    *,
    risk_free: float = 0.0,
    periods: float = 252,
    level: float = 0.95,
) -> Figures:
    """The twelve metrics of N return series.

    Each is what the function of its name gives, with ``risk_free`` as the minimal acceptable return of the Sortino
    ratio. A figure that does not exist for a column (a flat series, no drawdown, no benchmark, fewer observations than
    ``minimum_observations``) is NaN in that column and leaves the others alone.

    Parameters
    ----------
    returns : (T, N)
        Simple returns per period as fractions, one column a portfolio.
    benchmark : (T,), (T, N) or None
        Benchmark returns of the same periods; without them beta and alpha are NaN.
    risk_free : float
        Risk-free return per period, a fraction.
    periods : float
        Periods in a year.
    level : float
        Confidence level of value at risk and expected shortfall, 0 < level < 1.

    Returns
    -------
    dict of (N,)
        One array for each name in ``METRICS``, in the units of the single functions.

    Raises
    ------
    ValueError
        If an input is NaN or infinite, or the shapes do not fit.
    InsufficientData
        Without any return.
    """
    series = np.asarray(returns, dtype=np.float64)
    if series.ndim != 2:
        raise ValueError(f"returns must have shape (T, N), got {series.shape}")

    def load(columns: slice, buffer: FloatArray) -> FloatArray:
        np.copyto(buffer, series[:, columns].T)
        return buffer

    return _run(_plan(series.shape, benchmark, risk_free, periods, level), load)


def metrics_of_weights(
    weights: ArrayLike | Weights,
    asset_returns: ArrayLike,
    benchmark: ArrayLike | None = None,
    *,
    risk_free: float = 0.0,
    periods: float = 252,
    level: float = 0.95,
) -> Figures:
    """The twelve metrics of N portfolios with fixed weights (ex ante), without holding all their returns at once.

    The same as ``metrics(portfolio_returns(weights, asset_returns), …)``.

    Parameters
    ----------
    weights : (N, A), an array or a sparse ``csr_array``
        Each portfolio's weights as fractions.
    asset_returns : (T, A)
        Simple returns of the assets.

    The other parameters, the answer and the errors are those of ``metrics``.
    """
    shares = sparse_weights(weights)
    assets = by_asset(asset_returns, shares)

    def load(columns: slice, buffer: FloatArray) -> FloatArray:
        # A sparse product has no output argument; the allocator hands the same memory back each time.
        return product(shares[columns], assets)

    shape = (assets.shape[1], shares.shape[0])
    return _run(_plan(shape, benchmark, risk_free, periods, level), load)


@dataclass(frozen=True, slots=True)
class _Plan:
    """What is the same for every block."""

    observations: int
    portfolios: int
    market: FloatArray | None  # (T, 1) for all, or (T, N)
    risk_free: float
    periods: float
    level: float

    @property
    def rows(self) -> int:
        """Portfolios in a block."""
        return max(1, min(self.portfolios, BLOCK // self.observations))

    def market_rows(self, columns: slice) -> FloatArray | None:
        """The benchmark returns of a block, (1, T) or (B, T)."""
        if self.market is None:
            return None
        return np.ascontiguousarray((self.market if self.market.shape[1] == 1 else self.market[:, columns]).T)


@dataclass(frozen=True, slots=True)
class _Scratch:
    """Buffers that all blocks reuse."""

    returns: FloatArray
    first: FloatArray
    second: FloatArray
    gains: BoolArray

    @classmethod
    def for_plan(cls, plan: _Plan) -> _Scratch:
        shape = (plan.rows, plan.observations)
        return cls(np.empty(shape), np.empty(shape), np.empty(shape), np.empty(shape, dtype=np.bool_))

    def cut(self, rows: int) -> _Scratch:
        """The first rows, for a last block that is not full."""
        return _Scratch(self.returns[:rows], self.first[:rows], self.second[:rows], self.gains[:rows])


def _plan(shape: tuple[int, ...], benchmark: ArrayLike | None, risk_free: float, periods: float, level: float) -> _Plan:
    check_level(level)
    if not np.isfinite(risk_free):
        raise ValueError("risk_free must not be NaN or infinite")
    observations, portfolios = shape
    if observations < 1:
        raise InsufficientData(needed=1, got=observations)
    market = None if benchmark is None else _market(benchmark, shape)
    return _Plan(observations, portfolios, market, risk_free, periods, level)


def _market(benchmark: ArrayLike, shape: tuple[int, ...]) -> FloatArray:
    """The benchmark as (T, 1) or (T, N)."""
    return beside(checked(benchmark, name="benchmark"), np.broadcast_to(0.0, shape), "benchmark")


def _run(plan: _Plan, load: Load) -> Figures:
    # One thread: a second one gains a quarter on an idle machine and nothing where the workers already fill its cores.
    figures = {name: np.full(plan.portfolios, np.nan) for name in METRICS}
    scratch = _Scratch.for_plan(plan)
    for start in range(0, plan.portfolios, plan.rows):
        _fill(figures, plan, load, slice(start, min(start + plan.rows, plan.portfolios)), scratch)
    return figures


def _fill(figures: Figures, plan: _Plan, load: Load, columns: slice, scratch: _Scratch) -> None:
    """Write the figures of one block into its columns."""
    space = scratch.cut(columns.stop - columns.start)
    rows = load(columns, space.returns)
    with np.errstate(over="ignore", invalid="ignore"):
        block = _block(plan, rows, plan.market_rows(columns), space)
    needed = minimum_observations(plan.level)
    for name, values in block.items():
        if plan.observations >= needed[name]:
            figures[name][columns] = values


def _block(plan: _Plan, rows: FloatArray, market: FloatArray | None, space: _Scratch) -> Figures:
    mean = rows.mean(axis=1)
    if not np.isfinite(mean).all():
        raise ValueError("returns must not contain NaN or infinity")
    size = np.sqrt(np.vecdot(rows, rows) / plan.observations)
    figures = _growth(plan, rows, space)
    figures |= _gains(plan, rows, mean, size, space)
    figures |= _spread(plan, rows, mean, size, space)
    if market is not None:
        # The deviations from the mean are still in the first buffer.
        figures |= _against(plan, mean, space.first, market)
    # Last, because it puts the returns out of order.
    return figures | _tail(plan, rows)


def _growth(plan: _Plan, rows: FloatArray, space: _Scratch) -> Figures:
    """What follows from the path of wealth."""
    path, ratio = space.first, space.second
    np.add(rows, 1.0, out=path)
    np.multiply.accumulate(path, axis=1, out=path)
    # The peak starts at 1, before the first return. fmax is faster than maximum; they differ for NaN, which is refused.
    opening = path[:, 0].copy()
    np.fmax(opening, 1.0, out=path[:, 0])
    np.fmax.accumulate(path, axis=1, out=ratio)
    path[:, 0] = opening
    np.divide(path, ratio, out=ratio)
    lowest = ratio.min(axis=1)
    growth = np.where(lowest < 0, np.nan, path[:, -1])
    annual = np.asarray(compounded(growth, plan.periods / plan.observations))
    drawdown = lowest - 1.0
    calmar = annual / -np.where(drawdown == 0, np.nan, drawdown)
    return {"annual_return": annual, "max_drawdown": drawdown, "calmar_ratio": calmar}


def _gains(plan: _Plan, rows: FloatArray, mean: FloatArray, size: FloatArray, space: _Scratch) -> Figures:
    """What follows from returns above and below a line: zero, and the minimal acceptable return."""
    np.greater(rows, 0.0, out=space.gains)
    won = space.gains.sum(axis=1, dtype=np.int32)
    below = np.minimum(rows, plan.risk_free, out=space.first)
    if plan.risk_free:
        below -= plan.risk_free
    risk = np.sqrt(np.vecdot(below, below) / plan.observations)
    sortino = (mean - plan.risk_free) / np.where(is_flat(risk, size), np.nan, risk) * np.sqrt(plan.periods)
    return {"win_rate": won / plan.observations, "sortino_ratio": sortino}


def _spread(plan: _Plan, rows: FloatArray, mean: FloatArray, size: FloatArray, space: _Scratch) -> Figures:
    """What follows from deviations from the mean."""
    centred = np.subtract(rows, mean[:, np.newaxis], out=space.first)
    squares = np.multiply(centred, centred, out=space.second)
    deviation = np.sqrt(squares.sum(axis=1) / plan.observations)
    spread = np.where(is_flat(deviation, size), np.nan, deviation)
    sample = np.sqrt(plan.observations / max(plan.observations - 1, 1))
    return {
        "annual_volatility": deviation * sample * np.sqrt(plan.periods),
        "sharpe_ratio": (mean - plan.risk_free) / (spread * sample) * np.sqrt(plan.periods),
        "skewness": np.vecdot(squares, centred) / plan.observations / spread**3,
    }


def _against(plan: _Plan, mean: FloatArray, centred: FloatArray, market: FloatArray) -> Figures:
    """Beta and alpha of centred returns."""
    level = market.mean(axis=1)
    moves = market - level[:, np.newaxis]
    variance = np.vecdot(moves, moves) / plan.observations
    flat = is_flat(np.sqrt(variance), np.sqrt(level**2 + variance))
    slope = np.vecdot(centred, moves) / plan.observations / np.where(flat, np.nan, variance)
    unexplained = mean - plan.risk_free - slope * (level - plan.risk_free)
    return {"beta": slope, "alpha": np.asarray(compounded(1.0 + unexplained, plan.periods))}


def _tail(plan: _Plan, rows: FloatArray) -> Figures:
    """The losses in order; only the worst are sorted."""
    quantile = quantile_weights(plan.observations, plan.level)
    shortfall = tail_weights(plan.observations, plan.level)
    count = max(len(quantile), len(shortfall))
    rows.partition(count - 1, axis=1)
    worst = np.sort(rows[:, :count], axis=1)
    return {
        "value_at_risk": -(worst[:, : len(quantile)] @ quantile),
        "expected_shortfall": -(worst[:, : len(shortfall)] @ shortfall),
    }
