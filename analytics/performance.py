"""From a chunk's facts to daily values, time-weighted returns and the figures of each portfolio. Pure; no Django."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import date
from itertools import compress
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from analytics.engine import time_weighted_returns
from analytics.market import Grid, Market
from analytics.valuation import Changes, FloatArray, IntArray, Spans, flows, rounded, spans, values, worth_of
from core.money import minor_units

TOGETHER = 64  # portfolios whose returns are computed together: their matrices stay near the processor's cache
# Below 0 units leave. The last two are what corporate actions do: no trade, and no cash.
BUY, SELL, TRANSFER_IN, TRANSFER_OUT, UNITS_IN, UNITS_OUT = 1, -1, 0, -2, 3, -3


class PortfolioFacts(NamedTuple):
    """A portfolio and the versions of what its figures follow from."""

    pk: int
    portfolio_version: int
    accounts_version: int
    price_version: int
    base: str
    benchmark_id: int | None
    tracked: bool
    created_on: date


# Records in the order of booking; ``row`` is the portfolio's place in the chunk.
TRADE = np.dtype(
    [
        ("row", np.int64),
        ("asset", np.int64),
        ("kind", np.int64),
        ("day", "datetime64[D]"),
        ("quantity", np.float64),
        ("price", np.float64),
        ("currency", "U3"),
        ("costs", np.float64),  # fee, tax and accrued interest; less that interest where a sale brings it
        ("rate", np.float64),  # the broker's, base currency for one of the trade's; NaN: that day's
        ("external", np.bool_),  # its cash comes from outside the portfolio
    ]
)
CASH = np.dtype(
    [
        ("row", np.int64),
        ("day", "datetime64[D]"),
        ("amount", np.float64),
        ("currency", "U3"),
        ("external", np.bool_),
    ]
)


@dataclass(frozen=True, slots=True)
class Inputs:
    """All that the figures of a chunk of portfolios follow from."""

    portfolios: list[PortfolioFacts]
    trades: NDArray[np.void]
    cash: NDArray[np.void]
    market: Market


@dataclass(frozen=True, slots=True)
class Series:
    """Daily values, flows and returns of n portfolios that share base currency and sessions.

    ``rows`` (n,) are their places in the chunk. ``values``, ``paid_in``, ``paid_out`` and ``returns`` are (n, T) over
    ``grid.days``; ``valid`` (n, T) is True where a return was earned inside the portfolio's window. ``problems`` holds
    why a portfolio has no series at all, or "". ``opened`` (n,) are the days of the first facts, sessions or not; NaT
    without one.
    """

    rows: IntArray
    base: str
    grid: Grid
    values: FloatArray
    paid_in: FloatArray
    paid_out: FloatArray
    returns: FloatArray
    valid: NDArray[np.bool_]
    problems: list[str]
    opened: NDArray[np.datetime64]


def series_of(inputs: Inputs) -> Iterator[Series]:
    """The daily series of all portfolios of a chunk, in groups that are computed as matrices."""
    for (base, calendars), rows in _groups(inputs).items():
        yield _series(inputs, base, inputs.market.grid(calendars), np.array(rows, dtype=np.int64))


def daily_series(inputs: Inputs, end: date) -> Series:
    """The series of the one portfolio of ``inputs`` on every day on which its value could change, up to ``end``.

    That is every day of the market data, sessions or not, and every day of a trade or cash row. In between the value
    stays as it is. The window does not end with the last price.
    """
    facts = [records["day"] for records in (inputs.trades, inputs.cash)]
    grid = inputs.market.every_day(np.concatenate([*facts, [np.datetime64(end)]]), np.datetime64(end))
    return _series(inputs, inputs.portfolios[0].base, grid, np.zeros(1, np.int64), to_the_end=True)


class Worth(NamedTuple):
    """What the portfolios of a chunk were worth at the close of days, each (n, D) in their own base currencies.

    Where ``complete`` is False, an exchange rate is missing, and ``values`` are of the rest.
    """

    values: FloatArray
    complete: NDArray[np.bool_]


def worth_on(inputs: Inputs, days: NDArray[np.datetime64]) -> Worth:
    """Every portfolio of the chunk, those of cash alone too, at the close of each of ``days`` (D,), ascending.

    Nothing before its first fact; after the last price it goes on at that price. Before its first price an asset is
    worth what its owner paid.
    """
    shape = len(inputs.portfolios), len(days)
    found = Worth(np.zeros(shape), np.ones(shape, bool))
    market = inputs.market
    early = int(np.searchsorted(days, market.days[0])) if len(market.days) else len(days)
    bases = np.array([portfolio.base for portfolio in inputs.portfolios])
    for base in np.unique(bases).tolist():
        rows = np.flatnonzero(bases == base).astype(np.int64)
        for part, priced in ((slice(0, early), market.unpriced()), (slice(early, shape[1]), market)):
            values_, complete = _worth_on(replace(inputs, market=priced), base, priced.at(days[part]), rows)
            found.values[rows, part], found.complete[rows, part] = values_, complete
    return found


def _worth_on(inputs: Inputs, base: str, grid: Grid, rows: IntArray) -> Worth:
    group = _group(inputs, base, grid, rows)
    shape = len(rows), len(grid.days)
    found = Worth(np.zeros(shape), np.ones(shape, bool))
    sessions = len(group.grid.days)
    if not sessions:
        return found
    prices, priced_from = group.prices()
    traded, banked = group.trade_changes(), group.cash_changes()
    held = _held(group, spans(traded, priced_from, sessions), traded, banked, priced_from)
    found.values[:, -sessions:] = values(held, np.nan_to_num(prices), shape[0])
    found.complete[:, -sessions:] = ~np.isnan(values(held, prices, shape[0]))
    return found


def _groups(inputs: Inputs) -> dict[tuple[str, frozenset[str]], list[int]]:
    facts, trades = inputs.market.facts, inputs.trades
    assets = np.array(sorted(facts), np.int64)
    calendars, code = np.unique([facts[pk].calendar for pk in assets.tolist()], return_inverse=True)
    traded = np.zeros((len(inputs.portfolios), len(calendars)), bool)
    traded[trades["row"], code[np.searchsorted(assets, trades["asset"])]] = True
    names = calendars.tolist()
    groups: dict[tuple[str, frozenset[str]], list[int]] = defaultdict(list)
    for row, (portfolio, own) in enumerate(zip(inputs.portfolios, traded.tolist(), strict=True)):
        groups[portfolio.base, frozenset(compress(names, own))].append(row)
    return groups


@dataclass(frozen=True, slots=True)
class _Group:
    """The facts of one group with its portfolios, assets and currencies as rows and columns of matrices."""

    market: Market
    base: str
    grid: Grid
    portfolios: int
    trades: NDArray[np.void]
    cash: NDArray[np.void]
    assets: list[int]
    currencies: list[str]

    def column_of_money(self, currencies: NDArray[np.str_]) -> IntArray:
        return len(self.assets) + np.searchsorted(np.array(self.currencies, "U3"), currencies).astype(np.int64)

    def rate_on(self, currencies: NDArray[np.str_], days: NDArray[np.datetime64]) -> FloatArray:
        """The last known rate to the base currency (E,) on each day itself."""
        rates = np.ones(len(days))
        for currency in np.unique(currencies).tolist():
            if currency != self.base:
                chosen = currencies == currency
                places = np.searchsorted(self.market.days, days[chosen], side="right") - 1
                rate = self.market.rate(currency, self.base)
                rates[chosen] = np.where(places >= 0, rate[places], np.nan)
        return rates

    def prices(self) -> tuple[FloatArray, IntArray]:
        """Prices of every column (A + C + B, T) in the base currency, and the session each begins with."""
        assets, priced_from = self.market.prices(self.assets, self.base, self.grid)
        money = [self.market.rate(currency, self.base)[self.grid.places] for currency in self.currencies]
        accrued = [self.market.interest(asset, self.base, self.grid) for asset in self.bonds]
        beside = [*money, *accrued]
        matrix = np.vstack([assets, *beside]) if beside else assets
        return matrix, np.concatenate([priced_from, np.zeros(len(beside), np.int64)])

    @property
    def bonds(self) -> list[int]:
        """The bonds among the assets. What accrues on them has columns of its own, after those of money."""
        return [asset for asset in self.assets if self.market.facts[asset].terms is not None]

    def interest_changes(self, traded: Changes) -> Changes:
        """The changes of bonds among ``traded`` as changes of what accrues, which counts with a price or without."""
        column_of = {self.assets.index(asset): place for place, asset in enumerate(self.bonds)}
        bonds = traded.taken(np.isin(traded.column, list(column_of)))
        places = np.array([column_of[column] for column in bonds.column.tolist()], np.int64)
        column = len(self.assets) + len(self.currencies) + places
        return replace(bonds, column=column, own_price=np.zeros(len(column)))

    def trade_changes(self) -> Changes:
        trades = self.trades
        return Changes(
            row=trades["row"],
            column=np.searchsorted(np.array(self.assets, np.int64), trades["asset"]).astype(np.int64),
            day=self.grid.session_of(trades["day"]),
            quantity=np.where(trades["kind"] < 0, -trades["quantity"], trades["quantity"]),
            own_price=trades["price"],
            money=self.column_of_money(trades["currency"]),
        )

    def cash_changes(self) -> Changes:
        column = self.column_of_money(self.cash["currency"])
        amount = self.cash["amount"]
        return Changes(
            self.cash["row"], column, self.grid.session_of(self.cash["day"]), amount, np.zeros(len(amount)), column
        )

    def trade_flows(self, changes: Changes, prices: FloatArray, priced_from: IntArray) -> FloatArray:
        """What each trade brought in from outside, in the base currency: its cash, or the securities' market value."""
        trades = self.trades
        decimals = np.zeros(len(trades), np.int64)
        for currency in self.currencies:
            decimals[trades["currency"] == currency] = minor_units(currency)
        gross = rounded(trades["quantity"] * trades["price"], decimals)
        paid = np.where(trades["kind"] == SELL, trades["costs"] - gross, gross + trades["costs"])
        rate = np.where(np.isnan(trades["rate"]), self.rate_on(trades["currency"], trades["day"]), trades["rate"])
        paid = np.where(trades["external"], paid * rate, 0.0)
        brought = np.isin(trades["kind"], (TRANSFER_IN, TRANSFER_OUT))
        moved = changes.taken(brought)
        paid[brought] = worth_of(moved, prices, priced_from)
        bonds = np.flatnonzero(brought)[np.isin(moved.column, [self.assets.index(asset) for asset in self.bonds])]
        paid[bonds] += worth_of(self.interest_changes(moved), prices, priced_from)
        return paid

    def cash_flows(self) -> FloatArray:
        """Deposits and withdrawals (E,) in the base currency; income and the cash of trades are inside."""
        external = self.cash["external"]
        amount = self.cash["amount"] * self.rate_on(self.cash["currency"], self.cash["day"])
        return np.where(external, amount, 0.0)


