"""How a price gets from the streaming process to the browsers: one message a process, then by hand to each socket.

The channel layer carries two things. Quotes go to the group ``QUOTES``, in which each web process has one channel,
however many sockets it serves; what its sockets follow goes back to the streaming process every few seconds. A process
that falls silent is forgotten after WATCH_LIFE. Nothing here is stored: a lost message is overtaken by the next one.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import logging
import time
from collections import defaultdict
from collections.abc import Collection, Sequence
from decimal import Decimal
from typing import Any, NamedTuple, Protocol
from uuid import uuid4
from weakref import WeakValueDictionary

from channels.layers import get_channel_layer
from django.conf import settings
from redis.exceptions import RedisError

from assets.places import Limits, Places
from assets.quotes import LastPrice

log = logging.getLogger(__name__)
QUOTES = "live.quotes"
STREAMER = "live.streamer"
WATCH_EVERY, WATCH_LIFE = 10.0, 30.0
STATE_EVERY, QUIET = 10.0, 35.0  # the stream says how it is; when it has said nothing for so long, it is away
REJOIN_EVERY = 3600.0  # the layer forgets a member of a group after a day
LIVE, STALLED, POLLING, MADE_UP, NOWHERE = "live", "reconnecting", "polling", "simulated", "unavailable"
CONNECTING = "connecting"  # the streaming process has not said yet how it is


class Move(NamedTuple):
    """A new price on its way to those who follow its asset: as browsers get it, and in parts to compute with.

    ``at`` is in seconds since 1970; an unknown previous close is empty.
    """

    asset_id: int
    price: str
    previous_close: str
    at: float
    text: str


class Listener(Protocol):
    """One socket, as the hub sees it. Its ``name`` is like no other's."""

    name: str
    user_id: int

    def offer(self, move: Move) -> None:
        """Take the newest quote of an asset; never waits."""

    def tell(self, state: str, detail: str) -> None:
        """Take the state of the stream, and why it is so where that is known; never waits."""


def quote_text(symbol: str, price: LastPrice) -> str:
    """One quote as it is sent to browsers."""
    return json.dumps(
        {
            "symbol": symbol,
            "price": plain(price.price),
            "change": None if price.change is None else plain(price.change),
            "percent_change": None if price.percent_change is None else round(float(price.percent_change), 4),
            "updated_at": price.at.isoformat().replace("+00:00", "Z"),
            "source": price.source,
        }
    )


def plain(value: Decimal) -> str:
    """All digits, no exponent and no trailing zeros."""
    return f"{value.normalize():f}"


def move_of(symbol: str, price: LastPrice) -> Move:
    previous = "" if price.previous_close is None else plain(price.previous_close)
    return Move(price.asset_id, plain(price.price), previous, price.at.timestamp(), quote_text(symbol, price))


async def publish(moves: Collection[Move]) -> None:
    """Send new prices to every web process."""
    if moves:
        await _layer().group_send(QUOTES, {"type": "quotes", "quotes": [list(move) for move in moves]})


async def publish_state(state: str, detail: str = "") -> None:
    await _layer().group_send(QUOTES, {"type": "state", "state": state, "detail": detail})


class Watchers:
    """What all web processes watch, as the streaming process hears it."""

    def __init__(self) -> None:
        self._heard: dict[str, tuple[float, frozenset[int]]] = {}

    async def hear(self) -> None:
        """Wait for one process's word."""
        word = await _layer().receive(STREAMER)
        self._heard[str(word["process"])] = (time.monotonic(), frozenset(map(int, word["assets"])))

    def assets(self) -> frozenset[int]:
        """The assets that somebody watches now."""
        alive = time.monotonic() - WATCH_LIFE
        self._heard = {process: word for process, word in self._heard.items() if word[0] > alive}
        return frozenset().union(*(assets for _, assets in self._heard.values()))


