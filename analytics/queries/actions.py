"""What corporate actions did to the quantities and cash of a chunk of portfolios, as records beside their trades."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Sequence
from datetime import date
from math import trunc
from typing import Any, NamedTuple

import numpy as np
from django.db.models import FloatField, Q, QuerySet
from django.db.models.functions import Cast, Coalesce
from django.utils import timezone
from numpy.typing import NDArray

from analytics.market import Split
from analytics.performance import CASH, TRADE, UNITS_IN, UNITS_OUT, PortfolioFacts
from assets.models import ActionKind, CorporateAction
from assets.models.action import MULTIPLYING
from core.arrays import EpochDay, among
from portfolios.models import Entitlement

DECIMALS = 10  # of a quantity
RANKS = {ActionKind.SPIN_OFF: 0, ActionKind.MERGER: 2}  # on one day; what multiplies units comes between
DUE = ("portfolio_id", "ex_date", "paid_on", "currency", "gross", "withholding")
CHANGING = (
    ActionKind.SPLIT,
    ActionKind.REVERSE_SPLIT,
    ActionKind.STOCK_DIVIDEND,
    ActionKind.SPIN_OFF,
    ActionKind.MERGER,
)


class Action(NamedTuple):
    asset: int
    kind: str
    day: int
    ratio: float
    per: float
    whole_units: bool  # fractions are paid out
    target: int | None
    currency: str
    target_currency: str

    @property
    def new(self) -> float:
        """The units that ``per`` become, or bring of the target."""
        return self.per + self.ratio if self.kind == ActionKind.STOCK_DIVIDEND else self.ratio

    def units(self, held: float) -> float:
        """What ``held`` units become, or bring of the target."""
        units = round(held * self.new / self.per, DECIMALS)
        return float(trunc(units)) if self.whole_units else units


def actions_of(trades: NDArray[np.void], as_of: date | None) -> list[Action]:
    """The standing actions that changed the units of what ``trades`` (TRADE) are of or what became of it; one query."""
    assets = np.unique(trades["asset"]).tolist()
    standing = CorporateAction.objects.standing()
    linked = standing.filter(target__isnull=False)
    about = Q(asset__in=assets) | Q(target__isnull=False) | Q(asset__in=linked.values("target"))
    found = standing.filter(about, kind__in=CHANGING).filter(ex_date__lte=as_of or timezone.now().date())
    rows = found.order_by("ex_date", "pk").values_list(
        "asset_id",
        "kind",
        EpochDay("ex_date"),
        Cast(Coalesce("ratio", 1), FloatField()),
        Cast(Coalesce("per", 1), FloatField()),
        "cash_in_lieu",
        "target_id",
        "asset__currency",
        "target__currency",
    )
    actions = [Action._make([*row[:5], row[5] is not None, row[6], row[7], row[8] or ""]) for row in rows]
    return sorted(actions, key=lambda action: (action.day, RANKS.get(ActionKind(action.kind), 1)))


def splits_of(actions: Sequence[Action]) -> dict[int, list[Split]]:
    """Asset id to the days on which its units were multiplied, and by how much."""
    found: dict[int, list[Split]] = defaultdict(list)
    for action in actions:
        if action.kind in MULTIPLYING:
            found[action.asset].append((np.datetime64(action.day, "D"), action.new / action.per))
    return dict(found)


def changed_units(trades: NDArray[np.void], actions: Sequence[Action]) -> NDArray[np.void]:
    """A record (TRADE) for each change of a holding by an action: units that no cash was paid for."""
    touched = {action.asset for action in actions}
    rows = np.unique(trades["row"][np.isin(trades["asset"], list(touched))]).tolist()
    linked = touched | {action.target for action in actions if action.target}
    made: list[tuple[object, ...]] = []
    for row in rows:
        own = trades[(trades["row"] == row) & np.isin(trades["asset"], list(linked))]
        made += [(row, *change) for change in _changes(own, actions)]
    return np.array(made, TRADE)


def _changes(trades: NDArray[np.void], actions: Sequence[Action]) -> Iterator[tuple[object, ...]]:
    held: dict[int, float] = defaultdict(float)
    prices: dict[int, float] = {}
    days, place = trades["day"].astype(np.int64).tolist(), 0
    columns = [trades[name].tolist() for name in ("asset", "kind", "quantity", "price")]
    for action in actions:
        while place < len(days) and days[place] < action.day:
            asset, kind, quantity, price = (column[place] for column in columns)
            held[asset] += quantity if kind >= 0 else -quantity
            prices[asset] = price
            place += 1
        before = held[action.asset]
        if not before:
            continue
        units, day = action.units(before), np.datetime64(action.day, "D")
        if action.kind in (ActionKind.SPIN_OFF, ActionKind.MERGER):
            if action.kind == ActionKind.MERGER:
                yield _record(action.asset, day, -before, 0.0, action.currency)
                held[action.asset] = 0.0
            if action.target is not None:
                yield _record(action.target, day, units, prices.get(action.target, 0.0), action.target_currency)
                held[action.target] += units
        else:
            price = prices.get(action.asset, 0.0) * before / units if units else 0.0
            yield _record(action.asset, day, units - before, price, action.currency)
            held[action.asset], prices[action.asset] = units, price


def _record(asset: int, day: np.datetime64, change: float, price: float, currency: str) -> tuple[object, ...]:
    """The columns of TRADE after the row."""
    return asset, UNITS_IN if change > 0 else UNITS_OUT, day, abs(change), price, currency, 0.0, np.nan, False


def due_cash(portfolios: Sequence[PortfolioFacts], as_of: date | None) -> NDArray[np.void]:
    """Two records (CASH) for each payment of an action: it is owed from the ex-date, and gone on the day it is paid.

    What a portfolio without tracked cash is paid leaves it then; elsewhere the account's own row takes its place.
    """
    places = {portfolio.pk: row for row, portfolio in enumerate(portfolios)}
    found = Entitlement.objects.with_paid_on().filter(portfolio__in=among(places))
    found = found.filter(ex_date__lte=as_of or timezone.now().date())
    rows: QuerySet[Any, Any] = found.order_by("ex_date", "pk").values_list(*DUE)
    made = []
    for portfolio, ex_date, paid_on, currency, gross, withheld in rows:
        row, net = places[portfolio], float(gross - withheld)
        made.append((row, ex_date, net, currency, False))
        if as_of is None or paid_on <= as_of:
            made.append((row, paid_on, -net, currency, not portfolios[row].tracked))
    return np.array(made, CASH)
