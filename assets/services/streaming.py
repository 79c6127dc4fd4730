"""Live prices: one process of the installation reads the best source that works, publishes and keeps the quotes."""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Awaitable, Callable, Sequence
from contextlib import aclosing, suppress
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any
from uuid import uuid4

from channels.db import database_sync_to_async
from django.conf import settings
from django.db import transaction
from django.utils import timezone

from assets import live, quotes
from assets.models import IntradayValue, Streaming
from assets.providers.base import ProviderError
from assets.providers.stream import Refused, Wanted
from assets.services.feeds import Board, Feed, Tracked, feeds, load

log = logging.getLogger(__name__)
LEASE, RENEW_EVERY = timedelta(seconds=15), 5.0
PUBLISH_EVERY = 0.2  # seconds between two messages to the web processes
KEEP_EVERY = 5.0  # and between two writes of the newest prices
RELOAD_EVERY = 900.0  # the closes behind the changes are read again
LOOK_EVERY = 0.2
AFTER_REFUSAL = 3600.0
AT_ONCE = 1000


class LeaseLost(Exception):
    """Another process reads the live prices now."""


async def run_forever() -> None:
    """Read live prices whenever no other process does, until cancelled."""
    holder = uuid4().hex
    try:
        while True:
            if await database_sync_to_async(Streaming.hold)(holder, now=timezone.now(), life=LEASE):
                with suppress(LeaseLost):
                    await Streamer(holder).run()
            await asyncio.sleep(RENEW_EVERY / 2)
    finally:
        await asyncio.shield(database_sync_to_async(Streaming.release)(holder))


