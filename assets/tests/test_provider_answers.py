"""What each provider makes of its upstream's documented answers, and of answers about something else."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from assets.providers.alpha_vantage import AlphaVantage
from assets.providers.base import (
    ActionNotice,
    AnotherSecurity,
    BadPayload,
    Bar,
    CompanyFacts,
    NotCovered,
    PriceQuote,
    Unavailable,
    UnknownSymbol,
)
from assets.providers.csv_file import CsvFiles, Page
from assets.providers.ecb import Ecb
from assets.providers.finnhub import Finnhub
from assets.providers.transport import Bounds
from assets.providers.yahoo import Yahoo, yahoo_symbol
from assets.tests import fake_services as fakes
from assets.tests.fake_upstream import Answering, Call, Reply, as_json, serving
from core.testing import PATIENCE

DAY, BEFORE = date(2024, 5, 31), date(2024, 5, 30)
QUOTE = PriceQuote(
    "AAPL",
    Decimal("192.25"),
    datetime(2024, 5, 31, 20, tzinfo=UTC),
    previous_close=Decimal("191.29"),
    change=Decimal("0.96"),
    percent_change=Decimal("0.5018"),
    open=Decimal("191.44"),
    high=Decimal("192.57"),
    low=Decimal("189.91"),
)
FACTS = CompanyFacts(
    "AAPL",
    name="Apple Inc",
    country="US",
    currency="USD",
    exchange="NASDAQ NMS - GLOBAL MARKET",
    ipo=date(1980, 12, 12),
    market_cap=Decimal(2948000500000),
    industry="Technology",
    logo="https://static.example/aapl.png",
    website="https://www.apple.com/",
    price_earnings=Decimal("29.9"),
    dividend_yield=Decimal("0.0052"),
)


def bounds(name: str) -> Bounds:
    return Bounds(name, PATIENCE, 1_000_000, lambda: None)


# --- Finnhub ------------------------------------------------------------------------------------------------------


@pytest.fixture
def finnhub() -> Iterator[tuple[Answering, Finnhub]]:
    with serving(fakes.finnhub()) as upstream:
        yield upstream, Finnhub("secret", url=upstream.url, bounds=bounds("finnhub"))


def test_finnhub_quotes(finnhub: tuple[Answering, Finnhub]) -> None:
    upstream, adapter = finnhub
    assert adapter.quote("AAPL") == replace(QUOTE, currency="USD")
    [call] = upstream.calls
    assert call.path == "/quote", "its own client would ask for //quote"
    assert call.headers["X-Finnhub-Token"] == "secret"
    assert "token" not in call.query, "addresses are written into logs"


def test_finnhub_knows_companies(finnhub: tuple[Answering, Finnhub]) -> None:
    upstream, adapter = finnhub
    assert adapter.profile("AAPL") == FACTS
    assert len(upstream.calls) == 2


def test_finnhubs_candles_are_turned_back_into_prices_as_traded(finnhub: tuple[Answering, Finnhub]) -> None:
    upstream, adapter = finnhub
    split = {"symbol": "AAPL", "date": str(DAY), "fromFactor": 1, "toFactor": 2}
    upstream.answers["/stock/split"] = as_json([split])
    older, newer = adapter.history("AAPL", BEFORE, DAY)
    assert (older.day, older.close, older.volume) == (BEFORE, 191, 1000)
    assert (newer.day, newer.close, newer.currency) == (DAY, Decimal("192.25"), "USD")


@pytest.mark.parametrize(
    ("path", "answer", "error"),
    [
        ("/quote", fakes.FINNHUB_NOBODY, UnknownSymbol),
        ("/quote", fakes.FINNHUB_QUOTE | {"c": -1}, BadPayload),
        ("/quote", fakes.FINNHUB_QUOTE | {"c": "192"}, BadPayload),
        ("/quote", fakes.FINNHUB_QUOTE | {"t": 10**30}, BadPayload),
        ("/quote", fakes.FINNHUB_QUOTE | {"c": float("nan")}, BadPayload),
        ("/stock/profile2", {}, UnknownSymbol),
        ("/stock/profile2", fakes.FINNHUB_PROFILE | {"ticker": "MSFT"}, AnotherSecurity),
        ("/stock/metric", fakes.FINNHUB_METRIC | {"symbol": "MSFT"}, AnotherSecurity),
        ("/stock/metric", [], BadPayload),
        ("/stock/candle", fakes.FINNHUB_CANDLES | {"c": [1]}, BadPayload),
        ("/stock/candle", fakes.FINNHUB_CANDLES | {"c": None}, BadPayload),
        ("/stock/split", [{"symbol": "MSFT"}], AnotherSecurity),
        ("/stock/split", [{"symbol": "AAPL", "date": "soon", "fromFactor": 1, "toFactor": 2}], BadPayload),
    ],
)
def test_finnhub_about_something_else(
    finnhub: tuple[Answering, Finnhub], path: str, answer: object, error: type[Exception]
) -> None:
    upstream, adapter = finnhub
    upstream.answers[path] = as_json(answer)
    with pytest.raises(error, match=r"^finnhub: "):
        _ask(adapter, path)
    assert upstream.calls[-1].path == path


def _ask(adapter: Any, path: str) -> object:
    if "quote" in path:
        return adapter.quote("AAPL")
    return adapter.profile("AAPL") if "profile" in path or "metric" in path else adapter.history("AAPL", BEFORE, DAY)


def test_finnhub_without_bars(finnhub: tuple[Answering, Finnhub]) -> None:
    upstream, adapter = finnhub
    upstream.answers["/stock/candle"] = as_json({"s": "no_data"})
    assert adapter.history("AAPL", BEFORE, DAY) == []


@pytest.mark.parametrize("address", ["javascript:alert(1)", "http://[", "https://["])
def test_a_link_that_is_no_web_address_is_left_out(finnhub: tuple[Answering, Finnhub], address: str) -> None:
    upstream, adapter = finnhub
    upstream.answers["/stock/profile2"] = as_json(fakes.FINNHUB_PROFILE | {"weburl": address})
    assert adapter.profile("AAPL").website == ""


# --- Alpha Vantage ------------------------------------------------------------------------------------------------


@pytest.fixture
def alpha_vantage() -> Iterator[tuple[Answering, AlphaVantage]]:
    with serving(fakes.alpha_vantage()) as upstream:
        yield upstream, AlphaVantage("secret", url=upstream.url, bounds=bounds("alpha_vantage"))


def test_alpha_vantage_quotes_the_last_close(alpha_vantage: tuple[Answering, AlphaVantage]) -> None:
    upstream, adapter = alpha_vantage
    assert adapter.quote("AAPL") == replace(QUOTE, currency="USD")
    assert len(upstream.calls) == 1, "what has no ending is of the United States"


def test_alpha_vantage_looks_up_what_a_foreign_symbol_is_quoted_in(
    alpha_vantage: tuple[Answering, AlphaVantage],
) -> None:
    upstream, adapter = alpha_vantage
    answers = {
        "GLOBAL_QUOTE": {"Global Quote": fakes.AV_QUOTE["Global Quote"] | {"01. symbol": "BP.LON"}},
        "TIME_SERIES_DAILY": fakes.AV_DAILY | {"Meta Data": {"2. Symbol": "BP.LON"}},
        "SYMBOL_SEARCH": fakes.AV_SEARCH,
    }
    upstream.answers["/query"] = lambda call: as_json(answers[call.asked("function")])
    assert adapter.quote("BP.LON").currency == "GBX"
    assert {bar.currency for bar in adapter.history("BP.LON", BEFORE, DAY)} == {"GBX"}
    asked = [(call.asked("function"), call.asked("keywords")) for call in upstream.calls]
    assert asked.count(("SYMBOL_SEARCH", "BP.LON")) == 1, "once is enough"


@pytest.mark.parametrize(
    ("found", "error"),
    [
        ({"bestMatches": []}, UnknownSymbol),
        ({"bestMatches": [{"1. symbol": "BP.LO", "8. currency": "GBX"}]}, UnknownSymbol),
        ({"bestMatches": [{"1. symbol": "BP.LON", "8. currency": 7}]}, UnknownSymbol),
        ({"bestMatches": {}}, BadPayload),
        ({"bestMatches": [17]}, BadPayload),
        (fakes.AV_SPENT, Unavailable),
    ],
)
def test_alpha_vantages_price_without_a_currency_is_none(
    alpha_vantage: tuple[Answering, AlphaVantage], found: Any, error: type[Exception]
) -> None:
    upstream, adapter = alpha_vantage
    quote = {"Global Quote": fakes.AV_QUOTE["Global Quote"] | {"01. symbol": "BP.LON"}}
    answers = {"GLOBAL_QUOTE": quote, "SYMBOL_SEARCH": found}
    upstream.answers["/query"] = lambda call: as_json(answers[call.asked("function")])
    with pytest.raises(error, match=r"^alpha_vantage: "):
        adapter.quote("BP.LON")


def test_alpha_vantage_knows_companies(alpha_vantage: tuple[Answering, AlphaVantage]) -> None:
    known = replace(FACTS, country="USA", exchange="NASDAQ", ipo=None, logo="", website="https://www.apple.com")
    assert alpha_vantage[1].profile("AAPL") == replace(known, industry="Electronic computers")


@pytest.mark.parametrize(("back", "size"), [(20, "compact"), (400, "full")])
def test_alpha_vantage_bars(alpha_vantage: tuple[Answering, AlphaVantage], back: int, size: str) -> None:
    upstream, adapter = alpha_vantage
    assert [bar.close for bar in adapter.history("AAPL", BEFORE, DAY)] == [Decimal("191.29"), Decimal("192.25")]
    adapter.history("AAPL", datetime.now(UTC).date() - timedelta(days=back), DAY)
    assert upstream.calls[-1].asked("outputsize") == size


@pytest.mark.parametrize(
    ("answer", "error", "wait"),
    [
        pytest.param(fakes.AV_SPENT, Unavailable, 3600.0, id="over the day's calls, with HTTP 200"),
        pytest.param({"Note": "our standard API call frequency is 5 calls per minute"}, Unavailable, 60.0, id="a note"),
        pytest.param({"Information": "This is a premium endpoint."}, NotCovered, None, id="premium"),
        pytest.param({"Error Message": "the parameter apikey is invalid or missing"}, Unavailable, None, id="key"),
    ],
)
def test_alpha_vantage_refuses_with_http_200(
    alpha_vantage: tuple[Answering, AlphaVantage], answer: object, error: type[Unavailable], wait: float | None
) -> None:
    upstream, adapter = alpha_vantage
    upstream.always = as_json(answer)
    with pytest.raises(error) as caught:
        adapter.quote("AAPL")
    assert caught.value.retry_after == wait
    assert "SECRET" not in str(caught.value), "its text repeats the key"


@pytest.mark.parametrize(
    ("function", "answer", "error"),
    [
        ("GLOBAL_QUOTE", {"Global Quote": {}}, UnknownSymbol),
        ("GLOBAL_QUOTE", {"Error Message": "Invalid API call."}, UnknownSymbol),
        ("GLOBAL_QUOTE", {"Global Quote": fakes.AV_QUOTE["Global Quote"] | {"01. symbol": "MSFT"}}, AnotherSecurity),
        ("GLOBAL_QUOTE", {"Global Quote": fakes.AV_QUOTE["Global Quote"] | {"05. price": "1e400"}}, None),
        ("GLOBAL_QUOTE", {"Global Quote": fakes.AV_QUOTE["Global Quote"] | {"05. price": "NaN"}}, BadPayload),
        ("OVERVIEW", {}, UnknownSymbol),
        ("OVERVIEW", fakes.AV_OVERVIEW | {"Symbol": "MSFT"}, AnotherSecurity),
        ("TIME_SERIES_DAILY", fakes.AV_DAILY | {"Meta Data": {"2. Symbol": "MSFT"}}, AnotherSecurity),
        ("TIME_SERIES_DAILY", fakes.AV_DAILY | {"Time Series (Daily)": {"31.05.2024": {}}}, BadPayload),
        ("TIME_SERIES_DAILY", {"Meta Data": {"2. Symbol": "AAPL"}}, BadPayload),
    ],
)
def test_alpha_vantage_about_something_else(
    alpha_vantage: tuple[Answering, AlphaVantage], function: str, answer: object, error: type[Exception] | None
) -> None:
    upstream, adapter = alpha_vantage
    upstream.always = as_json(answer)
    calls: dict[str, Callable[[], object]] = {
        "GLOBAL_QUOTE": lambda: adapter.quote("AAPL"),
        "OVERVIEW": lambda: adapter.profile("AAPL"),
        "TIME_SERIES_DAILY": lambda: adapter.history("AAPL", BEFORE, DAY),
    }
    if error is None:
        calls[function]()  # absurd, but a number: whoever stores it has bounds
        return
    with pytest.raises(error, match=r"^alpha_vantage: "):
        calls[function]()


# --- Yahoo --------------------------------------------------------------------------------------------------------


@pytest.fixture
def yahoo(tmp_path: Path) -> Iterator[tuple[Answering, Yahoo]]:
    with serving(fakes.yahoo()) as upstream:
        yield upstream, Yahoo(url=upstream.url, bounds=bounds("yahoo"), kept_in=tmp_path)


def test_yahoo_quotes(yahoo: tuple[Answering, Yahoo]) -> None:
    assert yahoo[1].quote("AAPL") == replace(QUOTE, open=None, percent_change=Decimal("0.5019"), currency="USD")


def test_yahoo_knows_companies(yahoo: tuple[Answering, Yahoo]) -> None:
    known = replace(FACTS, name="Apple Inc.", country="United States", exchange="NasdaqGS", ipo=None, logo="")
    known = replace(known, industry="Consumer Electronics", website="https://www.apple.com")
    assert yahoo[1].profile("AAPL") == known


def test_yahoos_prices_are_turned_back_into_prices_as_traded(yahoo: tuple[Answering, Yahoo]) -> None:
    """They are adjusted for splits, in single precision; dividends, too."""
    upstream, adapter = yahoo
    split_day = date(2024, 6, 10)
    events = {
        "splits": {"1": {"date": fakes.stamp(split_day, 14), "numerator": 10, "denominator": 1}},
        "dividends": {"1": {"date": fakes.stamp(DAY, 14), "amount": 0.004}},
    }
    closes = {BEFORE: 110.5, DAY: 109.63300323486328, split_day: 121.79000091552734}
    upstream.answers[fakes.YAHOO_CHART] = as_json(fakes.chart(closes, events=events))
    bars = adapter.history("AAPL", BEFORE, split_day)
    assert [bar.close for bar in bars] == [1105, Decimal("1096.33"), Decimal("121.79")]
    assert [bar.volume for bar in bars] == [100, 100, 1000]
    assert adapter.history("AAPL", DAY, DAY) == bars[1:2]
    assert adapter.actions("AAPL", BEFORE, split_day) == [
        ActionNotice("AAPL", "split", split_day, f"split AAPL {split_day}", ratio=Decimal(10)),
        ActionNotice("AAPL", "cash_dividend", DAY, f"dividend AAPL {DAY}", cash=Decimal("0.04"), currency="USD"),
    ]


def test_london_quotes_in_pence(yahoo: tuple[Answering, Yahoo]) -> None:
    upstream, adapter = yahoo
    answer = fakes.chart({DAY: 487.35}, symbol="BP.L", currency="GBp", regularMarketPrice=487.35)
    upstream.answers["/v8/finance/chart/BP.L"] = as_json(answer)
    quote = adapter.quote("BP.L")
    assert (quote.price, quote.currency) == (Decimal("487.35"), "GBX")
    [bar] = adapter.history("BP.L", DAY, DAY)
    assert (bar.close, bar.currency) == (Decimal("487.35"), "GBX")


def test_london_pays_in_pounds(yahoo: tuple[Answering, Yahoo]) -> None:
    upstream, adapter = yahoo
    events = {"dividends": {"1": {"date": fakes.stamp(DAY, 14), "amount": 6.25}}}
    answer = fakes.chart({DAY: 487.35}, symbol="BP.L", currency="GBp", events=events)
    upstream.answers["/v8/finance/chart/BP.L"] = as_json(answer)
    [notice] = adapter.actions("BP.L", DAY, DAY)
    assert (notice.cash, notice.currency) == (Decimal("0.0625"), "GBP")


def test_a_session_without_a_trade_is_no_bar(yahoo: tuple[Answering, Yahoo]) -> None:
    upstream, adapter = yahoo
    upstream.answers[fakes.YAHOO_CHART] = as_json(fakes.chart({BEFORE: None, DAY: 5}))
    assert [bar.day for bar in adapter.history("AAPL", BEFORE, DAY)] == [DAY]
    upstream.answers[fakes.YAHOO_CHART] = as_json(fakes.chart({}))
    assert adapter.history("AAPL", BEFORE, DAY) == []


@pytest.mark.parametrize(
    ("answer", "error"),
    [
        (Reply(b'{"chart": {"result": null, "error": {"code": "Not Found"}}}', 404), UnknownSymbol),
        (as_json(fakes.chart({DAY: 5}, symbol="MSFT")), AnotherSecurity),
        (as_json(fakes.chart({DAY: 5}, regularMarketPrice=0)), BadPayload),
        (as_json(fakes.chart({DAY: 5}, regularMarketPrice="192")), BadPayload),
        (as_json({"chart": {"result": None}}), BadPayload),
        (as_json({"chart": {"result": [{}]}}), BadPayload),
    ],
)
def test_yahoo_about_something_else(yahoo: tuple[Answering, Yahoo], answer: Reply, error: type[Exception]) -> None:
    upstream, adapter = yahoo
    upstream.answers[fakes.YAHOO_CHART] = answer
    with pytest.raises(error, match=r"^yahoo: "):
        adapter.quote("AAPL")
    assert [call.path for call in upstream.calls].count(fakes.YAHOO_CHART) == 1


@pytest.mark.parametrize("column", [[1], None, "x"])
def test_a_chart_that_is_cut(yahoo: tuple[Answering, Yahoo], column: object) -> None:
    upstream, adapter = yahoo
    answer = fakes.chart({BEFORE: 5, DAY: 5})
    answer["chart"]["result"][0]["indicators"]["quote"][0]["low"] = column
    upstream.answers[fakes.YAHOO_CHART] = as_json(answer)
    with pytest.raises(BadPayload, match=r"^yahoo: the chart"):
        adapter.history("AAPL", BEFORE, DAY)


def test_a_crumb_that_is_too_old_is_replaced(yahoo: tuple[Answering, Yahoo]) -> None:
    upstream, adapter = yahoo
    refused = iter([Reply(b"Invalid Crumb", 401)])
    good = as_json(fakes.YAHOO_PROFILE)
    upstream.answers[fakes.YAHOO_SUMMARY] = lambda _: next(refused, good)
    assert adapter.profile("AAPL").name == "Apple Inc."
    assert [call.path for call in upstream.calls].count(fakes.YAHOO_SUMMARY) == 2


@pytest.mark.parametrize(
    ("symbol", "kind", "market", "there"),
    [
        ("AAPL", "equity", "XNAS", "AAPL"),
        ("BRK.B", "equity", "XNYS", "BRK-B"),
        ("BP", "equity", "XLON", "BP.L"),
        ("BP.L", "equity", "XLON", "BP.L"),
        ("EURUSD", "fx", "FX", "EURUSD=X"),
        ("BTC-USD", "crypto", "CRYPTO", "BTC-USD"),
        ("^GSPC", "index", "", "^GSPC"),
    ],
)
def test_what_yahoo_calls_it(symbol: str, kind: str, market: str, there: str) -> None:
    assert yahoo_symbol(symbol, kind, market) == there


# --- ECB ----------------------------------------------------------------------------------------------------------


def test_the_ecbs_recent_rates() -> None:
    today = datetime.now(UTC).date()
    yesterday = today - timedelta(days=1)
    rates = {today: {"USD": "1.0852", "JPY": "170.59"}, yesterday: {"USD": "1.0815"}}
    with serving(fakes.ecb(rates)) as upstream:
        adapter = Ecb(url=upstream.url, bounds=bounds("ecb"))
        assert adapter.daily_bars(["EURUSD", "EURJPY", "USDEUR", "AAPL"], today) == [
            Bar("EURUSD", today, Decimal("1.0852"), currency="USD"),
            Bar("EURJPY", today, Decimal("170.59"), currency="JPY"),
        ]
        quote = adapter.quote("EURUSD")
        assert (quote.price, quote.previous_close, quote.change) == tuple(map(Decimal, ("1.0852", "1.0815", "0.0037")))
        assert quote.at.date() == today
        assert [call.path for call in upstream.calls] == [fakes.RECENT] * 2
        assert adapter.daily_bars(["AAPL"], today) == []
        for unknown in ("USDEUR", "AAPL"):
            with pytest.raises(UnknownSymbol):
                adapter.history(unknown, today, today)
        assert len(upstream.calls) == 2, "what is no euro pair is not asked for"
        with pytest.raises(UnknownSymbol):
            adapter.quote("EURXXX")


def test_the_ecbs_whole_history() -> None:
    with serving(fakes.ecb({})) as upstream:
        adapter = Ecb(url=upstream.url, bounds=bounds("ecb"))
        closes = {bar.day: bar.close for bar in adapter.history("EURUSD", date(1999, 1, 4), DAY)}
        assert closes == {BEFORE: Decimal("1.0815"), DAY: Decimal("1.0852")}
        assert [call.path for call in upstream.calls] == [fakes.HISTORY]
        assert adapter.daily_bars(["EURCYP", "EURUSD"], DAY) == [Bar("EURUSD", DAY, Decimal("1.0852"), currency="USD")]


@pytest.mark.parametrize(
    ("path", "data"),
    [
        (fakes.HISTORY, b"no archive"),
        (fakes.HISTORY, fakes.table(fakes.ECB_TABLE)[:-40]),
        (fakes.HISTORY, fakes.table("Date,USD\n31 May 2024,1.08\n")),
        (fakes.HISTORY, fakes.table("something,else\n")),
        (fakes.HISTORY, fakes.table("Date,USD\n" + "x" * 2_000_000)),
        (fakes.RECENT, b"<!DOCTYPE x [<!ENTITY a 'b'>]><x>&a;</x>"),
        (fakes.RECENT, fakes.cubes({DAY: {"USD": "NaN"}})),
        (fakes.RECENT, fakes.cubes({DAY: {"USD": "-1"}})),
        (fakes.RECENT, fakes.cubes({DAY: {"dollar": "1"}})),
        (fakes.RECENT, fakes.cubes({})),
        (fakes.RECENT, fakes.cubes({DAY: {"USD": "1.08"}})[:-40]),
    ],
)
def test_rates_that_cannot_be_read(path: str, data: bytes) -> None:
    with serving(fakes.ecb({})) as upstream:
        upstream.answers[path] = Reply(data)
        adapter = Ecb(url=upstream.url, bounds=bounds("ecb"))
        with pytest.raises(BadPayload, match=r"^ecb: "):
            adapter.history("EURUSD", DAY if path == fakes.HISTORY else datetime.now(UTC).date(), DAY)


# --- a CSV at an address ------------------------------------------------------------------------------------------

CSV = f"symbol,date,open,high,low,close,volume\nAAPL,{DAY},,,,190,\n".encode()


def test_a_csv_is_fetched_again_only_when_it_changed(tmp_path: Path) -> None:
    def answer(call: Call) -> Reply:
        if call.headers.get("If-None-Match") == '"1"':
            return Reply(b"", 304)
        return Reply(CSV, headers={"ETag": '"1"', "Last-Modified": "Fri, 31 May 2024 20:00:00 GMT"})

    with serving(Answering(answers={"/prices.csv": answer})) as upstream:
        page = Page(f"{upstream.url}/prices.csv", tmp_path / "csv", bounds("csv_file"))
        for _ in range(3):
            [bar] = CsvFiles(None, page).daily_bars(["AAPL"], DAY)
            assert bar.close == 190
        assert [call.headers.get("If-None-Match") for call in upstream.calls] == [None, '"1"', '"1"']
        assert upstream.calls[1].headers["If-Modified-Since"] == "Fri, 31 May 2024 20:00:00 GMT"
        upstream.always = Reply(b"no prices at all")
        with pytest.raises(BadPayload, match="does not begin with"):
            CsvFiles(None, page).daily_bars(["AAPL"], DAY)
        upstream.always = None
        assert CsvFiles(None, page).history("AAPL", DAY, DAY)[0].close == 190, "the version before stays"
        with pytest.raises(UnknownSymbol):
            CsvFiles(None, page).history("NOSUCH", DAY, DAY)
