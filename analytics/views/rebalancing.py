"""Rebalancing on pages: targets, the trades that reach them, proposals that are kept and booked."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from decimal import ROUND_FLOOR, Decimal
from functools import cached_property
from typing import Any, cast

from django.contrib import messages
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils.translation import gettext as _
from django.utils.translation import ngettext
from django.views import View

from analytics.forms.optimiser import OBJECTIVES
from analytics.forms.rebalancing import RebalanceForm, TargetRow, percent_text
from analytics.models import RebalanceProposal
from analytics.proposed import from_json
from analytics.queries.optimised import finished_runs
from analytics.queries.proposals import mark_moved_prices
from analytics.services.rebalance_request import NothingInvested, cash_share, request_of, targets_of_run
from analytics.services.rebalancing import (
    book_proposal,
    discard_proposal,
    preview_rebalance,
    save_proposal,
    take_back_proposal,
    trades_of,
)
from analytics.views.sections import SECTIONS, section_page
from core.api import plain
from core.errors import DomainError
from core.money import divide
from core.web import Right, obtain, typable
from portfolios.models import Portfolio
from portfolios.queries.drift import Drift, drift_of
from portfolios.services.rebalancing import NoTargets, Request
from portfolios.services.targets import NewTarget, own_targets, set_targets
from portfolios.views.base import require, rights_of, welcome
from users.models import User

NUMBER = re.compile(r"[0-9]{1,18}")
FILLS = ("current", "equal")
SHARE = Decimal("0.0001")  # a filled-in weight: hundredths of a percent
MOST_SHOWN = 20


class RebalancingPage(View):
    """``/analytics/rebalancing/?portfolio=``"""

    template = "analytics/rebalancing.html"

    @cached_property
    def page(self) -> dict[str, Any]:
        return section_page(self.request, "rebalancing")

    @property
    def portfolio(self) -> Portfolio:
        found: Portfolio | None = self.page["portfolio"]
        if found is None:
            raise Http404
        return found

    @property
    def user(self) -> User:
        return cast("User", self.request.user)

    def get(self, request: HttpRequest) -> HttpResponse:
        if self.page["portfolio"] is None:
            return welcome(request, "analytics")
        portfolio: Portfolio = self.page["portfolio"]
        problem, targets, own = "", list[NewTarget](), own_targets(portfolio)
        drifts = drift_of(portfolio, {target.asset.pk: target.weight for target in own})
        try:
            targets = self._filled(drifts, own)
        except DomainError as error:
            problem = error.message
        threshold = portfolio.rebalance_threshold if targets == own else Decimal(0)
        form = RebalanceForm(user=self.user, rows=rows_of(drifts, targets), threshold=threshold)
        found = None
        if targets and not problem:
            try:
                asked = request_of(portfolio, targets=targets, threshold=threshold)
                found = preview_rebalance(portfolio=portfolio, request=asked)
            except DomainError as error:
                problem = error.message
        return self.shown(form, found, problem, has_own=bool(own))

    def post(self, request: HttpRequest) -> HttpResponse:
        portfolio, action = self.portfolio, request.POST.get("action")
        if action in ("save", "targets"):  # the rest works out and keeps nothing
            require(portfolio, self.user, Right.BOOK)
        form = RebalanceForm(request.POST, user=self.user)
        asked = self.asked(form)
        if asked is None or action not in ("save", "targets"):
            return self.shown(form, self.found(form, asked))
        try:
            if action == "save":
                kept = save_proposal(portfolio=portfolio, request=asked, actor=self.user)
                return redirect("rebalancing-proposal", pk=kept.pk)
            set_targets(
                portfolio=portfolio,
                targets=asked.targets,
                threshold=asked.options.bands.width,
                actor=self.user,
            )
        except DomainError as error:
            form.refuse(error)
            return self.shown(form)
        messages.success(request, _("These are the targets of %(name)s from now on.") % {"name": portfolio.name})
        return redirect(_page_of(portfolio))

    def asked(self, form: RebalanceForm) -> Request | None:
        """What the form asks for; None where it is refused, which the form then says."""
        targets = form.targets()
        if not form.is_valid() or targets is None:
            return None
        try:
            if not targets:
                raise NoTargets
            return request_of(self.portfolio, targets=targets, **form.options())
        except DomainError as error:
            form.refuse(error)
        return None

    def found(self, form: RebalanceForm, asked: Request | None) -> dict[str, Any] | None:
        if asked is None:
            return None
        try:
            return preview_rebalance(portfolio=self.portfolio, request=asked)
        except DomainError as error:
            form.refuse(error)
        return None

    def shown(
        self, form: RebalanceForm, found: Mapping[str, Any] | None = None, problem: str = "", *, has_own: bool = False
    ) -> HttpResponse:
        portfolio = self.page["portfolio"]
        if found:
            _tell_names(form, found)
        kept = RebalanceProposal.objects.visible_to(self.user).kept().filter(portfolio=portfolio)
        proposals = list(kept.select_related("portfolio", "created_by").order_by("-pk")[:MOST_SHOWN])
        mark_moved_prices(proposals)
        context = self.page | {
            "form": form,
            "then": self._then(),
            "found": found,
            "problem": problem,
            "has_own": has_own,
            "long_term": _("Held for more than %(days)s days.") % {"days": portfolio.long_term_days},
            "runs": [(run, OBJECTIVES.get(run.objective, run.objective)) for run in finished_runs(portfolio)],
            "proposals": proposals,
        }
        return render(self.request, self.template, context)

    def _then(self) -> list[Drift]:
        """The weights at the close of the day shown beside the targets of now; none without such a day."""
        portfolio, day = self.portfolio, self.page["past"]
        if day is None:
            return []
        return drift_of(portfolio, {target.asset.pk: target.weight for target in own_targets(portfolio)}, day)

    def _filled(self, drifts: Sequence[Drift], own: list[NewTarget]) -> list[NewTarget]:
        """The targets that the page begins with: ``?run=`` or ``?fill=``, else the portfolio's own."""
        run, fill = self.request.GET.get("run", ""), self.request.GET.get("fill", "")
        portfolio: Portfolio = self.page["portfolio"]
        if NUMBER.fullmatch(run):
            return self._of_run(drifts, int(run))
        if fill not in FILLS:
            return own
        held = [row for row in drifts if row.asset_id is not None and row.value]
        known = {target.asset.pk: target for target in own}
        assets = {one.asset_id: one.asset for one in portfolio.investments.select_related("asset__exchange")}
        weights = {
            row.asset_id: row.weight if fill == "current" else divide(Decimal(1), Decimal(len(held))) for row in held
        }
        return [
            NewTarget(assets[pk], _down(weight), known[pk].lot_size if pk in known else None)
            for pk, weight in weights.items()
            if weight is not None and weight >= 0 and pk is not None
        ]

    def _of_run(self, drifts: Sequence[Drift], run: int) -> list[NewTarget]:
        share = cash_share(drifts)
        targets = targets_of_run(self.page["portfolio"], run, cash=share)
        if share == 1:
            raise NothingInvested
        self.page["cash_kept"] = share
        return targets


