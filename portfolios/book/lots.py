"""Which lots a sale consumes. FIFO, LIFO and HIFO are three sort keys of one heap."""

from __future__ import annotations

import heapq
from collections.abc import Callable
from decimal import Decimal

from core.money import divide
from portfolios.book.types import OpenLot, Slice
from portfolios.book.value import share

Priority = tuple[Decimal | int, ...]

# ``place`` counts the lots as they were opened and settles ties, so that no two lots compare equal.
PRIORITIES: dict[str, Callable[[OpenLot, int], Priority]] = {
    "fifo": lambda lot, place: (lot.opened_on.toordinal(), place),
    "lifo": lambda lot, place: (-lot.opened_on.toordinal(), -place),
    "hifo": lambda lot, place: (-divide(lot.opened_cost, lot.opened_quantity), lot.opened_on.toordinal(), place),
}


class OpenLots:
    """The lots of one asset in the order in which sales take them: O(log n) to add a lot or use one up."""

    def __init__(self, method: str) -> None:
        self._priority = PRIORITIES[method]
        self._heap: list[tuple[Priority, OpenLot]] = []
        self._lots: dict[tuple[int, int], OpenLot] = {}
        self.held = Decimal(0)

    def add(self, lot: OpenLot) -> None:
        heapq.heappush(self._heap, (self._priority(lot, len(self._lots)), lot))
        self._lots[lot.key] = lot
        self.held += lot.quantity

    def take(self, quantity: Decimal) -> list[Slice]:
        """The slices that make up ``quantity``, which must be positive and at most ``held``."""
        if not 0 < quantity <= self.held:
            raise ValueError(f"cannot take {quantity} of {self.held}")
        slices, missing = [], quantity
        while missing:
            priority, lot = self._heap[0]
            part = cut(lot, min(lot.quantity, missing))
            rest = remainder(part)
            if rest.quantity:
                self._heap[0] = (priority, rest)
            else:
                heapq.heappop(self._heap)
            self._lots[lot.key] = rest
            slices.append(part)
            missing -= part.quantity
        self.held -= quantity
        return slices

    def lots(self) -> tuple[OpenLot, ...]:
        """Every lot that was ever added, as it stands now, in the order of opening."""
        return tuple(self._lots.values())


def cut(lot: OpenLot, quantity: Decimal) -> Slice:
    """Take ``quantity`` units off ``lot``.

    What stays keeps its exact share of the opening cost, to 4 decimals, so slices never drift
    from the cost however many there are, and the last one takes the remainder.
    """
    left = lot.quantity - quantity
    cost = lot.cost - share(lot.opened_cost, left, lot.opened_quantity)
    cost_base = lot.cost_base - share(lot.opened_cost_base, left, lot.opened_quantity)
    return Slice(lot, quantity, cost, cost_base)


def remainder(part: Slice) -> OpenLot:
    """The lot that ``part`` was cut from, without it."""
    lot = part.lot
    return OpenLot(
        lot.opened_by,
        lot.sequence,
        lot.opened_on,
        lot.opened_quantity,
        lot.opened_cost,
        lot.opened_cost_base,
        quantity=lot.quantity - part.quantity,
        cost=lot.cost - part.cost,
        cost_base=lot.cost_base - part.cost_base,
    )
