"""Which closings elsewhere a trade would move: those that would take other lots, or the same at another cost."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from typing import NamedTuple

from portfolios.book.types import Book
from portfolios.models import Departure, Disposal, Portfolio
from portfolios.queries.facts import TRIAL

Closer = tuple[int | None, int | None]  # the trade, or else the corporate action
Slices = dict[Closer, set["Part"]]


class Part(NamedTuple):
    """A slice of a lot, as far as it matters whether it is another one. Amounts are in the base currency."""

    opened_by: int
    asset_id: int
    sequence: int
    quantity: Decimal
    proceeds: Decimal
    cost: Decimal

    @property
    def gain(self) -> Decimal:
        return self.proceeds - self.cost


@dataclass(frozen=True, slots=True)
class Moved:
    """A sale, transfer out or corporate action whose lots change; realised gains in the base currency."""

    trade_id: int | None
    action_id: int | None
    day: date
    gain_before: Decimal
    gain_after: Decimal


def moved(
    portfolio: Portfolio,
    books: Mapping[int, Book],
    scope: Collection[int],
    days: Mapping[Closer, date],
    without: int | None,
) -> tuple[Moved, ...]:
    """The closings that differ between what is stored of the assets in ``scope`` and their ``books``; 2 queries.

    ``days`` are those of the closings that ``books`` were made of: what is stored of others was booked while this
    was computed, maybe the very trade that is tried. Neither that nor the one that it replaces (``without``) is
    among the closings.
    """
    stored, wanted = _stored(portfolio, scope), _of_books(books, without)
    own = {(TRIAL, None), (without, None)}
    changed = [key for key in days.keys() - own if stored.get(key) != wanted.get(key)]
    found = [Moved(*key, days[key], _gain(stored.get(key, ())), _gain(wanted.get(key, ()))) for key in changed]
    return tuple(sorted(found, key=lambda one: (one.day, one.trade_id or 0, one.action_id or 0)))


def _gain(parts: Collection[Part]) -> Decimal:
    return sum((part.gain for part in parts), Decimal(0))


def _stored(portfolio: Portfolio, asset_ids: Collection[int]) -> Slices:
    slices: Slices = defaultdict(set)
    lot = ("opened_by", "asset", "sequence", "quantity")
    realised = Disposal.objects.filter(portfolio=portfolio, asset__in=asset_ids).order_by()
    for row in realised.values_list("trade", "action", *lot, "proceeds_base", "cost_base"):
        slices[row[0], row[1]].add(Part(*row[2:]))
    departed = Departure.objects.filter(portfolio=portfolio, asset__in=asset_ids).order_by()
    for row in departed.values_list("trade", *lot, "cost_base", "cost_base"):
        slices[row[0], None].add(Part(*row[1:]))
    return slices


def _of_books(books: Mapping[int, Book], without: int | None) -> Slices:
    """The same of ``books``; the lots of the trade that is tried are those of the one that it replaces."""
    slices: Slices = defaultdict(set)

    def opener(key: int) -> int:
        return without if key == TRIAL and without else key

    for asset_id, book in books.items():
        for made in book.disposals:
            closer: Closer = (None, made.closed_by) if made.by_action else (made.closed_by, None)
            lot = (opener(made.opened_by), asset_id, made.sequence, made.quantity)
            slices[closer].add(Part(*lot, made.proceeds_base, made.cost_base))
        for left in book.departures:
            lot = (opener(left.opened_by), asset_id, left.sequence, left.quantity)
            slices[left.left_by, None].add(Part(*lot, left.cost_base, left.cost_base))
    return slices
