"""What the pages of one asset tell of it: its figures, its company, what it pays and its part of the risk."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping
from datetime import date
from decimal import Decimal
from typing import Any

from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from analytics import queries
from analytics.asset_figures import figures
from analytics.market import CONTINUOUS, DAYS_A_YEAR, SESSIONS_A_YEAR
from analytics.queries.prices import adjusted_closes, announced, due_payments
from analytics.views.price_chart import Closes
from assets.models import Asset, CompanyProfile
from assets.queries import profiles_of
from assets.tasks import profiles_wanted
from core.errors import DomainError
from core.money import multiply, total
from portfolios.models import Portfolio
from portfolios.queries.holdings import Holding
from portfolios.queries.income import income

SPAN_NAMES = {"1y": _("1 year"), "3y": _("3 years"), "5y": _("5 years"), "max": _("All")}


def figures_card(asset: Asset, closes: Closes, benchmark: Asset | None, until: date) -> dict[str, Any]:
    """Return and risk by span, the benchmark's own closes beside them; one query with a benchmark, 2 for a bond."""
    other = adjusted_closes(benchmark, until) if benchmark and benchmark != asset else None
    calendar = asset.exchange.calendar if asset.exchange else ""
    periods = DAYS_A_YEAR if calendar == CONTINUOUS else SESSIONS_A_YEAR
    rows = figures(*closes, periods, other)
    return {"rows": [(SPAN_NAMES[row.span], row) for row in rows], "benchmark": benchmark if other else None}


def profile_card(asset: Asset) -> CompanyProfile | None:
    """What is known of the company; a worker asks for what is missing or old. One query."""
    known, due = profiles_of([asset.pk], timezone.now())
    profiles_wanted(due)
    return known.get(asset.pk)


def risk_card(portfolio: Portfolio, asset: Asset, as_of: date | None) -> dict[str, Any]:
    """Its part of the volatility of all that is held together, or why there is none."""
    try:
        held, parts = queries.contribution(portfolio, "sample", as_of=as_of)
    except DomainError as error:
        return {"problem": error.message}
    row = next((row for row in parts.holdings if row.position and row.position.asset_id == asset.pk), None)
    return {"held": held, "parts": parts, "row": row}


def income_card(portfolio: Portfolio, asset: Asset, holding: Holding | None, day: date | None) -> dict[str, Any]:
    """What it paid, by year in the base currency, the newest first, and what is to come; at most 9 queries.

    What feeds announced is known today, so it is told of today alone: for what is held now, before tax, and as it
    stands before anybody has confirmed it.
    """
    until = day or timezone.now().date()
    card: dict[str, Any] = {"due": due_payments(portfolio, asset, until)}
    if day is None and holding and holding.quantity > 0:
        coming = announced(asset, until)
        card["announced"] = [(notice, multiply(notice.cash, holding.quantity)) for notice in coming]
    try:
        earned = income(portfolio, None, until)
    except DomainError as error:
        return card | {"problem": error.message}
    years: Mapping[int, list[Decimal]] = defaultdict(list)
    for month in earned.months:
        years[month.month.year].extend(part.amount for part in month.assets if part.symbol == asset.symbol)
    rows = [(year, total(amounts)) for year, amounts in sorted(years.items(), reverse=True) if amounts]
    return card | {"years": rows, "total": total(amount for _year, amount in rows)}
