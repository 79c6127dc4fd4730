"""Trades and cash as one list, on a page and as a file."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace
from typing import Any, cast

from django.http import Http404, HttpRequest, HttpResponse
from django.http.response import HttpResponseBase
from django.shortcuts import render
from django.urls import reverse
from django.views.decorators.http import require_safe

from banking.models import Account, CashTransaction
from core.web import PAGE_NUMBER, csv_answer, login_needed, paging
from portfolios.forms.quick import QuickForm, first_quick
from portfolios.models import Portfolio, PortfolioAccount, Trade
from portfolios.queries.transaction_totals import totals_of
from portfolios.queries.transactions import Found, Row, Wanted, accounts_of, assets_of, rows_of, transactions
from portfolios.views.base import page_of, welcome
from portfolios.views.entry import gone_said, sentence, was_edited
from portfolios.views.filters import TransactionFilter
from portfolios.views.transaction_lines import HEAD, line
from users.day import day_shown
from users.models import User

PAGE_SIZE = 50
# What is said once.
MOMENTARY = ("changed", "changed_cash", "booked", "booked_cash", "gone", "gone_cash", "entered", "format", "as_of")
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


def list_page(
    request: HttpRequest,
    *,
    refused: dict[int, str] | None = None,
    refused_cash: dict[int, str] | None = None,
    quick: QuickForm | None = None,
    status: int,
) -> HttpResponse:
    """The list that ``request.GET`` describes, and why a change of a row or an entry was refused."""
    page = page_of(request)
    if page["portfolio"] is None:
        raise Http404
    form = _form(request, page["portfolio"])
    return _page(request, page, form, refused=refused, refused_cash=refused_cash, quick=quick, status=status)


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
    refused: Any = None,
    refused_cash: Any = None,
    quick: QuickForm | None = None,
    status: int = 200,
) -> HttpResponse:
    also, also_cash = _numbered(request, "changed"), _numbered(request, "changed_cash")
    found = transactions(page["portfolio"], _until(request, form.wanted(also, also_cash)))
    pages = paging(request, found.count, PAGE_SIZE)
    rows = rows_of(found.between(pages.start, pages.stop))
    refused, refused_cash = refused or {}, refused_cash or {}
    shown = {row.trade.pk for row in rows if row.trade}
    shown_cash = {row.cash.pk for row in rows if row.cash}
    mine = bookable(request, page["portfolio"]) if page["may_book"] else []
    context = {
        "section": "transactions",
        "form": form,
        "booked": form.anything,
        "found": found,
        "pages": pages,
        "rows": [(row, _refusal(row, refused, refused_cash)) for row in rows],
        "refusals": [text for pk, text in refused.items() if pk not in shown]
        + [text for pk, text in refused_cash.items() if pk not in shown_cash],
        "changed": also,
        "changed_cash": also_cash,
        "mine": {account.pk for account in mine},
        "quick": quick or (_empty_quick(request, page["portfolio"], mine) if page["may_book"] else None),
        "entered": _entered(request, page["portfolio"]),
        "gone": _gone(request, page["portfolio"]),
        "totals": totals_of(found),
        "back": _back(request),
        "past": day_shown(request),
        "picker_path": reverse("transactions"),  # a refusal stands at another one
    }
    return render(request, "portfolios/transactions.html", page | context, status=status)


def _refusal(row: Row, trades: dict[int, str], cash: dict[int, str]) -> str:
    if row.trade:
        return trades.get(row.trade.pk, "")
    return cash.get(row.cash.pk, "") if row.cash else ""


def _numbered(request: HttpRequest, name: str) -> int | None:
    """The id that a parameter has, if it is one."""
    given = request.GET.get(name, "")
    return int(given) if PAGE_NUMBER.fullmatch(given) else None


def bookable(request: HttpRequest, portfolio: Portfolio) -> list[Account]:
    """The portfolio's accounts into which the reader may book cash; one query."""
    links = PortfolioAccount.objects.filter(portfolio=portfolio).values("account")
    mine = Account.objects.editable_by(cast("User", request.user)).filter(pk__in=links, closed_on__isnull=True)
    return list(mine.order_by("name", "pk"))


def _empty_quick(request: HttpRequest, portfolio: Portfolio, accounts: Sequence[Account]) -> QuickForm:
    initial = first_quick(request.GET.get("entered", ""))
    return QuickForm(None, user=cast("User", request.user), portfolio=portfolio, accounts=accounts, initial=initial)


def _entered(request: HttpRequest, portfolio: Portfolio) -> Row | None:
    """What was booked by the row at the top just now, to be said and taken back; at most one query."""
    trade, cash = _numbered(request, "booked"), _numbered(request, "booked_cash")
    if trade is not None:
        found = Trade.objects.filter(portfolio=portfolio, pk=trade).select_related("asset").first()
        return Row(trade=found) if found and not found.voided_at else None
    if cash is not None:
        rows = CashTransaction.objects.filter(account__portfolio_link__portfolio=portfolio, pk=cash)
        booked = rows.standing().select_related("account").first()
        return Row(cash=booked) if booked else None
    return None


def _gone(request: HttpRequest, portfolio: Portfolio) -> str:
    """That a row was sent again and not booked again, though it was taken back since; at most 4 queries."""
    trade, cash = _numbered(request, "gone"), _numbered(request, "gone_cash")
    if trade is not None:
        trades = Trade.objects.filter(portfolio=portfolio, pk=trade, voided_at__isnull=False)
        found = trades.select_related("asset", "portfolio").first()
        return gone_said(sentence(found), was_edited(found)) if found else ""
    if cash is not None:
        rows = CashTransaction.objects.filter(account__portfolio_link__portfolio=portfolio, pk=cash)
        row = rows.filter(voided_at__isnull=False).select_related("account").first()
        return gone_said(_cash_sentence(row), edited=False) if row else ""
    return ""


def _cash_sentence(row: CashTransaction) -> str:
    amount = f"{row.amount.normalize():+f} {row.account.currency}".replace("-", "−")
    return f"{amount}, {row.account.name}, {row.booked_on:%-d %b %Y}"


def _back(request: HttpRequest) -> str:
    """The query string of this list, for whoever comes back to it."""
    kept = request.GET.copy()
    for name in MOMENTARY:
        kept.pop(name, None)
    return kept.urlencode()


def _lines(found: Found, portfolio: Portfolio) -> Iterator[list[str]]:
    for first in range(0, found.count, AT_ONCE):
        for row in rows_of(found.between(first, first + AT_ONCE)):
            yield line(row, portfolio.base_currency)
