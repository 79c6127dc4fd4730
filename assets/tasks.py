"""When prices are fetched. What is due is read from the database, so a lost message costs a minute."""

from __future__ import annotations

from datetime import date

from celery import shared_task
from django.utils import timezone

from assets.models import Exchange
from assets.services import due, lease
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
