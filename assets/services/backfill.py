"""Fetching one asset's past in pieces, the newest first, so that a killed worker's successor goes on where it was."""

from __future__ import annotations

import logging
from datetime import date, datetime, timedelta
from typing import TYPE_CHECKING

from django.conf import settings
from django.db import transaction
from django.utils import timezone

from activity.services import advance_job, finish_job, note_job, record, start_job
from assets.models import Asset, Backfill, BackfillState
from assets.models.backfill import UNFINISHED
from assets.services import lease, past, quarantine
from assets.services.asking import Capability, NobodyAnswers, NobodyKnows, candidates
from assets.services.due import last_ended_session
from core.errors import DomainError

if TYPE_CHECKING:
    from users.models import User

log = logging.getLogger(__name__)
KIND = "backfill"
OLDEST = date(1900, 1, 1)  # nobody serves daily bars of the century before
PIECE = timedelta(days=730)
MOST_ATTEMPTS = 10  # in a row without a single piece; with the growing waits that is about 17 hours
YEAR = timedelta(days=365)


class NobodyHasHistory(DomainError):
    """No provider that has the history of this asset is configured."""


class NoHistoryAsked(DomainError):
    """There is no day to fetch."""


@transaction.atomic
def request_backfill(*, asset: Asset, actor: User | None, now: datetime, start: date | None = None) -> Backfill:
    """Have the history of ``asset`` fetched from ``start`` (BACKFILL_YEARS ago) to its last session.

    Who asks again while it is under way gets the one that is. The next minute's tick begins it. Raises NoHistoryAsked,
    NobodyHasHistory.
    """
    if not has_history(asset):
        raise NobodyHasHistory
    Asset.objects.select_for_update().get(pk=asset.pk)  # two requests at once make one
    under_way = Backfill.objects.filter(asset=asset, state__in=UNFINISHED).select_related("job").first()
    if under_way:
        return under_way
    end = _last_day(asset, now)
    start = start or end - YEAR * settings.BACKFILL_YEARS + timedelta(days=1)
    if start > end:
        raise NoHistoryAsked("The last day that can be fetched is {end}.", end=end, field="start")
    if start < OLDEST:
        raise NoHistoryAsked("The first day that can be fetched is {oldest}.", oldest=OLDEST, field="start")
    job = start_job(owner=actor, kind=KIND, total=len(_pieces(start, end)))
    backfill = Backfill.objects.create(asset=asset, job=job, start=start, end=end)
    data = {"asset": asset.symbol, "start": start.isoformat(), "end": end.isoformat()}
    record(actor=actor, action="backfill.requested", subject=backfill, data=data)
    return backfill


def has_history(asset: Asset) -> bool:
    """Whether anybody can be asked for the past of ``asset``."""
    return bool(candidates(Capability.HISTORY, asset))


def waiting(now: datetime) -> list[int]:
    """The backfills to work on now, the oldest first: new ones, those whose wait is over, those of lost workers."""
    return list(Backfill.objects.claimable(now).order_by("pk").values_list("pk", flat=True))


def lost(now: datetime) -> list[int]:
    """The backfills whose worker has been silent for longer than its lease."""
    gone = Backfill.objects.filter(state=BackfillState.RUNNING, lease_until__lt=now)
    return list(gone.order_by("pk").values_list("pk", flat=True))


def run_backfill(backfill_id: int, *, now: datetime) -> Backfill | None:
    """Fetch what is left of a backfill, unless it is over or somebody does; returns it as it then stands."""
    claim = lease.claim_backfill(backfill_id, now=now)
    if claim:
        _work(claim, now)
    return Backfill.objects.select_related("asset", "job").filter(pk=backfill_id).first()


def _work(claim: lease.Claim, now: datetime) -> None:
    backfill = Backfill.objects.select_related("asset__exchange").get(pk=claim.run_id)
    try:
        with lease.renewed(claim):
            for start, end in _pieces(backfill.start, _left(backfill)):
                reply = past.fetch(backfill.asset, start, end)
                if not _store(claim, backfill.asset, (start, end), reply, now):
                    return
        _end(claim)
    except lease.LeaseLost as error:
        log.warning("%s: %s", backfill, error)
    except NobodyKnows as error:
        _end(claim, error=error.message)
    except NobodyAnswers as error:
        _give_back(claim, str(error), error.retry_after, now)
    except Exception as error:
        _give_back(claim, f"Failed: {type(error).__name__}: {error}", None, now)
        raise


@transaction.atomic
def _store(
    claim: lease.Claim,
    asset: Asset,
    span: tuple[date, date],
    reply: past.Reply[list[past.Bar]],
    now: datetime,
) -> bool:
    """Write one piece and how far it is; whether to go on."""
    row: Backfill = lease.locked(claim)
    found = past.judge(asset, reply, *span, today=now.date())
    changed, doubts = past.write(asset, found)
    quarantine.keep(doubts, now=timezone.now())
    row.reached, row.attempts = span[0], 0
    row.stored, row.refused = row.stored + changed, row.refused + len(found.doubts)
    if found.restated:
        _finish(row, BackfillState.FAILED, f"{reply.provider}: {found.restated}")
        return False
    row.save()
    if row.job_id:
        advance_job(row.job_id)
    return True


def _end(claim: lease.Claim, error: str = "") -> None:
    with transaction.atomic():
        _finish(lease.locked(claim), BackfillState.FAILED if error else BackfillState.COMPLETE, error)


def _finish(row: Backfill, state: BackfillState, message: str) -> None:
    row.state, row.finished_at, row.lease_until = state, timezone.now(), None
    row.message = message or f"{row.stored} bars were new or changed, {row.refused} are in the quarantine."
    row.save()
    if row.job_id:
        finish_job(row.job_id, result={"stored": row.stored, "refused": row.refused}, error=message)
    log.info("%s: %s", row, row.message)


def _give_back(claim: lease.Claim, message: str, retry_after: float | None, now: datetime) -> None:
    """To be tried again; one that has come nowhere too often is over."""
    row = Backfill.objects.get(pk=claim.run_id)
    if row.attempts >= MOST_ATTEMPTS:
        _end(claim, error=message)
        return
    if row.job_id:
        note_job(row.job_id, message)
    lease.abandon(claim, message, now=now, wait=timedelta(seconds=retry_after) if retry_after else None)


def _pieces(start: date, end: date) -> list[tuple[date, date]]:
    """The span in pieces, the newest first."""
    pieces = []
    while end >= start:
        first = max(start, end - PIECE + timedelta(days=1))
        pieces.append((first, end))
        end = first - timedelta(days=1)
    return pieces


def _left(backfill: Backfill) -> date:
    return backfill.reached - timedelta(days=1) if backfill.reached else backfill.end


def _last_day(asset: Asset, now: datetime) -> date:
    """The newest day whose close is known."""
    yesterday = now.date() - timedelta(days=1)
    last = last_ended_session(asset.exchange, now) if asset.exchange else yesterday
    return min(last, asset.delisted_on or last)
