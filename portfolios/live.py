"""A portfolio's total while prices move: the books' value of the last close, each holding scaled to its live price."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from decimal import Decimal

from assets.live import plain
from core.money import divide, multiply, quantise, total
from portfolios.models import Portfolio
from portfolios.queries import holdings, totals


@dataclass(frozen=True, slots=True)
class Held:
    """A holding at the last close: its value and cost in the base currency, the close in the asset's."""

    symbol: str
    value: Decimal
    cost: Decimal
    close: Decimal


@dataclass(frozen=True, slots=True)
class LiveTotal:
    """What does not change between two bookings.

    ``held`` is by asset id; ``rest`` is cash and receivables. ``complete`` is False where a price or a rate is missing.
    """

    portfolio_id: int
    version: int
    currency: str
    held: Mapping[int, Held]
    rest: Decimal
    invested: Decimal
    complete: bool

    def text(self, prices: Mapping[int, Decimal]) -> str:
        """The message with the total at ``prices``, by asset id; what has none there keeps its last close.

        It names the value and the gain of each holding whose price is no longer that of its close.
        """
        values = {
            asset_id: multiply(each.value, divide(prices.get(asset_id, each.close), each.close))
            for asset_id, each in self.held.items()
        }
        worth = quantise(total(values.values()), self.currency)
        moved = {
            each.symbol: (values[asset_id], each)
            for asset_id, each in self.held.items()
            if prices.get(asset_id, each.close) != each.close
        }
        return json.dumps(
            {
                "portfolio": self.portfolio_id,
                "currency": self.currency,
                "market_value": plain(worth),
                "total_value": plain(worth + self.rest),
                "unrealized_pnl": plain(worth - self.invested),
                "complete": self.complete,
                "holdings": {
                    symbol: {
                        "value": plain(quantise(value, self.currency)),
                        "unrealized_pnl": plain(quantise(value - each.cost, self.currency)),
                    }
                    for symbol, (value, each) in moved.items()
                },
            }
        )


def live_total(portfolio: Portfolio) -> LiveTotal:
    """At the last closes; a fixed number of queries."""
    every = holdings([portfolio], include_closed=True)[portfolio.pk]
    sums = totals(portfolio, every)
    held = {
        each.asset_id: Held(each.symbol, each.value, each.cost_base, each.price)
        for each in every
        if each.value is not None and each.price and each.quantity
    }
    return LiveTotal(
        portfolio_id=portfolio.pk,
        version=portfolio.version,
        currency=portfolio.base_currency,
        held=held,
        rest=sums.total_value - sums.market_value,
        invested=sums.invested,
        complete=sums.complete,
    )
