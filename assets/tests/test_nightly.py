"""Work of the night: due once for each market, over missed nights and clock changes; and the feeds' actions with it."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from typing import Any
from zoneinfo import ZoneInfo

import pytest

from assets.models import ActionProposal, Asset, Exchange, HistoricValue, IngestionRun
from assets.services.due import due_days
from assets.services.ingestion import ingest
from assets.services.nightly import Outcome, do, due_nights, night_of
from assets.services.notices import JOB, fetch_night
from assets.tests.factories import make_asset, make_exchange
from assets.tests.fake_past import FakePast, running
from assets.tests.fake_polygon import KEY, FakePolygon, Reply, row
from assets.tests.fake_polygon import running as running_polygon
from core.testing import PATIENCE

FRIDAY = date(2024, 5, 31)
NOW = datetime(2024, 6, 1, 7, tzinfo=UTC)

pytestmark = pytest.mark.django_db


def at(text: str, zone: str = "UTC") -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=ZoneInfo(zone))


@pytest.fixture
def market(db: None) -> Exchange:
    make_asset("AAPL", exchange=make_exchange("XNYS", ingest_since=FRIDAY))
    return Exchange.objects.get()


def finish(market: Exchange, now: datetime, **outcome: Any) -> IngestionRun | None:
    return do("job", market, night_of(market, now), lambda _: Outcome("done", **outcome), now=now)


def nights(now: datetime) -> list[date]:
    return [item.day for item in due_nights("job", now)]


def test_once_a_night_from_the_hour_on(market: Exchange) -> None:
    assert nights(at("2024-06-01T02:59")) == [FRIDAY], "the night before last, if nobody did it"
    assert nights(at("2024-06-01T03:00")) == [date(2024, 6, 1)]
    assert finish(market, at("2024-06-01T03:00"))
    assert finish(market, at("2024-06-01T03:00")) is None
    for text in ("2024-06-01T03:01", "2024-06-02T02:59"):
        assert nights(at(text)) == []
    assert nights(at("2024-06-02T03:00")) == [date(2024, 6, 2)]


def test_nights_that_were_missed_are_over(market: Exchange) -> None:
    finish(market, at("2024-06-01T03:00"))
    assert nights(at("2024-06-10T12:00")) == [date(2024, 6, 10)]


@pytest.mark.parametrize("day", [date(2024, 3, 31), date(2024, 10, 27)])
def test_the_clock_changes_and_it_is_one_night(market: Exchange, day: date) -> None:
    """At 03:00 in Berlin the clock has just sprung forward, or an hour comes twice before it."""
    Exchange.objects.update(ingest_zone="Europe/Berlin")
    market.refresh_from_db()
    done = 0
    moment = datetime(day.year, day.month, day.day, tzinfo=UTC) - timedelta(hours=6)
    while moment < datetime(day.year, day.month, day.day, tzinfo=UTC) + timedelta(hours=18):
        for night in due_nights("job", moment):
            done += night.day == day and finish(market, moment) is not None
        moment += timedelta(minutes=10)
    assert done == 1


def test_what_is_missing_is_tried_again_and_then_done(market: Exchange) -> None:
    now = at("2024-06-01T03:00")
    first = finish(market, now, expected=2, done=1, missing={"AAPL": "away"}, retry_after=90)
    assert first
    assert (first.state, first.next_attempt_at) == ("incomplete", now + timedelta(seconds=90))
    assert nights(now + timedelta(seconds=80)) == []
    later = now + timedelta(seconds=90)
    assert nights(later) == [date(2024, 6, 1)]
    done = finish(market, later)
    assert done
    assert (done.state, done.attempts, done.fence) == ("complete", 2, 2)


def test_the_runs_of_other_jobs_are_not_the_prices(market: Exchange) -> None:
    finish(market, NOW)
    assert [item.day for item in due_days(NOW)] == [FRIDAY]


# --- splits and dividends from a fake Polygon -----------------------------------------------------------------------


@pytest.fixture
def polygon(settings: Any) -> Iterator[FakePast]:
    with running() as fake:
        settings.PRICE_PROVIDERS = ["polygon"]
        settings.POLYGON_URL, settings.POLYGON_API_KEY = fake.url, KEY
        settings.POLYGON_CALLS_PER_MINUTE, settings.POLYGON_TIMEOUT = 0, PATIENCE
        yield fake


def split(ticker: str, day: str, new: int, old: int) -> dict[str, Any]:
    return {"execution_date": day, "id": f"id-{ticker}", "split_from": old, "split_to": new, "ticker": ticker}


def fetch(market: Exchange, assets: list[Asset], days: int = 0) -> IngestionRun | None:
    now = NOW + timedelta(days=days)
    return fetch_night(market, now.date(), [asset.pk for asset in assets], now=now)


def test_the_feeds_are_asked_each_night_and_each_notice_is_proposed_once(market: Exchange, polygon: FakePast) -> None:
    apple = market.assets.get()
    make_asset("MSFT")
    polygon.splits = [split("AAPL", "2024-06-10", 1, 3)]
    for days in range(3):
        done = fetch(market, [apple], days)
        assert done
        assert (done.job, done.state, done.expected) == (JOB, "complete", 1)
    made = ActionProposal.objects.get()
    assert (made.provider, made.external_id, made.kind, made.ex_date) == (
        "polygon",
        "id-AAPL",
        "reverse_split",
        date(2024, 6, 10),
    )
    assert (made.ratio, made.per, made.last_seen) == (1, 3, NOW + timedelta(days=2))
    asked = [call.asked("ticker") for call in polygon.calls]
    assert asked == ["AAPL"] * 6, "splits and dividends, of what is held alone"
    assert fetch(market, [apple]) is None, "that night is done"


def test_who_was_not_answered_is_asked_again_alone(market: Exchange, polygon: FakePast) -> None:
    assets = [market.assets.get(), make_asset("MSFT")]
    polygon.replies = [Reply(b"", 500)]
    failed = fetch(market, assets)
    assert failed
    assert (failed.state, list(failed.missing), failed.stored) == ("incomplete", ["AAPL"], 1)
    calls = len(polygon.calls)
    done = fetch_night(market, NOW.date(), [a.pk for a in assets], now=NOW + timedelta(minutes=1))
    assert done
    assert done.state == "complete"
    assert [call.asked("ticker") for call in polygon.calls[calls:]] == ["AAPL", "AAPL"]


def test_rates_and_coins_have_no_actions(market: Exchange, polygon: FakePast) -> None:
    assets = [make_asset(symbol, type=kind) for symbol, kind in (("EURUSD", "fx"), ("SPX", "index"), ("C", "crypto"))]
    done = fetch(market, assets)
    assert done
    assert (done.state, done.expected, polygon.calls) == ("complete", 0, [])


# --- crypto -----------------------------------------------------------------------------------------------------------


def test_crypto_is_fetched_on_a_sunday(db: None, settings: Any) -> None:

    sunday = date(2024, 6, 2)
    market = make_exchange("CRYPTO", calendar="24/7", time_zone="UTC", ingest_since=date(2024, 5, 31))
    make_asset("BTC-USD", type="crypto", exchange=market)
    with running_polygon() as fake:
        settings.PRICE_PROVIDERS, settings.POLYGON_URL, settings.POLYGON_API_KEY = ["polygon"], fake.url, KEY
        settings.POLYGON_CALLS_PER_MINUTE = 0
        known: FakePolygon = fake
        midday = int(datetime(2024, 6, 2, 16, tzinfo=UTC).timestamp() * 1000)
        known.days[sunday.isoformat()] = [row("X:BTCUSD", 67512.12345678, day=sunday, t=midday)]
        now = datetime(2024, 6, 3, 7, tzinfo=UTC)
        assert sunday in [item.day for item in due_days(now)]
        done = ingest(market, sunday, now=now)
    assert (done.state, done.stored) == ("complete", 1)
    assert HistoricValue.objects.get().close == Decimal("67512.12345678")