def _group(inputs: Inputs, base: str, grid: Grid, rows: IntArray) -> _Group:
    """The group's own facts, its portfolios numbered from 0, on the sessions since its first fact."""
    trades, cash = (facts[np.isin(facts["row"], rows)] for facts in (inputs.trades, inputs.cash))
    for facts in (trades, cash):
        facts["row"] = np.searchsorted(rows, facts["row"])
    first = min([facts["day"].min() for facts in (trades, cash) if len(facts)], default=None)
    start = len(grid.days) if first is None else int(np.searchsorted(grid.days, first))
    assets = np.unique(trades["asset"]).tolist()
    currencies = np.unique(np.concatenate([trades["currency"], cash["currency"]])).tolist()
    return _Group(inputs.market, base, grid.since(start), len(rows), trades, cash, assets, currencies)


def _series(inputs: Inputs, base: str, grid: Grid, rows: IntArray, *, to_the_end: bool = False) -> Series:
    group = _group(inputs, base, grid, rows)
    shape = len(rows), len(group.grid.days)
    prices, priced_from = group.prices()
    traded, banked = group.trade_changes(), group.cash_changes()
    securities = spans(traded, priced_from, shape[1])
    worth = values(_held(group, securities, traded, banked, priced_from), prices, shape[0])
    paid = np.concatenate([group.trade_flows(traded, prices, priced_from), group.cash_flows()])
    row, day = np.concatenate([traded.row, banked.row]), np.concatenate([traded.day, banked.day])
    paid_in, paid_out = flows(row, day, paid, shape)
    ends = np.full(len(rows), shape[1]) if to_the_end else _ends(group, traded, securities)
    window = _window(group, ends, row, day)
    problems = _no_window(group, window)
    missing = np.asarray((np.isnan(worth + paid_in - paid_out) & window).any(axis=1))
    for place in np.flatnonzero(missing):
        problems[place] = _missing_rates(group, int(place))
    usable = window & ~missing[:, np.newaxis]
    for matrix in (worth, paid_in, paid_out):
        matrix[~usable] = 0.0
    returns, valid = _returns(group, worth, paid_in, paid_out, usable, problems)
    return Series(rows, base, group.grid, worth, paid_in, paid_out, returns, valid, problems, _opened(group))


