"""Live prices end to end: a fake upstream, the streaming process, a web server and real WebSocket clients."""

from __future__ import annotations

import asyncio
import http.client
import json
import subprocess
import sys
import time
from collections.abc import AsyncIterator, Callable, Iterator, Mapping
from contextlib import asynccontextmanager, closing
from dataclasses import dataclass
from datetime import UTC, date, datetime
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from django.conf import settings
from django.test import Client
from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import ConnectionClosed, InvalidStatus

from assets.models import Asset, IntradayValue, Quote, Streaming
from assets.tests.factories import make_asset, make_bars
from assets.tests.fake_stream import FakeStream, fake_stream, like_finnhub
from core.testing import make_user
from portfolio_site.testing import BASE_DIR, free_port, spawn, wait_until
from portfolios.tests.factories import buy, make_portfolio
from users.models import User
from users.tickets import new_ticket

pytestmark = [pytest.mark.processes, pytest.mark.django_db(transaction=True)]


@dataclass
class Site:
    """A web server and a streaming process on this test's database and broker."""

    port: int
    fake: FakeStream
    first_stream: subprocess.Popen[bytes]
    start_stream: Callable[[], subprocess.Popen[bytes]]

    def url(self, query: str = "") -> str:
        return f"ws://127.0.0.1:{self.port}/ws/quotes/{query}"


@pytest.fixture
def aapl() -> Asset:
    asset = make_asset("AAPL")
    make_bars(asset, {date(2024, 1, 2): 100, date(2024, 1, 3): 102})
    return asset


@pytest.fixture
def alice(aapl: Asset) -> User:
    return make_user("alice")


@pytest.fixture
def site(transactional_db: None, process_environment: dict[str, str], tmp_path: Path) -> Iterator[Site]:
    port, started = free_port(), list[subprocess.Popen[bytes]]()
    web = [sys.executable, "-m", "uvicorn", "portfolio_site.asgi:application", "--lifespan", "off", "--port", str(port)]
    with fake_stream(like_finnhub) as fake:
        more = {
            "PRICE_PROVIDERS": "finnhub",
            "FINNHUB_API_KEY": "k",
            "FINNHUB_STREAM_URL": fake.url,
            "INTRADAY_DAYS": "3",
            "LIVE_SOURCES": "finnhub",
        }
        environment = process_environment | more | {"LIVE_SOCKETS_PER_PERSON": "3", "LIVE_SYMBOLS_PER_SOCKET": "4"}

        def run(name: str, command: list[str]) -> subprocess.Popen[bytes]:
            with (tmp_path / f"{name}.log").open("wb") as log:
                started.append(spawn(command, environment, log))
            return started[-1]

        def start_stream() -> subprocess.Popen[bytes]:
            return run(f"stream{len(started)}", [sys.executable, str(BASE_DIR / "manage.py"), "stream"])

        run("web", [*web, "--ws", "portfolio_site.websocket:Protocol"])
        first = start_stream()
        wait_until(lambda: answers(port), 30, "the web server answers")
        yield Site(port, fake, first, start_stream)
        for process in started:
            process.kill()
            process.wait(10)


def answers(port: int) -> bool:
    try:
        with closing(http.client.HTTPConnection("127.0.0.1", port, timeout=1)) as connection:
            connection.request("GET", "/healthz")
            return connection.getresponse().status == 200
    except OSError:
        return False


def session_of(user: User) -> dict[str, str]:
    client = Client()
    client.force_login(user, backend="django.contrib.auth.backends.ModelBackend")
    return {"Cookie": f"{settings.SESSION_COOKIE_NAME}={client.cookies[settings.SESSION_COOKIE_NAME].value}"}


@asynccontextmanager
async def socket(site: Site, user: User, query: str = "", **headers: str) -> AsyncIterator[ClientConnection]:
    cookie = await asyncio.to_thread(session_of, user)
    async with connect(site.url(query), additional_headers=cookie | headers, proxy=None) as link:
        yield link


