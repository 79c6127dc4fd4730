"""What every provider's requests share: a limit of calls, a time in all, a size in all, and figures that stay exact."""

from __future__ import annotations

import json
import re
import time
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, date, datetime
from decimal import Context, Decimal, InvalidOperation
from email.utils import parsedate_to_datetime
from typing import Any
from urllib.parse import urlsplit

import httpx
import requests
import urllib3

from assets.providers.base import AnotherSecurity, BadPayload, NotCovered, Unavailable

DOUBLE = Context(prec=15)  # a JSON number is a double, which carries 15 digits; 74.06000000000001 is 74.06
PIECE = 65_536
DAY = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}")
REFUSALS = {401: "the key was refused", 429: "too many calls"}


@dataclass(frozen=True, slots=True)
class Bounds:
    """How one provider may be called.

    ``timeout`` is in seconds, to connect, between two bytes, and for an answer in all. ``most_bytes`` is the largest
    answer, unpacked. ``limit`` is called before each request; it counts the call or raises Throttled.
    """

    name: str
    timeout: float
    most_bytes: int
    limit: Callable[[], None]

    def collect(self, pieces: Iterable[bytes], deadline: float) -> bytes:
        """All of ``pieces``. Raises Unavailable after the deadline, BadPayload as soon as they are too many."""
        body = bytearray()
        for piece in pieces:
            body += piece
            if len(body) > self.most_bytes:
                raise BadPayload(f"{self.name}: the answer is larger than {self.most_bytes} bytes")
            if time.monotonic() > deadline:
                raise Unavailable(f"{self.name}: the answer was not complete after {self.timeout:g} s")
        return bytes(body)

    def body_of(self, answer: urllib3.BaseHTTPResponse) -> bytes:
        """The body of an answer whose content was not preloaded, as it arrives: slow bytes do not add up."""
        deadline = time.monotonic() + self.timeout
        try:
            return self.collect(_arriving(answer), deadline)
        except (urllib3.exceptions.HTTPError, OSError) as error:
            raise self.no_answer(error) from error
        finally:
            answer.close()

    def require_answered(self, status: int, headers: Mapping[str, str]) -> None:
        """Raise Unavailable, with the seconds of Retry-After, for a status that asks to come back another time."""
        if status == 403:
            raise NotCovered(f"{self.name}: the key does not cover this (HTTP 403)")
        if status in REFUSALS or status >= 500:
            reason = REFUSALS.get(status, "it has a fault of its own")
            wait = seconds_to_wait(headers.get("Retry-After"), datetime.now(UTC))
            raise Unavailable(f"{self.name}: {reason} (HTTP {status})", retry_after=wait)

    def no_answer(self, error: Exception) -> Unavailable:
        """Only the kind of error is told: its text may hold the address, and that the key."""
        return Unavailable(f"{self.name}: no answer ({type(error).__name__})")

    def decoded(self, text: bytes | str) -> dict[str, Any]:
        """A JSON object whose numbers are Decimal. Raises BadPayload."""
        try:
            answer = json.loads(text, parse_float=DOUBLE.create_decimal, parse_int=_whole, parse_constant=Decimal)
        except (ValueError, ArithmeticError, RecursionError) as error:
            raise BadPayload(f"{self.name}: the answer is not JSON") from error
        if not isinstance(answer, dict):
            raise BadPayload(f"{self.name}: the answer is not an object")
        return answer


@dataclass(frozen=True, slots=True)
class Answer:
    """As much of a response as is looked at."""

    status: int
    headers: Mapping[str, str]
    data: bytes


def get(bounds: Bounds, url: str, query: Mapping[str, str] | None = None, **headers: str) -> Answer:
    """A plain request, counted and bounded. Redirects are not followed: they could lead anywhere.

    Raises Unavailable or BadPayload; the caller reads every status that does not ask to come back another time.
    """
    bounds.limit()
    deadline = time.monotonic() + bounds.timeout
    try:
        with (
            httpx.Client(timeout=bounds.timeout) as client,
            client.stream("GET", url, params=query, headers=headers) as answer,
        ):
            body = bounds.collect(answer.iter_bytes(), deadline)
    except (httpx.HTTPError, httpx.InvalidURL, OSError) as error:
        raise bounds.no_answer(error) from error
    bounds.require_answered(answer.status_code, answer.headers)
    return Answer(answer.status_code, answer.headers, body)


