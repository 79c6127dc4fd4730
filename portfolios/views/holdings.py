"""All that a portfolio holds, or held on an earlier day: on a page and as a file, in the columns that one chose."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from typing import Any, cast

from django.contrib import messages
from django.http import HttpRequest, HttpResponse, QueryDict
from django.http.response import HttpResponseBase
from django.shortcuts import redirect, render
from django.urls import reverse
from django.views import View
from django.views.decorators.http import require_safe

from assets.models import PriceBasis
from assets.queries import SIMULATED
from core.errors import DomainError
from core.web import Paging, csv_answer, login_needed, paging
from portfolios.models import HoldingColumns, Portfolio
from portfolios.models.columns import AT_FIRST, COLUMNS
from portfolios.queries import holdings, valuation_days
from portfolios.queries.beside import Beside, beside
from portfolios.queries.holding_list import Group, Listed, Sums, grouped, narrowed, ordered, sums
from portfolios.queries.holdings import Holding
from portfolios.services.columns import choose_columns
from portfolios.views.base import page_of, welcome
from portfolios.views.filters import HoldingFilter
from portfolios.views.holding_lines import head, lines
from users.day import day_shown
from users.models import User

PAGE_SIZE = 50
LONGEST_QUERY = 2000  # of a list that somebody comes back to


@require_safe
@login_needed
def holding_list(request: HttpRequest) -> HttpResponseBase:
    """What the portfolio held at the close of the day shown, narrowed, grouped and ordered by ``HoldingFilter``.

    With ``?format=csv`` all of it as a file, in the same columns.
    """
    page = page_of(request)
    if page["portfolio"] is None:
        return welcome(request, "holdings")
    found, columns = _found(request, page["portfolio"]), _columns(request)
    if request.GET.get("format") == "csv" and found.form.is_valid():
        return _file(request, found, columns)
    context = {"section": "holdings", "back": _back(request)} | _list(
        found, columns, paging(request, len(found.rows), PAGE_SIZE)
    )
    return render(request, "portfolios/holdings.html", page | context)


class HoldingColumnsView(View):
    """The choice of columns, from the list that ``back`` describes."""

    def post(self, request: HttpRequest) -> HttpResponse:
        """Keep the ``columns``, or with ``action`` "reset" none, and lead back."""
        names = AT_FIRST if request.POST.get("action") == "reset" else request.POST.getlist("columns")
        try:
            choose_columns(user=cast("User", request.user), names=names)
        except DomainError as error:
            messages.error(request, error.message)
        back = request.POST.get("back", "")
        query = QueryDict(back).urlencode() if len(back) <= LONGEST_QUERY else ""
        return redirect(f"{reverse('holdings')}?{query}" if query else reverse("holdings"))


@dataclass(frozen=True, slots=True)
class Found:
    """The holdings that were asked for, in order; ``every`` has those that the filter leaves out, too."""

    portfolio: Portfolio
    day: date | None
    form: HoldingFilter
    every: Sequence[Holding]
    rows: Sequence[Holding]
    known: Mapping[int, Beside]

    @property
    def group(self) -> str:
        return self.form.value("group") or ""

    @property
    def sums(self) -> Sums:
        return sums(self.rows)

    def between(self, start: int, stop: int) -> list[Group]:
        """The rows from ``start`` to before ``stop`` in their groups; in one without a name where none is asked for."""
        if self.group:
            return grouped(self.rows, self.group, self.known, start, stop)
        return [Group("", self.rows[start:stop], self.sums)]

    def listed(self, group: Group) -> list[Listed]:
        return [Listed(holding, self.known[holding.asset_id]) for holding in group.holdings]


def _found(request: HttpRequest, portfolio: Portfolio) -> Found:
    day = day_shown(request)
    every = holdings([portfolio], day, include_closed=True)[portfolio.pk]
    form = HoldingFilter(request.GET, every)
    found = narrowed(
        every,
        text=form.value("q") or "",
        sector=form.value("sector") or "",
        asset_type=form.value("type") or "",
        currency=form.value("currency") or "",
        state=form.value("state") or "open",
    )
    known = beside([holding.asset_id for holding in found], day)
    return Found(portfolio, day, form, every, ordered(found, form.order, known), known)


def _columns(request: HttpRequest) -> tuple[str, ...]:
    chosen = HoldingColumns.objects.visible_to(cast("User", request.user)).first()
    return (chosen.chosen if chosen else ()) or AT_FIRST


def _back(request: HttpRequest) -> str:
    """The query string of this list, for whoever comes back to it with other columns."""
    kept = request.GET.copy()
    for name in ("page", "format", "as_of"):
        kept.pop(name, None)
    return kept.urlencode()


def _file(request: HttpRequest, found: Found, columns: Sequence[str]) -> HttpResponseBase:
    by_group = bool(found.group)
    rows = lines(_rows(found), columns, found.portfolio.base_currency, grouped=by_group)
    return csv_answer(request, f"holdings-{found.portfolio.pk}.csv", head(columns, grouped=by_group), rows)


def _rows(found: Found) -> Iterator[tuple[str, Listed]]:
    for group in found.between(0, len(found.rows)):
        for row in found.listed(group):
            yield group.name, row


def _list(found: Found, columns: Sequence[str], pages: Paging) -> dict[str, Any]:
    groups = found.between(pages.start, pages.stop)
    shown = [holding for group in groups for holding in group.holdings]
    return {
        "form": found.form,
        "every": found.every,
        "groups": [(group, found.listed(group)) for group in groups],
        "held": shown,
        "sums": found.sums,
        "pages": pages,
        "order": found.form.order,
        "columns": dict.fromkeys(columns, True),
        "width": len(columns) + 1,
        "choices": [(name, label, name in columns) for name, label in COLUMNS.items()],
        "past": found.day,
        "as_of": found.day or valuation_days([found.portfolio.pk])[found.portfolio.pk],
        "simulated": any(holding.price_source == SIMULATED for holding in shown),
        "total_return": any(holding.price_basis == PriceBasis.TOTAL_RETURN for holding in shown),
    }
