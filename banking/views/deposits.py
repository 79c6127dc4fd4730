"""The page of term deposits: what runs, what it has earned, and a form that opens one."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from typing import Any

from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils import timezone
from django.utils.translation import gettext as _
from django.views import View

from banking.forms.deposits import DepositForm, preview
from banking.models import AccountKind, DepositState, TermDeposit
from banking.services.deposits import DepositTerms, cancel_deposit, check_terms, open_deposit
from banking.views.base import caller, managed, private, tried
from banking.views.sections import section_page
from core.errors import DomainError
from core.money import EXACT
from core.web import Right, obtain
from users.day import day_shown


@dataclass(frozen=True, slots=True)
class DepositRow:
    """A deposit at the end of a day. ``elapsed`` of ``days`` have gone by."""

    deposit: TermDeposit
    accrued: Decimal
    value: Decimal
    days: int
    elapsed: int
    changeable: bool


@private
class DepositListPage(View):
    """``/banking/deposits/`` on the day shown; a POST opens one."""

    def get(self, request: HttpRequest) -> HttpResponse:
        return self.shown(request, self.form(request))

    def post(self, request: HttpRequest) -> HttpResponse:
        form, user = self.form(request, request.POST), caller(request)
        if form.is_valid() and request.POST.get("action") != "preview":
            name, now = form.cleaned_data["name"], timezone.now()
            made = tried(
                form,
                lambda: open_deposit(source=form.source_account, name=name, terms=form.terms(), actor=user, now=now),
            )
            if made:
                messages.success(request, _("%(name)s was opened.") % {"name": made.account.name})
                return redirect("banking-deposits")
        return self.shown(request, form)

    def form(self, request: HttpRequest, data: Any = None) -> DepositForm:
        usable = managed(request).open_on(timezone.now().date()).exclude(kind=AccountKind.DEPOSIT)
        return DepositForm(data, accounts=usable)

    def shown(self, request: HttpRequest, form: DepositForm) -> HttpResponse:
        past, user = day_shown(request), caller(request)
        deposits = TermDeposit.objects.whole().select_related("account__owner", "account__organisation")
        own = set(TermDeposit.objects.managed_by(user).values_list("pk", flat=True))
        rows = [
            _row(deposit, past or timezone.now().date(), changeable=deposit.pk in own)
            for deposit in deposits.visible_to(user).filter(started_on__lte=past or date.max)
        ]
        context = section_page("deposits") | {
            "rows": rows,
            "past": past,
            "form": form,
            "planned": _planned(form),
        }
        return render(request, "banking/deposits.html", context)


@private
class DepositPreviewPart(DepositListPage):
    """What htmx asks for while the form is written."""

    http_method_names = ["post", "options"]

    def post(self, request: HttpRequest) -> HttpResponse:
        return render(request, "banking/_deposit_preview.html", {"planned": _planned(self.form(request, request.POST))})


@private
class DepositCancelPage(View):
    """Take a deposit back that was opened by mistake."""

    http_method_names = ["post", "options"]

    def post(self, request: HttpRequest, pk: int) -> HttpResponse:
        user = caller(request)
        deposit = obtain(TermDeposit.objects.all(), user, Right.MANAGE, pk=pk)
        try:
            cancel_deposit(deposit=deposit, actor=user)
        except DomainError as error:
            messages.error(request, error.message)
        else:
            messages.success(request, _("The deposit was taken back."))
        return redirect("banking-deposits")


def _planned(form: DepositForm) -> TermDeposit | None:
    """What the form says, where that is a deposit; what is wrong with it is told when it is sent."""
    if not form.is_bound or form.errors:
        return None
    terms: DepositTerms = form.terms()
    try:
        check_terms(terms, form.cleaned_data["name"], timezone.now())
    except DomainError:
        return None
    return preview(form)


def _row(deposit: TermDeposit, day: date, *, changeable: bool) -> DepositRow:
    accrued = deposit.accrued_on(day)
    days = (deposit.matures_on - deposit.started_on).days
    elapsed = min(max((day - deposit.started_on).days, 0), days)
    running = changeable and deposit.state == DepositState.RUNNING
    return DepositRow(deposit, accrued, EXACT.add(deposit.principal_on(day), accrued), days, elapsed, running)
