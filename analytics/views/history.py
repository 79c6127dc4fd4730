"""The page of a portfolio's past: figures by period, rolling figures, drawdowns and the calendar of its returns."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from typing import Any
from urllib.parse import urlencode

from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, render
from django.utils.translation import gettext_lazy as _
from django.views.decorators.http import require_safe

from analytics import history_charts as charts
from analytics import queries
from analytics.figures import ALL_LABELS, Label
from analytics.history import ROLLING, Past, calendar, drawdowns, rolling
from analytics.history_charts import cells, drawdown_chart, rolling_chart
from analytics.queries import PeriodFigures
from analytics.sheets.words import month_name, month_names
from analytics.views.sections import section_page
from analytics.windows import ALL_FIGURES, YOUNGER
from analytics.wording import chart_worded, worded
from core.web import login_needed
from portfolios.models import Portfolio
from portfolios.views.base import visible, welcome
from users.day import day_shown

WINDOWS = {63: _("3 months"), 126: _("6 months"), 252: _("1 year"), 756: _("3 years")}
METRICS = {
    "annual_volatility": _("Volatility"),
    "sharpe_ratio": _("Sharpe"),
    "beta": _("Beta"),
    "total_return": _("Return"),
    "max_drawdown": _("Drawdown"),
}
SHOWN_DRAWDOWNS = 5
SIGNED = ("total_return", "annual_return", "max_drawdown", "alpha", "best_day", "worst_day")
# Every class by its whole name: the build of the stylesheet drops what it does not find.
SHADES = {
    4: "history-gain-4",
    3: "history-gain-3",
    2: "history-gain-2",
    1: "history-gain-1",
    0: "",
    -1: "history-loss-1",
    -2: "history-loss-2",
    -3: "history-loss-3",
    -4: "history-loss-4",
}


@require_safe
@login_needed
def history(request: HttpRequest) -> HttpResponse:
    """One portfolio's past: ``?portfolio=<id>``, else the first; up to the day shown."""
    page = section_page(request, "history")
    portfolio, day = page["portfolio"], page["past"]
    if portfolio is None:
        return welcome(request, "analytics")
    past = queries.past_returns(portfolio, as_of=day)
    context = page | {"returns": past, "periods": _periods(queries.period_report(portfolio, as_of=day))}
    if len(past.days):
        context |= {
            "rolled": _rolling(portfolio, past, request, day),
            "fell": _drawdowns(past),
            "year": _calendar(past),
        }
    return render(request, "analytics/history.html", context)


@require_safe
@login_needed
def rolling_card(request: HttpRequest, portfolio_id: int) -> HttpResponse:
    """The chart of a rolling figure: ``?metric=``, ``?window=`` in sessions, up to the day shown."""
    portfolio = get_object_or_404(visible(request).select_related("benchmark"), pk=portfolio_id)
    day = day_shown(request)
    past = queries.past_returns(portfolio, as_of=day)
    context = {"portfolio": portfolio, "past": day, "rolled": _rolling(portfolio, past, request, day)}
    return render(request, "analytics/_rolling_card.html", context)


@dataclass(frozen=True, slots=True)
class Cell:
    """One figure of one period; ``value`` is None where ``problem`` says why."""

    period: str
    label: str
    value: float | None
    problem: str


@dataclass(frozen=True, slots=True)
class Row:
    """One figure over the periods."""

    key: str
    label: Label
    signed: bool
    cells: Sequence[Cell]


def _periods(report: queries.PeriodReport) -> dict[str, Any]:
    """The table, without the periods for which the portfolio is too young: they are named beside it."""
    shown = [row for row in report.rows if row.observations]
    young = [worded(row.label) for row in report.rows if YOUNGER in row.problems.values()]
    rows = [Row(name, ALL_LABELS[name], name in SIGNED, list(_cells(shown, name))) for name in ALL_FIGURES]
    return {"report": report, "shown": shown, "young": young, "rows": rows}


def _cells(shown: Iterable[PeriodFigures], name: str) -> Iterable[Cell]:
    for row in shown:
        yield Cell(row.key, row.label, row.figures.get(name), row.problems.get(name, ""))


def _rolling(portfolio: Portfolio, past: Past, request: HttpRequest, day: date | None) -> dict[str, Any]:
    metric = request.GET.get("metric", "annual_volatility")
    metric = metric if metric in ROLLING else "annual_volatility"
    asked = request.GET.get("window", "252")
    window = int(asked) if asked in {str(sessions) for sessions in WINDOWS} else 252
    found, label = rolling(past, metric, window), ALL_LABELS[metric]
    context = {
        "metric": metric,
        "window": window,
        "metrics": METRICS,
        "windows": WINDOWS,
        "label": label,
        "problem": found.problem,
        "benchmark": portfolio.benchmark.symbol if portfolio.benchmark and metric == "beta" else "",
        "day": day,
    }
    return context if found.problem else context | {"chart": chart_worded(rolling_chart(found, label.name))}


def _drawdowns(past: Past) -> dict[str, Any]:
    deepest = drawdowns(past, SHOWN_DRAWDOWNS)
    return {"deepest": deepest, "chart": chart_worded(drawdown_chart(past, deepest))}


def _calendar(past: Past) -> dict[str, Any]:
    found = calendar(past)
    rows = [(year, _span(past, year.year), [_month(past, cell) for cell in row]) for year, row in cells(found)]
    ends = {"best": found.best, "worst": found.worst}
    spans = {name: _span(past, month.year, month.month) for name, month in ends.items() if month}
    return {"found": found, "rows": rows, "months": month_names()} | spans


def _month(past: Past, cell: charts.Cell) -> tuple[charts.Cell, str, str, str]:
    """A month with its name, its class, and what its return is explained with."""
    span = _span(past, cell.month.year, cell.number) if cell.month else ""
    return cell, month_name(cell.number), SHADES[cell.shade], span


def _span(past: Past, year: int, month: int | None = None) -> str:
    """From which close to which a year's or a month's return goes, as the query of its explanation."""
    start = date(year, month or 1, 1) - timedelta(days=1)
    following = date(year + 1, 1, 1) if month in (None, 12) else date(year, month + 1, 1)
    end = min(following - timedelta(days=1), past.end or following)
    return urlencode({"start": start, "as_of": end})
