"""What Finnhub, Alpha Vantage, Yahoo and the ECB answer, in their documented shapes, on loopback."""

from __future__ import annotations

import io
import json
import zipfile
from collections.abc import Mapping
from datetime import UTC, date, datetime
from typing import Any

from assets.tests.fake_upstream import Answering, Reply, as_json

DAY = date(2024, 5, 31)


def stamp(day: date, hour: int = 0) -> int:
    return int(datetime(day.year, day.month, day.day, hour, tzinfo=UTC).timestamp())


# --- Finnhub ------------------------------------------------------------------------------------------------------

FINNHUB_QUOTE = {
    "c": 192.25,
    "d": 0.96,
    "dp": 0.5018,
    "h": 192.57,
    "l": 189.91,
    "o": 191.44,
    "pc": 191.29,
    "t": stamp(DAY, 20),
}
FINNHUB_NOBODY = {"c": 0, "d": None, "dp": None, "h": 0, "l": 0, "o": 0, "pc": 0, "t": 0}
FINNHUB_PROFILE = {
    "country": "US",
    "currency": "USD",
    "exchange": "NASDAQ NMS - GLOBAL MARKET",
    "ipo": "1980-12-12",
    "marketCapitalization": 2948000.5,
    "name": "Apple Inc",
    "ticker": "AAPL",
    "finnhubIndustry": "Technology",
    "logo": "https://static.example/aapl.png",
    "weburl": "https://www.apple.com/",
}
FINNHUB_METRIC = {"symbol": "AAPL", "metricType": "all", "metric": {"peTTM": 29.9, "currentDividendYieldTTM": 0.52}}
FINNHUB_CANDLES = {
    "s": "ok",
    "t": [stamp(date(2024, 5, 30)), stamp(DAY)],
    "c": [95.5, 192.25],
    "o": [96.0, 191.44],
    "h": [97.0, 192.57],
    "l": [95.0, 189.91],
    "v": [2000, 75158277],
}


def finnhub() -> Answering:
    return Answering(
        answers={
            "/quote": as_json(FINNHUB_QUOTE),
            "/stock/profile2": as_json(FINNHUB_PROFILE),
            "/stock/metric": as_json(FINNHUB_METRIC),
            "/stock/candle": as_json(FINNHUB_CANDLES),
            "/stock/split": as_json([]),
        }
    )


# --- Alpha Vantage ------------------------------------------------------------------------------------------------

AV_QUOTE = {
    "Global Quote": {
        "01. symbol": "AAPL",
        "02. open": "191.4400",
        "03. high": "192.5700",
        "04. low": "189.9100",
        "05. price": "192.2500",
        "06. volume": "75158277",
        "07. latest trading day": "2024-05-31",
        "08. previous close": "191.2900",
        "09. change": "0.9600",
        "10. change percent": "0.5018%",
    }
}
AV_DAY = {
    "1. open": "191.4400",
    "2. high": "192.5700",
    "3. low": "189.9100",
    "4. close": "192.2500",
    "5. volume": "75158277",
}
AV_DAILY = {
    "Meta Data": {"1. Information": "Daily Prices", "2. Symbol": "AAPL", "3. Last Refreshed": "2024-05-31"},
    "Time Series (Daily)": {"2024-05-31": AV_DAY, "2024-05-30": AV_DAY | {"4. close": "191.2900"}},
}
AV_OVERVIEW = {
    "Symbol": "AAPL",
    "AssetType": "Common Stock",
    "Name": "Apple Inc",
    "Exchange": "NASDAQ",
    "Currency": "USD",
    "Country": "USA",
    "Industry": "ELECTRONIC COMPUTERS",
    "MarketCapitalization": "2948000500000",
    "PERatio": "29.9",
    "DividendYield": "0.0052",
    "OfficialSite": "https://www.apple.com",
}
AV_SPENT = {
    "Information": "We have detected your API key as SECRET and our standard API rate limit is 25 requests per day. "
    "Please subscribe to any of the premium plans."
}


AV_SEARCH = {
    "bestMatches": [
        {"1. symbol": "BP.DEX", "2. name": "BP p.l.c.", "4. region": "XETRA", "8. currency": "EUR"},
        {"1. symbol": "BP.LON", "2. name": "BP p.l.c.", "4. region": "United Kingdom", "8. currency": "GBX"},
    ]
}


