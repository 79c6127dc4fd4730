"""Optimal weights of 50 assets: the engine beside SciPy's general solver, in the same process on the same figures.

    OPENBLAS_NUM_THREADS=1 python benchmarks/optimise.py        # --assets, --days, --runs

Everything is timed warm: the first call, which imports CVXPY, is shown apart. SLSQP gets the gradient and the same
limits, and starts from equal weights, as one writes it first; its answer is compared.
"""

from __future__ import annotations

import argparse
import sys
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import minimize

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from analytics.engine import OBJECTIVES, Group, Limits, efficient_frontier, optimise, walk_forward
from benchmarks.engine import machine, seconds

FloatArray = NDArray[np.float64]
TARGETS = {"target_return": 0.1, "target_volatility": 0.15}


def draw(assets: int, days: int) -> FloatArray:
    """Heavy-tailed returns with a market in them."""
    rng = np.random.default_rng(2024)
    market = rng.standard_t(5, days) * 0.006 + 0.0003
    return rng.uniform(0.5, 1.5, assets) * market[:, np.newaxis] + rng.standard_t(5, (days, assets)) * 0.01


def by_slsqp(matrix: FloatArray, tolerance: float = 1e-12) -> FloatArray:
    scaled = matrix / np.trace(matrix) * len(matrix)
    found = minimize(
        lambda w: w @ scaled @ w,
        np.full(len(matrix), 1 / len(matrix)),
        jac=lambda w: 2 * scaled @ w,
        method="SLSQP",
        bounds=[(0, 1)] * len(matrix),
        constraints=[{"type": "eq", "fun": lambda w: w.sum() - 1, "jac": np.ones_like}],
        options={"ftol": tolerance, "maxiter": 1000},
    )
    return np.asarray(found.x)


def show(label: str, work: Callable[[], object], runs: int, note: str = "") -> None:
    print(f"{label:52s}{seconds(work, runs) * 1e3:9.1f} ms  {note}")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--assets", type=int, default=50)
    parser.add_argument("--days", type=int, default=756)
    parser.add_argument("--runs", type=int, default=21)
    given = parser.parse_args()
    returns, runs = draw(given.assets, given.days), given.runs
    matrix = np.cov(returns.T)
    third = given.assets // 3
    sectors = Limits(upper=0.1, groups=(Group("A", tuple(range(third)), 0.2, 0.4), Group("B", (third, third + 1))))
    print(machine())
    print(f"{given.assets} assets, {given.days} days; medians of {runs}\n")

    start = time.perf_counter()
    ours = optimise(returns, objective="min_variance").weights
    print(f"{'first call, with the import':52s}{(time.perf_counter() - start) * 1e3:9.1f} ms")
    theirs = by_slsqp(matrix)
    gap = f"variance {theirs @ matrix @ theirs / (ours @ matrix @ ours) - 1:+.0e} of ours"
    show("min variance", lambda: optimise(returns, objective="min_variance"), runs)
    show(
        "min variance, limits per asset and sector",
        lambda: optimise(returns, objective="min_variance", limits=sectors),
        runs,
    )
    show("min variance, SciPy SLSQP", lambda: by_slsqp(matrix), runs, gap)
    for name in OBJECTIVES[1:]:
        show(name, lambda name=name: optimise(returns, objective=name, target=TARGETS.get(name)), runs)
    few = min(runs, 3)
    show("frontier of 50 points, one problem", lambda: efficient_frontier(returns), few)
    targets = np.linspace(0, returns.mean(axis=0).max() * 252, 50)
    show(
        "50 problems for 50 points",
        lambda: [optimise(returns, objective="target_return", target=float(target)) for target in targets],
        few,
    )
    show(
        "walk-forward, a window of 252",
        lambda: walk_forward(returns, lambda past, _: optimise(past, objective="min_variance").weights, window=252),
        few,
    )


if __name__ == "__main__":
    main()
