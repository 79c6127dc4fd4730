"""The first page of Analytics: return and risk."""

from __future__ import annotations

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.views.decorators.http import require_safe

from analytics.views.dashboard import risk_figures
from analytics.views.sections import section_page
from core.web import login_needed
from portfolios.views.base import welcome


@require_safe
@login_needed
def risk(request: HttpRequest) -> HttpResponse:
    """Every figure of one portfolio: ``?portfolio=<id>``, else the first."""
    page = section_page(request, "risk")
    if page["portfolio"] is None:
        return welcome(request, "analytics")
    return render(request, "analytics/risk.html", page | risk_figures(page["portfolio"]))
