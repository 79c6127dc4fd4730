"""The money-weighted return: the rate at which everything paid in and taken out is worth nothing today.

A rate is a ratio and no money, so it is worked out in binary floating point; the amounts come in as exact decimals.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from itertools import pairwise
from math import exp, expm1, fsum, log1p

import numpy as np
from numpy.typing import NDArray

from core.errors import DomainError
from core.money import total

DAYS_A_YEAR = 365
# Rates are looked for as forces of interest, ln(1 + rate): from −99.99999999999998 % to more than a float can tell.
LOWEST, HIGHEST = -36.0, 709.0
FINEST = 1e-9  # two roots that lie closer are one that only touches zero
ACCURACY = 1e-15

CashFlow = tuple[date, Decimal]
Term = tuple[float, float]  # amount, time in years
Columns = tuple[NDArray[np.float64], NDArray[np.float64]]


class NoMoneyWeightedReturn(DomainError):
    """No rate of return explains these payments: what was paid in and what came out never balance."""


@dataclass(frozen=True, slots=True)
class MoneyWeighted:
    """A rate a year as a fraction. ``several``: other rates fit, too, and this is the one that is shown."""

    rate: float
    several: bool = False


def xirr(flows: Iterable[CashFlow], *, days: int = DAYS_A_YEAR) -> MoneyWeighted:
    """The rate a year that makes the present value of dated payments zero (Excel's XIRR), actual/``days``.

    ``flows`` are the investor's: negative when paid in, positive when received, in any order. Where several rates do,
    the one at which the present value falls as the rate rises is taken, and of those the one nearest to 0.

    Raises:
        NoMoneyWeightedReturn: no rate above −100 % does.

    Source: the definition; the count of roots is bounded by Descartes' rule of signs for exponential sums, and the
    roots are isolated by interval bounds, so none is missed.
    """
    by_day: dict[date, list[Decimal]] = defaultdict(list)
    for day, amount in flows:
        by_day[day].append(amount)
    first = min(by_day, default=date.min)
    return _solved([(total(amounts), (day - first).days / days) for day, amounts in by_day.items()])


def irr(amounts: Sequence[Decimal]) -> MoneyWeighted:
    """The rate per period of payments that are one period apart. Raises NoMoneyWeightedReturn."""
    return _solved([(amount, float(period)) for period, amount in enumerate(amounts)])


def xnpv(rate: float, flows: Sequence[CashFlow], *, days: int = DAYS_A_YEAR) -> float:
    """The value of dated payments on the first one's day, discounted at ``rate`` a year, actual/``days``."""
    first = min(day for day, _ in flows)
    force = log1p(rate)
    return fsum(float(amount) * exp(-force * (day - first).days / days) for day, amount in flows)


def annualised(growth: float, days: int) -> float:
    """A return over ``days`` as a rate a year; ``growth`` is a fraction above −1."""
    return expm1(log1p(growth) * DAYS_A_YEAR / days)


def over(rate: float, days: int) -> float:
    """A rate a year as the return over ``days``."""
    return expm1(log1p(rate) * days / DAYS_A_YEAR)


def _solved(payments: Sequence[tuple[Decimal, float]]) -> MoneyWeighted:
    terms = sorted((time, amount) for amount, time in payments if amount)
    if len({amount > 0 for _, amount in terms}) < 2:
        raise NoMoneyWeightedReturn
    largest = max(abs(amount) for _, amount in terms)
    scaled = [(float(amount / largest), time - terms[0][0]) for time, amount in terms]
    found = _roots(scaled)
    if not found:
        raise NoMoneyWeightedReturn
    falling = [force for force in found if _Sum(scaled).at(force).slope <= 0] or found
    return MoneyWeighted(expm1(min(falling, key=abs)), several=len(found) > 1)


def _roots(terms: Sequence[Term]) -> list[float]:
    """All forces of interest at which Σ amount · e^(−force · time) is 0, ascending.

    Each side of 0 is searched in the direction in which its terms vanish, so nothing overflows.
    """
    last = terms[-1][1]
    rising = _Sum(terms).roots(HIGHEST)
    turned = [(amount, last - time) for amount, time in reversed(terms)]
    falling = [-force for force in _Sum(turned).roots(-LOWEST)]
    found = sorted(falling + rising)
    return found[:1] + [after for before, after in pairwise(found) if after - before > FINEST]


@dataclass(frozen=True, slots=True)
class _Point:
    """The sum of the positive and of the negative terms at one place, and of both times their time."""

    gains: float
    gains_later: float
    losses: float
    losses_later: float

    @property
    def value(self) -> float:
        return self.gains - self.losses

    @property
    def slope(self) -> float:
        return self.losses_later - self.gains_later


class _Sum:
    """f(x) = Σ amount · e^(−x · time) with times ≥ 0: the difference of two sums that both fall as x rises.

    Between a and b each of them lies between its ends, which bounds f and its slope from both sides.
    """

    def __init__(self, terms: Sequence[Term]) -> None:
        amounts, times = np.array(terms, np.float64).T
        self._gains = amounts[amounts > 0], times[amounts > 0]
        self._losses = -amounts[amounts < 0], times[amounts < 0]
        self._known: dict[float, _Point] = {}

    def at(self, x: float) -> _Point:
        if x not in self._known:
            self._known[x] = _Point(*_weighed(self._gains, x), *_weighed(self._losses, x))
        return self._known[x]

    def roots(self, limit: float) -> list[float]:
        """Every x from 0 to ``limit`` with f(x) = 0."""
        found, pending = [], [(0.0, limit)]
        while pending:
            low, high = pending.pop()
            if self._certainly_not_zero(low, high):
                continue
            if self._monotone(low, high):
                found += self._crossing(low, high)
            elif high - low < FINEST:
                found.append((low + high) / 2)
            else:
                middle = _between(low, high)
                pending += [(low, middle), (middle, high)]
        return found

    def _certainly_not_zero(self, low: float, high: float) -> bool:
        first, last = self.at(low), self.at(high)
        return last.gains > first.losses or first.gains < last.losses

    def _monotone(self, low: float, high: float) -> bool:
        first, last = self.at(low), self.at(high)
        return last.gains_later > first.losses_later or first.gains_later < last.losses_later

    def _crossing(self, low: float, high: float) -> list[float]:
        """The root between two places if the sign changes there: Newton's steps, halving where one leaves them."""
        below, above = self.at(low).value, self.at(high).value
        if not below:
            return [low]
        if above and (below > 0) == (above > 0):
            return []
        x = (low + high) / 2
        while high - low > ACCURACY * max(1.0, abs(low)):
            point = self.at(x)
            if not point.value:
                return [x]
            low, high = (x, high) if (point.value > 0) == (below > 0) else (low, x)
            step = x - point.value / point.slope if point.slope else low
            if step == x:
                break
            x = step if low < step < high else (low + high) / 2
        return [x]


def _weighed(terms: Columns, x: float) -> tuple[float, float]:
    amounts, times = terms
    weights = amounts * np.exp(-x * times)
    return float(weights.sum()), float(weights @ times)


def _between(low: float, high: float) -> float:
    """The middle, or nearer to 0 in a wide interval: a force of interest is seldom large."""
    return (low + high) / 2 if high < 2 * low or high < 1 else max(low * 1.5, high / 8, 0.5)
