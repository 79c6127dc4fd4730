"""Which days an exchange trades, and when each session is over. The calendars are those of exchange_calendars."""

from __future__ import annotations

import warnings
from datetime import UTC, date, datetime, timedelta
from functools import cache
from typing import Any

from core.errors import DomainError

LONGEST_CLOSURE = timedelta(days=60)  # the longest real one was 1914's; within a calendar's years none is near it


class UnknownCalendar(DomainError):
    """There is no such exchange calendar."""


def sessions(calendar: str, start: date, end: date) -> list[date]:
    """The days from ``start`` to ``end``, both included, on which the exchange trades, oldest first."""
    if start > end:
        return []
    days = _calendar(calendar, start.year, end.year).sessions
    return [day.date() for day in days[days.searchsorted(_stamp(start)) : days.searchsorted(_stamp(end), "right")]]


def is_session(calendar: str, day: date) -> bool:
    return bool(sessions(calendar, day, day))


def last_session(calendar: str, on_or_before: date) -> date:
    """The newest session that is not after ``on_or_before``."""
    return sessions(calendar, on_or_before - LONGEST_CLOSURE, on_or_before)[-1]


def closes_at(calendar: str, day: date) -> datetime:
    """The instant at which the session of ``day`` is over, in UTC. ``day`` must be a session."""
    close: datetime = _calendar(calendar, day.year, day.year).session_close(_stamp(day)).to_pydatetime()
    return close.astimezone(UTC)


def validate_calendar(name: str) -> None:
    """Raise UnknownCalendar unless exchange_calendars knows ``name``."""
    import exchange_calendars  # pandas takes a second to import, which most commands need not pay

    if name not in exchange_calendars.get_calendar_names():
        raise UnknownCalendar("“{name}” is not a calendar; use a name such as XNYS, XLON, 24/5 or 24/7.", name=name)


def _calendar(name: str, first_year: int, last_year: int) -> Any:
    """A calendar that covers the years; built by decades, so that a process builds only a few."""
    return _built(name, max(first_year // 10 * 10, date.min.year), last_year // 10 * 10 + 9)


@cache
def _built(name: str, first_year: int, last_year: int) -> Any:
    import exchange_calendars
    from pandas.errors import Pandas4Warning

    validate_calendar(name)
    start, end = _stamp(date(first_year, 1, 1)), _stamp(date(last_year, 12, 31))
    with warnings.catch_warnings(action="ignore", category=Pandas4Warning):  # it is for exchange_calendars to heed
        try:
            return exchange_calendars.get_calendar(name, start=start, end=end)
        except ValueError:
            return _within_bounds(name, start, end)


def _within_bounds(name: str, start: Any, end: Any) -> Any:
    """The calendar for as much of the span as it knows."""
    import exchange_calendars

    try:
        known = exchange_calendars.get_calendar(name)
        first, last = max(start, known.bound_min() or start), min(end, known.bound_max() or end)
        return exchange_calendars.get_calendar(name, start=first, end=last)
    except ValueError as error:
        raise UnknownCalendar(
            "The calendar {name} knows no sessions from {year} to {other_year}.",
            name=name,
            year=start.year,
            other_year=end.year,
        ) from error


def _stamp(day: date) -> Any:
    import pandas as pd

    return pd.Timestamp(day)
