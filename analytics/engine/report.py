"""The figures of many portfolios at once: twelve metrics, or twenty-four, in one pass, block by block.

A block is a handful of portfolios, each laid out as one contiguous row, small enough that the block and its two scratch
buffers stay in the processor's cache while all figures are taken from it (see ``blocks``). One portfolio is a block of
one row.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from math import prod
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from analytics.engine.blocks import Block, Figures, Terms, figures_of
from analytics.engine.errors import InsufficientData
from analytics.engine.lanes import LANES, pieces
from analytics.engine.returns import by_asset, product, sparse_weights
from analytics.engine.tail import check_level, full_tail
from analytics.engine.types import BoolArray, FloatArray, IntArray, Weights, beside, checked

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
# What ``metrics`` gives besides when it is asked for more.
FURTHER = (
    "total_return",
    "tracking_error",
    "information_ratio",
    "r_squared",
    "up_capture",
    "down_capture",
    "omega_ratio",
    "ulcer_index",
    "tail_ratio",
    "stability",
    "excess_kurtosis",
    "best_day",
    "worst_day",
)
_OF_TWO = (
    "annual_volatility",
    "sharpe_ratio",
    "beta",
    "alpha",
    "tracking_error",
    "information_ratio",
    "r_squared",
    "omega_ratio",
    "stability",
)

# Returns in a block: 1 MB, near the cache; smaller blocks pay more for the calls than they save (measured).
BLOCK = 1 << 17

# Gives the returns of some columns as contiguous rows (B, T): in the buffer, or in an array that may be overwritten.
Load = Callable[[slice, FloatArray], FloatArray]


def minimum_observations(level: float = 0.95) -> dict[str, int]:
    """How many returns each of the metrics, and of the further ones, needs; ``metrics`` gives NaN below.

    The tail figures need one whole observation in the tail: 20 returns at 95 %. (``value_at_risk`` itself interpolates
    with fewer; a report does not show what no observation supports.)
    """
    check_level(level)
    needed = dict.fromkeys((*METRICS, *FURTHER), 1)
    needed |= dict.fromkeys(_OF_TWO, 2)
    needed |= dict.fromkeys(("value_at_risk", "expected_shortfall"), full_tail(level))
    return needed | {"skewness": 3, "excess_kurtosis": 4}


def metrics(
    returns: ArrayLike,
    benchmark: ArrayLike | None = None,
    *,
    risk_free: float = 0.0,
    periods: float = 252,
    level: float = 0.95,
    starts: ArrayLike | None = None,
    more: bool = False,
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
    starts : (N,) of int, or None
        The first period of each column's window, 0 ≤ start < T; the benchmark counts from there, too.
    more : bool
        Also those of ``FURTHER``.

    Returns
    -------
    dict of (N,)
        One array for each name in ``METRICS`` (and ``FURTHER``), in the units of the single functions.

    Raises
    ------
    ValueError
        If an input is NaN, infinite or beyond ±1e60, or the shapes or starts do not fit.
    InsufficientData
        Without any return.
    """
    series = np.asarray(returns, dtype=np.float64)
    if series.ndim != 2:
        raise ValueError(f"returns must have shape (T, N), got {series.shape}")

    def load(columns: slice, buffer: FloatArray) -> FloatArray:
        np.copyto(buffer, series[:, columns].T)
        return buffer

    terms = Terms(risk_free, periods, level, more)
    return _run(_plan(series.shape, benchmark, terms, starts), load)


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
    return _run(_plan(shape, benchmark, Terms(risk_free, periods, level, more=False)), load)