def _held(group: _Group, securities: Spans, traded: Changes, banked: Changes, priced_from: IntArray) -> Spans:
    """All that is held: securities, money, and what accrues on bonds."""
    held = securities
    for changes in (banked, *([group.interest_changes(traded)] if group.bonds else [])):
        held = held.joined(spans(changes, priced_from, len(group.grid.days)))
    return held


def _opened(group: _Group) -> NDArray[np.datetime64]:
    """The day of each portfolio's first fact (n,); NaT without one."""
    latest = np.iinfo(np.int64).max
    first = np.full(group.portfolios, latest, np.int64)
    for facts in (group.trades, group.cash):
        np.minimum.at(first, facts["row"], facts["day"].astype(np.int64))
    return np.where(first == latest, np.datetime64("NaT", "D"), first.astype("M8[D]"))


def _window(group: _Group, ends: IntArray, row: IntArray, day: IntArray) -> NDArray[np.bool_]:
    """Which sessions (n, T) count: from a portfolio's first fact to its end."""
    sessions = np.arange(len(group.grid.days))
    first = np.full(group.portfolios, len(sessions), np.int64)
    np.minimum.at(first, row, day)
    window: NDArray[np.bool_] = sessions < ends[:, np.newaxis]
    window &= sessions >= first[:, np.newaxis]
    return window


