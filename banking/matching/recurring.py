"""Payments that come again and again, such as subscriptions, rent and pay, told from what was booked."""

from __future__ import annotations

from calendar import monthrange
from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from datetime import date, timedelta
from decimal import Decimal
from enum import Enum
from hashlib import sha256
from statistics import median
from typing import NamedTuple

from banking.matching.words import lasting
from core.money import multiply

LEAST_TIMES = 3
AMOUNT_TOLERANCE = Decimal("0.1")  # of the amount that is compared with


class Interval(Enum):
    """How often, with the days between two payments and by how many these may differ."""

    WEEKLY = ("weekly", 7, 2, 52)
    MONTHLY = ("monthly", 30, 5, 12)
    QUARTERLY = ("quarterly", 91, 10, 4)
    YEARLY = ("yearly", 365, 15, 1)

    def __init__(self, word: str, days: int, tolerance: int, a_year: int) -> None:
        self.word, self.days, self.tolerance, self.a_year = word, days, tolerance, a_year

    def holds(self, days: int) -> bool:
        return abs(days - self.days) <= self.tolerance


class Payment(NamedTuple):
    """A booked amount, signed, in its account's currency; ``name`` is the counterparty's, empty without one."""

    row: int
    account: int
    day: date
    amount: Decimal
    text: str = ""
    counterparty: int | None = None
    name: str = ""


@dataclass(frozen=True, slots=True)
class Recurrence:
    """Payments that recur. ``amount`` is the last one's, signed; ``yearly`` what it comes to in a year."""

    key: str
    name: str
    account: int
    counterparty: int | None
    amount: Decimal
    interval: Interval
    times: int
    first: date
    last: date
    expected: date
    yearly: Decimal
    rows: tuple[int, ...]


def recurring(payments: Iterable[Payment], today: date) -> list[Recurrence]:
    """What recurs among ``payments`` and is alive on ``today``, the dearest first.

    Payments of one account, sign and counterparty, or without one of the same words, belong together while each is
    within 10 % of the one before it. The last 3 or more with one interval between them make a recurrence; it has ended
    when the next one is late by more than half an interval.
    """
    groups: dict[tuple[int, bool, str], list[Payment]] = defaultdict(list)
    for payment in payments:
        if who := _who(payment):
            groups[payment.account, payment.amount > 0, who].append(payment)
    found = [each for who, group in groups.items() for each in _of_group("|".join(map(str, who)), group, today)]
    return sorted(found, key=lambda each: (-abs(each.yearly), each.name, each.key))


def next_day(last: date, interval: Interval, day_of_month: int) -> date:
    """The day on which the one after ``last`` is expected: that of the month, or the month's last where it has none."""
    about = last + timedelta(days=interval.days)
    if interval is Interval.WEEKLY:
        return about
    place = about.year * 12 + about.month - 1
    return min((_day(place + step, day_of_month) for step in (-1, 0, 1)), key=lambda day: abs(day - about))


def _day(place: int, day_of_month: int) -> date:
    """The day of a month that is numbered from the year 0."""
    year, month = divmod(place, 12)
    return date(year, month + 1, min(day_of_month, monthrange(year, month + 1)[1]))


def _who(payment: Payment) -> str:
    return f"#{payment.counterparty}" if payment.counterparty is not None else lasting(payment.text)


def _series(group: Sequence[Payment]) -> list[list[Payment]]:
    """The payments in lines, in each of which the amount changes by at most 10 % from one to the next."""
    lines: list[list[Payment]] = []
    for payment in group:
        near = [line for line in lines if _alike(line[-1].amount, payment.amount)]
        if near:
            min(near, key=lambda line: abs(line[-1].amount - payment.amount)).append(payment)
        else:
            lines.append([payment])
    return lines


def _alike(earlier: Decimal, later: Decimal) -> bool:
    return abs(later - earlier) <= multiply(abs(earlier), AMOUNT_TOLERANCE)


def _of_group(who: str, group: Sequence[Payment], today: date) -> list[Recurrence]:
    """The recurrences of those who belong together. The key of one stays when the oldest payments are out of sight."""
    lines = _series(sorted(group, key=lambda each: (each.day, each.row)))
    found = [each for line in lines if (each := _recurrence(line, today))]
    named: list[Recurrence] = []
    for each in sorted(found, key=lambda each: (each.interval.word, abs(each.amount))):
        ordinal = sum(other.interval is each.interval for other in named)
        key = sha256(f"{who}|{each.interval.word}|{ordinal}".encode()).hexdigest()
        named.append(replace(each, key=key))
    return named


def _recurrence(line: Sequence[Payment], today: date) -> Recurrence | None:
    """The longest end of ``line`` with one interval between its payments, if it is long enough and alive."""
    ends = ((interval, _end(line, interval)) for interval in Interval)
    interval, series = max(ends, key=lambda end: len(end[1]))
    if len(series) < LEAST_TIMES:
        return None
    last = series[-1]
    expected = next_day(last.day, interval, _usual_day([each.day for each in series[-LEAST_TIMES:]]))
    if today > expected + timedelta(days=interval.days // 2):
        return None
    return Recurrence(
        key="",
        name=last.name or last.text,
        account=last.account,
        counterparty=last.counterparty,
        amount=last.amount,
        interval=interval,
        times=len(series),
        first=series[0].day,
        last=last.day,
        expected=expected,
        yearly=multiply(last.amount, Decimal(interval.a_year)),
        rows=tuple(each.row for each in series),
    )


def _usual_day(days: Sequence[date]) -> int:
    """The day of the month on which they come: 31 for those that come at its end."""
    at_the_end = all((day + timedelta(days=1)).day == 1 for day in days)
    return 31 if at_the_end else int(median(day.day for day in days))


def _end(line: Sequence[Payment], interval: Interval) -> Sequence[Payment]:
    place = len(line) - 1
    while place > 0 and interval.holds((line[place].day - line[place - 1].day).days):
        place -= 1
    return line[place:]
