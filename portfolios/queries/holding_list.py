"""Holdings as a list that its reader narrows, orders and adds up. No query."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from itertools import groupby
from typing import Any, NamedTuple

from django.utils.translation import gettext_lazy as _

from core.money import divide, total
from portfolios.queries.beside import Beside
from portfolios.queries.holdings import Holding
from portfolios.queries.totals import UNCLASSIFIED

STATES = {"open": _("Held"), "closed": _("Sold"), "all": _("Held and sold")}
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
# What is told of the asset beside the books.
BESIDE: dict[str, Callable[[Beside], Any]] = {
    "country": lambda known: known.country.casefold(),
    "trend": lambda known: known.trend and known.trend.change,
    "day": lambda known: known.trend and known.trend.day_change,
}
NOTHING = Beside()


class Listed(NamedTuple):
    """A holding, and what is told of its asset beside the books."""

    holding: Holding
    known: Beside = NOTHING


GROUPS: dict[str, Callable[[Listed], str]] = {
    "class": lambda row: row.holding.type_name,
    "sector": lambda row: sector_of(row.holding),
    "country": lambda row: row.known.country,
    "currency": lambda row: row.holding.currency,
}
GROUP_NAMES = {"class": _("Class"), "sector": _("Sector"), "country": _("Country"), "currency": _("Currency")}


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


@dataclass(frozen=True, slots=True)
class Group:
    """Holdings that have something in common: those of it that are shown, and the sums of all of it.

    ``begins`` is False where its first ones stand on an earlier page.
    """

    name: str
    holdings: Sequence[Holding]
    sums: Sums
    begins: bool = True


def is_order(name: str) -> bool:
    return name in ORDERS or name in BESIDE


def ordered(holdings: Iterable[Holding], order: str, known: Mapping[int, Beside] | None = None) -> list[Holding]:
    """By a key of ORDERS or BESIDE, downwards with "-" before it; equal ones by symbol, and what has no value last
    either way. ``known`` is by asset id."""
    key = _key(order.removeprefix("-"), known or {})
    found = sorted(holdings, key=ORDERS["symbol"])
    told = [holding for holding in found if key(holding) is not None]
    unknown = [holding for holding in found if key(holding) is None]
    return sorted(told, key=key, reverse=order.startswith("-")) + unknown


def _key(name: str, known: Mapping[int, Beside]) -> Callable[[Holding], Any]:
    if name in ORDERS:
        return ORDERS[name]
    return lambda holding: BESIDE[name](known.get(holding.asset_id, NOTHING))


def grouped(holdings: Sequence[Holding], by: str, known: Mapping[int, Beside], start: int, stop: int) -> list[Group]:
    """The groups, a key of GROUPS, the most valuable first, with the rows from ``start`` to before ``stop``.

    Within a group the holdings stay in their order, so they are in order already; the rows count through all groups.
    """
    members: dict[str, list[Holding]] = defaultdict(list)
    for holding in holdings:
        members[GROUPS[by](Listed(holding, known.get(holding.asset_id, NOTHING)))].append(holding)
    all_sums = {name: sums(found) for name, found in members.items()}
    names = sorted(members, key=lambda name: (-all_sums[name].value, name))
    rows = [(name, place, holding) for name in names for place, holding in enumerate(members[name])]
    shown = groupby(rows[start:stop], key=lambda row: row[0])
    return [_group(name, list(found), all_sums[name]) for name, found in shown]


def _group(name: str, rows: Sequence[tuple[str, int, Holding]], its: Sums) -> Group:
    return Group(name, [holding for _name, _place, holding in rows], its, begins=rows[0][1] == 0)


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
