"""One asset's ledger: the state between two entries of the fold, and what trades do to it."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import replace
from datetime import date
from decimal import Decimal

from portfolios.book.lots import SPECIFIC, LotNotOpen, OpenLots
from portfolios.book.types import (
    Book,
    BroughtLot,
    Closing,
    Departure,
    Disposal,
    Entitlement,
    Entry,
    EntryKind,
    Interest,
    OpenLot,
    PicksNotAllowed,
    PickUncovered,
    Position,
    ShortSale,
    Slice,
    TransferAltered,
    added,
)
from portfolios.book.value import scaled, share


class Ledger:
    """What is open, owed and disposed of so far. Shorts are bought back first in, first out by every method."""

    def __init__(self, method: str, *, allow_short: bool = False) -> None:
        self.longs = OpenLots(method)
        self.shorts = OpenLots("fifo")
        self.allow_short = allow_short
        self.disposals: list[Disposal] = []
        self.departures: list[Departure] = []
        self.entitlements: list[Entitlement] = []
        self.interest: list[Interest] = []
        self.since: date | None = None

    @property
    def held(self) -> Decimal:
        """Negative where units are owed."""
        return self.longs.held - self.shorts.held

    def sides(self) -> Iterable[tuple[OpenLots, bool]]:
        """The longs, then the shorts, with whether they are shorts."""
        return ((self.longs, False), (self.shorts, True))

    def apply(self, entry: Entry) -> None:
        self.since = self.since or entry.day
        APPLY[entry.kind](self, entry)
        if entry.interest or entry.interest_base:
            self.interest.append(Interest(entry.key, entry.interest, entry.interest_base))

    def buy(self, entry: Entry) -> None:
        lot = BroughtLot(entry.day, entry.quantity, entry.amount, entry.amount_base)
        if self.shorts.held:
            self.disposals += self.receive(entry, 0, lot, entry.rate)
        else:
            self.open(self.longs, (entry.key, 0), lot)

    def transfer_in(self, entry: Entry) -> None:
        made: list[Disposal] = []
        for sequence, lot in enumerate(entry.lots):
            rate = lot.cost_base / lot.cost if lot.cost else entry.rate
            made += self.receive(entry, sequence, lot, rate)
        self.disposals += joined(made)

    def receive(self, entry: Entry, sequence: int, lot: BroughtLot, rate: Decimal) -> list[Disposal]:
        """Units come in: they close shorts first, which is returned; what is left of them opens a lot."""
        back = min(lot.quantity, self.shorts.held)
        if not back:
            self.open(self.longs, (entry.key, sequence), lot)
            return []
        cost, cost_base = share(lot.cost, back, lot.quantity), share(lot.cost_base, back, lot.quantity)
        closing = replace(entry, quantity=back, amount=cost, amount_base=cost_base, rate=rate)
        if rest := lot.quantity - back:
            left = BroughtLot(lot.opened_on, rest, lot.cost - cost, lot.cost_base - cost_base)
            self.open(self.longs, (entry.key, sequence), left)
        return disposals(closing, self.shorts.take(back), short=True)

    def open(self, side: OpenLots, key: tuple[int, int], lot: BroughtLot, actions: tuple[int, ...] = ()) -> None:
        whole = (lot.quantity, lot.cost, lot.cost_base)
        side.add(OpenLot(*key, lot.opened_on, *whole, *whole, actions))

    def sell(self, entry: Entry) -> None:
        held = self.longs.held
        if entry.quantity <= held:
            self.disposals += disposals(entry, self.take(entry, entry.quantity))
            return
        if not self.allow_short:
            raise ShortSale(entry, self.held)
        self._sell_short(entry, held)

    def _sell_short(self, entry: Entry, held: Decimal) -> None:
        """Split the sale at zero, its net amount pro rata: what is held is sold, the rest opens a short lot."""
        amount, base = share(entry.amount, held, entry.quantity), share(entry.amount_base, held, entry.quantity)
        closing = replace(entry, quantity=held, amount=amount, amount_base=base)
        if held or entry.picks:
            self.disposals += disposals(closing, self.take(closing, held))
        owed = BroughtLot(entry.day, entry.quantity - held, entry.amount - amount, entry.amount_base - base)
        self.open(self.shorts, (entry.key, 0), owed)

    def take(self, entry: Entry, quantity: Decimal) -> list[Slice]:
        """The slices of open lots that ``entry`` takes. Raises PickUncovered, PicksNotAllowed."""
        if not entry.picks:
            return self.longs.take(quantity)
        if self.longs.method != SPECIFIC:
            raise PicksNotAllowed(entry, self.longs.method)
        if added([pick.quantity for pick in entry.picks]) > quantity:
            raise PickUncovered(entry, entry.picks[-1], quantity)
        try:
            return self.longs.take(quantity, entry.picks)
        except LotNotOpen as error:
            raise PickUncovered(entry, error.pick, error.left) from error

    def transfer_out(self, entry: Entry) -> None:
        """Lots leave with their basis. Nothing is realised, so what is not held cannot leave."""
        if entry.quantity > self.longs.held:
            raise ShortSale(entry, self.held)
        slices = self.take(entry, entry.quantity)
        if entry.lots and [_lot_of(part) for part in slices] != [_terms(lot) for lot in entry.lots]:
            raise TransferAltered(entry)
        self.departures += [
            Departure(entry.key, *part.lot.key, part.lot.opened_on, part.quantity, part.cost, part.cost_base)
            for part in slices
        ]

    def close(self) -> Book:
        lots = (*self.longs.lots(), *(lot.owed() for lot in self.shorts.lots()))
        position = position_of(lots, self.disposals, [*self.entitlements, *self.interest], self.since)
        earned = tuple(self.entitlements), tuple(self.interest)
        return Book(lots, tuple(self.disposals), tuple(self.departures), *earned, position)


def position_of(
    lots: Sequence[OpenLot],
    disposals: Sequence[Disposal],
    earned: Sequence[Entitlement | Interest],
    since: date | None,
) -> Position:
    """The sums of what is open, of what was realised and of what was earned."""
    return Position(
        quantity=added([lot.quantity for lot in lots]),
        cost=added([lot.cost for lot in lots]),
        cost_base=added([lot.cost_base for lot in lots]),
        realised_gain=added([made.gain for made in disposals]),
        realised_gain_base=added([made.gain_base for made in disposals]),
        income=added([each.income for each in earned]),
        income_base=added([each.income_base for each in earned]),
        first_traded_on=since,
    )


APPLY: dict[EntryKind, Callable[[Ledger, Entry], None]] = {
    EntryKind.BUY: Ledger.buy,
    EntryKind.SELL: Ledger.sell,
    EntryKind.TRANSFER_IN: Ledger.transfer_in,
    EntryKind.TRANSFER_OUT: Ledger.transfer_out,
}


def disposals(closing: Entry | Closing, slices: Sequence[Slice], *, short: bool = False) -> list[Disposal]:
    """One disposal for each slice; their parts of the closing's amount add up to it exactly."""
    if len(slices) == 1:
        return [disposal(closing, slices[0], closing.amount, closing.amount_base, short=short)]
    made, left = [], closing.quantity
    amount, amount_base = closing.amount, closing.amount_base
    for part in slices:
        left -= part.quantity
        rest = share(closing.amount, left, closing.quantity)
        rest_base = share(closing.amount_base, left, closing.quantity)
        made.append(disposal(closing, part, amount - rest, amount_base - rest_base, short=short))
        amount, amount_base = rest, rest_base
    return made


