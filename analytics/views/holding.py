"""One asset of a portfolio from near: figures, prices with its trades, lots, disposals, trades, actions."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date
from typing import Any

import numpy as np
from django.db.models import Q
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, render
from django.urls import reverse
from django.views.decorators.http import require_safe

from analytics import charts
from analytics.queries.prices import adjusted_closes, trades_until
from analytics.views.bond import bond_card
from assets import intraday
from assets.models import Asset, PriceBasis
from assets.queries import SIMULATED
from core.money import minor_units
from core.web import day_shown, login_needed
from portfolios.models import Portfolio, Trade
from portfolios.queries import holdings, valuation_days
from portfolios.queries.asset_history import history, open_lots
from portfolios.templatetags.money import quantity, unit_price
from portfolios.views.base import page_of

SHOWN = 50  # rows of each table; the rest is in the lists that they lead to
BEFORE = 90  # days of prices that are shown before the first trade
ONE_DAY = "1d"
ROLES = {"buy": "buy", "sell": "sell", "transfer_in": "transfer", "transfer_out": "transfer"}


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
    as_of = day or valuation_days([portfolio.pk])[portfolio.pk]
    every = {found.asset_id: found for found in holdings([portfolio], day, include_closed=True)[portfolio.pk]}
    held = every.get(asset.pk)
    lots = open_lots(portfolio, asset, day)
    context = {
        "section": "holdings",
        "picker_path": reverse("holdings"),
        "asset": asset,
        "past": day,
        "as_of": as_of,
        "holding": held,
        "lots": lots[:SHOWN],
        "lot_count": len(lots),
        "history": history(portfolio, asset, day, limit=SHOWN),
        "shown": SHOWN,
        "simulated": bool(held) and held.price_source == SIMULATED,  # type: ignore[union-attr]
        "total_return": asset.price_basis == PriceBasis.TOTAL_RETURN,
        "bond": bond_card(asset, held, day, as_of),
        "chart": _chart(portfolio, asset, request, day or date.max),
    }
    return render(request, "analytics/holding.html", page | context)


def _known_to(portfolio: Portfolio) -> Any:
    """Every asset that the portfolio holds, held, or has a trade of, voided ones too."""
    traded, held = portfolio.trades.order_by().values("asset"), portfolio.investments.order_by().values("asset")
    return Asset.objects.filter(Q(pk__in=traded) | Q(pk__in=held)).select_related("exchange")


def _chart(portfolio: Portfolio, asset: Asset, request: HttpRequest, until: date) -> dict[str, Any] | None:
    """The adjusted close with the trades marked on it, or the last day's prices; None without any; 3 queries."""
    ticked = intraday.last_day(asset, until)
    if ticked and request.GET.get("span") == ONE_DAY:
        return _day_chart(asset, ticked)
    days, closes = adjusted_closes(asset, until)
    if not len(days):
        return _day_chart(asset, ticked) if ticked else None
    trades = trades_until(portfolio, asset, until)
    span = request.GET.get("span", "max")
    span = span if span in charts.SPANS else "max"
    base = _first_shown(days, trades) if span == "max" else charts.base_index(days, span)
    shown = days[base:]
    line = charts.Line("Adjusted close", "portfolio", closes[base:])
    chart = charts.Chart(shown, [line], "money", asset.quote_currency, _digits(line.values, asset.currency))
    marks = [_mark(trade) for trade in trades if np.datetime64(trade.day) >= shown[0]]
    return _shown(chart, span, marks, with_day=ticked is not None)


def _day_chart(asset: Asset, day: date) -> dict[str, Any]:
    """The prices of one day as they came, the last one of each minute; one query."""
    readings = intraday.by_minute(asset, day)
    instants = np.array([int(reading.at.timestamp()) for reading in readings], dtype="datetime64[s]")
    line = charts.Line("Price", "portfolio", np.array([float(reading.price) for reading in readings]))
    chart = charts.Chart(instants, [line], "money", asset.quote_currency, _price_digits(line, asset), clock=True)
    simulated = any(reading.simulated for reading in readings)
    return _shown(chart, ONE_DAY, (), with_day=True) | {"day": day, "simulated": simulated}


def _shown(chart: charts.Chart, span: str, marks: Sequence[charts.Mark], *, with_day: bool) -> dict[str, Any]:
    return charts.told(chart, marks) | {
        "view": "value",
        "span": span,
        "spans": ({ONE_DAY: "1D"} if with_day else {}) | charts.SPANS,
        "roles": list(dict.fromkeys(mark.role for mark in marks)),
        "marks": len(marks),
    }


def _price_digits(line: charts.Line, asset: Asset) -> int:
    """A day's moves are small: as many decimals as prices have, where floats are good for them."""
    digits = _digits(line.values, asset.currency)
    return max(digits, 4) if digits else 0


def _first_shown(days: charts.DayArray, trades: list[Trade]) -> int:
    """Where the whole span begins: some time before the first trade."""
    if not trades:
        return 0
    wanted = np.datetime64(trades[0].day) - np.timedelta64(BEFORE, "D")
    return min(int(np.searchsorted(days, wanted)), len(days) - 1)


def _digits(closes: charts.FloatArray, currency: str) -> int:
    """Decimals of a price: more where it is small, none beyond the range that floats are good for."""
    highest = float(closes.max())
    if highest >= charts.LARGE:
        return 0
    return minor_units(currency) if highest >= 1 else max(minor_units(currency), 4)


def _mark(trade: Trade) -> charts.Mark:
    price = f"{unit_price(trade.stated_price, trade.currency)} {trade.price_currency}"
    words = f"{trade.get_kind_display()} {quantity(trade.quantity)} at {price}"
    return charts.Mark(trade.day, ROLES[trade.kind], words)
