"""After weeks without the server: one question for each asset, not one for each asset and night."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from activity.models import Job
from assets import sessions
from assets.models import Backfill, Exchange, HistoricValue, IngestionRun
from assets.services.backfill import run_backfill
from assets.services.catching_up import MANY, by_night
from assets.services.due import due_days
from assets.services.ingestion import ingest
from assets.tests import fake_services as fakes
from assets.tests.factories import make_asset, make_bars, make_exchange
from assets.tests.fake_polygon import FakePolygon
from assets.tests.fake_upstream import Answering, as_json, serving

NOW = datetime(2024, 5, 11, 7, tzinfo=UTC)  # a Saturday
OFF_SINCE, LAST = date(2024, 4, 1), date(2024, 5, 10)
SYMBOLS = ("AAPL", "MSFT")

pytestmark = pytest.mark.django_db


def missed() -> list[date]:
    return sessions.sessions("XNYS", OFF_SINCE, LAST)


@pytest.fixture
def market(db: None) -> Exchange:
    """Two assets whose last bar is of the day before the server went off."""
    market = make_exchange("XNYS", ingest_since=date(2024, 3, 28))
    for symbol in SYMBOLS:
        make_bars(make_asset(symbol, exchange=market), {date(2024, 3, 28): 100})
    IngestionRun.objects.create(market=market, day=date(2024, 3, 28), state="complete")
    return market


@pytest.fixture
def yahoo(settings: Any, tmp_path: Path) -> Iterator[Answering]:
    fake = fakes.yahoo()
    for symbol in SYMBOLS:
        closes = fakes.chart(dict.fromkeys(missed(), 101), symbol=symbol)
        fake.answers[f"/v8/finance/chart/{symbol}"] = as_json(closes)
    with serving(fake):
        settings.PRICE_PROVIDERS, settings.YAHOO_URL, settings.VAR_DIR = ["yahoo"], fake.url, tmp_path
        settings.YAHOO_CALLS_PER_SECOND = settings.YAHOO_CALLS_PER_MINUTE = settings.YAHOO_CALLS_PER_DAY = 0
        yield fake


def charts(fake: Answering) -> int:
    return sum("/chart/" in call.path for call in fake.calls)


def test_a_history_takes_the_place_of_many_nights(market: Exchange, yahoo: Answering) -> None:
    assert [item.day for item in due_days(NOW)] == missed()
    for _ in range(2):
        assert by_night(due_days(NOW), NOW) == [], "they wait for the histories, which are asked for once"
    spans = list(Backfill.objects.order_by("asset__symbol").values_list("asset__symbol", "start", "end"))
    assert spans == [(symbol, OFF_SINCE, LAST) for symbol in SYMBOLS]
    for backfill in Backfill.objects.all():
        run_backfill(backfill.pk, now=NOW)
    assert (charts(yahoo), HistoricValue.objects.count()) == (2, 2 + 2 * len(missed()))
    left = by_night(due_days(NOW), NOW)
    assert [item.day for item in left] == missed(), "oldest first"
    assert {ingest(market, item.day, now=NOW).state for item in left} == {"complete"}
    assert charts(yahoo) == 2, "what is there is not asked for again"
    assert due_days(NOW) == []


def test_a_history_that_nobody_has_is_not_waited_for_again(market: Exchange, yahoo: Answering) -> None:
    by_night(due_days(NOW), NOW)
    Backfill.objects.update(state="failed")
    assert [item.day for item in by_night(due_days(NOW), NOW)] == missed()
    assert Backfill.objects.count() == 2


def test_a_slow_history_holds_nobody_up(market: Exchange, yahoo: Answering) -> None:
    """What it lacks is fetched night by night after an hour, or at once while it waits for its provider."""
    by_night(due_days(NOW), NOW)
    quick, slow = Backfill.objects.order_by("asset__symbol")
    run_backfill(quick.pk, now=NOW)
    assert by_night(due_days(NOW), NOW) == []
    later = {"state": "pending", "next_attempt_at": NOW + timedelta(minutes=30)}
    Backfill.objects.filter(pk=slow.pk).update(**later)
    assert [item.day for item in by_night(due_days(NOW), NOW)] == missed()
    Backfill.objects.filter(pk=slow.pk).update(state="running", next_attempt_at=None)
    assert by_night(due_days(NOW), NOW) == []
    Job.objects.update(created_at=NOW - timedelta(hours=2))
    assert [item.day for item in by_night(due_days(NOW), NOW)] == missed()
    asked = charts(yahoo)
    assert ingest(market, missed()[0], now=NOW).state == "complete"
    assert charts(yahoo) == asked + 1, "only the one that lacks it is asked for"


def test_one_history_of_many_assets_holds_nobody_up(market: Exchange, yahoo: Answering) -> None:
    by_night(due_days(NOW), NOW)
    Backfill.objects.filter(asset__symbol="MSFT").update(state="failed")
    assert [item.day for item in by_night(due_days(NOW), NOW)] == missed()


def test_a_part_that_has_come_is_not_waited_for(market: Exchange, yahoo: Answering) -> None:
    by_night(due_days(NOW), NOW)
    Backfill.objects.update(state="running", reached=date(2024, 4, 22))
    assert [item.day for item in by_night(due_days(NOW), NOW)] == [d for d in missed() if d >= date(2024, 4, 22)]


def test_each_minute_costs_as_much_however_many_assets(
    market: Exchange, yahoo: Answering, django_assert_num_queries: Any
) -> None:
    """Those whose histories are under way, and those that nobody has, which are not tried again each minute."""
    due = due_days(NOW)
    by_night(due, NOW)
    with CaptureQueriesContext(connection) as few:
        by_night(due, NOW)
    for number in range(6):
        make_asset(f"LATE{number}", exchange=market)
        make_asset(f"GONE{number}", exchange=market, delisted_on=date(2024, 4, 3))
        make_asset(f"NONE{number}", exchange=market, price_basis="total_return")
    by_night(due, NOW)
    assert Backfill.objects.count() == 2 + 6
    with django_assert_num_queries(len(few)):
        by_night(due, NOW)


def test_a_few_nights_are_fetched_one_by_one(market: Exchange, yahoo: Answering) -> None:
    soon = datetime(2024, 4, 10, 7, tzinfo=UTC)
    assert 0 < len(due_days(soon)) < MANY
    assert by_night(due_days(soon), soon) == due_days(soon)
    assert not Backfill.objects.exists()


def test_nights_that_only_one_asset_lacks_are_its_history(market: Exchange, yahoo: Answering) -> None:
    make_bars(market.assets.get(symbol="MSFT"), dict.fromkeys(missed(), 101))
    assert by_night(due_days(NOW), NOW) == []
    assert [backfill.asset.symbol for backfill in Backfill.objects.all()] == ["AAPL"]


def test_a_provider_of_whole_markets_is_asked_night_by_night(market: Exchange, polygon: FakePolygon) -> None:
    """One call for all assets is less than one for each."""
    assert by_night(due_days(NOW), NOW) == due_days(NOW)
    assert not Backfill.objects.exists()


def test_the_tick_asks_for_the_histories(
    market: Exchange, yahoo: Answering, celery_queue: Callable[[str], list[Any]]
) -> None:
    from assets.tasks import ingest_due

    Exchange.objects.update(ingest_since=datetime.now(UTC).date() - timedelta(days=40))
    ingest_due()
    assert Backfill.objects.count() == 2
    assert celery_queue("assets.ingest_day") == []
