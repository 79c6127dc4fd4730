"""Bonds: coupon schedules, day counts, accrued interest and cash flows. Pure and exact; per 100 of nominal value.

Days are not moved for holidays: a coupon that falls on one is paid a little later, which changes no amount here.
"""

from __future__ import annotations

from bisect import bisect_right
from calendar import monthrange
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from enum import StrEnum
from functools import lru_cache
from typing import NamedTuple

from core.errors import DomainError
from core.money import EXACT, divide, multiply, total

PAR = Decimal(100)
MONTHS = 12
FREQUENCIES = (0, 1, 2, 4, 12)  # coupons a year; 0 pays none
FIRST_ISSUE = date(1800, 1, 1)
MOST_YEARS = 110
MOST_REDEEMED = 1000


class BadTerms(DomainError):
    """There is no such bond."""


class DayCount(StrEnum):
    """How days become parts of a year."""

    ACTUAL_ACTUAL = "act/act"  # ICMA: actual days over those of the coupon period
    THIRTY_360 = "30/360"  # US bond basis
    THIRTY_E_360 = "30e/360"  # Eurobond basis
    ACTUAL_360 = "act/360"
    ACTUAL_365 = "act/365"  # fixed


@dataclass(frozen=True, slots=True)
class BondTerms:
    """What a fixed-rate bond promises. ``coupon`` is a year's rate as a fraction; ``redemption`` is per 100.

    Interest runs from ``issued``. Coupon days count back from ``matures`` in steps of 12 / ``frequency`` months, so
    that the first period may be a short one; if it matures on the last day of a month, so does each period.
    """

    issued: date
    matures: date
    coupon: Decimal
    frequency: int
    day_count: DayCount
    redemption: Decimal = PAR

    def __post_init__(self) -> None:
        if self.matures <= self.issued:
            raise BadTerms("A bond matures after it is issued.", field="matures")
        if self.issued < FIRST_ISSUE:
            raise BadTerms("A bond is issued on {first_issue} or later.", first_issue=FIRST_ISSUE, field="issued")
        if self.matures.year - self.issued.year > MOST_YEARS:
            raise BadTerms("A bond matures within {most_years} years.", most_years=MOST_YEARS, field="matures")
        if self.frequency not in FREQUENCIES:
            raise BadTerms("A bond pays 0, 1, 2, 4 or 12 coupons a year.", field="frequency")
        if not (self.coupon.is_finite() and 0 <= self.coupon <= 1):
            raise BadTerms("A coupon is a fraction from 0 to 1: 0.05 is 5 %.", field="coupon")
        if (self.frequency == 0) != (self.coupon == 0):
            raise BadTerms("A bond without coupons has neither a rate nor a frequency.", field="coupon")
        if not (self.redemption.is_finite() and 0 < self.redemption <= MOST_REDEEMED):
            raise BadTerms(
                "The redemption is per 100 of nominal value, at most {most_redeemed}.",
                most_redeemed=MOST_REDEEMED,
                field="redemption",
            )

    @property
    def compounding(self) -> int:
        """How often a year its yield compounds: with each coupon, once without any."""
        return self.frequency or 1


class Flow(NamedTuple):
    """A payment per 100 of nominal value."""

    day: date
    amount: Decimal


class Period(NamedTuple):
    """A stretch between coupons. ``regular`` is where it would begin if it were a whole one."""

    start: date
    end: date
    regular: date


@lru_cache(maxsize=4096)
def periods(terms: BondTerms) -> tuple[Period, ...]:
    """The coupon periods from issue to maturity; years stand in for them where there are no coupons."""
    step, found, number = MONTHS // terms.compounding, [], 0
    end = terms.matures
    while end > terms.issued:
        number += 1
        regular = months_before(terms.matures, step * number)
        found.append(Period(max(regular, terms.issued), end, regular))
        end = regular
    return tuple(reversed(found))


def months_before(day: date, months: int) -> date:
    """The same day of an earlier month; the last one if that month is shorter, or if ``day`` is the last of its own."""
    index = day.year * MONTHS + day.month - 1 - months
    year, month = divmod(index, MONTHS)
    longest = monthrange(year, month + 1)[1]
    last = day.day == monthrange(day.year, day.month)[1]
    return date(year, month + 1, longest if last else min(day.day, longest))


