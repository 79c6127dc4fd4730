"""The Dashboard, its parts that refresh on their own, and the page of methods."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from typing import Any

import markdown
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, render
from django.utils.safestring import SafeString, mark_safe
from django.views.decorators.http import require_safe

from analytics import charts, queries
from analytics.figures import LABELS, Label
from analytics.models import Snapshot
from analytics.queries.methods import methods_source
from assets.models import PriceBasis
from assets.queries import SIMULATED
from core.money import minor_units
from core.web import choice, login_needed
from portfolios.models import Disposal, Portfolio
from portfolios.queries import Holding, Sector, holdings, sectors, totals, valuation_days
from portfolios.views.base import page_of, visible, welcome

SHOWN_DISPOSALS = 10


@require_safe
@login_needed
def dashboard(request: HttpRequest) -> HttpResponse:
    """One portfolio of the caller's: ``?portfolio=<id>``, else the first."""
    page = page_of(request)
    portfolio = page["portfolio"]
    if portfolio is None:
        return welcome(request, "dashboard")
    context = page | {"section": "dashboard"} | _books(portfolio) | risk_figures(portfolio)
    if context["held"] or context["disposals"]:
        context["chart"] = _value_chart(portfolio, request)
    return render(request, "analytics/dashboard.html", context)


@require_safe
@login_needed
def risk_card(request: HttpRequest, portfolio_id: int) -> HttpResponse:
    """The card of figures; while they are stale it asks for itself again."""
    portfolio = get_object_or_404(visible(request), pk=portfolio_id)
    return render(request, "analytics/_risk_card.html", risk_figures(portfolio) | {"portfolio": portfolio})


@require_safe
@login_needed
def value_card(request: HttpRequest, portfolio_id: int) -> HttpResponse:
    """The chart over time: ``?view=`` a key of ``charts.VIEWS``, ``?span=`` one of ``charts.SPANS``."""
    portfolio = get_object_or_404(visible(request), pk=portfolio_id)
    context = {"portfolio": portfolio, "chart": _value_chart(portfolio, request)}
    return render(request, "analytics/_value_card.html", context)


@require_safe
@login_needed
def methods(request: HttpRequest) -> HttpResponse:
    """How each figure is computed: docs/methods.md, a heading's anchor is its words with dashes."""
    return render(request, "analytics/methods.html", {"text": _methods_text()})


@cache
def _methods_text() -> SafeString:
    # Alignment by attribute: the content security policy refuses the style that is the default.
    options = {"tables": {"use_align_attribute": True}}
    text = markdown.markdown(methods_source(), extensions=["tables", "toc", "sane_lists"], extension_configs=options)
    return mark_safe(text)  # noqa: S308  the product's own file


def _books(portfolio: Portfolio) -> dict[str, Any]:
    """What there is, what it is worth and what was sold."""
    every = holdings([portfolio], include_closed=True)[portfolio.pk]
    held = [holding for holding in every if holding.quantity]
    disposals = Disposal.objects.filter(portfolio=portfolio).select_related("asset").order_by("-closed_on", "-pk")
    return {
        "as_of": valuation_days([portfolio.pk])[portfolio.pk],
        "held": held,
        "totals": totals(portfolio, every),
        "sectors": _sectors(held),
        "simulated": queries.price_source(portfolio) == SIMULATED,
        "total_return": any(holding.price_basis == PriceBasis.TOTAL_RETURN for holding in held),
        "disposals": list(disposals[:SHOWN_DISPOSALS]),
        "shown_disposals": SHOWN_DISPOSALS,
    }


def _sectors(held: Sequence[Holding]) -> list[tuple[Sector, charts.Arc | None]]:
    """Each sector with its arc of the ring, the largest first; no arcs where nothing has a value."""
    spread = sectors(held)
    arcs: Sequence[charts.Arc | None] = charts.ring([float(sector.weight or 0) for sector in spread])
    return list(zip(spread, arcs or [None] * len(spread), strict=True))


@dataclass(frozen=True, slots=True)
class Figure:
    """One figure of the card. ``value`` is None where ``problem`` says why there is none."""

    key: str
    label: Label
    detail: str
    signed: bool
    value: float | None
    problem: str


DETAILS = {"value_at_risk": "95%, a day", "expected_shortfall": "95%, a day"}
SIGNED = ("annual_return", "max_drawdown", "alpha")  # a gain and a loss are told apart by sign and colour
SHOWN = tuple(name for name in LABELS if name != "total_return")


def risk_figures(portfolio: Portfolio) -> dict[str, Any]:
    """The newest snapshot and whether it still shows what is so."""
    snapshot = Snapshot.objects.filter(portfolio=portfolio).order_by("-as_of").first()
    stale = queries.stale(Portfolio.objects.filter(pk=portfolio.pk)).exists()
    figures = [
        Figure(
            name,
            LABELS[name],
            DETAILS.get(name, ""),
            name in SIGNED,
            getattr(snapshot, name),
            snapshot.problems.get(name, ""),
        )
        for name in SHOWN
        if snapshot
    ]
    return {"snapshot": snapshot, "stale": stale, "figures": figures}


def _value_chart(portfolio: Portfolio, request: HttpRequest) -> dict[str, Any] | None:
    """What the card over time shows, or None without a close of what was held."""
    series = queries.series(portfolio)
    if not len(series.days):
        return None
    view, span = choice(request, "view", charts.VIEWS, "value"), choice(request, "span", charts.SPANS, "max")
    currency = portfolio.base_currency
    benchmark = portfolio.benchmark.name if portfolio.benchmark else ""
    chart = charts.draw(series, view, span, benchmark=benchmark, currency=currency, digits=minor_units(currency))
    return charts.told(chart) | {
        "title": TITLES[view],
        "anchor": ANCHORS[view],
        "view": view,
        "views": charts.VIEWS,
        "span": span,
        "spans": charts.SPANS,
    }


TITLES = {"value": "Value over time", "return": "Time-weighted return", "drawdown": "Loss from the highest close"}
ANCHORS = {"value": "the-same-money-in-the-benchmark", "return": "time-weighted-return", "drawdown": "max-drawdown"}
