"""When what repeats falls due: ends of months, leap days, weekends, ends."""

from __future__ import annotations

from datetime import date, timedelta
from itertools import islice, pairwise
from typing import Any

import pytest
from dateutil.rrule import MONTHLY, WEEKLY, YEARLY, rrule
from hypothesis import given
from hypothesis import strategies as st

from banking.recurrence import Recurrence, Unit, Weekend

DAYS = st.dates(date(1990, 1, 1), date(2080, 12, 31))
UNITS = st.sampled_from([Unit.WEEK, Unit.MONTH, Unit.YEAR])


def days(recurrence: Recurrence, most: int = 5) -> list[str]:
    return [day.isoformat() for _, day in islice(recurrence.from_position(0), most)]


@pytest.mark.parametrize(
    ("first", "terms", "expected"),
    [
        ("2024-01-31", {}, ["2024-01-31"]),
        ("2024-01-30", {"unit": Unit.WEEK}, ["2024-01-30", "2024-02-06", "2024-02-13", "2024-02-20", "2024-02-27"]),
        ("2024-01-31", {"unit": Unit.MONTH}, ["2024-01-31", "2024-02-29", "2024-03-31", "2024-04-30", "2024-05-31"]),
        ("2023-11-30", {"unit": Unit.MONTH, "interval": 3}, ["2023-11-30", "2024-02-29", "2024-05-30", "2024-08-30"]),
        ("2024-02-29", {"unit": Unit.YEAR}, ["2024-02-29", "2025-02-28", "2026-02-28", "2027-02-28", "2028-02-29"]),
        ("2024-01-01", {"unit": Unit.MONTH, "count": 2}, ["2024-01-01", "2024-02-01"]),
        ("2024-01-01", {"unit": Unit.MONTH, "until": date(2024, 2, 1)}, ["2024-01-01", "2024-02-01"]),
        ("2024-01-31", {"unit": Unit.MONTH, "until": date(2024, 2, 28)}, ["2024-01-31"]),
        ("9998-06-01", {"unit": Unit.YEAR}, ["9998-06-01"]),
        ("9998-06-01", {"unit": Unit.WEEK, "interval": 120}, ["9998-06-01"]),
    ],
)
def test_the_days_of(first: str, terms: dict[str, Any], expected: list[str]) -> None:
    recurrence = Recurrence(date.fromisoformat(first), **terms)
    assert days(recurrence)[: len(expected)] == expected
    if len(expected) < 4:
        assert days(recurrence) == expected


@pytest.mark.parametrize(
    ("weekend", "paid"),
    [(Weekend.STAYS, ["01", "02", "03"]), (Weekend.BEFORE, ["31", "31", "03"]), (Weekend.AFTER, ["03", "03", "03"])],
)
def test_a_weekend_moves_the_payment(weekend: Weekend, paid: list[str]) -> None:
    recurrence = Recurrence(date(2024, 6, 1), weekend=weekend)  # a Saturday
    due = [date(2024, 6, 1), date(2024, 6, 2), date(2024, 6, 3)]
    assert [f"{recurrence.payday(day):%d}" for day in due] == paid


@given(DAYS, UNITS, st.integers(1, 36), st.sampled_from(list(Weekend)))
def test_days_rise_and_keep_their_number(first: date, unit: Unit, interval: int, weekend: Weekend) -> None:
    recurrence = Recurrence(first, unit, interval, weekend=weekend)
    found = [day for _, day in islice(recurrence.from_position(0), 30)]
    assert all(one < two for one, two in pairwise(found))
    if unit == Unit.WEEK:
        assert all((day - first).days % (7 * interval) == 0 for day in found)
    else:
        month_end = [(day + timedelta(days=1)).day == 1 for day in found]
        assert all(
            day.day == first.day or (end and day.day < first.day) for day, end in zip(found, month_end, strict=True)
        )
    assert all(recurrence.payday(day).weekday() < 5 for day in found) or weekend == Weekend.STAYS


@given(DAYS.filter(lambda day: day.day <= 28), UNITS, st.integers(1, 24))
def test_they_are_those_of_the_calendar_standard(first: date, unit: Unit, interval: int) -> None:
    """RFC 5545, where the day exists in every month."""
    frequency: Any = {Unit.WEEK: WEEKLY, Unit.MONTH: MONTHLY, Unit.YEAR: YEARLY}[unit]
    expected = [at.date() for at in rrule(frequency, dtstart=first, interval=interval, count=20)]
    assert [day for _, day in islice(Recurrence(first, unit, interval).from_position(0), 20)] == expected


@given(DAYS, UNITS, st.integers(1, 6), st.sampled_from(list(Weekend)), st.integers(0, 900), st.integers(0, 50))
def test_where_a_day_stands(first: date, unit: Unit, interval: int, weekend: Weekend, after: int, start: int) -> None:
    recurrence = Recurrence(first, unit, interval, weekend=weekend, count=500)
    day = first + timedelta(days=after)
    slow = next((at for at, due in recurrence.from_position(start) if recurrence.payday(due) >= day), None)
    assert recurrence.position_paid_from(day, start) == slow
