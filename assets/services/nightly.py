"""Work that is done for each market once a night: when it is due, who does it, and how it went."""

from __future__ import annotations

import logging
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from zoneinfo import ZoneInfo

from django.db import transaction
from django.utils import timezone

from assets.models import Exchange, IngestionRun, RunState
from assets.services import lease
from assets.services.due import MarketDay

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Outcome:
    """``missing`` maps what could not be done to the reason; ``retry_after`` is in seconds."""

    message: str
    expected: int = 0
    done: int = 0
    missing: Mapping[str, str] = field(default_factory=dict)
    retry_after: float | None = None


def due_nights(job: str, now: datetime) -> list[MarketDay]:
    """The markets whose hour has come and whose ``job`` of this night is not done; nights that were missed are over."""
    markets = Exchange.objects.filter(ingest_since__isnull=False, assets__isnull=False).distinct()
    nights = [MarketDay(market.code, night_of(market, now)) for market in markets]
    runs = IngestionRun.objects.filter(job=job, day__gte=now.date() - timedelta(days=3))
    known = set(runs.values_list("market", "day"))
    again = set(runs.claimable(now, "").values_list("market", "day"))
    return [night for night in nights if (night.market, night.day) not in known - again]


def night_of(market: Exchange, now: datetime) -> date:
    """The day in the market's zone since whose hour ``now`` counts."""
    local = now.astimezone(ZoneInfo(market.ingest_zone))
    return local.date() - timedelta(days=0 if local.time() >= market.ingest_at else 1)


def do(
    job: str, market: Exchange, night: date, work: Callable[[IngestionRun], Outcome], *, now: datetime
) -> IngestionRun | None:
    """``work``, unless it is done, somebody does it or it is to wait; None then. What is missing is tried again."""
    claim = lease.claim(market, night, providers="", now=now, job=job)
    if claim is None:
        return None
    try:
        with lease.renewed(claim):
            outcome = work(IngestionRun.objects.get(pk=claim.run_id))
        return _finish(claim, outcome, now)
    except lease.LeaseLost as error:
        log.warning("%s of %s on %s: %s", job, market, night, error)
        return None
    except Exception as error:
        lease.abandon(claim, f"Failed: {type(error).__name__}: {error}", now=now)
        raise


@transaction.atomic
def _finish(claim: lease.Claim, outcome: Outcome, now: datetime) -> IngestionRun:
    run: IngestionRun = lease.locked(claim)
    run.state = RunState.INCOMPLETE if outcome.missing else RunState.COMPLETE
    wait = timedelta(seconds=outcome.retry_after) if outcome.retry_after else lease.backoff(run.attempts)
    run.next_attempt_at = now + wait if outcome.missing else None
    run.expected, run.stored, run.missing = outcome.expected, outcome.done, dict(outcome.missing)
    run.message, run.finished_at, run.lease_until = outcome.message, timezone.now(), None
    run.save()
    return run