@dataclass(slots=True)
class Streamer:
    """Reads live prices while it holds the lease."""

    holder: str
    watchers: live.Watchers = field(default_factory=live.Watchers)
    wanted: Wanted = field(default_factory=Wanted)
    board: Board = field(default_factory=dict)
    source: str = ""
    message: str = ""
    _unsent: dict[int, Tracked] = field(default_factory=dict)
    _unkept: dict[int, Tracked] = field(default_factory=dict)
    _history: list[Tracked] = field(default_factory=list)
    _loaded_at: float = float("-inf")
    _state: str = ""

    async def run(self) -> None:
        """Raises LeaseLost."""
        try:
            async with asyncio.TaskGroup() as group:
                for work in (self._hear(), self._follow(), self._read(), self._publish(), self._keep(), self._renew()):
                    group.create_task(work)
        except* LeaseLost:
            raise LeaseLost from None

    async def _renew(self) -> None:
        while True:
            told = {"source": self.source, "message": self.message[:300], "watched": len(self.board)}
            if not await database_sync_to_async(Streaming.hold)(self.holder, now=timezone.now(), life=LEASE, **told):
                raise LeaseLost
            await asyncio.sleep(RENEW_EVERY)

    async def _hear(self) -> None:
        while True:
            if not await _survived(self.watchers.hear, "hearing what is watched"):
                await asyncio.sleep(1.0)

    async def _follow(self) -> None:
        """Keep the board in line with what is watched."""
        while True:
            await _survived(self._look, "reading what is watched")
            await asyncio.sleep(LOOK_EVERY)

    async def _look(self) -> None:
        assets = self.watchers.assets()
        known = {each.asset_id for each in self.board.values()}
        late = time.monotonic() - self._loaded_at > RELOAD_EVERY
        if not assets and self.board:
            self.board.clear()
        elif late or assets - known or known - assets:
            loaded = await database_sync_to_async(load)(assets)
            for symbol in self.board.keys() - loaded.keys():
                del self.board[symbol]
            for symbol, each in loaded.items():
                if late or symbol not in self.board:
                    self.board[symbol] = each
            self._loaded_at = time.monotonic()
        self.wanted.set(self.board)

    async def _read(self) -> None:
        """The best source that is not waiting, for as long as it works and somebody watches."""
        known: list[Feed] = []
        while True:
            if not self.wanted.symbols:
                known, self.source = [], ""  # keys may come and go meanwhile
            known = known or await database_sync_to_async(feeds)()
            ready = [feed for feed in known if feed.retry_at <= time.monotonic()]
            if self.wanted.symbols and ready:
                better = [feed.retry_at for feed in known[: known.index(ready[0])]]
                await self._drain(ready[0], until=min(better, default=float("inf")))
            elif self.wanted.symbols and known:
                await self._say(live.STALLED)
            await asyncio.sleep(LOOK_EVERY)

    async def _drain(self, feed: Feed, until: float) -> None:
        """Read ``feed`` until it breaks, nobody watches, or a better one is to be tried again."""
        pump = asyncio.create_task(self._pump(feed))
        try:
            while not pump.done() and self.wanted.symbols and time.monotonic() < until:
                await asyncio.wait({pump}, timeout=LOOK_EVERY)
            if pump.done():
                pump.result()
        except Refused as error:
            self._note(error)
            feed.broke(time.monotonic(), AFTER_REFUSAL)
        except ProviderError as error:
            self._note(error)
            feed.broke(time.monotonic())
        finally:
            pump.cancel()
            with suppress(asyncio.CancelledError, ProviderError):
                await pump

    async def _pump(self, feed: Feed) -> None:
        updates: Any = feed.updates(self.board, self.wanted)
        async with aclosing(updates):
            async for update in updates:
                feed.pause, self.source, self.message = 1.0, update.last.source, ""
                self._take(update)
                await self._say(live.LIVE)

    def _take(self, update: Tracked) -> None:
        self.board[update.symbol] = self._unsent[update.asset_id] = update
        if update.keep:
            self._unkept[update.asset_id] = update
        if settings.INTRADAY_DAYS:
            self._history.append(update)

    def _note(self, error: ProviderError) -> None:
        self.message = str(error)
        log.warning("%s", error)

    async def _say(self, state: str) -> None:
        if state != self._state and await _survived(lambda: live.publish_state(state), "publishing the state"):
            self._state = state

    async def _publish(self) -> None:
        while True:
            unsent, self._unsent = self._unsent, {}
            texts = [
                (pk, live.plain(each.last.price), live.quote_text(each.symbol, each.last))
                for pk, each in unsent.items()
            ]
            await _survived(lambda texts=texts: live.publish(texts), "publishing quotes")  # type: ignore[misc]
            await asyncio.sleep(PUBLISH_EVERY)

    async def _keep(self) -> None:
        while True:
            await asyncio.sleep(KEEP_EVERY)
            unkept, self._unkept = list(self._unkept.values()), {}
            history, self._history = self._history, []
            await _survived(lambda u=unkept, h=history: database_sync_to_async(keep)(u, h), "keeping quotes")  # type: ignore[misc]


@transaction.atomic
def keep(newest: Sequence[Tracked], history: Sequence[Tracked] = ()) -> None:
    """Store the newest quotes; and every tick of ``history`` as an intraday value."""
    now = timezone.now()
    for each in newest:
        quotes.put(each.asset_id, each.quote(), source=each.last.source, now=now)
    rows = [
        IntradayValue(asset_id=each.asset_id, at=each.last.at, price=each.last.price, source=each.last.source)
        for each in history
    ]
    IntradayValue.objects.bulk_create(rows, batch_size=AT_ONCE, ignore_conflicts=True)


def forget_intraday() -> int:
    """Delete the intraday values that are older than INTRADAY_DAYS; returns how many."""
    oldest = timezone.now() - timedelta(days=settings.INTRADAY_DAYS)
    return IntradayValue.objects.filter(at__lt=oldest).delete()[0]


async def _survived(work: Callable[[], Awaitable[None]], what: str) -> bool:
    """Whether ``work`` went through: the broker and the database may go and come back."""
    try:
        await work()
    except Exception:
        log.exception("Live prices: %s failed", what)
        return False
    return True
