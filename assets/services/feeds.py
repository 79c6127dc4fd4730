"""The sources of live prices in order of preference, and what each of their ticks makes of an asset's day."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Iterable
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from functools import partial
from typing import Any

from channels.db import database_sync_to_async
from django.conf import settings
from django.utils import timezone

from assets import quotes
from assets.models import Asset
from assets.providers.base import Capability, PriceQuote
from assets.providers.sockets import FinnhubSocket, PolygonSocket
from assets.providers.stream import Tick, TickSource, Wanted
from assets.providers.tape import SimulatedTape
from assets.queries import SIMULATED
from assets.quotes import LastPrice, changes
from assets.services import quotes as quote_service
from assets.services.keys import keys
from assets.services.sources import enabled

AHEAD = timedelta(minutes=5)  # by which a source's clock may be wrong
FIRST_PAUSE, LONGEST_PAUSE = 1.0, 60.0
STREAMS: dict[str, Any] = {
    "finnhub": (FinnhubSocket, "FINNHUB_STREAM_URL"),
    "polygon": (PolygonSocket, "POLYGON_STREAM_URL"),
}


@dataclass(frozen=True, slots=True)
class Tracked:
    """An asset that is watched, and its last price. ``keep`` says that the price is not in the database yet."""

    asset_id: int
    symbol: str
    last: LastPrice
    keep: bool = True

    def moved(self, tick: Tick, source: str) -> Tracked:
        """The day after one more tick; in a new day what was last is the previous close."""
        last = self.last
        same_day = last.is_quote and last.at.date() == tick.at.date()
        previous = last.previous_close if same_day else last.price
        figures: dict[str, Any] = {
            "price": tick.price,
            "previous_close": previous,
            "high": max(filter(None, (last.high if same_day else None, tick.price))),
            "low": min(filter(None, (last.low if same_day else None, tick.price))),
            "open": (last.open if same_day else None) or tick.price,
            **(changes(tick.price, previous) if previous else {"change": None, "percent_change": None}),
        }
        newest = replace(last, day=tick.at.date(), source=source, quoted_at=tick.at, fetched_at=tick.at, **figures)
        return replace(self, last=newest, keep=True)

    def follows(self, tick: Tick, now: datetime) -> bool:
        """Whether the tick is a price of a moment that has come, and not older than what is known."""
        if tick.at > now + AHEAD or quotes.storable(tick.price) is None:
            return False
        return not self.last.is_quote or tick.at >= self.last.at

    def quote(self) -> PriceQuote:
        last = self.last
        names = ("change", "percent_change", "high", "low", "open", "previous_close")
        return PriceQuote(self.symbol, last.price, last.at, **{name: getattr(last, name) for name in names})


Board = dict[str, Tracked]
"""What is watched, by symbol."""


@dataclass(slots=True)
class Feed:
    """A source that can be asked: its updates, and when it may be tried again after it broke."""

    name: str
    updates: Callable[[Board, Wanted], AsyncIterator[Tracked]]
    retry_at: float = 0.0
    pause: float = FIRST_PAUSE

    def broke(self, moment: float, pause: float | None = None) -> None:
        """Wait ``pause`` seconds, or each time twice as long."""
        self.retry_at = moment + (pause or self.pause)
        self.pause = min(self.pause * 2, LONGEST_PAUSE)


def feeds() -> list[Feed]:
    """Those of LIVE_SOURCES that can be asked, the preferred one first; two queries."""
    known, sources = keys(), enabled()
    quoting = {source.name for source in sources if source.offers(Capability.QUOTE)}
    found = []
    for name in settings.LIVE_SOURCES:
        if name in STREAMS and known.get(name):
            adapter, address = STREAMS[name]
            found.append(Feed(name, partial(_streamed, adapter(getattr(settings, address), known[name]))))
        elif name == "poll" and quoting - {SIMULATED}:
            found.append(Feed(name, _polled))
        elif name == SIMULATED and (SIMULATED in quoting or settings.DEMO):
            found.append(Feed(name, _taped))
    return found


def load(asset_ids: Iterable[int]) -> Board:
    """The watched assets with their last prices; what never had a price cannot be followed."""
    symbols = dict(Asset.objects.filter(pk__in=asset_ids).values_list("pk", "symbol"))
    last = quotes.get(symbols.keys(), timezone.now()).by_asset
    return {symbols[pk]: Tracked(pk, symbols[pk], price, keep=False) for pk, price in last.items()}


async def _streamed(source: TickSource, board: Board, wanted: Wanted) -> AsyncIterator[Tracked]:
    async for tick in source.ticks(wanted):
        before = board.get(tick.symbol)
        if before is not None and before.follows(tick, timezone.now()):
            yield before.moved(tick, source.name)


async def _taped(board: Board, wanted: Wanted) -> AsyncIterator[Tracked]:
    tape = SimulatedTape(
        lambda symbol: board[symbol].last.price if symbol in board else None,
        seed=settings.SIMULATED_SEED,
        every=settings.LIVE_TAPE_EVERY,
    )
    async for update in _streamed(tape, board, wanted):
        yield update


async def _polled(board: Board, wanted: Wanted) -> AsyncIterator[Tracked]:
    """No stream: what is watched is asked for whenever it is due, as if somebody opened its page."""
    ask = database_sync_to_async(_poll, thread_sensitive=False)  # a slow provider must not hold up the others
    while True:
        for symbol, last in await ask({each.asset_id: symbol for symbol, each in board.items()}):
            before = board.get(symbol)
            if before is not None and last.fetched_at != before.last.fetched_at:
                yield replace(before, last=last, keep=False)
        await asyncio.sleep(settings.LIVE_POLL_EVERY)


def _poll(symbols: dict[int, str]) -> list[tuple[str, LastPrice]]:
    now = timezone.now()
    quote_service.refresh(quotes.get(symbols.keys(), now).due, now=now)
    found = quotes.get(symbols.keys(), now).by_asset.values()
    return [(symbols[last.asset_id], last) for last in found if last.is_quote]
