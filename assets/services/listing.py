"""Adding securities."""

from __future__ import annotations

from datetime import date, datetime
from decimal import Decimal
from typing import TYPE_CHECKING, Any

from django.core.exceptions import ValidationError
from django.db import transaction
from django.utils import timezone

from activity.services import record
from assets.models import Asset, AssetType, Exchange, PriceBasis
from assets.services.backfill import has_history, request_backfill
from core.money import HUNDREDTH, major_currency

if TYPE_CHECKING:
    from users.models import User


ONE = Decimal(1)


def quotation(currency: str, price_factor: Decimal, type: str) -> tuple[str, Decimal]:  # noqa: A002
    """The currency that is paid, and the price factor, of an asset whose prices are in ``currency``.

    Raises ValidationError where a minor currency meets another factor than its own, or a bond.
    """
    major = major_currency(currency)
    if major == currency:
        return currency, price_factor
    if type == AssetType.BOND:
        text = f"A bond is quoted in percent of par: state {major} and the price factor."
        raise ValidationError({"currency": text})
    if price_factor not in (ONE, HUNDREDTH):
        raise ValidationError({"price_factor": f"Prices in {currency} have a price factor of {HUNDREDTH}."})
    return major, HUNDREDTH


@transaction.atomic
def create_asset(
    *,
    actor: User | None,
    symbol: str,
    name: str,
    currency: str,
    type: str = AssetType.EQUITY,  # noqa: A002  the column's name
    sector: str = "",
    exchange: Exchange | None = None,
    isin: str = "",
    price_basis: str = PriceBasis.RAW,
    price_factor: Decimal = ONE,
    delisted_on: date | None = None,
    now: datetime | None = None,
) -> Asset:
    """Add a security. Its prices are fetched each night if it has an exchange, and its past from now on.

    ``currency`` may be a minor one that prices are in, such as GBX: the asset is then in GBP at a factor of 0.01.

    Raises Django's ValidationError, by field, for a symbol that is taken or a value that is malformed.
    """
    values: dict[str, Any] = {"type": type, "sector": sector, "exchange": exchange, "price_basis": price_basis}
    currency, price_factor = quotation(currency, price_factor, type)
    values |= {"price_factor": price_factor, "delisted_on": delisted_on}
    asset = Asset(symbol=symbol, name=name, currency=currency, isin=isin, **values)
    asset.full_clean()
    asset.save(force_insert=True)
    record(actor=actor, action="asset.created", subject=asset, data={"symbol": symbol})
    begin_history(asset=asset, actor=actor, now=now or timezone.now())
    return asset


def begin_history(*, asset: Asset, actor: User | None, now: datetime) -> None:
    """Have the past of a new asset fetched, where its market is fetched at all and somebody has histories."""
    if asset.exchange and asset.exchange.ingest_since and has_history(asset):
        request_backfill(asset=asset, actor=actor, now=now)
