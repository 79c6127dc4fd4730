"""All that a portfolio holds, or held on an earlier day."""

from __future__ import annotations

from typing import Any

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.views.decorators.http import require_safe

from assets.models import PriceBasis
from assets.queries import SIMULATED
from banking.forms.filters import DayFilter
from core.web import login_needed, paging
from portfolios.models import Portfolio
from portfolios.queries import holdings, valuation_days
from portfolios.queries.holding_list import narrowed, ordered, sums
from portfolios.views.base import page_of, welcome
from portfolios.views.filters import HoldingFilter

PAGE_SIZE = 50


@require_safe
@login_needed
def holding_list(request: HttpRequest) -> HttpResponse:
    """What the portfolio held at the close of ``?as_of=`` (now), narrowed and ordered by ``HoldingFilter``."""
    page = page_of(request)
    if page["portfolio"] is None:
        return welcome(request, "holdings")
    context = page | {"section": "holdings"} | _list(request, page["portfolio"])
    return render(request, "portfolios/holdings.html", context)


def _list(request: HttpRequest, portfolio: Portfolio) -> dict[str, Any]:
    day = DayFilter(request.GET).value("as_of")
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
    pages = paging(request, len(found), PAGE_SIZE)
    shown = ordered(found, form.order)[pages.start : pages.stop]
    return {
        "form": form,
        "every": every,
        "held": shown,
        "sums": sums(found),
        "pages": pages,
        "order": form.order,
        "past": day,
        "as_of": day or valuation_days([portfolio.pk])[portfolio.pk],
        "simulated": any(holding.price_source == SIMULATED for holding in shown),
        "total_return": any(holding.price_basis == PriceBasis.TOTAL_RETURN for holding in shown),
    }
