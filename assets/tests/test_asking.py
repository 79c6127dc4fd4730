"""Asking several providers for one asset: order, fallback, breaker, limits and what is remembered."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from django.utils import timezone

from assets.models import Asset, ProviderState, SymbolMapping, UnknownHere
from assets.services import breaker
from assets.services.asking import Capability, NobodyAnswers, NobodyKnows, Reply, ask
from assets.tests import fake_services as fakes
from assets.tests.factories import make_asset, make_bars
from assets.tests.fake_polygon import DAY, FakePolygon
from assets.tests.fake_upstream import Answering, as_json, serving
from assets.tests.fake_upstream import Reply as Answer
from core.testing import PATIENCE

pytestmark = pytest.mark.django_db


def bars_of(asset: Asset) -> Reply[Any]:
    return ask(Capability.BARS, asset, lambda adapter, symbol: adapter.daily_bars([symbol], DAY))


def test_the_first_provider_that_answers_is_named(polygon: FakePolygon) -> None:
    polygon.trade({"AAPL": 192})
    reply = bars_of(make_asset("AAPL"))
    assert (reply.provider, reply.value[0].close) == ("polygon", 192)
    state = ProviderState.objects.get(pk="polygon")
    assert (state.failures, state.answers, len(state.calls)) == (0, 1, 1)
    assert state.last_success_at is not None


def test_the_next_one_answers_when_the_first_fails(polygon: FakePolygon, settings: Any, tmp_path: Path) -> None:
    settings.PRICE_CSV_DIR = str(tmp_path)
    (tmp_path / "own.csv").write_text(f"symbol,date,open,high,low,close,volume\nAAPL,{DAY},,,,190,\n")
    polygon.always = Answer(b"", 500)
    assert bars_of(make_asset("AAPL")).provider == "csv_file"
    state = ProviderState.objects.get(pk="polygon")
    assert (state.failures, state.errors) == (1, 1)
    assert "HTTP 500" in state.last_error


def test_the_next_one_answers_when_the_first_cannot_be_read(
    polygon: FakePolygon, settings: Any, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    """Whatever an adapter stumbles over, its breaker counts it and the others are asked."""
    settings.PRICE_CSV_DIR, settings.PROVIDER_BREAKER_FAILURES = str(tmp_path), 1
    (tmp_path / "own.csv").write_text(f"symbol,date,open,high,low,close,volume\nAAPL,{DAY},,,,190,\n")
    polygon.trade({"AAPL": 192})

    def first_two(adapter: Any, symbol: str) -> Any:
        bars = adapter.daily_bars([symbol], DAY)
        return bars if adapter.name == "csv_file" else (bars[0], bars[1])

    apple = make_asset("AAPL")
    for _ in range(2):
        assert ask(Capability.BARS, apple, first_two).provider == "csv_file"
    state = ProviderState.objects.get(pk="polygon")
    assert (state.failures, state.last_error) == (1, "polygon: the answer cannot be read (IndexError)")
    assert state.open_until is not None
    assert "in first_two" in caplog.text, "where it was"


def test_a_breaker_opens_after_failures_in_a_row_and_one_caller_tries_again(
    polygon: FakePolygon, settings: Any
) -> None:
    settings.PROVIDER_BREAKER_FAILURES, settings.PROVIDER_BREAKER_WAIT = 3, timedelta(minutes=10)
    asset = make_asset("AAPL")
    polygon.always = Answer(b"", 500)
    for _ in range(10):
        with pytest.raises(NobodyAnswers) as caught:
            bars_of(asset)
    assert len(polygon.calls) == 3
    assert "left alone after 3 failures in a row" in str(caught.value)
    assert caught.value.retry_after == pytest.approx(600, abs=PATIENCE)

    ProviderState.objects.update(open_until=timezone.now() - timedelta(seconds=1))  # the wait is over
    for _ in range(5):
        with pytest.raises(NobodyAnswers):
            bars_of(asset)
    assert len(polygon.calls) == 4, "one tries, and it failed"
    state = ProviderState.objects.get(pk="polygon")
    assert state.open_until is not None
    assert (state.open_until - timezone.now()).total_seconds() == pytest.approx(1200, abs=PATIENCE), "twice as long"

    ProviderState.objects.update(open_until=timezone.now() - timedelta(seconds=1))
    polygon.always = None
    polygon.trade({"AAPL": 5})
    assert bars_of(asset).provider == "polygon"
    assert bars_of(asset).provider == "polygon"
    assert ProviderState.objects.get(pk="polygon").failures == 0


def test_retry_after_holds_everybody_back(polygon: FakePolygon) -> None:
    asset = make_asset("AAPL")
    polygon.always = Answer(b"", 429, {"Retry-After": "400"})
    for _ in range(3):
        with pytest.raises(NobodyAnswers) as caught:
            bars_of(asset)
    assert len(polygon.calls) == 1
    assert caught.value.retry_after == pytest.approx(400, abs=PATIENCE)


def test_used_up_calls_are_not_failures(polygon: FakePolygon, settings: Any) -> None:
    settings.POLYGON_CALLS_PER_MINUTE = 1
    asset = make_asset("AAPL")
    polygon.trade({"AAPL": 5})
    bars_of(asset)
    with pytest.raises(NobodyAnswers, match="1 calls a minute are used up"):
        bars_of(asset)
    assert len(polygon.calls) == 1
    assert ProviderState.objects.get(pk="polygon").failures == 0


def test_without_a_provider(settings: Any) -> None:
    with pytest.raises(NobodyAnswers, match="No provider that can be asked about AAPL is configured") as caught:
        bars_of(make_asset("AAPL"))
    assert caught.value.retry_after is None


def test_made_up_prices_need_a_stored_asset(settings: Any) -> None:
    settings.PRICE_PROVIDERS = ["simulated"]
    asset = make_asset("AAPL")
    make_bars(asset, {DAY: 100})
    reply = ask(Capability.QUOTE, asset, lambda adapter, symbol: adapter.quote(symbol))
    assert reply.provider == "simulated"
    assert reply.value.price > 0
    with pytest.raises(NobodyAnswers):
        ask(Capability.QUOTE, Asset(symbol="NOSUCH"), lambda adapter, symbol: adapter.quote(symbol))


def test_an_asset_has_its_own_order(polygon: FakePolygon, settings: Any, tmp_path: Path) -> None:
    settings.PRICE_CSV_DIR = str(tmp_path)
    (tmp_path / "own.csv").write_text(f"symbol,date,open,high,low,close,volume\nAAPL,{DAY},,,,190,\n")
    polygon.trade({"AAPL": 192})
    assert bars_of(make_asset("AAPL", providers="csv_file, polygon")).provider == "csv_file"
    assert polygon.calls == []


def test_a_type_has_its_own_order(polygon: FakePolygon, settings: Any, tmp_path: Path) -> None:
    settings.PRICE_CSV_DIR = str(tmp_path)
    (tmp_path / "own.csv").write_text(f"symbol,date,open,high,low,close,volume\nVTI,{DAY},,,,190,\n")
    settings.PROVIDER_ORDER = {"etf": "csv_file"}
    assert bars_of(make_asset("VTI", type="etf")).provider == "csv_file"
    assert polygon.calls == []


def test_a_mapped_symbol_is_what_is_asked_for(polygon: FakePolygon) -> None:
    asset = make_asset("GOLD")
    SymbolMapping.objects.create(asset=asset, provider="polygon", symbol="B")
    polygon.trade({"B": 17, "GOLD": 3})
    assert bars_of(asset).value[0].close == 17


def test_a_person_closes_the_breaker(polygon: FakePolygon, settings: Any) -> None:
    settings.PROVIDER_BREAKER_FAILURES = 1
    polygon.replies = [Answer(b"", 500)]
    polygon.trade({"AAPL": 5})
    asset = make_asset("AAPL")
    with pytest.raises(NobodyAnswers):
        bars_of(asset)
    with pytest.raises(NobodyAnswers):
        bars_of(asset)
    breaker.close("polygon")
    assert bars_of(asset).provider == "polygon"


def test_another_key_closes_the_breaker(polygon: FakePolygon, settings: Any) -> None:
    settings.PROVIDER_BREAKER_FAILURES = 1
    polygon.replies = [Answer(b"", 401)]
    polygon.trade({"AAPL": 5})
    asset = make_asset("AAPL")
    with pytest.raises(NobodyAnswers):
        bars_of(asset)
    settings.POLYGON_API_KEY = "the right one"
    assert bars_of(asset).provider == "polygon"


# --- what is remembered -------------------------------------------------------------------------------------------


def quote_of(asset: Asset) -> Reply[Any]:
    return ask(Capability.QUOTE, asset, lambda adapter, symbol: adapter.quote(symbol))


@pytest.fixture
def finnhub(settings: Any) -> Iterator[Answering]:
    with serving(fakes.finnhub()) as upstream:
        settings.FINNHUB_URL, settings.FINNHUB_API_KEY = upstream.url, "key"
        yield upstream


def test_an_unknown_symbol_is_remembered(finnhub: Answering) -> None:
    finnhub.answers["/quote"] = as_json(fakes.FINNHUB_NOBODY)
    for _ in range(3):
        with pytest.raises(NobodyKnows, match="No provider knows NOSUCH: finnhub: it does not know NOSUCH"):
            quote_of(Asset(symbol="NOSUCH"))
    assert len(finnhub.calls) == 1
    finnhub.answers["/quote"] = as_json(fakes.FINNHUB_QUOTE)
    assert quote_of(Asset(symbol="AAPL")).provider == "finnhub"
    UnknownHere.objects.update(until=timezone.now())
    assert quote_of(Asset(symbol="NOSUCH")).provider == "finnhub", "after a day it is asked again"
    assert ProviderState.objects.get(pk="finnhub").failures == 0


def test_what_the_plan_does_not_cover_is_remembered_for_the_key(finnhub: Answering, settings: Any) -> None:
    finnhub.answers["/stock/candle"] = Answer(b'{"error": "no access"}', 403)

    def bars(symbol: str) -> Reply[Any]:
        return ask(Capability.HISTORY, Asset(symbol=symbol), lambda adapter, name: adapter.history(name, DAY, DAY))

    for symbol in ("AAPL", "MSFT", "IBM"):
        with pytest.raises(NobodyAnswers, match="the key does not cover this"):
            bars(symbol)
    assert len(finnhub.calls) == 1
    assert quote_of(Asset(symbol="AAPL")).provider == "finnhub", "another kind of question is answered"
    settings.FINNHUB_API_KEY = "of a larger plan"
    finnhub.answers["/stock/candle"] = as_json(fakes.FINNHUB_CANDLES)
    assert [bar.day for bar in bars("AAPL").value] == [DAY]


def test_another_currency_is_another_security(finnhub: Answering, settings: Any, tmp_path: Path) -> None:
    """The next one is asked, and the first one is not asked again."""
    settings.PRICE_PROVIDERS, settings.VAR_DIR = ["finnhub", "yahoo"], tmp_path
    asset = make_asset("AAPL", currency="EUR")
    with serving(fakes.yahoo()) as upstream:
        upstream.answers[fakes.YAHOO_CHART] = as_json(fakes.chart({DAY: 5}, currency="EUR"))
        settings.YAHOO_URL = upstream.url
        assert [quote_of(asset).provider for _ in range(2)] == ["yahoo"] * 2
    assert len(finnhub.calls) == 1
    assert "is quoted in USD there, not in EUR" in UnknownHere.objects.get().reason


@pytest.mark.parametrize(
    ("factor", "given", "price", "expected"),
    [
        ("0.01", "GBp", 487.5, "487.5"),
        ("0.01", "GBP", 4.875, "487.5"),
        ("1", "GBp", 487.5, "4.875"),
        ("1", "GBP", 4.875, "4.875"),
        ("0.01", "ZAc", 487.5, None),
        ("1", "EUR", 4.875, None),
    ],
)
def test_quotes_come_as_the_asset_is_quoted(
    finnhub: Answering, settings: Any, tmp_path: Path, factor: str, given: str, price: float, expected: str | None
) -> None:
    settings.PRICE_PROVIDERS, settings.VAR_DIR = ["yahoo"], tmp_path
    asset = make_asset("BP", currency="GBP", price_factor=Decimal(factor))
    figures = {"regularMarketPrice": price, "chartPreviousClose": price, "regularMarketDayHigh": price}
    with serving(fakes.yahoo()) as upstream:
        settings.YAHOO_URL = upstream.url
        chart = fakes.chart({DAY: 5}, symbol="BP", currency=given, **figures)
        upstream.answers["/v8/finance/chart/BP"] = as_json(chart)
        if expected is None:
            with pytest.raises(NobodyKnows, match=f"is quoted in {given.upper()} there, not in GB"):
                quote_of(asset)
            return
        quote = quote_of(asset).value
    wanted = Decimal(expected)
    assert (quote.price, quote.previous_close, quote.high, quote.change) == (wanted, wanted, wanted, 0)
    assert quote.currency == asset.quote_currency


def test_made_up_prices_wait_for_those_who_may_know(finnhub: Answering, settings: Any) -> None:
    settings.PRICE_PROVIDERS = ["finnhub", "simulated"]
    asset = make_asset("AAPL")
    finnhub.always = Answer(b"", 500)
    with pytest.raises(NobodyAnswers):
        quote_of(asset)
    finnhub.always = as_json(fakes.FINNHUB_NOBODY)
    assert quote_of(asset).provider == "simulated"
    assert quote_of(asset).provider == "simulated"
    assert len(finnhub.calls) == 2


@pytest.mark.parametrize("symbol", ["", "a b", "x" * 10_000, "A\x00", "é", "A" * 33])
def test_what_is_no_symbol_is_sent_to_nobody(finnhub: Answering, symbol: str) -> None:
    with pytest.raises(NobodyKnows, match="is no symbol"):
        quote_of(Asset(symbol=symbol))
    assert finnhub.calls == []
