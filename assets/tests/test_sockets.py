"""The WebSocket adapters against a fake of each provider on loopback."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import aclosing
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

import pytest
from websockets.asyncio.server import ServerConnection, serve
from websockets.http11 import Request, Response

from assets.providers.base import BadPayload, Unavailable
from assets.providers.sockets import FinnhubSocket, PolygonSocket, Socket
from assets.providers.stream import Refused, Tick, Wanted
from assets.providers.tape import SimulatedTape
from assets.tests.fake_stream import FakeStream, fake_stream, like_finnhub, like_polygon
from core.testing import PATIENCE

NOON = 1_700_000_000_000
AT = datetime.fromtimestamp(NOON / 1000, UTC)


async def soon(condition: Callable[[], bool]) -> None:
    async with asyncio.timeout(PATIENCE):
        while not condition():
            await asyncio.sleep(0.01)


async def gathered(source: Any, wanted: Wanted, count: int, act: Callable[[], Any]) -> list[Tick]:
    """The first ``count`` ticks; ``act`` runs beside, in a thread."""
    found: list[Tick] = []
    acting = asyncio.create_task(asyncio.to_thread(act))
    ticks: AsyncIterator[Tick] = source.ticks(wanted)
    async with asyncio.timeout(PATIENCE), aclosing(ticks):  # type: ignore[type-var]
        async for tick in ticks:
            found.append(tick)
            if len(found) == count:
                break
    await acting
    return found


def until(condition: Callable[[], bool]) -> None:
    asyncio.run(soon(condition))


def test_finnhub_subscribes_and_reads_trades() -> None:
    with fake_stream(like_finnhub) as fake:

        def act() -> None:
            until(lambda: len(fake.heard) == 2)
            trades = [{"s": "AAPL", "p": 190.25, "t": NOON, "v": 5}, {"s": "MSFT", "p": 1, "t": NOON}]
            fake.send({"type": "ping"}, {"type": "trade", "data": trades})

        ticks = asyncio.run(gathered(FinnhubSocket(fake.url, "secret"), Wanted(["AAPL", "MSFT"]), 2, act))

    assert ticks == [Tick("AAPL", Decimal("190.25"), AT), Tick("MSFT", Decimal(1), AT)]
    assert fake.heard == [{"type": "subscribe", "symbol": "AAPL"}, {"type": "subscribe", "symbol": "MSFT"}]
    assert fake.addresses == ["/?token=secret"]


def test_what_is_wanted_may_change() -> None:
    wanted = Wanted(["AAPL"])

    async def run(fake: FakeStream) -> None:
        ticks = FinnhubSocket(fake.url, "k").ticks(wanted)
        reading: asyncio.Future[Tick] = asyncio.ensure_future(anext(ticks))
        await soon(lambda: len(fake.heard) == 1)
        wanted.set(["MSFT"])
        await soon(lambda: len(fake.heard) == 3)
        reading.cancel()

    with fake_stream(like_finnhub) as fake:
        asyncio.run(run(fake))
    assert fake.heard[1:] == [{"type": "subscribe", "symbol": "MSFT"}, {"type": "unsubscribe", "symbol": "AAPL"}]


def test_polygon_logs_in_and_reads_trades() -> None:
    with fake_stream(like_polygon) as fake:

        def act() -> None:
            until(lambda: len(fake.heard) == 2)
            fake.send([{"ev": "status", "status": "success"}, {"ev": "T", "sym": "AAPL", "p": 190.5, "t": NOON}])

        ticks = asyncio.run(gathered(PolygonSocket(fake.url, "good"), Wanted(["MSFT", "AAPL"]), 1, act))

    assert ticks == [Tick("AAPL", Decimal("190.5"), AT)]
    assert fake.heard[1] == {"action": "subscribe", "params": "T.AAPL,T.MSFT"}


def test_a_key_that_may_not_stream_is_refused() -> None:
    with fake_stream(like_polygon) as fake, pytest.raises(Refused, match="polygon"):
        asyncio.run(gathered(PolygonSocket(fake.url, "bad"), Wanted(["AAPL"]), 1, lambda: None))


@pytest.mark.parametrize(
    ("socket", "answer", "message"),
    [
        (FinnhubSocket, like_finnhub, {"type": "error", "msg": "Invalid API key"}),
        (FinnhubSocket, like_finnhub, {"type": "error", "msg": "You don't have access to this resource."}),
        (PolygonSocket, like_polygon, [{"ev": "status", "status": "not_authorized", "message": "Upgrade your plan"}]),
    ],
)
def test_a_refusal_that_comes_later_is_one_too(socket: type[Socket], answer: Any, message: Any) -> None:
    with fake_stream(answer) as fake:

        def act() -> None:
            until(lambda: bool(fake.heard))
            fake.send(message)

        with pytest.raises(Refused):
            asyncio.run(gathered(socket(fake.url, "good"), Wanted(["AAPL"]), 1, act))


def test_a_handshake_that_is_forbidden_is_a_refusal() -> None:
    async def run() -> None:
        def forbid(link: ServerConnection, request: Request) -> Response:
            return link.respond(401, "no")

        async with serve(lambda link: link.wait_closed(), "127.0.0.1", 0, process_request=forbid) as server:
            port = next(iter(server.sockets)).getsockname()[1]
            await gathered(FinnhubSocket(f"ws://127.0.0.1:{port}", "k"), Wanted(["AAPL"]), 1, lambda: None)

    with pytest.raises(Refused, match="401"):
        asyncio.run(run())


@pytest.mark.parametrize(
    ("socket", "answer", "message"),
    [
        (FinnhubSocket, like_finnhub, "no json"),
        (FinnhubSocket, like_finnhub, "[]"),
        (FinnhubSocket, like_finnhub, '{"type": "trade", "data": [{"s": "AAPL", "p": "NaN", "t": 1}]}'),
        (FinnhubSocket, like_finnhub, '{"type": "trade", "data": [{"s": "AAPL", "p": -1, "t": 1}]}'),
        (FinnhubSocket, like_finnhub, '{"type": "trade", "data": [{"s": 7, "p": 1, "t": 1}]}'),
        (FinnhubSocket, like_finnhub, '{"type": "trade", "data": [{"s": "A", "p": 1, "t": 1e30}]}'),
        (FinnhubSocket, like_finnhub, '{"type": "trade", "data": [{"s": "A", "p": 1, "t": 1e999999999}]}'),
        (FinnhubSocket, like_finnhub, '{"type": "trade", "data": [{"s": "A", "p": 1e99999999999999999999, "t": 1}]}'),
        (FinnhubSocket, like_finnhub, "[" * 100_000),
        (PolygonSocket, like_polygon, '[{"ev": "T", "sym": "AAPL"}]'),
        (PolygonSocket, like_polygon, '{"ev": "T"}'),
    ],
)
def test_a_message_of_another_shape_is_bad_payload(socket: type[Socket], answer: Any, message: str) -> None:
    with fake_stream(answer) as fake:

        def act() -> None:
            until(lambda: bool(fake.heard))
            fake.send(message)

        with pytest.raises(BadPayload):
            asyncio.run(gathered(socket(fake.url, "good"), Wanted(["AAPL"]), 1, act))


@pytest.mark.parametrize("answer", ["no json", "7", "[1]", '{"status": 1}', "[" * 100_000, '[{"status": []}, 5]'])
def test_garbage_at_the_login_is_bad_payload(answer: str) -> None:
    async def garbled(fake: FakeStream, link: Any) -> None:
        await link.send(answer)
        await link.wait_closed()

    with fake_stream(garbled) as fake, pytest.raises(BadPayload, match="polygon"):
        asyncio.run(gathered(PolygonSocket(fake.url, "good"), Wanted(["AAPL"]), 1, lambda: None))


def test_a_price_keeps_every_digit() -> None:
    with fake_stream(like_finnhub) as fake:

        def act() -> None:
            until(lambda: bool(fake.heard))
            trade = f'{{"s": "AAPL", "p": 190.12345678901234567890, "t": {NOON}}}'
            fake.send(f'{{"type": "trade", "data": [{trade}]}}')

        ticks = asyncio.run(gathered(FinnhubSocket(fake.url, "k"), Wanted(["AAPL"]), 1, act))
    assert ticks == [Tick("AAPL", Decimal("190.12345678901234567890"), AT)]


def test_a_redirect_is_not_followed() -> None:
    with fake_stream(like_finnhub) as elsewhere:

        async def run() -> None:
            def away(link: ServerConnection, request: Request) -> Response:
                answer = link.respond(302, "there")
                answer.headers["Location"] = elsewhere.url
                return answer

            async with serve(elsewhere.handle, "127.0.0.1", 0, process_request=away) as server:
                port = next(iter(server.sockets)).getsockname()[1]
                await gathered(FinnhubSocket(f"ws://127.0.0.1:{port}", "k"), Wanted(["AAPL"]), 1, lambda: None)

        with pytest.raises(Unavailable, match="302"):
            asyncio.run(run())
        assert elsewhere.addresses == []


@pytest.mark.parametrize("end", ["drop", "error", "silence"])
def test_a_stream_that_ends_is_unavailable(end: str) -> None:
    with fake_stream(like_finnhub) as fake:

        def act() -> None:
            until(lambda: bool(fake.heard))
            if end == "drop":
                fake.drop()
            if end == "error":
                fake.send({"type": "error", "msg": "Subscribing to too many symbols"})

        with pytest.raises(Unavailable, match="finnhub"):
            asyncio.run(gathered(FinnhubSocket(fake.url, "k", silence=0.3), Wanted(["AAPL"]), 1, act))


def test_nobody_listens_is_unavailable() -> None:
    with pytest.raises(Unavailable):
        asyncio.run(gathered(FinnhubSocket("ws://127.0.0.1:9", "k"), Wanted(["AAPL"]), 1, lambda: None))


def test_the_tape_moves_what_has_a_price_and_stays_near_it() -> None:
    start = {"AAPL": Decimal(200)}
    tape = SimulatedTape(start.get, seed=1, every=0)

    ticks = asyncio.run(gathered(tape, Wanted(["AAPL", "NOPRICE"]), 2000, lambda: None))

    assert {tick.symbol for tick in ticks} == {"AAPL"}
    assert len({tick.price for tick in ticks}) > 1000
    assert all(Decimal(190) < tick.price < Decimal(210) for tick in ticks)
