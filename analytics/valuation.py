"""Daily values of many portfolios from what they held and what it cost. Pure NumPy and SciPy; no Django.

Everything that a portfolio owns is a *column* with a price for each session, in the base currency: an asset's last
known close, or, for money, the exchange rate of its currency. What it owned is a list of *spans*, a quantity in a
column from one session to another. Values are then sparse products of spans and prices, block by block of sessions, so
that the work is in proportion to what was held and there is no loop over portfolios, trades or days.
"""

from __future__ import annotations

from dataclasses import dataclass, fields
from typing import Self, TypeAlias

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import csr_array

FloatArray: TypeAlias = NDArray[np.float64]
IntArray: TypeAlias = NDArray[np.int64]

# Sessions whose values are computed together; a span that begins or ends inside is cut there (measured: 32 to 128 do).
BLOCK = 64
# A quantity this small beside what has moved is the rounding of binary fractions: 0.1 + 0.2 − 0.3 is 5.6e-17.
DUST = 1e-12
# Histories longer than this are summed one by one, shorter ones side by side.
LONG = 64


@dataclass(frozen=True, slots=True)
class Changes:
    """Changes of quantity, E of them, in the order of booking.

    ``row`` is the portfolio, ``column`` what changed, ``day`` the session from whose close on it counts, ``quantity``
    the signed change. ``own_price`` is what the owner paid or got per unit, in the money that column ``money`` stands
    for.
    """

    row: IntArray
    column: IntArray
    day: IntArray
    quantity: FloatArray
    own_price: FloatArray
    money: IntArray

    def taken(self, places: NDArray[np.intp] | NDArray[np.bool_]) -> Self:
        return type(self)(*(getattr(self, field.name)[places] for field in fields(self)))


@dataclass(frozen=True, slots=True)
class Spans:
    """Quantities held, K of them: ``quantity`` in ``column`` by portfolio ``row`` at the closes of [start, stop)."""

    row: IntArray
    column: IntArray
    start: IntArray
    stop: IntArray
    quantity: FloatArray

    def taken(self, places: NDArray[np.intp] | NDArray[np.bool_]) -> Self:
        return type(self)(*(getattr(self, field.name)[places] for field in fields(self)))

    def joined(self, other: Spans) -> Spans:
        pairs = ((getattr(self, field.name), getattr(other, field.name)) for field in fields(self))
        return Spans(*(np.concatenate(pair) for pair in pairs))

    def lasting(self) -> Self:
        """Those that hold something at some close."""
        return self.taken((self.start < self.stop) & (self.quantity != 0))


def carried_forward(closes: NDArray[np.float64]) -> FloatArray:
    """Closes (N, T) with each gap filled by the last known close; NaN stays before the first."""
    known = np.isfinite(closes)
    if known.all():
        return np.array(closes)
    places = np.where(known, np.arange(closes.shape[1]), 0)
    np.maximum.accumulate(places, axis=1, out=places)
    return np.take_along_axis(closes, places, axis=1)


def first_known(prices: FloatArray) -> IntArray:
    """The first session (N,) with a price; T for a row that has none."""
    known = np.isfinite(prices)
    if not prices.shape[1]:
        return np.zeros(len(prices), np.int64)
    first: IntArray = np.where(known.any(axis=1), known.argmax(axis=1), prices.shape[1]).astype(np.int64)
    return first


def spans(changes: Changes, priced_from: IntArray, sessions: int) -> Spans:
    """What was held from when to when.

    Parameters
    ----------
    changes : Changes
        In the order of booking; those on one session count together.
    priced_from : (A,)
        The first session on which a column has a price. Before that its units are worth the owner's last own price,
        an amount of money.
    sessions : int
        T. A change at session T or later is outside.
    """
    inside = changes.taken(changes.day < sessions)
    order = np.lexsort((inside.day, inside.column, inside.row))
    ordered = inside.taken(order)
    fresh = np.ones(len(order), bool)
    fresh[1:] = (np.diff(ordered.row) != 0) | (np.diff(ordered.column) != 0)
    held = running_totals(ordered.quantity, np.flatnonzero(fresh))
    stop = np.append(np.where(fresh[1:], sessions, ordered.day[1:]), sessions)[: len(order)]
    opens = np.minimum(np.maximum(priced_from[ordered.column], ordered.day), stop)
    market = Spans(ordered.row, ordered.column, opens, stop, held)
    own = Spans(ordered.row, ordered.money, ordered.day, opens, held * ordered.own_price)
    return market.lasting().joined(own.lasting())


