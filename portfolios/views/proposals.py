"""The staff's page of corporate actions that feeds announced."""

from __future__ import annotations

from typing import TYPE_CHECKING, cast

from django.conf import settings
from django.contrib import messages
from django.core.paginator import Paginator
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.utils.translation import gettext
from django.views.decorators.http import require_http_methods

from assets.models import ActionProposal, ProposalState
from core.api import PLAIN_INTEGER
from core.errors import DomainError, NotReady
from core.web import bad_request, staff_needed
from portfolios.retelling import told
from portfolios.services.proposals import AUTOMATIC, accept_proposal, ignore_proposal

if TYPE_CHECKING:
    from users.models import User

A_PAGE, DECIDED = 30, 20
DECISIONS = {"accept": accept_proposal, "ignore": ignore_proposal}


@staff_needed
@require_http_methods(["GET", "HEAD", "POST"])
def proposals(request: HttpRequest) -> HttpResponse:
    """A POST names a ``proposal`` and what to do: ``action`` is "accept" or "ignore"."""
    if request.method == "POST":
        return _decide(request)
    waiting = ActionProposal.objects.open().select_related("asset", "supersedes")
    page = Paginator(waiting, A_PAGE).get_page(request.GET.get("page"))
    decided = ActionProposal.objects.exclude(state=ProposalState.PROPOSED).select_related("asset", "decided_by")
    context = {
        "section": "proposals",
        "page": page,
        "decided": decided.order_by("-last_seen", "-pk")[:DECIDED],
        "automatic": settings.FEED_ACTIONS == AUTOMATIC,
    }
    return render(request, "portfolios/proposals.html", context)


def _decide(request: HttpRequest) -> HttpResponse:
    name, number = request.POST.get("action", ""), request.POST.get("proposal", "")
    if name not in DECISIONS or not PLAIN_INTEGER.fullmatch(number):
        return bad_request(request)
    user = cast("User", request.user)
    known = ActionProposal.objects.visible_to(user).select_related("asset")
    proposal = get_object_or_404(known, pk=int(number))
    try:
        decided = DECISIONS[name](proposal=proposal, actor=user)
        messages.success(
            request,
            gettext("%(kind)s of %(asset)s: %(outcome)s.")
            % {"kind": proposal.get_kind_display(), "asset": proposal.asset, "outcome": _outcome(decided)},
        )
    except (DomainError, NotReady) as error:
        messages.error(
            request,
            gettext("%(kind)s of %(asset)s: %(error)s")
            % {"kind": proposal.get_kind_display(), "asset": proposal.asset, "error": told(error)},
        )
    return redirect("proposals")


def _outcome(proposal: ActionProposal) -> str:
    if proposal.withdrawal:
        return gettext("it is voided") if proposal.state == ProposalState.APPLIED else gettext("it stays booked")
    if proposal.state == ProposalState.PROPOSED:
        return gettext("it will be booked on %(ex_date)s") % {"ex_date": proposal.ex_date}
    return gettext("it is booked") if proposal.state == ProposalState.APPLIED else gettext("it is left out")
