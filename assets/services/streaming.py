"""Live prices: one process of the installation reads the best source that works, publishes and keeps the quotes."""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Awaitable, Callable, Iterable, Mapping, Sequence
from contextlib import aclosing, suppress
from dataclasses import dataclass, field, replace
from datetime import timedelta
from functools import partial
from typing import Any, NamedTuple
from uuid import uuid4

from channels.db import database_sync_to_async
from django.conf import settings
from django.db import DataError, IntegrityError, transaction
from django.utils import timezone

from assets import live, quotes
from assets.models import IntradayValue, Streaming
from assets.providers.base import ProviderError
from assets.providers.stream import Refused
from assets.queries import SIMULATED, LastBar
from assets.services import doubts
from assets.services.feeds import POLL, Board, Doubtful, Feed, Part, Tracked, Update, feeds, load, partition
from core.errors import DomainError

log = logging.getLogger(__name__)
LEASE, RENEW_EVERY = timedelta(seconds=15), 5.0
PUBLISH_EVERY = 0.2  # seconds between two messages to the web processes
KEEP_EVERY = 5.0  # and between two writes of the newest prices
RELOAD_EVERY = 900.0  # the closes behind the changes are read again
LOOK_EVERY = 0.2
KEYS_EVERY = 10.0  # a key that is entered or deleted counts after so long, whoever watches
DOUBT_EVERY = 60.0  # seconds between two words about the doubtful prices of one asset
AT_ONCE = 1000
LONG_AGO = float("-inf")
INSTEAD = {
    live.POLLING: "quotes are asked for instead",
    live.MADE_UP: "prices are made up instead",
    live.NOWHERE: "and nobody else can be asked",
}
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


class Pump(NamedTuple):
    """A feed that is being read, and what it serves."""

    feed: Feed
    part: Part
    task: asyncio.Task[None]


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


class State(NamedTuple):
    """What those who watch are told, and why it is so."""

    name: str
    detail: str = ""

    @classmethod
    def without(cls, refused: Iterable[str], name: str) -> State:
        """That what these sources would stream comes from elsewhere, or from nowhere."""
        return cls(name, f"The key of {' and '.join(sorted(refused))} may not stream; {INSTEAD[name]}.")


BEFORE = State(live.LIVE)


