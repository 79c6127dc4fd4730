"""The panel's closes as prices in one currency on the sessions of chosen exchanges. Pure NumPy; no Django."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from decimal import Decimal
from functools import cached_property
from typing import NamedTuple, TypeAlias

import numpy as np
from numpy.typing import NDArray

from analytics.accrual import accrued_on, total_return_closes
from analytics.valuation import FloatArray, IntArray, carried_forward, first_known
from assets.bonds import BondTerms

CONTINUOUS = "24/7"  # the calendar of markets that never close
PIVOTS = ("USD", "EUR")  # most pairs are quoted against one of them
SESSIONS_A_YEAR = 252
DAYS_A_YEAR = 365
LONG_AGO = np.array(["0001-01-01"], "datetime64[D]")
Split: TypeAlias = tuple[np.datetime64, float]  # ex-date, and the units that one became


class AssetFacts(NamedTuple):
    """What valuation needs to know of an asset. ``calendar`` is empty for one without an exchange."""

    pk: int
    symbol: str
    currency: str
    calendar: str
    is_rate: bool
    price_factor: Decimal = Decimal(1)  # what one unit costs at a price of 1
    terms: BondTerms | None = None  # of a bond whose interest is not in its closes


@dataclass(frozen=True, slots=True)
class Grid:
    """The sessions of a group of portfolios: T of the panel's days, and how many make a year.

    ``before`` is the place of the session before the first one; the benchmark's first return starts there.
    """

    places: NDArray[np.intp]
    days: NDArray[np.datetime64]
    periods: int
    before: int | None = None

    def since(self, start: int) -> Grid:
        """Without the first ``start`` sessions."""
        before = int(self.places[start - 1]) if start else self.before
        return Grid(self.places[start:], self.days[start:], self.periods, before)

    def session_of(self, days: NDArray[np.datetime64]) -> IntArray:
        """The session that a day counts for: itself, or the next one; T after the last."""
        return np.searchsorted(self.days, days).astype(np.int64)

    def until(self, days: NDArray[np.datetime64]) -> IntArray:
        """How many sessions there are up to and including each day."""
        return np.searchsorted(self.days, days, side="right").astype(np.int64)


@dataclass(frozen=True, eq=False)
class Market:
    """Every asset's facts beside the panel's matrices (N, D), rows by ascending asset id.

    What is derived from them is worked out once and kept: a chunk of portfolios asks again for each group.
    """

    days: NDArray[np.datetime64]
    asset_ids: IntArray
    closes: FloatArray
    adjusted: FloatArray
    facts: Mapping[int, AssetFacts]
    splits: Mapping[int, Sequence[Split]] = field(default_factory=dict)
    _rates: dict[tuple[str, str], FloatArray] = field(default_factory=dict, repr=False)
    _traded: dict[str, NDArray[np.bool_]] = field(default_factory=dict, repr=False)

    @cached_property
    def _row_of(self) -> dict[int, int]:
        return {int(pk): row for row, pk in enumerate(self.asset_ids)}

    @cached_property
    def _pairs(self) -> dict[str, int]:
        return {facts.symbol: facts.pk for facts in self.facts.values() if facts.is_rate}

    def closes_of(self, asset_ids: Sequence[int]) -> FloatArray:
        """Last known closes (K, D) in each asset's currency; NaN before the first."""
        return carried_forward(self._rows(self.closes, asset_ids))

    def adjusted_of(self, asset_id: int) -> FloatArray:
        """An asset's adjusted closes (D,) in its currency; NaN on days without one.

        A bond's have the interest that had accrued, and its coupons taken from them.
        """
        row: FloatArray = self._rows(self.adjusted, [asset_id])[0]
        terms = self.facts[asset_id].terms
        if terms is not None:
            closes = self._rows(self.closes, [asset_id])[0]
            bars = np.isfinite(closes)
            row[bars] = total_return_closes(terms, self.days[bars], closes[bars], row[bars])
        return row

    def last_days(self, asset_ids: Sequence[int]) -> NDArray[np.datetime64]:
        """The day of each asset's last bar (K,); NaT for one that has none."""
        known = np.isfinite(self._rows(self.closes, asset_ids))
        last = np.full(len(asset_ids), np.datetime64("NaT", "D"))
        some = known.any(axis=1)
        if some.any():
            last[some] = self.days[len(self.days) - 1 - known[some, ::-1].argmax(axis=1)]
        return last

    def grid(self, calendars: frozenset[str]) -> Grid:
        """The days on which an asset of one of the calendars has a bar. A continuous market is dropped beside another:
        what happens there at a weekend is part of the next session."""
        kept = calendars - {CONTINUOUS} or calendars
        traded = np.zeros(len(self.days), bool)
        for calendar in kept:
            traded |= self._days_of(calendar)
        places = np.flatnonzero(traded)
        return Grid(places, self.days[places], DAYS_A_YEAR if kept == {CONTINUOUS} else SESSIONS_A_YEAR)

    def every_day(self, days: NDArray[np.datetime64], end: NDArray[np.datetime64] | np.datetime64) -> Grid:
        """Every day of the panel and of ``days`` up to ``end``; one before the panel begins counts on its first day.

        A day that the panel does not have takes its last prices.
        """
        known = np.union1d(self.days, days[days >= self.days[0]] if len(self.days) else days)
        known = known[known <= end]
        places = np.maximum(np.searchsorted(self.days, known, side="right") - 1, 0) if len(self.days) else known[:0]
        return Grid(places.astype(np.intp), known[: len(places)], DAYS_A_YEAR)

    def at(self, days: NDArray[np.datetime64]) -> Grid:
        """Exactly ``days``, none of them before the first one of the market, each with the last prices known on it."""
        places = np.searchsorted(self.days, days, side="right") - 1
        return Grid(places.astype(np.intp), days, DAYS_A_YEAR)

    def unpriced(self) -> Market:
        """As it was before its first day, when nothing had a price: a single day, long ago."""
        nothing = np.full((len(self.asset_ids), 1), np.nan)
        return Market(LONG_AGO, self.asset_ids, nothing, nothing, self.facts)

    def prices(self, asset_ids: Sequence[int], base: str, grid: Grid) -> tuple[FloatArray, IntArray]:
        """What a unit is worth at the last known closes, in ``base`` (K, T), and the first session (K,) with a close.

        NaN before that, and where there is no exchange rate yet.
        """
        local = self.closes_of(asset_ids)[:, grid.places]
        priced_from = first_known(local)
        for row, pk in enumerate(asset_ids):
            currency = self.facts[pk].currency
            local[row] *= float(self.facts[pk].price_factor)
            for ex_date, units in self.splits.get(pk, ()):
                local[row, self._without_close_since(pk, ex_date, grid)] /= units
            if currency != base:
                local[row] *= self.rate(currency, base)[grid.places]
        return local, priced_from

    def interest(self, asset_id: int, base: str, grid: Grid) -> FloatArray:
        """What has accrued on a unit of a bond by the end of each session (T,), in ``base``; NaN without a rate."""
        facts = self.facts[asset_id]
        if facts.terms is None:
            return np.zeros(len(grid.days))
        accrued = accrued_on(facts.terms, grid.days) * float(facts.price_factor)
        if facts.currency != base:
            accrued = accrued * self.rate(facts.currency, base)[grid.places]
        return accrued

    def _without_close_since(self, asset_id: int, day: np.datetime64, grid: Grid) -> slice:
        """The sessions from ``day`` on whose last known close is still of a day before it."""
        since = int(np.searchsorted(self.days, day))
        known = np.isfinite(self._rows(self.closes, [asset_id])[0, since:])
        first = since + (int(known.argmax()) if known.any() else len(known))
        return slice(int(np.searchsorted(grid.days, day)), int(np.searchsorted(grid.places, first)))

    def benchmark_returns(self, asset_id: int, base: str, grid: Grid) -> FloatArray:
        """Returns (T,) of an asset's adjusted closes in ``base``; NaN until it has two."""
        closes, rates = self.benchmark_levels(asset_id, base, grid)
        levels = closes * rates
        returns: FloatArray = levels[1:] / levels[:-1] - 1.0
        return returns

    def benchmark_levels(self, asset_id: int, base: str, grid: Grid) -> tuple[FloatArray, FloatArray]:
        """The last known adjusted closes and rates to ``base`` (T + 1,), from the session before the first one on."""
        closes = carried_forward(self.adjusted_of(asset_id)[np.newaxis])[0]
        rates = self.rate(self.facts[asset_id].currency, base)
        opening = (np.nan, np.nan) if grid.before is None else (closes[grid.before], rates[grid.before])
        return np.append(opening[0], closes[grid.places]), np.append(opening[1], rates[grid.places])

    def rate(self, source: str, target: str) -> FloatArray:
        """Units of ``target`` for one of ``source`` (D,), last known; NaN before there is one.

        The pair's own rate, or its inverse, or the product over USD, else EUR, as far as each is known.
        """
        key = source, target
        if key not in self._rates:
            rate = np.ones(len(self.days)) if source == target else self._quoted(source, target)
            for pivot in PIVOTS if source != target else ():
                product = self._quoted(source, pivot) * self._quoted(pivot, target)
                rate = np.where(np.isnan(rate), product, rate)
            self._rates[key] = rate
        return self._rates[key]

    def missing_rate(self, source: str, target: str) -> str:
        """What to tell the owner of a portfolio that needs a rate which is not there."""
        known = np.isfinite(self.rate(source, target))
        since = f" before {self.days[known.argmax()]}" if known.any() else ""
        return f"there is no exchange rate from {source} to {target}{since}"

    def _quoted(self, source: str, target: str) -> FloatArray:
        direct, inverse = self._pair(source + target), 1.0 / self._pair(target + source)
        return np.where(np.isnan(direct), inverse, direct)

    def _pair(self, symbol: str) -> FloatArray:
        if symbol not in self._pairs:
            return np.full(len(self.days), np.nan)
        closes: FloatArray = self.closes_of([self._pairs[symbol]])[0]
        return closes

    def _days_of(self, calendar: str) -> NDArray[np.bool_]:
        if calendar not in self._traded:
            assets = [pk for pk, facts in self.facts.items() if facts.calendar == calendar and not facts.is_rate]
            rows = [self._row_of[pk] for pk in assets if pk in self._row_of]
            self._traded[calendar] = np.asarray(np.isfinite(self.closes[rows]).any(axis=0))
        return self._traded[calendar]

    def _rows(self, matrix: FloatArray, asset_ids: Sequence[int]) -> FloatArray:
        """Rows of a matrix (K, D) by asset; NaN for one that has no bar at all."""
        places = np.array([self._row_of.get(pk, -1) for pk in asset_ids], dtype=np.intp)
        if not len(matrix):
            return np.full((len(places), len(self.days)), np.nan)
        rows: FloatArray = matrix[places]
        rows[places < 0] = np.nan
        return rows
