"""Twelve metrics of 10,000 portfolios × 1,260 days × 30 holdings: the engine beside other ways to get them.

    OPENBLAS_NUM_THREADS=1 python benchmarks/engine.py [--full]

Everything runs on the same simulated data in the same process, and on one core if NumPy is told so as above. The
libraries work series by series; they are timed on a sample of portfolios and scaled up, as printed. With --full,
empyrical takes all of them.
"""

from __future__ import annotations

import argparse
import os
import platform
import statistics
import sys
import time
import tracemalloc
import warnings
from collections.abc import Callable
from pathlib import Path

import empyrical
import numpy as np
import pandas as pd
import quantstats
import scipy
from numpy.typing import NDArray
from scipy.sparse import csr_array

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from analytics.engine import METRICS, metrics, metrics_of_weights, portfolio_returns

PORTFOLIOS, DAYS, ASSETS, HOLDINGS = 10_000, 1_260, 500, 30
EMPYRICAL_SAMPLE, QUANTSTATS_SAMPLE = 1_000, 50
YEAR = 252
FloatArray = NDArray[np.float64]
Figures = dict[str, FloatArray]


def draw() -> tuple[csr_array, FloatArray, FloatArray]:
    """Weights (N, A) with 30 holdings a row, asset returns (T, A) kept asset by asset as the panel does, benchmark."""
    rng = np.random.default_rng(2024)
    market = rng.standard_t(5, DAYS) * 0.007 + 0.0003
    own = rng.standard_t(5, (ASSETS, DAYS)) * 0.01
    assets = (rng.uniform(0.5, 1.5, (ASSETS, 1)) * market + own).T
    held = np.argsort(rng.random((PORTFOLIOS, ASSETS)), axis=1)[:, :HOLDINGS]
    weights = rng.dirichlet(np.ones(HOLDINGS), size=PORTFOLIOS)
    rows = np.arange(0, PORTFOLIOS * HOLDINGS + 1, HOLDINGS)
    return csr_array((weights.ravel(), held.ravel(), rows), shape=(PORTFOLIOS, ASSETS)), assets, market


def plain(rows: FloatArray, market: FloatArray) -> Figures:
    """The formulas as one writes them in NumPy, a statement each, on rows (N, T): the faster layout for NumPy."""
    wealth = np.cumprod(1 + rows, axis=1)
    drawdown = (wealth / np.maximum(np.maximum.accumulate(wealth, axis=1), 1) - 1).min(axis=1)
    annual = wealth[:, -1] ** (YEAR / DAYS) - 1
    mean, deviation = rows.mean(axis=1), rows.std(axis=1, ddof=1)
    centred, moves = rows - mean[:, np.newaxis], market - market.mean()
    beta = centred @ moves / (moves @ moves)
    downside = np.sqrt((np.minimum(rows, 0) ** 2).mean(axis=1))
    worst = np.sort(rows, axis=1)[:, : round(DAYS * 0.05)]
    return {
        "annual_return": annual,
        "annual_volatility": deviation * np.sqrt(YEAR),
        "sharpe_ratio": mean / deviation * np.sqrt(YEAR),
        "sortino_ratio": mean / downside * np.sqrt(YEAR),
        "calmar_ratio": annual / -drawdown,
        "max_drawdown": drawdown,
        "beta": beta,
        "alpha": (1 + mean - beta * market.mean()) ** YEAR - 1,
        "value_at_risk": -np.quantile(rows, 0.05, axis=1),
        "expected_shortfall": -worst.mean(axis=1),
        "skewness": (centred**2 * centred).mean(axis=1) / (centred**2).mean(axis=1) ** 1.5,
        "win_rate": (rows > 0).mean(axis=1),
    }


def plain_blocks(weights: FloatArray, assets: FloatArray, market: FloatArray, size: int = 128) -> Figures:
    parts = [plain(weights[i : i + size] @ assets.T, market) for i in range(0, len(weights), size)]
    return {name: np.concatenate([part[name] for part in parts]) for name in METRICS}


def by_empyrical(returns: FloatArray, market: FloatArray) -> Figures:
    """Column by column; it has no skewness and win rate, which come from SciPy and NumPy."""
    calls: dict[str, Callable[[FloatArray], float]] = {
        "annual_return": empyrical.annual_return,
        "annual_volatility": empyrical.annual_volatility,
        "sharpe_ratio": empyrical.sharpe_ratio,
        "sortino_ratio": empyrical.sortino_ratio,
        "calmar_ratio": empyrical.calmar_ratio,
        "max_drawdown": empyrical.max_drawdown,
        "beta": lambda r: empyrical.beta(r, market),
        "alpha": lambda r: empyrical.alpha(r, market),
        "value_at_risk": lambda r: -empyrical.value_at_risk(r),
        "expected_shortfall": lambda r: -empyrical.conditional_value_at_risk(r),
        "skewness": scipy.stats.skew,
        "win_rate": lambda r: (r > 0).mean(),
    }
    return {name: np.array([call(column) for column in returns.T]) for name, call in calls.items()}


