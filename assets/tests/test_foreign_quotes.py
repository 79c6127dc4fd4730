"""No price is stored in a currency that is not the asset's, also where the provider's prices do not say theirs."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, date, datetime
from decimal import Decimal
from typing import Any

import pytest

from assets.models import Asset, Quote, SymbolMapping, UnknownHere
from assets.services import past, quotes
from assets.services.asking import NobodyKnows
from assets.tests import fake_services as fakes
from assets.tests.factories import make_asset, make_exchange
from assets.tests.fake_polygon import KEY
from assets.tests.fake_upstream import Answering, Call, Reply, as_json, serving

NOW = datetime(2024, 5, 31, 21, tzinfo=UTC)
FIRST, LAST = date(2024, 5, 30), date(2024, 5, 31)

pytestmark = pytest.mark.django_db


@pytest.fixture
def alpha_vantage(settings: Any) -> Iterator[Answering]:
    """Alpha Vantage alone, which has BP in London at 482.5 pence and VOD in New York at 8.9 dollars."""

    def answer(call: Call) -> Reply:
        price = {"01. symbol": call.asked("symbol"), "05. price": "482.5" if "LON" in call.asked("symbol") else "8.9"}
        price |= {"07. latest trading day": "2024-05-31"}
        day = {"1. open": "482", "2. high": "485", "3. low": "480", "4. close": "482.5", "5. volume": "100"}
        daily = {"Meta Data": {"2. Symbol": call.asked("symbol")}, "Time Series (Daily)": {"2024-05-31": day}}
        answers = {
            "GLOBAL_QUOTE": {"Global Quote": price},
            "TIME_SERIES_DAILY": daily,
            "SYMBOL_SEARCH": fakes.AV_SEARCH,
        }
        return as_json(answers[call.asked("function")])

    with serving(Answering(answers={"/query": answer})) as fake:
        settings.PRICE_PROVIDERS, settings.ALPHA_VANTAGE_URL = ["alpha_vantage"], fake.url
        settings.ALPHA_VANTAGE_API_KEY, settings.ALPHA_VANTAGE_CALLS_PER_DAY = KEY, 0
        settings.ALPHA_VANTAGE_CALLS_PER_MINUTE = settings.ALPHA_VANTAGE_CALLS_PER_SECOND = 0
        yield fake


def london(currency: str, factor: str = "1") -> Asset:
    exchange = make_exchange("XLON", time_zone="Europe/London")
    asset = make_asset("BP", exchange=exchange, currency=currency, price_factor=Decimal(factor))
    SymbolMapping.objects.create(asset=asset, provider="alpha_vantage", symbol="BP.LON")
    return asset


@pytest.mark.parametrize(("currency", "factor", "price"), [("GBP", "0.01", "482.5"), ("GBP", "1", "4.825")])
def test_pence_are_kept_as_the_asset_is_quoted(
    alpha_vantage: Answering, currency: str, factor: str, price: str
) -> None:
    asset = london(currency, factor)
    assert quotes.refresh([asset.pk], now=NOW) == 1
    assert Quote.objects.get().price == Decimal(price)
    assert [bar.close for bar in past.fetch(asset, FIRST, LAST).value] == [Decimal(price)]


def test_a_question_of_two_calls_keeps_to_one_a_second(alpha_vantage: Answering, settings: Any) -> None:
    settings.ALPHA_VANTAGE_CALLS_PER_SECOND = 1
    asset = london("GBP", "0.01")
    quotes.refresh([asset.pk], now=NOW)
    assert (Quote.objects.get().price, len(alpha_vantage.calls)) == (Decimal("482.5"), 2)


@pytest.mark.parametrize("currency", ["USD", "EUR"])
def test_a_price_in_another_currency_is_not_stored(alpha_vantage: Answering, currency: str) -> None:
    asset = london(currency)
    quotes.refresh([asset.pk], now=NOW)
    assert Quote.objects.get().price is None
    assert f"quoted in GBX there, not in {currency}" in UnknownHere.objects.get(capability="quote").reason
    with pytest.raises(NobodyKnows):
        past.fetch(asset, FIRST, LAST)


def test_a_symbol_without_an_ending_is_another_security_for_pence(alpha_vantage: Answering) -> None:
    """Without an exchange it is asked for, and VOD in New York is in dollars."""
    asset = make_asset("VOD", exchange=None, currency="GBP", price_factor=Decimal("0.01"))
    quotes.refresh([asset.pk], now=NOW)
    assert Quote.objects.get().price is None
    dollars = make_asset("VODUS", exchange=None)
    quotes.refresh([dollars.pk], now=NOW)
    assert Quote.objects.get(asset=dollars).price == Decimal("8.9")


@pytest.mark.parametrize(("currency", "known"), [("USD", True), ("GBP", False)])
def test_polygons_bars_are_in_dollars(settings: Any, currency: str, known: bool) -> None:
    bars = {"status": "OK", "ticker": "VOD", "resultsCount": 1, "results": [{"c": 8.9, "t": 1717128000000}]}
    with serving(Answering(answers={f"/v2/aggs/ticker/VOD/range/1/day/{FIRST}/{LAST}": as_json(bars)})) as fake:
        settings.PRICE_PROVIDERS, settings.POLYGON_URL, settings.POLYGON_API_KEY = ["polygon"], fake.url, KEY
        settings.POLYGON_CALLS_PER_MINUTE = 0
        asset = make_asset("VOD", exchange=None, currency=currency)
        if known:
            assert [bar.close for bar in past.fetch(asset, FIRST, LAST).value] == [Decimal("8.9")]
            return
        with pytest.raises(NobodyKnows, match="quoted in USD there"):
            past.fetch(asset, FIRST, LAST)
