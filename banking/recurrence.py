"""When what repeats falls due: every so many weeks, months or years from a first day on. Days in, days out."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import date, timedelta
from enum import StrEnum

from dateutil.relativedelta import relativedelta

LAST_YEAR = 9998  # a day at the calendar's edge has no neighbour
SATURDAY, SUNDAY = 5, 6


class Unit(StrEnum):
    ONCE = "once"
    WEEK = "week"
    MONTH = "month"
    YEAR = "year"


class Weekend(StrEnum):
    """What becomes of a day that falls on a Saturday or a Sunday."""

    STAYS = ""
    BEFORE = "before"
    AFTER = "after"


@dataclass(frozen=True, slots=True)
class Recurrence:
    """``first`` and every ``interval`` units after it, no later than ``until`` and no more than ``count`` times.

    A month without the first day's number gives its last day: the 31st, then 29 February, then the 31st again.
    """

    first: date
    unit: Unit = Unit.ONCE
    interval: int = 1
    until: date | None = None
    count: int | None = None
    weekend: Weekend = Weekend.STAYS

    def due(self, position: int) -> date | None:
        """The day of occurrence ``position``, counted from 0; None when it is over by then."""
        over = self.unit == Unit.ONCE and position > 0
        if over or (self.count is not None and position >= self.count):
            return None
        try:
            day = self.first + self._after(position)
        except (OverflowError, ValueError):
            return None
        return None if day.year > LAST_YEAR or (self.until and day > self.until) else day

    def payday(self, due: date) -> date:
        """The day on which what is ``due`` is paid: the same, or the working day before or after a weekend."""
        if due.weekday() < SATURDAY or self.weekend == Weekend.STAYS:
            return due
        if self.weekend == Weekend.BEFORE:
            return due - timedelta(days=due.weekday() - SATURDAY + 1)
        return due + timedelta(days=SUNDAY - due.weekday() + 1)

    def from_position(self, position: int) -> Iterator[tuple[int, date]]:
        """(position, due day) of every occurrence from ``position`` on; for ever where nothing ends it."""
        while (day := self.due(position)) is not None:
            yield position, day
            position += 1

    def position_paid_from(self, day: date, start: int = 0) -> int:
        """The first position not before ``start`` that is paid on ``day`` or later, or where it is over."""
        return self._first(start, lambda due: self.payday(due) >= day)

    def position_due_from(self, day: date, start: int = 0) -> int:
        """The first position not before ``start`` that is due on ``day`` or later, or where it is over."""
        return self._first(start, lambda due: due >= day)

    def _first(self, start: int, reached: Callable[[date], bool]) -> int:
        """The first position not before ``start`` whose due day is ``reached``, as all later ones are, or none."""

        def before(position: int) -> bool:
            due = self.due(position)
            return due is not None and not reached(due)

        low = start
        step = 1
        while before(low + step):  # doubling, then halving: weeks since long ago are many
            step *= 2
        high = low + step
        while low < high:
            middle = (low + high) // 2
            low, high = (middle + 1, high) if before(middle) else (low, middle)
        return low

    def _after(self, position: int) -> relativedelta:
        steps = position * self.interval
        match self.unit:
            case Unit.WEEK:
                return relativedelta(weeks=steps)
            case Unit.MONTH:
                return relativedelta(months=steps)
            case Unit.YEAR:
                return relativedelta(years=steps)
        return relativedelta()
