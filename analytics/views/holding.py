"""One asset of a portfolio from near: figures, prices with its trades, lots, income, risk, disposals, actions."""

from __future__ import annotations

from datetime import date
from typing import Any

from django.db.models import Q
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, render
from django.urls import reverse
from django.views.decorators.http import require_safe

from analytics.queries.prices import adjusted_closes
from analytics.views.asset_cards import figures_card, income_card, profile_card, risk_card
from analytics.views.bond import bond_card
from analytics.views.price_chart import price_chart
from assets.models import Asset, PriceBasis
from assets.queries import SIMULATED
from core.web import login_needed
from portfolios.models import Portfolio
from portfolios.queries import holdings, valuation_days
from portfolios.queries.asset_history import history, open_lots
from portfolios.queries.holdings import Holding
from portfolios.views.base import page_of
from users.day import day_shown

SHOWN = 50  # rows of each table; the rest is in the lists that they lead to


@require_safe
@login_needed
def holding(request: HttpRequest, symbol: str) -> HttpResponse:
    """What ``?portfolio=`` has or had of one asset, now or at the close of the day shown."""
    page = page_of(request)
    portfolio = page["portfolio"]
    if portfolio is None:
        raise Http404
    asset = get_object_or_404(_known_to(portfolio), symbol=symbol)
    day = day_shown(request)
    every = {found.asset_id: found for found in holdings([portfolio], day, include_closed=True)[portfolio.pk]}
    held = every.get(asset.pk)
    context = _books(portfolio, asset, held, day)
    context |= _cards(request, portfolio, asset, held, day, context["as_of"])
    return render(request, "analytics/holding.html", page | context)


def _books(portfolio: Portfolio, asset: Asset, held: Holding | None, day: date | None) -> dict[str, Any]:
    """What the portfolio has of it, and how that came about."""
    lots = open_lots(portfolio, asset, day)
    return {
        "section": "holdings",
        "picker_path": reverse("holdings"),
        "asset": asset,
        "past": day,
        "as_of": day or valuation_days([portfolio.pk])[portfolio.pk],
        "holding": held,
        "lots": lots[:SHOWN],
        "lot_count": len(lots),
        "history": history(portfolio, asset, day, limit=SHOWN),
        "shown": SHOWN,
        "simulated": bool(held) and held.price_source == SIMULATED,  # type: ignore[union-attr]
        "total_return": asset.price_basis == PriceBasis.TOTAL_RETURN,
    }


def _cards(
    request: HttpRequest,
    portfolio: Portfolio,
    asset: Asset,
    held: Holding | None,
    day: date | None,
    as_of: date | None,
) -> dict[str, Any]:
    """What is told of the asset beside the books."""
    until = day or date.max
    closes = adjusted_closes(asset, until)
    return {
        "bond": bond_card(asset, held, day, as_of),
        "chart": price_chart(asset, closes, request, until, portfolio),
        "spans": figures_card(asset, closes, portfolio.benchmark, until),
        "income": income_card(portfolio, asset, held, day),
        "risk": risk_card(portfolio, asset, day) if held and held.quantity else None,
        "profile": profile_card(asset),
    }


def _known_to(portfolio: Portfolio) -> Any:
    """Every asset that the portfolio holds, held, or has a trade of, voided ones too."""
    traded, held = portfolio.trades.order_by().values("asset"), portfolio.investments.order_by().values("asset")
    return Asset.objects.filter(Q(pk__in=traded) | Q(pk__in=held)).select_related("exchange")