class RebalancingPart(RebalancingPage):
    """What htmx asks for while the form is written."""

    http_method_names = ["post", "options"]
    template = "analytics/_rebalance_live.html"

    def post(self, request: HttpRequest) -> HttpResponse:
        self.portfolio  # noqa: B018  a stranger's is a 404 before anything else
        form = RebalanceForm(request.POST, user=self.user)
        return self.shown(form, self.found(form, self.asked(form)))


class ProposalPage(View):
    """One proposal as it was kept."""

    http_method_names = ["get", "head", "options"]
    template = "analytics/rebalance_proposal.html"

    right = Right.SEE

    @property
    def user(self) -> User:
        return cast("User", self.request.user)

    def proposal(self, pk: int) -> RebalanceProposal:
        joined = RebalanceProposal.objects.select_related("portfolio", "created_by", "decided_by")
        return obtain(joined, self.user, self.right, pk=pk)

    def get(self, request: HttpRequest, pk: int) -> HttpResponse:
        proposal = self.proposal(pk)
        mark_moved_prices([proposal])
        context = rights_of(proposal.portfolio.role_for(self.user)) | {
            "section": "analytics",
            "sections": SECTIONS,
            "proposal": proposal,
            "portfolio": proposal.portfolio,
            "found": from_json(proposal.result),
            "trades": trades_of(proposal),
            "page_url": _page_of(proposal.portfolio),
        }
        return render(request, self.template, context)


