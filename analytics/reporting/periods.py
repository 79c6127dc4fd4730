"""The days that a report is of: months, quarters, years, all time, or days of one's own. Pure; no Django."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date, timedelta
from typing import Literal

Kind = Literal["month", "quarter", "year", "all", "own"]
ONE_DAY = timedelta(days=1)
MONTHS_OF: dict[Kind, int] = {"month": 1, "quarter": 3, "year": 12}
WRITTEN = re.compile(r"(?P<year>[0-9]{4})(?:-(?P<month>[0-9]{2})|-Q(?P<quarter>[1-4]))?")
RECENT: dict[str, tuple[Kind, int]] = {
    "last-month": ("month", 1),
    "month": ("month", 0),
    "last-quarter": ("quarter", 1),
    "quarter": ("quarter", 0),
    "last-year": ("year", 1),
    "year": ("year", 0),
}
EARLIEST_YEAR = 1900


@dataclass(frozen=True, slots=True)
class Period:
    """From the beginning of the day ``start`` to the close of ``end``; ``whole`` unless it is cut off at today."""

    kind: Kind
    start: date
    end: date
    whole: bool = True

    @property
    def key(self) -> str:
        """As ``named`` reads it; empty for days of one's own."""
        written = {
            "month": f"{self.start:%Y-%m}",
            "quarter": f"{self.start:%Y}-Q{self.quarter}",
            "year": f"{self.start:%Y}",
        }
        return written.get(self.kind, "all" if self.kind == "all" else "")

    @property
    def quarter(self) -> int:
        return (self.start.month + 2) // 3

    @property
    def days(self) -> int:
        return (self.end - self.start).days + 1


def named(key: str, first: date, today: date, *, over: bool = False) -> Period | None:
    """The period of a key such as ``last-month``, ``2026-10``, ``2026-Q3``, ``2026`` or ``all``; None for no key.

    ``first`` is the day of the first fact. What has not ended ends ``today``; what has not begun is None. ``today``
    still goes on, so that its own month is not whole even on its last day, unless it is ``over``: a past day.
    """
    if key == "all":
        return Period("all", min(first, today), today)
    if key in RECENT:
        kind, back = RECENT[key]
        return _from(kind, _begin(kind, today), -back, today, over)
    written = WRITTEN.fullmatch(key)
    if not written:
        return None
    year, month, quarter = (int(written[name]) if written[name] else 0 for name in ("year", "month", "quarter"))
    if year < EARLIEST_YEAR or month > 12 or (written["month"] and not month):
        return None
    kind = "month" if month else "quarter" if quarter else "year"
    return _from(kind, date(year, month or quarter * 3 - 2 if quarter or month else 1, 1), 0, today, over)


def choices(kind: Kind, first: date, today: date, most: int, *, over: bool = False) -> Iterator[Period]:
    """The periods of a kind with a day from ``first`` to ``today``, the newest first, at most so many.

    ``over`` as in ``named``.
    """
    begin = _begin(kind, today)
    for back in range(most):
        found = _from(kind, begin, -back, today, over)
        if found is None or found.end < first:
            return
        yield found


def _begin(kind: Kind, day: date) -> date:
    return {"month": day.replace(day=1), "quarter": date(day.year, (day.month - 1) // 3 * 3 + 1, 1)}.get(
        kind, date(day.year, 1, 1)
    )


def _from(kind: Kind, begin: date, steps: int, today: date, over: bool) -> Period | None:
    """The period so many steps after the one that begins on ``begin``."""
    start = _after(begin, steps * MONTHS_OF[kind])
    if start is None or start > today:
        return None
    following = _after(start, MONTHS_OF[kind])
    end = following - ONE_DAY if following else date.max
    return Period(kind, start, min(end, today), whole=end < today or (over and end == today))


def _after(day: date, months: int) -> date | None:
    year, month = divmod(day.year * 12 + day.month - 1 + months, 12)
    return date(year, month + 1, 1) if EARLIEST_YEAR <= year <= date.max.year else None
