"""Polygon through its official client: a whole market's day in one request, one symbol's past, actions, details."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from datetime import date, datetime
from decimal import Decimal
from typing import Any
from urllib.parse import quote, urlsplit
from zoneinfo import ZoneInfo

import urllib3
from polygon import RESTClient
from polygon.exceptions import BadResponse

from assets.providers.base import ActionNotice, BadPayload, Bar, CompanyFacts, UnknownSymbol
from assets.providers.transport import (
    Answer,
    Bounds,
    expect,
    finite,
    iso_day,
    listing,
    mapping,
    number,
    positive,
    require_symbol,
    text_of,
    web_address,
)
from core.money import MINOR_UNITS

MARKETS = frozenset(["US", "XNYS", "XNAS", "XASE", "ARCX", "BATS", "FX", "CRYPTO"])
"""Exchanges whose symbols mean the same at Polygon. Elsewhere a symbol may be another company's in the US."""

NEW_YORK = ZoneInfo("America/New_York")
MOST_PAGES = 100
MOST_BARS, MOST_ACTIONS = 50_000, 1000  # of one page


class Polygon:
    """Unadjusted bars of US stocks and ETFs, and of pairs: "EURUSD" (currencies), "BTC-USD" (crypto)."""

    name = "polygon"
    price_basis = "raw"

    def __init__(self, key: str, *, url: str, bounds: Bounds) -> None:
        self._client = RESTClient(key, base=url.rstrip("/"), retries=0)
        self._client.client = _Pool(bounds, self._client.headers)
        self._bounds = bounds

    def daily_bars(self, symbols: Sequence[str], day: date) -> list[Bar]:
        """One request for the stocks, one for currencies and one for crypto when there are any.

        Raises Unavailable (with the seconds of Retry-After, if the answer has them) or BadPayload.
        """
        wanted: dict[str, dict[str, str]] = {}
        for symbol in symbols:
            market, ticker = _ticker(symbol)
            wanted.setdefault(market, {})[ticker] = symbol
        return [bar for market in sorted(wanted) for bar in self._grouped(market, wanted[market], day)]

    def history(self, symbol: str, start: date, end: date) -> list[Bar]:
        """Unadjusted; empty for a symbol without trades, and for one that Polygon does not know."""
        _, ticker = _ticker(symbol)
        first = self._asked(
            self._client.list_aggs, _in_path(ticker), 1, "day", start, end, adjusted=False, limit=MOST_BARS
        )
        bars: dict[date, Bar] = {}
        for page in self._pages(first):
            require_symbol("polygon", page.get("ticker", ticker), ticker)
            for row in _rows(page):
                bar = _bar(row, symbol, start)
                expect("polygon", bars.setdefault(bar.day, bar) == bar, f"two different bars of {bar.day}")
        return [bars[day] for day in sorted(bars) if start <= day <= end]

    def actions(self, symbol: str, start: date, end: date) -> list[ActionNotice]:
        """Splits, then cash dividends."""
        found = []
        for method, column, read in (
            (self._client.list_splits, "execution_date", _split),
            (self._client.list_dividends, "ex_dividend_date", _dividend),
        ):
            first = self._asked(method, symbol, limit=MOST_ACTIONS, **{f"{column}_gte": start, f"{column}_lte": end})
            found += [read(row, symbol) for page in self._pages(first) for row in _rows(page)]
        return list({notice.external_id: notice for notice in found}.values())  # a page that comes twice counts once

    def profile(self, symbol: str) -> CompanyFacts:
        """The logo is shown to whoever sends a key; ours is not made part of its address."""
        found = self._asked(self._client.get_ticker_details, _in_path(symbol))
        answer = mapping("polygon", found.get("results"), "the answer has no details")
        require_symbol("polygon", answer.get("ticker"), symbol)
        branding = answer.get("branding")
        logo = web_address(branding.get("logo_url")) if isinstance(branding, dict) else ""
        return CompanyFacts(
            symbol,
            name=text_of(answer.get("name")),
            country=text_of(answer.get("locale"), 2).upper(),
            currency=text_of(answer.get("currency_name"), 3).upper(),
            exchange=text_of(answer.get("primary_exchange"), 16),
            ipo=iso_day("polygon", answer["list_date"]) if answer.get("list_date") else None,
            market_cap=finite(number(answer.get("market_cap"))),
            industry=text_of(answer.get("sic_description")),
            logo=logo,
            website=web_address(answer.get("homepage_url")),
            logo_needs_key=bool(logo),
        )

    def _grouped(self, market: str, symbols: Mapping[str, str], day: date) -> list[Bar]:
        """The bars of the tickers in ``symbols`` (ticker to symbol); a market without trades that day has none."""
        answer = self._asked(self._client.get_grouped_daily_aggs, day, adjusted=False, market_type=market)
        return [_bar(row, symbols[row["T"]], day) for row in _rows(answer) if _ticker_of(row) in symbols]

    def _asked(self, method: Any, *args: Any, **options: Any) -> dict[str, Any]:
        """The raw answer: the client's own reading passes over what is missing and over what is no JSON."""
        try:
            answer = method(*args, raw=True, **options)
        except BadResponse as error:
            raise _refusal(str(error)) from error
        return self._checked(answer.data)

    def _pages(self, page: dict[str, Any]) -> Iterator[dict[str, Any]]:
        """A list's pages, each asked for at Polygon's own address whatever host the cursor names."""
        seen: set[str] = set()
        yield page
        while cursor := page.get("next_url"):
            expect("polygon", isinstance(cursor, str) and cursor not in seen, "a page leads back to itself")
            seen.add(cursor)
            expect("polygon", len(seen) < MOST_PAGES, f"more than {MOST_PAGES} pages")
            answer = self._client.client.request("GET", f"{self._client.BASE}{_path_of(cursor)}")
            expect("polygon", answer.status == 200, f"a further page was refused (HTTP {answer.status})")
            page = self._checked(answer.data)
            yield page

    def _checked(self, text: bytes) -> dict[str, Any]:
        answer = self._bounds.decoded(text)
        status = str(answer.get("status"))[:40]
        expect("polygon", status in {"OK", "DELAYED"}, f"status {status!r} instead of OK")
        return answer


