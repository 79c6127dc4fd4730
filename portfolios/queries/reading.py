"""What queries read of the books, as it is read. A subclass may hand on the same amounts with a record of each."""

from __future__ import annotations

from typing import TypeVar

from assets.queries import RateTable
from portfolios.book.actions import Action
from portfolios.book.types import BroughtLot

RowT = TypeVar("RowT")  # the columns of a trade


class Reading:
    """Every method gives back what it is given."""

    def trades(self, rows: list[RowT]) -> list[RowT]:
        return rows

    def brought(self, lots: dict[int, tuple[BroughtLot, ...]]) -> dict[int, tuple[BroughtLot, ...]]:
        """By transfer the lots that came, or left, with it."""
        return lots

    def actions(self, actions: list[Action]) -> list[Action]:
        return actions

    def rates(self, table: RateTable) -> RateTable:
        return table


AS_READ = Reading()
