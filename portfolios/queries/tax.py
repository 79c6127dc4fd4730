"""The tax report: what the disposals of one calendar year realised."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from decimal import Decimal

from core.money import total
from portfolios.models import Disposal, Portfolio

SHORT, LONG = "short", "long"


@dataclass(frozen=True, slots=True)
class TaxTotal:
    """Sums over disposals in the base currency. ``gains`` and ``losses`` (≤ 0) add up to ``gain``."""

    disposals: int
    proceeds: Decimal
    cost: Decimal
    gain: Decimal
    gains: Decimal
    losses: Decimal
    price_gain: Decimal
    currency_gain: Decimal


@dataclass(frozen=True, slots=True)
class TaxReport:
    """The disposals of a year in the order of closing, and their totals by term and in all."""

    portfolio: Portfolio
    year: int
    disposals: tuple[Disposal, ...]

    def of_term(self, term: str) -> TaxTotal:
        return _total(disposal for disposal in self.disposals if term_of(disposal) == term)

    @property
    def total(self) -> TaxTotal:
        return _total(self.disposals)


def tax_report(portfolio: Portfolio, year: int) -> TaxReport:
    """What was realised in ``year``; one query."""
    found = Disposal.objects.filter(portfolio=portfolio, closed_on__year=year).select_related("asset", "portfolio")
    return TaxReport(portfolio, year, tuple(found.order_by("closed_on", "pk")))


def term_of(disposal: Disposal) -> str:
    """Long when the lot was held for more days than the portfolio's setting says."""
    return LONG if disposal.long_term else SHORT


def _total(disposals: Iterable[Disposal]) -> TaxTotal:
    found = list(disposals)
    return TaxTotal(
        disposals=len(found),
        proceeds=total(disposal.proceeds_base for disposal in found),
        cost=total(disposal.cost_base for disposal in found),
        gain=total(disposal.gain_base for disposal in found),
        gains=total(disposal.gain_base for disposal in found if disposal.gain_base > 0),
        losses=total(disposal.gain_base for disposal in found if disposal.gain_base < 0),
        price_gain=total(disposal.price_gain for disposal in found),
        currency_gain=total(disposal.currency_gain for disposal in found),
    )
