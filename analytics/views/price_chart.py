"""The chart of one asset's price, with what a portfolio did and got marked on it."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date
from typing import Any

import numpy as np
from django.http import HttpRequest
from django.utils.translation import gettext as _

from analytics import charts
from analytics.queries.prices import events_until, trades_until
from analytics.wording import worded
from assets import intraday
from assets.models import Asset, AssetType, CorporateAction
from core.money import minor_units
from portfolios.models import Entitlement, Portfolio, Trade
from portfolios.templatetags.money import amount, quantity, quoted_in, trade_unit, unit_price

BEFORE = 90  # days of prices that are shown before the first trade
ONE_DAY = "1d"
MARKS_TOLD = 60  # of the newest ones, in the table below the chart
ROLES = {"buy": "buy", "sell": "sell", "transfer_in": "transfer", "transfer_out": "transfer"}
Closes = tuple[charts.DayArray, charts.FloatArray]


def price_chart(
    asset: Asset, closes: Closes, request: HttpRequest, until: date, portfolio: Portfolio | None = None
) -> dict[str, Any] | None:
    """The adjusted closes, or the last day's prices as they came; None without any.

    With a portfolio its trades, dividends and the splits are marked. 4 queries, 1 without a portfolio.
    """
    ticked = intraday.last_day(asset, until)
    if ticked and request.GET.get("span") == ONE_DAY:
        return _day_chart(asset, ticked)
    days, values = closes
    if not len(days):
        return _day_chart(asset, ticked) if ticked else None
    trades = trades_until(portfolio, asset, until) if portfolio else []
    marks = [*map(_trade_mark, trades), *(_event_marks(portfolio, asset, until) if portfolio else ())]
    span = request.GET.get("span", "max")
    span = span if span in charts.SPANS else "max"
    base = _first_shown(days, trades) if span == "max" else charts.base_index(days, span)
    line = charts.Line(_("Adjusted close"), "portfolio", values[base:])
    chart = charts.Chart(days[base:], [line], "money", quoted_in(asset), _digits(line.values, asset.currency))
    shown = [mark for mark in marks if np.datetime64(mark.day) >= days[base]]
    return _shown(chart, span, shown, with_day=ticked is not None)


def _day_chart(asset: Asset, day: date) -> dict[str, Any]:
    """The prices of one day as they came, the last one of each minute; one query."""
    readings = intraday.by_minute(asset, day)
    instants = np.array([int(reading.at.timestamp()) for reading in readings], dtype="datetime64[s]")
    line = charts.Line(_("Price"), "portfolio", np.array([float(reading.price) for reading in readings]))
    chart = charts.Chart(instants, [line], "money", quoted_in(asset), _price_digits(line, asset), clock=True)
    simulated = any(reading.simulated for reading in readings)
    return _shown(chart, ONE_DAY, (), with_day=True) | {"day": day, "simulated": simulated}


def _shown(chart: charts.Chart, span: str, marks: Sequence[charts.Mark], *, with_day: bool) -> dict[str, Any]:
    spans = ({ONE_DAY: "1D"} if with_day else {}) | charts.SPANS
    told = sorted(marks, key=lambda mark: mark.day, reverse=True)
    return charts.told(chart, marks) | {
        "view": "value",
        "span": span,
        "spans": {key: worded(name) for key, name in spans.items()},
        "roles": list(dict.fromkeys(mark.role for mark in marks)),
        "marks": len(marks),
        "trades": sum(mark.role in ROLES.values() for mark in marks),
        "told": told[:MARKS_TOLD],
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


def _trade_mark(trade: Trade) -> charts.Mark:
    price = f"{unit_price(trade.stated_price, trade.currency)} {trade_unit(trade)}"
    words = _("%(kind)s %(quantity)s at %(price)s") % {
        "kind": trade.get_kind_display(),
        "quantity": quantity(trade.quantity),
        "price": price,
    }
    return charts.Mark(trade.day, ROLES[trade.kind], words)


def _event_marks(portfolio: Portfolio, asset: Asset, until: date) -> list[charts.Mark]:
    """Dividends, of bonds coupons, on their ex-dates, and splits; 2 queries."""
    dividends, splits = events_until(portfolio, asset, until)
    words = _("Coupon of %(net)s net") if asset.type == AssetType.BOND else _("Dividend of %(net)s net")
    return [*(_payment_mark(due, words) for due in dividends), *map(_split_mark, splits)]


def _payment_mark(due: Entitlement, words: str) -> charts.Mark:
    net = f"{amount(due.net, due.currency)} {due.currency}"
    return charts.Mark(due.ex_date, "dividend", words % {"net": net})


def _split_mark(action: CorporateAction) -> charts.Mark:
    sizes = (quantity(action.ratio), quantity(action.per))
    words = _("%(kind)s, %(new)s for %(old)s") % {"kind": action.get_kind_display(), "new": sizes[0], "old": sizes[1]}
    return charts.Mark(action.ex_date, "split", words)
