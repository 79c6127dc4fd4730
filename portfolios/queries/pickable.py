"""The lots that a sale or a transfer out can take, as they are at its place in the order of booking."""

from __future__ import annotations

from collections.abc import Callable, Collection
from dataclasses import dataclass
from datetime import date, datetime
from decimal import Decimal

from assets.models import Asset
from core.money import divide
from portfolios.book.lots import SPECIFIC
from portfolios.book.types import Entry, OpenLot
from portfolios.book.value import market_value, unit_cost
from portfolios.models import Portfolio, Trade, TradeKind
from portfolios.queries.actions import with_linked
from portfolios.queries.books import inputs_of
from portfolios.queries.facts import TRIAL, Trial


@dataclass(frozen=True, slots=True)
class Pickable:
    """An open lot. ``cost`` in the asset's currency, ``unit_cost`` as the asset is quoted.

    ``gain`` is in the base currency, before fee and tax; None where there is no price, or none that the books keep.

    The ranks begin at 0: by opening, by the highest unit cost, by the lowest gain of a unit.
    """

    opened_by: int
    sequence: int
    opened_on: date
    quantity: Decimal
    unit_cost: Decimal
    cost: Decimal
    gain: Decimal | None
    holding_days: int
    long_term: bool
    oldest: int
    highest_cost: int
    lowest_gain: int


@dataclass(frozen=True, slots=True)
class OpenLots:
    """The method that holds on that day, and the lots that are open."""

    method: str
    lots: tuple[Pickable, ...] = ()

    @property
    def may_pick(self) -> bool:
        return self.method == SPECIFIC

    @property
    def held(self) -> Decimal:
        return sum((lot.quantity for lot in self.lots), Decimal(0))


def open_lots(
    portfolio: Portfolio,
    asset: Asset,
    at: datetime,
    day: date,
    *,
    value_of_unit: Decimal | None = None,
    replacing: Trade | None = None,
) -> OpenLots:
    """What is open of ``asset`` just before a trade ``at`` an instant of ``day``, in units of that day.

    ``value_of_unit`` is what a unit brings in the base currency. At most 9 queries. Raises RateMissing, Refused.
    """
    trade = _placed(portfolio, asset, at, day, replacing)
    scope, actions = with_linked({asset.pk})
    trial = Trial(trade, without=replacing.pk if replacing else None)
    inputs = inputs_of([portfolio], asset_ids=scope, actions=actions, trial=trial)[portfolio.pk]
    entry = next(entry for entry in inputs.entries[asset.pk] if entry.key == TRIAL)
    book = inputs.before(entry).folded().get(asset.pk)
    lots = [lot for lot in book.lots if lot.quantity > 0] if book else []
    return OpenLots(inputs.rules.method_on(day), _pickable(lots, entry, portfolio, value_of_unit, asset.price_factor))


def openers_now(portfolio: Portfolio, asset: Asset, trade_ids: Collection[int]) -> dict[int, int]:
    """Each of ``trade_ids`` to the trade that stands in its place by now, itself where none does.

    The books read a pick so. One query, none for no ids.
    """
    if not trade_ids:
        return {}
    places: dict[int, int] = {}
    standing: dict[int, int] = {}
    rows = Trade.objects.filter(portfolio=portfolio, asset=asset).order_by("pk")
    for pk, replaces, voided_at in rows.values_list("pk", "replaces_id", "voided_at"):
        places[pk] = places.get(replaces or 0, pk)
        if voided_at is None:
            standing[places[pk]] = pk
    return {pk: standing.get(places.get(pk, pk), pk) for pk in trade_ids}


def _placed(portfolio: Portfolio, asset: Asset, at: datetime, day: date, replacing: Trade | None) -> Trade:
    """A trade that holds a place in the order and says nothing else; a transfer needs no exchange rate."""
    return Trade(
        pk=TRIAL,
        portfolio=portfolio,
        asset=asset,
        kind=TradeKind.TRANSFER_OUT,
        traded_at=at,
        day=day,
        quantity=Decimal(1),
        price=Decimal(0),
        currency=asset.currency,
        sequence=replacing.sequence if replacing else 0,
        external_id=replacing.external_id if replacing else "",
        replaces=replacing,
    )


def _pickable(
    lots: list[OpenLot], entry: Entry, portfolio: Portfolio, value_of_unit: Decimal | None, factor: Decimal
) -> tuple[Pickable, ...]:
    units = [unit_cost(lot.cost, lot.quantity, factor) for lot in lots]
    gains = [_gain(lot, value_of_unit, portfolio.base_currency) for lot in lots]
    by_age = _ranks(lots, lambda place: (lots[place].opened_on, place))
    by_cost = _ranks(lots, lambda place: (-units[place], lots[place].opened_on, place))
    by_gain = _ranks(lots, lambda place: (-divide(lots[place].cost_base, lots[place].quantity), place))
    return tuple(
        Pickable(
            *lot.key,
            lot.opened_on,
            lot.quantity,
            units[place],
            lot.cost,
            gains[place],
            (entry.day - lot.opened_on).days,
            (entry.day - lot.opened_on).days > portfolio.long_term_days,
            by_age[place],
            by_cost[place],
            by_gain[place],
        )
        for place, lot in enumerate(lots)
    )


def _gain(lot: OpenLot, value_of_unit: Decimal | None, base: str) -> Decimal | None:
    if value_of_unit is None:
        return None
    value = market_value(lot.quantity, value_of_unit, Decimal(1), base)
    return value - lot.cost_base if value.is_finite() else None  # a price may be longer than amounts are


def _ranks(lots: list[OpenLot], key: Callable[[int], tuple[object, ...]]) -> list[int]:
    """Each lot's place among them all by ``key``, which takes its index."""
    order = sorted(range(len(lots)), key=key)
    ranks = [0] * len(lots)
    for rank, place in enumerate(order):
        ranks[place] = rank
    return ranks
