"""Live prices: one process of the installation reads the best source that works, publishes and keeps the quotes."""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Awaitable, Callable, Sequence
from contextlib import aclosing, suppress
from dataclasses import dataclass, field, replace
from datetime import timedelta
from functools import partial
from typing import Any
from uuid import uuid4

from channels.db import database_sync_to_async
from django.conf import settings
from django.db import DataError, IntegrityError, transaction
from django.utils import timezone

from assets import live, quotes
from assets.models import IntradayValue, Streaming
from assets.providers.base import ProviderError
from assets.providers.stream import Refused
from assets.services.feeds import Board, Feed, Part, Tracked, feeds, load, partition
from core.errors import DomainError

log = logging.getLogger(__name__)
LEASE, RENEW_EVERY = timedelta(seconds=15), 5.0
PUBLISH_EVERY = 0.2  # seconds between two messages to the web processes
KEEP_EVERY = 5.0  # and between two writes of the newest prices
RELOAD_EVERY = 900.0  # the closes behind the changes are read again
LOOK_EVERY = 0.2
AFTER_REFUSAL = 3600.0
AT_ONCE = 1000
NOT_STORABLE = (
    DataError,
    IntegrityError,
    DomainError,
    ArithmeticError,
    ValueError,
    TypeError,
)  # what one value can be to blame for


class LeaseLost(Exception):
    """Another process reads the live prices now."""


async def run_forever() -> None:
    """Read live prices whenever no other process does, until cancelled."""
    holder = uuid4().hex
    try:
        while True:
            if await _held(holder):
                with suppress(LeaseLost):
                    await Streamer(holder).run()
            await asyncio.sleep(RENEW_EVERY / 2)
    finally:
        release = database_sync_to_async(Streaming.release)
        await asyncio.shield(_survived(lambda: release(holder), "giving back the lease"))


@dataclass(slots=True)
class Streamer:
    """Reads live prices while it holds the lease."""

    holder: str
    watchers: live.Watchers = field(default_factory=live.Watchers)
    board: Board = field(default_factory=dict)
    feeds: list[Feed] = field(default_factory=list)
    _pumps: dict[str, tuple[Part, asyncio.Task[None]]] = field(default_factory=dict)
    _unsent: dict[int, Tracked] = field(default_factory=dict)
    _unkept: dict[int, Tracked] = field(default_factory=dict)
    _history: list[Tracked] = field(default_factory=list)
    _loaded_at: float = float("-inf")
    _looked_at: float = float("-inf")
    _looked_for: frozenset[int] = frozenset()
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
        """Keep the lease; while the database is away, go on until it has run out."""
        until = time.monotonic() + LEASE.total_seconds()
        while True:
            begun = time.monotonic()
            held = await _held(self.holder, **self._told())
            if held:
                until = begun + LEASE.total_seconds()
            if held is False or time.monotonic() >= until:
                raise LeaseLost
            await asyncio.sleep(RENEW_EVERY if held else 1.0)

    def _told(self) -> dict[str, Any]:
        """How it goes, for the row of the lease."""
        sources = ", ".join(sorted({feed.source for feed in self.feeds if feed.source}))
        problems = "; ".join(feed.problem for feed in self.feeds if feed.problem)
        message = "".join(each if each.isprintable() else " " for each in problems)
        return {"source": sources[:32], "message": message[:300], "watched": len(self.board)}

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
        assets, now = self.watchers.assets(), time.monotonic()
        late = now - self._loaded_at > RELOAD_EVERY
        without = len(self.board) < len(assets) and now - self._looked_at > KEEP_EVERY  # a first price may have come
        if not assets:
            self.board.clear()
        elif late or without or assets != self._looked_for:
            loaded = await database_sync_to_async(load)(assets)
            self._looked_at = now
            if late:
                self._loaded_at = now
            for symbol in self.board.keys() - loaded.keys():
                del self.board[symbol]
            for symbol, each in loaded.items():
                if late or symbol not in self.board:
                    self.board[symbol] = _newer(each, self.board.get(symbol))
        self._looked_for = assets

    async def _read(self) -> None:
        """Every feed that works serves its part of what is watched, side by side."""
        try:
            while True:
                await _survived(self._deal, "dealing out what is watched")
                await asyncio.sleep(LOOK_EVERY)
        finally:
            tasks = [task for _, task in self._pumps.values()]
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)

    async def _deal(self) -> None:
        """Give each feed its part, and start and stop feeds by that; what a broken one served falls to the next."""
        if not self.board:
            self.feeds = []  # keys may come and go meanwhile
        elif not self.feeds:
            self.feeds = await database_sync_to_async(feeds)()
        parts = partition(self.board, self.feeds, time.monotonic())
        for name, (_, task) in list(self._pumps.items()):
            if task.done():
                del self._pumps[name]
            elif name not in parts and not task.cancelling():  # a second time would disturb how it ends
                task.cancel()
        for feed in self.feeds:
            if feed.name in parts:
                self._serve(feed, parts[feed.name])
        if self.board and not parts and any(feed.retry_at > time.monotonic() for feed in self.feeds):
            await self._say(live.STALLED)

    def _serve(self, feed: Feed, named: dict[str, str]) -> None:
        if feed.name in self._pumps:  # one that is ending is followed by a new one once it is over
            self._pumps[feed.name][0].give(named)
            return
        part = Part()
        part.give(named)
        self._pumps[feed.name] = part, asyncio.create_task(self._pump(feed, part))

    async def _pump(self, feed: Feed, part: Part) -> None:
        """Read ``feed`` until it breaks, whatever breaks it."""
        problem, pause = f"{feed.name}: the feed ended", None
        try:
            updates: Any = feed.updates(self.board, part)
            async with aclosing(updates):
                async for update in updates:
                    feed.works(update.last.source)
                    self._take(update)
                    await self._say(live.LIVE)
        except ProviderError as error:
            problem, pause = str(error), AFTER_REFUSAL if isinstance(error, Refused) else None
            log.warning("%s", error)
        except Exception as error:
            problem = f"{feed.name}: {type(error).__name__}"
            log.exception("Live prices: %s broke", feed.name)
        feed.broke(time.monotonic(), problem, pause)

    def _take(self, update: Tracked) -> None:
        self.board[update.symbol] = self._unsent[update.asset_id] = update
        if update.keep:
            self._unkept[update.asset_id] = update
        if settings.INTRADAY_DAYS:
            self._history.append(update)

    async def _say(self, state: str) -> None:
        if state != self._state and await _survived(lambda: live.publish_state(state), "publishing the state"):
            self._state = state

    async def _publish(self) -> None:
        while True:
            await _survived(self._send, "publishing quotes")
            await asyncio.sleep(PUBLISH_EVERY)

    async def _send(self) -> None:
        unsent, self._unsent = self._unsent, {}
        await live.publish(
            [(pk, live.plain(each.last.price), live.quote_text(each.symbol, each.last)) for pk, each in unsent.items()]
        )

    async def _keep(self) -> None:
        while True:
            await asyncio.sleep(KEEP_EVERY)
            unkept, self._unkept = self._unkept, {}
            history, self._history = self._history, []
            write = partial(database_sync_to_async(keep), list(unkept.values()), history)
            if not await _survived(write, "keeping quotes"):
                self._unkept = unkept | self._unkept


