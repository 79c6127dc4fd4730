"""Raising and ending risk flags, and what people decide about them."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime
from typing import TYPE_CHECKING

from django.db import transaction
from django.utils import timezone

from activity.services import record
from analytics.flags import Finding
from analytics.models import FlagState, RiskFlag
from analytics.models.flag import MEASURE_LIMIT
from core.errors import DomainError

if TYPE_CHECKING:
    from users.models import User

MOST = MEASURE_LIMIT / 10  # what a measure is cut to: a share of next to nothing can be anything
CHANGING = ("as_of", "measure", "limit", "figures", "last_seen")


class FlagEnded(DomainError):
    """The cause of this flag is gone, and with it the flag."""


class NoSuchDecision(DomainError):
    """A flag is acknowledged, closed or opened again."""


@transaction.atomic
def follow(findings: Iterable[Finding], now: datetime) -> int:
    """Raise what is found for the first time, bring what lasts up to date, and end what is no longer found.

    ``findings`` are all there are at ``now``. Returns how many were raised.
    """
    lasting = {_key(flag): flag for flag in RiskFlag.objects.lasting().select_for_update()}
    raised: list[RiskFlag] = []
    kept: list[RiskFlag] = []
    for finding in {finding.key: finding for finding in findings}.values():
        flag = lasting.pop(finding.key, None)
        (raised if flag is None else kept).append(_told(flag or _new(finding, now), finding, now))
    RiskFlag.objects.bulk_create(raised, batch_size=500, ignore_conflicts=True)  # of two at once, one raises it
    RiskFlag.objects.bulk_update(kept, CHANGING, batch_size=500)
    gone = [flag.pk for flag in lasting.values()]
    for start in range(0, len(gone), 500):
        RiskFlag.objects.filter(pk__in=gone[start : start + 500]).update(ended_at=now, state=FlagState.CLOSED)
    return len(raised)


@transaction.atomic
def decide(*, flag: RiskFlag, state: str, actor: User, note: str = "") -> RiskFlag:
    """Acknowledge, close or open a flag again, with a note. Raises FlagEnded, NoSuchDecision."""
    if state not in FlagState.values:
        raise NoSuchDecision(field="state")
    flag = RiskFlag.objects.select_for_update().get(pk=flag.pk)
    if flag.ended_at:
        raise FlagEnded
    before, flag.state, flag.note = flag.state, state, note[:255]
    flag.decided_by, flag.decided_at = actor, timezone.now()
    flag.save(update_fields=["state", "note", "decided_by", "decided_at"])
    record(actor=actor, action="flag.decided", subject=flag, data={"from": before, "to": state, "note": flag.note})
    return flag


def _key(flag: RiskFlag) -> tuple[str, int | None, int | None, str]:
    return flag.kind, flag.portfolio_id, flag.account_id, flag.about


def _new(finding: Finding, now: datetime) -> RiskFlag:
    identity = {"portfolio_id": finding.portfolio, "account_id": finding.account, "about": finding.about}
    return RiskFlag(kind=finding.kind, **identity, first_seen=now)


def _told(flag: RiskFlag, finding: Finding, now: datetime) -> RiskFlag:
    flag.as_of, flag.limit = finding.as_of, finding.limit
    flag.measure = min(max(finding.measure, -MOST), MOST)
    flag.figures, flag.last_seen = dict(finding.figures), now
    return flag
