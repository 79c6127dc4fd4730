"""Quotes: shown from the database, and asked for when they are missing or too old."""

from __future__ import annotations

from collections.abc import Collection
from datetime import date, datetime, timedelta
from functools import partial
from typing import Any

from django.conf import settings

from assets import quality, quotes
from assets.models import Asset, Quote
from assets.providers.base import BadPayload, Doubtful, PriceQuote
from assets.quality import RECENT
from assets.queries import LastBar, last_bars
from assets.quotes import LastPrice, LastPrices
from assets.services import doubts, judging
from assets.services.actions import today_of
from assets.services.asking import Capability, as_quoted, ask
from assets.services.freshness import ask_once, await_answer
from core.errors import Gone

AHEAD = timedelta(minutes=5)  # by which a provider's clock may be wrong


class NoPrice(Gone):
    """No provider knows a price of this asset, and none was ever stored."""


def last_price(asset: Asset, *, now: datetime) -> tuple[LastPrice, bool]:
    """The last price, and whether a worker should ask for it again. An old one is answered as it is.

    Without any quote the providers are asked here and now, by one reader for all; the others wait for that answer for
    QUOTE_WAIT at most. If there is none, the last close stands in. Raises NoPrice.
    """
    known = quotes.get([asset.pk], now)
    if not _is_quoted(asset, known):
        question = partial(_ask, asset, now)
        due = asset.pk in known.due
        if not (due and ask_once(Quote, asset.pk, life=settings.QUOTE_TTL, now=now, question=question)):
            await_answer(Quote, asset.pk, now)
        known = quotes.get([asset.pk], now)
    if asset.pk not in known.by_asset:
        raise NoPrice("No provider knows a price of {symbol}, and none was ever stored.", symbol=asset.symbol)
    return known.by_asset[asset.pk], bool(known.due)


def last_prices(asset_ids: Collection[int], *, now: datetime) -> LastPrices:
    """The last prices of many assets as they are in the database: nobody is asked here; 3 queries."""
    return quotes.get(asset_ids, now)


def closes_on(asset_ids: Collection[int], *, day: date) -> LastPrices:
    """The prices of many assets at the close of a day that is over; nothing of them is due; 2 queries."""
    return LastPrices(quotes.closes(asset_ids, day))


def refresh(asset_ids: Collection[int], *, now: datetime) -> int:
    """Ask for the quotes of these assets that are still due; returns how many were asked for."""
    assets = Asset.objects.filter(pk__in=asset_ids).select_related("exchange").order_by("pk")
    life = settings.QUOTE_TTL
    return sum(ask_once(Quote, asset.pk, life=life, now=now, question=partial(_ask, asset, now)) for asset in assets)


def _is_quoted(asset: Asset, known: LastPrices) -> bool:
    """Whether there is a quote, and no close of a later day goes before it."""
    return asset.pk in known.by_asset and known.by_asset[asset.pk].is_quote


def _ask(asset: Asset, now: datetime) -> None:
    """Raises NobodyKnows or NobodyAnswers."""
    reply = ask(Capability.QUOTE, asset, partial(_sound, asset, now))
    quotes.put(asset.pk, reply.value, source=reply.provider, now=now)


def _sound(asset: Asset, now: datetime, adapter: Any, symbol: str) -> PriceQuote:
    """The provider's quote as the asset is quoted, if it is a likely price of a moment that has come; else another
    provider is asked."""
    quote: PriceQuote = as_quoted(asset, adapter.name, symbol, adapter.quote(symbol))
    if quotes.storable(quote.price) is None:
        raise BadPayload(f"{adapter.name}: {quote.price} is no price of {symbol}")
    if quote.at > now + AHEAD:
        raise BadPayload(f"{adapter.name}: the quote of {symbol} is of {quote.at}, which has not come yet")
    noted = doubts.known(asset)
    accepted = doubts.level(asset, noted, adapter.name, now)
    previous, recent = (accepted, True) if accepted else _previous(asset, quote.at, adapter.name, now)
    likely = quotes.believable if recent else quality.conceivable
    if previous and not likely(previous.close, quote.price):
        doubts.note(asset, price=quote.price, at=quote.at, provider=adapter.name, previous=previous, now=now)
        text = f"{quote.price} for {symbol} is too far from {previous.close.normalize():f} on {previous.day}"
        raise Doubtful(f"{adapter.name}: {text}")
    doubts.settle(noted, adapter.name)
    return quote


def _previous(asset: Asset, at: datetime, provider: str, now: datetime) -> tuple[LastBar | None, bool]:
    """What a quote of ``at`` is compared with, as a price of that day, and whether it is recent: the last close, where
    none is recent the last quote. As for closes, an old one says little unless a jump from it is in dispute."""
    day = today_of(asset, at)
    bar = last_bars([asset.pk], day).get(asset.pk)
    if bar and _binding(bar, day):
        return _comparable(asset, bar, provider, day), True
    quoted = quotes.quoted([asset.pk], now).by_asset.get(asset.pk)  # brought across splits already
    last = LastBar(asset.pk, quoted.day, quoted.price, quoted.source) if quoted else None
    if last and abs(day - last.day) <= RECENT:
        return (last if judging.comparable(last, provider) else None), True
    if last and judging.comparable(last, provider) and last.day <= day and (bar is None or last.day > bar.day):
        return last, False
    return (_comparable(asset, bar, provider, day) if bar else None), False


def _comparable(asset: Asset, bar: LastBar, provider: str, day: date) -> LastBar | None:
    """``bar`` as a price of ``day``, if a price of ``provider`` can follow it."""
    if not judging.comparable(bar, provider):
        return None
    return judging.brought(bar, judging.steps_of([asset.pk], until=day).get(asset.pk, ()), day)


def _binding(bar: LastBar, day: date) -> bool:
    return day - bar.day <= RECENT or bool(judging.disputed({bar.asset_id: bar}, day))
