"""The average method: everything that is open is one pool, so every unit costs the same."""

from __future__ import annotations

from collections.abc import Sequence

from portfolios.book.types import ZERO, OpenLot


def merge(pool: OpenLot, lot: OpenLot) -> None:
    """Add ``lot`` to ``pool``. The pool keeps its opening fact and day, those of the units that began it."""
    pool.restate(pool.quantity + lot.quantity, pool.cost + lot.cost, pool.cost_base + lot.cost_base)
    pool.actions = tuple(dict.fromkeys(pool.actions + lot.actions))


def pool(lots: Sequence[OpenLot]) -> None:
    """Make the first of ``lots`` the pool of them all; the others are used up."""
    for lot in lots[1:]:
        merge(lots[0], lot)
        lot.quantity = lot.cost = lot.cost_base = ZERO