def disposal(
    closing: Entry | Closing, part: Slice, amount: Decimal, amount_base: Decimal, *, short: bool = False
) -> Disposal:
    """What closing ``part`` of a lot for ``amount`` realises: proceeds of a long lot, cost of a short one."""
    sold, paid = ((amount, amount_base), (part.cost, part.cost_base))
    (proceeds, proceeds_base), (cost, cost_base) = (paid, sold) if short else (sold, paid)
    lot = part.lot
    gain = (proceeds - cost, proceeds_base - cost_base)
    return Disposal(
        closing.key,
        lot.opened_by,
        lot.sequence,
        lot.opened_on,
        closing.day,
        part.quantity,
        proceeds,
        cost,
        proceeds_base,
        cost_base,
        price_gain(*gain, closing.rate, free=not lot.opened_cost),
        closing.by_action,
        short,
    )


def joined(made: Iterable[Disposal]) -> list[Disposal]:
    """Disposals of one lot by one closing as one, as where several lots that come in buy the same short back."""
    found: dict[tuple[int, int, bool], Disposal] = {}
    for part in made:
        key = (part.opened_by, part.sequence, part.short)
        found[key] = _sum(found[key], part) if key in found else part
    return list(found.values())


def _sum(first: Disposal, second: Disposal) -> Disposal:
    return replace(first, **{name: getattr(first, name) + getattr(second, name) for name in ADDED})


ADDED = ("quantity", "proceeds", "cost", "proceeds_base", "cost_base", "price_gain")


def price_gain(gain: Decimal, gain_base: Decimal, rate: Decimal, *, free: bool) -> Decimal:
    """The gain in the asset's currency at the closing day's rate; what cost nothing has no currency part."""
    if free:
        return gain_base
    return gain_base if rate == 1 and gain == gain_base else scaled(gain * rate)


def _lot_of(part: Slice) -> tuple[date, Decimal, Decimal]:
    return (part.lot.opened_on, part.quantity, part.cost)


def _terms(lot: BroughtLot) -> tuple[date, Decimal, Decimal]:
    return (lot.opened_on, lot.quantity, lot.cost)
