"""The page of one account, and the forms that open and change one."""

from __future__ import annotations

from datetime import date, timedelta
from typing import Any

from django import forms
from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils import timezone
from django.utils.translation import gettext as _
from django.utils.translation import pgettext_lazy
from django.views import View

from banking.balance_charts import BalanceChart, balance_chart
from banking.forms.accounts import AccountForm, AssertionForm, ClosingForm, NewAccountForm
from banking.models import Account, AccountKind, BalanceAssertion, CashTransaction
from banking.queries import account_balances, booked_days, checked, daily_balances
from banking.services.accounts import change_account, close_account, delete_account, open_account, reopen_account
from banking.services.assertions import assert_balance, restore_assertion, void_assertion
from banking.views.base import account_for, caller, editable, managed, private, tried
from banking.views.sections import section_page
from core.errors import DomainError
from core.money import minor_units
from core.web import Right, bad_request, choice, obtain
from users.day import day_shown

LATEST = 10
SHOWN_ASSERTIONS = 24
SPANS = {
    "3m": (pgettext_lazy("span", "3M"), 92),
    "1y": (pgettext_lazy("span", "1Y"), 365),
    "5y": (pgettext_lazy("span", "5Y"), 1826),
    "max": (pgettext_lazy("span", "Max"), 36600),
}


@private
class NewAccountPage(View):
    """``/banking/accounts/new/``"""

    def get(self, request: HttpRequest) -> HttpResponse:
        return self.shown(request, NewAccountForm(user=caller(request)))

    def post(self, request: HttpRequest) -> HttpResponse:
        form, user = NewAccountForm(request.POST, user=caller(request)), caller(request)
        made = tried(form, lambda: open_account(actor=user, **form.terms())) if form.is_valid() else None
        if made is None:
            return self.shown(request, form)
        messages.success(request, _("%(name)s was opened.") % {"name": made.name})
        return redirect("banking-account", made.pk)

    def shown(self, request: HttpRequest, form: NewAccountForm) -> HttpResponse:
        return render(request, "banking/account_new.html", section_page("accounts") | {"form": form})


@private
class AccountEditPage(View):
    """``/banking/accounts/<id>/edit/``"""

    def get(self, request: HttpRequest, pk: int) -> HttpResponse:
        account = account_for(request, Right.MANAGE, pk)
        return self.shown(request, account, AccountForm(account=account, user=caller(request)))

    def post(self, request: HttpRequest, pk: int) -> HttpResponse:
        account, user = account_for(request, Right.MANAGE, pk), caller(request)
        form = AccountForm(request.POST, account=account, user=user)
        if form.is_valid() and tried(form, lambda: change_account(account=account, actor=user, **form.changes())):
            messages.success(request, _("The account was changed."))
            return redirect("banking-account", pk)
        return self.shown(request, account, form)

    def shown(self, request: HttpRequest, account: Account, form: AccountForm) -> HttpResponse:
        return render(
            request, "banking/account_edit.html", section_page("accounts") | {"account": account, "form": form}
        )


@private
class AccountPage(View):
    """``/banking/accounts/<id>/?span=``; a POST does what its ``action`` says."""

    def get(self, request: HttpRequest, pk: int) -> HttpResponse:
        return self.shown(request, account_for(request, Right.SEE, pk))

    def post(self, request: HttpRequest, pk: int) -> HttpResponse:
        account = account_for(request, Right.SEE, pk)
        actions = {"state": self._state, "close": self._close, "reopen": self._reopen, "delete": self._delete}
        action = actions.get(request.POST.get("action", ""))
        if action is None:
            return bad_request(request)
        account_for(request, Right.BOOK if action == self._state else Right.MANAGE, account.pk)
        return action(request, account)

    def _state(self, request: HttpRequest, account: Account) -> HttpResponse:
        form, user = AssertionForm(request.POST), caller(request)
        if form.is_valid() and tried(form, lambda: assert_balance(account=account, actor=user, **form.cleaned_data)):
            messages.success(request, _("The statement was noted."))
            return redirect("banking-account", account.pk)
        return self.shown(request, account, assertion_form=form)

    def _close(self, request: HttpRequest, account: Account) -> HttpResponse:
        form, user = ClosingForm(request.POST), caller(request)
        if form.is_valid() and tried(form, lambda: close_account(account=account, actor=user, **form.cleaned_data)):
            messages.success(request, _("The account was closed."))
            return redirect("banking-account", account.pk)
        return self.shown(request, account, closing_form=form)

    def _reopen(self, request: HttpRequest, account: Account) -> HttpResponse:
        reopen_account(account=account, actor=caller(request))
        messages.success(request, _("The account is open again."))
        return redirect("banking-account", account.pk)

    def _delete(self, request: HttpRequest, account: Account) -> HttpResponse:
        try:
            delete_account(account=account, actor=caller(request))
        except DomainError as error:
            messages.error(request, error.message)
            return redirect("banking-account", account.pk)
        messages.success(request, _("%(name)s was deleted.") % {"name": account.name})
        return redirect("banking-accounts")

    def shown(self, request: HttpRequest, account: Account, **given: forms.Form) -> HttpResponse:
        span, day = choice(request, "span", SPANS, "1y"), day_shown(request)
        [stated] = account_balances([account], caller(request).base_currency, day)
        rows = CashTransaction.objects.standing().filter(account=account, booked_on__lte=day or date.max)
        statements = BalanceAssertion.objects.filter(account=account, day__lte=day or date.max)
        context = section_page("accounts") | {
            "account": account,
            "stated": stated,
            "chart": _chart(account, span, day),
            "span": span,
            "spans": {key: name for key, (name, _) in SPANS.items()},
            "assertions": checked(statements[:SHOWN_ASSERTIONS]),
            "rows": rows.select_related("category", "counterparty")[:LATEST],
            "may_book": editable(request).filter(pk=account.pk).exists(),
            "may_manage": managed(request).filter(pk=account.pk).exists(),
            "is_deposit": account.kind == AccountKind.DEPOSIT,
            "assertion_form": given.get("assertion_form") or AssertionForm(),
            "closing_form": given.get("closing_form") or ClosingForm(),
        }
        return render(request, "banking/account.html", context)


@private
class AssertionActions(View):
    """What is done with one statement: ``action`` is "void" or "restore"."""

    http_method_names = ["post", "options"]

    def post(self, request: HttpRequest, pk: int) -> HttpResponse:
        user = caller(request)
        assertion = obtain(BalanceAssertion.objects.all(), user, Right.BOOK, pk=pk)
        act: Any = {"void": void_assertion, "restore": restore_assertion}.get(request.POST.get("action", ""))
        if act is None:
            return bad_request(request)
        try:
            act(assertion=assertion, actor=user)
        except DomainError as error:
            messages.error(request, error.message)
        return redirect("banking-account", assertion.account_id)


def _chart(account: Account, span: str, day: date | None) -> BalanceChart | None:
    """The balances to ``day``, without one to today or the last row if that is later; None before the first row."""
    booked = booked_days(account)
    if booked is None or (day and day < booked[0]):
        return None
    last = day or max(booked[1], account.closed_on or timezone.now().date())
    first = max(booked[0], last - timedelta(days=min(SPANS[span][1], (last - date.min).days)))
    balances, digits = daily_balances(account, first, last), minor_units(account.currency)
    return balance_chart(balances, account.currency, digits, _("Balance"))