@dataclass(frozen=True, slots=True)
class _Plan:
    """What is the same for every block."""

    observations: int
    portfolios: int
    market: FloatArray | None  # (T, 1) for all, or (T, N)
    starts: IntArray | None  # (N,); None where all windows are whole
    terms: Terms

    @property
    def rows(self) -> int:
        """Portfolios in a block."""
        return max(1, min(self.portfolios, BLOCK // self.observations))

    def market_rows(self, columns: slice) -> FloatArray | None:
        """The benchmark returns of a block, (1, T) or (B, T)."""
        if self.market is None:
            return None
        return np.ascontiguousarray((self.market if self.market.shape[1] == 1 else self.market[:, columns]).T)

    def windows(self, columns: slice) -> tuple[IntArray, BoolArray | None]:
        """How many returns count in each row of a block, (B,) or (1,), and what is outside of its window (B, T)."""
        if self.starts is None:
            return np.array([self.observations]), None
        starts = self.starts[columns]
        return self.observations - starts, np.arange(self.observations) < starts[:, np.newaxis]


@dataclass(frozen=True, slots=True)
class _Scratch:
    """Memory that all blocks reuse, flat: a last block that is not full takes the beginning of it."""

    returns: FloatArray
    first: FloatArray
    second: FloatArray
    gains: BoolArray

    @classmethod
    def for_plan(cls, plan: _Plan) -> _Scratch:
        size, padded = plan.rows * plan.observations, plan.rows * pieces(plan.observations) * LANES
        return cls(np.empty(size), np.empty(padded), np.empty(padded), np.empty(size, dtype=np.bool_))

    def rows(self, shape: tuple[int, int]) -> FloatArray:
        """Where the returns of a block (B, T) are put."""
        return _shaped(self.returns, shape)

    def block(self, rows: FloatArray, market: FloatArray | None, counts: IntArray, outside: BoolArray | None) -> Block:
        """A block of ``rows`` (B, T) with its buffers."""
        first, second, gains = (_shaped(memory, rows.shape) for memory in (self.first, self.second, self.gains))
        lanes = LANES, len(rows), pieces(rows.shape[1])
        return Block(
            rows, market, counts, outside, first, second, _shaped(self.first, lanes), _shaped(self.second, lanes), gains
        )


def _shaped(memory: NDArray[Any], shape: tuple[int, ...]) -> NDArray[Any]:
    """The beginning of flat memory in a shape."""
    return memory[: prod(shape)].reshape(shape)


def _plan(shape: tuple[int, ...], benchmark: ArrayLike | None, terms: Terms, starts: ArrayLike | None = None) -> _Plan:
    check_level(terms.level)
    if not np.isfinite(terms.risk_free):
        raise ValueError("risk_free must not be NaN or infinite")
    observations, portfolios = shape
    if observations < 1:
        raise InsufficientData(needed=1, got=observations)
    market = None if benchmark is None else _market(benchmark, shape)
    return _Plan(observations, portfolios, market, _starts(starts, shape), terms)


def _starts(starts: ArrayLike | None, shape: tuple[int, ...]) -> IntArray | None:
    if starts is None:
        return None
    first = np.asarray(starts)
    if first.shape != shape[1:] or not np.issubdtype(first.dtype, np.integer):
        raise ValueError(f"starts must be {shape[1]} whole numbers")
    if ((first < 0) | (first >= shape[0])).any():
        raise ValueError(f"starts must lie between 0 and {shape[0] - 1}")
    return first.astype(np.int64) if first.any() else None


def _market(benchmark: ArrayLike, shape: tuple[int, ...]) -> FloatArray:
    """The benchmark as (T, 1) or (T, N)."""
    return beside(checked(benchmark, name="benchmark"), np.broadcast_to(0.0, shape), "benchmark")


def _run(plan: _Plan, load: Load) -> Figures:
    # One thread: a second one gains a quarter on an idle machine and nothing where the workers already fill its cores.
    names = METRICS + FURTHER if plan.terms.more else METRICS
    figures = {name: np.full(plan.portfolios, np.nan) for name in names}
    scratch = _Scratch.for_plan(plan)
    for start in range(0, plan.portfolios, plan.rows):
        _fill(figures, plan, load, slice(start, min(start + plan.rows, plan.portfolios)), scratch)
    return figures


def _fill(figures: Figures, plan: _Plan, load: Load, columns: slice, scratch: _Scratch) -> None:
    """Write the figures of one block into its columns."""
    counts, outside = plan.windows(columns)
    rows = load(columns, scratch.rows((columns.stop - columns.start, plan.observations)))
    block = scratch.block(rows, plan.market_rows(columns), counts, outside)
    with np.errstate(over="ignore", invalid="ignore", divide="ignore"):
        found = figures_of(block, plan.terms)
    needed = minimum_observations(plan.terms.level)
    for name, values in found.items():
        # What exceeds a float is no figure either.
        figures[name][columns] = np.where((counts >= needed[name]) & np.isfinite(values), values, np.nan)