def _ends(group: _Group, traded: Changes, securities: Spans) -> IntArray:
    """How many sessions (n,) each window has: it ends with the last bar of what is held, or was held if nothing is."""
    sessions = len(group.grid.days)
    last = group.market.last_days(group.assets).astype(np.int64)
    last[last == np.datetime64("NaT", "D").astype(np.int64)] = -1
    held = np.full((2, group.portfolios), -1, np.int64)
    np.maximum.at(held[0], traded.row, last[traded.column])
    open_ = securities.taken((securities.stop == sessions) & (securities.column < len(group.assets)))
    np.maximum.at(held[1], open_.row, last[open_.column])
    day = np.where(held[1] >= 0, held[1], held[0])
    return np.where(day >= 0, group.grid.until(day.astype("datetime64[D]")), 0)


def _no_window(group: _Group, window: NDArray[np.bool_]) -> list[str]:
    traded = np.isin(np.arange(group.portfolios), group.trades["row"])
    empty = ~window.any(axis=1)
    reasons = np.where(empty & traded, "there is no price since the first trade", "")
    reasons[~traded] = "there are no trades yet"
    return [str(reason) for reason in reasons]


def _missing_rates(group: _Group, row: int) -> str:
    trades, cash = group.trades[group.trades["row"] == row], group.cash[group.cash["row"] == row]
    used = {*trades["currency"].tolist(), *cash["currency"].tolist()}
    used |= {group.market.facts[asset].currency for asset in trades["asset"].tolist()}
    first = min(facts["day"].min() for facts in (trades, cash) if len(facts))
    codes = np.array(sorted(used), "U3")
    unknown = codes[np.isnan(group.rate_on(codes, np.full(len(codes), first)))].tolist()
    return "; ".join(group.market.missing_rate(currency, group.base) for currency in unknown or sorted(used))


def _returns(
    group: _Group,
    worth: FloatArray,
    paid_in: FloatArray,
    paid_out: FloatArray,
    usable: NDArray[np.bool_],
    problems: list[str],
) -> tuple[FloatArray, NDArray[np.bool_]]:
    if not worth.size:
        return worth, usable
    returns, valid = np.empty(worth.shape), np.empty(worth.shape, bool)
    for start in range(0, len(worth), TOGETHER):
        rows = slice(start, start + TOGETHER)
        weighted = time_weighted_returns(worth[rows].T, paid_in[rows].T, paid_out[rows].T)
        returns[rows], valid[rows] = weighted.returns.T, weighted.valid.T & usable[rows]
    broken = np.isnan(returns)
    broken &= usable
    for place in np.flatnonzero(broken.any(axis=1)):
        day = group.grid.days[broken[place].argmax()]
        problems[place] = f"the return is undefined from {day}, when nothing was invested that could earn it"
    return returns, valid