async def told(link: ClientConnection, wanted: Callable[[dict[str, Any]], bool], seconds: float = 10) -> dict[str, Any]:
    """The first message that is wanted."""
    async with asyncio.timeout(seconds):
        while True:
            message: dict[str, Any] = json.loads(await link.recv())
            if wanted(message):
                return message


def trade(price: float, symbol: str = "AAPL", at: datetime | None = None) -> Mapping[str, Any]:
    moment = at or datetime.now(UTC)
    return {"type": "trade", "data": [{"s": symbol, "p": price, "t": int(moment.timestamp() * 1000), "v": 1}]}


async def subscribed(site: Site, count: int = 1) -> None:
    async with asyncio.timeout(20):
        while len(site.fake.heard) < count:
            await asyncio.sleep(0.02)


def test_a_tick_reaches_a_browser_within_a_second_and_is_kept(site: Site, alice: User) -> None:
    async def run() -> None:
        async with socket(site, alice, "?symbols=AAPL", Origin=f"http://127.0.0.1:{site.port}") as link:
            close = await told(link, lambda message: "symbol" in message)
            assert (close["price"], close["change"], close["percent_change"]) == ("102", "2", 2.0)
            assert close["updated_at"].startswith("2024-01-03")
            await subscribed(site)
            sent = time.monotonic()
            await asyncio.to_thread(site.fake.send, trade(104.5))
            quote = await told(link, lambda message: message.get("price") == "104.5")
            assert time.monotonic() - sent < 1
            assert quote["symbol"], quote["source"] == ("AAPL", "finnhub")
            assert (quote["change"], quote["percent_change"]) == ("2.5", round(250 / 102, 4))

    asyncio.run(run())
    wait_until(lambda: Quote.objects.filter(price=Decimal("104.5")).exists(), 10, "the quote is kept")
    kept = Quote.objects.get()
    assert (kept.source, kept.previous_close, kept.high, kept.low) == (
        "finnhub",
        102,
        Decimal("104.5"),
        Decimal("104.5"),
    )
    assert IntradayValue.objects.get().price == Decimal("104.5")


def test_the_total_of_a_portfolio_follows(site: Site, alice: User, aapl: Asset) -> None:
    portfolio = make_portfolio(alice)
    buy(portfolio, aapl, 10, 90, "2024-01-02")
    stranger = make_portfolio(make_user("bob"))

    async def run() -> None:
        async with socket(site, alice) as link:
            await link.send(json.dumps({"portfolios": [portfolio.pk, stranger.pk]}))
            complaint = await told(link, lambda message: "error" in message)
            assert complaint["error"]["code"] == "unknown_portfolio"
            first = await told(link, lambda message: "portfolio" in message)
            assert (first["portfolio"], first["total_value"], first["holdings"]) == (portfolio.pk, "1020", {})
            await subscribed(site)
            await asyncio.to_thread(site.fake.send, trade(110))
            moved = await told(link, lambda message: message.get("total_value") == "1100")
            assert (moved["currency"], moved["unrealized_pnl"], moved["complete"]) == ("USD", "200", True)
            assert moved["holdings"] == {"AAPL": {"value": "1100", "unrealized_pnl": "200"}}

    asyncio.run(run())


BAD_MESSAGES = [
    ("no json", "bad_message"),
    ("[]", "bad_message"),
    ('{"subscribe": "AAPL"}', "bad_message"),
    ('{"subscribe": [1]}', "bad_message"),
    ('{"delete": ["AAPL"]}', "bad_message"),
    ('{"portfolios": ["7"]}', "bad_message"),
    ('{"portfolios": [-1]}', "bad_message"),
    ('{"portfolios": [99999999999999999999999]}', "bad_message"),
    ("[" * 10_000, "bad_message"),
    ('{"subscribe": ["' + "x" * 20_000 + '"]}', "bad_message"),
    ('{"subscribe": ["NOSUCH"]}', "unknown_symbol"),
    ('{"subscribe": ["A\\u0000"]}', "unknown_symbol"),
    ('{"subscribe": ["\\ud800"]}', "unknown_symbol"),
    ('{"subscribe": ["A", "B", "C", "D", "E"]}', "too_many_symbols"),
]


