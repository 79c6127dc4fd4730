"""When prices are fetched. What is due is read from the database, so a lost message costs a minute."""

from __future__ import annotations

import logging
import time
from collections.abc import Collection, Sequence
from datetime import date
from typing import Any

from celery import shared_task
from django.core.cache import cache
from django.utils import timezone

from assets.models import Exchange
from assets.services import catching_up, due, gaps, lease, nightly, profiles, quotes, streaming
from assets.services.backfill import lost, run_backfill, waiting
from assets.services.ingestion import ingest

log = logging.getLogger(__name__)
AT_ONCE = 100  # messages of one tick; the next tick finds the rest
ASSETS_A_MESSAGE = 25
ASKED_LATELY = 10  # seconds in which the same quote is not queued again, whoever reads it
BROKER_PAUSE = 15.0  # seconds in which a reader does not wait for a broker that has just failed to answer


@shared_task(name="assets.ingest_due")
def ingest_due() -> None:
    """Queue the market days that are due, oldest first. Beat calls this each minute; a doubled tick does no harm."""
    now = timezone.now()
    for item in catching_up.by_night(due.due_days(now), now)[:AT_ONCE]:
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


@shared_task(name="assets.forget_intraday")
def forget_intraday() -> None:
    """Delete the live prices that are older than they are to be kept."""
    streaming.forget_intraday()


@shared_task(name="assets.refresh_quotes", expires=60)
def refresh_quotes(asset_ids: Sequence[int]) -> None:
    """Ask for quotes that are too old. Sent by whoever shows one; a doubled message finds nothing due."""
    quotes.refresh(asset_ids, now=timezone.now())


@shared_task(name="assets.refresh_profiles", expires=60)
def refresh_profiles(asset_ids: Sequence[int]) -> None:
    """Ask for company profiles that are too old. Sent by whoever shows one."""
    profiles.refresh(asset_ids, now=timezone.now())


class _Postbox:
    """Queues refreshes for readers, and never keeps a reader waiting twice for a broker that is gone."""

    def __init__(self) -> None:
        self.closed_until = 0.0

    def send(self, task: Any, asset_ids: Collection[int]) -> None:
        if not asset_ids or time.monotonic() < self.closed_until:
            return
        try:
            for chunk in _chunks(self._not_lately(task, asset_ids)):
                task.delay_on_commit(chunk)
        except Exception as error:  # noqa: BLE001  whatever the broker's and the cache's clients raise: reading goes on
            log.warning("%s is not queued: %s", task.name, error)
            self.closed_until = time.monotonic() + BROKER_PAUSE

    @staticmethod
    def _not_lately(task: Any, asset_ids: Collection[int]) -> list[int]:
        keys = {f"{task.name}:{pk}": pk for pk in asset_ids}
        new = keys.keys() - cache.get_many(keys)
        if new:
            cache.set_many(dict.fromkeys(new, 1), ASKED_LATELY)
        return sorted(keys[key] for key in new)


def _chunks(asset_ids: Sequence[int]) -> list[list[int]]:
    starts = range(0, len(asset_ids), ASSETS_A_MESSAGE)
    return [list(asset_ids[start : start + ASSETS_A_MESSAGE]) for start in starts]


postbox = _Postbox()


def quotes_wanted(asset_ids: Collection[int]) -> None:
    """Somebody looks at quotes that are due: have a worker ask for them. Without a broker the old ones stay."""
    postbox.send(refresh_quotes, asset_ids)


def profiles_wanted(asset_ids: Collection[int]) -> None:
    """The same for company profiles."""
    postbox.send(refresh_profiles, asset_ids)
