"""Exact amounts of a chunk of portfolios, by the books' own rules, without the details of each holding."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import date
from decimal import Decimal

import numpy as np
from django.db import connection
from django.db.models import FloatField, Sum
from django.db.models.functions import Cast
from numpy.typing import NDArray

from analytics.certainty import minor_amounts
from analytics.certainty import sums as minor_sums
from analytics.performance import UNITS_IN, Inputs
from analytics.valuation import FloatArray
from assets.queries import LastBar, RateMissing, RateTable, carried, last_bars, rates
from core.arrays import among, records
from core.fields import MONEY_LIMIT, SQLITE_DIGITS
from core.money import has_digits, minor_units, multiply, total
from portfolios.book.value import market_value, scaled
from portfolios.models import Investment, Portfolio
from portfolios.queries import holdings, totals_of_all

Held = list[tuple[int, int, Decimal]]  # portfolio id, asset id, quantity
HELD = np.dtype([("row", np.int64), ("asset", np.int64), ("quantity", np.float64)])
ZERO = Decimal(0)
COLUMN_DIGITS = 19


@dataclass(slots=True)
class Money:
    """A portfolio's amounts in its base currency at the close of ``as_of``, with cash and receivables as they are now.

    What is not known, or too large to be stored, is None with its reason in ``problems``.
    """

    as_of: date
    market_value: Decimal | None = ZERO
    invested: Decimal | None = ZERO
    cash: Decimal | None = ZERO
    total_value: Decimal | None = ZERO
    realised_gain: Decimal | None = ZERO
    problems: dict[str, str] = field(default_factory=dict)


def money(chunk: Inputs) -> dict[int, Money]:
    """Portfolio id to its amounts; at most 15 queries, however many portfolios.

    Equal to what ``portfolios.queries.totals_of_all`` gives for each; a portfolio that was deleted meanwhile is not in
    the answer.
    """
    ids = [facts.pk for facts in chunk.portfolios]
    portfolios = list(Portfolio.objects.filter(pk__in=among(ids)).only("base_currency", "cash"))
    held = _held(ids)
    bars = _bars(chunk, np.unique(held["asset"]).tolist())
    values = _Values.of(chunk, held, bars)
    sums = _sums(ids)
    cash = totals_of_all(portfolios, {})
    days = _days(chunk, held, bars)
    amounts = {}
    for facts in chunk.portfolios:
        if facts.pk in cash:
            result = Money(days[facts.pk])
            result.market_value = values.totals.get(facts.pk, ZERO)
            result.problems = values.problems.get(facts.pk, {})
            result.invested, result.realised_gain = sums.get(facts.pk, (ZERO, ZERO))
            result.cash = cash[facts.pk].cash if cash[facts.pk].complete else None
            amounts[facts.pk] = _storable(_with_total(result, cash[facts.pk].receivables))
    return amounts


def _bars(chunk: Inputs, assets: Iterable[int]) -> dict[int, LastBar]:
    """The last bar of each asset, with the interest that has accrued on bonds; 2 queries."""
    bars = last_bars(assets)
    terms = {asset: chunk.market.facts[asset].terms for asset in bars}
    return carried(bars, terms={asset: known for asset, known in terms.items() if known})


def _held(ids: list[int]) -> NDArray[np.void]:
    """What the portfolios hold (HELD), each by its place in ``ids``, which ascend; one query."""
    rows = Investment.objects.open().filter(portfolio__in=among(ids)).order_by()
    held = records(rows.values_list("portfolio_id", "asset_id", Cast("quantity", FloatField())), HELD)
    held["row"] = np.searchsorted(ids, held["row"])
    return held


@dataclass(slots=True)
class _Values:
    """Market value by portfolio id; None where a price or rate is missing, with the reason in ``problems``."""

    totals: dict[int, Decimal | None] = field(default_factory=dict)
    problems: dict[int, dict[str, str]] = field(default_factory=dict)

    @classmethod
    def of(cls, chunk: Inputs, held: NDArray[np.void], bars: Mapping[int, LastBar]) -> _Values:
        """In whole minor units at once where that is certain; portfolios with an amount that is not, in decimals."""
        rate = _Rates.of(chunk, held)
        amounts, certain = minor_amounts(held["quantity"], *_unit_prices(chunk, held, bars, rate))
        sums = minor_sums(held["row"], amounts, len(chunk.portfolios)).tolist()
        doubtful = set(np.unique(held["row"][~certain]).tolist())
        some = np.unique(held["row"]).tolist()
        values = cls()
        for row in some:
            if row not in doubtful:
                facts = chunk.portfolios[row]
                values.totals[facts.pk] = Decimal(sums[row]).scaleb(-minor_units(facts.base))
        if doubtful:
            values.add_exactly(chunk, bars, [chunk.portfolios[row].pk for row in doubtful], rate)
        return values

    def add_exactly(self, chunk: Inputs, bars: Mapping[int, LastBar], portfolios: list[int], rate: _Rates) -> None:
        """The values of ``portfolios`` in decimals, holding by holding."""
        held: Held = list(
            Investment.objects.open()
            .filter(portfolio__in=among(portfolios))
            .order_by()
            .values_list("portfolio_id", "asset_id", "quantity")
        )
        unpriced = {portfolio for portfolio, asset, _ in held if asset not in bars}
        listed = holdings(list(Portfolio.objects.filter(pk__in=among(unpriced)))) if unpriced else {}
        own = {(row.portfolio_id, row.asset_id): row.value for rows in listed.values() for row in rows}
        parts: dict[int, list[Decimal]] = defaultdict(list)
        for portfolio, asset, quantity in held:
            facts, base = chunk.market.facts[asset], rate.bases[portfolio]
            known = None if portfolio in unpriced else rate(facts.currency, base)
            value = own.get((portfolio, asset))
            if known is not None:
                value = market_value(quantity, bars[asset].dirty, known, base, facts.price_factor)
            if value is None:
                reason = f"there is no price of {facts.symbol} or no exchange rate from {facts.currency} to {base}"
                self.problems[portfolio] = {"market_value": reason}
            else:
                parts[portfolio].append(value)
        self.totals |= {portfolio: total(amounts) for portfolio, amounts in parts.items()}
        self.totals |= dict.fromkeys(self.problems)


def _unit_prices(
    chunk: Inputs, held: NDArray[np.void], bars: Mapping[int, LastBar], rate: _Rates
) -> tuple[FloatArray, FloatArray]:
    """What a unit of each holding is worth in its portfolio's base currency (NaN: not known), and that one's units."""
    bases = np.array([facts.base for facts in chunk.portfolios], "U3")[held["row"]]
    prices, units = np.full(len(held), np.nan), np.ones(len(held))
    assets, place = np.unique(held["asset"], return_inverse=True)
    for base in np.unique(bases).tolist():
        own = bases == base
        units[own] = 10.0 ** minor_units(base)
        prices[own] = np.array([_unit_price(chunk, asset, base, bars, rate) for asset in assets.tolist()])[place[own]]
    return prices, units


def _unit_price(chunk: Inputs, asset: int, base: str, bars: Mapping[int, LastBar], rate: _Rates) -> float:
    facts = chunk.market.facts[asset]
    known = rate(facts.currency, base) if asset in bars else None
    return float("nan") if known is None else float(multiply(bars[asset].dirty, facts.price_factor, known))


@dataclass(slots=True)
class _Rates:
    """The last known rate of each pair of currencies, looked up once."""

    bases: dict[int, str]
    table: RateTable
    known: dict[tuple[str, str], Decimal | None] = field(default_factory=dict)

    @classmethod
    def of(cls, chunk: Inputs, held: NDArray[np.void]) -> _Rates:
        bases = {facts.pk: facts.base for facts in chunk.portfolios}
        assets = np.unique(held["asset"]).tolist()
        codes = {chunk.market.facts[asset].currency for asset in assets} | set(bases.values())
        return cls(bases, rates(codes, min(codes), date.max))

    def __call__(self, source: str, target: str) -> Decimal | None:
        if (source, target) not in self.known:
            try:
                self.known[source, target] = self.table.rate(source, target, date.max).value
            except RateMissing:
                self.known[source, target] = None
        return self.known[source, target]


def _sums(ids: list[int]) -> dict[int, tuple[Decimal, Decimal]]:
    """Portfolio id to the cost of its open lots and its realised gain."""
    sums = Investment.objects.filter(portfolio__in=among(ids)).order_by().values_list("portfolio_id")
    rows = sums.annotate(Sum("cost_base"), Sum("realised_gain_base"))
    # SQLite sums as float: bring the sums back to the column's scale.
    return {portfolio: (scaled(Decimal(cost)), scaled(Decimal(gain))) for portfolio, cost, gain in rows}


def _days(chunk: Inputs, held: NDArray[np.void], bars: Mapping[int, LastBar]) -> dict[int, date]:
    """The day that each value is of: the last bar of what is held or the last trade, whichever is later."""
    none = np.datetime64(date.min)
    last = np.full(len(chunk.portfolios), none, "M8[D]")
    assets, place = np.unique(held["asset"], return_inverse=True)
    priced = np.array([bars[asset].day if asset in bars else date.min for asset in assets.tolist()], "M8[D]")
    np.maximum.at(last, held["row"], priced[place])
    trades = chunk.trades[np.abs(chunk.trades["kind"]) != UNITS_IN]
    np.maximum.at(last, trades["row"], trades["day"])
    created = np.array([facts.created_on for facts in chunk.portfolios], "M8[D]")
    days = np.where(last == none, created, last).tolist()
    return {facts.pk: day for facts, day in zip(chunk.portfolios, days, strict=True)}


def _with_total(money: Money, receivables: Decimal) -> Money:
    if money.cash is None:
        money.problems["cash"] = "there is no exchange rate for the cash of an account or a dividend that is due"
    if money.market_value is None or money.cash is None:
        money.total_value = None
        money.problems["total_value"] = money.problems.get("market_value") or money.problems["cash"]
    else:
        money.total_value = money.market_value + money.cash + receivables
    return money


def _storable(money: Money) -> Money:
    """Without the amounts that the column cannot hold exactly: one absurd portfolio must not stop a chunk."""
    digits = SQLITE_DIGITS if connection.vendor == "sqlite" else COLUMN_DIGITS
    for name in ("market_value", "invested", "cash", "total_value", "realised_gain"):
        amount = getattr(money, name)
        if amount is not None and (abs(amount) >= MONEY_LIMIT or not has_digits(amount, digits)):
            setattr(money, name, None)
            money.problems[name] = "it is too large to be stored exactly"
    return money
