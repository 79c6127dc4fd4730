"""Reports: which there are, the statement and the income of a period, and long ones that were made for somebody."""

from __future__ import annotations

from abc import ABC, abstractmethod
from datetime import date
from functools import cached_property
from typing import Any, cast

from django.http import Http404, HttpRequest, HttpResponse
from django.http.response import HttpResponseBase
from django.shortcuts import get_object_or_404, redirect, render
from django.urls import reverse
from django.utils import timezone, translation
from django.utils.translation import gettext as _
from django.views import View
from django.views.decorators.http import require_safe

from analytics.forms.reports import PeriodForm
from analytics.models import ReportFile, ReportKind
from analytics.queries.statement import statement
from analytics.reporting.periods import RECENT, Period, choices, named
from analytics.services.reports import LONG_ROWS, Asked, made, request_report
from analytics.sheets import booked, income, words
from analytics.sheets import statement as statements
from analytics.tasks import report_file_wanted
from analytics.views.report_lines import INCOME_HEAD, STATEMENT_HEAD, income_lines, statement_lines
from core.errors import DomainError
from core.web import csv_answer, login_needed
from portfolios.models import Portfolio
from portfolios.queries import known_until
from portfolios.queries.income import earnings
from portfolios.queries.performance import first_day
from portfolios.queries.tax import years_with_disposals
from portfolios.views.base import page_of, welcome
from users.day import day_shown
from users.models import User

SHOWN_ROWS = 500  # transactions on the page; the files have all of them
SHOWN_FILES = 20
SHOWN_YEARS = 10
DEFAULT_INCOME = "last-year"


@require_safe
@login_needed
def reports(request: HttpRequest) -> HttpResponse:
    """The reports that there are, each with the periods that are asked for most; and the long ones of the last days."""
    page = page_of(request)
    portfolio: Portfolio | None = page["portfolio"]
    if portfolio is None:
        return welcome(request, "reports")
    day, first = last_shown(request), first_day(portfolio)
    known = known_until(portfolio)
    context = {
        "section": "reports",
        "first": first,
        "periods": [*recent(first, day, known), *earlier(first, day, known)] if first else [],
        "form": PeriodForm({}, first=first or day, today=day, over=is_over(day)),
        "years": years_with_disposals(portfolio, day_shown(request))[:6],
        "files": files_of(request),
    }
    return render(request, "analytics/reports.html", page | context)


def recent(first: date, today: date, known: date | None) -> list[tuple[str, str, str]]:
    """Key, name and days of the periods that go on today or ended last, of which anything of the portfolio is known."""
    found = [(key, named(key, first, today, over=is_over(today))) for key in RECENT]
    return [
        (key, str(words.RECENT_NAMES[key]), words.period_name(period) if period.whole else "")
        for key, period in found
        if period and period.end >= first and (known is None or period.start <= known)
    ]


def earlier(first: date, today: date, known: date | None) -> list[tuple[str, str, str]]:
    """The same of the years before the last one, the newest with anything known first, and of all time
    once it has begun."""
    until = min(today, known or today)
    newest = named("last-year", first, today)
    years = choices("year", first, until, SHOWN_YEARS, over=True)
    older = [period for period in years if not newest or period.start < newest.start]
    found = [(period.key, str(period.start.year), "") for period in older]
    return [*found, ("all", _("Since the beginning"), "")] if first <= today else found


def last_shown(request: HttpRequest) -> date:
    """The day that pages are shown as of, or today."""
    return day_shown(request) or timezone.now().date()


def is_over(day: date) -> bool:
    """Whether nothing more is booked on the day as of which pages are shown."""
    return day < timezone.now().date()


def files_of(request: HttpRequest) -> list[ReportFile]:
    """The reports that were made for the person, the newest first; one query."""
    own = ReportFile.objects.visible_to(cast("User", request.user))
    return list(own.defer("content").select_related("portfolio", "job")[:SHOWN_FILES])


