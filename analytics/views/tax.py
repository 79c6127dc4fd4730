"""The tax report of a year as a page and as a PDF."""

from __future__ import annotations

from datetime import date
from functools import cached_property
from typing import Any, cast
from urllib.parse import urlencode

from django.http import Http404, HttpRequest, HttpResponse
from django.http.response import HttpResponseBase
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils import translation
from django.utils.translation import gettext_lazy as _
from django.views import View

from analytics import charts
from analytics.models import ReportKind
from analytics.reporting.periods import Period
from analytics.services.reports import Asked, made, request_report
from analytics.sheets.words import month_names
from analytics.tasks import report_file_wanted
from analytics.views.reports import is_over, last_shown, pdf_answer
from core.errors import DomainError
from portfolios.models import Portfolio
from portfolios.queries.tax import LONG, SHORT, tax_report, years_with_disposals
from portfolios.views.base import page_of, welcome
from users.day import day_shown
from users.models import User

GROUPS = {"asset": _("By security"), "flat": _("By day")}


class TaxReportPage(View):
    """What was realised in ``?year=``, the newest year with a disposal unless another one with any is asked for.

    ``?format=pdf`` is the file; a POST has a worker make it.
    """

    http_method_names = ["get", "head", "post", "options"]

    @cached_property
    def page(self) -> dict[str, Any]:
        return page_of(self.request) | {"section": "reports"}

    @cached_property
    def years(self) -> list[int]:
        """The years with disposals, up to the day that is shown."""
        return years_with_disposals(self.page["portfolio"], day_shown(self.request))

    @cached_property
    def year(self) -> int | None:
        wanted = self.request.GET.get("year", "")
        return next((year for year in self.years if str(year) == wanted), self.years[0] if self.years else None)

    def get(self, request: HttpRequest) -> HttpResponseBase:
        if self.page["portfolio"] is None:
            return welcome(request, "reports")
        if request.GET.get("format") == "pdf" and self.year is not None:
            asked = self.asked(self.year)
            if not asked.is_long:
                return pdf_answer(made(asked), f"tax-report-{asked.portfolio.pk}-{self.year}.pdf")
            return self.shown({"long": True})
        return self.shown({})

    def post(self, request: HttpRequest) -> HttpResponseBase:
        if self.page["portfolio"] is None or self.year is None:
            raise Http404
        try:
            found = request_report(asked=self.asked(self.year), actor=cast("User", request.user))
        except DomainError as error:
            return self.shown({"refused": error.message}, status=409)
        report_file_wanted(found.pk)
        return redirect(f"{reverse('report-file', args=[found.pk])}?portfolio={found.portfolio_id}")

    def asked(self, year: int) -> Asked:
        last = last_shown(self.request)
        start, end = date(year, 1, 1), date(year, 12, 31)
        whole = end < last or (end == last and is_over(last))
        period = Period("year", start, min(end, max(last, start)), whole=whole)
        return Asked(ReportKind.TAX, self.page["portfolio"], period, translation.get_language() or "en")

    def shown(self, beside: dict[str, Any], status: int = 200) -> HttpResponse:
        portfolio: Portfolio = self.page["portfolio"]
        past = day_shown(self.request)
        kept = {"year": self.year} | ({"as_of": past} if past else {})
        context: dict[str, Any] = {"years": self.years, "year": self.year, "past": past}
        context["query"] = urlencode({"portfolio": portfolio.pk} | kept)
        context["csv_query"] = "?" + urlencode(kept | {"format": "csv"})
        if self.year is not None:
            context |= _report(portfolio, self.year, past, self.request.GET.get("group", ""))
        return render(self.request, "analytics/tax_report.html", self.page | context | beside, status=status)


def _report(portfolio: Portfolio, year: int, until: date | None, group: str) -> dict[str, Any]:
    report = tax_report(portfolio, year, until)
    drawn = charts.bars([float(gain) for gain in report.by_month])
    return {
        "report": report,
        "terms": [(_("Short term"), report.of_term(SHORT)), (_("Long term"), report.of_term(LONG))],
        "months": list(zip(month_names(), report.by_month, drawn, strict=True)),
        "groups": GROUPS,
        "group": group if group in GROUPS else "asset",
        "total": report.total,
    }
