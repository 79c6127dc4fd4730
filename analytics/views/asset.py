"""One security, whether or not one holds it: quote, prices, figures, its company, and what can be done with it."""

from __future__ import annotations

from datetime import date
from typing import Any, cast

from django.db.models import Exists, OuterRef
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, render
from django.utils import timezone
from django.views.decorators.http import require_safe

from analytics.queries.prices import adjusted_closes
from analytics.views.asset_cards import figures_card, profile_card
from analytics.views.price_chart import price_chart
from assets.models import Asset, PriceBasis, Watchlist, WatchlistEntry
from assets.queries import SIMULATED
from assets.quotes import LastPrice
from assets.services.quotes import closes_on, last_prices
from assets.tasks import quotes_wanted
from core.web import login_needed
from portfolios.models import Investment, Portfolio
from portfolios.views.base import page_of
from users.day import day_shown
from users.models import User


@require_safe
@login_needed
def asset_page(request: HttpRequest, symbol: str) -> HttpResponse:
    """Any security, now or at the close of the day shown; ``?portfolio=`` is the one whose benchmark stands beside."""
    page, user = page_of(request), cast("User", request.user)
    asset = get_object_or_404(Asset.objects.visible_to(user).select_related("exchange"), symbol=symbol)
    day = day_shown(request)
    until = day or date.max
    closes, portfolio = adjusted_closes(asset, until), page["portfolio"]
    context = {
        "asset": asset,
        "past": day,
        "price": _price(asset, day),
        "tradable": asset.tradable,
        "total_return": asset.price_basis == PriceBasis.TOTAL_RETURN,
        "chart": price_chart(asset, closes, request, until),
        "spans": figures_card(asset, closes, portfolio.benchmark if portfolio else None, until),
        "profile": profile_card(asset),
    }
    return render(request, "analytics/asset.html", page | context | _own(asset, user, day))


def _price(asset: Asset, day: date | None) -> dict[str, Any]:
    """The newest price, or the last close up to ``day`` as a price of that day: split as what is held of it was.

    At most 3 queries. An old quote is asked for by a worker.
    """
    known = closes_on([asset.pk], day=day) if day else last_prices([asset.pk], now=timezone.now())
    quotes_wanted(known.due)
    last: LastPrice | None = known.by_asset.get(asset.pk)
    if last is None:
        return {}
    return {"value": last.price, "day": last.day, "simulated": last.source == SIMULATED, "growth": last.growth}


def _own(asset: Asset, user: User, day: date | None) -> dict[str, Any]:
    """What one holds of it today, nothing of a past ``day``; and in which watchlists it is; 2 queries."""
    portfolios = Portfolio.objects.visible_to(user)
    held = Investment.objects.open().filter(asset=asset, portfolio__in=portfolios).select_related("portfolio")
    entered = WatchlistEntry.objects.filter(watchlist=OuterRef("pk"), asset=asset)
    lists = Watchlist.objects.visible_to(user).annotate(watched=Exists(entered))
    return {"held": [] if day else list(held.order_by("portfolio__name", "pk")), "watchlists": list(lists)}
