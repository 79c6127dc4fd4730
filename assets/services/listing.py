"""Adding securities."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from django.db import transaction

from activity.services import record
from assets.models import Asset, AssetType, Exchange, PriceBasis

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
) -> Asset:
    """Add a security. Its prices are fetched each night if it has an exchange.

    Raises Django's ValidationError, by field, for a symbol that is taken or a value that is malformed.
    """
    values: dict[str, Any] = {"type": type, "sector": sector, "exchange": exchange, "price_basis": price_basis}
    asset = Asset(symbol=symbol, name=name, currency=currency, isin=isin, **values)
    asset.full_clean()
    asset.save(force_insert=True)
    record(actor=actor, action="asset.created", subject=asset, data={"symbol": symbol})
    return asset
