"""When a portfolio or an account deserves a look. Pure; no Django.

Each function answers with what exceeds its limit, or None. Fractions are of the total value.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date
from decimal import Decimal
from math import sqrt
from typing import Any, NamedTuple

FEWEST_OUTFLOWS = 12  # of an account, before its payments are said to be usual or not
SMALLEST_SPREAD = 0.1  # of the mean: rent that is the same every month does not make a coffee unusual


@dataclass(frozen=True, slots=True)
class Limits:
    """From where on a flag is raised; see the settings of the same names."""

    concentration: float = 0.25
    drawdown: float = 0.20
    value_at_risk: float = 0.03
    deviations: float = 3.0
    dormant_days: int = 365


@dataclass(frozen=True, slots=True)
class Finding:
    """What was found about one portfolio or one account."""

    kind: str
    as_of: date
    measure: float
    limit: float
    portfolio: int | None = None
    account: int | None = None
    about: str = ""
    figures: Mapping[str, Any] = field(default_factory=dict)

    @property
    def key(self) -> tuple[str, int | None, int | None, str]:
        return self.kind, self.portfolio, self.account, self.about


class Position(NamedTuple):
    symbol: str
    value: Decimal


def concentrated(positions: Sequence[Position], total: Decimal, limit: float) -> list[tuple[Position, float]]:
    """The positions that are more than ``limit`` of ``total``, each with its share; none of a total of 0 or less."""
    if total <= 0:
        return []
    shares = [(position, float(position.value / total)) for position in positions]
    return [(position, share) for position, share in shares if share > limit]


def leverage(positions: Sequence[Position], total: Decimal) -> float | None:
    """Gross exposure as a multiple of the total value if that is more than 1; None without a positive total."""
    gross = sum((abs(position.value) for position in positions), Decimal(0))
    return float(gross / total) if total > 0 and gross > total else None


class Outflows(NamedTuple):
    """How an account paid in the past: how many payments, their mean and their mean square, as positive amounts."""

    payments: int
    mean: float
    mean_square: float

    @property
    def deviation(self) -> float:
        """The standard deviation over all of them, at least a tenth of the mean."""
        return max(sqrt(max(0.0, self.mean_square - self.mean**2)), SMALLEST_SPREAD * self.mean)

    def limit(self, deviations: float) -> float | None:
        """The largest payment that is usual; None with too few to say."""
        return self.mean + deviations * self.deviation if self.payments >= FEWEST_OUTFLOWS else None