class ProposalBookPage(ProposalPage):
    """Asks whether the trades are meant, and books them."""

    http_method_names = ["get", "head", "post", "options"]
    template = "analytics/rebalance_confirm.html"
    right = Right.BOOK

    def act(self, proposal: RebalanceProposal, actor: User) -> tuple[str, HttpResponse]:
        """Do it; what is said then, and where it leads."""
        accepted = self.request.POST.get("accept_prices") == "on"
        trades = book_proposal(proposal=proposal, actor=actor, accept_prices=accepted)[1]
        said = ngettext("Booked %(count)s trade.", "Booked %(count)s trades.", len(trades)) % {"count": len(trades)}
        return said, self.back(proposal)

    def post(self, request: HttpRequest, pk: int) -> HttpResponse:
        proposal = self.proposal(pk)
        try:
            said, where = self.act(proposal, self.user)
        except DomainError as error:
            messages.error(request, error.message)
            return self.back(proposal)
        messages.success(request, said)
        return where

    def back(self, proposal: RebalanceProposal) -> HttpResponse:
        return redirect("rebalancing-proposal", pk=proposal.pk)


class ProposalDiscardPage(ProposalBookPage):
    http_method_names = ["post", "options"]

    def act(self, proposal: RebalanceProposal, actor: User) -> tuple[str, HttpResponse]:
        discard_proposal(proposal=proposal, actor=actor)
        return _("The proposal was discarded."), redirect(_page_of(proposal.portfolio))


class ProposalUndoPage(ProposalBookPage):
    http_method_names = ["post", "options"]

    def act(self, proposal: RebalanceProposal, actor: User) -> tuple[str, HttpResponse]:
        take_back_proposal(proposal=proposal, actor=actor)
        return _("The trades were taken back."), self.back(proposal)


def rows_of(drifts: Sequence[Drift], targets: Sequence[NewTarget]) -> list[TargetRow]:
    """A row for each security that is held or has a target, with its weight of now beside it."""
    wanted = {target.asset.symbol: target for target in targets}
    known = {row.symbol: row for row in drifts if row.symbol}
    rows = []
    for number, symbol in enumerate(sorted(known.keys() | wanted.keys())):
        target, now = wanted.get(symbol), known.get(symbol)
        written = {"asset": symbol}
        if target:
            written["weight"] = percent_text(target.weight)
        if target and target.lot_size:
            written["lot_size"] = typable(plain(target.lot_size))
        name = now.name if now else target.asset.name if target else ""
        rows.append(TargetRow(number, written, name=name, now=now.weight if now else Decimal(0)))
    return rows


def _tell_names(form: RebalanceForm, found: Mapping[str, Any]) -> None:
    """Beside each row the name and the weight of what it names."""
    known = {row["asset"]: row for row in found["drift"]}
    for row in form.rows:
        if row.text("asset").upper() in known:
            told = known[row.text("asset").upper()]
            row.name, row.now = told["name"], told["weight"]


def _down(weight: Decimal) -> Decimal:
    """Rounded down, so that the weights never add up to more than 1."""
    return weight.quantize(SHARE, rounding=ROUND_FLOOR)


def _page_of(portfolio: Portfolio) -> str:
    return f"{reverse('analytics-rebalancing')}?portfolio={portfolio.pk}"
