"""How a price gets from the streaming process to the browsers: one message a process, then by hand to each socket.

The channel layer carries two things. Quotes go to the group ``QUOTES``, in which each web process has one channel,
however many sockets it serves; what its sockets watch goes back to the streaming process every few seconds. A process
that falls silent is forgotten after WATCH_LIFE. Nothing here is stored: a lost message is overtaken by the next one.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import logging
import time
from collections import Counter, defaultdict
from collections.abc import Collection, Iterable
from decimal import Decimal
from typing import Any, Protocol
from uuid import uuid4

from channels.layers import get_channel_layer
from django.conf import settings

from assets.quotes import LastPrice

log = logging.getLogger(__name__)
QUOTES = "live.quotes"
STREAMER = "live.streamer"
WATCH_EVERY, WATCH_LIFE = 10.0, 30.0
QUIET = 60.0
REJOIN_EVERY = 3600.0  # the layer forgets a member of a group after a day
LIVE, STALLED = "live", "reconnecting"


class Listener(Protocol):
    """One socket, as the hub sees it."""

    user_id: int

    def offer(self, asset_id: int, price: str, text: str) -> None:
        """Take the newest quote of an asset, its price apart; never waits."""

    def tell(self, state: str) -> None:
        """Take the state of the stream; never waits."""


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


async def publish(quotes: Collection[tuple[int, str, str]]) -> None:
    """Send quotes (asset id, price, text) to every web process."""
    if quotes:
        await _layer().group_send(QUOTES, {"type": "quotes", "quotes": [list(quote) for quote in quotes]})


async def publish_state(state: str) -> None:
    await _layer().group_send(QUOTES, {"type": "state", "state": state})


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
    """The sockets of this process, who watches what, and the one channel that brings the quotes."""

    def __init__(self) -> None:
        self._name = uuid4().hex
        self._watching: dict[int, set[Listener]] = defaultdict(set)
        self._listeners: set[Listener] = set()
        self._people: Counter[int] = Counter()
        self._tasks: list[asyncio.Task[None]] = []
        self._news = asyncio.Event()
        self.state = LIVE

    def admit(self, listener: Listener) -> bool:
        """Take a socket in, unless its person has LIVE_SOCKETS_PER_PERSON here already."""
        if self._people[listener.user_id] >= settings.LIVE_SOCKETS_PER_PERSON:
            return False
        self._people[listener.user_id] += 1
        self._listeners.add(listener)
        self._start()
        return True

    def dismiss(self, listener: Listener) -> None:
        if listener not in self._listeners:
            return
        self._listeners.discard(listener)
        self._people[listener.user_id] -= 1
        if not self._people[listener.user_id]:
            del self._people[listener.user_id]
        for asset_id in [asset_id for asset_id, there in self._watching.items() if listener in there]:
            self.unwatch(listener, [asset_id])
        if not self._listeners:
            self._stop()

    def watch(self, listener: Listener, asset_ids: Iterable[int]) -> None:
        """Nothing happens for one who was dismissed meanwhile."""
        for asset_id in asset_ids if listener in self._listeners else ():
            self._watching[asset_id].add(listener)
        self._news.set()

    def unwatch(self, listener: Listener, asset_ids: Iterable[int]) -> None:
        for asset_id in asset_ids:
            self._watching[asset_id].discard(listener)
            if not self._watching[asset_id]:
                del self._watching[asset_id]
        self._news.set()

    def _start(self) -> None:
        if not self._tasks:
            self._tasks = [asyncio.create_task(self._listen()), asyncio.create_task(self._report())]

    def _stop(self) -> None:
        for task in self._tasks:
            task.cancel()
        self._tasks = []

    async def _listen(self) -> None:
        """Hand out what arrives; when the layer breaks, say so and come back to it."""
        pause = 0.5
        while True:
            try:
                channel = await _layer().new_channel(QUOTES)
                await _layer().group_add(QUOTES, channel)
                self._tell(LIVE)
                pause, joined = 0.5, time.monotonic()
                try:
                    while time.monotonic() - joined < REJOIN_EVERY:
                        with contextlib.suppress(TimeoutError):  # a quiet market must not keep it from joining again
                            self._hand_out(await asyncio.wait_for(_layer().receive(channel), QUIET))
                finally:
                    with contextlib.suppress(Exception):
                        await _layer().group_discard(QUOTES, channel)
            except Exception as error:  # noqa: BLE001  whatever the layer's client raises when its server goes
                log.warning("Live prices stand still: %s: %s", type(error).__name__, error)
                self._tell(STALLED)
                await asyncio.sleep(pause)
                pause = min(pause * 2, 15.0)

    def _hand_out(self, message: dict[str, Any]) -> None:
        if message["type"] == "state":
            self._tell(message["state"])
            return
        for asset_id, price, text in message["quotes"]:
            for listener in self._watching.get(asset_id, ()):
                listener.offer(asset_id, price, text)

    def _tell(self, state: str) -> None:
        self.state = state
        for listener in self._listeners:
            listener.tell(state)

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