class BoundedSession(requests.Session):
    """A session for clients that are built on requests. Redirects are not followed: they could lead anywhere."""

    def __init__(self, bounds: Bounds) -> None:
        super().__init__()
        self.bounds = bounds

    def request(  # type: ignore[override]  # every client calls it with an address of text
        self, method: str, url: str, *args: Any, **options: Any
    ) -> requests.Response:
        self.bounds.limit()
        bound = {"timeout": self.bounds.timeout, "stream": True, "allow_redirects": False}
        try:
            answer = super().request(method, self.address(url), *args, **options | bound)
        except requests.RequestException as error:
            raise self.bounds.no_answer(error) from error
        answer._content = self.bounds.body_of(answer.raw)  # noqa: SLF001  what Response.content would do, unbounded
        answer._content_consumed = True  # noqa: SLF001
        self.examine(answer)
        return answer

    def address(self, url: str) -> str:
        """Where a request for ``url`` goes."""
        return url

    def examine(self, answer: requests.Response) -> None:
        """Raise ProviderError for an answer that the client need not see."""
        self.bounds.require_answered(answer.status_code, answer.headers)


def _arriving(answer: urllib3.BaseHTTPResponse) -> Iterator[bytes]:
    while piece := answer.read1(PIECE, decode_content=True):
        yield piece


def _whole(digits: str) -> Decimal:
    """Longer digits than any figure has are kept as they are; int() would refuse more than 4,300."""
    return Decimal(digits)


def number(value: object) -> Decimal | None:
    """A figure of an answer; None where there is none, NaN where there is something that is no number."""
    if value is None:
        return None
    if isinstance(value, Decimal):
        return value
    if isinstance(value, float):
        return DOUBLE.create_decimal(repr(value))
    return Decimal(value) if isinstance(value, int) and not isinstance(value, bool) else Decimal("NaN")


def written(value: object) -> Decimal | None:
    """A figure that the source writes as text, such as "192.25"; None for "None" and "-", NaN for other words."""
    text = value.strip() if isinstance(value, str) else None
    if value is None or text in {"", "None", "-"}:
        return None
    try:
        return Decimal(text) if text and text.isascii() and "_" not in text else Decimal("NaN")
    except InvalidOperation:
        return Decimal("NaN")


def finite(value: Decimal | None) -> Decimal | None:
    return value if value is not None and value.is_finite() else None


def text_of(value: object, most: int = 200) -> str:
    """A text of the answer, cut; empty where it is something else."""
    return "".join(char for char in value if char.isprintable())[:most].strip() if isinstance(value, str) else ""


def web_address(value: object) -> str:
    """An https or http address, or nothing: it becomes a link and an image's source."""
    text = text_of(value, 500)
    with suppress(ValueError):  # of "http://[", which is no address
        return text if urlsplit(text).scheme in {"https", "http"} else ""
    return ""


def seconds_to_wait(header: str | None, now: datetime) -> float | None:
    """The value of Retry-After, which is a number of seconds or a date; None when it is neither."""
    text = (header or "").strip()
    if text.isascii() and text.isdigit():
        return float(min(int(text[:9]), 86_400))
    try:
        return min(max((parsedate_to_datetime(text) - now).total_seconds(), 0.0), 86_400.0)
    except (ValueError, TypeError):
        return None


def expect(provider: str, condition: object, what: str) -> None:
    """Raise BadPayload unless the answer is as documented."""
    if not condition:
        raise BadPayload(f"{provider}: {what}")


def mapping(provider: str, value: object, what: str) -> dict[str, Any]:
    """``value``, which must be an object of JSON."""
    if not isinstance(value, dict):
        raise BadPayload(f"{provider}: {what}")
    return value


def listing(provider: str, value: object, what: str) -> list[Any]:
    if not isinstance(value, list):
        raise BadPayload(f"{provider}: {what}")
    return value


def positive(provider: str, value: Decimal | None, what: str) -> Decimal:
    """``value``, which must be a number above zero."""
    if value is None or not value.is_finite() or value <= 0:
        raise BadPayload(f"{provider}: {what}")
    return value


def iso_day(provider: str, value: object) -> date:
    if isinstance(value, str) and DAY.fullmatch(value):
        with suppress(ValueError):
            return date.fromisoformat(value)
    raise BadPayload(f"{provider}: a date is not of the form YYYY-MM-DD")


def instant(provider: str, seconds: object) -> datetime:
    """A time in seconds since 1970, in UTC."""
    try:
        return datetime.fromtimestamp(int(seconds), UTC)  # type: ignore[call-overload]
    except (TypeError, ValueError, ArithmeticError, OSError) as error:
        raise BadPayload(f"{provider}: the answer has no valid time") from error


def require_symbol(provider: str, given: object, symbol: str) -> None:
    """Raise AnotherSecurity unless the answer is of ``symbol``."""
    if given != symbol:
        raise AnotherSecurity(f"{provider}: the answer is of {text_of(given, 40) or 'nothing'}, not of {symbol}")