class ReportPage(ABC, View):
    """A report on a page; ``?format=csv`` and ``?format=pdf`` as a file. A POST has a worker make the PDF."""

    http_method_names = ["get", "head", "post", "options"]
    kind: ReportKind
    template = ""
    default = "last-month"

    @cached_property
    def page(self) -> dict[str, Any]:
        return page_of(self.request) | {"section": "reports"}

    @cached_property
    def portfolio(self) -> Portfolio:
        found: Portfolio | None = self.page["portfolio"]
        if found is None:
            raise Http404
        return found

    @cached_property
    def first(self) -> date | None:
        return first_day(self.portfolio)

    @cached_property
    def form(self) -> PeriodForm:
        today = last_shown(self.request)
        first = self.first or today
        usual = self._usual(first, today)
        return PeriodForm(self.request.GET, first=first, today=today, over=is_over(today), default=usual)

    def _usual(self, first: date, today: date) -> str:
        """Which period is shown when none is asked for: a recent one, or the last year with anything to tell."""
        if any(self.request.GET.get(name) for name in ("period", "start", "end")):
            return self.default
        period, known = named(self.default, first, today, over=is_over(today)), known_until(self.portfolio)
        return str(known.year) if period and known and known < period.start else self.default

    def get(self, request: HttpRequest) -> HttpResponseBase:
        if self.page["portfolio"] is None:
            return welcome(request, "reports")
        period, wanted = self.form.chosen, request.GET.get("format", "")
        if period is None:
            return self.shown({}, status=400 if wanted else 200)
        try:
            if wanted == "pdf":
                return self.pdf(period)
            return self.csv(period) if wanted == "csv" else self.shown({"period": period} | self.report(period))
        except DomainError as error:
            return self.shown({"period": period, "refused": error.message}, status=400 if wanted else 200)

    def post(self, request: HttpRequest) -> HttpResponseBase:
        period = self.form.chosen
        if period is None:
            return self.shown({}, status=400)
        try:
            found = request_report(asked=self.asked(period), actor=cast("User", request.user))
        except DomainError as error:
            return self.shown({"period": period, "refused": error.message}, status=409)
        report_file_wanted(found.pk)
        return redirect(f"{reverse('report-file', args=[found.pk])}?portfolio={self.portfolio.pk}")

    def asked(self, period: Period) -> Asked:
        return Asked(self.kind, self.portfolio, period, translation.get_language() or "en")

    def pdf(self, period: Period) -> HttpResponse:
        """At once if it is short; else the page that offers to have it made."""
        asked = self.asked(period)
        if asked.is_long:
            return self.shown({"period": period, "long": True})
        return pdf_answer(made(asked), f"{self.kind}-{self.portfolio.pk}-{period.start}-{period.end}.pdf")

    @abstractmethod
    def csv(self, period: Period) -> HttpResponseBase:
        """The report as a file for spreadsheets."""

    @abstractmethod
    def report(self, period: Period) -> dict[str, Any]:
        """What the template shows of it."""

    def shown(self, context: dict[str, Any], status: int = 200) -> HttpResponse:
        period: Period | None = context.get("period")
        kept = self.request.GET.copy()
        kept.pop("format", None)
        kept["portfolio"] = str(self.portfolio.pk)
        named_ = {"form": self.form, "title": words.period_name(period) if period else "", "query": kept.urlencode()}
        return render(self.request, self.template, self.page | named_ | context, status=status)


class StatementPage(ReportPage):
    """``/reports/statement/?portfolio=&period=|start=&end=``"""

    kind = ReportKind.STATEMENT
    template = "analytics/statement.html"

    def csv(self, period: Period) -> HttpResponseBase:
        found = statement(self.portfolio, period.start, period.end, first=self.first)
        name = f"statement-{self.portfolio.pk}-{period.start}-{period.end}.csv"
        return csv_answer(self.request, name, STATEMENT_HEAD, statement_lines(found))

    def report(self, period: Period) -> dict[str, Any]:
        found = statement(self.portfolio, period.start, period.end, first=self.first)
        count = found.found.count
        return {
            "found": found,
            "facts": statements.facts(found),
            "lines": statements.explained_lines(found),
            "gained": statements.gained(found),
            "chart": statements.told_chart(found),
            "tables": [
                statements.holdings(found),
                statements.results(found),
                booked.booked_table(found.found, self.portfolio, most=SHOWN_ROWS),
            ],
            "notes": statements.notes(found),
            "cut": (SHOWN_ROWS, count) if count > SHOWN_ROWS else None,
            "long": count > LONG_ROWS,
        }


class IncomePage(ReportPage):
    """``/reports/income/?portfolio=&period=|start=&end=``"""

    kind = ReportKind.INCOME
    template = "analytics/income.html"
    default = DEFAULT_INCOME

    def csv(self, period: Period) -> HttpResponseBase:
        found = earnings(self.portfolio, period.start, period.end)
        name = f"income-{self.portfolio.pk}-{period.start}-{period.end}.csv"
        return csv_answer(self.request, name, INCOME_HEAD, income_lines(found, self.portfolio.base_currency))

    def report(self, period: Period) -> dict[str, Any]:
        found = earnings(self.portfolio, period.start, period.end)
        return {
            "sums": income.Sums.of(found.rows),
            "picture": income.bars(found, self.portfolio),
            "tables": income.tables(found, self.portfolio)[: None if found.rows else 1],
            "notes": income.notes(self.portfolio),
        }


def pdf_answer(content: bytes, name: str) -> HttpResponse:
    answer = HttpResponse(content, content_type="application/pdf")
    answer["Content-Disposition"] = f'attachment; filename="{name}"'
    answer["Cache-Control"] = "no-store"
    return answer


@require_safe
@login_needed
def report_file(request: HttpRequest, pk: int) -> HttpResponse:
    """One report that was asked for; while it is made it asks for itself again."""
    own = ReportFile.objects.visible_to(cast("User", request.user)).defer("content")
    found = get_object_or_404(own.select_related("portfolio", "job"), pk=pk)
    if getattr(request, "htmx", False):
        return render(request, "analytics/_report_file.html", {"file": found})
    return render(request, "analytics/report_file.html", page_of(request) | {"section": "reports", "file": found})


@require_safe
@login_needed
def report_download(request: HttpRequest, pk: int) -> HttpResponse:
    """The file of a report that is done."""
    found = get_object_or_404(ReportFile.objects.visible_to(cast("User", request.user)), pk=pk)
    if found.content is None:
        raise Http404
    return pdf_answer(bytes(found.content), found.file_name)
