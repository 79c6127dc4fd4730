"""One asset of a portfolio from near: its lots of any day, where their basis came from, what they became."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import date
from decimal import Decimal

from assets.models import Asset, CorporateAction
from assets.models.action import PAYING
from portfolios.book.value import per_unit, unit_cost
from portfolios.models import Disposal, Entitlement, Lot, Portfolio, Trade
from portfolios.queries.actions import with_linked
from portfolios.queries.books import books_of


@dataclass(frozen=True, slots=True)
class OpenLot:
    """What is left of units that came in together, as of a day. ``cost`` is in the asset's currency, ``unit_cost`` as
    the asset is quoted.

    ``opener`` is the trade that brought them, ``actions`` the corporate actions that their units or basis went
    through since.
    """

    opener: Trade
    sequence: int
    opened_on: date
    opened_quantity: Decimal
    quantity: Decimal
    cost: Decimal
    cost_base: Decimal
    actions: tuple[CorporateAction, ...]
    price_factor: Decimal

    @property
    def unit_cost(self) -> Decimal:
        return per_unit(unit_cost(self.cost, self.quantity, self.price_factor))

    @property
    def moved(self) -> bool:
        """The trade that brought it was of another asset: it came by a spin-off or merger."""
        return any(action.target_id for action in self.actions)


@dataclass(frozen=True, slots=True)
class AssetHistory:
    """What happened to one asset of a portfolio up to a day, the newest first; of trades and disposals the last ones,
    and how many there are."""

    disposals: Sequence[Disposal]
    disposal_count: int
    trades: Sequence[Trade]
    trade_count: int
    actions: Sequence[CorporateAction]
    entitlements: Sequence[Entitlement]

    @property
    def told_actions(self) -> list[CorporateAction]:
        """Those that the list of what was paid does not tell: all but the payments that the portfolio got."""
        paid = {due.action_id for due in self.entitlements}
        return [action for action in self.actions if action.kind not in PAYING or action.pk not in paid]

    @property
    def disposal_note(self) -> str:
        """How much of the disposals is shown, where that is not all."""
        shown = len(self.disposals)
        return f"The newest {shown} of {self.disposal_count}" if shown < self.disposal_count else ""


Figures = tuple[int, int, date, Decimal, Decimal, Decimal, Decimal, Sequence[int]]
COLUMNS = ("opened_by_id", "sequence", "opened_on", "opened_quantity", "quantity", "cost", "cost_base", "actions")


def open_lots(portfolio: Portfolio, asset: Asset, as_of: date | None = None) -> list[OpenLot]:
    """The open lots of one asset, oldest first; 3 queries, with ``as_of`` at most 13: that day's are folded anew."""
    rows = _lots_on(portfolio, asset, as_of) if as_of else _lots_now(portfolio, asset)
    openers = Trade.objects.select_related("asset").in_bulk([row[0] for row in rows])
    actions = CorporateAction.objects.in_bulk({pk for row in rows for pk in row[-1]})
    factor = asset.price_factor
    return [_lot(row, openers[row[0]], [actions[pk] for pk in row[-1] if pk in actions], factor) for row in rows]


def _lots_now(portfolio: Portfolio, asset: Asset) -> list[Figures]:
    lots = Lot.objects.open().filter(portfolio=portfolio, asset=asset)
    return list(lots.order_by("opened_on", "opened_by", "sequence").values_list(*COLUMNS))


def _lots_on(portfolio: Portfolio, asset: Asset, day: date) -> list[Figures]:
    scope, actions = with_linked({asset.pk}, day)
    book = books_of([portfolio], asset_ids=scope, until=day, actions=actions).get((portfolio.pk, asset.pk))
    lots = sorted(book.lots if book else (), key=lambda lot: (lot.opened_on, *lot.key))
    return [
        (*lot.key, lot.opened_on, lot.opened_quantity, lot.quantity, lot.cost, lot.cost_base, lot.actions)
        for lot in lots
        if lot.quantity
    ]


def _lot(row: Figures, opener: Trade, actions: Iterable[CorporateAction], factor: Decimal) -> OpenLot:
    _, sequence, opened_on, opened_quantity, quantity, cost, cost_base, _ = row
    return OpenLot(opener, sequence, opened_on, opened_quantity, quantity, cost, cost_base, tuple(actions), factor)


def history(portfolio: Portfolio, asset: Asset, as_of: date | None = None, *, limit: int) -> AssetHistory:
    """Disposals, trades (voided ones too), corporate actions and what they paid, up to ``as_of``; 6 queries."""
    until = as_of or date.max
    disposals = Disposal.objects.filter(portfolio=portfolio, asset=asset, closed_on__lte=until)
    trades = Trade.objects.filter(portfolio=portfolio, asset=asset, day__lte=until)
    actions = CorporateAction.objects.standing().filter(asset=asset, ex_date__lte=until).select_related("target")
    entitlements = Entitlement.objects.filter(portfolio=portfolio, asset=asset, ex_date__lte=until)
    return AssetHistory(
        list(disposals.select_related("portfolio", "asset", "action").order_by("-closed_on", "-pk")[:limit]),
        disposals.count(),
        list(trades.select_related("asset").order_by("-day", "-traded_at", "-pk")[:limit]),
        trades.count(),
        list(actions.order_by("-ex_date", "-pk")[:limit]),
        list(entitlements.select_related("action").order_by("-ex_date", "-pk")[:limit]),
    )
