"""What is left of a budget in a month, how fast it goes, and what it comes to; no database and no clock."""

from __future__ import annotations

import re
from calendar import monthrange
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from enum import Enum

from core.money import divide, multiply, quantise, subtract, total

MONTH = re.compile(r"([0-9]{4})-([0-9]{2})")
Spent = Mapping[date, Decimal]  # by the first day of a month; positive is spent, negative came back


class Pace(Enum):
    """How spending stands to the time that has passed."""

    OVER = "over"  # more is spent than there is
    FAST = "fast"  # more than the part of what there is that the time that has passed stands for
    ON_TRACK = "on track"
    NOT_BEGUN = "not begun"


@dataclass(frozen=True, slots=True)
class Plan:
    """``amount`` for each month from ``first`` to ``last``, months by their first days; None: without end."""

    amount: Decimal
    currency: str
    first: date
    last: date | None = None
    carries_over: bool = False

    def counts_in(self, month: date) -> bool:
        return self.first <= month and (self.last is None or month <= self.last)


@dataclass(frozen=True, slots=True)
class MonthOfBudget:
    """A budget in one month, in its currency. ``carried`` is what earlier months left, below 0 what they overspent.

    ``share`` is the part of the month that has passed; ``expected`` that part of what is available; ``projected`` what
    the month comes to at the same speed, None before it has begun.
    """

    amount: Decimal
    carried: Decimal
    available: Decimal
    spent: Decimal
    left: Decimal
    share: Decimal
    expected: Decimal
    projected: Decimal | None
    pace: Pace

    @property
    def overspent(self) -> Decimal:
        """By how much more is spent than there is; 0 where something is left."""
        return max(-self.left, Decimal(0))

    @property
    def used(self) -> Decimal | None:
        """The part of what is available that is spent; None where nothing is."""
        return divide(self.spent, self.available) if self.available > 0 else None


def month_of(plan: Plan, spent: Spent, month: date, today: date) -> MonthOfBudget:
    """The budget in ``month``, which it counts in, as it stands at the end of ``today``."""
    carried = carried_into(plan, spent, month)
    available, gone = total([plan.amount, carried]), spent.get(month, Decimal(0))
    share = passed(month, today)
    expected = quantise(multiply(max(available, Decimal(0)), share), plan.currency)
    projected = quantise(divide(gone, share), plan.currency) if share else None
    return MonthOfBudget(
        amount=plan.amount,
        carried=carried,
        available=available,
        spent=gone,
        left=subtract(available, gone),
        share=share,
        expected=expected,
        projected=projected,
        pace=_pace(gone, available, expected, share),
    )


def carried_into(plan: Plan, spent: Spent, month: date) -> Decimal:
    """What the months of the budget before ``month`` left, together; 0 for one that does not carry over."""
    if not plan.carries_over:
        return Decimal(0)
    return total(subtract(plan.amount, spent.get(each, Decimal(0))) for each in months(plan.first, month))


def passed(month: date, today: date) -> Decimal:
    """The part of a month that has passed by the end of ``today``: 0 before it, 1 after it."""
    days = monthrange(month.year, month.month)[1]
    if today < month:
        return Decimal(0)
    return Decimal(1) if first_day(today) > month else divide(Decimal(today.day), Decimal(days))


def months(first: date, before: date) -> Iterator[date]:
    """The first days of the months from ``first`` to before ``before``."""
    month = first
    while month < before:
        yield month
        month = after(month)


def month_named(text: str) -> date | None:
    """The first day of the month YYYY-MM, None for what is none from 1970 to 2199."""
    match = MONTH.fullmatch(text)
    year, number = (int(match[1]), int(match[2])) if match else (0, 0)
    return date(year, number, 1) if 1970 <= year < 2200 and 1 <= number <= 12 else None


def first_day(day: date) -> date:
    return day.replace(day=1)


def after(month: date, count: int = 1) -> date:
    """The first day of the month that is ``count`` months later; earlier for a negative one."""
    place = month.year * 12 + month.month - 1 + count
    return date(place // 12, place % 12 + 1, 1)


def last_day(month: date) -> date:
    return month.replace(day=monthrange(month.year, month.month)[1])


def mean_spent(spent: Iterable[Decimal], count: int) -> Decimal:
    """The mean of ``count`` months, of which those without spending are left out of ``spent``."""
    return divide(total(spent), Decimal(count))


def _pace(spent: Decimal, available: Decimal, expected: Decimal, share: Decimal) -> Pace:
    if spent > available:
        return Pace.OVER
    if not share:
        return Pace.NOT_BEGUN
    return Pace.FAST if spent > expected else Pace.ON_TRACK
