"""When prices are fetched. What is due is read from the database, so a lost message costs a minute."""

from __future__ import annotations

from datetime import date

from celery import shared_task
from django.utils import timezone

from assets.models import Exchange
from assets.services import due, gaps, lease, nightly
from assets.services.backfill import lost, run_backfill, waiting
from assets.services.ingestion import ingest

AT_ONCE = 100  # messages of one tick; the next tick finds the rest


@shared_task(name="assets.ingest_due")
def ingest_due() -> None:
    """Queue the market days that are due, oldest first. Beat calls this each minute; a doubled tick does no harm."""
    for item in due.due_days(timezone.now())[:AT_ONCE]:
        ingest_day.apply_async((item.market, item.day.isoformat()), expires=60)


@shared_task(name="assets.ingest_day")
def ingest_day(market: str, day: str, force: bool = False) -> None:
    """Fetch one market's day, unless it is complete or somebody does. ``force`` overrules a wait."""
    ingest(Exchange.objects.get(pk=market), date.fromisoformat(day), now=timezone.now(), force=force)


@shared_task(name="assets.sweep")
def sweep() -> None:
    """Take over the runs whose worker is gone. Beat calls this every 15 seconds."""
    for item in lease.release_lost(timezone.now()):
        ingest_day.delay(item.market, item.day.isoformat())
    for backfill_id in lost(timezone.now()):
        backfill.delay(backfill_id)


@shared_task(name="assets.backfill_due")
def backfill_due() -> None:
    """Queue the histories that somebody asked for. Beat calls this each minute; a doubled tick does no harm."""
    for backfill_id in waiting(timezone.now())[:AT_ONCE]:
        backfill.apply_async((backfill_id,), expires=60)


@shared_task(name="assets.backfill")
def backfill(backfill_id: int) -> None:
    """Fetch what is left of one asset's history, unless somebody does."""
    run_backfill(backfill_id, now=timezone.now())


@shared_task(name="assets.repair_gaps")
def repair_gaps() -> None:
    """Queue the markets whose gaps have not been looked for this night."""
    for night in nightly.due_nights(gaps.JOB, timezone.now()):
        repair_market.apply_async((night.market, night.day.isoformat()), expires=300)


@shared_task(name="assets.repair_market")
def repair_market(market: str, night: str) -> None:
    """Look for the gaps of one market and ask for some of them, once a night."""
    gaps.repair_night(Exchange.objects.get(pk=market), date.fromisoformat(night), now=timezone.now())