def alpha_vantage() -> Answering:
    functions = {"GLOBAL_QUOTE": AV_QUOTE, "TIME_SERIES_DAILY": AV_DAILY, "OVERVIEW": AV_OVERVIEW}
    functions["SYMBOL_SEARCH"] = AV_SEARCH
    return Answering(answers={"/query": lambda call: as_json(functions[call.asked("function")])})


# --- Yahoo --------------------------------------------------------------------------------------------------------


def chart(
    closes: Mapping[date, object], *, symbol: str = "AAPL", currency: str = "USD", events: object = None, **meta: object
) -> dict[str, Any]:
    """A chart of flat days at the close of New York."""
    about = {
        "currency": currency,
        "symbol": symbol,
        "exchangeTimezoneName": "America/New_York",
        "instrumentType": "EQUITY",
        "regularMarketTime": stamp(DAY, 20),
        "regularMarketPrice": 192.25,
        "chartPreviousClose": 191.29,
        "regularMarketDayHigh": 192.57,
        "regularMarketDayLow": 189.91,
    }
    column = list(closes.values())
    quote = dict.fromkeys(("open", "high", "low", "close"), column) | {"volume": [1000] * len(column)}
    result: dict[str, Any] = {"meta": about | meta, "indicators": {"quote": [quote]}}
    result |= {"timestamp": [stamp(day, 14) for day in closes]} if closes else {}
    result |= {"events": events} if events else {}
    return {"chart": {"result": [result], "error": None}}


YAHOO_FACTS = {
    "assetProfile": {
        "country": "United States",
        "industry": "Consumer Electronics",
        "website": "https://www.apple.com",
    },
    "price": {
        "symbol": "AAPL",
        "longName": "Apple Inc.",
        "currency": "USD",
        "marketCap": 2948000500000,
        "exchangeName": "NasdaqGS",
    },
    "summaryDetail": {"trailingPE": 29.9, "dividendYield": 0.0052},
}
YAHOO_PROFILE = {"quoteSummary": {"error": None, "result": [YAHOO_FACTS]}}
YAHOO_CHART = "/v8/finance/chart/AAPL"
YAHOO_SUMMARY = "/v10/finance/quoteSummary/AAPL"


def yahoo() -> Answering:
    return Answering(
        answers={
            "": Reply(b"", 404),
            "/v1/test/getcrumb": Reply(b"a-crumb", headers={"Content-Type": "text/plain"}),
            YAHOO_CHART: as_json(chart({date(2024, 5, 30): 191.29, DAY: 192.25})),
            YAHOO_SUMMARY: as_json(YAHOO_PROFILE),
        }
    )


# --- ECB ----------------------------------------------------------------------------------------------------------


def cubes(days: Mapping[date, Mapping[str, object]]) -> bytes:
    rows = "".join(
        f'<Cube time="{day}">'
        + "".join(f'<Cube currency="{currency}" rate="{rate}"/>' for currency, rate in rates.items())
        + "</Cube>"
        for day, rates in days.items()
    )
    names = (
        'xmlns:gesmes="http://www.gesmes.org/xml/2002-08-01" xmlns="http://www.ecb.int/vocabulary/2002-08-01/eurofxref"'
    )
    return (
        f'<?xml version="1.0" encoding="UTF-8"?><gesmes:Envelope {names}>'
        f"<gesmes:subject>Reference rates</gesmes:subject><Cube>{rows}</Cube></gesmes:Envelope>"
    ).encode()


def table(text: str) -> bytes:
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("eurofxref-hist.csv", text)
    return packed.getvalue()


ECB_TABLE = "Date,USD,JPY,CYP,\n2024-05-31,1.0852,170.59,N/A,\n2024-05-30,1.0815,169.71,N/A,\n"
RECENT, HISTORY = "/eurofxref-hist-90d.xml", "/eurofxref-hist.zip"


def ecb(days: Mapping[date, Mapping[str, object]]) -> Answering:
    return Answering(answers={RECENT: Reply(cubes(days)), HISTORY: Reply(table(ECB_TABLE))})


def cut(value: object) -> bytes:
    return json.dumps(value).encode()[:-20]
