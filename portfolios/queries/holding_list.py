"""Holdings as a list that its reader narrows, orders and adds up. No query."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

from core.money import divide, total
from portfolios.queries.holdings import Holding
from portfolios.queries.totals import UNCLASSIFIED

STATES = {"open": "Held", "closed": "Sold", "all": "Held and sold"}
ORDERS: dict[str, Callable[[Holding], Any]] = {
    "symbol": lambda holding: holding.symbol,
    "name": lambda holding: holding.name.casefold(),
    "sector": lambda holding: sector_of(holding).casefold(),
    "type": lambda holding: holding.asset_type,
    "currency": lambda holding: holding.currency,
    "quantity": lambda holding: holding.quantity,
    "average_cost": lambda holding: holding.average_cost,
    "cost": lambda holding: holding.cost_base,
    "price": lambda holding: holding.price,
    "value": lambda holding: holding.value,
    "gain": lambda holding: holding.unrealised_gain,
    "return": lambda holding: holding.unrealised_return,
    "realised": lambda holding: holding.realised_gain,
    "income": lambda holding: holding.income,
    "weight": lambda holding: holding.weight,
    "held": lambda holding: holding.opened_on,
}


@dataclass(frozen=True, slots=True)
class Sums:
    """What some holdings are together, in the base currency; ``complete`` is False where a value is not known."""

    count: int
    cost: Decimal
    value: Decimal
    unrealised_gain: Decimal
    realised_gain: Decimal
    income: Decimal
    weight: Decimal
    complete: bool

    @property
    def unrealised_return(self) -> Decimal | None:
        """The unrealised gain as a fraction of the cost; None where an amount is missing or nothing was paid."""
        return divide(self.unrealised_gain, self.cost) if self.complete and self.cost else None


def sector_of(holding: Holding) -> str:
    return holding.sector or UNCLASSIFIED


def narrowed(
    holdings: Iterable[Holding],
    *,
    text: str = "",
    sector: str = "",
    asset_type: str = "",
    currency: str = "",
    state: str = "open",
) -> list[Holding]:
    """Those that fit all that is given: a part of symbol or name, a sector, a type, a currency, a key of STATES."""
    wanted = text.casefold()
    return [
        holding
        for holding in holdings
        if (wanted in holding.symbol.casefold() or wanted in holding.name.casefold())
        and sector in ("", sector_of(holding))
        and asset_type in ("", holding.asset_type)
        and currency in ("", holding.currency)
        and (state == "all" or bool(holding.quantity) == (state == "open"))
    ]


def ordered(holdings: Iterable[Holding], order: str) -> list[Holding]:
    """By a key of ORDERS, downwards with "-" before it; equal ones by symbol, and what has no value last either way."""
    key = ORDERS[order.removeprefix("-")]
    found = sorted(holdings, key=ORDERS["symbol"])
    known = [holding for holding in found if key(holding) is not None]
    unknown = [holding for holding in found if key(holding) is None]
    return sorted(known, key=key, reverse=order.startswith("-")) + unknown


def sums(holdings: Sequence[Holding]) -> Sums:
    """What ``holdings`` are together; what has no value counts in the cost, the realised gain and the income only."""
    return Sums(
        count=len(holdings),
        cost=total(holding.cost_base for holding in holdings),
        value=total(holding.value or Decimal(0) for holding in holdings),
        unrealised_gain=total(holding.unrealised_gain or Decimal(0) for holding in holdings),
        realised_gain=total(holding.realised_gain for holding in holdings),
        income=total(holding.income for holding in holdings),
        weight=total(holding.weight or Decimal(0) for holding in holdings),
        complete=all(holding.value is not None for holding in holdings),
    )