@dataclass(slots=True)
class Streamer:
    """Reads live prices while it holds the lease."""

    holder: str
    watchers: live.Watchers = field(default_factory=live.Watchers)
    board: Board = field(default_factory=dict)
    feeds: list[Feed] = field(default_factory=list)
    _pumps: dict[str, Pump] = field(default_factory=dict)
    _unsent: dict[int, Tracked] = field(default_factory=dict)
    _unkept: dict[int, Tracked] = field(default_factory=dict)
    _history: list[Tracked] = field(default_factory=list)
    _doubtful: dict[int, Doubtful] = field(default_factory=dict)
    _doubted_at: dict[int, float] = field(default_factory=dict)
    _loaded_at: float = LONG_AGO
    _looked_at: float = LONG_AGO
    _looked_for: frozenset[int] = frozenset()
    _feeds_at: float = LONG_AGO
    _state: State = BEFORE
    _said_at: float = LONG_AGO

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
            tasks = [pump.task for pump in self._pumps.values()]
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)

    async def _deal(self) -> None:
        """Give each feed its part, and start and stop feeds by that; what a broken one served falls to the next."""
        await self._look_for_feeds()
        parts = partition(self.board, self.feeds, time.monotonic())
        for name, pump in list(self._pumps.items()):
            if pump.task.done():
                del self._pumps[name]
            elif not self._is_wanted(pump, parts) and not pump.task.cancelling():  # twice would disturb how it ends
                pump.task.cancel()
        for feed in self.feeds:
            if feed.name in parts:
                self._serve(feed, parts[feed.name])
        await self._say(self._state_with(parts))

    async def _look_for_feeds(self) -> None:
        """Those that can be asked; one whose key is another is a new feed, and tried at once."""
        if not self.board:
            self.feeds, self._feeds_at = [], LONG_AGO
        elif time.monotonic() - self._feeds_at > KEYS_EVERY:
            fresh = await database_sync_to_async(feeds)()
            self._feeds_at = time.monotonic()
            known = {(feed.name, feed.identity): feed for feed in self.feeds}
            if known.keys() != {(feed.name, feed.identity) for feed in fresh}:
                self.feeds = [known.get((feed.name, feed.identity), feed) for feed in fresh]
                self._loaded_at = LONG_AGO  # who may serve what is another question now

    def _is_wanted(self, pump: Pump, parts: Mapping[str, object]) -> bool:
        return pump.feed.name in parts and any(pump.feed is feed for feed in self.feeds)

    def _serve(self, feed: Feed, named: dict[str, str]) -> None:
        if feed.name in self._pumps:  # one that is ending is followed by a new one once it is over
            self._pumps[feed.name].part.give(named)
            return
        part = Part()
        part.give(named)
        self._pumps[feed.name] = Pump(feed, part, asyncio.create_task(self._pump(feed, part)))

    def _state_with(self, parts: Mapping[str, Mapping[str, str]]) -> State:
        """How it is for those who watch, when each feed serves its part."""
        refused = {feed.name for feed in self.feeds if feed.refused}
        fallen = {
            name for name, part in parts.items() if any(refused & self.board[each].routes.keys() for each in part)
        }
        if self.board and not parts and any(feed.retry_at > time.monotonic() for feed in self.feeds):
            waiting = any(not feed.refused for feed in self.feeds if feed.retry_at > time.monotonic())
            return State(live.STALLED) if waiting else State.without(refused, live.NOWHERE)
        for name, state in ((SIMULATED, live.MADE_UP), (POLL, live.POLLING)):
            if name in fallen:
                return State.without(refused, state)
        works = any(feed.source for feed in self.feeds if feed.name in parts)
        return State(live.LIVE) if works else self._state

    async def _pump(self, feed: Feed, part: Part) -> None:
        """Read ``feed`` until it breaks, whatever breaks it."""
        problem, refused = f"{feed.name}: the feed ended", False
        try:
            updates: Any = feed.updates(self.board, part)
            async with aclosing(updates):
                async for update in updates:
                    self._take(feed, update)
        except ProviderError as error:
            problem, refused = str(error), isinstance(error, Refused)
            log.warning("%s", error)
        except Exception as error:
            problem = f"{feed.name}: {type(error).__name__}"
            log.exception("Live prices: %s broke", feed.name)
        feed.broke(time.monotonic(), problem, refused=refused)

    def _take(self, feed: Feed, update: Update) -> None:
        """A price that nobody believes says nothing against its source, which works."""
        if isinstance(update, Doubtful):
            feed.works(update.source)
            self._doubtful[update.before.asset_id] = update
            return
        feed.works(update.last.source)
        self._take_over(update)

    def _take_over(self, update: Tracked) -> None:
        self.board[update.symbol] = self._unsent[update.asset_id] = update
        if update.keep:
            self._unkept[update.asset_id] = update
        if settings.INTRADAY_DAYS:
            self._history.append(update)

    async def _say(self, state: State) -> None:
        """At once when it is another one, else now and then: a web process may have begun meanwhile."""
        now = time.monotonic()
        if state == self._state and now - self._said_at < live.STATE_EVERY:
            return
        if await _survived(lambda: live.publish_state(*state), "publishing the state"):
            self._state, self._said_at = state, now

    async def _publish(self) -> None:
        while True:
            await _survived(self._send, "publishing quotes")
            await asyncio.sleep(PUBLISH_EVERY)

    async def _send(self) -> None:
        unsent, self._unsent = self._unsent, {}
        await live.publish([live.move_of(each.symbol, each.last) for each in unsent.values()])

    async def _keep(self) -> None:
        while True:
            await asyncio.sleep(KEEP_EVERY)
            unkept, self._unkept = self._unkept, {}
            history, self._history = self._history, []
            write = partial(database_sync_to_async(keep), list(unkept.values()), history)
            if not await _survived(write, "keeping quotes"):
                self._unkept = unkept | self._unkept
            await _survived(self._decide, "raising doubts")

    async def _decide(self) -> None:
        for each in await database_sync_to_async(admitted)(self._new_doubts()):
            known = self.board.get(each.before.symbol)  # another tick may have been believed meanwhile
            if known is not None and known.is_next(each.tick, timezone.now(), each.source):
                self._take_over(known.moved(each.tick, each.source))

    def _new_doubts(self) -> list[Doubtful]:
        """The newest doubtful tick of each asset of which nothing was said for DOUBT_EVERY."""
        now, (doubtful, self._doubtful) = time.monotonic(), (self._doubtful, {})
        new = {pk: each for pk, each in doubtful.items() if now - self._doubted_at.get(pk, LONG_AGO) > DOUBT_EVERY}
        self._doubted_at |= dict.fromkeys(new, now)
        return list(new.values())


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


def admitted(doubtful: Sequence[Doubtful]) -> list[Doubtful]:
    """Those of the ticks that staff's word covers; of the others staff is told. At most one an asset."""
    now, found = timezone.now(), []
    for each in doubtful:
        last, tick = each.before.last, each.tick
        previous = LastBar(last.asset_id, last.day, last.price, last.source)
        if doubts.admits(last.asset_id, price=tick.price, at=tick.at, provider=each.source, previous=previous, now=now):
            found.append(each)
            continue
        log.warning(
            "%s: a price of %s for %s at %s is too far from %s",
            *(each.source, live.plain(tick.price), each.before.symbol, tick.at.isoformat(), live.plain(last.price)),
        )
    return found


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
