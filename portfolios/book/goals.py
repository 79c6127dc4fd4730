"""How far a value is on its way to an amount, and what has to be added each month to arrive in time."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from enum import StrEnum

from core.money import EXACT, divide, multiply, quantise
from portfolios.book.value import books_context

MONTHS = 12
ZERO, ONE = Decimal(0), Decimal(1)


class GoalState(StrEnum):
    """Where a goal stands on a day."""

    REACHED = "reached"
    OVERDUE = "overdue"
    ON_COURSE = "on course"  # the own return alone leads there
    UNDER_WAY = "under way"


@dataclass(frozen=True, slots=True)
class Progress:
    """``share`` of the target that is there, ``elapsed`` of the time (None without a start), both fractions.

    ``missing`` is what lacks of the target, 0 once it is reached. ``months`` are the payments that are left, and
    ``at_zero`` and ``at_return`` what each has to be without any return and at the own one; None once the goal is
    reached or overdue, and where no return is known.
    """

    state: GoalState
    share: Decimal
    missing: Decimal
    elapsed: Decimal | None = None
    months: int = 0
    at_zero: Decimal | None = None
    at_return: Decimal | None = None


def progress(
    value: Decimal,
    target: Decimal,
    currency: str,
    *,
    today: date,
    due_on: date,
    start_on: date | None = None,
    annual_return: Decimal | None = None,
) -> Progress:
    """Of a ``value`` now towards a ``target`` in the same ``currency``; ``annual_return`` is a fraction above -1."""
    share, missing = divide(value, target), max(ZERO, target - value)
    elapsed = _elapsed(start_on, due_on, today)
    if value >= target:
        return Progress(GoalState.REACHED, share, ZERO, elapsed)
    if due_on < today:
        return Progress(GoalState.OVERDUE, share, missing, elapsed)
    months = months_left(today, due_on)
    own = None
    if annual_return is not None and annual_return > -1:
        own = contribution(value, target, months, annual_return, currency)
    return Progress(
        GoalState.ON_COURSE if own == 0 else GoalState.UNDER_WAY,
        share,
        missing,
        elapsed,
        months,
        contribution(value, target, months, ZERO, currency),
        own,
    )


def months_left(today: date, due_on: date) -> int:
    """The whole months from ``today`` to ``due_on``, and at least 1: a last payment can always be made."""
    months = MONTHS * (due_on.year - today.year) + due_on.month - today.month
    return max(1, months - (due_on.day < today.day))


def contribution(value: Decimal, target: Decimal, months: int, annual_return: Decimal, currency: str) -> Decimal:
    """What has to be added at each month's end so that ``value`` becomes ``target``; never less than 0.

    The payment of an ordinary annuity: (T - V (1+i)^n) i / ((1+i)^n - 1) with i = (1 + r)^(1/12) - 1, and (T - V) / n
    for r = 0. Rounded to the minor unit of ``currency``. Source: Brealey, Myers and Allen, Principles of Corporate
    Finance, "How to calculate present values".
    """
    context = books_context()
    grown = context.power(ONE + annual_return, divide(Decimal(months), Decimal(MONTHS)))
    monthly = context.power(ONE + annual_return, divide(ONE, Decimal(MONTHS))) - ONE
    if not monthly or grown == ONE:
        needed = divide(target - value, Decimal(months))
    else:
        missing = EXACT.subtract(target, multiply(value, grown))
        needed = divide(multiply(missing, monthly), EXACT.subtract(grown, ONE))
    return quantise(needed, currency) if needed > 0 else ZERO


def _elapsed(start_on: date | None, due_on: date, today: date) -> Decimal | None:
    if start_on is None:
        return None
    gone = Decimal((today - start_on).days) / Decimal((due_on - start_on).days)
    return min(ONE, max(ZERO, gone))
