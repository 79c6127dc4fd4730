"""Booking what feeds announced: on a person's yes, or by itself where the settings say so, and never before its day."""

from __future__ import annotations

import logging
from datetime import datetime, timedelta
from typing import TYPE_CHECKING

from django.conf import settings
from django.db import transaction
from django.db.models import Count, Q
from django.utils import timezone
from django.utils.translation import gettext_noop as N_  # noqa: N812  the name that catalogues are gathered by

from activity.services import record
from assets.models import ActionProposal, ProposalState
from assets.services.actions import today_of
from core.errors import DomainError, NotReady
from portfolios.services.actions import apply_action, void_action

if TYPE_CHECKING:
    from users.models import User

log = logging.getLogger(__name__)
AUTOMATIC = "automatic"
MOST_WITHDRAWN, LATELY = 3, timedelta(days=4)
DECIDED: dict[str, str] = {
    ProposalState.APPLIED: N_("This proposal is applied already."),
    ProposalState.IGNORED: N_("This proposal is ignored already."),
    ProposalState.SUPERSEDED: N_("This proposal is superseded already."),
    ProposalState.WITHDRAWN: N_("This proposal is withdrawn already."),
}
TERMS = ("ratio", "per", "cash", "currency", "pay_date")


class ProposalDecided(DomainError):
    """This proposal is not open any more."""


def accept_proposal(*, proposal: ActionProposal, actor: User, now: datetime | None = None) -> ActionProposal:
    """Book the action to every holder; before its ex-date, have it booked on that day.

    The action of an older proposal that this one corrects, or withdraws, is voided with it. Raises ProposalDecided, and
    what ``apply_action`` and ``void_action`` raise; then the proposal stays open and says why.
    """
    now = now or timezone.now()
    try:
        return _accept(proposal, actor, now)
    except DomainError as error:
        _note_problem(proposal, error)
        raise


@transaction.atomic
def ignore_proposal(*, proposal: ActionProposal, actor: User) -> ActionProposal:
    """Leave the action out of the books; the same notice is not proposed again. Raises ProposalDecided."""
    proposal = _open(proposal)
    _decide(proposal, ProposalState.IGNORED, actor, timezone.now())
    record(actor=actor, action="proposal.ignored", subject=proposal, data=_told(proposal))
    return proposal


def apply_due(now: datetime) -> int:
    """Book the proposals whose ex-date has come and that somebody accepted, or all where FEED_ACTIONS is automatic.

    One that cannot be booked says why and waits for a person; so does the withdrawal of what a person had booked
    before the feed announced it, and of much that a feed lost at once. Returns how many were booked.
    """
    doubtful = Q(withdrawal=True) & (Q(supersedes__decided_at=None) | Q(provider__in=_forgetful(now)))
    wanted = ~doubtful if settings.FEED_ACTIONS == AUTOMATIC else Q(accepted_at__isnull=False)
    tomorrow = now.date() + timedelta(days=1)  # somewhere it may be that day already
    due = ActionProposal.objects.open().filter(wanted, ex_date__lte=tomorrow, problem="")
    booked = 0
    for proposal in due.select_related("asset__exchange", "decided_by").order_by("ex_date", "pk"):
        if proposal.ex_date > today_of(proposal.asset, now):
            continue
        try:
            booked += _accept(proposal, proposal.decided_by, now).state == ProposalState.APPLIED
        except DomainError as error:
            _note_problem(proposal, error)
            log.warning("%s from %s was not booked: %s", proposal, proposal.provider, error)
        except NotReady as error:
            log.warning("%s from %s waits: %s", proposal, proposal.provider, error)
    return booked


def _forgetful(now: datetime) -> list[str]:
    """The feeds that lack more booked notices than a feed takes back at once: they are rather at fault; one query."""
    lost = ActionProposal.objects.filter(
        state=ProposalState.APPLIED, withdrawal=False, missing_since__gte=now - LATELY
    ).order_by()
    counted = lost.values("provider").annotate(many=Count("pk")).filter(many__gt=MOST_WITHDRAWN)
    return list(counted.values_list("provider", flat=True))


@transaction.atomic
def _accept(proposal: ActionProposal, actor: User | None, now: datetime) -> ActionProposal:
    proposal = _open(proposal)
    if proposal.withdrawal:
        return _withdraw(proposal, actor, now)
    if proposal.ex_date > today_of(proposal.asset, now):
        proposal.accepted_at, proposal.decided_by, proposal.problem = now, actor, ""
        proposal.save(update_fields=["accepted_at", "decided_by", "problem"])
        record(actor=actor, action="proposal.accepted", subject=proposal, data=_told(proposal))
        return proposal
    _take_back(proposal, actor)
    terms = {name: value for name in TERMS if (value := getattr(proposal, name)) not in (None, "")}
    proposal.action = apply_action(
        asset=proposal.asset,
        kind=proposal.kind,
        ex_date=proposal.ex_date,
        actor=actor,
        note=f"Announced by {proposal.provider}.",
        now=now,
        **terms,
    )
    _decide(proposal, ProposalState.APPLIED, actor, now)
    record(actor=actor, action="proposal.applied", subject=proposal, data=_told(proposal))
    return proposal


def _withdraw(proposal: ActionProposal, actor: User | None, now: datetime) -> ActionProposal:
    """Void what was booked of a notice that the feed has no more."""
    proposal.action = proposal.supersedes.action if proposal.supersedes else None
    _take_back(proposal, actor, leaving=ProposalState.WITHDRAWN)
    _decide(proposal, ProposalState.APPLIED, actor, now)
    record(actor=actor, action="proposal.withdrawn", subject=proposal, data=_told(proposal))
    return proposal


def _take_back(proposal: ActionProposal, actor: User | None, leaving: ProposalState = ProposalState.SUPERSEDED) -> None:
    """Void what came of the older proposal that this one corrects or withdraws."""
    older = proposal.supersedes
    if older is None or older.state != ProposalState.APPLIED:
        return
    if older.action and older.action.voided_at is None:
        void_action(action=older.action, actor=actor)
    ActionProposal.objects.filter(pk=older.pk).update(state=leaving)


def _open(proposal: ActionProposal) -> ActionProposal:
    rows = ActionProposal.objects.select_for_update(of=("self",))
    locked = rows.select_related("asset__exchange", "supersedes__action").get(pk=proposal.pk)
    if locked.state != ProposalState.PROPOSED:
        raise ProposalDecided(DECIDED[locked.state])
    return locked


def _decide(proposal: ActionProposal, state: ProposalState, actor: User | None, now: datetime) -> None:
    proposal.state, proposal.decided_by, proposal.decided_at, proposal.problem = state, actor, now, ""
    proposal.save(update_fields=["state", "action", "decided_by", "decided_at", "problem"])


def _note_problem(proposal: ActionProposal, error: DomainError) -> None:
    """In English, whoever asked: readers of every language see it."""
    ActionProposal.objects.open().filter(pk=proposal.pk).update(problem=str(error)[:500])


def _told(proposal: ActionProposal) -> dict[str, str]:
    return {
        "asset": proposal.asset.symbol,
        "kind": proposal.kind,
        "ex_date": proposal.ex_date.isoformat(),
        "provider": proposal.provider,
        "external_id": proposal.external_id,
    }
