"""The Dashboard of one portfolio or of all together, its cards that are fetched alone, and the page of methods."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from functools import cache
from typing import Any, cast

import markdown
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, render
from django.utils import timezone
from django.utils.safestring import SafeString, mark_safe
from django.utils.translation import gettext_lazy as _
from django.views.decorators.http import require_safe

from analytics import queries
from analytics.figures import LABELS, Label
from analytics.models import Snapshot
from analytics.queries.goals import GoalShown, goals_of
from analytics.queries.methods import methods_language, methods_source
from analytics.views import dashboard_parts as parts
from analytics.views.dashboard_parts import Shown
from assets.models import PriceBasis
from assets.queries import SIMULATED
from core.web import login_needed
from portfolios.models import Disposal, Portfolio
from portfolios.queries import valuation_days
from portfolios.views.base import page_of, rights_of, visible, welcome
from users.day import day_shown
from users.models import User

SHOWN_DISPOSALS = 10
ALL = "all"


@require_safe
@login_needed
def dashboard(request: HttpRequest) -> HttpResponse:
    """One portfolio of the caller's, ``?portfolio=<id>``, else the first; ``?portfolio=all``: all of them together."""
    if request.GET.get("portfolio") == ALL:
        return _together(request)
    page = page_of(request)
    portfolio = page["portfolio"]
    if portfolio is None:
        return welcome(request, "dashboard")
    shown = Shown([portfolio], portfolio, portfolio.base_currency, day_shown(request))
    risk = risk_figures(portfolio, shown.day)
    context = page | _frame(shown) | _books(shown) | risk
    if context["held"] or context["disposals"]:
        snapshot = None if shown.day else risk["snapshot"]
        context |= _cards(shown, request) | {"returns": parts.returns(shown, snapshot, stale=risk["stale"])}
    if shown.day is None:
        context["goals"] = _goals(shown, portfolio, risk["snapshot"])
    return render(request, "analytics/dashboard.html", context)


def _goals(shown: Shown, portfolio: Portfolio, snapshot: Snapshot | None) -> list[GoalShown]:
    value = shown.totals.total_value if shown.totals.complete else None
    return goals_of(portfolio, value, snapshot.annual_return if snapshot else None, timezone.now().date())


def _together(request: HttpRequest) -> HttpResponse:
    choices = list(visible(request))
    if not choices:
        return welcome(request, "dashboard")
    shown = _all(request, choices)
    worth = shown.totals_by_portfolio
    context = _frame(shown) | rights_of("") | {"portfolios": choices, "portfolio": None, "together": True}
    context |= {
        "as_of": shown.day or shown.closes,
        "foot_currency": shown.currency,
        "held": shown.held,
        "books": [
            (each, worth[each.pk], shown.convert(worth[each.pk].total_value, each.base_currency)) for each in choices
        ],
    }
    context |= _cards(shown, request) | {"returns": parts.returns(shown)}
    return render(request, "analytics/dashboard_all.html", context)


def _all(request: HttpRequest, choices: list[Portfolio]) -> Shown:
    return Shown(choices, None, cast("User", request.user).base_currency, day_shown(request))


@require_safe
@login_needed
def risk_card(request: HttpRequest, portfolio_id: int) -> HttpResponse:
    """The card of figures; while they are stale it asks for itself again."""
    portfolio = get_object_or_404(visible(request), pk=portfolio_id)
    return render(request, "analytics/_risk_card.html", risk_figures(portfolio) | {"portfolio": portfolio})


@require_safe
@login_needed
def value_card(request: HttpRequest, portfolio_id: int | None = None) -> HttpResponse:
    """The chart over time: ``?view=`` a key of ``charts.VIEWS``, ``?span=`` one of ``charts.SPANS``."""
    shown = _of(request, portfolio_id)
    return render(request, "analytics/_value_card.html", _frame(shown) | {"chart": parts.value_chart(shown, request)})


@require_safe
@login_needed
def allocation_card(request: HttpRequest, portfolio_id: int | None = None) -> HttpResponse:
    """How the value is spread: ``?by=`` what, ``?shape=`` drawn how."""
    shown = _of(request, portfolio_id)
    context = _frame(shown) | {"as_of": shown.day or shown.closes, "allocation": parts.allocation(shown, request)}
    return render(request, "analytics/_dashboard_allocation.html", context)


def _of(request: HttpRequest, portfolio_id: int | None) -> Shown:
    """The portfolio with this id, else all together. Raises Http404 for one that the caller does not see."""
    if portfolio_id is None:
        choices = list(visible(request))
        if not choices:
            raise Http404
        return _all(request, choices)
    portfolio = get_object_or_404(visible(request), pk=portfolio_id)
    return Shown([portfolio], portfolio, portfolio.base_currency, day_shown(request))


