"""Finnhub through its official client: US quotes, company profiles, and daily bars where the key's plan has them."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import UTC, date, datetime, time, timedelta
from decimal import Decimal
from functools import partial
from typing import Any

import finnhub
import requests
from finnhub.exceptions import FinnhubAPIException, FinnhubRequestException

from assets.providers.adjusted import Split, as_traded
from assets.providers.base import BadPayload, Bar, CompanyFacts, PriceQuote, UnknownSymbol
from assets.providers.transport import (
    BoundedSession,
    Bounds,
    expect,
    finite,
    instant,
    iso_day,
    listing,
    mapping,
    number,
    positive,
    require_symbol,
    text_of,
    web_address,
)

MARKETS = frozenset(["US", "XNYS", "XNAS", "XASE", "ARCX", "BATS"])
MILLION, PERCENT = Decimal(10) ** 6, Decimal(100)


class Finnhub:
    """Prices in US dollars: without an extra plan Finnhub knows the exchanges of the United States only."""

    name = "finnhub"
    price_basis = "raw"

    def __init__(self, key: str, *, url: str, bounds: Bounds) -> None:
        self._client = _Client(key, url.rstrip("/"), bounds)

    def quote(self, symbol: str) -> PriceQuote:
        answer = _asked(partial(self._client.quote, symbol))
        price, at = number(answer.get("c")), number(answer.get("t"))
        if price == 0 and not at:
            raise UnknownSymbol(f"finnhub: it does not know {symbol}")
        return PriceQuote(
            symbol,
            positive("finnhub", price, "the quote has no price"),
            instant("finnhub", at),
            **{ours: finite(number(answer.get(theirs))) for ours, theirs in QUOTE.items()},
            currency="USD",
        )

    def profile(self, symbol: str) -> CompanyFacts:
        """Two requests: the profile, then price/earnings and dividend yield."""
        answer = _asked(partial(self._client.company_profile2, symbol=symbol))
        if not answer:
            raise UnknownSymbol(f"finnhub: it does not know {symbol}")
        require_symbol("finnhub", answer.get("ticker"), symbol)
        figures = _asked(partial(self._client.company_basic_financials, symbol, "all"))
        require_symbol("finnhub", figures.get("symbol", symbol), symbol)
        metric = mapping("finnhub", figures.get("metric"), "the answer has no figures")
        capital = finite(number(answer.get("marketCapitalization")))
        income = _first(metric, "currentDividendYieldTTM", "dividendYieldIndicatedAnnual")
        return CompanyFacts(
            symbol,
            name=text_of(answer.get("name")),
            country=text_of(answer.get("country"), 2),
            currency=text_of(answer.get("currency"), 3),
            exchange=text_of(answer.get("exchange"), 100),
            ipo=iso_day("finnhub", answer["ipo"]) if answer.get("ipo") else None,
            market_cap=None if capital is None else capital * MILLION,
            industry=text_of(answer.get("finnhubIndustry")),
            logo=web_address(answer.get("logo")),
            website=web_address(answer.get("weburl")),
            price_earnings=_first(metric, "peTTM", "peBasicExclExtraTTM"),
            dividend_yield=None if income is None else income / PERCENT,
        )

    def history(self, symbol: str, start: date, end: date) -> list[Bar]:
        """As traded: Finnhub's candles are adjusted for splits, which it is asked for, too. Not in the free plan."""
        first, last = (int(datetime.combine(day, time(), UTC).timestamp()) for day in (start, end + timedelta(days=1)))
        answer = _asked(partial(self._client.stock_candles, symbol, "D", first, last))
        if answer.get("s") == "no_data":
            return []
        expect("finnhub", answer.get("s") == "ok", "the candles have no status")
        bars = _candles(answer, symbol)
        splits = _asked(partial(self._client.stock_splits, symbol, str(start), str(datetime.now(UTC).date())), list)
        traded = as_traded(bars, [_split(row, symbol) for row in splits])
        return [bar for bar in traded if start <= bar.day <= end]


QUOTE = {
    "previous_close": "pc",
    "change": "d",
    "percent_change": "dp",
    "open": "o",
    "high": "h",
    "low": "l",
}


class _Client(finnhub.Client):
    """The official client at another address, with bounds, and with the key where no message shows it."""

    def __init__(self, key: str, url: str, bounds: Bounds) -> None:
        super().__init__(key)
        headers = {"Accept": "application/json", "User-Agent": "finnhub/python", "X-Finnhub-Token": key}
        session = BoundedSession(bounds)
        session.headers.update(headers)
        self.API_URL, self._session = url, session
        self.DEFAULT_TIMEOUT = bounds.timeout

    def _request(self, method: str, path: str, **options: Any) -> Any:
        return super()._request(method, path.lstrip("/"), **options)  # its own paths would make it "//quote"


def _asked(call: Callable[[], Any], kind: type = dict) -> Any:
    try:
        answer = call()
    except FinnhubAPIException as error:
        raise BadPayload(f"finnhub: it did not accept the request (HTTP {error.status_code})") from error
    except (FinnhubRequestException, requests.RequestException, ValueError, TypeError, RecursionError) as error:
        raise BadPayload("finnhub: the answer is not JSON") from error
    expect("finnhub", isinstance(answer, kind), "the answer has another shape")
    return answer


def _candles(answer: Mapping[str, Any], symbol: str) -> list[Bar]:
    columns = [listing("finnhub", answer.get(name), "the candles lack a column") for name in "tcohlv"]
    expect("finnhub", len({len(column) for column in columns}) == 1, "the candles are cut")
    return [_bar(symbol, at, *map(number, figures)) for at, *figures in zip(*columns, strict=True)]


def _bar(
    symbol: str,
    at: object,
    close: Decimal | None,
    opened: Decimal | None,
    high: Decimal | None,
    low: Decimal | None,
    volume: Decimal | None,
) -> Bar:
    day = instant("finnhub", at).date()  # daily candles are stamped midnight, UTC
    last = Decimal("NaN") if close is None else close
    return Bar(symbol, day, last, opened, high, low, volume=volume, currency="USD")


def _split(row: object, symbol: str) -> Split:
    found = mapping("finnhub", row, "a split is no object")
    require_symbol("finnhub", found.get("symbol"), symbol)
    old, new = (
        positive("finnhub", number(found.get(name)), "a split has no ratio") for name in ("fromFactor", "toFactor")
    )
    return Split(iso_day("finnhub", found.get("date")), new / old)


def _first(metric: Mapping[str, Any], *names: str) -> Decimal | None:
    return next((value for name in names if (value := finite(number(metric.get(name)))) is not None), None)
