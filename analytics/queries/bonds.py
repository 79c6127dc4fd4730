"""A bond at a price: what it is worth with its accrued interest, what it yields, how it follows rates."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date
from decimal import Decimal

from django.utils import timezone

from analytics.engine import BondFigures, bond_figures
from analytics.figures import Label
from assets.bonds import BondTerms, Flow, accrued, cash_flows, years_to_payments
from assets.models import Asset, Bond
from assets.queries import SIMULATED, last_bars
from core.errors import DomainError
from core.money import EXACT

BOND_LABELS = {
    "yield_to_maturity": Label("Yield to maturity", "fraction a year", "yield-to-maturity"),
    "macaulay_duration": Label("Macaulay duration", "years", "duration"),
    "modified_duration": Label("Modified duration", "years", "duration"),
    "convexity": Label("Convexity", "years squared", "convexity"),
}
GIVEN = "given"  # the source of a price that the reader states


class NoBondTerms(DomainError):
    """The terms of this bond are not known."""


class NoBondPrice(DomainError):
    """There is no price of this bond."""


class BondMatured(DomainError):
    """The bond has matured."""


class BondNotIssued(DomainError):
    """The bond was not issued yet."""


@dataclass(frozen=True, slots=True)
class BondReport:
    """Prices and payments are per 100 of nominal value. ``next_payment`` is a coupon, or the redemption."""

    as_of: date
    clean: Decimal
    accrued: Decimal
    price_day: date
    price_source: str
    next_payment: Flow
    figures: BondFigures

    @property
    def dirty(self) -> Decimal:
        return EXACT.add(self.clean, self.accrued)

    @property
    def simulated(self) -> bool:
        return self.price_source == SIMULATED


def terms_of(asset: Asset) -> BondTerms:
    """What the bond promises; one query. Raises NoBondTerms."""
    bond = Bond.objects.filter(asset=asset).first()
    if bond is None:
        raise NoBondTerms("The terms of {symbol} are not known.", symbol=asset.symbol)
    return bond.terms


def bond_report(asset: Asset, terms: BondTerms, day: date | None = None, price: Decimal | None = None) -> BondReport:
    """The bond at the end of ``day``, at its last close by then or at ``price``, both clean.

    Without a day it is that of the last close, or today (UTC) at a given price; one query, none at a given price.
    Raises NoBondPrice, BondMatured, BondNotIssued, and UndefinedMetric where no yield explains the price.
    """
    if price is not None:
        day = day or timezone.now().date()
        return _report(asset, terms, day, price, day, GIVEN)
    bar = last_bars([asset.pk], day).get(asset.pk)
    if bar is None and day is not None:
        raise NoBondPrice("There is no price of {symbol} on or before {day}.", symbol=asset.symbol, day=day)
    if bar is None:
        raise NoBondPrice("There is no price of {symbol}.", symbol=asset.symbol)
    return _report(asset, terms, day or bar.day, bar.close, bar.day, bar.source)


def _report(asset: Asset, terms: BondTerms, day: date, clean: Decimal, priced: date, source: str) -> BondReport:
    if day >= terms.matures:
        raise BondMatured("{symbol} matured on {matures}.", symbol=asset.symbol, matures=terms.matures, field="as_of")
    if day < terms.issued:
        raise BondNotIssued("{symbol} was issued on {issued}.", symbol=asset.symbol, issued=terms.issued, field="as_of")
    flows, interest = cash_flows(terms, day), accrued(terms, day)
    times = [float(years) for years in years_to_payments(terms, day)]
    amounts = [float(flow.amount) for flow in flows]
    worth = float(EXACT.add(clean, interest))
    figures = bond_figures(worth, times, amounts, frequency=terms.compounding)
    return BondReport(day, clean, interest, priced, source, flows[0], figures)