@require_safe
@login_needed
def methods(request: HttpRequest) -> HttpResponse:
    """How each figure is computed: docs/methods.md in the reader's language; anchors are the same in each."""
    language = methods_language()
    return render(request, "analytics/methods.html", {"text": _methods_text(language), "written_in": language})


@cache
def _methods_text(language: str) -> SafeString:
    # Alignment by attribute: the content security policy refuses the style that is the default.
    options = {"tables": {"use_align_attribute": True}}
    extensions = ["attr_list", "tables", "toc", "sane_lists"]
    text = markdown.markdown(methods_source(language), extensions=extensions, extension_configs=options)
    return mark_safe(text)  # noqa: S308  the product's own file


def _frame(shown: Shown) -> dict[str, Any]:
    """What every card needs."""
    return {
        "section": "dashboard",
        "portfolio": shown.one,
        "shown_key": shown.key,
        "currency": shown.currency,
        "past": shown.day,
    }


def _cards(shown: Shown, request: HttpRequest) -> dict[str, Any]:
    """What is known now only, income to come and open flags, is left out where a past day is shown."""
    made = parts.headline(shown) | {
        "chart": parts.value_chart(shown, request),
        "allocation": parts.allocation(shown, request),
        "movers": parts.movers(shown),
    }
    if shown.day is None:
        user = cast("User", request.user)
        made |= {"income": parts.income(shown, user), "flags": parts.flags(shown, user)}
    return made


def _books(shown: Shown) -> dict[str, Any]:
    """What there is, what it is worth and what was sold."""
    portfolio = shown.portfolios[0]
    disposals = Disposal.objects.filter(portfolio=portfolio).select_related("asset").order_by("-closed_on", "-pk")
    disposals = disposals.filter(closed_on__lte=shown.day) if shown.day else disposals
    largest = sorted(shown.held, key=lambda row: (row.value is None, -(row.value or 0), row.symbol))
    return {
        "as_of": shown.day or valuation_days([portfolio.pk])[portfolio.pk],
        "held": shown.held,
        "largest": largest[: parts.LARGEST],
        "simulated": _source(shown, portfolio) == SIMULATED,
        "total_return": any(holding.price_basis == PriceBasis.TOTAL_RETURN for holding in shown.held),
        "disposals": list(disposals[:SHOWN_DISPOSALS]),
        "shown_disposals": SHOWN_DISPOSALS,
        "totals": shown.totals,
    }


def _source(shown: Shown, portfolio: Portfolio) -> str:
    """Kept together with the days that the cards are drawn from, where there are such cards."""
    return shown.daily.source if shown.every[portfolio.pk] else queries.price_source(portfolio)


@dataclass(frozen=True, slots=True)
class Figure:
    """One figure of the card. ``value`` is None where ``problem`` says why there is none."""

    key: str
    label: Label
    detail: str
    signed: bool
    value: float | None
    problem: str


DETAILS = {"value_at_risk": _("95%, a day"), "expected_shortfall": _("95%, a day")}
SIGNED = ("annual_return", "max_drawdown", "alpha")  # a gain and a loss are told apart by sign and colour
SHOWN = (
    "annual_volatility",
    "sharpe_ratio",
    "max_drawdown",
    "value_at_risk",
    "expected_shortfall",
    "beta",
)  # the page of risk has all


def risk_figures(portfolio: Portfolio, day: date | None = None) -> dict[str, Any]:
    """The newest snapshot and whether it still shows what is so; of a past day the same figures, computed."""
    if day is not None:
        return _risk_then(portfolio, day)
    snapshot = Snapshot.objects.filter(portfolio=portfolio).order_by("-as_of").first()
    stale = queries.stale(Portfolio.objects.filter(pk=portfolio.pk)).exists()
    figures = [_figure(name, getattr(snapshot, name), snapshot.problems) for name in SHOWN if snapshot]
    return {"snapshot": snapshot, "stale": stale, "figures": figures}


def _risk_then(portfolio: Portfolio, day: date) -> dict[str, Any]:
    found = queries.risk(portfolio, as_of=day)
    then = {
        "observations": found.observations,
        "window_start": found.start,
        "window_end": found.end,
        "currency": portfolio.base_currency,
        "benchmark_symbol": portfolio.benchmark.symbol if portfolio.benchmark else "",
    }
    figures = [_figure(name, found.figures[name], found.problems) for name in SHOWN]
    return {"snapshot": then, "stale": False, "figures": figures}


def _figure(name: str, value: float | None, problems: Mapping[str, str]) -> Figure:
    return Figure(name, LABELS[name], str(DETAILS.get(name, "")), name in SIGNED, value, problems.get(name, ""))
