"""How far the weights of what is held lie from their targets."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from decimal import Context, Decimal

from assets.models import Asset
from assets.queries import RateMissing, bond_terms, carried, last_bars, rates
from core.errors import DomainError
from core.money import divide, total
from portfolios.book.value import per_unit
from portfolios.models import CashSetting, Portfolio
from portfolios.queries.holdings import Holding, holdings, latest_rate
from portfolios.queries.totals import totals

PRICE_DIGITS = Context(prec=15)  # what every database keeps
RATE_DIGITS = Context(prec=10)
CASH = "Cash"


class PriceMissing(DomainError):
    """There is no price of this security, so what it weighs cannot be known."""


@dataclass(frozen=True, slots=True)
class Drift:
    """A holding beside its target, in the base currency; without a symbol it is the cash.

    Weights are shares of all that counts, cash included. ``drift`` is weight − target, ``outside`` that it is beyond
    the threshold. None where there is no price or no target.
    """

    asset_id: int | None
    symbol: str | None
    name: str
    value: Decimal | None
    weight: Decimal | None
    target: Decimal | None
    drift: Decimal | None
    outside: bool


@dataclass(frozen=True, slots=True)
class Weighed:
    """What is weighed: an asset and what is held of it, None where that is not known."""

    asset_id: int
    symbol: str
    name: str
    value: Decimal | None


@dataclass(frozen=True, slots=True)
class Quoted:
    """A price as the asset is quoted, with its day and source, and the base currency for one of the asset's.

    ``accrued`` is the interest of a bond that is paid beside the price, as that is quoted.
    """

    price: Decimal
    day: date | None
    source: str
    rate: Decimal
    accrued: Decimal = Decimal(0)


def drift_of(portfolio: Portfolio, targets: Mapping[int, Decimal], as_of: date | None = None) -> list[Drift]:
    """The holdings, now or at the close of ``as_of``, and the targets (asset id to weight) by symbol, the cash last; at
    most 13 queries.

    Without any target there is nothing to drift from.
    """
    held = holdings([portfolio], as_of)[portfolio.pk]
    rows = [Weighed(one.asset_id, one.symbol, one.name, one.value) for one in held]
    known = {row.asset_id for row in rows}
    others = Asset.objects.filter(pk__in=targets.keys() - known).order_by("symbol")
    rows += [Weighed(asset.pk, asset.symbol, asset.name, Decimal(0)) for asset in others]
    rows.sort(key=lambda row: row.symbol)
    cash = totals(portfolio, held, as_of).cash
    return drifts(rows, cash, targets or None, cash_threshold(portfolio), portfolio.rebalance_threshold)


def cash_threshold(portfolio: Portfolio) -> Decimal | None:
    """How far cash may drift: as far as a security; where none is kept there is nothing that could."""
    return portfolio.rebalance_threshold if portfolio.cash == CashSetting.TRACKED else None


def drifts(
    rows: Sequence[Weighed],
    cash: Decimal,
    targets: Mapping[int, Decimal] | None,
    cash_band: Decimal | None,
    band: Decimal,
) -> list[Drift]:
    """Each of ``rows`` beside its target (0 for one without), and the cash beside what the targets leave over."""
    whole = total(row.value for row in rows if row.value is not None) + cash
    found = [
        _drift(
            row.asset_id,
            row.symbol,
            row.name,
            row.value,
            whole,
            None if targets is None else targets.get(row.asset_id, Decimal(0)),
            band,
        )
        for row in rows
    ]
    rest = None if targets is None else Decimal(1) - total(targets.values())
    return [*found, _drift(None, None, CASH, cash, whole, rest, cash_band)]


def _drift(
    asset_id: int | None,
    symbol: str | None,
    name: str,
    value: Decimal | None,
    whole: Decimal,
    target: Decimal | None,
    band: Decimal | None,
) -> Drift:
    weight = None if value is None or whole <= 0 else divide(value, whole)
    drift = None if weight is None or target is None else weight - target
    outside = drift is not None and band is not None and abs(drift) > band
    return Drift(asset_id, symbol, name, value, weight, target, drift, outside)


def quotes(portfolio: Portfolio, held: Iterable[Holding], assets: Collection[Asset]) -> dict[int, Quoted]:
    """Asset id to its last known price and rate: those of its holding, else the last close; at most 3 queries,
    4 with a bond among those that are not held.

    Rounded to what a trade keeps: 15 digits of a price, 10 of a rate. Raises PriceMissing, RateMissing.
    """
    known = {one.asset_id: (one.price, one.price_day, one.price_source, one.rate, one.accrued) for one in held}
    others = [asset for asset in assets if asset.pk not in known]
    bars = carried(last_bars([asset.pk for asset in others]), terms=bond_terms(others)) if others else {}
    table = rates({asset.currency for asset in others}, portfolio.base_currency, date.max)
    for asset in others:
        bar, rate = bars.get(asset.pk), latest_rate(table, asset.currency, portfolio.base_currency)
        priced = (per_unit(bar.close), bar.day, bar.source, rate, bar.accrued) if bar else None
        known[asset.pk] = priced or (None, None, "", rate, Decimal(0))
    return {asset.pk: _quoted(asset, portfolio.base_currency, *known[asset.pk]) for asset in assets}


def _quoted(
    asset: Asset,
    base: str,
    price: Decimal | None,
    day: date | None,
    source: str,
    rate: Decimal | None,
    accrued: Decimal,
) -> Quoted:
    if not price:
        raise PriceMissing(
            "There is no price of {symbol}, so what it weighs cannot be known.", symbol=asset.symbol, field="targets"
        )
    if rate is None:
        raise RateMissing(
            "There is no exchange rate from {currency} to {base}.", currency=asset.currency, base=base, field="targets"
        )
    return Quoted(_kept(price, PRICE_DIGITS), day, source, _kept(rate, RATE_DIGITS), accrued)


def _kept(value: Decimal, digits: Context) -> Decimal:
    """``value`` with no more digits than ``digits`` has, and no more decimals than prices and rates have."""
    return per_unit(digits.plus(value))
