"""Which lots a sale should take to realise the least, and what it realises by any other choice.

Gains are in the base currency, which is what is taxed. A lot's gain per unit does not depend on how much of it is
taken, so the least is reached by taking whole lots in the order of their gain (or tax) per unit.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from datetime import date
from decimal import Decimal

from core.money import divide, multiply
from portfolios.book.lots import OpenLots, cut
from portfolios.book.types import ZERO, OpenLot, Pick, Slice
from portfolios.book.value import scaled, share

MOST_PICKS = 1000  # what a trade may name; beyond it the book goes on by its own order


@dataclass(frozen=True, slots=True)
class Taxation:
    """When a gain is long-term and what is due on it.

    A lot held for more than ``long_term_days`` is long-term. Rates are fractions of the gain, None where no tax is
    estimated; a loss counts as a credit at the rate of its term. ``by_tax``: the least tax is wanted, not the
    least gain.
    """

    long_term_days: int = 365
    short_rate: Decimal | None = None
    long_rate: Decimal | None = None
    by_tax: bool = False

    def is_long(self, opened_on: date, day: date) -> bool:
        return (day - opened_on).days > self.long_term_days

    def due(self, gain: Gain) -> Decimal | None:
        if self.short_rate is None or self.long_rate is None:
            return None
        return scaled(multiply(gain.short, self.short_rate) + multiply(gain.long, self.long_rate))


@dataclass(frozen=True, slots=True)
class Gain:
    """What is realised, in the base currency: of lots held short and long."""

    short: Decimal = ZERO
    long: Decimal = ZERO

    @property
    def total(self) -> Decimal:
        return self.short + self.long

    def __add__(self, other: Gain) -> Gain:
        return Gain(self.short + other.short, self.long + other.long)


@dataclass(frozen=True, slots=True)
class Sale:
    """Units of one asset that are to be sold on a day for net proceeds in the base currency."""

    quantity: Decimal
    proceeds: Decimal
    day: date


def least_gain(lots: Sequence[OpenLot], sale: Sale, taxation: Taxation) -> list[Slice]:
    """The slices of copies of ``lots`` that realise the least gain, or tax where ``taxation`` says so.

    Losses first, then the highest cost per unit, and of two equal ones the long-term one, then the older.
    """
    left, slices = sale.quantity, []
    for lot in sorted(_open(lots), key=lambda lot: _burden(lot, sale, taxation)):
        if not left:
            break
        part = cut(lot, min(lot.quantity, left))
        slices.append(part)
        left -= part.quantity
    return slices


def picks_of(slices: Iterable[Slice]) -> tuple[Pick, ...]:
    return tuple(Pick(*part.lot.key, part.quantity) for part in slices)[:MOST_PICKS]


def by_method(lots: Sequence[OpenLot], quantity: Decimal, method: str) -> list[Slice]:
    """The slices that a book kept by ``method`` takes of copies of ``lots``, which are in their opening order."""
    book = OpenLots(method)
    for lot in _open(lots):
        book.add(lot)
    return book.take(quantity)


def pro_rata(lots: Sequence[OpenLot], quantity: Decimal) -> list[Slice]:
    """The same fraction of every lot; its cost to 4 decimals."""
    held = sum((lot.quantity for lot in _open(lots)), ZERO)
    return [
        Slice(lot, divide(multiply(lot.quantity, quantity), held), ZERO, share(lot.cost_base, quantity, held))
        for lot in _open(lots)
    ]


def realised(slices: Iterable[Slice], sale: Sale, taxation: Taxation) -> Gain:
    """What ``slices`` realise of ``sale``: each its share of the proceeds, unrounded but for the sum, less its cost."""
    short = long = ZERO
    for part in slices:
        gain = divide(multiply(sale.proceeds, part.quantity), sale.quantity) - part.cost_base
        if taxation.is_long(part.lot.opened_on, sale.day):
            long += gain
        else:
            short += gain
    return Gain(scaled(short), scaled(long))


def _open(lots: Iterable[OpenLot]) -> list[OpenLot]:
    """Copies of what is held, which may be cut."""
    return [replace(lot) for lot in lots if lot.quantity > 0]


def _burden(lot: OpenLot, sale: Sale, taxation: Taxation) -> tuple[Decimal, Decimal, bool, date, tuple[int, int]]:
    gain = divide(sale.proceeds, sale.quantity) - divide(lot.cost_base, lot.quantity)
    long = taxation.is_long(lot.opened_on, sale.day)
    rate = (taxation.long_rate if long else taxation.short_rate) if taxation.by_tax else None
    return (gain if rate is None else multiply(gain, rate), gain, not long, lot.opened_on, lot.key)
