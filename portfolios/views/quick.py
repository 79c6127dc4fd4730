"""Booking a row without leaving the list of transactions, and taking a cash row of it out and back."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, cast

from django.contrib import messages
from django.http import Http404, HttpRequest, HttpResponse, QueryDict
from django.shortcuts import redirect, render
from django.urls import reverse
from django.views import View

from banking.models import CashTransaction
from banking.services.transactions import restore_cash, void_cash
from core.errors import DomainError
from core.web import Right, obtain
from portfolios.forms.quick import QuickForm
from portfolios.models import Portfolio, Trade
from portfolios.services.entry import enter_trade, foresee
from portfolios.services.quick import enter_cash, foresee_cash
from portfolios.views.base import page_with
from portfolios.views.transactions import MOMENTARY, bookable, list_page
from users.models import User


class QuickEntry(View):
    """``/transactions/quick/?portfolio=``: book the row, or by htmx say what it would do."""

    http_method_names = ["post", "options"]

    def post(self, request: HttpRequest) -> HttpResponse:
        portfolio: Portfolio | None = page_with(request, Right.BOOK)["portfolio"]
        if portfolio is None:
            raise Http404
        user = cast("User", request.user)
        form = QuickForm(request.POST, user=user, portfolio=portfolio, accounts=bookable(request, portfolio))
        if request.POST.get("action") == "preview":
            return _preview(request, form)
        booked = _booked(form, user) if form.is_valid() else None
        back = _query(request, portfolio)
        if booked is None:
            request.GET = back  # type: ignore[assignment]
            return list_page(request, quick=form, status=200 if getattr(request, "htmx", False) else 422)
        back.update(booked)
        back["entered"] = f"{form.cleaned_data['kind']}_{form.cleaned_data['day'].isoformat()}"
        return redirect(f"{reverse('transactions')}?{back.urlencode()}")


def _booked(form: QuickForm, user: User) -> dict[str, str] | None:
    """The parameter that says what the form booked, or that it did before and that is gone; None: the form says why."""
    row: Trade | CashTransaction
    try:
        if form.trades:
            row, first = enter_trade(portfolio=form.portfolio, terms=form.trade(), actor=user, key=form.once_key)
        else:
            row, first = enter_cash(cash=form.cash(), actor=user, key=form.once_key)
        said = "gone" if row.voided_at and not first else "booked"
        return {said if form.trades else f"{said}_cash": str(row.pk)}
    except DomainError as error:
        form.refuse(error)
    return None


def _preview(request: HttpRequest, form: QuickForm) -> HttpResponse:
    context: dict[str, Any] = {"form": form, "portfolio": form.portfolio}
    if form.is_valid():
        try:
            if form.trades:
                context["preview"] = foresee(portfolio=form.portfolio, terms=form.trade())
            else:
                context["cash_preview"] = foresee_cash(form.cash())
        except DomainError as error:
            form.refuse(error)
    return render(request, "portfolios/_quick_live.html", context)


def _query(request: HttpRequest, portfolio: Portfolio) -> QueryDict:
    """The query of the list that the row stands above."""
    query = QueryDict(request.POST.get("back", "")[:2000], mutable=True)
    for name in MOMENTARY:
        query.pop(name, None)
    query["portfolio"] = str(portfolio.pk)
    return query


class CashVoid(View):
    """``/transactions/cash/<id>/void/``: of a row that was booked by hand, from the list and back to it."""

    http_method_names = ["post", "options"]
    act: Callable[..., CashTransaction] = staticmethod(void_cash)

    def post(self, request: HttpRequest, pk: int) -> HttpResponse:
        rows = CashTransaction.objects.select_related("account__portfolio_link__portfolio")
        row = obtain(rows, request.user, Right.BOOK, pk=pk)
        link = getattr(row.account, "portfolio_link", None)
        if link is None or not Right.SEE.lets(request.user, link.portfolio):
            return self._elsewhere(request, row)
        back = _query(request, link.portfolio)
        try:
            self.act(row=row, actor=cast("User", request.user))
        except DomainError as error:
            request.GET = back  # type: ignore[assignment]
            status = 200 if getattr(request, "htmx", False) else 409
            return list_page(request, refused_cash={pk: error.message}, status=status)
        back["changed_cash"] = str(pk)
        return redirect(f"{reverse('transactions')}?{back.urlencode()}#cash-{pk}")

    def _elsewhere(self, request: HttpRequest, row: CashTransaction) -> HttpResponse:
        """The account has left the portfolio, or never was in one that they see: its row has a page of its own."""
        try:
            self.act(row=row, actor=cast("User", request.user))
        except DomainError as error:
            messages.error(request, error.message)
        return redirect("banking-transaction", row.pk)


class CashRestore(CashVoid):
    """``/transactions/cash/<id>/restore/``"""

    act: Callable[..., CashTransaction] = staticmethod(restore_cash)