def test_what_is_not_understood_is_answered_and_the_socket_goes_on(site: Site, alice: User) -> None:
    async def run() -> None:
        async with socket(site, alice) as link:
            for message, code in BAD_MESSAGES:
                await link.send(message)
                assert (await told(link, lambda answer: "error" in answer))["error"]["code"] == code, message
            await link.send('{"subscribe": ["AAPL"]}')
            assert (await told(link, lambda answer: "symbol" in answer))["symbol"] == "AAPL"

    asyncio.run(run())


def test_who_may_open_a_socket(site: Site, alice: User) -> None:
    ticket, stale = new_ticket(alice), new_ticket(alice)[:-2] + "xx"

    async def refused(query: str = "", **headers: str) -> int:
        with pytest.raises(InvalidStatus) as refusal:
            async with connect(site.url(query), additional_headers=headers, proxy=None):
                pytest.fail("opened")
        return refusal.value.response.status_code

    async def run() -> None:
        assert await refused() == 403
        assert await refused(f"?ticket={stale}") == 403
        cookie = await asyncio.to_thread(session_of, alice)
        assert await refused(**cookie, Origin="https://evil.example") == 403
        async with connect(site.url(f"?ticket={ticket}&symbols=aapl"), proxy=None) as link:
            assert (await told(link, lambda message: "symbol" in message))["symbol"] == "AAPL"
        assert await refused(f"?ticket={ticket}") == 403  # it opens one
        with pytest.raises(InvalidStatus):
            async with connect(f"ws://127.0.0.1:{site.port}/ws/other/", additional_headers=cookie, proxy=None):
                pytest.fail("opened")

    asyncio.run(run())


def test_a_person_has_so_many_sockets_and_a_closed_one_makes_room(site: Site, alice: User) -> None:
    async def run() -> None:
        async with socket(site, alice), socket(site, alice):
            async with socket(site, alice), socket(site, alice) as fourth:
                assert (await told(fourth, lambda message: "error" in message))["error"]["code"] == "too_many_sockets"
                with pytest.raises(ConnectionClosed) as end:
                    await fourth.recv()
                assert end.value.rcvd is not None
                assert end.value.rcvd.code == 4429
            await asyncio.sleep(0.2)
            async with socket(site, alice, "?symbols=AAPL") as again:
                await told(again, lambda message: "symbol" in message)

    asyncio.run(run())


def test_a_stream_that_breaks_is_told_and_comes_back(site: Site, alice: User) -> None:
    async def run() -> None:
        async with socket(site, alice, "?symbols=AAPL") as link:
            await subscribed(site)
            await asyncio.to_thread(site.fake.send, trade(103))
            await told(link, lambda message: message.get("price") == "103")
            await asyncio.to_thread(site.fake.drop)
            await told(link, lambda message: message.get("state") == "reconnecting")
            await subscribed(site, 2)
            await asyncio.to_thread(site.fake.send, trade(105))
            await told(link, lambda message: message.get("price") == "105")

    asyncio.run(run())


def test_a_killed_streaming_process_is_replaced_by_the_one_that_waits(site: Site, alice: User) -> None:
    wait_until(lambda: Streaming.objects.filter(lease_until__isnull=False).exists(), 20, "one reads")
    first = Streaming.objects.get().holder
    site.start_stream()

    async def run() -> None:
        async with socket(site, alice, "?symbols=AAPL"):
            await subscribed(site)
            assert len(site.fake.addresses) == 1  # the second one only waits
            site.first_stream.kill()
            await subscribed(site, 2)

    asyncio.run(run())
    assert Streaming.objects.get().holder != first
