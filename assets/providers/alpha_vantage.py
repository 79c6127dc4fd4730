"""Alpha Vantage over plain HTTP: raw daily bars, the last day's quote, company overviews. 25 calls a day are free."""

from __future__ import annotations

import re
import time as clock
from collections.abc import Mapping
from datetime import UTC, date, datetime, time, timedelta
from decimal import Decimal
from typing import Any
from zoneinfo import ZoneInfo

from assets.providers.base import Bar, CompanyFacts, NotCovered, PriceQuote, Throttled, Unavailable, UnknownSymbol
from assets.providers.transport import (
    Answer,
    Bounds,
    expect,
    finite,
    get,
    iso_day,
    listing,
    mapping,
    positive,
    require_symbol,
    text_of,
    web_address,
    written,
)

MARKETS = frozenset(["US", "XNYS", "XNAS", "XASE", "ARCX", "BATS"])
NEW_YORK, CLOSE = ZoneInfo("America/New_York"), time(16)
COMPACT = timedelta(days=130)  # its short answer holds 100 sessions
FIGURES = ("4. close", "1. open", "2. high", "3. low", "5. volume")
HOUR, MINUTE, LONGEST_PAUSE = 3600.0, 60.0, 1.0
ABROAD = re.compile(r"\.[A-Z]{3,}\Z")  # "BP.LON"; "BRK.B" is a share of the United States
currencies: dict[tuple[str, str], str] = {}
"""What foreign symbols are quoted in, by address and symbol: asked for once in a process, since it takes a call."""


class AlphaVantage:
    """US symbols as ours; those of other exchanges have an ending there ("BP.LON"), which a mapping gives.

    No price says what it is in: without an ending it is US dollars, with one it is looked up in the search.
    """

    name = "alpha_vantage"
    price_basis = "raw"

    def __init__(self, key: str, *, url: str, bounds: Bounds) -> None:
        self._key, self._url, self._bounds = key, url.rstrip("/") + "/query", bounds

    def history(self, symbol: str, start: date, end: date) -> list[Bar]:
        size = "compact" if datetime.now(UTC).date() - start < COMPACT else "full"
        answer = self._asked("TIME_SERIES_DAILY", symbol, outputsize=size)
        about = mapping(self.name, answer.get("Meta Data"), "the answer does not say what it is of")
        require_symbol(self.name, about.get("2. Symbol"), symbol)
        days = mapping(self.name, answer.get("Time Series (Daily)"), "the answer has no days")
        currency = self._currency(symbol)
        bars = [self._bar(symbol, day, figures, currency) for day, figures in days.items()]
        return sorted((bar for bar in bars if start <= bar.day <= end), key=lambda bar: bar.day)

    def quote(self, symbol: str) -> PriceQuote:
        """Of the last trading day, as of its close: it is not told at what time the price was made."""
        answer = mapping(self.name, self._asked("GLOBAL_QUOTE", symbol).get("Global Quote"), "there is no quote")
        if not answer:
            raise self._unknown(symbol)
        require_symbol(self.name, answer.get("01. symbol"), symbol)
        day = iso_day(self.name, answer.get("07. latest trading day"))
        percent = answer.get("10. change percent")
        return PriceQuote(
            symbol,
            positive(self.name, written(answer.get("05. price")), "the quote has no price"),
            min(datetime.combine(day, CLOSE, NEW_YORK).astimezone(UTC), datetime.now(UTC)),
            previous_close=finite(written(answer.get("08. previous close"))),
            change=finite(written(answer.get("09. change"))),
            percent_change=finite(written(percent.rstrip("%"))) if isinstance(percent, str) else None,
            open=finite(written(answer.get("02. open"))),
            high=finite(written(answer.get("03. high"))),
            low=finite(written(answer.get("04. low"))),
            currency=self._currency(symbol),
        )

    def profile(self, symbol: str) -> CompanyFacts:
        answer = self._asked("OVERVIEW", symbol)
        if not answer:
            raise self._unknown(symbol)
        require_symbol(self.name, answer.get("Symbol"), symbol)
        return CompanyFacts(
            symbol,
            name=text_of(answer.get("Name")),
            country=text_of(answer.get("Country"), 64),
            currency=text_of(answer.get("Currency"), 3),
            exchange=text_of(answer.get("Exchange"), 100),
            market_cap=finite(written(answer.get("MarketCapitalization"))),
            industry=text_of(answer.get("Industry")).capitalize(),
            website=web_address(answer.get("OfficialSite")),
            price_earnings=finite(written(answer.get("PERatio"))),
            dividend_yield=finite(written(answer.get("DividendYield"))),
        )

    def _currency(self, symbol: str) -> str:
        """What the prices of ``symbol`` are in, such as "GBX". Raises UnknownSymbol where the search does not say."""
        if not ABROAD.search(symbol):
            return "USD"
        if (self._url, symbol) not in currencies:
            found = self._asked("SYMBOL_SEARCH", symbol, keywords=symbol)
            rows = listing(self.name, found.get("bestMatches"), "the search has no list")
            matches = [mapping(self.name, row, "a match is no object") for row in rows]
            given = [text_of(row.get("8. currency"), 8) for row in matches if row.get("1. symbol") == symbol]
            if not any(given):
                raise UnknownSymbol(f"{self.name}: it does not say what {symbol} is quoted in")
            currencies[self._url, symbol] = given[0]
        return currencies[self._url, symbol]

    def _asked(self, function: str, symbol: str, **query: str) -> dict[str, Any]:
        query = {"function": function, **({} if "keywords" in query else {"symbol": symbol}), **query}
        query["apikey"] = self._key
        answer = self._got(query)
        expect(self.name, answer.status == 200, f"it did not accept the request (HTTP {answer.status})")
        found = self._bounds.decoded(answer.data)
        self._require_result(found, symbol)
        return found

    def _got(self, query: Mapping[str, str]) -> Answer:
        """Its plans allow one call a second, so a question that takes two waits in between."""
        try:
            return get(self._bounds, self._url, query)
        except Throttled as error:
            if error.retry_after is None or error.retry_after > LONGEST_PAUSE:
                raise
            clock.sleep(error.retry_after)
            return get(self._bounds, self._url, query)

    def _require_result(self, answer: Mapping[str, Any], symbol: str) -> None:
        """Everything comes with HTTP 200. Its texts are not passed on, since they may repeat the key."""
        if "Error Message" in answer:
            if "apikey" in str(answer["Error Message"]):
                raise Unavailable(f"{self.name}: the key was refused")
            raise self._unknown(symbol)
        text = str(answer.get("Information") or answer.get("Note") or "")
        if "premium endpoint" in text:
            raise NotCovered(f"{self.name}: the key's plan does not cover this")
        if text:
            wait = HOUR if "per day" in text or "/day" in text else MINUTE
            raise Unavailable(f"{self.name}: the calls of its plan are used up", retry_after=wait)

    def _bar(self, symbol: str, day: str, figures: object, currency: str) -> Bar:
        row = mapping(self.name, figures, "a day has no figures")
        close, opened, high, low, volume = (written(row.get(name)) for name in FIGURES)
        last = Decimal("NaN") if close is None else close
        return Bar(symbol, iso_day(self.name, day), last, opened, high, low, volume=volume, currency=currency)

    def _unknown(self, symbol: str) -> UnknownSymbol:
        return UnknownSymbol(f"{self.name}: it does not know {symbol}")
