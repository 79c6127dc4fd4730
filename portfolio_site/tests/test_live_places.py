"""What a person may take of the live prices, over two web servers, one of which is killed."""

from __future__ import annotations

import asyncio
import json
from collections import Counter
from collections.abc import Iterator
from contextlib import AsyncExitStack
from datetime import date
from pathlib import Path
from typing import Any

import pytest
import redis
from websockets.asyncio.client import ClientConnection
from websockets.exceptions import ConnectionClosed

from assets.models import Asset
from assets.tests.factories import make_asset, make_bars
from core.testing import make_user
from portfolio_site.testing import Broker
from portfolio_site.tests.live_site import Site, running, socket, told
from portfolios.tests.factories import buy, make_portfolio
from users.models import User

pytestmark = [pytest.mark.processes, pytest.mark.django_db(transaction=True)]


@pytest.fixture
def six(transactional_db: None) -> list[Asset]:
    found = [make_asset(symbol) for symbol in ("A", "B", "C", "D", "E", "F")]
    for asset in found:
        make_bars(asset, {date(2024, 1, 3): 100})
    return found


@pytest.fixture
def alice(six: list[Asset]) -> User:
    return make_user("alice")


@pytest.fixture
def site(six: list[Asset], process_environment: dict[str, str], tmp_path: Path) -> Iterator[Site]:
    with running(process_environment, tmp_path) as site:
        site.start_web()
        yield site


async def refusal(link: ClientConnection) -> tuple[str, int]:
    """The code of the error that a socket is told, and of its close."""
    error = (await told(link, lambda message: "error" in message))["error"]
    with pytest.raises(ConnectionClosed) as end:
        await link.recv()
    assert end.value.rcvd is not None
    return error["code"], end.value.rcvd.code


async def is_open(link: ClientConnection) -> bool:
    first = json.loads(await link.recv())
    return "state" in first


def end_lease(broker: Broker, user: User) -> None:
    """As if the lease of the process that has most of a person's sockets had run out."""
    places = f"portfolio-live:places:{{{user.pk}}}"
    with redis.Redis.from_url(broker.url, decode_responses=True) as client:
        sockets: Any = client.hkeys(f"{places}:sockets")
        [(process, _), _] = Counter(socket.split(":")[0] for socket in sockets).most_common()
        client.zadd(f"{places}:processes", {process: 1})


def test_sockets_are_counted_in_all_processes_and_those_of_a_dead_one_are_free_again(
    site: Site, alice: User, broker: Broker
) -> None:
    one, other = site.webs

    async def run() -> None:
        async with AsyncExitStack() as stack:
            for port in (one, one, other):
                assert await is_open(await stack.enter_async_context(socket(site, alice, port=port)))
            for port in (one, other):
                async with socket(site, alice, port=port) as fourth:
                    assert await refusal(fourth) == ("too_many_sockets", 4429)
            async with socket(site, await asyncio.to_thread(make_user, "bob"), port=other) as bobs:
                assert await is_open(bobs)

            site.webs[one].kill()
            async with socket(site, alice, port=other) as early:
                assert await refusal(early) == ("too_many_sockets", 4429)
            await asyncio.to_thread(end_lease, broker, alice)
            for _ in range(2):
                assert await is_open(await stack.enter_async_context(socket(site, alice, port=other)))
            async with socket(site, alice, port=other) as sixth:
                assert await refusal(sixth) == ("too_many_sockets", 4429)

    asyncio.run(run())


async def followed(link: ClientConnection, symbols: set[str]) -> bool:
    """Ask for ``symbols`` until there is room for all of them: another process may not have given it back yet."""
    missing = set(symbols)
    for _ in range(600):
        await link.send(json.dumps({"subscribe": sorted(missing)}))
        while missing:
            message = await told(link, lambda message: "symbol" in message or "error" in message)
            if "error" in message:
                break
            missing.discard(message["symbol"])
        else:
            return True
        await asyncio.sleep(0.1)
    return False


def test_symbols_are_counted_in_all_processes_with_those_of_portfolios(
    site: Site, alice: User, six: list[Asset]
) -> None:
    portfolio = make_portfolio(alice)
    for asset in six[:3]:
        buy(portfolio, asset, 10, 90, "2024-01-03")
    one, other = site.webs

    async def run() -> None:
        async with socket(site, alice, port=one) as first, socket(site, alice, port=other) as second:
            await first.send(json.dumps({"portfolios": [portfolio.pk]}))
            assert (await told(first, lambda message: "portfolio" in message))["total_value"] == "3000"

            await second.send('{"subscribe": ["A", "D", "E", "F"]}')  # one of them is followed already
            error = (await told(second, lambda message: "error" in message))["error"]
            assert error["code"] == "too_many_symbols"
            assert error["detail"].endswith("Not followed: E, F.")
            symbols = {(await told(second, lambda message: "symbol" in message))["symbol"] for _ in range(2)}
            assert symbols == {"A", "D"}

            await second.send('{"unsubscribe": ["D"], "subscribe": []}')
            await second.send('{"subscribe": ["F"]}')
            assert (await told(second, lambda message: "symbol" in message))["symbol"] == "F"

            await first.send('{"portfolios": []}')  # makes room for two
            assert await followed(second, {"D", "E"})
            await first.send(json.dumps({"portfolios": [portfolio.pk]}))
            error = (await told(first, lambda message: "error" in message))["error"]
            assert error["code"] == "too_many_symbols"
            assert error["detail"].endswith(f"Portfolio {portfolio.pk} is not followed.")

    asyncio.run(run())
