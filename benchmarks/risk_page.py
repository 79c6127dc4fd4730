"""python benchmarks/risk_page.py: the figures of one risk page, value at risk by simulation, and nightly backtests.

Everything runs on simulated returns in this process, without a database: one portfolio of 30 holdings over 1,260 days.
"One risk page" is every ex-post figure, the ex-ante ones, and value at risk and expected shortfall by six methods at
two levels over two horizons. The baselines are what quantstats and empyrical take for the figures that they have,
NumPy's multivariate draws for the simulation, and one window after the other for the backtests. Medians of
processor time: the machine may have other work.
"""

from __future__ import annotations

import statistics
import sys
import time
import warnings
from collections.abc import Callable
from datetime import date
from decimal import Decimal
from pathlib import Path
from typing import Any

import empyrical
import numpy as np
import pandas as pd
import quantstats

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))
sys.path.insert(0, str(Path(__file__).resolve().parent))
from engine import by_empyrical, by_quantstats, machine

from analytics import engine
from analytics.backtests import History, Plan, backtests
from analytics.ex_ante import losses, outlook
from analytics.exposure import Exposure, Position

DAYS, HOLDINGS, PORTFOLIOS, SAMPLE = 1260, 30, 100, 2
LEVELS, HORIZONS = (0.95, 0.99), (1, 10)
TESTED = Plan(engine.METHODS, LEVELS, (250, 500), 250)


def main() -> None:
    warnings.simplefilter("ignore")
    exposure, market = draw()
    returns = exposure.portfolio_returns
    show("one risk page, all figures", lambda: risk_page(exposure, market), 25)
    show("  of it: 12 figures of the own returns", lambda: engine.metrics(returns[:, np.newaxis], market), 25)
    show("  of it: six methods × two levels × one session", lambda: all_losses(exposure, (1,)), 25)
    frame = pd.DataFrame({"portfolio": returns}, index=pd.bdate_range("2019-01-01", periods=DAYS))
    beside = pd.Series(market, index=frame.index)
    show("quantstats, 12 figures", lambda: by_quantstats(frame, beside), 5)
    show("empyrical, 12 figures", lambda: by_empyrical(returns[:, np.newaxis], market), 25)
    show_simulation(exposure)
    show_backtests(exposure)
    print(f"\n{machine()}, quantstats {quantstats.__version__}, empyrical {empyrical.__version__}")


def draw() -> tuple[Exposure, Any]:
    rng = np.random.default_rng(2024)
    market = rng.standard_t(5, DAYS) * 0.007 + 0.0003
    returns = rng.uniform(0.5, 1.5, HOLDINGS) * market[:, np.newaxis] + rng.standard_t(5, (DAYS, HOLDINGS)) * 0.01
    day = date(2024, 1, 2)
    held = tuple(
        Position(number, f"A{number}", "", "", "USD", "stock", Decimal(1000), day) for number in range(HOLDINGS)
    )
    exposure = Exposure(
        as_of=day,
        currency="USD",
        positions=held,
        weights=rng.dirichlet(np.ones(HOLDINGS)),
        cash_weight=0.0,
        cash=(),
        total_value=Decimal(30_000),
        price_source="",
        periods=252,
        days=np.datetime64("2019-01-01") + np.arange(DAYS),
        returns=returns,
    )
    return exposure, market


def all_losses(exposure: Exposure, horizons: tuple[int, ...] = HORIZONS) -> object:
    return losses(exposure, methods=engine.METHODS, levels=LEVELS, horizons=horizons)


def risk_page(exposure: Exposure, market: Any) -> object:
    """What the page of risk and that of value at risk show together, from arrays on."""
    own = engine.metrics(exposure.portfolio_returns[:, np.newaxis], market)
    return own, outlook(exposure, market), all_losses(exposure)


def show_simulation(exposure: Exposure) -> None:
    covariance = engine.covariance(exposure.returns)
    rng = np.random.default_rng(0)

    def ours(distribution: Any) -> Any:
        paths = engine.simulate(exposure.weights, covariance, paths=10_000, distribution=distribution)
        return engine.value_at_risk(paths, 0.99), engine.expected_shortfall(paths, 0.99)

    def theirs() -> Any:
        paths = rng.multivariate_normal(np.zeros(HOLDINGS), covariance, 10_000, method="cholesky") @ exposure.weights
        return -np.quantile(paths, 0.01)

    show("Monte Carlo, 10,000 paths × 30 holdings, normal", lambda: ours("normal"), 25)
    show("Monte Carlo, 10,000 paths × 30 holdings, Student t", lambda: ours("student"), 25)
    show("NumPy's multivariate normal, 10,000 × 30", theirs, 25)


def show_backtests(exposure: Exposure) -> None:
    rng = np.random.default_rng(1)
    returns = exposure.returns @ rng.dirichlet(np.ones(HOLDINGS), PORTFOLIOS).T
    histories = {place: History(exposure.days, returns[:, place]) for place in range(PORTFOLIOS)}
    took = seconds(lambda: backtests(histories, TESTED), 3) / PORTFOLIOS
    line("nightly backtests of one portfolio, of 100 together", took)

    def one_by_one() -> None:
        for place in range(SAMPLE):
            series = returns[-TESTED.longest :, place]
            for method in engine.METHODS[:4]:  # a simulation for each day would take minutes
                for level in LEVELS:
                    for day in range(TESTED.window, len(series)):
                        engine.value_at_risk(series[day - TESTED.window : day], level, method=method)

    line("the same day by day, without the Monte Carlo methods", seconds(one_by_one, 1) / SAMPLE)


def seconds(work: Callable[[], object], runs: int) -> float:
    """Median of the processor time of several runs, after one to warm up when there is more than one."""
    if runs > 1:
        work()
    taken = []
    for _ in range(runs):
        start = time.process_time()
        work()
        taken.append(time.process_time() - start)
    return statistics.median(taken)


def show(label: str, work: Callable[[], object], runs: int) -> None:
    line(label, seconds(work, runs))


def line(label: str, took: float) -> None:
    print(f"{label:55} {took * 1e3:10.2f} ms", flush=True)


if __name__ == "__main__":
    main()