class _Pool(urllib3.PoolManager):
    """The connections of a client, with what the official one leaves out.

    Its own pool has no limit of time or size for an answer, and when the limit of calls is exceeded it either repeats
    the request, which uses up the limit, or drops the header that says how long to wait.
    """

    def __init__(self, bounds: Bounds, headers: Mapping[str, str]) -> None:
        timeout = urllib3.Timeout(connect=bounds.timeout, read=bounds.timeout)
        super().__init__(headers=headers, timeout=timeout, retries=False)
        self._bounds = bounds

    def request(self, method: str, url: str, *args: Any, **options: Any) -> Any:
        self._bounds.limit()
        try:
            answer = super().request(method, url, *args, **options, preload_content=False)
        except urllib3.exceptions.HTTPError as error:
            raise self._bounds.no_answer(error) from error
        body = self._bounds.body_of(answer)
        self._bounds.require_answered(answer.status, answer.headers)
        return Answer(answer.status, answer.headers, body)


def _path_of(cursor: str) -> str:
    try:
        address = urlsplit(cursor)
    except ValueError as error:
        raise BadPayload("polygon: the address of a further page is none") from error
    return f"{address.path}?{address.query}"


def _rows(answer: Mapping[str, Any]) -> list[dict[str, Any]]:
    rows = answer.get("results")
    if rows is None and answer.get("resultsCount") == 0:
        return []
    found = listing("polygon", rows, "the answer has no list of results")
    count = number(answer.get("resultsCount"))
    expect("polygon", not (count and count.is_finite() and count > len(found)), "results are missing")
    return [mapping("polygon", row, "a result is no object") for row in found]


