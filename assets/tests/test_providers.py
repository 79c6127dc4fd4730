"""What every provider does with an upstream that misbehaves: one table for all, through their real clients."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import Any

import pytest

from assets.providers.alpha_vantage import AlphaVantage
from assets.providers.base import BadPayload, NotCovered, ProviderError, Throttled, Unavailable
from assets.providers.csv_file import CsvFiles, Page
from assets.providers.ecb import Ecb
from assets.providers.finnhub import Finnhub
from assets.providers.polygon import Polygon
from assets.providers.transport import Bounds
from assets.providers.yahoo import Yahoo
from assets.tests import fake_services as fakes
from assets.tests.fake_polygon import FakePolygon
from assets.tests.fake_upstream import Answering, FakeUpstream, Reply, serving
from core.testing import PATIENCE

DAY = date(2024, 5, 31)
KEY = "key-of-the-tests"
COOKIES = ("", "/", "/consent", "/v1/test/getcrumb")  # what yfinance asks beside the question


def no_limit() -> None:
    """Counts nothing."""


@dataclass(frozen=True)
class Case:
    """One provider: its upstream, how it is opened, and a question to it."""

    name: str
    upstream: Callable[[], FakeUpstream]
    open: Callable[[str, Bounds, Path], Any]
    ask: Callable[[Any], object]

    def questions(self, upstream: FakeUpstream) -> int:
        """The requests that were sent, without those for cookies."""
        return sum(call.path not in COOKIES for call in upstream.calls)


CASES = [
    Case(
        "polygon",
        FakePolygon,
        lambda url, bounds, _: Polygon(KEY, url=url, bounds=bounds),
        lambda adapter: adapter.history("AAPL", DAY, DAY),
    ),
    Case(
        "finnhub",
        fakes.finnhub,
        lambda url, bounds, _: Finnhub(KEY, url=url, bounds=bounds),
        lambda adapter: adapter.quote("AAPL"),
    ),
    Case(
        "alpha_vantage",
        fakes.alpha_vantage,
        lambda url, bounds, _: AlphaVantage(KEY, url=url, bounds=bounds),
        lambda adapter: adapter.quote("AAPL"),
    ),
    Case(
        "yahoo",
        fakes.yahoo,
        lambda url, bounds, folder: Yahoo(url=url, bounds=bounds, kept_in=folder),
        lambda adapter: adapter.quote("AAPL"),
    ),
    Case(
        "ecb",
        lambda: fakes.ecb({DAY: {"USD": "1.08"}}),
        lambda url, bounds, _: Ecb(url=url, bounds=bounds),
        lambda adapter: adapter.quote("EURUSD"),
    ),
    Case(
        "csv_file",
        Answering,
        lambda url, bounds, folder: CsvFiles(None, Page(f"{url}/prices.csv", folder, bounds)),
        lambda adapter: adapter.daily_bars(["AAPL"], DAY),
    ),
]


@pytest.fixture(params=CASES, ids=lambda case: case.name)
def case(request: pytest.FixtureRequest) -> Case:
    found: Case = request.param
    return found


@contextmanager
def opened(
    case: Case,
    folder: Path,
    reply: Reply | None = None,
    *,
    timeout: float = PATIENCE,
    most_bytes: int = 100_000,
    limit: Callable[[], None] = no_limit,
) -> Iterator[tuple[FakeUpstream, Any]]:
    with serving(case.upstream()) as upstream:
        upstream.always = reply
        yield upstream, case.open(upstream.url, Bounds(case.name, timeout, most_bytes, limit), folder)


@pytest.mark.parametrize(
    ("status", "headers", "wait", "error"),
    [
        pytest.param(429, {"Retry-After": "17"}, 17.0, Unavailable, id="429 with Retry-After"),
        pytest.param(429, {}, None, Unavailable, id="429 without"),
        pytest.param(500, {}, None, Unavailable, id="500"),
        pytest.param(503, {"Retry-After": "3"}, 3.0, Unavailable, id="503 with Retry-After"),
        pytest.param(401, {}, None, Unavailable, id="401"),
        pytest.param(403, {}, None, NotCovered, id="403"),
    ],
)
def test_a_refusal_is_not_repeated(
    case: Case, tmp_path: Path, status: int, headers: dict[str, str], wait: float | None, error: type[Unavailable]
) -> None:
    if case.name == "yahoo" and status in {401, 403}:
        pytest.skip("a crumb that is too old: the client asks for another, see below")
    with opened(case, tmp_path, Reply(b'{"status": "ERROR"}', status, headers)) as (upstream, adapter):
        with pytest.raises(error, match=rf"^{case.name}: .*HTTP {status}") as caught:
            case.ask(adapter)
        assert caught.value.retry_after == wait
        assert case.questions(upstream) == 1
        assert KEY not in str(caught.value)


@pytest.mark.parametrize(
    "reply",
    [
        pytest.param(Reply(b"<html>maintenance</html>", headers={"Content-Type": "text/html"}), id="HTML with 200"),
        pytest.param(Reply(b'{"status": "OK", "results": [{"T": "AA'), id="cut JSON"),
        pytest.param(Reply(b""), id="empty"),
        pytest.param(Reply(b"\xff\xfe\x00\x9f"), id="garbage"),
        pytest.param(Reply(b"[]"), id="a list"),
        pytest.param(Reply(b"null"), id="null"),
        pytest.param(Reply(b"[" * 50_000), id="nested without end"),
        pytest.param(Reply(b'{"c": ' + b"9" * 5000 + b"}"), id="a number without end"),
        pytest.param(Reply(b'{"a": 1}'), id="another object"),
        pytest.param(Reply(b"", 302, {"Location": "http://127.0.0.1:9/"}), id="sent elsewhere"),
    ],
)
def test_what_is_not_the_documented_answer(case: Case, tmp_path: Path, reply: Reply) -> None:
    with opened(case, tmp_path, reply) as (upstream, adapter):
        with pytest.raises(BadPayload, match=rf"^{case.name}: "):
            case.ask(adapter)
        assert case.questions(upstream) == 1


def test_a_huge_answer_is_cut_off(case: Case, tmp_path: Path) -> None:
    with opened(case, tmp_path, Reply(b" " * 3_000_000), most_bytes=50_000) as (upstream, adapter):
        with pytest.raises(BadPayload, match="larger than 50000 bytes"):
            case.ask(adapter)
        assert case.questions(upstream) == 1


def test_slow_bytes_do_not_add_up(case: Case, tmp_path: Path) -> None:
    """Each byte comes in time, the answer does not."""
    with opened(case, tmp_path, Reply(b" " * 10_000, pause=0.05), timeout=1.0) as (upstream, adapter):
        started = time.monotonic()
        with pytest.raises(Unavailable, match=r"was not complete after 1 s"):
            case.ask(adapter)
        assert time.monotonic() - started < PATIENCE, "all of it would take 500 s"
        assert case.questions(upstream) == 1


def test_no_answer_in_time(case: Case, tmp_path: Path) -> None:
    with opened(case, tmp_path, timeout=0.2) as (upstream, adapter):
        upstream.hang()
        with pytest.raises(Unavailable, match=rf"^{case.name}: no answer \(") as caught:
            case.ask(adapter)
        upstream.await_call()
        assert case.questions(upstream) == 1
        assert KEY not in str(caught.value)


def test_the_connection_is_lost_in_the_middle(case: Case, tmp_path: Path) -> None:
    with opened(case, tmp_path, Reply(b'{"c": 192', length=5000)) as (upstream, adapter):
        with pytest.raises(Unavailable, match=rf"^{case.name}: "):
            case.ask(adapter)
        assert case.questions(upstream) == 1


def test_nobody_there(case: Case, tmp_path: Path) -> None:
    adapter = case.open("http://127.0.0.1:9", Bounds(case.name, PATIENCE, 1000, no_limit), tmp_path)
    with pytest.raises(Unavailable, match=rf"^{case.name}: no answer \(") as caught:
        case.ask(adapter)
    assert KEY not in str(caught.value)


def test_nothing_is_sent_when_the_calls_are_used_up(case: Case, tmp_path: Path) -> None:
    def used_up() -> None:
        raise Throttled("used up", retry_after=9)

    with opened(case, tmp_path, limit=used_up) as (upstream, adapter):
        with pytest.raises(Throttled):
            case.ask(adapter)
        assert upstream.calls == []


def test_every_request_is_counted(case: Case, tmp_path: Path) -> None:
    counted: list[int] = []
    with opened(case, tmp_path, limit=lambda: counted.append(1)) as (upstream, adapter):
        try:
            case.ask(adapter)
        except ProviderError:
            assert case.name == "csv_file", "there is no such file"
        assert len(counted) == len(upstream.calls) > 0
