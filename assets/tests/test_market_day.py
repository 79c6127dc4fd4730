"""A market's night from providers that are asked symbol by symbol, by their own symbols and in each asset's order."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from assets.models import Exchange, HistoricValue, IngestionRun, ProviderState, SymbolMapping
from assets.services.ingestion import ingest
from assets.tests import fake_services as fakes
from assets.tests.factories import make_asset, make_exchange
from assets.tests.fake_polygon import FakePolygon
from assets.tests.fake_upstream import Answering, Call, Reply, as_json, serving

pytestmark = pytest.mark.django_db
DAY = date(2024, 5, 31)
NOW = datetime(2024, 6, 1, 7, tzinfo=UTC)


def daily(call: Call) -> Reply:
    """Alpha Vantage's bars of any symbol but NOSUCH."""
    symbol = call.asked("symbol")
    if symbol == "NOSUCH":
        return as_json({"Error Message": "Invalid API call."})
    return as_json(fakes.AV_DAILY | {"Meta Data": {"2. Symbol": symbol}})


@pytest.fixture
def alpha_vantage(settings: Any) -> Iterator[Answering]:
    with serving(Answering(answers={"/query": daily})) as upstream:
        settings.ALPHA_VANTAGE_URL, settings.ALPHA_VANTAGE_API_KEY = upstream.url, "key"
        settings.ALPHA_VANTAGE_CALLS_PER_SECOND = 0
        yield upstream


@pytest.fixture
def market(db: None) -> Exchange:
    return make_exchange("XNYS", ingest_since=DAY)


def closes() -> dict[str, Decimal]:
    return dict(HistoricValue.objects.values_list("asset__symbol", "close"))


def run(market: Exchange, *, force: bool = False) -> IngestionRun:
    return ingest(market, DAY, now=NOW, force=force)


def test_one_call_a_symbol_by_its_name_there(market: Exchange, alpha_vantage: Answering) -> None:
    make_asset("AAPL")
    SymbolMapping.objects.create(asset=make_asset("GOLD"), provider="alpha_vantage", symbol="B")
    assert run(market).state == "complete"
    assert closes() == {"AAPL": Decimal("192.25"), "GOLD": Decimal("192.25")}
    assert sorted(call.asked("symbol") for call in alpha_vantage.calls) == ["AAPL", "B"]


def test_what_came_before_the_calls_were_used_up_is_kept(
    market: Exchange, alpha_vantage: Answering, settings: Any
) -> None:
    settings.ALPHA_VANTAGE_CALLS_PER_DAY = 2
    for symbol in ("AAPL", "IBM", "MSFT"):
        make_asset(symbol)
    half = run(market)
    assert (half.state, half.stored, half.attempts) == ("incomplete", 2, 1)
    assert "2 calls a day are used up" in half.missing["MSFT"]
    assert len(alpha_vantage.calls) == 2


def test_an_unknown_symbol_is_asked_for_once(market: Exchange, alpha_vantage: Answering) -> None:
    make_asset("AAPL")
    make_asset("NOSUCH")
    for _ in range(3):
        half = run(market, force=True)
    assert (half.state, half.stored) == ("incomplete", 1)
    assert len(alpha_vantage.calls) == 2, "AAPL has its bar, and NOSUCH is known not to be there"


def test_a_bad_answer_about_one_symbol_does_not_keep_it_from_the_next(
    market: Exchange, alpha_vantage: Answering
) -> None:
    make_asset("AAPL")
    make_asset("IBM")
    bad = as_json({"Meta Data": {"2. Symbol": "AAPL"}})
    alpha_vantage.answers["/query"] = lambda call: bad if call.asked("symbol") == "AAPL" else daily(call)
    assert set(run(market).missing) == {"AAPL"}
    assert closes() == {"IBM": Decimal("192.25")}


def test_a_plan_without_bars_costs_one_call(market: Exchange, settings: Any) -> None:
    for symbol in ("AAPL", "IBM", "MSFT"):
        make_asset(symbol)
    with serving(Answering(answers={"/stock/candle": Reply(b"{}", 403)})) as upstream:
        settings.FINNHUB_URL, settings.FINNHUB_API_KEY = upstream.url, "key"
        for _ in range(2):
            assert "does not cover this" in run(market, force=True).missing["MSFT"]
        assert len(upstream.calls) == 1
    assert ProviderState.objects.get(pk="finnhub").failures == 0


