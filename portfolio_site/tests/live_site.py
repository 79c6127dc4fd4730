"""Web servers and streaming processes on a test's database and broker, and clients of their WebSockets."""

from __future__ import annotations

import asyncio
import http.client
import json
import subprocess
import sys
from collections.abc import AsyncIterator, Callable, Iterator, Mapping
from contextlib import asynccontextmanager, closing, contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from django.conf import settings
from django.test import Client
from websockets.asyncio.client import ClientConnection, connect

from assets.tests.fake_stream import FakeStream, fake_stream, like_finnhub
from core.testing import PATIENCE
from portfolio_site.testing import BASE_DIR, free_port, spawn, wait_until
from users.models import User


@dataclass
class Site:
    """Its processes; the first web server is there already, and the others are started by whoever wants them."""

    fake: FakeStream
    environment: dict[str, str]
    folder: Path
    started: list[subprocess.Popen[bytes]] = field(default_factory=list)
    webs: dict[int, subprocess.Popen[bytes]] = field(default_factory=dict)

    @property
    def port(self) -> int:
        return next(iter(self.webs))

    def url(self, query: str = "", port: int | None = None) -> str:
        return f"ws://127.0.0.1:{port or self.port}/ws/quotes/{query}"

    def start_web(self) -> int:
        """Returns its port, once it answers."""
        port = free_port()
        command = [sys.executable, "-m", "uvicorn", "portfolio_site.asgi:application", "--lifespan", "off"]
        self.webs[port] = self._run([*command, "--port", str(port), "--ws", "portfolio_site.websocket:Protocol"])
        wait_until(lambda: answers(port), PATIENCE, "the web server answers")
        return port

    def start_stream(self) -> subprocess.Popen[bytes]:
        return self._run([sys.executable, str(BASE_DIR / "manage.py"), "stream"])

    def _run(self, command: list[str]) -> subprocess.Popen[bytes]:
        with (self.folder / f"process{len(self.started)}.log").open("wb") as log:
            self.started.append(spawn(command, self.environment, log))
        return self.started[-1]


@contextmanager
def running(environment: Mapping[str, str], folder: Path) -> Iterator[Site]:
    """With a fake Finnhub for a source, and small limits."""
    with fake_stream(like_finnhub) as fake:
        more = {
            "PRICE_PROVIDERS": "finnhub",
            "FINNHUB_API_KEY": "k",
            "FINNHUB_STREAM_URL": fake.url,
            "INTRADAY_DAYS": "3",
            "LIVE_SOURCES": "finnhub",
            "LIVE_SOCKETS_PER_PERSON": "3",
            "LIVE_SYMBOLS_PER_PERSON": "4",
            "LIVE_LEASE": "600",
        }
        site = Site(fake, {**environment, **more}, folder)
        try:
            site.start_web()
            yield site
        finally:
            for process in site.started:
                process.kill()
                process.wait(PATIENCE)


def answers(port: int) -> bool:
    try:
        with closing(http.client.HTTPConnection("127.0.0.1", port, timeout=10)) as connection:
            connection.request("GET", "/healthz")
            return connection.getresponse().status == 200
    except OSError:
        return False


def session_of(user: User) -> dict[str, str]:
    client = Client()
    client.force_login(user, backend="django.contrib.auth.backends.ModelBackend")
    return {"Cookie": f"{settings.SESSION_COOKIE_NAME}={client.cookies[settings.SESSION_COOKIE_NAME].value}"}


@asynccontextmanager
async def socket(
    site: Site, user: User, query: str = "", port: int | None = None, **headers: str
) -> AsyncIterator[ClientConnection]:
    cookie = await asyncio.to_thread(session_of, user)
    patience: dict[str, Any] = {"open_timeout": PATIENCE, "ping_timeout": PATIENCE}
    async with connect(site.url(query, port), additional_headers=cookie | headers, proxy=None, **patience) as link:
        yield link


async def told(link: ClientConnection, wanted: Callable[[dict[str, Any]], bool]) -> dict[str, Any]:
    """The first message that is wanted."""
    async with asyncio.timeout(PATIENCE):
        while True:
            message: dict[str, Any] = json.loads(await link.recv())
            if wanted(message):
                return message


def trade(price: float, symbol: str = "AAPL", at: datetime | None = None) -> Mapping[str, Any]:
    moment = at or datetime.now(UTC)
    return {"type": "trade", "data": [{"s": symbol, "p": price, "t": int(moment.timestamp() * 1000), "v": 1}]}


async def subscribed(site: Site, count: int = 1) -> None:
    async with asyncio.timeout(PATIENCE):
        while len(site.fake.heard) < count:
            await asyncio.sleep(0.02)
