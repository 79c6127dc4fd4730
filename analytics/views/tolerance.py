"""A portfolio's stated risk tolerance beside its measured volatility, as more than one page shows it."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date

from analytics.tolerance import Verdict, verdict
from portfolios.models import Portfolio, RiskTolerance


@dataclass(frozen=True, slots=True)
class Tolerance:
    """``stated`` is what the owner says in words, "" where nothing is said, and ``most`` its bound, None without one.

    ``measured`` is the annual volatility of ``observations`` returns from ``start`` to ``end``, stored or asked for as
    of ``as_of``; fractions a year.
    """

    verdict: Verdict
    stated: str
    most: float | None
    measured: float | None
    start: date | None
    end: date | None
    observations: int
    as_of: date | None


def tolerance_of(
    portfolio: Portfolio,
    measured: float | None,
    *,
    window: tuple[date | None, date | None, int],
    as_of: date | None,
) -> Tolerance:
    """Of a volatility that was measured over ``window``: its first and its last day, and how many returns."""
    stated = portfolio.risk_tolerance
    most = RiskTolerance(stated).most_volatility if stated else None
    words = str(RiskTolerance(stated).label) if stated else ""
    return Tolerance(verdict(measured, most, stated=bool(stated)), words, most, measured, *window, as_of)
