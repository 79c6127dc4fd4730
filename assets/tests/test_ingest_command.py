"""manage.py ingest, and the tasks that beat sends."""

from __future__ import annotations

import io
from datetime import UTC, date, datetime
from typing import Any

import pytest
from django.core.management import CommandError, call_command

from assets.models import HistoricValue, IngestionRun
from assets.services.due import last_ended_session
from assets.tasks import ingest_day, ingest_due, sweep
from assets.tests.factories import make_asset, make_exchange
from assets.tests.fake_polygon import DAY, FakePolygon, Reply

pytestmark = pytest.mark.django_db


def ingest(*arguments: str) -> str:
    out = io.StringIO()
    call_command("ingest", *arguments, stdout=out, no_color=True)
    return out.getvalue()


def failing(*arguments: str) -> tuple[str, str]:
    """What it prints, and the message with which it ends."""
    out = io.StringIO()
    with pytest.raises(CommandError) as caught:
        call_command("ingest", *arguments, stdout=out, no_color=True)
    return out.getvalue(), str(caught.value)


def test_one_day(polygon: FakePolygon) -> None:
    make_asset("AAPL")
    polygon.trade({"AAPL": 192.25})
    assert ingest("--date", str(DAY)) == (
        "[1/1] XNYS 2024-05-31 complete: 1 of 1 assets have their bar.\n1 market days are complete.\n"
    )
    assert "complete" in ingest("--date", str(DAY), "--market", "XNYS")
    assert len(polygon.calls) == 1


def test_since_a_day_oldest_first(polygon: FakePolygon) -> None:
    make_asset("AAPL")
    last = last_ended_session(make_exchange(), datetime.now(UTC))
    since = date.fromordinal(last.toordinal() - 6)
    printed, _ = failing("--since", str(since), "--market", "XNYS")
    days = [call.day for call in polygon.calls]
    assert days == sorted(days)
    assert days[-1] == str(last)
    assert f"[1/{len(days)}] XNYS {days[0]} incomplete" in printed


def test_what_is_missing_is_listed_and_the_exit_code_says_so(polygon: FakePolygon) -> None:
    make_asset("AAPL")
    make_asset("MSFT")
    polygon.trade({"AAPL": 192.25, "MSFT": -1})
    printed, error = failing("--date", str(DAY))
    assert "    MSFT: polygon: close -1 is not above zero" in printed
    assert error == "1 of 1 market days are not complete."


def test_it_waits_for_the_limit_of_calls(polygon: FakePolygon, settings: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("assets.services.quota.WINDOW", 0.4)
    settings.POLYGON_CALLS_PER_MINUTE = 1
    make_asset("AAPL")
    make_asset("BTC-USD", exchange=make_exchange("CRYPTO", calendar="24/7"))
    polygon.trade({"AAPL": 192.25, "X:BTCUSD": 67500})
    printed = ingest("--date", str(DAY))
    assert "1 calls a minute are used up" in printed
    assert "2 market days are complete." in printed
    assert len(polygon.calls) == 2


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--date", "2024-06-01", "--market", "XNYS"], "has no session on 2024-06-01"),
        (["--date", "2999-01-02", "--market", "XNYS"], "XNYS"),
        (["--date", "2024-05-31", "--market", "MARS"], "There is no exchange “MARS”"),
        (["--date", "31.05.2024"], "is not a date"),
        ([], "required"),
    ],
)
def test_mistakes_are_named(polygon: FakePolygon, arguments: list[str], message: str) -> None:
    make_asset("AAPL")
    assert message in failing(*arguments)[1]
    assert polygon.calls == []


def test_without_a_provider() -> None:
    make_asset("AAPL")
    assert "AAPL: no price provider is configured for XNYS" in failing("--date", str(DAY))[0]


def test_a_day_that_two_ticks_queue_is_fetched_once(polygon: FakePolygon) -> None:
    """Each message is delivered ten times; only rows count."""
    last = last_ended_session(make_exchange(ingest_since=DAY), datetime.now(UTC))
    make_asset("AAPL")
    polygon.trade({"AAPL": 192.25}, last)
    for _ in range(10):
        ingest_day("XNYS", last.isoformat())
    assert [call.day for call in polygon.calls] == [last.isoformat()]
    assert IngestionRun.objects.get().attempts == 1
    assert HistoricValue.objects.count() == 1


def test_a_tick_queues_what_is_due(polygon: FakePolygon, celery_queue: Any) -> None:
    make_exchange(ingest_since=DAY)
    make_asset("AAPL")
    ingest_due()
    queued = celery_queue("assets.ingest_day")
    assert queued[0] == ["XNYS", DAY.isoformat()]
    assert queued == sorted(queued)


def test_the_sweep_queues_what_a_dead_worker_left(polygon: FakePolygon, celery_queue: Any) -> None:
    make_asset("AAPL")
    polygon.always = Reply(b"", 500)
    past = datetime(2024, 6, 1, tzinfo=UTC)
    IngestionRun.objects.create(market_id="XNYS", day=DAY, state="running", fence=1, attempts=1, lease_until=past)
    sweep()
    assert celery_queue("assets.ingest_day") == [["XNYS", DAY.isoformat()]]
    assert IngestionRun.objects.get().message == "Its worker was lost."