def by_quantstats(returns: pd.DataFrame, market: pd.Series) -> None:
    stats = quantstats.stats
    for name in returns:
        series = returns[name]
        for call in (stats.cagr, stats.volatility, stats.sharpe, stats.sortino, stats.calmar, stats.max_drawdown):
            call(series)
        stats.greeks(series, market)
        for call in (stats.value_at_risk, stats.cvar, stats.skew, stats.win_rate):
            call(series)


def seconds(work: Callable[[], object], runs: int) -> float:
    """Median of several runs, after one to warm up when there is more than one."""
    if runs > 1:
        work()
    taken = []
    for _ in range(runs):
        start = time.perf_counter()
        work()
        taken.append(time.perf_counter() - start)
    return statistics.median(taken)


def peak_megabytes(work: Callable[[], object]) -> float:
    """What the work allocates at most beyond what was there; NumPy reports its arrays to tracemalloc."""
    tracemalloc.start()
    work()
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    return peak / 2**20


def machine() -> str:
    model = next((line.split(":")[1].strip() for line in _cpuinfo() if line.startswith("model name")), "unknown")
    return (
        f"{model}, {len(os.sched_getaffinity(0))} cores, Python {platform.python_version()}, NumPy {np.__version__}, "
        f"SciPy {scipy.__version__}"
    )


def _cpuinfo() -> list[str]:
    path = Path("/proc/cpuinfo")
    return path.read_text().splitlines() if path.exists() else []


def show(label: str, took: float, memory: float | None, note: str) -> None:
    shown = f"{took:10.3f} s " if took >= 0.001 else f"{took * 1e3:10.3f} ms"
    print(f"{label:44s}{shown}{'' if memory is None else f'{memory:8.1f} MB':>12s}  {note}")


def agreement(ours: Figures, theirs: Figures) -> str:
    count = len(theirs["beta"])
    worst = max(float(np.abs(ours[name][:count] - theirs[name]).max()) for name in METRICS)
    return f"largest difference {worst:.0e}"


def time_ours(weights: csr_array, assets: FloatArray, returns: FloatArray, market: FloatArray) -> None:
    def from_holdings() -> Figures:
        return metrics_of_weights(weights, assets, market)

    def from_returns() -> Figures:
        return metrics(returns, market)

    show("engine, from holdings", seconds(from_holdings, 9), peak_megabytes(from_holdings), "")
    show("engine, from returns", seconds(from_returns, 9), peak_megabytes(from_returns), "")


def time_plain(weights: csr_array, assets: FloatArray, market: FloatArray, ours: Figures) -> None:
    dense = weights.toarray()

    def whole() -> Figures:
        return plain(dense @ assets.T, market)

    def in_blocks() -> Figures:
        return plain_blocks(dense, assets, market)

    show("plain NumPy, blocks of 128", seconds(in_blocks, 9), peak_megabytes(in_blocks), agreement(ours, in_blocks()))
    show("plain NumPy, whole matrix", seconds(whole, 9), peak_megabytes(whole), agreement(ours, whole()))


def time_libraries(returns: FloatArray, market: FloatArray, ours: Figures, count: int) -> None:
    sample = returns[:, :count]
    took = seconds(lambda: by_empyrical(sample, market), 1) * PORTFOLIOS / count
    note = agreement(ours, by_empyrical(sample[:, :200], market))
    show("empyrical-reloaded, by column", took, None, f"{count:,} portfolios timed, × {PORTFOLIOS / count:g}; {note}")

    days = pd.bdate_range("2018-01-01", periods=DAYS)
    frame, benchmark = pd.DataFrame(returns[:, : QUANTSTATS_SAMPLE + 1], index=days), pd.Series(market, index=days)
    # It remembers the series it has seen: warmed up on one that is not in the sample.
    by_quantstats(frame.iloc[:, -1:], benchmark)
    took = seconds(lambda: by_quantstats(frame.iloc[:, :-1], benchmark), 1) * PORTFOLIOS / QUANTSTATS_SAMPLE
    note = f"{QUANTSTATS_SAMPLE} portfolios timed, × {PORTFOLIOS / QUANTSTATS_SAMPLE:g}; conventions differ"
    show("quantstats, by column", took, None, note)


def time_one(returns: FloatArray, market: FloatArray) -> None:
    alone = np.ascontiguousarray(returns[:, :1])
    show("engine, one portfolio", seconds(lambda: metrics(alone, market), 200), None, "")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--full", action="store_true", help="empyrical on all portfolios (seconds longer)")
    full = parser.parse_args().full
    warnings.simplefilter("ignore")  # quantstats warns on every call

    weights, assets, market = draw()
    returns = portfolio_returns(weights, assets)
    ours = metrics_of_weights(weights, assets, market)
    print(machine())
    print(f"12 metrics, {PORTFOLIOS:,} portfolios x {DAYS:,} days x {HOLDINGS} holdings of {ASSETS} assets\n")
    print(f"{'':44s}{'median':>12s} {'peak extra':>12s}")
    time_ours(weights, assets, returns, market)
    time_one(returns, market)
    time_plain(weights, assets, market, ours)
    time_libraries(returns, market, ours, PORTFOLIOS if full else EMPYRICAL_SAMPLE)


if __name__ == "__main__":
    main()
