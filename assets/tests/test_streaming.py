"""The streaming process at work in a web process's place: keys that come and go, keys that may not stream, doubts."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from typing import TYPE_CHECKING, Any

import pytest
from django.utils import timezone

from assets import live
from assets.models import Asset, IntradayValue, Quote
from assets.services import streaming
from assets.services.keys import enter_key, forget_key
from assets.services.streaming import Streamer, forget_intraday
from assets.tests import fake_services as fakes
from assets.tests.factories import make_asset, make_bars, make_exchange
from assets.tests.fake_stream import FakeStream, fake_stream, like_finnhub, like_polygon
from assets.tests.fake_upstream import as_json, serving
from core.testing import PATIENCE

if TYPE_CHECKING:
    from portfolio_site.testing import Broker

pytestmark = pytest.mark.django_db(transaction=True)


@dataclass(eq=False)
class Ear:
    """A socket's place at the hub."""

    name: str = "ear"
    user_id: int = 1
    moves: list[live.Move] = field(default_factory=list)
    states: list[tuple[str, str]] = field(default_factory=list)

    def offer(self, move: live.Move) -> None:
        self.moves.append(move)

    def tell(self, state: str, detail: str) -> None:
        self.states.append((state, detail))

    @property
    def prices(self) -> list[Decimal]:
        return [Decimal(move.price) for move in self.moves]


@pytest.fixture(autouse=True)
def layer(settings: Any, broker: Broker, monkeypatch: pytest.MonkeyPatch) -> None:
    """On the tests' broker; and nobody waits long for anything."""
    options = {"hosts": [{"address": broker.url, "socket_timeout": 15}], "prefix": "test-live"}
    settings.CHANNEL_LAYERS = {"default": {**settings.CHANNEL_LAYERS["default"], "CONFIG": options}}
    monkeypatch.setattr(streaming, "KEYS_EVERY", 0.2)
    monkeypatch.setattr(streaming, "KEEP_EVERY", 0.2)
    settings.LIVE_POLL_EVERY, settings.LIVE_TAPE_EVERY = 0.1, 0.05
    settings.FINNHUB_API_KEY = settings.POLYGON_API_KEY = ""
    settings.DEMO = False


@pytest.fixture
def aapl() -> Asset:
    asset = make_asset("AAPL", exchange=make_exchange("XNYS"))
    make_bars(asset, {date(2024, 1, 2): 100, date(2024, 1, 3): 102})
    return asset


@pytest.fixture
def finnhub(settings: Any) -> Iterator[FakeStream]:
    with fake_stream(like_finnhub) as fake:
        settings.PRICE_PROVIDERS, settings.LIVE_SOURCES = ["finnhub"], ["finnhub"]
        settings.FINNHUB_STREAM_URL = fake.url
        yield fake


@pytest.fixture
def polygon(settings: Any) -> Iterator[FakeStream]:
    """Takes one key, “good”."""
    with fake_stream(like_polygon) as fake:
        settings.PRICE_PROVIDERS, settings.LIVE_SOURCES = ["polygon"], ["polygon", "poll", "simulated"]
        settings.POLYGON_STREAM_URL = fake.url
        yield fake


@asynccontextmanager
async def listening(*asset_ids: int) -> AsyncIterator[Ear]:
    """Somebody follows these assets while the stream runs."""
    ear, hub = Ear(), live.hub()
    work = asyncio.create_task(Streamer("tests").run())
    assert await hub.admit(ear)
    await hub.follow(ear, list(asset_ids))
    try:
        yield ear
    finally:
        await hub.dismiss(ear)
        work.cancel()
        await asyncio.gather(work, return_exceptions=True)


async def until(condition: Callable[[], object], seconds: float = PATIENCE) -> None:
    async with asyncio.timeout(seconds):
        while not condition():
            await asyncio.sleep(0.02)


async def key(provider: str, value: str | None) -> None:
    """Enter another key, or delete it, as somebody does in the admin."""
    change = (
        (lambda: enter_key(actor=None, provider=provider, key=value))
        if value
        else lambda: forget_key(actor=None, provider=provider)
    )
    await asyncio.to_thread(change)


def trade(price: float, at: datetime | None = None) -> dict[str, Any]:
    moment = at or datetime.now(UTC)
    return {"type": "trade", "data": [{"s": "AAPL", "p": price, "t": int(moment.timestamp() * 1000)}]}


# --- keys ---------------------------------------------------------------------------------------------------------


def test_keys_that_come_and_go_count_while_somebody_watches(finnhub: FakeStream, aapl: Asset) -> None:
    async def run() -> None:
        async with listening(aapl.pk) as ear:
            await asyncio.sleep(0.6)
            assert finnhub.addresses == []  # nobody has entered a key
            await key("finnhub", "first")
            await until(lambda: finnhub.heard)
            assert finnhub.addresses == ["/?token=first"]
            await asyncio.to_thread(finnhub.send, trade(103))
            await until(lambda: ear.prices == [103])

            await key("finnhub", "second")
            await until(lambda: finnhub.addresses == ["/?token=first", "/?token=second"] and len(finnhub.links) == 1)
            await until(lambda: len(finnhub.heard) == 2)
            await asyncio.to_thread(finnhub.send, trade(104))
            await until(lambda: ear.prices == [103, 104])

            await key("finnhub", None)
            await until(lambda: not finnhub.links)
            await asyncio.sleep(0.6)
            assert len(finnhub.addresses) == 2

    asyncio.run(run())


