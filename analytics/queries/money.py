"""Exact amounts of a chunk of portfolios, by the books' own rules, without the details of each holding."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import date
from decimal import Decimal

import numpy as np
from django.db import connection
from django.db.models import Sum

from analytics.performance import UNITS_IN, Inputs
from assets.queries import LastBar, RateMissing, RateTable, carried, last_bars, rates
from core.fields import MONEY_LIMIT, SQLITE_DIGITS
from core.money import significant_digits, total
from portfolios.book.value import market_value, scaled
from portfolios.models import Investment, Portfolio
from portfolios.queries import holdings, totals_of_all

Held = list[tuple[int, int, Decimal]]  # portfolio id, asset id, quantity
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
    """Portfolio id to its amounts; at most 13 queries, however many portfolios.

    Equal to what ``portfolios.queries.totals_of_all`` gives for each; a portfolio that was deleted meanwhile is not in
    the answer.
    """
    ids = [facts.pk for facts in chunk.portfolios]
    portfolios = list(Portfolio.objects.filter(pk__in=ids))
    held: Held = list(
        Investment.objects.open()
        .filter(portfolio__in=ids)
        .order_by()
        .values_list("portfolio_id", "asset_id", "quantity")
    )
    bars = carried(last_bars({asset for _, asset, _ in held}))
    values = _Values.of(chunk, held, bars, portfolios)
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


@dataclass(slots=True)
class _Values:
    """Market value by portfolio id; None where a price or rate is missing, with the reason in ``problems``."""

    totals: dict[int, Decimal | None] = field(default_factory=dict)
    problems: dict[int, dict[str, str]] = field(default_factory=dict)

    @classmethod
    def of(cls, chunk: Inputs, held: Held, bars: Mapping[int, LastBar], portfolios: Iterable[Portfolio]) -> _Values:
        unpriced = {portfolio for portfolio, asset, _ in held if asset not in bars}
        listed = holdings([portfolio for portfolio in portfolios if portfolio.pk in unpriced]) if unpriced else {}
        own = {(row.portfolio_id, row.asset_id): row.value for rows in listed.values() for row in rows}
        rate = _Rates.of(chunk, held)
        parts: dict[int, list[Decimal]] = defaultdict(list)
        values = cls()
        for portfolio, asset, quantity in held:
            base, currency = rate.bases[portfolio], chunk.market.facts[asset].currency
            known = None if portfolio in unpriced else rate(currency, base)
            value = own.get((portfolio, asset))
            if known is not None:
                factor = chunk.market.facts[asset].price_factor
                value = market_value(quantity, bars[asset].close, known, base, factor)
            if value is None:
                symbol = chunk.market.facts[asset].symbol
                reason = f"there is no price of {symbol} or no exchange rate from {currency} to {base}"
                values.problems[portfolio] = {"market_value": reason}
            else:
                parts[portfolio].append(value)
        values.totals = {portfolio: total(amounts) for portfolio, amounts in parts.items()}
        values.totals |= dict.fromkeys(values.problems)
        return values


@dataclass(slots=True)
class _Rates:
    """The last known rate of each pair of currencies, looked up once."""

    bases: dict[int, str]
    table: RateTable
    known: dict[tuple[str, str], Decimal | None] = field(default_factory=dict)

    @classmethod
    def of(cls, chunk: Inputs, held: Held) -> _Rates:
        bases = {facts.pk: facts.base for facts in chunk.portfolios}
        codes = {chunk.market.facts[asset].currency for _, asset, _ in held} | set(bases.values())
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
    sums = Investment.objects.filter(portfolio__in=ids).order_by().values_list("portfolio_id")
    rows = sums.annotate(Sum("cost_base"), Sum("realised_gain_base"))
    # SQLite sums as float: bring the sums back to the column's scale.
    return {portfolio: (scaled(Decimal(cost)), scaled(Decimal(gain))) for portfolio, cost, gain in rows}


def _days(chunk: Inputs, held: Held, bars: Mapping[int, LastBar]) -> dict[int, date]:
    """The day that each value is of: the last bar of what is held or the last trade, whichever is later."""
    days = {facts.pk: date.min for facts in chunk.portfolios}
    for portfolio, asset, _ in held:
        if asset in bars and bars[asset].day > days[portfolio]:
            days[portfolio] = bars[asset].day
    last = np.full(len(chunk.portfolios), np.datetime64(date.min, "D"))
    trades = chunk.trades[np.abs(chunk.trades["kind"]) != UNITS_IN]
    np.maximum.at(last, trades["row"], trades["day"])
    for facts, traded in zip(chunk.portfolios, last.tolist(), strict=True):
        days[facts.pk] = max(days[facts.pk], traded)
    return {facts.pk: facts.created_on if days[facts.pk] == date.min else days[facts.pk] for facts in chunk.portfolios}


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
        if amount is not None and (abs(amount) >= MONEY_LIMIT or significant_digits(amount) > digits):
            setattr(money, name, None)
            money.problems[name] = "it is too large to be stored exactly"
    return money
