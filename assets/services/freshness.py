"""One question to the providers however many readers there are: a lease in the row says who asks.

The row is the same for every thread, process and machine. Nothing here holds a transaction while a provider is slow.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Any

from django.conf import settings

from assets.models import CompanyProfile, Quote
from assets.models.quote import KeptQuerySet
from assets.services.asking import NobodyAnswers, NobodyKnows

LEASE = timedelta(seconds=60)  # beyond what the providers take one after the other
AFTER_SILENCE, LONGEST_SILENCE = timedelta(seconds=15), timedelta(minutes=15)
AFTER_UNKNOWN = timedelta(minutes=5)
FIRST_LOOK, LAST_LOOK = 0.02, 0.2  # seconds between two looks of a reader that waits

Model = type[Quote] | type[CompanyProfile]


def ask_once(model: Model, asset_id: int, *, life: timedelta, now: datetime, question: Callable[[], None]) -> bool:
    """Put ``question``, which keeps its answer in the row, unless the row is younger than ``life``, somebody else asks
    or the wait after a failure is not over. Returns whether it was put; that nobody answers is only written down.
    """
    if not _taken(model, asset_id, life, now):
        return False
    wait = AFTER_SILENCE
    try:
        question()
    except NobodyKnows:
        wait = AFTER_UNKNOWN
    except NobodyAnswers as silence:
        wait = min(max(timedelta(seconds=silence.retry_after or 0), AFTER_SILENCE), LONGEST_SILENCE)
    else:
        return True
    finally:  # an answer has given the lease back with it
        left = rows_of(model, asset_id).filter(lease_until=now + LEASE)
        left.update(lease_until=None, retry_at=now + wait)
    return True


def await_answer(model: Model, asset_id: int, now: datetime) -> None:
    """Return when nobody asks for the row's first answer any more, or after QUOTE_WAIT."""
    deadline, pause = time.monotonic() + settings.QUOTE_WAIT.total_seconds(), FIRST_LOOK
    while rows_of(model, asset_id).filter(fetched_at=None, lease_until__gt=now).exists():
        if time.monotonic() + pause > deadline:
            return
        time.sleep(pause)
        pause = min(pause * 2, LAST_LOOK)


def rows_of(model: Model, asset_id: int) -> KeptQuerySet:
    rows: Any = model.objects
    found: KeptQuerySet = rows.filter(pk=asset_id)
    return found


def _taken(model: Model, asset_id: int, life: timedelta, now: datetime) -> bool:
    """Whether the lease is ours: one statement, which one caller alone sees succeed."""
    rows = rows_of(model, asset_id)
    if rows.due(now, life).update(lease_until=now + LEASE):
        return True
    if not rows.exists():
        model.objects.bulk_create([model(asset_id=asset_id)], ignore_conflicts=True)  # type: ignore[list-item]
    # Once more in either case: the row may have been made since, by a reader that has not taken the lease yet.
    return bool(rows.due(now, life).update(lease_until=now + LEASE))
