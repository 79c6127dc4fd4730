"""Live prices end to end: a fake upstream, the streaming process, a web server and real WebSocket clients."""

from __future__ import annotations

import asyncio
import json
import subprocess
from collections.abc import Iterator
from datetime import date
from decimal import Decimal
from pathlib import Path

import pytest
from django.utils import timezone
from websockets.asyncio.client import connect
from websockets.exceptions import ConnectionClosed, InvalidStatus

from assets.models import Asset, IntradayValue, Quote, Streaming
from assets.tests.factories import make_asset, make_bars
from core.testing import PATIENCE, make_user
from portfolio_site.testing import wait_until
from portfolio_site.tests.live_site import Site, running, session_of, socket, subscribed, told, trade
from portfolios.tests.factories import buy, make_portfolio
from users.models import User
from users.tickets import new_ticket

pytestmark = [pytest.mark.processes, pytest.mark.django_db(transaction=True)]


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
    with running(process_environment, tmp_path) as site:
        yield site


@pytest.fixture
def stream(site: Site) -> subprocess.Popen[bytes]:
    return site.start_stream()


@pytest.mark.usefixtures("stream")
def test_a_tick_reaches_a_browser_and_is_kept(site: Site, alice: User) -> None:
    async def run() -> None:
        async with socket(site, alice, "?symbols=AAPL", Origin=f"http://127.0.0.1:{site.port}") as link:
            close = await told(link, lambda message: "symbol" in message)
            assert (close["price"], close["change"], close["percent_change"]) == ("102", "2", 2.0)
            assert close["updated_at"].startswith("2024-01-03")
            await subscribed(site)
            await asyncio.to_thread(site.fake.send, trade(104.5))
            quote = await told(link, lambda message: message.get("price") == "104.5")
            assert quote["symbol"], quote["source"] == ("AAPL", "finnhub")
            assert (quote["change"], quote["percent_change"]) == ("2.5", round(250 / 102, 4))

    asyncio.run(run())
    wait_until(lambda: Quote.objects.filter(price=Decimal("104.5")).exists(), PATIENCE, "the quote is kept")
    kept = Quote.objects.get()
    assert (kept.source, kept.previous_close, kept.high, kept.low) == (
        "finnhub",
        102,
        Decimal("104.5"),
        Decimal("104.5"),
    )
    assert IntradayValue.objects.get().price == Decimal("104.5")


@pytest.mark.usefixtures("stream")
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
            assert (first["portfolio"], first["total_value"], first["day_change"]) == (portfolio.pk, "1020", "20")
            assert first["at"].startswith("2024-01-03T")
            await subscribed(site)
            await asyncio.to_thread(site.fake.send, trade(110))
            moved = await told(link, lambda message: message.get("total_value") == "1100")
            assert (moved["currency"], moved["unrealized_pnl"], moved["complete"]) == ("USD", "200", True)
            assert moved["at"] > first["at"]
            assert moved["holdings"]["AAPL"] == {
                "value": "1100",
                "unrealized_pnl": "200",
                "unrealized_return": round(2 / 9, 8),
                "weight": 1.0,
            }

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
    stale = new_ticket(alice)[:-2] + "xx"

    async def refused(query: str = "", **headers: str) -> int:
        with pytest.raises(InvalidStatus) as refusal:
            async with connect(site.url(query), additional_headers=headers, proxy=None, open_timeout=PATIENCE):
                pytest.fail("opened")
        return refusal.value.response.status_code

    async def run() -> None:
        assert await refused() == 403
        assert await refused(f"?ticket={stale}") == 403
        cookie = await asyncio.to_thread(session_of, alice)
        assert await refused(**cookie, Origin="https://evil.example") == 403
        assert await refused(**cookie, Origin="http://[") == 403
        ticket = new_ticket(alice)
        async with connect(site.url(f"?ticket={ticket}&symbols=aapl"), proxy=None, open_timeout=PATIENCE) as link:
            assert (await told(link, lambda message: "symbol" in message))["symbol"] == "AAPL"
        assert await refused(f"?ticket={ticket}") == 403  # it opens one
        with pytest.raises(InvalidStatus):
            async with connect(f"ws://127.0.0.1:{site.port}/ws/other/", additional_headers=cookie, proxy=None):
                pytest.fail("opened")

    asyncio.run(run())


def test_a_person_has_so_many_sockets_and_a_closed_one_makes_room(site: Site, alice: User) -> None:
    async def run() -> None:
        async with socket(site, alice) as first, socket(site, alice) as second:
            async with socket(site, alice) as third:
                for link in (first, second, third):
                    await told(link, lambda message: "state" in message)
                async with socket(site, alice) as fourth:
                    complaint = await told(fourth, lambda message: "error" in message)
                    assert complaint["error"]["code"] == "too_many_sockets"
                    with pytest.raises(ConnectionClosed) as end:
                        await fourth.recv()
                    assert end.value.rcvd is not None
                    assert end.value.rcvd.code == 4429
            async with asyncio.timeout(PATIENCE):
                while not await admitted(site, alice):  # the server may not have seen the third one go
                    await asyncio.sleep(0.05)

    asyncio.run(run())


async def admitted(site: Site, user: User) -> bool:
    """Whether a new socket gets the quote that it asks for."""
    async with socket(site, user, "?symbols=AAPL") as link:
        return "symbol" in await told(link, lambda message: "symbol" in message or "error" in message)


@pytest.mark.usefixtures("stream")
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


def test_a_killed_streaming_process_is_replaced_by_the_one_that_waits(
    site: Site, alice: User, stream: subprocess.Popen[bytes]
) -> None:
    wait_until(lambda: Streaming.objects.filter(lease_until__isnull=False).exists(), PATIENCE, "one reads")
    first = Streaming.objects.get().holder
    site.start_stream()

    async def run() -> None:
        async with socket(site, alice, "?symbols=AAPL"):
            await subscribed(site)
            assert len(site.fake.addresses) == 1  # the second one only waits
            stream.kill()
            await asyncio.to_thread(stream.wait, PATIENCE)
            await asyncio.to_thread(Streaming.objects.update, lease_until=timezone.now())  # as if it had run out
            await subscribed(site, 2)

    asyncio.run(run())
    assert Streaming.objects.get().holder != first
