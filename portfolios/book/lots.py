"""Which lots a sale consumes. FIFO, LIFO and HIFO are three sort keys of one heap; the average is a single lot."""

from __future__ import annotations

import heapq
from collections.abc import Callable, Iterable, Iterator
from decimal import Decimal

from core.money import divide
from portfolios.book import average
from portfolios.book.types import ZERO, OpenLot, Pick, Slice
from portfolios.book.value import share

Priority = tuple[Decimal | int, ...]
Key = tuple[int, int]
AVERAGE = "average"
SPECIFIC = "specific"


def _oldest(lot: OpenLot, place: int) -> Priority:
    return (lot.opened_on.toordinal(), place)


# ``place`` counts the lots as they were opened and settles ties, so that no two lots compare equal.
PRIORITIES: dict[str, Callable[[OpenLot, int], Priority]] = {
    "fifo": _oldest,
    "lifo": lambda lot, place: (-lot.opened_on.toordinal(), -place),
    "hifo": lambda lot, place: (-divide(lot.opened_cost, lot.opened_quantity), lot.opened_on.toordinal(), place),
    AVERAGE: _oldest,
    SPECIFIC: _oldest,  # what is not picked
}


class LotNotOpen(Exception):
    """A pick names a lot that does not hold what it takes; ``left`` is what it holds, if it is known at all."""

    def __init__(self, pick: Pick, left: Decimal | None) -> None:
        super().__init__(pick)
        self.pick = pick
        self.left = left


class OpenLots:
    """The lots of one asset in the order in which sales take them: O(log n) to add a lot or use one up."""

    def __init__(self, method: str) -> None:
        self.method = method
        self._priority = PRIORITIES[method]
        self._heap: list[tuple[Priority, OpenLot]] = []
        self._lots: dict[Key, OpenLot] = {}
        self.held = ZERO

    def add(self, lot: OpenLot) -> None:
        self.held += lot.quantity
        pool = self._next() if self.method == AVERAGE else None
        if pool is not None:
            average.merge(pool, lot)
            return
        heapq.heappush(self._heap, (self._priority(lot, len(self._lots)), lot))
        self._lots[lot.key] = lot

    def take(self, quantity: Decimal, picks: Iterable[Pick] = ()) -> list[Slice]:
        """The slices that make up ``quantity``: first what is picked, the rest in the method's order.

        Raises LotNotOpen for a pick, ValueError unless ``quantity`` is positive and at most ``held``.
        """
        if not 0 < quantity <= self.held:
            raise ValueError(f"cannot take {quantity} of {self.held}")
        slices: dict[Key, Slice] = {}
        missing = quantity
        for pick in picks:
            missing -= pick.quantity
            slices[pick.opened_by, pick.sequence] = cut(self._picked(pick), pick.quantity)
        while missing:
            lot = self._next()
            if lot is None:
                raise ValueError("the lots hold less than they say")
            part = cut(lot, min(lot.quantity, missing))
            missing -= part.quantity
            slices[lot.key] = _joined(slices[lot.key], part) if lot.key in slices else part
        self.held -= quantity
        return list(slices.values())

    def switch(self, method: str) -> None:
        """Go on by another method; towards the average, what is open is pooled."""
        self.method, self._priority = method, PRIORITIES[method]
        if method == AVERAGE:
            average.pool(sorted(self.open(), key=lambda lot: lot.opened_on))  # stable: ties in the order of opening
        self.reorder()

    def reorder(self) -> None:
        """Sort the open lots anew and count what they hold, after something changed their figures: O(n)."""
        self._heap = [
            (self._priority(lot, place), lot) for place, lot in enumerate(self._lots.values()) if lot.quantity
        ]
        heapq.heapify(self._heap)
        self.held = sum((lot.quantity for _, lot in self._heap), ZERO)

    def open(self) -> Iterator[OpenLot]:
        """The open lots in the order of opening."""
        return (lot for lot in self._lots.values() if lot.quantity)

    def lots(self) -> Iterable[OpenLot]:
        """Every lot that was ever added, as it stands now, in the order of opening."""
        return self._lots.values()

    def free_sequence(self, lot: Key) -> int:
        """The first sequence from that of ``lot`` on that no lot of its opening fact has here."""
        opened_by, sequence = lot
        while (opened_by, sequence) in self._lots:
            sequence += 1
        return sequence

    def _next(self) -> OpenLot | None:
        """The lot that is next to be taken; picks leave used up lots in the heap."""
        while self._heap:
            lot = self._heap[0][1]
            if lot.quantity:
                return lot
            heapq.heappop(self._heap)
        return None

    def _picked(self, pick: Pick) -> OpenLot:
        lot = self._lots.get((pick.opened_by, pick.sequence))
        if lot is None or lot.quantity < pick.quantity:
            raise LotNotOpen(pick, None if lot is None else lot.quantity)
        return lot


def cut(lot: OpenLot, quantity: Decimal) -> Slice:
    """Take ``quantity`` units off ``lot``.

    What stays keeps its exact share of the opening cost, to 4 decimals, so slices never drift
    from the cost however many there are, and the last one takes the remainder.
    """
    left = lot.quantity - quantity
    rest = share(lot.opened_cost, left, lot.opened_quantity)
    rest_base = share(lot.opened_cost_base, left, lot.opened_quantity)
    part = Slice(lot, quantity, lot.cost - rest, lot.cost_base - rest_base)
    lot.quantity, lot.cost, lot.cost_base = left, rest, rest_base
    return part


def _joined(first: Slice, second: Slice) -> Slice:
    """Two slices of one lot as one."""
    cost, cost_base = first.cost + second.cost, first.cost_base + second.cost_base
    return Slice(first.lot, first.quantity + second.quantity, cost, cost_base)
