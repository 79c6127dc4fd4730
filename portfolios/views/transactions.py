"""Trades and cash as one list, on a page and as a file."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from typing import Any

from django.http import HttpRequest, HttpResponse
from django.http.response import HttpResponseBase
from django.shortcuts import render
from django.views.decorators.http import require_safe

from core.web import PAGE_NUMBER, csv_answer, day_shown, login_needed, paging
from portfolios.models import Portfolio
from portfolios.queries.transactions import Found, Wanted, accounts_of, assets_of, rows_of, transactions
from portfolios.views.base import page_of, welcome
from portfolios.views.filters import TransactionFilter
from portfolios.views.transaction_lines import HEAD, line

PAGE_SIZE = 50
AT_ONCE = 500  # rows that are read together for the file


@require_safe
@login_needed
def transaction_list(request: HttpRequest) -> HttpResponseBase:
    """What was booked, narrowed by the fields of ``TransactionFilter``; with ``?format=csv`` all of it as a file."""
    page = page_of(request)
    if page["portfolio"] is None:
        return welcome(request, "transactions")
    form = _form(request, page["portfolio"])
    if request.GET.get("format") == "csv" and form.is_valid():
        found = transactions(page["portfolio"], _until(request, form.wanted()))
        return csv_answer(request, f"transactions-{page['portfolio'].pk}.csv", HEAD, _lines(found, page["portfolio"]))
    return _page(request, page, form)


def list_page(request: HttpRequest, *, refused: dict[int, str], status: int) -> HttpResponse:
    """The list that ``request.GET`` describes, with the refusal of a change beside its trade."""
    page = page_of(request)
    return _page(request, page, _form(request, page["portfolio"]), refused=refused, status=status)


def _form(request: HttpRequest, portfolio: Portfolio) -> TransactionFilter:
    return TransactionFilter(request.GET, assets_of(portfolio), accounts_of(portfolio))


def _until(request: HttpRequest, wanted: Wanted) -> Wanted:
    """The same up to the day shown."""
    day = day_shown(request)
    return wanted if day is None else replace(wanted, end=min(wanted.end or day, day))


def _page(
    request: HttpRequest,
    page: dict[str, Any],
    form: TransactionFilter,
    *,
    refused: dict[int, str] | None = None,
    status: int = 200,
) -> HttpResponse:
    changed = request.GET.get("changed", "")
    also = int(changed) if PAGE_NUMBER.fullmatch(changed) else None
    found = transactions(page["portfolio"], _until(request, form.wanted(also)))
    pages = paging(request, found.count, PAGE_SIZE)
    rows = rows_of(found.between(pages.start, pages.stop))
    refused = refused or {}
    shown = {row.trade.pk for row in rows if row.trade}
    context = {
        "section": "transactions",
        "form": form,
        "booked": form.anything,
        "found": found,
        "pages": pages,
        "rows": [(row, refused.get(row.trade.pk, "") if row.trade else "") for row in rows],
        "refusals": [text for pk, text in refused.items() if pk not in shown],
        "changed": also,
        "back": _back(request),
        "past": day_shown(request),
    }
    return render(request, "portfolios/transactions.html", page | context, status=status)


def _back(request: HttpRequest) -> str:
    """The query string of this list, for whoever comes back to it."""
    kept = request.GET.copy()
    for name in ("changed", "format"):
        kept.pop(name, None)
    return kept.urlencode()


def _lines(found: Found, portfolio: Portfolio) -> Iterator[list[str]]:
    for first in range(0, found.count, AT_ONCE):
        for row in rows_of(found.between(first, first + AT_ONCE)):
            yield line(row, portfolio.base_currency)