def test_each_asset_in_its_own_order(market: Exchange, alpha_vantage: Answering, polygon: FakePolygon) -> None:
    """One request for all who begin with Polygon, and one for the asset that does not."""
    make_asset("AAPL")
    make_asset("MSFT")
    make_asset("IBM", providers="alpha_vantage, polygon")
    polygon.trade({"AAPL": 1, "MSFT": 2, "IBM": 3})
    assert run(market).state == "complete"
    assert closes() == {"AAPL": Decimal(1), "MSFT": Decimal(2), "IBM": Decimal("192.25")}
    assert (len(polygon.calls), len(alpha_vantage.calls)) == (1, 1)


def test_an_asset_that_nobody_is_asked_for(market: Exchange, polygon: FakePolygon, settings: Any) -> None:
    make_asset("AAPL", providers="yahoo")
    assert run(market).missing == {"AAPL": "no provider is asked for this asset"}
    assert polygon.calls == []


def test_a_breaker_that_is_open_makes_the_night_wait(market: Exchange, polygon: FakePolygon) -> None:
    make_asset("AAPL")
    polygon.always = Reply(b"", 500)
    for _ in range(5):
        run(market, force=True)
    waiting = run(market, force=True)
    assert (waiting.state, waiting.attempts) == ("pending", 5), "nothing was asked, so nothing was tried"
    assert "left alone after 5 failures" in waiting.message
    assert waiting.next_attempt_at is not None
    assert waiting.next_attempt_at <= NOW + timedelta(seconds=60)
    assert len(polygon.calls) == 5


def test_a_bar_in_another_currency_is_refused(settings: Any, tmp_path: Path) -> None:
    london = make_exchange("XLON", ingest_since=DAY, time_zone="Europe/London")
    make_asset("BP", exchange=london, currency="GBP")
    make_asset("VOD", exchange=london, currency="GBP")
    settings.PRICE_PROVIDERS, settings.VAR_DIR = ["yahoo"], tmp_path
    with serving(fakes.yahoo()) as upstream:
        settings.YAHOO_URL = upstream.url
        for symbol, currency in (("BP.L", "GBp"), ("VOD.L", "USD")):
            answer = fakes.chart({DAY: 487.35}, symbol=symbol, currency=currency)
            upstream.answers[f"/v8/finance/chart/{symbol}"] = as_json(answer)
        half = run(london)
    assert closes() == {"BP": Decimal("4.8735")}, "in pounds, as the asset is quoted"
    assert half.missing == {"VOD": "yahoo: is in USD, not in GBP"}


@pytest.mark.parametrize(("given", "price"), [("GBp", 487.35), ("GBP", 4.8735)])
def test_closes_of_an_asset_in_pence_are_in_pence(settings: Any, tmp_path: Path, given: str, price: float) -> None:
    london = make_exchange("XLON", ingest_since=DAY, time_zone="Europe/London")
    make_asset("BP", exchange=london, currency="GBP", price_factor=Decimal("0.01"))
    settings.PRICE_PROVIDERS, settings.VAR_DIR = ["yahoo"], tmp_path
    with serving(fakes.yahoo()) as upstream:
        settings.YAHOO_URL = upstream.url
        answer = fakes.chart({DAY: price}, symbol="BP.L", currency=given)
        upstream.answers["/v8/finance/chart/BP.L"] = as_json(answer)
        run(london)
    assert closes() == {"BP": Decimal("487.35")}


def test_the_ecbs_rates_of_a_night(settings: Any) -> None:
    """On Easter Monday the ECB publishes nothing, and its exchange has no session."""
    frankfurt = make_exchange("ECB", calendar="XPAR", ingest_since=DAY, time_zone="Europe/Berlin")
    make_asset("EURUSD", exchange=frankfurt, type="fx")
    settings.PRICE_PROVIDERS = ["polygon", "ecb"]
    with serving(fakes.ecb({})) as upstream:
        settings.ECB_URL = upstream.url
        assert run(frankfurt).state == "complete"
        assert [call.path for call in upstream.calls] == [fakes.HISTORY]
    assert closes() == {"EURUSD": Decimal("1.0852")}
    assert HistoricValue.objects.get().source == "ecb"
