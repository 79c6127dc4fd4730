"""The cost method of a portfolio: what holds, its dated changes, and what another one would mean."""

from __future__ import annotations

from collections.abc import Sequence
from typing import cast

from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils import timezone
from django.utils.formats import date_format
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _
from django.views import View

from assets.models import Asset
from core.errors import DomainError
from core.web import Right, obtain
from portfolios.forms import MethodForm
from portfolios.models import CostMethod, CostMethodChange, Portfolio
from portfolios.queries import rules_of
from portfolios.services.methods import MethodEffect, enter_change, preview_method, restore_change, void_change
from portfolios.views.base import ManagedPage
from users.models import User


class MethodPage(ManagedPage):
    """``/settings/cost-method/?portfolio=``"""

    template = "portfolios/method.html"

    def get(self, request: HttpRequest) -> HttpResponse:
        if self.page["portfolio"] is None:
            return redirect("dashboard")
        return self.shown(MethodForm())

    def post(self, request: HttpRequest) -> HttpResponse:
        portfolio, form = self.portfolio, MethodForm(request.POST)
        if not form.is_valid():
            return self.shown(form)
        if request.POST.get("action") == "preview":
            return self.shown(form, self.effects(form))
        user = cast("User", request.user)
        try:
            first = enter_change(portfolio=portfolio, actor=user, key=form.once_key, **form.terms())
        except DomainError as error:
            form.refuse(error)
            return self.shown(form)
        said = gettext("From %(day)s on: %(method)s.") % {
            "day": date_format(form.cleaned_data["day"], "SHORT_DATE_FORMAT"),
            "method": _label(form),
        }
        if first or portfolio.method_changes.standing().filter(**form.terms()).exists():
            messages.success(request, said)
        else:
            messages.warning(
                request,
                gettext("This was stored before and taken back since: %(said)s Nothing was changed now.")
                % {"said": said},
            )
        return redirect(page_of_portfolio(portfolio))

    def effects(self, form: MethodForm) -> list[tuple[str, str, MethodEffect]] | None:
        """Symbol, currency and what changes, by asset; None where the change is refused, which the form then says."""
        try:
            found = preview_method(portfolio=self.portfolio, **form.terms())
        except DomainError as error:
            form.refuse(error)
            return None
        assets = Asset.objects.in_bulk([effect.asset_id for effect in found])
        named = [(assets[effect.asset_id].symbol, assets[effect.asset_id].currency, effect) for effect in found]
        return sorted(named, key=lambda row: row[0])

    def shown(self, form: MethodForm, effects: Sequence[tuple[str, str, MethodEffect]] | None = None) -> HttpResponse:
        rules = rules_of([self.portfolio])[self.portfolio.pk]
        changes = self.portfolio.method_changes.select_related("created_by", "voided_by").order_by("-day", "-pk")
        context = self.page | {
            "form": form,
            "effects": effects,
            "changed": effects and [row for row in effects if row[2].differs],
            "now": CostMethod(rules.method_on(timezone.now().date())).label,
            "first": CostMethod(rules.method).label,
            "changes": changes,
        }
        return render(self.request, self.template, context)


class MethodPreviewPart(MethodPage):
    """What htmx asks for while the form is written."""

    http_method_names = ["post", "options"]
    template = "portfolios/_method_live.html"

    def post(self, request: HttpRequest) -> HttpResponse:
        form = MethodForm(request.POST)
        return self.shown(form, self.effects(form) if form.is_valid() else None)


class MethodVoidPage(View):
    """Take a change back."""

    http_method_names = ["post", "options"]
    said = _("Taken back: %(method)s from %(day)s.")

    def act(self, change: CostMethodChange, actor: User) -> None:
        void_change(change=change, actor=actor)

    def post(self, request: HttpRequest, pk: int) -> HttpResponse:
        user = cast("User", request.user)
        change = obtain(CostMethodChange.objects.select_related("portfolio"), user, Right.MANAGE, pk=pk)
        try:
            self.act(change, user)
        except DomainError as error:
            messages.error(request, error.message)
        else:
            messages.success(
                request,
                self.said
                % {"method": change.get_method_display(), "day": date_format(change.day, "SHORT_DATE_FORMAT")},
            )
        return redirect(page_of_portfolio(change.portfolio))


class MethodRestorePage(MethodVoidPage):
    """Let a change hold again."""

    said = _("It holds again: %(method)s from %(day)s.")

    def act(self, change: CostMethodChange, actor: User) -> None:
        restore_change(change=change, actor=actor)


def page_of_portfolio(portfolio: Portfolio) -> str:
    return f"{reverse('method-page')}?portfolio={portfolio.pk}"


def _label(form: MethodForm) -> str:
    return str(CostMethod(form.cleaned_data["method"]).label)