def test_a_key_that_stays_keeps_its_connection(finnhub: FakeStream, aapl: Asset, settings: Any) -> None:
    settings.FINNHUB_API_KEY = "k"

    async def run() -> None:
        async with listening(aapl.pk):
            await until(lambda: finnhub.heard)
            await asyncio.sleep(1.0)  # five looks at the keys

    asyncio.run(run())
    assert len(finnhub.addresses) == len(finnhub.heard) == 1


# --- keys that may not stream -------------------------------------------------------------------------------------


def test_a_refused_stream_is_replaced_by_quotes_and_says_so(polygon: FakeStream, aapl: Asset, settings: Any) -> None:
    settings.PRICE_PROVIDERS, settings.POLYGON_API_KEY, settings.FINNHUB_API_KEY = ["polygon", "finnhub"], "bad", "k"
    now = int(timezone.now().timestamp())

    async def run() -> None:
        async with listening(aapl.pk) as ear:
            await until(lambda: ear.states)
            assert ear.states == [("polling", "The key of polygon may not stream; quotes are asked for instead.")]
            await until(lambda: ear.prices)
            assert ear.prices[0] == Decimal("192.25")
            await asyncio.sleep(1.0)
            assert len(polygon.addresses) == 1  # it is not tried again and again

    with serving(fakes.finnhub()) as upstream:
        settings.FINNHUB_URL = upstream.url
        upstream.answers["/quote"] = as_json(fakes.FINNHUB_QUOTE | {"t": now})
        asyncio.run(run())
    assert Quote.objects.get().source == "finnhub"


def test_where_nobody_can_be_asked_prices_are_made_up_and_that_is_said(
    polygon: FakeStream, aapl: Asset, settings: Any
) -> None:
    settings.PRICE_PROVIDERS, settings.POLYGON_API_KEY = ["polygon", "simulated"], "bad"

    async def run() -> None:
        async with listening(aapl.pk) as ear:
            await until(lambda: len(ear.moves) > 2)
            assert ear.states == [("simulated", "The key of polygon may not stream; prices are made up instead.")]
            assert '"source": "simulated"' in ear.moves[0].text

    asyncio.run(run())


def test_where_there_is_nothing_else_it_is_said_and_a_better_key_helps_at_once(
    polygon: FakeStream, aapl: Asset, settings: Any
) -> None:
    async def run() -> None:
        await key("polygon", "bad")
        async with listening(aapl.pk) as ear:
            await until(lambda: ear.states)
            assert ear.states == [("unavailable", "The key of polygon may not stream; and nobody else can be asked.")]
            await key("polygon", "good")
            await until(lambda: {"action": "subscribe", "params": "T.AAPL"} in polygon.heard)
            moment = int(datetime.now(UTC).timestamp() * 1000)
            await asyncio.to_thread(polygon.send, [{"ev": "T", "sym": "AAPL", "p": 105, "t": moment}])
            await until(lambda: ear.prices == [105])
            await until(lambda: ear.states[-1] == ("live", ""))

    asyncio.run(run())


# --- doubts -------------------------------------------------------------------------------------------------------


def test_how_the_stream_is_only_the_streaming_process_says(monkeypatch: pytest.MonkeyPatch) -> None:
    """Neither a first connection nor a new one to the layer makes quotes that are asked for live ones."""
    monkeypatch.setattr(live, "REJOIN_EVERY", 0.05)

    async def run() -> None:
        ear, hub = Ear(), live.hub()
        assert await hub.admit(ear)
        assert hub.state == "connecting"
        async with asyncio.timeout(PATIENCE):
            while not ear.states:
                await live.publish_state("polling", "why")
                await asyncio.sleep(0.1)
        await asyncio.sleep(0.1)
        await live.publish_state("polling", "why")  # after this one the hub joins anew
        await asyncio.sleep(0.3)
        assert ear.states == [("polling", "why")]
        await hub.dismiss(ear)

    asyncio.run(run())


def test_a_price_that_is_not_believed_is_told_to_staff_and_counts_as_no_failure(
    finnhub: FakeStream, aapl: Asset, settings: Any, caplog: pytest.LogCaptureFixture
) -> None:
    settings.FINNHUB_API_KEY = "k"

    async def run() -> None:
        async with listening(aapl.pk) as ear:
            await until(lambda: finnhub.heard)
            for price in (999, 998, 103):
                await asyncio.to_thread(finnhub.send, trade(price))
            await until(lambda: ear.prices == [103])
            await until(lambda: "too far" in caplog.text)
            await asyncio.to_thread(finnhub.send, trade(997))
            await asyncio.sleep(0.6)
            assert set(ear.states) <= {("live", "")}

    with caplog.at_level(logging.WARNING):
        asyncio.run(run())
    said = [record.getMessage() for record in caplog.records if "too far" in record.getMessage()]
    assert len(said) == 1
    assert said[0].startswith("finnhub: a price of 99")
    assert len(finnhub.addresses) == 1
    assert set(Quote.objects.values_list("price", flat=True)) == {103}


# --- what is kept -------------------------------------------------------------------------------------------------


def test_old_ticks_are_forgotten(aapl: Asset, settings: Any) -> None:
    settings.INTRADAY_DAYS, now = 2, timezone.now()
    for hours in (1, 47, 49, 500):
        IntradayValue.objects.create(asset=aapl, at=now - timedelta(hours=hours), price=100, source="finnhub")
    assert forget_intraday() == 2
    assert IntradayValue.objects.count() == 2
    settings.INTRADAY_DAYS = 0
    forget_intraday()
    assert not IntradayValue.objects.exists()


def test_another_process_takes_over_within_fifteen_seconds_of_a_death() -> None:
    assert timedelta(seconds=streaming.RENEW_EVERY) < streaming.LEASE <= timedelta(seconds=15)
