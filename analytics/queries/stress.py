"""What scenarios would do to a portfolio as it is held on a day."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from functools import cached_property

import numpy as np

from analytics.engine import UndefinedMetric
from analytics.exposure import NothingHeld, Weighted
from analytics.market import Market
from analytics.models import Scenario, StressWindow
from analytics.queries.exposure import weighted
from analytics.queries.factors import Choice, choices, chosen, factor_report, factor_sets
from analytics.queries.facts import market_on
from analytics.scenarios import (
    Outcome,
    Shock,
    Target,
    Window,
    benchmark_betas,
    moved_by_benchmark,
    moved_by_factors,
    replayed,
    shocked,
)
from analytics.valuation import FloatArray
from core.errors import DomainError
from portfolios.models import Portfolio


class WindowNotCovered(DomainError):
    """There are no prices for this stretch of history, or it ends after the day that is asked for."""


class NoBenchmark(DomainError):
    """The portfolio has no benchmark whose move could be taken over."""


class UnknownFactor(DomainError):
    """The model has no such factor."""


@dataclass(frozen=True, eq=False)
class Bench:
    """What every scenario of one portfolio needs: what is held, the market up to the day, and the benchmark."""

    held: Weighted
    market: Market
    benchmark_id: int | None

    @cached_property
    def betas(self) -> FloatArray:
        """The betas (N,) of what is held to the benchmark, NaN where there is none: for every scenario the same."""
        if self.benchmark_id is None:
            return np.full(len(self.held.positions), np.nan)
        return benchmark_betas(self.held, self.market, self.benchmark_id)

    def through(self, window: StressWindow) -> Outcome:
        """Raises WindowNotCovered."""
        stretch = Window(window.start, window.end)
        outcome = replayed(self.held, self.market, stretch, self.benchmark_id, lambda: self.betas)
        if not outcome.moves_holdings:
            raise WindowNotCovered(
                "Nothing of what is held, nor the benchmark, has prices from {start} to {end}.",
                start=window.start,
                end=window.end,
            )
        return outcome

    def every(self, windows: Sequence[StressWindow]) -> list[tuple[StressWindow, Outcome]]:
        """The windows that the prices cover, with what they do."""
        rows = []
        for window in windows:
            try:
                rows.append((window, self.through(window)))
            except WindowNotCovered:
                continue
        return rows

    def under(self, scenario: Scenario) -> Outcome:
        """A person's scenario; its shocks should be fetched with their assets. Raises WorthlessBase."""
        return shocked(self.held, [Shock(Target(row.target), row.name, row.size) for row in scenario.shocks.all()])

    def with_benchmark(self, move: float) -> Outcome:
        """Raises NoBenchmark, UndefinedMetric."""
        if self.benchmark_id is None:
            raise NoBenchmark
        outcome = moved_by_benchmark(self.held, self.betas, move)
        if not outcome.moves_holdings:
            raise UndefinedMetric("no holding shares 30 returns with the benchmark, so none has a beta")
        return outcome


@dataclass(frozen=True, eq=False)
class FactorShocks:
    """What shocks of a model's factors do: the model that was chosen, the shocks and exposures by factor, and notes."""

    held: Weighted
    choice: Choice
    moves: dict[str, float]
    exposures: FloatArray  # (K, N)
    outcome: Outcome
    notes: list[str]

    @property
    def name(self) -> str:
        return f"{self.choice.name}: " + ", ".join(f"{key} {move:+.1%}" for key, move in self.moves.items())


def under_factors(
    portfolio: Portfolio,
    moves: Mapping[str, float],
    *,
    model: str,
    factor_set: str = "",
    as_of: date | None = None,
) -> FactorShocks:
    """Returns of factors, by key, passed on through each holding's exposures; a factor that is not named stays.

    Raises UnknownFactor, and what ``factor_report`` raises for the model and for the history. As many queries as that.
    """
    among = choices(list(factor_sets()))
    _check_factors(moves, chosen(model, among, factor_set)[0])
    report = factor_report(portfolio, model=model, factor_set=factor_set, as_of=as_of, every=among)
    held, by_holding = report.exposure, report.analysis.holdings
    if held is None or by_holding is None:
        raise NothingHeld
    keys = [factor.key for factor in report.choice.factors]
    exposures = by_holding.exposures[:, : len(held.positions)]  # the last column is cash
    outcome = moved_by_factors(held, exposures, [moves.get(key, 0.0) for key in keys])
    named = {key: moves[key] for key in keys if key in moves}
    return FactorShocks(held, report.choice, named, exposures, outcome, report.notes(portfolio))


def _check_factors(moves: Mapping[str, float], choice: Choice) -> None:
    """Raises UnknownFactor. The sets that can serve a model have the same factors of it."""
    known = [factor.key for factor in choice.factors]
    if unknown := sorted(moves.keys() - set(known)):
        raise UnknownFactor(
            "There is no factor “{factor}” in {model}; it has {known}.",
            field="factors",
            factor=unknown[0][:40],
            model=choice.name,
            known=", ".join(known),
        )


def bench(portfolio: Portfolio, as_of: date | None = None) -> Bench:
    """Raises NothingHeld, NoWeights. At most 13 queries (21 with ``as_of``), and those of a price panel that lags."""
    return Bench(weighted(portfolio, as_of), market_on(as_of), portfolio.benchmark_id)
