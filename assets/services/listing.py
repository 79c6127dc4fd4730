"""Adding securities."""

from __future__ import annotations

from datetime import date, datetime
from typing import TYPE_CHECKING, Any

from django.db import transaction
from django.utils import timezone

from activity.services import record
from assets.models import Asset, AssetType, Exchange, PriceBasis
from assets.services.backfill import has_history, request_backfill

if TYPE_CHECKING:
    from users.models import User


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
    delisted_on: date | None = None,
    now: datetime | None = None,
) -> Asset:
    """Add a security. Its prices are fetched each night if it has an exchange, and its past from now on.

    Raises Django's ValidationError, by field, for a symbol that is taken or a value that is malformed.
    """
    values: dict[str, Any] = {"type": type, "sector": sector, "exchange": exchange, "price_basis": price_basis}
    asset = Asset(symbol=symbol, name=name, currency=currency, isin=isin, delisted_on=delisted_on, **values)
    asset.full_clean()
    asset.save(force_insert=True)
    record(actor=actor, action="asset.created", subject=asset, data={"symbol": symbol})
    begin_history(asset=asset, actor=actor, now=now or timezone.now())
    return asset


def begin_history(*, asset: Asset, actor: User | None, now: datetime) -> None:
    """Have the past of a new asset fetched, where its market is fetched at all and somebody has histories."""
    if asset.exchange and asset.exchange.ingest_since and has_history(asset):
        request_backfill(asset=asset, actor=actor, now=now)