def _ticker_of(row: Mapping[str, object]) -> str:
    ticker = row.get("T")
    if not isinstance(ticker, str):
        raise BadPayload("polygon: a result has no ticker")
    return ticker


def _bar(row: Mapping[str, object], symbol: str, day: date) -> Bar:
    close, *others = (_price(row.get(name)) for name in "cohlv")
    opened, high, low, volume = others
    return Bar(
        symbol=symbol,
        day=_day(row.get("t"), day),
        close=Decimal("NaN") if close is None else close,
        open=opened,
        high=high,
        low=low,
        volume=volume,
        currency=_currency(symbol),
    )


def _price(value: object) -> Decimal | None:
    """A figure of the answer; what is there but no number is NaN."""
    return value if isinstance(value, Decimal) or value is None else Decimal("NaN")


def _split(row: Mapping[str, object], symbol: str) -> ActionNotice:
    day = iso_day("polygon", row.get("execution_date"))
    old, new = (
        positive("polygon", number(row.get(name)), "a split has no ratio") for name in ("split_from", "split_to")
    )
    return ActionNotice(symbol, "split", day, _own_id(row, symbol, day), ratio=new / old)


def _dividend(row: Mapping[str, object], symbol: str) -> ActionNotice:
    day = iso_day("polygon", row.get("ex_dividend_date"))
    cash = positive("polygon", number(row.get("cash_amount")), "a dividend has no amount")
    paid = row.get("pay_date")
    return ActionNotice(
        symbol,
        "cash_dividend",
        day,
        _own_id(row, symbol, day),
        cash=cash,
        currency=text_of(row.get("currency"), 3),
        pay_date=iso_day("polygon", paid) if paid else None,
    )


def _own_id(row: Mapping[str, object], symbol: str, day: date) -> str:
    """Polygon's own name of an action; otherwise what identifies it there."""
    require_symbol("polygon", row.get("ticker"), symbol)
    kind = "split" if "split_to" in row else text_of(row.get("dividend_type"), 8) or "dividend"
    return text_of(row.get("id"), 100) or f"{kind} {symbol} {day}"


def _day(milliseconds: object, asked: date) -> date:
    """The day in New York that the answer says the bar is of."""
    if milliseconds is None:
        return asked
    try:
        return datetime.fromtimestamp(int(milliseconds) / 1000, NEW_YORK).date()  # type: ignore[call-overload]
    except (TypeError, ValueError, ArithmeticError, OSError) as error:
        raise BadPayload("polygon: a result has no valid time") from error


def _ticker(symbol: str) -> tuple[str, str]:
    """Polygon's market and ticker of one of our symbols; its own tickers, such as "X:BTCUSD", stay."""
    if symbol.startswith(("C:", "X:")):
        return ("fx" if symbol[0] == "C" else "crypto"), symbol
    if len(symbol) == 6 and symbol[:3] in MINOR_UNITS and symbol[3:] in MINOR_UNITS:
        return "fx", f"C:{symbol}"
    coin, _, currency = symbol.rpartition("-")
    if coin and currency in MINOR_UNITS:
        return "crypto", f"X:{coin}{currency}"
    return "stocks", symbol


def _currency(symbol: str) -> str:
    """What its prices are in: US dollars, or the second currency of a pair; empty for a pair that is none of ours."""
    market, ticker = _ticker(symbol)
    if market == "stocks":
        return "USD"
    return ticker[-3:] if ticker[-3:] in MINOR_UNITS else ""


def _in_path(ticker: str) -> str:
    """The client does not escape it."""
    return quote(ticker, safe=":")


def _refusal(body: str) -> BadPayload | UnknownSymbol:
    text = " ".join(body.split())[:200]
    if "NOT_FOUND" in text:
        return UnknownSymbol(f"polygon: {text}")
    return BadPayload(f"polygon: it did not accept the request: {text}")
