"""The interest of bonds on many days at once, and closes with it. Pure NumPy; ``assets.bonds`` has the exact rules."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date

import numpy as np
from numpy.typing import NDArray

from analytics.valuation import FloatArray
from assets.bonds import PAR, BondTerms, DayCount, cash_flows, periods

DAYS_OF = {DayCount.ACTUAL_360: 360.0, DayCount.ACTUAL_365: 365.0}
DayArray = NDArray[np.datetime64]


def accrued_on(terms: BondTerms, days: DayArray) -> FloatArray:
    """Interest that has run since the last coupon at the end of each day (T,), per 100 of nominal value.

    0 before issue and from maturity on. Equal to ``assets.bonds.accrued`` up to binary rounding; its sources.
    """
    found = periods(terms)
    starts, ends, regular = (np.array(column, "M8[D]") for column in zip(*found, strict=True))
    place = np.clip(np.searchsorted(starts, days, side="right") - 1, 0, len(found) - 1)
    if terms.day_count is DayCount.ACTUAL_ACTUAL:
        whole = (ends - regular).astype(np.int64) * terms.compounding
        years = (days - starts[place]).astype(np.int64) / whole[place]
    elif terms.day_count in DAYS_OF:
        years = (days - starts[place]).astype(np.int64) / DAYS_OF[terms.day_count]
    else:
        european = terms.day_count is DayCount.THIRTY_E_360
        years = _days_of_30(starts[place], days, european=european) / 360.0
    running = (days >= np.datetime64(terms.issued)) & (days < np.datetime64(terms.matures))
    interest: FloatArray = np.where(running, float(PAR) * float(terms.coupon) * years, 0.0)
    return interest


def total_return_closes(terms: BondTerms, days: DayArray, closes: FloatArray, adjusted: FloatArray) -> FloatArray:
    """Dirty closes (T,) from which each coupon since is taken, as adjusted closes have it: their changes are returns.

    Parameters
    ----------
    terms : BondTerms
        Coupons are those that it promises, whether they were booked or not.
    days, closes, adjusted : (T,)
        Bars, ascending, each with a close. ``adjusted`` brings what else happened: the splits, capital that was
        returned.

    The last one is the dirty close itself. A coupon's factor is 1 − coupon / last dirty close before it (the CRSP
    convention); one of the whole price or more counts as none.
    """
    dirty = closes + accrued_on(terms, days)
    if len(days) < 2:
        return dirty
    flows = [(flow.day, float(flow.amount)) for flow in cash_flows(terms, terms.issued) if flow.day < terms.matures]
    paid = _paid_between(flows, days)
    others = (adjusted[:-1] / closes[:-1]) / (adjusted[1:] / closes[1:])
    left = 1.0 - paid / dirty[:-1]
    factors = np.where(paid > 0, np.where(left > 0, left, 1.0), others)
    levels: FloatArray = dirty * np.append(np.cumprod(factors[::-1])[::-1], 1.0)
    return levels


def _paid_between(flows: Sequence[tuple[date, float]], days: DayArray) -> FloatArray:
    """The coupons (T − 1,) after each day but the last, up to the next one."""
    paid = np.zeros(len(days) + 1)
    np.add.at(paid, np.searchsorted(days, np.array([day for day, _ in flows], "M8[D]")), [cash for _, cash in flows])
    return paid[1:-1]


def _days_of_30(start: DayArray, end: DayArray, *, european: bool) -> NDArray[np.int64]:
    """Days between when each month has 30, as ``assets.bonds`` counts them."""
    months = (end.astype("M8[M]") - start.astype("M8[M]")).astype(np.int64)
    first, last = np.minimum(_day_of_month(start), 30), _day_of_month(end)
    last = np.where((first == 30) | european, np.minimum(last, 30), last)
    return 30 * months + last - first


def _day_of_month(days: DayArray) -> NDArray[np.int64]:
    return (days - days.astype("M8[M]")).astype(np.int64) + 1
