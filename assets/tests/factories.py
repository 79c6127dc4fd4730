"""Exchanges, assets and bars for the tests of every app."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict
from datetime import date, timedelta
from decimal import Decimal
from typing import Any

from assets.bonds import BondTerms, DayCount
from assets.models import Asset, Bond, Exchange
from assets.providers.base import Bar
from assets.services.history import store_bars
from assets.sessions import sessions

START = date(2024, 1, 2)
Number = str | int | Decimal


def make_exchange(code: str = "XNYS", **values: Any) -> Exchange:
    """The exchange, made when it is not there yet; the calendar is the code's own unless one is given."""
    defaults = {"name": code, "calendar": code, "time_zone": "America/New_York"} | values
    return Exchange.objects.get_or_create(code=code, defaults=defaults)[0]


def make_asset(symbol: str = "AAPL", **values: Any) -> Asset:
    """An equity in USD at XNYS, unless ``values`` say otherwise; ``exchange=None`` for none."""
    if "exchange" not in values:
        values["exchange"] = make_exchange()
    return Asset.objects.create(**{"symbol": symbol, "name": f"{symbol} Inc.", "currency": "USD"} | values)


def make_rate(pair: str, closes: Mapping[date, Number] | Sequence[Number], **values: Any) -> Asset:
    """An exchange rate with its history: "EURUSD" is USD for 1 EUR."""
    asset = make_asset(pair, type="fx", currency=pair[3:], exchange=None)
    make_bars(asset, closes, **values)
    return asset


def make_bars(
    asset: Asset,
    closes: Mapping[date, Number] | Sequence[Number],
    *,
    start: date = START,
    source: str = "test",
    **figures: Any,
) -> int:
    """Store closes by day, or a list of them for the sessions from ``start`` on; returns how many changed.

    ``figures`` (open, high, low, volume …) are the same for every bar.
    """
    by_day = closes if isinstance(closes, Mapping) else dict(zip(_days(asset, start, len(closes)), closes, strict=True))
    bars = [(asset.pk, Bar(asset.symbol, day, Decimal(close), **figures)) for day, close in by_day.items()]
    return store_bars(bars, source=source)


TREASURY = BondTerms(date(2024, 2, 15), date(2034, 2, 15), Decimal("0.04"), 2, DayCount.ACTUAL_ACTUAL)


def make_bond(
    symbol: str = "UST34",
    *,
    terms: BondTerms = TREASURY,
    closes: Mapping[date, Number] | Sequence[Number] = (),
    **values: Any,
) -> Asset:
    """A bond in percent of par, its quantity the nominal: 4 % half-yearly on 15 February and August until 2034."""
    asset = make_asset(symbol, **{"type": "bond", "price_factor": Decimal("0.01")} | values)
    Bond.objects.create(asset=asset, **asdict(terms))
    make_bars(asset, closes)
    return asset


def _days(asset: Asset, start: date, count: int) -> list[date]:
    calendar = asset.exchange.calendar if asset.exchange else "24/5"
    return sessions(calendar, start, start + timedelta(days=2 * count + 30))[:count]