class Hub:
    """The sockets of this process, who follows what, and the one channel that brings the quotes."""

    def __init__(self) -> None:
        self._name = uuid4().hex
        self._watching: dict[int, set[Listener]] = defaultdict(set)
        self._followed: dict[Listener, set[int]] = {}
        self._places = Places(self._name)
        self._changing: WeakValueDictionary[int, asyncio.Lock] = WeakValueDictionary()
        self._tasks: list[asyncio.Task[None]] = []
        self._news = asyncio.Event()
        self.state, self.detail = CONNECTING, ""

    async def admit(self, listener: Listener) -> bool:
        """Take a socket in, unless its person has LIVE_SOCKETS_PER_PERSON already, here and in other processes."""
        async with self._places_of(listener.user_id):
            self._followed[listener] = set()
            if await self._take(listener, (), whole=False) is None:
                self._followed.pop(listener, None)
                return False
        if listener in self._followed and not self._tasks:
            self._tasks = [asyncio.create_task(work()) for work in (self._listen, self._report, self._renew)]
        return True

    async def dismiss(self, listener: Listener) -> None:
        if listener not in self._followed:
            return
        for asset_id in self._followed.pop(listener):
            self._unwatch(listener, asset_id)
        self._news.set()
        if not self._followed:
            for task in self._tasks:
                task.cancel()
            self._tasks = []
        async with self._places_of(listener.user_id):
            await self._leave(listener)

    async def follow(self, listener: Listener, asset_ids: Sequence[int], *, whole: bool = False) -> set[int]:
        """Hand the quotes of these assets to a socket, in place of those before.

        Its person's sockets follow LIVE_SYMBOLS_PER_PERSON assets together: of more it gets the first ones, and with
        ``whole`` what it had. Returns what it follows now; nothing for one who was dismissed meanwhile.
        """
        async with self._places_of(listener.user_id):
            if listener not in self._followed:
                return set()
            granted = await self._take(listener, asset_ids, whole=whole) or set()
            if listener not in self._followed:
                await self._leave(listener)
                return set()
            for asset_id in self._followed[listener] - granted:
                self._unwatch(listener, asset_id)
            for asset_id in granted:
                self._watching[asset_id].add(listener)
            self._followed[listener] = granted
        self._news.set()
        return granted

    def _places_of(self, user_id: int) -> asyncio.Lock:
        """What Redis and this process know of a person's places changes together, by one after the other."""
        return self._changing.setdefault(user_id, asyncio.Lock())

    def _unwatch(self, listener: Listener, asset_id: int) -> None:
        self._watching[asset_id].discard(listener)
        if not self._watching[asset_id]:
            del self._watching[asset_id]

    async def _take(self, listener: Listener, asset_ids: Sequence[int], *, whole: bool) -> set[int] | None:
        """Without Redis only what this process knows is counted: nobody is sent away because of that."""
        limits = Limits(settings.LIVE_SOCKETS_PER_PERSON, settings.LIVE_SYMBOLS_PER_PERSON)
        try:
            return await self._places.take(listener.user_id, listener.name, asset_ids, limits, whole=whole)
        except (RedisError, OSError) as error:
            log.warning("Places for live prices are counted in this process alone: %s", type(error).__name__)
            return self._take_here(listener, asset_ids, limits, whole=whole)

    def _take_here(
        self, listener: Listener, asset_ids: Sequence[int], limits: Limits, *, whole: bool
    ) -> set[int] | None:
        others = [
            assets
            for other, assets in self._followed.items()
            if other is not listener and other.user_id == listener.user_id
        ]
        if len(others) >= limits.sockets:
            return None
        taken = set[int]().union(*others)
        fresh = [asset_id for asset_id in asset_ids if asset_id not in taken]
        over = fresh[max(limits.assets - len(taken), 0) :]
        if over and whole:
            return set(self._followed.get(listener, ()))
        return set(asset_ids) - set(over)

    async def _leave(self, listener: Listener) -> None:
        with contextlib.suppress(RedisError, OSError):  # else its lease runs out
            await self._places.leave(listener.user_id, listener.name)
            if not self._followed:
                await self._places.rest()

    async def _renew(self) -> None:
        """Keep the places of everybody here. What was forgotten or not counted while Redis was away is counted then,
        and what could not be given back is free."""
        while True:
            await asyncio.sleep(settings.LIVE_LEASE / 3)
            try:
                for user_id in {listener.user_id for listener in self._followed}:
                    async with self._places_of(user_id):
                        await self._places.renew(user_id, self._here(user_id))
            except (RedisError, OSError) as error:
                log.warning("Places for live prices are not renewed: %s", type(error).__name__)

    def _here(self, user_id: int) -> dict[str, set[int]]:
        return {each.name: assets for each, assets in self._followed.items() if each.user_id == user_id}

    async def _listen(self) -> None:
        """Hand out what arrives; when the layer breaks, say so and come back to it.

        How the stream is, only the streaming process knows: whoever (re)joins waits for its word.
        """
        pause = 0.5
        while True:
            try:
                channel = await _layer().new_channel(QUOTES)
                await _layer().group_add(QUOTES, channel)
                pause, joined = 0.5, time.monotonic()
                try:
                    while time.monotonic() - joined < REJOIN_EVERY:
                        await self._next(channel)
                finally:
                    with contextlib.suppress(Exception):
                        await _layer().group_discard(QUOTES, channel)
            except Exception as error:  # noqa: BLE001  whatever the layer's client raises when its server goes
                log.warning("Live prices stand still: %s: %s", type(error).__name__, error)
                self._tell(STALLED)
                await asyncio.sleep(pause)
                pause = min(pause * 2, 15.0)

    async def _next(self, channel: str) -> None:
        """Hand out the next message; without one for QUIET the streaming process is away."""
        try:
            self._hand_out(await asyncio.wait_for(_layer().receive(channel), QUIET))
        except TimeoutError:
            self._tell(STALLED)

    def _hand_out(self, message: dict[str, Any]) -> None:
        if message["type"] == "state":
            self._tell(message["state"], message["detail"])
            return
        for move in map(Move._make, message["quotes"]):
            for listener in self._watching.get(move.asset_id, ()):
                listener.offer(move)

    def _tell(self, state: str, detail: str = "") -> None:
        if (state, detail) == (self.state, self.detail):
            return
        self.state, self.detail = state, detail
        for listener in self._followed:
            listener.tell(state, detail)

    async def _report(self) -> None:
        """Tell the streaming process what is watched here: at once when it changes, and every WATCH_EVERY seconds."""
        while True:
            self._news.clear()
            try:
                await _layer().send(STREAMER, {"type": "watch", "process": self._name, "assets": list(self._watching)})
            except Exception as error:  # noqa: BLE001  the layer is away or full; the next word comes soon
                log.debug("the streaming process is not told: %s", error)
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(self._news.wait(), WATCH_EVERY)
            await asyncio.sleep(0.1)  # a page's sockets come together, and are told together


def _layer() -> Any:
    return get_channel_layer()


_hubs: dict[int, Hub] = {}


def hub() -> Hub:
    """This process's hub; one for each event loop, as in tests."""
    loop = id(asyncio.get_running_loop())
    if loop not in _hubs:
        _hubs.clear()
        _hubs[loop] = Hub()
    return _hubs[loop]
