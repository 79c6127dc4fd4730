"""The fold: one asset's trades, in their order, become lots, disposals and a position.

A portfolio's derived rows are this function of its facts and nothing else, so they can be
dropped and rebuilt at any time. The same facts give the same book in whatever order they
arrive; only facts that are equal in day, time, sequence and external id go by insertion.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from decimal import Decimal, localcontext
from operator import attrgetter

from portfolios.book.lots import OpenLots
from portfolios.book.types import Book, BroughtLot, Disposal, Entry, EntryKind, OpenLot, Position, ShortSale, Slice
from portfolios.book.value import books_context, scaled, share


def fold(entries: Iterable[Entry], method: str) -> Book:
    """Fold the trades of one asset in one portfolio with the cost ``method`` fifo, lifo or hifo.

    Raises:
        ShortSale: a sale takes more than is held at its place in the order.
    """
    with localcontext(books_context()):
        ledger = Ledger(method)
        ordered = sorted(entries, key=attrgetter("order"))
        for entry in ordered:
            APPLY[entry.kind](ledger, entry)
        return ledger.close(ordered)


class Ledger:
    """The state between two entries: what is open, and what was disposed of so far."""

    def __init__(self, method: str) -> None:
        self.open = OpenLots(method)
        self.disposals: list[Disposal] = []

    def buy(self, entry: Entry) -> None:
        self._open(entry, 0, BroughtLot(entry.day, entry.quantity, entry.amount, entry.amount_base))

    def transfer_in(self, entry: Entry) -> None:
        for sequence, lot in enumerate(entry.lots):
            self._open(entry, sequence, lot)

    def _open(self, entry: Entry, sequence: int, lot: BroughtLot) -> None:
        whole = (lot.quantity, lot.cost, lot.cost_base)
        self.open.add(OpenLot(entry.key, sequence, lot.opened_on, *whole, *whole))

    def sell(self, entry: Entry) -> None:
        if entry.quantity > self.open.held:
            raise ShortSale(entry, self.open.held)
        self.disposals += disposals(entry, self.open.take(entry.quantity))

    def close(self, entries: Sequence[Entry]) -> Book:
        lots = self.open.lots()
        position = Position(
            quantity=self.open.held,
            cost=_sum(lot.cost for lot in lots),
            cost_base=_sum(lot.cost_base for lot in lots),
            realised_gain=_sum(disposal.gain for disposal in self.disposals),
            realised_gain_base=_sum(disposal.gain_base for disposal in self.disposals),
            first_traded_on=entries[0].day if entries else None,
        )
        return Book(lots, tuple(self.disposals), position)


APPLY: dict[EntryKind, Callable[[Ledger, Entry], None]] = {
    EntryKind.BUY: Ledger.buy,
    EntryKind.SELL: Ledger.sell,
    EntryKind.TRANSFER_IN: Ledger.transfer_in,
}


def disposals(sale: Entry, slices: Sequence[Slice]) -> list[Disposal]:
    """One disposal for each slice; their proceeds add up to the sale's exactly."""
    made, left = [], sale.quantity
    proceeds, proceeds_base = sale.amount, sale.amount_base
    for part in slices:
        left -= part.quantity
        rest = share(sale.amount, left, sale.quantity)
        rest_base = share(sale.amount_base, left, sale.quantity)
        made.append(_disposal(sale, part, proceeds - rest, proceeds_base - rest_base))
        proceeds, proceeds_base = rest, rest_base
    return made


def _disposal(sale: Entry, part: Slice, proceeds: Decimal, proceeds_base: Decimal) -> Disposal:
    return Disposal(
        closed_by=sale.key,
        opened_by=part.lot.opened_by,
        sequence=part.lot.sequence,
        opened_on=part.lot.opened_on,
        closed_on=sale.day,
        quantity=part.quantity,
        proceeds=proceeds,
        cost=part.cost,
        proceeds_base=proceeds_base,
        cost_base=part.cost_base,
        price_gain=_price_gain(sale, part, proceeds, proceeds_base),
    )


def _price_gain(sale: Entry, part: Slice, proceeds: Decimal, proceeds_base: Decimal) -> Decimal:
    """The gain in the asset's currency at the closing day's rate; what cost nothing has no currency part."""
    if not part.lot.opened_cost:
        return proceeds_base - part.cost_base
    return scaled((proceeds - part.cost) * sale.rate)


def _sum(amounts: Iterable[Decimal]) -> Decimal:
    return sum(amounts, Decimal(0))
