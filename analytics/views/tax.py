"""The tax report as a page, and where all reports begin."""

from __future__ import annotations

from calendar import month_abbr
from datetime import date
from typing import Any

from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.views.decorators.http import require_safe

from analytics import charts
from core.web import day_shown, login_needed
from portfolios.models import Portfolio
from portfolios.queries.tax import LONG, SHORT, tax_report, years_with_disposals
from portfolios.views.base import page_of, welcome

GROUPS = {"asset": "By security", "flat": "By day"}


@require_safe
@login_needed
def reports(request: HttpRequest) -> HttpResponse:
    """There is one kind of report so far."""
    query = request.GET.urlencode()
    return redirect(reverse("tax-report-page") + (f"?{query}" if query else ""))


@require_safe
@login_needed
def tax_report_page(request: HttpRequest) -> HttpResponse:
    """What was realised in ``?year=``, the newest year with a disposal unless another one with any is asked for."""
    page = page_of(request)
    portfolio = page["portfolio"]
    if portfolio is None:
        return welcome(request, "reports")
    day = day_shown(request)
    years = years_with_disposals(portfolio, day)
    wanted = request.GET.get("year", "")
    year = next((year for year in years if str(year) == wanted), years[0] if years else None)
    context: dict[str, Any] = {"section": "reports", "years": years, "year": year, "past": day}
    if year is not None:
        context |= _report(portfolio, year, day, request.GET.get("group", ""))
    return render(request, "analytics/tax_report.html", page | context)


def _report(portfolio: Portfolio, year: int, until: date | None, group: str) -> dict[str, Any]:
    report = tax_report(portfolio, year, until)
    drawn = charts.bars([float(gain) for gain in report.by_month])
    return {
        "report": report,
        "terms": [("Short term", report.of_term(SHORT)), ("Long term", report.of_term(LONG))],
        "months": list(zip(list(month_abbr)[1:], report.by_month, drawn, strict=True)),
        "groups": GROUPS,
        "group": group if group in GROUPS else "asset",
        "total": report.total,
    }
