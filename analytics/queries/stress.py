"""What scenarios would do to a portfolio as it is held on a day."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from decimal import Decimal

from analytics.engine import UndefinedMetric
from analytics.exposure import Weighted
from analytics.market import Market
from analytics.models import Scenario, StressWindow
from analytics.queries.exposure import weighted
from analytics.queries.facts import market_on
from analytics.scenarios import (
    Outcome,
    Shock,
    Target,
    Window,
    moved_by_benchmark,
    replayed,
    shocked,
)
from core.errors import DomainError
from core.money import multiply, quantise
from portfolios.models import Portfolio


class WindowNotCovered(DomainError):
    """There are no prices for this stretch of history, or it ends after the day that is asked for."""


class NoBenchmark(DomainError):
    """The portfolio has no benchmark whose move could be taken over."""


@dataclass(frozen=True, slots=True)
class Bench:
    """What every scenario of one portfolio needs: what is held, the market up to the day, and the benchmark."""

    held: Weighted
    market: Market
    benchmark_id: int | None

    def amount(self, fraction: float) -> Decimal:
        """A return of everything owned as a gain or loss in the base currency."""
        return quantise(multiply(self.held.total_value, Decimal(repr(fraction))), self.held.currency)

    def through(self, window: StressWindow) -> Outcome:
        """Raises WindowNotCovered."""
        outcome = replayed(self.held, self.market, Window(window.start, window.end), self.benchmark_id)
        if not outcome.moves_holdings:
            raise WindowNotCovered(
                f"Nothing of what is held, nor the benchmark, has prices from {window.start} to {window.end}."
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
        outcome = moved_by_benchmark(self.held, self.market, self.benchmark_id, move)
        if not outcome.moves_holdings:
            raise UndefinedMetric("no holding shares 30 returns with the benchmark, so none has a beta")
        return outcome


def bench(portfolio: Portfolio, as_of: date | None = None) -> Bench:
    """Raises NothingHeld, NoWeights. At most 13 queries (21 with ``as_of``), and those of a price panel that lags."""
    return Bench(weighted(portfolio, as_of), market_on(as_of), portfolio.benchmark_id)
