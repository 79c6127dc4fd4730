"""Who works on a run: a lease that is renewed while the work goes on, and a number that fences off the dead."""

from __future__ import annotations

import logging
from contextlib import AbstractContextManager
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Any

from django.conf import settings
from django.db import transaction
from django.db.models import F, Q, QuerySet
from django.utils import timezone

from activity.services import kept_alive
from assets.models import Backfill, Exchange, IngestionRun, RunState
from assets.services.due import JOB, MarketDay
from core.errors import NotReady

log = logging.getLogger(__name__)
FIRST_WAIT, LONGEST_WAIT = timedelta(minutes=1), timedelta(days=7)
LOST_AT_ONCE = 3  # so many lost workers are replaced at once; a run that goes on killing them has to wait


class LeaseLost(NotReady):
    """Another worker has taken the run over."""


@dataclass(frozen=True, slots=True)
class Claim:
    """The right to write the outcome of one row of ``model``, for as long as the row's fence is this one."""

    run_id: int
    fence: int
    model: type[IngestionRun | Backfill] = IngestionRun


@transaction.atomic
def claim(
    market: Exchange,
    day: date,
    *,
    providers: str,
    now: datetime,
    elapsed: timedelta = timedelta(0),
    force: bool = False,
    job: str = JOB,
) -> Claim | None:
    """Take the run of a market's day, or None: it is complete, somebody works on it, or its wait is not over.

    ``force`` takes it in spite of the wait. ``elapsed`` is how long ago ``now`` was: the lease begins after it.
    """
    run, _ = IngestionRun.objects.get_or_create(job=job, market=market, day=day)
    runs = IngestionRun.objects.filter(pk=run.pk)
    free = runs.unfinished(now) if force else runs.claimable(now, providers)
    taken = free.update(providers=providers, **_taken(now + elapsed))
    return Claim(run.pk, runs.values_list("fence", flat=True).get()) if taken else None


@transaction.atomic
def claim_backfill(backfill_id: int, *, now: datetime) -> Claim | None:
    """Take a backfill, or None: it is over, somebody works on it, or its wait is not over."""
    rows = Backfill.objects.filter(pk=backfill_id)
    taken = rows.claimable(now).update(**_taken(now))
    return Claim(backfill_id, rows.values_list("fence", flat=True).get(), Backfill) if taken else None


def _taken(now: datetime) -> dict[str, Any]:
    return {
        "state": RunState.RUNNING,
        "fence": F("fence") + 1,
        "attempts": F("attempts") + 1,
        "lease_until": now + settings.INGEST_LEASE,
        "next_attempt_at": None,
        "message": "",
        "started_at": now,
        "finished_at": None,
    }


def renewed(claim: Claim) -> AbstractContextManager[None]:
    """Renew the lease from a thread while the body waits for an outside service."""
    return kept_alive(lambda: _beat(claim), settings.INGEST_HEARTBEAT, f"lease of run {claim.run_id}")


def locked(claim: Claim) -> Any:
    """The row of the claim's model, locked until the transaction ends. Raises LeaseLost."""
    run = _of(claim).select_for_update().first()
    if run is None:
        raise LeaseLost(f"{claim.model._meta.verbose_name_raw} {claim.run_id} was taken over; nothing was written.")  # noqa: SLF001
    return run


def abandon(claim: Claim, message: str, *, now: datetime, wait: timedelta | None = None) -> None:
    """Give the run back, to be tried again after ``wait`` or a growing while. Does nothing if it was taken over."""
    attempts = _of(claim).values_list("attempts", flat=True).first() or 1
    state = RunState.INCOMPLETE if claim.model is IngestionRun else RunState.PENDING
    again = now + (wait or backoff(attempts))
    _of(claim).update(state=state, message=message[:1000], finished_at=now, lease_until=None, next_attempt_at=again)


def release_lost(now: datetime) -> list[MarketDay]:
    """Give back the runs whose worker has been silent for longer than its lease; returns those to fetch at once."""
    lost = IngestionRun.objects.filter(state=RunState.RUNNING, lease_until__lt=now)
    released = [run for run in lost.order_by("day") if _release(run, now) <= now]
    return [MarketDay(run.market_id, run.day) for run in released if run.job == JOB]


def backoff(attempts: int) -> timedelta:
    """How long to wait after so many attempts: a minute, doubled each time, a week at most."""
    return min(FIRST_WAIT * (1 << min(attempts - 1, 20)), LONGEST_WAIT)


def _release(run: IngestionRun, now: datetime) -> datetime:
    excess = run.attempts - LOST_AT_ONCE
    again = now + backoff(excess) if excess > 0 else now
    released = IngestionRun.objects.filter(Q(pk=run.pk, fence=run.fence, state=RunState.RUNNING, lease_until__lt=now))
    if not released.update(state=RunState.PENDING, next_attempt_at=again, message="Its worker was lost."):
        return datetime.max.replace(tzinfo=now.tzinfo)  # its worker was only late
    log.warning("%s: its worker was lost after attempt %d", run, run.attempts)
    return again


def _beat(claim: Claim) -> bool:
    """Whether the run is still ours."""
    return bool(_of(claim).update(lease_until=timezone.now() + settings.INGEST_LEASE))


def _of(claim: Claim) -> QuerySet[Any]:
    return claim.model._default_manager.filter(pk=claim.run_id, fence=claim.fence, state=RunState.RUNNING)  # noqa: SLF001
