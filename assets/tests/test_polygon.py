"""The client of Polygon against an upstream that speaks real HTTP."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, date, datetime
from decimal import Decimal

import pytest

from assets.providers.base import BadPayload, Bar, ProviderError, Throttled, Unavailable
from assets.providers.polygon import Polygon
from assets.providers.transport import Bounds, seconds_to_wait
from assets.tests.fake_polygon import DAY, KEY, FakePolygon, Reply, body, row
from core.testing import PATIENCE


def bounds(
    timeout: float = PATIENCE, limit: Callable[[], None] = lambda: None, *, most_bytes: int = 1_000_000
) -> Bounds:
    return Bounds("polygon", timeout, most_bytes, limit)


def client(upstream: FakePolygon, *, timeout: float = PATIENCE) -> Polygon:
    return Polygon(KEY, url=upstream.url, bounds=bounds(timeout))


def ask(upstream: FakePolygon, *symbols: str, timeout: float = PATIENCE) -> list[Bar]:
    return client(upstream, timeout=timeout).daily_bars(symbols or ("AAPL", "MSFT"), DAY)


def test_a_whole_market_is_one_request_for_unadjusted_bars(upstream: FakePolygon) -> None:
    upstream.days[DAY.isoformat()] = [
        row("AAPL", 192.25, o=191.44, h=192.57, l=189.91, v=75158277.0),
        row("MSFT", 415.13),
        row("ZZZ", 1),
    ]
    bars = ask(upstream)
    assert bars[0] == Bar(
        "AAPL",
        DAY,
        close=Decimal("192.25"),
        open=Decimal("191.44"),
        high=Decimal("192.57"),
        low=Decimal("189.91"),
        volume=Decimal("75158277.0"),
        currency="USD",
    )
    assert [bar.symbol for bar in bars] == ["AAPL", "MSFT"], "what was not asked for is left out"
    [call] = upstream.calls
    assert call.path == "/v2/aggs/grouped/locale/us/market/stocks/2024-05-31"
    assert call.query["adjusted"] == ["false"]
    assert call.key == f"Bearer {KEY}"


def test_pairs_are_asked_for_in_their_own_markets(upstream: FakePolygon) -> None:
    upstream.days[DAY.isoformat()] = [row("C:EURUSD", 1.0848), row("X:BTCUSD", 67500), row("AAPL", 192.25)]
    closes = {bar.symbol: bar.close for bar in ask(upstream, "AAPL", "EURUSD", "BTC-USD")}
    assert closes == {"AAPL": Decimal("192.25"), "EURUSD": Decimal("1.0848"), "BTC-USD": Decimal(67500)}
    assert sorted(call.path.split("/")[-2] for call in upstream.calls) == ["crypto", "fx", "stocks"]


def test_a_day_without_trades_has_no_bars(upstream: FakePolygon) -> None:
    upstream.replies = [Reply(body()), Reply(body(results=[]))]
    assert ask(upstream) == []
    assert ask(upstream) == []


def test_a_double_keeps_the_digits_that_it_carries(upstream: FakePolygon) -> None:
    upstream.replies = [Reply(body().replace(b'"OK"', b'"OK", "results": [{"T": "AAPL", "c": 74.06000000000001}]'))]
    assert ask(upstream)[0].close == Decimal("74.06")


@pytest.mark.parametrize(
    ("status", "headers", "wait"),
    [
        pytest.param(429, {"Retry-After": "17"}, 17.0, id="429 with Retry-After"),
        pytest.param(429, {}, None, id="429 without"),
        pytest.param(429, {"Retry-After": "soon"}, None, id="429 with nonsense"),
        pytest.param(500, {}, None, id="500"),
        pytest.param(503, {"Retry-After": "3"}, 3.0, id="503 with Retry-After"),
        pytest.param(401, {}, None, id="wrong key"),
        pytest.param(403, {}, None, id="key without this market"),
    ],
)
def test_refusals_are_not_repeated(
    upstream: FakePolygon, status: int, headers: dict[str, str], wait: float | None
) -> None:
    upstream.always = Reply(b'{"status": "ERROR"}', status, headers)
    with pytest.raises(Unavailable, match=f"HTTP {status}") as caught:
        ask(upstream)
    assert caught.value.retry_after == wait
    assert len(upstream.calls) == 1, "a blind retry uses up the limit"
    assert KEY not in str(caught.value)


@pytest.mark.parametrize(
    ("reply", "error"),
    [
        pytest.param(Reply(b"<html>maintenance</html>", headers={"Content-Type": "text/html"}), BadPayload, id="html"),
        pytest.param(Reply(body(row("AAPL", 1))[:-30]), BadPayload, id="cut JSON"),
        pytest.param(Reply(body(row("AAPL", 1)), length=5000), Unavailable, id="connection lost in the middle"),
        pytest.param(Reply(b""), BadPayload, id="empty body"),
        pytest.param(Reply(b"\xff\xfe\x00"), BadPayload, id="not UTF-8"),
        pytest.param(Reply(b"[]"), BadPayload, id="a list"),
        pytest.param(Reply(b"[" * 100_000), BadPayload, id="nested without end"),
        pytest.param(Reply(b'{"status": "OK"}'), BadPayload, id="neither results nor their number"),
        pytest.param(Reply(body(resultsCount=3)), BadPayload, id="results counted but not there"),
        pytest.param(Reply(body(results={"T": "AAPL"})), BadPayload, id="results no list"),
        pytest.param(Reply(body(results=[17])), BadPayload, id="a result no object"),
        pytest.param(Reply(body(row("AAPL", 1) | {"T": None})), BadPayload, id="no ticker"),
        pytest.param(Reply(body(row("AAPL", 1) | {"t": "noon"})), BadPayload, id="no time"),
        pytest.param(Reply(body(row("AAPL", 1) | {"t": 10**30})), BadPayload, id="a time beyond any calendar"),
        pytest.param(Reply(body(status="ERROR")), BadPayload, id="an error with HTTP 200"),
        pytest.param(Reply(b"nothing here", 404), BadPayload, id="wrong address"),
        pytest.param(Reply(b"", 302, {"Location": "http://127.0.0.1:9/"}), BadPayload, id="sent elsewhere"),
        pytest.param(Reply(b"no gzip", headers={"Content-Encoding": "gzip"}), Unavailable, id="broken compression"),
    ],
)
def test_what_is_not_the_documented_answer_is_an_error(
    upstream: FakePolygon, reply: Reply, error: type[ProviderError]
) -> None:
    upstream.always = reply
    with pytest.raises(error, match=r"^polygon: "):
        ask(upstream)
    assert len(upstream.calls) == 1


@pytest.mark.parametrize("close", ["12.3", None, True, [1], float("nan")], ids=str)
def test_a_figure_that_is_no_number_comes_as_nan(upstream: FakePolygon, close: object) -> None:
    upstream.days[DAY.isoformat()] = [row("AAPL", close), row("MSFT", 2)]
    bad, good = ask(upstream)
    assert bad.close.is_nan()
    assert good.close == 2


def test_the_answer_says_which_day_it_is_of(upstream: FakePolygon) -> None:
    upstream.days[DAY.isoformat()] = [row("AAPL", 1, day=date(2024, 5, 30))]
    assert ask(upstream)[0].day == date(2024, 5, 30)


def test_an_upstream_that_does_not_answer_is_given_up(upstream: FakePolygon) -> None:
    upstream.hang()
    with pytest.raises(Unavailable, match="ReadTimeoutError"):
        ask(upstream, timeout=0.1)
    upstream.await_call()
    assert len(upstream.calls) == 1


def test_nobody_there() -> None:
    with pytest.raises(Unavailable, match="NewConnectionError"):
        Polygon(KEY, url="http://127.0.0.1:9", bounds=bounds()).daily_bars(["AAPL"], DAY)


def test_nothing_is_sent_when_the_limit_is_used_up(upstream: FakePolygon) -> None:
    def used_up() -> None:
        raise Throttled("polygon: used up", retry_after=9)

    with pytest.raises(Throttled):
        Polygon(KEY, url=upstream.url, bounds=bounds(limit=used_up)).daily_bars(["AAPL"], DAY)
    assert upstream.calls == []


@pytest.mark.parametrize(
    ("header", "seconds"),
    [
        ("30", 30.0),
        (" 0 ", 0.0),
        ("Fri, 31 May 2024 12:01:00 GMT", 60.0),
        ("Fri, 31 May 2024 11:00:00 GMT", 0.0),
        ("999999999", 86_400.0),
        ("-5", None),
        ("١٢", None),
        ("Fri, 31 May", None),
        (None, None),
    ],
)
def test_retry_after(header: str | None, seconds: float | None) -> None:
    assert seconds_to_wait(header, datetime(2024, 5, 31, 12, tzinfo=UTC)) == seconds
