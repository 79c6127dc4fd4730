"""A market's day from a fake Polygon over HTTP to rows: what is stored, and what the run says."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from django.db import connection

from activity.models import AuditEvent
from assets.models import Exchange, HistoricValue, IngestionRun, PriceClock
from assets.services import lease, quota
from assets.services.due import SessionNotOver, due_days
from assets.services.ingestion import ingest
from assets.tests.factories import make_asset, make_bars, make_exchange
from assets.tests.fake_polygon import DAY, FakePolygon, Reply, body, row
from core.testing import PATIENCE

NOW = datetime(2024, 6, 1, 7, tzinfo=UTC)  # the night after DAY, a Friday
MINUTE, MOMENT = timedelta(minutes=1), timedelta(milliseconds=1)

pytestmark = pytest.mark.django_db


@pytest.fixture
def market(db: None) -> Exchange:
    """New York with two assets, installed on DAY."""
    exchange = make_exchange("XNYS", ingest_since=DAY)
    make_asset("AAPL")
    make_asset("MSFT")
    return exchange


def run(market: Exchange, *, now: datetime = NOW, force: bool = False) -> IngestionRun:
    return ingest(market, DAY, now=now, force=force)


def closes(day: date = DAY) -> dict[str, Decimal]:
    return dict(HistoricValue.objects.filter(day=day).values_list("asset__symbol", "close"))


def is_due(now: datetime) -> bool:
    return DAY in [item.day for item in due_days(now)]


def test_a_full_answer_completes_the_run(market: Exchange, polygon: FakePolygon) -> None:
    polygon.trade({"AAPL": 192.25, "MSFT": 415.13, "OTHER": 1})
    done = run(market)
    assert (done.state, done.expected, done.stored, done.missing) == ("complete", 2, 2, {})
    assert closes() == {"AAPL": Decimal("192.25"), "MSFT": Decimal("415.13")}
    assert set(HistoricValue.objects.values_list("source", flat=True)) == {"polygon"}
    assert set(market.assets.values_list("price_version", flat=True)) == {PriceClock.read()}
    assert len(polygon.calls) == 1
    assert AuditEvent.objects.filter(action="prices.ingested", subject_id=str(done.pk)).count() == 1


def test_a_complete_day_is_never_asked_for_again(market: Exchange, polygon: FakePolygon) -> None:
    polygon.trade({"AAPL": 1, "MSFT": 2})
    for _ in range(10):
        run(market, force=True)
    assert len(polygon.calls) == 1
    assert IngestionRun.objects.get().attempts == 1
    assert not is_due(NOW + timedelta(days=30))


@pytest.mark.parametrize(
    ("reply", "reason"),
    [
        pytest.param(Reply(body()), "no bar for this day", id="empty market"),
        pytest.param(Reply(b"", 429, {"Retry-After": "40"}), "too many calls", id="429"),
        pytest.param(Reply(b"", 429), "too many calls", id="429 without Retry-After"),
        pytest.param(Reply(b"", 500), "a fault of its own", id="500"),
        pytest.param(Reply(b"\x00garbage"), "not JSON", id="garbage"),
        pytest.param(Reply(body(row("AAPL", 1), row("MSFT", 2))[:-40]), "not JSON", id="cut JSON"),
        pytest.param(Reply(b"<html></html>"), "not JSON", id="HTML with 200"),
        pytest.param(Reply(b'{"status": "OK"}'), "no list of results", id="no results"),
        pytest.param(Reply(body(row("APPL", 1), row("aapl", 2))), "no bar for this day", id="wrong symbols"),
        pytest.param(Reply(body(row("AAPL", 1, day=date(2024, 5, 30)))), "is of 2024-05-30", id="another day"),
    ],
)
def test_an_answer_without_good_bars_stores_nothing(
    market: Exchange, polygon: FakePolygon, reply: Reply, reason: str
) -> None:
    polygon.always = reply
    failed = run(market)
    assert (failed.state, failed.stored) == ("incomplete", 0)
    assert reason in failed.missing["AAPL"]
    assert set(failed.missing) == {"AAPL", "MSFT"}
    assert not HistoricValue.objects.exists()
    assert PriceClock.read() == 0
    assert len(polygon.calls) == 1
    assert failed.next_attempt_at is not None
    assert failed.next_attempt_at > NOW


@pytest.mark.parametrize(
    ("rows", "reason"),
    [
        pytest.param([row("AAPL", float("nan"))], "is not a number", id="NaN"),
        pytest.param([row("AAPL", float("inf"))], "is not a number", id="infinity"),
        pytest.param([row("AAPL", 0)], "is not above zero", id="zero"),
        pytest.param([row("AAPL", -5)], "is not above zero", id="negative"),
        pytest.param([row("AAPL", "192")], "is not a number", id="a text"),
        pytest.param([row("AAPL", 1e300)], "is absurdly large", id="absurd"),
        pytest.param([row("AAPL", 105, l=100, h=104)], "is above high", id="close above high"),
        pytest.param([row("AAPL", 5, v=-1)], "is below zero", id="negative volume"),
        pytest.param([row("AAPL", 5), row("AAPL", 6)], "two different bars", id="conflicting duplicates"),
        pytest.param([row("AAPL", 151)], "more than 50% without a corporate action", id="a jump up"),
        pytest.param([row("AAPL", 49)], "more than 50% without a corporate action", id="a jump down"),
    ],
)
def test_a_bad_bar_is_refused_and_the_good_ones_stored(
    market: Exchange, polygon: FakePolygon, rows: list[dict[str, Any]], reason: str
) -> None:
    make_bars(market.assets.get(symbol="AAPL"), {date(2024, 5, 30): 100})
    polygon.days[DAY.isoformat()] = [*rows, row("MSFT", 415)]
    half = run(market)
    assert (half.state, half.stored, half.refused) == ("incomplete", 1, 1)
    assert reason in half.missing["AAPL"]
    assert closes() == {"MSFT": Decimal(415)}
    assert "1 of 2 assets have their bar; 1 bars were refused" in half.message


def test_the_same_bar_twice_counts_once(market: Exchange, polygon: FakePolygon) -> None:
    polygon.days[DAY.isoformat()] = [row("AAPL", 5), row("AAPL", 5), row("MSFT", 6)]
    assert run(market).state == "complete"
    assert HistoricValue.objects.count() == 2


def test_a_large_move_is_stored_and_flagged(market: Exchange, polygon: FakePolygon) -> None:
    make_bars(market.assets.get(symbol="AAPL"), {date(2024, 5, 30): 100})
    polygon.trade({"AAPL": 130, "MSFT": 6})
    done = run(market)
    assert done.state == "complete"
    assert "AAPL: close moved by +30.0%" in done.message


def test_a_second_attempt_asks_for_what_is_missing(market: Exchange, polygon: FakePolygon) -> None:
    polygon.trade({"AAPL": 5})
    first = run(market)
    assert first.missing == {"MSFT": "polygon: no bar for this day"}
    version = market.assets.get(symbol="AAPL").price_version
    polygon.trade({"AAPL": 7, "MSFT": 6})
    assert run(market).attempts == 1, "the wait is not over"
    second = run(market, now=NOW + MINUTE)
    assert (second.state, second.attempts) == ("complete", 2)
    assert closes() == {"AAPL": Decimal(5), "MSFT": Decimal(6)}
    assert market.assets.get(symbol="AAPL").price_version == version


def test_waits_double(market: Exchange, polygon: FakePolygon) -> None:
    polygon.always = Reply(b"", 500)
    now, waits = NOW, []
    for _ in range(5):
        failed = run(market, now=now)
        assert failed.next_attempt_at is not None
        assert not is_due(failed.next_attempt_at - timedelta(seconds=1))
        waits.append(failed.next_attempt_at - now)
        now = failed.next_attempt_at
        assert is_due(now)
    assert waits == [MINUTE * factor for factor in (1, 2, 4, 8, 16)]
    assert len(polygon.calls) == 5


def test_a_retry_after_of_nothing_waits_as_any_failure_does(market: Exchange, polygon: FakePolygon) -> None:
    polygon.always = Reply(b"", 503, {"Retry-After": "0"})
    now, waits = NOW, []
    for _ in range(3):
        failed = run(market, now=now)
        assert failed.next_attempt_at is not None
        waits.append(failed.next_attempt_at - now)
        now = failed.next_attempt_at
    assert waits == [MINUTE * factor for factor in (1, 2, 4)]


def test_retry_after_holds_all_days_back(market: Exchange, polygon: FakePolygon) -> None:
    polygon.always = Reply(b"", 429, {"Retry-After": "400"})
    now = datetime.now(UTC)
    failed = ingest(market, DAY, now=now)
    assert failed.next_attempt_at == now + timedelta(seconds=400)
    other = ingest(market, date(2024, 5, 30), now=now)
    assert (other.state, other.attempts) == ("pending", 0), "an attempt that sent nothing is none"
    assert other.next_attempt_at is not None
    assert 200 < (other.next_attempt_at - now).total_seconds() <= 401
    assert len(polygon.calls) == 1


def test_the_limit_of_calls_makes_days_wait_and_costs_no_attempt(
    market: Exchange, polygon: FakePolygon, settings: Any
) -> None:
    settings.POLYGON_CALLS_PER_MINUTE = 2
    days = [date(2024, 5, day) for day in (28, 29, 30, 31)]
    for day in days:
        polygon.trade({"AAPL": 5, "MSFT": 6}, day)
    runs = [ingest(market, day, now=datetime.now(UTC)) for day in days]
    assert [item.state for item in runs] == ["complete", "complete", "pending", "pending"]
    assert [item.attempts for item in runs] == [1, 1, 0, 0]
    assert "2 calls a minute are used up" in runs[2].message
    assert len(polygon.calls) == 2


def test_without_a_provider_nothing_changes_until_a_key_is_entered(
    market: Exchange, upstream: FakePolygon, settings: Any
) -> None:
    waiting = run(market)
    assert waiting.state == "incomplete"
    assert waiting.missing == dict.fromkeys(["AAPL", "MSFT"], "no price provider is configured for XNYS")
    assert "as soon as one is" in waiting.message
    assert not HistoricValue.objects.exists()
    assert PriceClock.read() == 0
    assert not is_due(NOW + timedelta(days=100)), "trying again is of no use"
    assert run(market, now=NOW + timedelta(days=1)).attempts == 1

    settings.POLYGON_API_KEY, settings.POLYGON_URL = "entered later", upstream.url
    upstream.trade({"AAPL": 5, "MSFT": 6})
    assert is_due(NOW + timedelta(days=1))
    assert run(market, now=NOW + timedelta(days=1)).state == "complete"


def test_a_corrected_key_does_not_wait(market: Exchange, polygon: FakePolygon, settings: Any) -> None:
    polygon.replies = [Reply(b"", 401)]
    polygon.trade({"AAPL": 5, "MSFT": 6})
    assert "the key was refused" in run(market).message
    assert not is_due(NOW)
    settings.POLYGON_API_KEY = "the right one"
    assert is_due(NOW)
    assert run(market).state == "complete"


def test_the_second_provider_fills_the_gap(
    market: Exchange, polygon: FakePolygon, settings: Any, tmp_path: Path
) -> None:
    settings.PRICE_CSV_DIR = str(tmp_path)
    lines = ["symbol,date,open,high,low,close,volume", f"MSFT,{DAY},,,,415.13,", f"AAPL,{DAY},,,,1,"]
    (tmp_path / "own.csv").write_text("\n".join(lines))
    polygon.trade({"AAPL": 192})
    assert run(market).state == "complete"
    sources = dict(HistoricValue.objects.values_list("asset__symbol", "source"))
    assert sources == {"AAPL": "polygon", "MSFT": "csv_file"}


def test_both_providers_say_why(market: Exchange, polygon: FakePolygon, settings: Any, tmp_path: Path) -> None:
    settings.PRICE_CSV_DIR = str(tmp_path)
    (tmp_path / "own.csv").write_text("wrong,columns\n")
    polygon.trade({"AAPL": 192, "MSFT": -1})
    reason = run(market).missing["MSFT"]
    assert "polygon: close -1 is not above zero; csv_file: own.csv does not begin with" in reason


def test_polygon_is_not_asked_for_a_foreign_market(polygon: FakePolygon) -> None:
    london = make_exchange("XLON", ingest_since=DAY, time_zone="Europe/London")
    make_asset("BP", exchange=london, currency="GBP")
    polygon.trade({"BP": 37})
    assert run(london).missing == {"BP": "no price provider is configured for XLON"}
    assert polygon.calls == []


def test_simulated_prices_only_when_listed(market: Exchange, settings: Any) -> None:
    make_bars(market.assets.get(symbol="AAPL"), {date(2024, 5, 30): 100})
    settings.PRICE_PROVIDERS = ["polygon", "csv_file", "simulated"]
    assert run(market).state == "complete"
    bar = HistoricValue.objects.get(asset__symbol="AAPL", day=DAY)
    assert bar.source == "simulated"
    assert 80 < bar.close < 125, "the walk goes on from the last close"


@pytest.mark.parametrize(
    ("replies", "calls_a_minute", "missing"),
    [
        pytest.param([Reply(b"", 429)], 5, {"AAPL", "MSFT", "MADEUP"}, id="polygon is busy"),
        pytest.param([Reply(b"", 500)], 5, {"AAPL", "MSFT", "MADEUP"}, id="polygon is broken"),
        pytest.param([Reply(b"nonsense")], 5, {"AAPL", "MSFT", "MADEUP"}, id="polygon talks nonsense"),
        pytest.param([], 1, {"AAPL", "MSFT", "MADEUP"}, id="our own limit"),
        pytest.param([Reply(body(row("AAPL", -1), row("MSFT", 6)))], 5, {"AAPL"}, id="a bar is refused"),
        pytest.param([Reply(body(row("AAPL", 5), row("MSFT", 6)))], 5, set(), id="polygon does not know one"),
    ],
)
def test_simulated_prices_never_stand_in_for_the_markets(
    market: Exchange,
    polygon: FakePolygon,
    settings: Any,
    replies: list[Reply],
    calls_a_minute: int,
    missing: set[str],
) -> None:
    make_asset("MADEUP")
    settings.PRICE_PROVIDERS, settings.POLYGON_CALLS_PER_MINUTE = ["polygon", "simulated"], calls_a_minute
    if not replies:
        quota.spend_call("polygon", limits=quota.Limits(per_minute=1), now=datetime.now(UTC))
    polygon.replies = replies
    assert set(run(market).missing) == missing
    simulated = HistoricValue.objects.filter(source="simulated").values_list("asset__symbol", flat=True)
    assert set(simulated) == {"MADEUP"} - missing


@pytest.mark.parametrize(
    ("day", "reason"),
    [
        (date(2024, 6, 1), "no session"),
        (date(2024, 5, 27), "no session"),
        (date(2024, 6, 3), "not over yet"),
    ],
)
def test_only_sessions_that_are_over(market: Exchange, polygon: FakePolygon, day: date, reason: str) -> None:
    with pytest.raises(SessionNotOver, match=reason):
        ingest(market, day, now=NOW)
    assert not IngestionRun.objects.exists()


def test_an_unexpected_failure_is_written_down_and_tried_again(
    market: Exchange, polygon: FakePolygon, settings: Any
) -> None:
    settings.POLYGON_TIMEOUT = "soon"
    with pytest.raises(ValueError, match="soon"):
        run(market)
    failed = IngestionRun.objects.get()
    assert (failed.state, failed.next_attempt_at) == ("incomplete", NOW + MINUTE)
    assert failed.message.startswith("Failed: ValueError")
    settings.POLYGON_TIMEOUT = PATIENCE
    polygon.trade({"AAPL": 5, "MSFT": 6})
    assert run(market, now=NOW + MINUTE).state == "complete"


# --- two workers --------------------------------------------------------------------------------------------------


def _in_thread(work: Any) -> threading.Thread:
    def call() -> None:
        try:
            work()
        finally:
            connection.close()

    thread = threading.Thread(target=call, daemon=True)
    thread.start()
    return thread


def wait_for(condition: Callable[[], bool]) -> None:
    deadline = time.monotonic() + PATIENCE
    while not condition():
        assert time.monotonic() < deadline, f"{IngestionRun.objects.values()}"
        time.sleep(0.01)


def lease_end() -> datetime:
    end = IngestionRun.objects.get().lease_until
    assert end is not None
    return end


@pytest.mark.django_db(transaction=True)
def test_of_many_workers_one_fetches(market: Exchange, polygon: FakePolygon) -> None:
    polygon.trade({"AAPL": 5, "MSFT": 6})
    threads = [_in_thread(lambda: run(market)) for _ in range(10)]
    for thread in threads:
        thread.join()
    assert len(polygon.calls) == 1
    done = IngestionRun.objects.get()
    assert (done.state, done.fence) == ("complete", 1)
    assert HistoricValue.objects.count() == 2


@pytest.mark.django_db(transaction=True)
def test_the_lease_is_renewed_while_the_provider_is_slow(market: Exchange, polygon: FakePolygon, settings: Any) -> None:
    settings.INGEST_LEASE, settings.INGEST_HEARTBEAT = timedelta(minutes=5), timedelta(seconds=0.05)
    polygon.trade({"AAPL": 5, "MSFT": 6})
    polygon.hang()
    slow = _in_thread(lambda: ingest(market, DAY, now=datetime.now(UTC)))
    wait_for(lambda: bool(polygon.calls))
    first = lease_end()
    wait_for(lambda: lease_end() > first + MOMENT)
    later = first + MOMENT  # when the first lease would have run out
    assert lease.release_lost(later) == []
    assert ingest(market, DAY, now=later).state == "running"
    polygon.release()
    slow.join()
    assert IngestionRun.objects.get().state == "complete"
    assert len(polygon.calls) == 1


@pytest.mark.django_db(transaction=True)
def test_a_worker_that_was_taken_over_writes_nothing(market: Exchange, polygon: FakePolygon, settings: Any) -> None:
    settings.INGEST_HEARTBEAT = timedelta(hours=1)  # none within the lease
    polygon.days[DAY.isoformat()] = [row("AAPL", 1), row("MSFT", 2)]
    polygon.hang()
    late = _in_thread(lambda: ingest(market, DAY, now=datetime.now(UTC)))
    wait_for(lambda: bool(polygon.calls))
    later = lease_end() + MOMENT
    [lost] = lease.release_lost(later)
    assert (lost.market, lost.day) == ("XNYS", DAY)

    polygon.hanging.clear()  # the second worker's call is answered at once
    polygon.replies = [Reply(body(row("AAPL", 5), row("MSFT", 6)))]
    assert ingest(market, DAY, now=later).state == "complete"
    polygon.release()
    late.join()
    assert closes() == {"AAPL": Decimal(5), "MSFT": Decimal(6)}
    done = IngestionRun.objects.get()
    assert (done.state, done.fence) == ("complete", 2)


def test_a_run_that_keeps_killing_its_worker_waits_longer_and_longer(market: Exchange, settings: Any) -> None:
    now, waits = NOW, []
    for _ in range(5):
        assert lease.claim(market, DAY, providers="", now=now) is not None
        now += settings.INGEST_LEASE + timedelta(seconds=1)
        lease.release_lost(now)
        waits.append((IngestionRun.objects.get().next_attempt_at or now) - now)
        now += waits[-1]
    assert waits == [timedelta(0)] * 3 + [MINUTE, 2 * MINUTE]
