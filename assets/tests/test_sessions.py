"""Sessions of real exchanges, checked against the exchanges' published holidays."""

from __future__ import annotations

from datetime import UTC, date, datetime

import pytest

from assets.sessions import UnknownCalendar, closes_at, is_session, last_session, sessions, validate_calendar


@pytest.mark.parametrize(
    ("calendar", "day", "open_"),
    [
        pytest.param("XNYS", date(2024, 7, 4), False, id="Independence Day"),
        pytest.param("XNYS", date(2024, 7, 3), True, id="half day"),
        pytest.param("XNYS", date(2024, 3, 29), False, id="Good Friday"),
        pytest.param("XNYS", date(2012, 10, 29), False, id="hurricane Sandy"),
        pytest.param("XNYS", date(2024, 6, 1), False, id="Saturday"),
        pytest.param("XLON", date(2024, 5, 27), False, id="spring bank holiday"),
        pytest.param("XLON", date(2024, 7, 4), True, id="London trades on the 4th of July"),
        pytest.param("24/7", date(2024, 6, 2), True, id="crypto on a Sunday"),
        pytest.param("24/5", date(2024, 6, 2), False, id="currencies on a Sunday"),
        pytest.param("XTKS", date(1999, 1, 4), True, id="a calendar with fewer years"),
    ],
)
def test_is_session(calendar: str, day: date, open_: bool) -> None:
    assert is_session(calendar, day) is open_


def test_both_ends_are_included() -> None:
    days = sessions("XNYS", date(2013, 1, 2), date(2022, 12, 28))
    assert (days[0], days[-1], len(days)) == (date(2013, 1, 2), date(2022, 12, 28), 2516)
    assert days == sorted(set(days))


def test_an_empty_span() -> None:
    assert sessions("XNYS", date(2024, 6, 3), date(2024, 5, 31)) == []
    assert sessions("XNYS", date(2024, 6, 1), date(2024, 6, 2)) == []


def test_last_session_over_a_long_weekend() -> None:
    assert last_session("XNYS", date(2024, 5, 27)) == date(2024, 5, 24)
    assert last_session("XNYS", date(2024, 5, 28)) == date(2024, 5, 28)
    assert last_session("XNYS", date(2001, 9, 16)) == date(2001, 9, 10)


@pytest.mark.parametrize(
    ("calendar", "day", "instant"),
    [
        ("XNYS", date(2024, 1, 3), datetime(2024, 1, 3, 21, tzinfo=UTC)),
        ("XNYS", date(2024, 7, 3), datetime(2024, 7, 3, 17, tzinfo=UTC)),
        ("24/7", date(2024, 1, 3), datetime(2024, 1, 4, tzinfo=UTC)),
    ],
)
def test_closes_at(calendar: str, day: date, instant: datetime) -> None:
    assert closes_at(calendar, day) == instant


def test_an_unknown_calendar_is_named() -> None:
    with pytest.raises(UnknownCalendar, match="MARS"):
        validate_calendar("MARS")
    with pytest.raises(UnknownCalendar, match="MARS"):
        sessions("MARS", date(2024, 1, 1), date(2024, 1, 2))


@pytest.mark.parametrize(
    ("calendar", "day", "years"),
    [
        ("XTKS", date(1985, 1, 31), "1980 to 1989"),
        ("XNYS", date(1500, 1, 4), "1500 to 1509"),
        ("XNYS", date(1, 1, 1), "1 to 9"),
        ("24/7", date(9, 12, 31), "1 to 9"),
        ("XNYS", date(9999, 12, 31), "9990 to 9999"),
    ],
)
def test_years_that_a_calendar_does_not_know(calendar: str, day: date, years: str) -> None:
    with pytest.raises(UnknownCalendar, match=f"{calendar} knows no sessions from {years}"):
        is_session(calendar, day)
