"""A provider's WebSocket on loopback: speaks what Finnhub or Polygon documents, and breaks when told to."""

from __future__ import annotations

import asyncio
import json
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

from websockets.asyncio.server import ServerConnection, serve
from websockets.exceptions import ConnectionClosed

from core.testing import PATIENCE

Answer = Callable[["FakeStream", ServerConnection], Any]


@dataclass
class FakeStream:
    """``heard`` is every message that came, ``addresses`` the path of each connection."""

    answer: Answer
    heard: list[Any] = field(default_factory=list)
    addresses: list[str] = field(default_factory=list)
    port: int = 0
    loop: asyncio.AbstractEventLoop | None = None
    links: set[ServerConnection] = field(default_factory=set)

    @property
    def url(self) -> str:
        return f"ws://127.0.0.1:{self.port}"

    def send(self, *messages: Any) -> None:
        """To everybody who is connected; a text goes as it is."""
        assert self.loop is not None
        for message in messages:
            text = message if isinstance(message, str) else json.dumps(message)
            for link in list(self.links):
                asyncio.run_coroutine_threadsafe(link.send(text), self.loop).result(PATIENCE)

    def drop(self) -> None:
        """End every connection as when a cable is pulled."""
        assert self.loop is not None
        for link in list(self.links):
            self.loop.call_soon_threadsafe(link.transport.abort)

    async def handle(self, link: ServerConnection) -> None:
        assert link.request is not None
        self.addresses.append(link.request.path)
        self.links.add(link)
        try:
            await self.answer(self, link)
        except ConnectionClosed:
            return
        finally:
            self.links.discard(link)


async def like_finnhub(fake: FakeStream, link: ServerConnection) -> None:
    async for message in link:
        fake.heard.append(json.loads(message))


async def like_polygon(fake: FakeStream, link: ServerConnection) -> None:
    await link.send(json.dumps([{"ev": "status", "status": "connected"}]))
    async for message in link:
        fake.heard.append(word := json.loads(message))
        if word["action"] == "auth":
            status = "auth_success" if word["params"] == "good" else "auth_failed"
            await link.send(json.dumps([{"ev": "status", "status": status}]))


@contextmanager
def fake_stream(answer: Answer) -> Iterator[FakeStream]:
    fake, ready = FakeStream(answer), threading.Event()

    stop: list[asyncio.Event] = []

    async def main() -> None:
        async with serve(fake.handle, "127.0.0.1", 0) as server:
            fake.loop, fake.port = asyncio.get_running_loop(), next(iter(server.sockets)).getsockname()[1]
            stop.append(asyncio.Event())
            ready.set()
            await stop[0].wait()

    thread = threading.Thread(target=lambda: asyncio.run(main()), daemon=True)
    thread.start()
    assert ready.wait(PATIENCE)
    try:
        yield fake
    finally:
        assert fake.loop is not None
        fake.loop.call_soon_threadsafe(stop[0].set)
        thread.join(PATIENCE)
