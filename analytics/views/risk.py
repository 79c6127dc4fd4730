"""The first page of Analytics: what the portfolio's own returns show, and what today's weights have in store."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import date
from decimal import Decimal
from typing import Any, cast

from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, render
from django.utils.translation import gettext_lazy as _
from django.views.decorators.http import require_safe

from analytics import queries
from analytics.exposure import amount_of
from analytics.figures import EX_ANTE_LABELS, FIGURES, LABELS, LEVEL
from analytics.models import Snapshot
from analytics.queries import ExAnte
from analytics.views.dashboard import DETAILS, SIGNED
from analytics.views.figures import FigureRow
from analytics.views.sections import section_page
from analytics.views.tolerance import Tolerance, tolerance_of
from core.web import login_needed
from portfolios.models import Portfolio
from portfolios.views.base import rights_of, visible, welcome
from users.models import User

LOSSES = tuple(DETAILS)
EX_ANTE_DETAILS = dict.fromkeys((f"ex_ante_{name}" for name in DETAILS), _("95%, a day, historical"))


@require_safe
@login_needed
def risk(request: HttpRequest) -> HttpResponse:
    """Every figure of one portfolio: ``?portfolio=<id>``, else the first; of the day shown, else now."""
    page = section_page(request, "risk")
    portfolio: Portfolio | None = page["portfolio"]
    if portfolio is None:
        return welcome(request, "analytics")
    return render(request, "analytics/risk.html", page | _context(portfolio, page["past"]))


@require_safe
@login_needed
def risk_figures(request: HttpRequest, portfolio_id: int) -> HttpResponse:
    """The figures of now; while they are stale they ask for themselves again."""
    portfolio = get_object_or_404(visible(request), pk=portfolio_id)
    rights = rights_of(portfolio.role_for(cast("User", request.user)))
    context = _context(portfolio, None) | rights | {"portfolio": portfolio, "past": None}
    return render(request, "analytics/_risk_figures.html", context)


@dataclass(frozen=True, slots=True)
class ExPost:
    """Figures of the portfolio's own returns as of a day, and the window that they are of.

    ``stale``: newer ones are coming.
    """

    start: date | None = None
    end: date | None = None
    observations: int = 0
    benchmark: str = ""
    stale: bool = False
    as_of: date | None = None
    total_value: Decimal | None = None
    figures: dict[str, float | None] = field(default_factory=dict)
    problems: dict[str, str] = field(default_factory=dict)


def _context(portfolio: Portfolio, past: date | None) -> dict[str, Any]:
    found = queries.ex_ante(portfolio, methods=["historical"], levels=[LEVEL], horizons=[1], as_of=past)
    ex_post = _past(portfolio, past) if past else _stored(portfolio)
    return {
        "ex_post": ex_post,
        "ex_post_rows": list(_ex_post_rows(ex_post, portfolio.base_currency)),
        "ex_ante": found,
        "ex_ante_rows": list(_ex_ante_rows(found)),
        "tolerance": _tolerance(portfolio, ex_post),
    }


def _tolerance(portfolio: Portfolio, found: ExPost) -> Tolerance:
    """What is stated now, beside what is shown below as measured."""
    window = (found.start, found.end, found.observations)
    return tolerance_of(portfolio, found.figures.get("annual_volatility"), window=window, as_of=found.as_of)


def _stored(portfolio: Portfolio) -> ExPost:
    """The newest snapshot."""
    stale = queries.stale(Portfolio.objects.filter(pk=portfolio.pk)).exists()
    snapshot = Snapshot.objects.filter(portfolio=portfolio).order_by("-as_of").first()
    if snapshot is None:
        return ExPost(stale=stale)
    return ExPost(
        snapshot.window_start,
        snapshot.window_end,
        snapshot.observations,
        snapshot.benchmark_symbol,
        stale,
        snapshot.as_of,
        snapshot.total_value,
        {name: getattr(snapshot, name) for name in FIGURES},
        snapshot.problems,
    )


def _past(portfolio: Portfolio, day: date) -> ExPost:
    """Computed on request, as of a day."""
    result = queries.risk(portfolio, as_of=day)
    benchmark = portfolio.benchmark.symbol if portfolio.benchmark else ""
    window = (result.start, result.end, result.observations)
    return ExPost(*window, benchmark, as_of=day, figures=result.figures, problems=result.problems)


def _ex_post_rows(found: ExPost, currency: str) -> Iterator[FigureRow]:
    for key in FIGURES if found.figures else ():
        value, problem = found.figures.get(key), found.problems.get(key, "not defined")
        amount = amount_of(value, found.total_value, currency) if key in LOSSES else None
        signed = key in (*SIGNED, "total_return")
        yield FigureRow(key, LABELS[key], str(DETAILS.get(key, "")), signed, value, amount, problem)


def _ex_ante_rows(found: ExAnte) -> Iterator[FigureRow]:
    held = found.exposure
    for key, (value, problem) in found.figures().items():
        detail = str(EX_ANTE_DETAILS.get(key, ""))
        amount = amount_of(value, held.total_value, held.currency) if held and detail else None
        yield FigureRow(key, EX_ANTE_LABELS[key], detail, signed=False, value=value, amount=amount, problem=problem)