def _newer(loaded: Tracked, known: Tracked | None) -> Tracked:
    """What was read, with the tick that came after it was written."""
    if known is None or not known.last.is_quote or known.last.at <= loaded.last.at:
        return loaded
    return replace(loaded, last=known.last, keep=known.keep)


def keep(newest: Sequence[Tracked], history: Sequence[Tracked] = ()) -> None:
    """Store the newest quotes; and every tick of ``history`` as an intraday value. What no column holds is left out."""
    now = timezone.now()
    for each in newest:
        _stored(partial(quotes.put, each.asset_id, each.quote(), source=each.last.source, now=now))
    prices = [(each, quotes.storable(each.last.price)) for each in history]
    rows = [
        IntradayValue(asset_id=each.asset_id, at=each.last.at, price=price, source=each.last.source)
        for each, price in prices
        if price is not None
    ]
    write = partial(IntradayValue.objects.bulk_create, batch_size=AT_ONCE, ignore_conflicts=True)
    if not _stored(partial(write, rows)):
        for row in rows:
            _stored(partial(write, [row]))


def _stored(write: Callable[[], object]) -> bool:
    """Whether ``write`` went through, in a transaction of its own. Raises what is the database's fault."""
    try:
        with transaction.atomic():
            write()
    except NOT_STORABLE:
        log.exception("Live prices: a value could not be stored")
        return False
    return True


def forget_intraday() -> int:
    """Delete the intraday values that are older than INTRADAY_DAYS; returns how many."""
    oldest = timezone.now() - timedelta(days=settings.INTRADAY_DAYS)
    return IntradayValue.objects.filter(at__lt=oldest).delete()[0]


async def _held(holder: str, **told: object) -> bool | None:
    """Whether the lease is ours for LEASE from now; None when the database does not say."""
    try:
        return await database_sync_to_async(Streaming.hold)(holder, now=timezone.now(), life=LEASE, **told)
    except Exception:
        log.exception("Live prices: the lease could not be renewed")
        return None


async def _survived(work: Callable[[], Awaitable[object]], what: str) -> bool:
    """Whether ``work`` went through: the broker and the database may go and come back."""
    try:
        await work()
    except Exception:
        log.exception("Live prices: %s failed", what)
        return False
    return True