def accrued(terms: BondTerms, day: date) -> Decimal:
    """Interest that has run since the last coupon, at the end of ``day``; 0 before issue and from maturity on."""
    if not terms.issued <= day < terms.matures:
        return Decimal(0)
    return _interest(terms, _period_on(terms, day), day)


def cash_flows(terms: BondTerms, after: date) -> list[Flow]:
    """Every payment after ``after``, the oldest first; coupon and redemption of the last day are one."""
    coupons = [Flow(period.end, _interest(terms, period, period.end)) for period in periods(terms)]
    *others, last = coupons
    flows = [*others, Flow(last.day, last.amount + terms.redemption)]
    return [flow for flow in flows if flow.day > after and flow.amount]


def years_to_payments(terms: BondTerms, after: date) -> list[Decimal]:
    """Years from ``after`` to each of ``cash_flows``, counted period by period as the bond counts its days."""
    years, found = Decimal(0), []
    paid = {flow.day for flow in cash_flows(terms, after)}
    for period in periods(terms):
        if period.end > after:
            years += _part(terms, period, period.end) - _part(terms, period, max(after, period.start))
            found += [years] if period.end in paid else []
    return found


def total_return_closes(terms: BondTerms, bars: Sequence[tuple[date, Decimal, Decimal]]) -> list[Decimal]:
    """Dirty closes of bars (day, clean close, adjusted close; ascending) from which each coupon since is taken.

    Their changes are returns, so that no coupon looks like a loss. Coupons are those that the bond promises, whether
    they were booked or not; adjusted closes bring what else happened. A coupon's factor is 1 − coupon / last dirty
    close before it (the CRSP convention), none where that is not positive; the last value is the dirty close itself.
    """
    coupons = [flow for flow in cash_flows(terms, terms.issued) if flow.day < terms.matures]
    factor, values = Decimal(1), list[Decimal]()
    later: tuple[date, Decimal, Decimal] | None = None
    for bar in reversed(bars):
        dirty = EXACT.add(bar[1], accrued(terms, bar[0]))
        if later is not None:
            paid = total(flow.amount for flow in coupons if bar[0] < flow.day <= later[0])
            factor = EXACT.multiply(factor, _kept(dirty, paid) if paid else divide(_ratio(bar), _ratio(later)))
        values.append(EXACT.multiply(dirty, factor))
        later = bar
    return values[::-1]


def _kept(dirty: Decimal, paid: Decimal) -> Decimal:
    left = EXACT.subtract(Decimal(1), divide(paid, dirty))
    return left if left > 0 else Decimal(1)


def _ratio(bar: tuple[date, Decimal, Decimal]) -> Decimal:
    return divide(bar[2], bar[1])


def _period_on(terms: BondTerms, day: date) -> Period:
    found = periods(terms)
    return found[bisect_right([period.start for period in found], day) - 1]


def _interest(terms: BondTerms, period: Period, day: date) -> Decimal:
    return multiply(PAR, terms.coupon, _part(terms, period, day))


def _part(terms: BondTerms, period: Period, day: date) -> Decimal:
    """Years from the start of ``period`` to a day in it.

    Sources: ICMA rule 251 for act/act; ISDA 2006 definitions, section 4.16, for the others.
    """
    if terms.day_count is DayCount.ACTUAL_ACTUAL:
        whole = (period.end - period.regular).days * terms.compounding
        return divide(Decimal((day - period.start).days), Decimal(whole))
    return years_between(period.start, day, terms.day_count)


def years_between(start: date, end: date, day_count: DayCount) -> Decimal:
    """Years from ``start`` to ``end`` by a day count that needs no coupon periods.

    Raises ValueError for actual/actual, which does. Source: ISDA 2006 definitions, section 4.16.
    """
    match day_count:
        case DayCount.ACTUAL_360:
            return divide(Decimal((end - start).days), Decimal(360))
        case DayCount.ACTUAL_365:
            return divide(Decimal((end - start).days), Decimal(365))
        case DayCount.ACTUAL_ACTUAL:
            raise ValueError("actual/actual counts within coupon periods")
    days = _days_of_30(start, end, european=day_count is DayCount.THIRTY_E_360)
    return divide(Decimal(days), Decimal(360))


def _days_of_30(start: date, end: date, *, european: bool) -> int:
    """Days between when each month has 30. US: the 31st of the end counts unless the start is the 30th or 31st."""
    first, last = min(start.day, 30), end.day
    if european or first == 30:
        last = min(last, 30)
    return 360 * (end.year - start.year) + 30 * (end.month - start.month) + last - first
