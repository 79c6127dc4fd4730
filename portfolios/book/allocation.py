"""How much of each security is wanted: the least that is to be moved until the weights are near enough.

All amounts are in one currency. The drift of a security is its value less its target's. Where the trades that must be
made leave too little or too much cash, the rest of it is levelled: what lies furthest above its target gives first and
what lies furthest below takes first, until those drifts are equal. Nothing that keeps the bands moves less.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from decimal import Decimal
from enum import StrEnum

from core.errors import DomainError
from core.money import divide, multiply, total
from portfolios.book.types import ZERO


class Mode(StrEnum):
    FULL = "full"
    CONTRIBUTION = "contribution"
    WITHDRAWAL = "withdrawal"


class Reach(StrEnum):
    TARGET = "target"
    EDGE = "edge"


class NothingToRebalance(DomainError):
    """There is nothing to spread: holdings, cash and what is paid in come to nothing."""


@dataclass(frozen=True, slots=True)
class Bands:
    """How far a weight may drift before it is traded, as a fraction of the whole; for cash likewise.

    ``reach`` says how far what is traded goes: to its target or only to the edge of its band.
    """

    width: Decimal = ZERO
    cash_width: Decimal = ZERO
    reach: Reach = Reach.TARGET


def wanted_values(
    values: Sequence[Decimal], weights: Sequence[Decimal], cash: Decimal, bands: Bands
) -> tuple[Decimal, ...]:
    """The value that each holding shall have, so that every weight is within its band and cash is not below zero.

    ``weights`` add up to at most 1, the rest is the cash target. The sum of |wanted − value| is the least that does it
    (with ``Reach.TARGET``: the least that brings what lies outside its band to its target). Raises NothingToRebalance.
    """
    whole, targets, drifts = _drifts(values, weights, cash)
    slack, cash_slack = multiply(bands.width, whole), multiply(bands.cash_width, whole)
    kept = [_within(drift, slack, bands.reach) for drift in drifts]
    cash_target = whole - total(targets)
    cash_drift = -total(kept)
    lowest, highest = max(-cash_target, -cash_slack), cash_slack
    if cash_drift < lowest:
        kept = lowered(kept, lowest - cash_drift)
    elif cash_drift > highest:
        kept = raised(kept, cash_drift - highest)
    return tuple(target + drift for target, drift in zip(targets, kept, strict=True))


def bought_values(
    values: Sequence[Decimal], weights: Sequence[Decimal], cash: Decimal, budget: Decimal
) -> tuple[Decimal, ...]:
    """The values after ``budget``, a part of ``cash``, is spent on what lies furthest below its target; no sale.

    At most the cash beyond its own target is spent, which never lifts anything above its target.
    """
    whole, targets, drifts = _drifts(values, weights, cash)
    spent = max(min(budget, cash - (whole - total(targets))), ZERO)
    return tuple(target + drift for target, drift in zip(targets, raised(drifts, spent), strict=True))


def sold_values(values: Sequence[Decimal], weights: Sequence[Decimal], cash: Decimal) -> tuple[Decimal, ...]:
    """The values after what lies furthest above its target brought cash up to its target; nothing is bought."""
    whole, targets, drifts = _drifts(values, weights, cash)
    needed = max(whole - total(targets) - cash, ZERO)
    return tuple(target + drift for target, drift in zip(targets, lowered(drifts, needed), strict=True))


def raised(levels: Sequence[Decimal], amount: Decimal) -> list[Decimal]:
    """``levels`` after ``amount`` was poured over the lowest of them, as water fills a basin."""
    if not levels or amount <= 0:
        return list(levels)
    ascending, left = sorted(levels), amount
    surface = ascending[0]
    for count, level in enumerate(ascending, start=1):
        step = multiply(ascending[count] - level, Decimal(count)) if count < len(ascending) else None
        if step is None or left <= step:
            surface = level + divide(left, Decimal(count))
            break
        left -= step
    return [max(level, surface) for level in levels]


def lowered(levels: Sequence[Decimal], amount: Decimal) -> list[Decimal]:
    """``levels`` after ``amount`` was taken off the highest of them."""
    return [-level for level in raised([-level for level in levels], amount)]


def _drifts(
    values: Sequence[Decimal], weights: Sequence[Decimal], cash: Decimal
) -> tuple[Decimal, list[Decimal], list[Decimal]]:
    whole = total(values) + cash
    if whole <= 0:
        raise NothingToRebalance
    targets = [multiply(weight, whole) for weight in weights]
    return whole, targets, [value - target for value, target in zip(values, targets, strict=True)]


def _within(drift: Decimal, slack: Decimal, reach: Reach) -> Decimal:
    """The drift that is left: all of it inside the band, outside none or what the band allows."""
    if abs(drift) <= slack:
        return drift
    if reach == Reach.TARGET:
        return ZERO
    return slack.copy_sign(drift)
