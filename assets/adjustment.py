"""Adjusted closes: raw closes made comparable across splits and payments. Pure."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from decimal import ROUND_HALF_UP, Context, Decimal

from core.money import EXACT

SCALE = Decimal("1e-10")  # of the column
DIGITS = Context(prec=15, rounding=ROUND_HALF_UP)  # what every database keeps
ONE = Decimal(1)


@dataclass(frozen=True, slots=True)
class Step:
    """What one action means for the closes before its ex-date.

    ``units`` are the units that one became, ``paid`` the cash per old unit in the asset's currency,
    ``kept`` the part of the value that stayed in the asset.
    """

    ex_date: date
    units: Decimal = ONE
    paid: Decimal = Decimal(0)
    kept: Decimal = ONE


def adjusted(bars: Sequence[tuple[date, Decimal]], steps: Sequence[Step]) -> list[Decimal]:
    """The adjusted close of each bar (day, close; ascending): close × the factors of all later steps.

    A split's factor is 1 / units, a payment's 1 − paid / last close before it (the CRSP convention),
    a spin-off's the part that stayed. A payment of the whole price or more counts as none.
    """
    left = sorted(steps, key=lambda step: step.ex_date)
    factor, values = ONE, []
    for day, close in reversed(bars):
        while left and left[-1].ex_date > day:
            factor = EXACT.multiply(factor, price_factor(left.pop(), close))
        values.append(as_adjusted(EXACT.multiply(close, factor)))
    return values[::-1]


def as_adjusted(value: Decimal) -> Decimal:
    """``value`` with the digits that every database keeps of an adjusted close."""
    return DIGITS.plus(value.quantize(SCALE, ROUND_HALF_UP, EXACT))


def price_factor(step: Step, close: Decimal) -> Decimal:
    """What a unit is worth after an action for one before it, whose last close was ``close``."""
    cash = EXACT.subtract(ONE, EXACT.divide(step.paid, close))
    return EXACT.divide(EXACT.multiply(step.kept, cash if cash > 0 else ONE), step.units)