def running_totals(amounts: FloatArray, starts: NDArray[np.intp]) -> FloatArray:
    """Running total within each group; groups begin at ``starts``. What is left by binary rounding alone is 0."""
    totals, moved = amounts.copy(), np.abs(amounts)
    lengths = np.diff(np.append(starts, len(amounts)))
    for start, length in zip(starts[lengths > LONG], lengths[lengths > LONG], strict=True):
        for series in (totals, moved):
            np.add.accumulate(series[start : start + length], out=series[start : start + length])
    short = lengths <= LONG
    starts, lengths = starts[short], lengths[short]
    for place in range(1, int(lengths.max(initial=0))):
        at = starts[lengths > place] + place
        totals[at] += totals[at - 1]
        moved[at] += moved[at - 1]
    totals[np.abs(totals) <= DUST * moved] = 0.0
    return totals


def values(held: Spans, prices: FloatArray, portfolios: int) -> FloatArray:
    """Value of each portfolio at each close, (n, T).

    ``prices`` (A, T) are in the base currency. NaN where something is held that has no price in it.
    """
    sessions = prices.shape[1]
    worth = np.zeros((portfolios, sessions))
    held = held.taken(np.argsort(held.row, kind="stable"))
    for start in range(0, sessions, BLOCK):
        stop = min(start + BLOCK, sessions)
        whole = (held.start <= start) & (held.stop >= stop)
        through, cut = np.flatnonzero(whole), held.taken(~whole & (held.start < stop) & (held.stop > start))
        block = np.ascontiguousarray(prices[:, start:stop])
        worth[:, start:stop] = _sum(held.row[through], held.column[through], held.quantity[through], block, portfolios)
        pieces = _cut(block[cut.column], cut, np.arange(start, stop))
        worth[:, start:stop] += _sum(cut.row, np.arange(len(cut.row)), cut.quantity, pieces, portfolios)
    return worth


def _cut(pieces: FloatArray, held: Spans, days: NDArray[np.intp]) -> FloatArray:
    """Prices of each span (K, B) with 0 on the days when it was not held."""
    pieces[(days < held.start[:, np.newaxis]) | (days >= held.stop[:, np.newaxis])] = 0.0
    return pieces


def _sum(
    row: IntArray, column: NDArray[np.integer], quantity: FloatArray, prices: FloatArray, portfolios: int
) -> FloatArray:
    """Σ quantity × price (n, B) of each portfolio, by ascending ``row`` and the row of ``prices`` (A, B)."""
    starts = np.searchsorted(row, np.arange(portfolios + 1))
    return np.asarray(csr_array((quantity, column, starts), shape=(portfolios, len(prices))) @ prices)


def worth_of(changes: Changes, prices: FloatArray, priced_from: IntArray) -> FloatArray:
    """What each change (E,) was worth at its session's close, signed, in the base currency.

    At the market's price, or at the owner's own before there is one; 0 outside the sessions.
    """
    worth = np.zeros(len(changes.day))
    inside = np.flatnonzero(changes.day < prices.shape[1])
    now = changes.taken(inside)
    own = now.own_price * prices[now.money, now.day]
    market = prices[now.column, now.day]
    worth[inside] = now.quantity * np.where(now.day < priced_from[now.column], own, market)
    return worth


def flows(row: IntArray, day: IntArray, amount: FloatArray, shape: tuple[int, int]) -> tuple[FloatArray, FloatArray]:
    """Gross flows in and out, each (n, T) and not negative, from signed amounts; those outside the T are left out."""
    portfolios, sessions = shape
    inside = day < sessions
    cells, amount = row[inside] * sessions + day[inside], amount[inside]

    def gross(sign: float) -> FloatArray:
        # A maximum with NaN is NaN: an amount without a rate shows in the sum.
        counted = np.bincount(cells, np.maximum(sign * amount, 0.0), portfolios * sessions)
        return counted.astype(np.float64, copy=False).reshape(shape)

    return gross(1.0), gross(-1.0)


def rounded(amounts: FloatArray, decimals: IntArray) -> FloatArray:
    """Amounts (E,) rounded to ``decimals`` (E,) digits, halves away from zero as where money moves."""
    unit = np.power(10.0, decimals)
    # A half in decimal may lie a hair below it in binary: 1.005 is 1.00499999999999989.
    units = np.abs(amounts) * unit
    rounded_up: FloatArray = np.floor(units + 0.5 + 1e-12 * np.maximum(units, 1.0))
    return np.copysign(rounded_up, amounts) / unit
