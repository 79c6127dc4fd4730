"""Daily bars from Polygon through its official client: one request for a whole market's day."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, date, datetime
from decimal import Context, Decimal
from email.utils import parsedate_to_datetime
from typing import Any, ClassVar
from zoneinfo import ZoneInfo

import urllib3
from polygon import RESTClient
from polygon.exceptions import BadResponse

from assets.providers.base import BadPayload, Bar, Unavailable
from core.money import MINOR_UNITS

MARKETS = frozenset(["US", "XNYS", "XNAS", "XASE", "ARCX", "BATS", "FX", "CRYPTO"])
"""Exchanges whose symbols mean the same at Polygon. Elsewhere a symbol may be another company's in the US."""

DOUBLE = Context(prec=15)  # a JSON number is a double, which carries 15 digits; 74.06000000000001 is 74.06
NEW_YORK = ZoneInfo("America/New_York")


class Polygon:
    """Unadjusted bars of US stocks and ETFs, and of pairs: "EURUSD" (currencies), "BTC-USD" (crypto)."""

    name = "polygon"
    price_basis = "raw"

    def __init__(self, key: str, *, url: str, timeout: float, limit: Callable[[], None]) -> None:
        """``limit`` is called before each request; it counts the call or raises Throttled. ``timeout`` in seconds."""
        self._limit = limit
        self._client = RESTClient(key, base=url.rstrip("/"), retries=0)
        self._client.client = _Pool(
            headers=self._client.headers, timeout=urllib3.Timeout(connect=timeout, read=timeout), retries=False
        )

    def daily_bars(self, symbols: Sequence[str], day: date) -> list[Bar]:
        """One request for the stocks, one for currencies and one for crypto when there are any.

        Raises Unavailable (with the seconds of Retry-After, if the answer has them) or BadPayload.
        """
        wanted: dict[str, dict[str, str]] = {}
        for symbol in symbols:
            market, ticker = _ticker(symbol)
            wanted.setdefault(market, {})[ticker] = symbol
        return [bar for market in sorted(wanted) for bar in parse(self._grouped(market, day), wanted[market], day)]

    def _grouped(self, market: str, day: date) -> bytes:
        self._limit()
        try:
            answer = self._client.get_grouped_daily_aggs(day, adjusted=False, raw=True, market_type=market)
        except BadResponse as error:
            raise _refusal(str(error)) from error
        except urllib3.exceptions.HTTPError as error:
            raise Unavailable(f"polygon: no answer ({type(error).__name__})") from error
        data: bytes = answer.data
        return data


class _Pool(urllib3.PoolManager):
    """The connections of a client, with what the official one leaves out.

    Its own pool has no time limit for an answer, and when the limit of calls is exceeded it either repeats the
    request, which uses up the limit, or drops the header that says how long to wait.
    """

    STATUS: ClassVar = {401: "the key was refused", 403: "the key does not cover this", 429: "too many calls"}

    def request(self, method: str, url: str, *args: Any, **options: Any) -> urllib3.BaseHTTPResponse:
        answer = super().request(method, url, *args, **options)
        if answer.status in self.STATUS or answer.status >= 500:
            reason = self.STATUS.get(answer.status, "it has a fault of its own")
            wait = seconds_to_wait(answer.headers.get("Retry-After"), datetime.now(UTC))
            raise Unavailable(f"polygon: {reason} (HTTP {answer.status})", retry_after=wait)
        return answer


def seconds_to_wait(header: str | None, now: datetime) -> float | None:
    """The value of Retry-After, which is a number of seconds or a date; None when it is neither."""
    text = (header or "").strip()
    if text.isascii() and text.isdigit():
        return float(min(int(text), 86_400))
    try:
        return min(max((parsedate_to_datetime(text) - now).total_seconds(), 0.0), 86_400.0)
    except (ValueError, TypeError):
        return None


def parse(text: bytes, symbols: Mapping[str, str], day: date) -> list[Bar]:
    """The bars of the tickers in ``symbols`` (ticker to our symbol); a market without trades that day has none."""
    answer = _decoded(text)
    if answer.get("status") not in {"OK", "DELAYED"}:
        raise BadPayload(f"polygon: status {str(answer.get('status'))[:40]!r} instead of OK")
    rows = answer.get("results")
    if rows is None and answer.get("resultsCount") == 0:
        return []
    if not isinstance(rows, list):
        raise BadPayload("polygon: the answer has no list of results")
    return [_bar(row, symbols[row["T"]], day) for row in rows if _ticker_of(row) in symbols]


def _decoded(text: bytes) -> dict[str, Any]:
    try:
        answer = json.loads(text, parse_float=DOUBLE.create_decimal, parse_int=Decimal, parse_constant=Decimal)
    except (ValueError, ArithmeticError, RecursionError) as error:
        raise BadPayload("polygon: the answer is not JSON") from error
    if not isinstance(answer, dict):
        raise BadPayload("polygon: the answer is not an object")
    return answer


def _ticker_of(row: object) -> str:
    ticker = row.get("T") if isinstance(row, dict) else None
    if not isinstance(ticker, str):
        raise BadPayload("polygon: a result has no ticker")
    return ticker


def _bar(row: Mapping[str, object], symbol: str, day: date) -> Bar:
    close, *others = (_number(row.get(name)) for name in "cohlv")
    opened, high, low, volume = others
    return Bar(
        symbol=symbol,
        day=_day(row.get("t"), day),
        close=Decimal("NaN") if close is None else close,
        open=opened,
        high=high,
        low=low,
        volume=volume,
    )


def _number(value: object) -> Decimal | None:
    """A figure of the answer; what is there but no number is NaN."""
    return value if isinstance(value, Decimal) or value is None else Decimal("NaN")


def _day(milliseconds: object, asked: date) -> date:
    """The day in New York that the answer says the bar is of."""
    if milliseconds is None:
        return asked
    try:
        return datetime.fromtimestamp(int(milliseconds) / 1000, NEW_YORK).date()  # type: ignore[call-overload]
    except (TypeError, ValueError, OverflowError, OSError) as error:
        raise BadPayload("polygon: a result has no valid time") from error


def _ticker(symbol: str) -> tuple[str, str]:
    """Polygon's market and ticker of one of our symbols."""
    if len(symbol) == 6 and symbol[:3] in MINOR_UNITS and symbol[3:] in MINOR_UNITS:
        return "fx", f"C:{symbol}"
    coin, _, currency = symbol.rpartition("-")
    if coin and currency in MINOR_UNITS:
        return "crypto", f"X:{coin}{currency}"
    return "stocks", symbol


def _refusal(body: str) -> BadPayload:
    return BadPayload(f"polygon: it did not accept the request: {' '.join(body.split())[:200]}")
