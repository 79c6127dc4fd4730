"""Who works on a run: a lease that is renewed while the work goes on, and a number that fences off the dead."""

from __future__ import annotations

import logging
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import date, datetime, timedelta

from django.conf import settings
from django.db import DatabaseError, connection, transaction
from django.db.models import F, Q
from django.utils import timezone

from assets.models import Exchange, IngestionRun, RunState
from assets.models.ingestion import IngestionRunQuerySet
from assets.services.due import JOB, MarketDay
from core.errors import NotReady

log = logging.getLogger(__name__)
FIRST_WAIT, LONGEST_WAIT = timedelta(minutes=1), timedelta(days=7)
LOST_AT_ONCE = 3  # so many lost workers are replaced at once; a run that goes on killing them has to wait


class LeaseLost(NotReady):
    """Another worker has taken the run over."""


@dataclass(frozen=True, slots=True)
class Claim:
    """The right to write one run's outcome, for as long as the row's fence is this one."""

    run_id: int
    fence: int


@transaction.atomic
def claim(
    market: Exchange,
    day: date,
    *,
    providers: str,
    now: datetime,
    elapsed: timedelta = timedelta(0),
    force: bool = False,
) -> Claim | None:
    """Take the run of a market's day, or None: it is complete, somebody works on it, or its wait is not over.

    ``force`` takes it in spite of the wait. ``elapsed`` is how long ago ``now`` was: the lease begins after it.
    """
    run, _ = IngestionRun.objects.get_or_create(job=JOB, market=market, day=day)
    runs = IngestionRun.objects.filter(pk=run.pk)
    taken = (runs.unfinished(now) if force else runs.claimable(now, providers)).update(
        state=RunState.RUNNING,
        fence=F("fence") + 1,
        attempts=F("attempts") + 1,
        lease_until=now + elapsed + settings.INGEST_LEASE,
        next_attempt_at=None,
        providers=providers,
        message="",
        started_at=now,
        finished_at=None,
    )
    return Claim(run.pk, runs.values_list("fence", flat=True).get()) if taken else None


@contextmanager
def renewed(claim: Claim) -> Iterator[None]:
    """Renew the lease from a thread while the body waits for an outside service."""
    done = threading.Event()
    thread = threading.Thread(target=_renew, args=(claim, done), name=f"lease of run {claim.run_id}", daemon=True)
    thread.start()
    try:
        yield
    finally:
        done.set()
        thread.join()


def locked(claim: Claim) -> IngestionRun:
    """The run's row, locked until the transaction ends. Raises LeaseLost."""
    run = _of(claim).select_for_update().first()
    if run is None:
        raise LeaseLost(f"Run {claim.run_id} was taken over; nothing was written.")
    return run


def abandon(claim: Claim, message: str, *, now: datetime) -> None:
    """Give the run back after an unexpected failure, to be tried again later. Does nothing if it was taken over."""
    attempts = _of(claim).values_list("attempts", flat=True).first() or 1
    _of(claim).update(
        state=RunState.INCOMPLETE, message=message, finished_at=now, next_attempt_at=now + backoff(attempts)
    )


def release_lost(now: datetime) -> list[MarketDay]:
    """Give back the runs whose worker has been silent for longer than its lease; returns those to fetch at once."""
    lost = IngestionRun.objects.filter(state=RunState.RUNNING, lease_until__lt=now)
    return [MarketDay(run.market_id, run.day) for run in lost.order_by("day") if _release(run, now) <= now]


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


def _renew(claim: Claim, done: threading.Event) -> None:
    try:
        while not done.wait(settings.INGEST_HEARTBEAT.total_seconds()):
            if not _beat(claim):
                return
    finally:
        connection.close()  # each thread has its own


def _beat(claim: Claim) -> bool:
    """Whether the run is still ours."""
    try:
        return bool(_of(claim).update(lease_until=timezone.now() + settings.INGEST_LEASE))
    except DatabaseError as error:  # busy: the lease outlives two missed beats
        log.warning("the lease of run %d was not renewed: %s", claim.run_id, error)
        return True


def _of(claim: Claim) -> IngestionRunQuerySet:
    return IngestionRun.objects.filter(pk=claim.run_id, fence=claim.fence, state=RunState.RUNNING)
