"""Budgets by hand-made tables, and what always holds."""

from __future__ import annotations

from datetime import date
from decimal import Decimal
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from banking.budgeting import Pace, Plan, after, carried_into, last_day, mean_spent, month_of, months, passed
from core.money import total

MAY = date(2024, 5, 1)
MARCH = date(2024, 3, 1)


@pytest.mark.parametrize(
    ("month", "today", "share"),
    [
        (MAY, date(2024, 4, 30), "0"),
        (date(2024, 4, 1), date(2024, 4, 15), "0.5"),
        (date(2024, 2, 1), date(2024, 2, 29), "1"),
        (MAY, date(2024, 6, 1), "1"),
    ],
)
def test_the_share_of_the_month(month: date, today: date, share: str) -> None:
    assert passed(month, today) == Decimal(share)


def test_a_month_by_hand() -> None:
    plan = Plan(Decimal(300), "USD", MARCH, carries_over=True)
    spent = {MARCH: Decimal(250), date(2024, 4, 1): Decimal(400), date(2024, 1, 1): Decimal(9999)}
    found = month_of(plan, spent | {date(2024, 6, 1): Decimal(100)}, date(2024, 6, 1), date(2024, 6, 10))
    # 300-250 + 300-400 + 300-0 = 250 come over; 550 are there; a third of June has passed.
    assert (found.carried, found.available, found.left) == (Decimal(250), Decimal(550), Decimal(450))
    assert (found.expected, found.projected, found.pace) == (Decimal("183.33"), Decimal(300), Pace.ON_TRACK)


@pytest.mark.parametrize(
    ("spent", "today", "pace"),
    [
        ("150", date(2024, 4, 15), Pace.ON_TRACK),
        ("150.01", date(2024, 4, 15), Pace.FAST),
        ("300", date(2024, 4, 15), Pace.FAST),
        ("300.01", date(2024, 4, 15), Pace.OVER),
        ("300", date(2024, 5, 1), Pace.ON_TRACK),
        ("0", date(2024, 3, 31), Pace.NOT_BEGUN),
        ("-20", date(2024, 4, 1), Pace.ON_TRACK),
    ],
)
def test_pace(spent: str, today: date, pace: Pace) -> None:
    month = date(2024, 4, 1)
    assert month_of(Plan(Decimal(300), "USD", month), {month: Decimal(spent)}, month, today).pace is pace


def test_without_carry_over_each_month_stands_alone() -> None:
    assert carried_into(Plan(Decimal(300), "USD", MARCH), {MARCH: Decimal(1)}, MAY) == 0


def test_what_is_overspent_can_leave_nothing() -> None:
    found = month_of(Plan(Decimal(10), "JPY", MARCH, carries_over=True), {MARCH: Decimal(50)}, after(MARCH), MAY)
    assert (found.carried, found.available, found.used, found.expected) == (Decimal(-40), Decimal(-30), None, 0)
    assert found.pace is Pace.OVER


def test_months_and_means() -> None:
    assert list(months(date(2023, 11, 1), date(2024, 2, 1))) == [
        date(2023, 11, 1),
        date(2023, 12, 1),
        date(2024, 1, 1),
    ]
    assert (after(date(2024, 1, 1), -1), last_day(date(2024, 2, 1))) == (date(2023, 12, 1), date(2024, 2, 29))
    assert mean_spent([Decimal(100), Decimal(20)], 6) == 20


amounts = st.decimals(-1000, 1000, places=2)


@given(st.decimals(1, 1000, places=2), st.lists(amounts, min_size=1, max_size=30), st.booleans())
def test_what_is_left_goes_from_month_to_month(amount: Decimal, spends: list[Decimal], carries: bool) -> None:
    plan = Plan(amount, "USD", MARCH, carries_over=carries)
    spent = {after(MARCH, place): each for place, each in enumerate(spends)}
    found = [month_of(plan, spent, month, date(2030, 1, 1)) for month in spent]
    for earlier, later in pairwise(found):
        assert later.carried == (earlier.left if carries else 0)
    if carries:
        assert found[-1].left == total([amount * len(spends), -total(spends)])
    for each in found:
        assert each.left + each.spent == each.available
        assert each.projected == each.spent
