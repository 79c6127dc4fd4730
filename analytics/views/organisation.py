"""An organisation's money on one page, and what its employees spend for it."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from datetime import date
from typing import Any

from django.db.models import Q
from django.http import HttpRequest, HttpResponse
from django.http.response import HttpResponseBase
from django.shortcuts import get_object_or_404, render
from django.utils.translation import gettext_lazy as _
from django.utils.translation import pgettext_lazy
from django.views.decorators.http import require_safe

from analytics.queries.employees import Expenses, expenses
from analytics.queries.net_worth import scope_of
from analytics.views.worth import Asked, Link, asked, transactions_url, worth_context
from banking.models import Account, Section
from banking.views.base import caller
from core.api import plain
from core.web import choice, csv_answer, login_needed, text_cell
from portfolios.book.performance import months_before
from users.models import Organisation, Role

PERIODS = {"month": pgettext_lazy("period", "This month"), "quarter": _("Three months"), "year": _("12 months")}
MONTHS_OF = {"month": 1, "quarter": 3, "year": 12}


@require_safe
@login_needed
def organisation(request: HttpRequest, pk: int) -> HttpResponse:
    """What belongs to the organisation, for whoever reads its books; its employees' expenses for who manages it.

    ``?as_of=&span=&month=&period=``
    """
    reader = caller(request)
    firm = get_object_or_404(Organisation.objects.where(reader, Role.VIEWER), pk=pk)
    manages = Organisation.objects.managed_by(reader).filter(pk=firm.pk).exists()
    page = _asked(request, firm) if manages else asked(request, firm)
    context = worth_context(page) | {"section": "organisations", "organisation": firm, "manages": manages}
    if manages:
        context |= _employees(request, page, firm)
    return render(request, "organisation/overview.html", context)


@require_safe
@login_needed
def employee_expenses(request: HttpRequest, pk: int) -> HttpResponseBase:
    """A line for each employee with a column for each category, as CSV, for who manages the organisation."""
    firm = get_object_or_404(Organisation.objects.managed_by(caller(request)), pk=pk)
    page = _asked(request, firm)
    found = expenses(firm, _since(request, page), page.as_of)
    names = [name for name, _ in found.categories]
    head = ["Employee", *map(text_cell, names), "Total", "Not yet repaid", "Currency"]
    return csv_answer(request, f"expenses-{firm.pk}.csv", head, _lines(found, names))


def _lines(found: Expenses, names: list[str]) -> Iterator[list[str]]:
    for row in found.rows:
        spent = dict(row.categories)
        amounts = [plain(spent[name]) if name in spent else "0" for name in names]
        owed = "" if row.owed is None else plain(row.owed)
        yield [text_cell(row.employee.get_username()), *amounts, plain(row.spent), owed, found.currency]


def _asked(request: HttpRequest, firm: Organisation) -> Asked:
    """The page of who manages it: its day is the last one that its own or its employees' accounts know."""
    own, spent = scope_of(firm), Account.objects.expenses_of(firm).values("pk")
    accounts = Account.objects.filter(Q(organisation=firm) | Q(pk__in=spent))
    return asked(request, firm, "period", known=replace(own, accounts=accounts))


def _period(request: HttpRequest) -> str:
    return choice(request, "period", PERIODS, "year")


def _since(request: HttpRequest, page: Asked) -> date:
    return months_before(page.as_of.replace(day=1), MONTHS_OF[_period(request)] - 1)


def _employees(request: HttpRequest, page: Asked, firm: Organisation) -> dict[str, Any]:
    since, period = _since(request, page), _period(request)
    found = expenses(firm, since, page.as_of)
    which = {"section": Section.EXPENSE.value, "start": since, "end": page.as_of}
    return {
        "expenses": found,
        "expenses_since": since,
        "employees": [(row, [_account(each, which) for each in row.accounts]) for row in found.rows],
        "periods": [Link(str(label), page.url(period=key), key == period) for key, label in PERIODS.items()],
        "csv_query": page.url(as_of=page.past.isoformat() if page.past else ""),
    }


def _account(balance: Any, which: dict[str, Any]) -> tuple[Any, str]:
    return balance, transactions_url(account=balance.account.pk, **which)
