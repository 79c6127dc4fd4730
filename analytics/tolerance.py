"""Which side of a stated risk tolerance the measured volatility is on. Pure; no Django."""

from __future__ import annotations

from enum import StrEnum
from math import isfinite


class Verdict(StrEnum):
    """What can be said of a portfolio's volatility beside what its owner says can be borne."""

    WITHIN = "within"
    ABOVE = "above"
    UNSTATED = "unstated"
    UNMEASURED = "unmeasured"


def verdict(measured: float | None, most: float | None, *, stated: bool) -> Verdict:
    """``measured`` is the annual volatility and ``most`` what it may reach, fractions a year; None there: any.

    The bound itself is within. Without a statement there is nothing to judge by; a volatility that is missing or not
    finite is on no side, whatever is stated.
    """
    if not stated:
        return Verdict.UNSTATED
    if measured is None or not isfinite(measured):
        return Verdict.UNMEASURED
    return Verdict.ABOVE if most is not None and measured > most else Verdict.WITHIN
