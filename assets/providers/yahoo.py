"""Yahoo Finance through yfinance's own session handling: quotes, daily bars, actions and profiles, without a key."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from decimal import Context, Decimal
from pathlib import Path
from typing import Any
from urllib.parse import quote as escaped
from urllib.parse import urlsplit
from zoneinfo import ZoneInfo

import requests

from assets.providers.adjusted import Split, as_traded
from assets.providers.base import (
    ActionNotice,
    Bar,
    CompanyFacts,
    PriceQuote,
    ProviderError,
    Throttled,
    Unavailable,
    UnknownSymbol,
)
from assets.providers.transport import (
    BoundedSession,
    Bounds,
    expect,
    finite,
    instant,
    listing,
    mapping,
    number,
    positive,
    require_symbol,
    text_of,
    web_address,
)
from core.money import HUNDREDTH, MINOR_SPELLINGS, MINOR_UNITS, major_currency

ENDINGS = {
    **dict.fromkeys(["US", "XNYS", "XNAS", "XASE", "ARCX", "BATS", "CRYPTO", "FX"], ""),
    "XTSE": ".TO",
    "XLON": ".L",
    "XETR": ".DE",
    "XPAR": ".PA",
    "XAMS": ".AS",
    "XBRU": ".BR",
    "XMIL": ".MI",
    "XMAD": ".MC",
    "XSWX": ".SW",
    "XWBO": ".VI",
    "XSTO": ".ST",
    "XCSE": ".CO",
    "XHEL": ".HE",
    "XOSL": ".OL",
    "XTKS": ".T",
    "XHKG": ".HK",
    "XSES": ".SI",
    "XASX": ".AX",
}
"""What Yahoo appends to the symbols of an exchange."""

SINGLE = Context(prec=7)  # its prices have the digits of a 32-bit float: 191.44000244140625 is 191.44
CHART, SUMMARY = "https://query2.finance.yahoo.com/v8/finance/chart/", "https://query2.finance.yahoo.com/v10/finance/"
MODULES = "assetProfile,price,summaryDetail"
DATA = ("/v7/", "/v8/", "/v10/")
FIGURES = ("close", "open", "high", "low", "volume")


class Yahoo:
    """The service promises nothing to programs; whoever names it in PRICE_PROVIDERS decides to use it."""

    name = "yahoo"
    price_basis = "raw"

    def __init__(self, *, url: str, bounds: Bounds, kept_in: Path) -> None:
        from yfinance import cache
        from yfinance.data import YfData

        cache.set_cache_location(str(kept_in))  # of its cookies; otherwise in the home folder
        self._data = YfData(session=_Session(bounds, url))

    def quote(self, symbol: str) -> PriceQuote:
        meta, _ = self._chart(symbol, range="1d")

        def figure(*names: str) -> Decimal | None:
            return next((value for name in names if (value := _price(meta.get(name))) is not None), None)

        price = positive(self.name, figure("regularMarketPrice"), "the quote has no price")
        before = figure("previousClose", "chartPreviousClose")
        change = None if before is None else price - before
        return PriceQuote(
            symbol,
            price,
            instant(self.name, meta.get("regularMarketTime")),
            previous_close=before,
            change=change,
            percent_change=change and before and (change / before * 100).quantize(Decimal("0.0001")),
            open=figure("regularMarketOpen"),
            high=figure("regularMarketDayHigh"),
            low=figure("regularMarketDayLow"),
            currency=_currency(meta),
        )

    def history(self, symbol: str, start: date, end: date) -> list[Bar]:
        """As traded: Yahoo adjusts its prices for splits, so those since ``start`` are taken out again."""
        meta, found = self._chart(symbol, start)
        splits = [Split(notice.ex_date, notice.ratio) for notice in _splits(found, symbol, meta) if notice.ratio]
        bars = as_traded(_bars(found, symbol, meta), splits)
        return [bar for bar in bars if start <= bar.day <= end]

    def actions(self, symbol: str, start: date, end: date) -> list[ActionNotice]:
        """Dividends as paid: Yahoo adjusts them for the splits that came after."""
        meta, found = self._chart(symbol, start)
        splits = _splits(found, symbol, meta)
        paid = [_unadjusted(notice, splits) for notice in _dividends(found, symbol, meta)]
        return [notice for notice in [*splits, *paid] if start <= notice.ex_date <= end]

    def profile(self, symbol: str) -> CompanyFacts:
        """Yahoo has no logos, and no first day of trading: its own first day is where its prices begin."""
        query = {"modules": MODULES, "formatted": "false", "symbol": symbol}
        found = self._asked(f"{SUMMARY}quoteSummary/{escaped(symbol, safe='')}", query, "quoteSummary")
        about, price, figures = (_section(found, name) for name in MODULES.split(","))
        require_symbol(self.name, price.get("symbol"), symbol)
        return CompanyFacts(
            symbol,
            name=text_of(price.get("longName") or price.get("shortName")),
            country=text_of(about.get("country"), 64),
            currency=major_currency(text_of(price.get("currency"), 3)),
            exchange=text_of(price.get("exchangeName"), 100),
            market_cap=finite(number(price.get("marketCap"))),
            industry=text_of(about.get("industry")),
            website=web_address(about.get("website")),
            price_earnings=finite(number(figures.get("trailingPE"))),
            dividend_yield=finite(number(figures.get("dividendYield"))),
        )

    def _chart(self, symbol: str, start: date | None = None, **query: str) -> tuple[dict[str, Any], dict[str, Any]]:
        """The chart from ``start`` to today, and what it says of itself."""
        if start:
            today = datetime.now(UTC).date() + timedelta(days=2)
            query |= {"period1": _seconds(start - timedelta(days=1)), "period2": _seconds(today)}
        query |= {"interval": "1d", "events": "div,splits"}
        found = self._asked(CHART + escaped(symbol, safe=""), query, "chart")
        meta = mapping(self.name, found.get("meta"), "the chart does not say what it is of")
        require_symbol(self.name, meta.get("symbol"), symbol)
        return meta, found

    def _asked(self, url: str, query: Mapping[str, str], envelope: str) -> dict[str, Any]:
        from yfinance.exceptions import YFException, YFRateLimitError

        try:
            answer = self._data.get(url, params=dict(query))
        except ProviderError:
            raise
        except YFRateLimitError as error:
            raise Unavailable("yahoo: too many calls") from error
        except (YFException, requests.RequestException, OSError, ValueError) as error:
            raise Unavailable(f"yahoo: no answer ({type(error).__name__})") from error
        expect(self.name, answer.status_code == 200, f"it did not accept the request (HTTP {answer.status_code})")
        whole = self._data._session.bounds.decoded(answer.content)  # noqa: SLF001  our own session
        body = mapping(self.name, whole.get(envelope), "the answer has another shape")
        results = listing(self.name, body.get("result"), "the answer has no result")
        expect(self.name, len(results) == 1, "the answer has not one result")
        return mapping(self.name, results[0], "the result is no object")


class _Session(BoundedSession):
    """What yfinance sends to Yahoo's hosts goes to the address of the settings.

    An error that another cookie cannot help is raised here: the client would ask up to five times more.
    """

    def __init__(self, bounds: Bounds, url: str) -> None:
        from yfinance._http import _FALLBACK_USER_AGENT

        super().__init__(bounds)
        self._url = url.rstrip("/")
        self.headers["User-Agent"] = _FALLBACK_USER_AGENT

    def request(  # type: ignore[override]  # as the base class
        self, method: str, url: str, *args: Any, **options: Any
    ) -> requests.Response:
        """A cookie that does not come is for the client to do without, since charts need none."""
        try:
            return super().request(method, url, *args, **options)
        except Throttled:
            raise
        except ProviderError as error:
            if _is_question(url):
                raise
            raise requests.ConnectionError(str(error)) from error

    def address(self, url: str) -> str:
        return url if not self._url else self._url + url.removeprefix(f"https://{urlsplit(url).netloc}")

    def examine(self, answer: requests.Response) -> None:
        if not _is_question(answer.url):
            return  # a cookie or crumb; Yahoo gives the first with a 404
        if answer.status_code == 404:
            raise UnknownSymbol("yahoo: it does not know the symbol")
        if answer.status_code not in {401, 403}:  # a crumb that is too old
            super().examine(answer)


def _is_question(url: str) -> bool:
    return urlsplit(url).path.startswith(DATA)


def yahoo_symbol(symbol: str, kind: str, market: str) -> str:
    """What Yahoo calls one of our symbols: "EURUSD=X" for a rate, "BRK-B" for BRK.B, "BP.L" for BP in London."""
    if kind == "fx" and len(symbol) == 6 and symbol[:3] in MINOR_UNITS:
        return f"{symbol}=X"
    if kind in {"crypto", "index"}:
        return symbol
    ending = ENDINGS.get(market, "")
    return symbol if ending and symbol.endswith(ending) else symbol.replace(".", "-") + ending


def _bars(found: Mapping[str, Any], symbol: str, meta: Mapping[str, Any]) -> Iterator[Bar]:
    if "timestamp" not in found:
        return  # no session in between
    times = listing("yahoo", found["timestamp"], "the chart has no times")
    indicators = mapping("yahoo", found.get("indicators"), "the chart has no prices")
    table = listing("yahoo", indicators.get("quote"), "the chart has no prices")
    row = mapping("yahoo", table[0] if table else None, "the chart has no prices")
    columns = [listing("yahoo", row.get(name), "the chart lacks a column") for name in FIGURES]
    expect("yahoo", all(len(column) == len(times) for column in columns), "the chart is cut")
    currency = _currency(meta)
    for at, close, *others, volume in zip(times, *columns, strict=True):
        if close is None:
            continue  # a session without a trade
        opened, high, low = (_price(value) for value in others)
        bar = Bar(symbol, _day(at, meta), _price(close) or Decimal(0), opened, high, low, volume=number(volume))
        yield replace(bar, currency=currency)


def _splits(found: Mapping[str, Any], symbol: str, meta: Mapping[str, Any]) -> list[ActionNotice]:
    return [
        ActionNotice(symbol, "split", day, f"split {symbol} {day}", ratio=new / old)
        for day, row in _events(found, "splits", meta)
        for new, old in [[positive("yahoo", number(row.get(name)), "a split has no ratio") for name in RATIO]]
    ]


RATIO = ("numerator", "denominator")


def _dividends(found: Mapping[str, Any], symbol: str, meta: Mapping[str, Any]) -> list[ActionNotice]:
    quoted = _currency(meta)
    paid = major_currency(quoted)
    unit = Decimal(1) if paid == quoted else HUNDREDTH
    return [
        ActionNotice(symbol, "cash_dividend", day, f"dividend {symbol} {day}", cash=cash * unit, currency=paid)
        for day, row in _events(found, "dividends", meta)
        for cash in [positive("yahoo", _price(row.get("amount")), "a dividend has no amount")]
    ]


def _unadjusted(dividend: ActionNotice, splits: list[ActionNotice]) -> ActionNotice:
    cash = dividend.cash or Decimal(0)
    for split in splits:
        if dividend.ex_date < split.ex_date and split.ratio:
            cash *= split.ratio
    return replace(dividend, cash=SINGLE.plus(cash))


def _events(found: Mapping[str, Any], kind: str, meta: Mapping[str, Any]) -> list[tuple[date, dict[str, Any]]]:
    events = mapping("yahoo", found.get("events", {}), "the chart's events have another shape")
    rows = mapping("yahoo", events.get(kind, {}), "the chart's events have another shape").values()
    whole = [mapping("yahoo", row, "an event is no object") for row in rows]
    return sorted(((_day(row.get("date"), meta), row) for row in whole), key=lambda event: event[0])


def _currency(meta: Mapping[str, Any]) -> str:
    """What the chart is in; its prices are left as they are: pence in London, which it spells GBp."""
    given = text_of(meta.get("currency"), 8)
    return MINOR_SPELLINGS.get(given, given)


def _price(value: object) -> Decimal | None:
    figure = number(value)
    return figure if figure is None or not figure.is_finite() else SINGLE.plus(figure)


def _day(seconds: object, meta: Mapping[str, Any]) -> date:
    """The day at the exchange."""
    try:
        zone = ZoneInfo(text_of(meta.get("exchangeTimezoneName"), 64) or "UTC")
    except (ValueError, OSError):
        zone = ZoneInfo("UTC")
    return instant("yahoo", seconds).astimezone(zone).date()


def _section(found: Mapping[str, Any], name: str) -> dict[str, Any]:
    return mapping("yahoo", found.get(name) or {}, "a part of the profile is no object")


def _seconds(day: date) -> str:
    return str(int(datetime(day.year, day.month, day.day, tzinfo=UTC).timestamp()))
