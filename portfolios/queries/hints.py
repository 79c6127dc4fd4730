"""What the market says about a trade that is being entered: the day's close and exchange rate."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date
from decimal import Decimal

from assets.bonds import accrued
from assets.models import Asset
from assets.queries import Rate, RateMissing, bond_terms, carried, last_bars, rates
from core.fields import QUANTITY_LIMIT
from core.money import multiply, quantise
from portfolios.book.value import per_unit

RECENT_DAYS = 7


@dataclass(frozen=True, slots=True)
class CloseHint:
    """The last known close on a day, per unit in the asset's currency; ``age`` is in days."""

    price: Decimal
    day: date
    age: int
    simulated: bool

    @property
    def recent(self) -> bool:
        """Whether it may stand for the day's price."""
        return self.age <= RECENT_DAYS


@dataclass(frozen=True, slots=True)
class RateHint:
    """Units of ``target`` for one of ``source``, and the day that this was so; ``age`` is in days."""

    source: str
    target: str
    value: Decimal
    day: date
    age: int


def close_hint(asset: Asset, day: date) -> CloseHint | None:
    """The last close of ``asset`` on ``day``, divided by the ratios of splits since; 2 queries."""
    bar = carried(last_bars([asset.pk], day), day).get(asset.pk)
    return None if bar is None else CloseHint(per_unit(bar.close), bar.day, (day - bar.day).days, bar.simulated)


def accrued_hint(asset: Asset, day: date, quantity: Decimal | None) -> Decimal | None:
    """What has accrued on so many units of a bond by ``day``, in its currency; None where that is not known.

    One query, none for what is no bond.
    """
    terms = bond_terms([asset]).get(asset.pk) if quantity is not None else None
    if terms is None or quantity is None or not 0 < quantity < QUANTITY_LIMIT:
        return None
    return quantise(multiply(quantity, asset.price_factor, accrued(terms, day)), asset.currency)


def rate_hint(source: str, target: str, day: date) -> RateHint | None:
    """The rate between two currencies on ``day``; None where they are the same or none is known. One query."""
    if source == target:
        return None
    try:
        found: Rate = rates([source], target, day).rate(source, target, day)
    except RateMissing:
        return None
    return RateHint(source, target, found.value, found.day, (day - found.day).days)
