"""Which feed serves which asset, what its ticks make of a day, and what happens when one breaks."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from channels.db import database_sync_to_async
from django.db import connection

from assets.models import IntradayValue, Quote, Streaming, SymbolMapping
from assets.providers.stream import Refused, Tick
from assets.quotes import LastPrice
from assets.services.feeds import Board, Feed, Part, Tracked, load, partition
from assets.services.streaming import LeaseLost, Streamer, _newer, keep
from assets.tests.factories import make_asset, make_bars, make_exchange
from core.testing import PATIENCE

NOON = datetime(2024, 1, 4, 17, tzinfo=UTC)


def tracked(symbol: str = "AAPL", price: str = "100", pk: int = 1, **values: Any) -> Tracked:
    last = LastPrice(pk, Decimal(price), date(2024, 1, 4), values.pop("source", "finnhub"), quoted_at=NOON)
    return Tracked(pk, symbol, last, **values)


def tick(price: str, at: datetime = NOON) -> Tick:
    return Tick("AAPL", Decimal(price), at)


EVERYBODY = ["finnhub", "polygon", "yahoo", "simulated"]
EVERYWHERE = {"finnhub": "AAPL", "polygon": "AAPL", "poll": "AAPL", "simulated": "AAPL"}
TABLE: list[tuple[str, dict[str, Any], list[str], dict[str, str]]] = [
    ("AAPL", {}, EVERYBODY, EVERYWHERE),
    ("AAPL", {"exchange": None}, EVERYBODY, EVERYWHERE),
    ("AAPL", {}, ["finnhub", "polygon", "yahoo"], {"finnhub": "AAPL", "polygon": "AAPL", "poll": "AAPL"}),
    ("AAPL", {"providers": "polygon, simulated"}, EVERYBODY, {"polygon": "AAPL", "simulated": "AAPL"}),
    ("AAPL", {"providers": "simulated"}, EVERYBODY, {"simulated": "AAPL"}),
    ("AAPL", {}, ["simulated"], {"simulated": "AAPL"}),
    ("AAPL", {}, ["csv_file"], {}),
    ("AAPL", {"currency": "EUR"}, EVERYBODY, {"poll": "AAPL", "simulated": "AAPL"}),
    ("AAPL", {"price_factor": Decimal("0.01")}, EVERYBODY, {"poll": "AAPL", "simulated": "AAPL"}),
    ("BHP", {"market": "XLON"}, ["finnhub", "polygon"], {}),
    ("BHP", {"market": "XLON"}, EVERYBODY, {"poll": "BHP", "simulated": "BHP"}),
    ("EURUSD", {"type": "fx", "exchange": None}, EVERYBODY, {"poll": "EURUSD", "simulated": "EURUSD"}),
    ("BTCUSD", {"type": "crypto", "market": "CRYPTO"}, ["polygon"], {}),
    ("HOUSE", {"type": "other", "exchange": None}, ["polygon"], {}),
]


@pytest.mark.django_db
@pytest.mark.parametrize(("symbol", "values", "providers", "expected"), TABLE)
def test_who_may_serve_an_asset(
    settings: Any, symbol: str, values: dict[str, Any], providers: list[str], expected: dict[str, str]
) -> None:
    settings.PRICE_PROVIDERS, settings.PROVIDER_ORDER = providers, {}
    settings.FINNHUB_API_KEY = settings.POLYGON_API_KEY = "k"
    values = dict(values)
    if "market" in values:
        values["exchange"] = make_exchange(values.pop("market"), calendar="XLON", time_zone="Europe/London")
    asset = make_asset(symbol, **values)
    make_bars(asset, {date(2024, 1, 3): 100})

    assert load([asset.pk])[symbol].routes == expected


@pytest.mark.django_db
def test_an_asset_is_asked_for_under_its_mapped_symbol(settings: Any) -> None:
    settings.PRICE_PROVIDERS, settings.FINNHUB_API_KEY = ["finnhub"], "k"
    coin = make_asset("BTCUSD", type="crypto", exchange=None)
    SymbolMapping.objects.create(asset=coin, provider="finnhub", symbol="BINANCE:BTCUSDT")
    make_bars(coin, {date(2024, 1, 3): 100})

    assert load([coin.pk])["BTCUSD"].routes == {"finnhub": "BINANCE:BTCUSDT", "poll": "BTCUSD"}


@pytest.mark.django_db
def test_an_entered_price_does_not_move_by_itself(settings: Any) -> None:
    settings.PRICE_PROVIDERS = ["simulated"]
    house = make_asset("HOUSE", type="other", exchange=None)
    make_bars(house, {date(2024, 1, 3): 100}, source="manual")

    assert load([house.pk])["HOUSE"].routes == {}


def nothing(board: Board, part: Part) -> AsyncIterator[Tracked]:
    raise AssertionError("not to be read")


def test_each_asset_goes_to_the_first_feed_that_takes_it_and_works() -> None:
    board = {
        "AAPL": tracked("AAPL", routes={"finnhub": "AAPL", "poll": "AAPL"}),
        "BTC": tracked("BTC", routes={"finnhub": "BINANCE:BTC", "poll": "BTC"}),
        "SAP": tracked("SAP", routes={"poll": "SAP"}),
        "TOY": tracked("TOY", routes={"simulated": "TOY"}, source="simulated"),
        "LONE": tracked("LONE"),
    }
    known = [Feed("finnhub", nothing), Feed("poll", nothing), Feed("simulated", nothing)]

    made_up = {"TOY": "TOY"}
    whole = {"finnhub": {"AAPL": "AAPL", "BTC": "BINANCE:BTC"}, "poll": {"SAP": "SAP"}, "simulated": made_up}
    assert partition(board, known, 10.0) == whole
    known[0].broke(10.0, "gone")
    assert partition(board, known, 10.5) == {
        "poll": {"AAPL": "AAPL", "BTC": "BTC", "SAP": "SAP"},
        "simulated": made_up,
    }
    known[1].broke(10.0, "gone")
    assert partition(board, known, 10.5) == {"simulated": made_up}
    assert partition(board, known, 11.0) == whole


def test_prices_are_made_up_only_where_every_real_source_has_refused() -> None:
    every = {"finnhub": "AAPL", "poll": "AAPL", "simulated": "AAPL"}
    close = replace(tracked(routes=every), last=replace(tracked().last, quoted_at=None))
    quote = tracked("SAP", routes=every)
    board = {"AAPL": close, "SAP": quote}
    known = [Feed("finnhub", nothing), Feed("poll", nothing), Feed("simulated", nothing)]

    known[0].broke(10.0, "the key may not", refused=True)
    assert partition(board, known, 100.0) == {"poll": {"AAPL": "AAPL", "SAP": "AAPL"}}
    known[1].broke(100.0, "away")
    assert partition(board, known, 100.5) == {}
    known[1].broke(100.0, "not allowed", refused=True)
    assert partition(board, known, 200.0) == {"simulated": {"AAPL": "AAPL"}}  # and never from a real quote on
    known[0].works("finnhub")
    assert partition(board, known, 4000.0) == {"finnhub": {"AAPL": "AAPL", "SAP": "AAPL"}}


def test_a_tick_must_be_believable() -> None:
    known = tracked()
    assert known.follows(tick("149"), NOON, "finnhub")
    assert not known.follows(tick("151"), NOON, "finnhub")
    assert not known.follows(tick("49"), NOON, "finnhub")
    assert not known.follows(tick("100", NOON - timedelta(seconds=1)), NOON, "finnhub")
    assert tracked(source="simulated").follows(tick("500"), NOON, "finnhub")  # what is made up says nothing


def test_the_tape_never_takes_the_place_of_a_real_quote() -> None:
    assert not tracked().follows(tick("101"), NOON, "simulated")
    assert tracked(source="simulated").follows(tick("101"), NOON, "simulated")


def test_a_trading_day_begins_by_the_clock_of_its_exchange() -> None:
    known = replace(tracked(zone=ZoneInfo("Asia/Tokyo")), last=replace(tracked().last, previous_close=Decimal(90)))
    before = datetime(2024, 1, 5, 14, 59, tzinfo=UTC)  # 23:59 there
    evening = known.moved(tick("110", datetime(2024, 1, 4, 14, 0, tzinfo=UTC)), "finnhub")
    assert evening.last.previous_close == 100  # 17:00 UTC was another day there already

    morning = known.moved(tick("104", before), "finnhub")
    assert (morning.last.previous_close, morning.last.change) == (90, 14)
    next_day = morning.moved(tick("105", before + timedelta(minutes=2)), "finnhub")
    assert (next_day.last.previous_close, next_day.last.change, next_day.last.low) == (104, 1, 105)


@pytest.mark.django_db
def test_long_floats_are_kept_and_one_bad_number_loses_nothing_else() -> None:
    good, bad = (make_asset(symbol) for symbol in ("AAPL", "MSFT"))
    long = tracked("AAPL", "190.12345678901234567890", good.pk)
    broken = tracked("MSFT", "NaN", bad.pk)

    keep([broken, long], [broken, long])

    assert Quote.objects.get().pk == good.pk
    assert Quote.objects.get().price == IntradayValue.objects.get().price == Decimal("190.123456789")


async def served(streamer: Streamer, seconds: float = PATIENCE) -> None:
    """Deal until every asset of the board has moved."""
    reading = asyncio.create_task(streamer._read())
    try:
        async with asyncio.timeout(seconds):
            while any(each.last.source != "poll" for each in streamer.board.values()):
                await asyncio.sleep(0.01)
    finally:
        reading.cancel()
        await asyncio.gather(reading, return_exceptions=True)


@pytest.mark.parametrize("error", [RuntimeError("a bug"), RecursionError(), Refused("finnhub: not with this key")])
def test_what_a_broken_feed_served_falls_to_the_next(error: Exception) -> None:
    async def breaks(board: Board, part: Part) -> AsyncIterator[Tracked]:
        yield board["AAPL"].moved(tick("101"), "finnhub")
        raise error

    async def works(board: Board, part: Part) -> AsyncIterator[Tracked]:
        while True:
            for symbol in list(part.ours):
                yield board[symbol].moved(tick("102"), "poll")
            await asyncio.sleep(0.01)

    both = {"finnhub": "AAPL", "poll": "AAPL"}
    streamer = Streamer("me", feeds=[Feed("finnhub", breaks, pause=60.0), Feed("poll", works)])
    streamer._feeds_at = float("inf")  # these and no others
    streamer.board = {"AAPL": tracked(routes=both), "SAP": tracked("SAP", pk=2, routes={"poll": "SAP"})}

    asyncio.run(served(streamer))

    assert {each.last.price for each in streamer.board.values()} == {Decimal(102)}
    assert streamer.feeds[0].problem
    assert streamer._told()["source"] == "poll"


def test_what_a_provider_says_can_be_written_down() -> None:
    feed = Feed("finnhub", nothing)
    feed.broke(0.0, "said \x00\ud800 this")
    assert Streamer("me", feeds=[feed])._told()["message"] == "said    this"


async def renewed(seconds: float) -> None:
    async with asyncio.timeout(seconds):
        await Streamer("me")._renew()


async def held() -> None:
    """Renew the lease until it is written down."""
    renewing = asyncio.create_task(Streamer("me")._renew())
    look = database_sync_to_async(Streaming.objects.filter(holder="me").exists)
    async with asyncio.timeout(PATIENCE):
        while not await look():
            assert not renewing.done()
            await asyncio.sleep(0.01)
    renewing.cancel()
    await asyncio.gather(renewing, return_exceptions=True)


@pytest.mark.django_db(transaction=True)
def test_the_lease_outlives_a_database_that_is_away_for_a_moment() -> None:
    table = Streaming._meta.db_table
    with connection.cursor() as cursor:
        cursor.execute(f"ALTER TABLE {table} RENAME TO elsewhere")
        try:
            with pytest.raises(TimeoutError):  # it still goes on
                asyncio.run(renewed(1.5))
        finally:
            cursor.execute(f"ALTER TABLE elsewhere RENAME TO {table}")
    asyncio.run(held())
    assert Streaming.objects.get().holder == "me"
    Streaming.objects.update(holder="another")
    with pytest.raises(LeaseLost):
        asyncio.run(renewed(PATIENCE))


def test_another_look_at_a_board_keeps_the_newer_tick() -> None:
    ticked = tracked().moved(tick("101", NOON + timedelta(seconds=1)), "finnhub")
    read = tracked(routes={"poll": "AAPL"})
    assert _newer(read, ticked).last.price == 101
    assert _newer(read, ticked).routes == {"poll": "AAPL"}
    assert _newer(read, tracked()) is read
