"""Notices that a feed does not have any more: marked, and where they are booked, proposed to be voided."""

from __future__ import annotations

import hashlib
from collections.abc import Collection, Iterable
from datetime import date, datetime, timedelta

from django.db import transaction
from django.db.models import F, Q, QuerySet

from assets.models import ActionProposal, Asset
from assets.models import ProposalState as State
from assets.providers.base import ActionNotice

CONFIRMED_AFTER = timedelta(hours=20)  # between two answers without it: another night's, not a repetition of one
EDGE = timedelta(days=3)  # of the asked days, where a feed may count them in another time zone
COPIED = ("asset", "provider", "external_id", "kind", "ex_date", "pay_date", "ratio", "per", "cash", "currency")


@transaction.atomic
def compare(
    asset: Asset, notices: Iterable[ActionNotice], *, provider: str, start: date, end: date, now: datetime
) -> int:
    """Hold what ``provider`` announced before against its whole answer about ``start`` to ``end``.

    What the answers of two nights are without is withdrawn: an open proposal by itself, a booked one by another
    proposal to void it, or by the feed's open notice of the same kind and day, which corrects it under another name.
    What is there again is as it was. Returns how many proposals are new. Call it after the notices were noted, and for
    an answer only: that a provider is silent, or does not know the symbol, says nothing.
    """
    listed = {notice.external_id[:200] for notice in notices}
    ours = ActionProposal.objects.select_for_update(of=("self",)).filter(asset=asset, provider=provider)
    _is_back(ours.filter(external_id__in=listed))
    within = ours.filter(ex_date__gte=start + EDGE, ex_date__lte=end - EDGE, withdrawal=False)
    gone = within.exclude(external_id__in=listed).filter(state__in=(State.PROPOSED, State.APPLIED))
    return sum(_missed(proposal, listed, now) for proposal in gone.select_related("action").order_by("pk"))


def _is_back(rows: QuerySet[ActionProposal]) -> None:
    rows.exclude(missing_since=None).update(missing_since=None)
    rows.filter(withdrawal=True, state__in=(State.PROPOSED, State.IGNORED)).update(state=State.SUPERSEDED)
    others = ActionProposal.objects.open().filter(withdrawal=False, supersedes__in=rows.values("pk"))
    others.exclude(external_id=F("supersedes__external_id")).update(supersedes=None)


def _missed(proposal: ActionProposal, listed: Collection[str], now: datetime) -> bool:
    """Whether it made a proposal."""
    row = ActionProposal.objects.filter(pk=proposal.pk)
    if proposal.missing_since is None:
        row.update(missing_since=now)
    elif now - proposal.missing_since >= CONFIRMED_AFTER:
        if _renamed(proposal, listed):
            row.update(state=State.SUPERSEDED)
        elif _stands_alone(proposal):
            return not _corrected(proposal, listed) and _proposed(proposal, now)
        else:
            row.update(state=State.WITHDRAWN, accepted_at=None)
    return False


def _renamed(proposal: ActionProposal, listed: Collection[str]) -> bool:
    """Whether the feed has the same event under another name now."""
    same = ActionProposal.objects.filter(asset=proposal.asset_id, provider=proposal.provider, external_id__in=listed)
    terms = {name: getattr(proposal, name) for name in ("kind", "ex_date", "ratio", "per", "cash", "currency")}
    return same.filter(withdrawal=False, **terms).exclude(state=State.WITHDRAWN).exists()


def _stands_alone(proposal: ActionProposal) -> bool:
    """Whether an action came of it that stands, and that no other feed's proposal is about."""
    action = proposal.action
    if proposal.state != State.APPLIED or action is None or action.voided_at is not None:
        return False
    others = ActionProposal.objects.filter(action=action, state=State.APPLIED, withdrawal=False)
    return not others.exclude(pk=proposal.pk).exists()


def _corrected(proposal: ActionProposal, listed: Collection[str]) -> bool:
    """Whether an open notice of the same kind and day, under a name that is ``listed``, supersedes what came of it.

    What a person booked before the feed announced it, or keeps, stays for a person to take back.
    """
    withdrawals = ActionProposal.objects.filter(supersedes=proposal, withdrawal=True)
    if proposal.decided_at is None or withdrawals.filter(state=State.IGNORED).exists():
        return False
    terms = {name: getattr(proposal, name) for name in ("asset", "provider", "kind", "ex_date")}
    same = ActionProposal.objects.open().filter(external_id__in=listed, withdrawal=False, **terms)
    if same.filter(supersedes=proposal).exists():
        return True
    free = same.filter(Q(supersedes=None) | ~Q(supersedes__state=State.APPLIED)).order_by("pk").first()
    if free is None:
        return False
    ActionProposal.objects.filter(pk=free.pk).update(supersedes=proposal, problem="")
    withdrawals.filter(state=State.PROPOSED).update(state=State.SUPERSEDED)
    return True


def _proposed(proposal: ActionProposal, now: datetime) -> bool:
    """Propose to void what came of ``proposal``, once; what was ignored since the feed dropped it stays ignored."""
    digest = hashlib.sha256(f"withdrawn {proposal.digest}".encode()).hexdigest()
    same = {"asset": proposal.asset, "provider": proposal.provider, "external_id": proposal.external_id}
    known = ActionProposal.objects.filter(**same, digest=digest).first()
    if known and known.state in (State.PROPOSED, State.IGNORED):
        ActionProposal.objects.filter(pk=known.pk).update(last_seen=now)
        return False
    made = known or ActionProposal(
        digest=digest, withdrawal=True, first_seen=now, **{name: getattr(proposal, name) for name in COPIED}
    )
    made.supersedes, made.state, made.last_seen, made.problem, made.action = proposal, State.PROPOSED, now, "", None
    made.decided_by, made.decided_at = None, None
    made.save()
    return True
