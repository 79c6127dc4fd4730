"""A real worker is killed in the middle of a history: its successor goes on with the next piece."""

from __future__ import annotations

import time
from collections.abc import Callable
from datetime import UTC, date, datetime, timedelta
from typing import Any

import pytest
from django.db.models import F

from activity.models import Job
from assets.models import Backfill, HistoricValue
from assets.services.backfill import request_backfill
from assets.sessions import sessions
from assets.tasks import backfill_due, sweep
from assets.tests.factories import make_asset, make_exchange
from assets.tests.fake_past import running
from assets.tests.fake_polygon import KEY
from core.testing import PATIENCE

LEASE = {"INGEST_LEASE": "300", "INGEST_HEARTBEAT": "0.5"}  # seconds
START = date(2020, 1, 2)


def wait_for(condition: Callable[[], bool], seconds: float = PATIENCE) -> None:
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline, f"{Backfill.objects.values()}"
        time.sleep(0.05)


@pytest.mark.processes
@pytest.mark.django_db(transaction=True)
def test_a_killed_backfill_goes_on_where_it_was(celery_worker_process: Any, settings: Any) -> None:
    settings.INGEST_LEASE = timedelta(seconds=float(LEASE["INGEST_LEASE"]))
    with running() as polygon:
        settings.PRICE_PROVIDERS, settings.POLYGON_URL, settings.POLYGON_API_KEY = ["polygon"], polygon.url, KEY
        make_exchange("XNYS", ingest_since=START)
        now = datetime.now(UTC)
        days = sessions("XNYS", START, now.date() - timedelta(days=1))
        polygon.tell("AAPL", dict.fromkeys(days, 100))
        made = request_backfill(asset=make_asset("AAPL"), actor=None, now=now, start=START)
        pieces = Job.objects.get().total
        assert pieces >= 3
        polygon.hangs_at = 2
        environment = LEASE | {
            "PRICE_PROVIDERS": "polygon",
            "POLYGON_URL": polygon.url,
            "POLYGON_API_KEY": KEY,
            "POLYGON_CALLS_PER_MINUTE": "0",
        }
        worker = celery_worker_process(concurrency=1, environment=environment)
        backfill_due()
        wait_for(lambda: len(polygon.calls) == 2)
        worker.kill()
        half = HistoricValue.objects.count()
        assert 0 < half < len(days)
        assert Job.objects.get().done == 1

        Backfill.objects.update(lease_until=F("lease_until") - timedelta(minutes=10))  # it has run out
        polygon.hangs_at = None
        celery_worker_process(concurrency=1, environment=environment)

        def swept() -> bool:
            sweep()
            return Backfill.objects.get().state == "complete"

        wait_for(swept)
        done, job = Backfill.objects.get(), Job.objects.get()
        assert (done.pk, done.fence, done.stored, done.refused) == (made.pk, 2, len(days), 0)
        assert (job.state, job.done) == ("done", pieces)
        assert sorted(HistoricValue.objects.values_list("day", flat=True)) == days
        assert len(polygon.calls) == pieces + 1, "only the piece that was lost is asked for again"
