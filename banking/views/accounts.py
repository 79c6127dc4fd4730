"""The page of all accounts."""

from __future__ import annotations

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.views.decorators.http import require_safe

from banking.queries import account_balances, by_holder, differing, total_of
from banking.views.base import caller, visible
from banking.views.sections import section_page
from core.web import login_needed
from users.day import day_shown


@require_safe
@login_needed
def account_list(request: HttpRequest) -> HttpResponse:
    """Every account that the caller sees with what is in it, on the day shown."""
    reader, as_of = caller(request), day_shown(request)
    balances = account_balances(visible(request), reader.base_currency, as_of)
    context = section_page("accounts") | {
        "past": as_of,
        "holders": by_holder(balances, reader),
        "total": total_of(balances, reader.base_currency),
        "count": len(balances),
        "differing": differing([row.account.pk for row in balances]),
    }
    return render(request, "banking/accounts.html", context)
