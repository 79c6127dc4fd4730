"""A real worker is killed while it fetches: nothing is lost and nothing is there twice."""

from __future__ import annotations

import time
from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Any

import pytest
from django.db.models import F

from assets.models import HistoricValue, IngestionRun, PriceClock
from assets.tasks import ingest_day, sweep
from assets.tests.factories import make_asset, make_exchange
from assets.tests.fake_polygon import DAY, KEY, FakePolygon
from core.testing import PATIENCE

LEASE = {"INGEST_LEASE": "300", "INGEST_HEARTBEAT": "0.5"}  # seconds


def wait_for(condition: Callable[[], bool], seconds: float = PATIENCE) -> None:
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline, f"{IngestionRun.objects.values()}"
        time.sleep(0.05)


def lease_end() -> datetime:
    end = IngestionRun.objects.get().lease_until
    assert end is not None
    return end


@pytest.mark.processes
@pytest.mark.django_db(transaction=True)
def test_a_killed_ingestion_is_taken_over(polygon: FakePolygon, celery_worker_process: Any, settings: Any) -> None:
    settings.INGEST_LEASE = timedelta(seconds=float(LEASE["INGEST_LEASE"]))
    make_exchange(ingest_since=DAY)
    for symbol in ("AAPL", "MSFT"):
        make_asset(symbol)
    polygon.trade({"AAPL": 192.25, "MSFT": 415.13})
    polygon.hang()
    environment = LEASE | {
        "POLYGON_URL": polygon.url,
        "POLYGON_API_KEY": KEY,
        "POLYGON_CALLS_PER_MINUTE": "0",
    }
    worker = celery_worker_process(concurrency=1, environment=environment)
    ingest_day.delay("XNYS", DAY.isoformat())
    wait_for(lambda: len(polygon.calls) == 1)
    first = lease_end()
    wait_for(lambda: lease_end() > first)  # it is alive
    sweep()
    assert IngestionRun.objects.get().state == "running", "nobody takes over a worker that is alive"

    worker.kill()
    assert not HistoricValue.objects.exists()
    sweep()
    assert IngestionRun.objects.get().state == "running", "so long as its lease runs nobody takes it"
    IngestionRun.objects.update(lease_until=F("lease_until") - timedelta(minutes=10))
    polygon.hanging.clear()
    celery_worker_process(concurrency=1, environment=environment)

    def swept() -> bool:
        sweep()
        return IngestionRun.objects.get().state == "complete"

    wait_for(swept)
    run = IngestionRun.objects.get()
    assert (run.stored, run.missing, run.fence, run.attempts) == (2, {}, 2, 2)
    assert sorted(HistoricValue.objects.values_list("asset__symbol", "day")) == [("AAPL", DAY), ("MSFT", DAY)]
    assert PriceClock.read() == 1
    assert len(polygon.calls) == 2
