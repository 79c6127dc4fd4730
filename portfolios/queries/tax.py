"""The tax report: what the disposals of one calendar year realised."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import date
from decimal import Decimal

from django.db.models import QuerySet

from assets.models import Asset
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

    @property
    def by_asset(self) -> list[AssetTax]:
        """The disposals of each asset in their order, the assets by symbol."""
        groups: dict[Asset, list[Disposal]] = {}
        for disposal in self.disposals:
            groups.setdefault(disposal.asset, []).append(disposal)
        return [AssetTax(asset, _total(groups[asset]), groups[asset]) for asset in sorted(groups, key=str)]

    @property
    def by_month(self) -> list[Decimal]:
        """The gain of each of the year's twelve months, in the base currency."""
        months = range(1, 13)
        return [
            total(found.gain_base for found in self.disposals if found.closed_on.month == month) for month in months
        ]


@dataclass(frozen=True, slots=True)
class AssetTax:
    """What the disposals of one asset come to."""

    asset: Asset
    total: TaxTotal
    disposals: Sequence[Disposal]


def tax_report(portfolio: Portfolio, year: int, until: date | None = None) -> TaxReport:
    """What was realised in ``year``, with ``until`` up to that day; one query."""
    found = _until(portfolio, until).filter(closed_on__year=year).select_related("asset", "portfolio", "action")
    return TaxReport(portfolio, year, tuple(found.order_by("closed_on", "pk")))


def years_with_disposals(portfolio: Portfolio, until: date | None = None) -> list[int]:
    """The newest first, with ``until`` of the disposals up to that day; one query."""
    years = _until(portfolio, until).order_by().dates("closed_on", "year", order="DESC")
    return [day.year for day in years]


def _until(portfolio: Portfolio, until: date | None) -> QuerySet[Disposal]:
    found = Disposal.objects.filter(portfolio=portfolio)
    return found if until is None else found.filter(closed_on__lte=until)


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
