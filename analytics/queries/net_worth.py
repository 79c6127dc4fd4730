"""What people and organisations have: cash, investments and possessions, less what they owe, on any days."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date
from decimal import Decimal
from enum import StrEnum
from typing import NamedTuple

import numpy as np
from django.db.models import Max, Min, QuerySet

from analytics.performance import worth_on
from analytics.queries.facts import inputs
from assets.models import HistoricValue
from assets.queries import RateMissing, RateTable, rates
from banking.models import OWING, Account, AccountKind, CashTransaction, Possession, TermDeposit, Valuation
from banking.queries.balances import balances_on
from core.arrays import among
from core.money import multiply, quantise
from portfolios.models import CashSetting, Investment, Portfolio, PortfolioAccount, Trade
from portfolios.queries import holdings, totals_of_all
from users.models import Organisation, User

ZERO = Decimal(0)


class Part(StrEnum):
    """What net worth is made of, in the order that it is shown in."""

    CASH = "cash"
    INVESTMENTS = "investments"
    POSSESSIONS = "possessions"
    DEBTS = "debts"


class Holder(NamedTuple):
    """A person by the id, or an organisation."""

    owner: int | None
    organisation: int | None


class Item(NamedTuple):
    """One account, portfolio or possession with its worth on each day, in its own currency.

    ``incomplete`` are the places of the days on which a price or a rate is missing, and ``worth`` is of the rest.
    """

    holder: Holder
    part: Part
    name: str
    currency: str
    pk: int
    worth: Sequence[Decimal]
    incomplete: frozenset[int] = frozenset()


@dataclass(slots=True)
class NetWorth:
    """One holder's worth at the close of each of ``days`` in ``currency``; a debt is negative.

    ``missing`` names what has no exchange rate or no price on one of the days, and is not counted there. Of a portfolio
    in which some of it is missing, the rest counts.
    """

    currency: str
    days: Sequence[date]
    parts: dict[Part, list[Decimal]]
    items: list[tuple[Item, list[Decimal | None]]] = field(default_factory=list)
    missing: list[str] = field(default_factory=list)

    @property
    def totals(self) -> list[Decimal]:
        return [sum(amounts, ZERO) for amounts in zip(*self.parts.values(), strict=True)]


@dataclass(frozen=True, slots=True)
class Scope:
    """Whose things are counted, for instance those that one person sees."""

    accounts: QuerySet[Account]
    portfolios: QuerySet[Portfolio]
    possessions: QuerySet[Possession]


def known_until(scope: Scope, today: date) -> date:
    """The last day, ``today`` at most, on which cash was booked or a held asset was priced; 2 queries.

    Nothing is known to have changed since. It is ``today`` where nothing is known at all.
    """
    rows = CashTransaction.objects.standing().filter(account__in=scope.accounts, booked_on__lte=today)
    held = Investment.objects.filter(portfolio__in=scope.portfolios).values("asset")
    bars = HistoricValue.objects.filter(asset__in=held, day__lte=today)
    days = [rows.aggregate(last=Max("booked_on"))["last"], bars.aggregate(last=Max("day"))["last"]]
    return max((day for day in days if day), default=today)


def everything() -> Scope:
    return Scope(Account.objects.all(), Portfolio.objects.all(), Possession.objects.all())


def net_worth(scope: Scope, days: Sequence[date], currency: str) -> dict[Holder, NetWorth]:
    """Each holder's net worth at the close of ``days`` (ascending); a fixed number of queries.

    Accounts of a portfolio whose cash is tracked count within it. What an employee spends for an employer is the
    employer's, and not counted. Portfolios are exact on the last day, and before it in whole minor units, from
    quantities and prices as binary fractions.
    """
    items = [*_cash(scope.accounts, days), *_investments(scope.portfolios, days), *_owned(scope.possessions, days)]
    table = rates({item.currency for item in items}, currency)
    found: dict[Holder, NetWorth] = {}
    for item in items:
        _add(found.setdefault(item.holder, nothing(days, currency)), item, table)
    return found


def nothing(days: Sequence[date], currency: str) -> NetWorth:
    """That of a holder without anything."""
    return NetWorth(currency, days, {part: [ZERO] * len(days) for part in Part})


def total_of(worths: Iterable[NetWorth], days: Sequence[date], currency: str) -> NetWorth:
    """Several holders together."""
    whole = nothing(days, currency)
    for worth in worths:
        whole.items += worth.items
        whole.missing += worth.missing
        for part, amounts in worth.parts.items():
            whole.parts[part] = [a + b for a, b in zip(whole.parts[part], amounts, strict=True)]
    return whole


def _add(worth: NetWorth, item: Item, table: RateTable) -> None:
    converted: list[Decimal | None] = []
    if item.incomplete:
        days = [worth.days[place] for place in sorted(item.incomplete)]
        span = f"{days[0]}" if len(days) == 1 else f"{len(days)} days from {days[0]} to {days[-1]}"
        worth.missing.append(f"{item.name}: A price or an exchange rate is missing on {span}.")
    for place, (day, amount) in enumerate(zip(worth.days, item.worth, strict=True)):
        if place in item.incomplete and not amount:
            converted.append(None)  # nothing of it is known
            continue
        try:
            value = multiply(amount, table.rate(item.currency, worth.currency, day).value) if amount else ZERO
        except RateMissing as error:
            converted.append(None)
            worth.missing.append(f"{item.name}: {error.message}")
            continue
        value = quantise(value, worth.currency)
        converted.append(value)
        worth.parts[item.part][place] += value
    worth.items.append((item, converted))


def _cash(accounts: QuerySet[Account], days: Sequence[date]) -> Iterator[Item]:
    """Accounts that are not within a portfolio, and what deposits have earned; 3 queries, 4 with a deposit."""
    counted = accounts.filter(employer__isnull=True)
    within = {
        link.account_id: link.joined_on or date.min
        for link in PortfolioAccount.objects.filter(account__in=counted, portfolio__cash=CashSetting.TRACKED)
    }
    balances = balances_on(counted, days)
    booked = list(counted.filter(pk__in=balances))
    deposits = _deposits(account.pk for account in booked if account.kind == AccountKind.DEPOSIT)
    for account in booked:
        joined = within.get(account.pk, date.max)
        worth = [ZERO if day >= joined else held for day, held in zip(days, balances[account.pk], strict=True)]
        if deposit := deposits.get(account.pk):
            worth = [held + deposit.accrued_on(day) for day, held in zip(days, worth, strict=True)]
        part = Part.DEBTS if account.kind in OWING else Part.CASH
        yield Item(_holder(account), part, account.name, account.currency, account.pk, worth)


def _deposits(account_ids: Iterable[int]) -> dict[int, TermDeposit]:
    """By account; no query without one."""
    wanted = among(account_ids)
    return {row.account_id: row for row in TermDeposit.objects.whole().filter(account__in=wanted)} if wanted else {}


def _investments(portfolios: QuerySet[Portfolio], days: Sequence[date]) -> Iterator[Item]:
    rows = {portfolio.pk: portfolio for portfolio in portfolios}
    if not rows:
        return
    listed, last = list(rows.values()), days[-1]
    before = _values_on(list(rows), days[:-1])
    exact = totals_of_all(listed, holdings(listed, last), last)
    for pk, portfolio in rows.items():
        amounts, incomplete = before.get(pk, ([0.0] * (len(days) - 1), set[int]()))
        worth = [*_minor(amounts, portfolio.base_currency), exact[pk].total_value]
        gaps = frozenset(incomplete if exact[pk].complete else {*incomplete, len(days) - 1})
        yield Item(_holder(portfolio), Part.INVESTMENTS, portfolio.name, portfolio.base_currency, pk, worth, gaps)


def _values_on(ids: list[int], days: Sequence[date]) -> dict[int, tuple[list[float], set[int]]]:
    """Portfolio id to its value at the close of each of ``days``, and the places of those that lack a rate."""
    if not days:
        return {}
    chunk = inputs(ids, as_of=days[-1])
    found = worth_on(chunk, np.array(days, "datetime64[D]"))
    return {
        portfolio.pk: (found.values[row].tolist(), set(np.flatnonzero(~found.complete[row]).tolist()))
        for row, portfolio in enumerate(chunk.portfolios)
    }


def _minor(amounts: Sequence[float], currency: str) -> list[Decimal]:
    return [quantise(Decimal(repr(amount)), currency) for amount in amounts]


def _owned(possessions: QuerySet[Possession], days: Sequence[date]) -> Iterator[Item]:
    """One query."""
    rows = Valuation.objects.standing().filter(possession__in=possessions, day__lte=days[-1])
    stated: Mapping[Possession, list[tuple[date, Decimal]]] = defaultdict(list)
    for row in rows.select_related("possession").order_by("possession", "day"):
        stated[row.possession].append((row.day, row.value))
    for possession, values in stated.items():
        worth = [_worth_on(day, values, possession.disposed_on) for day in days]
        yield Item(_holder(possession), Part.POSSESSIONS, possession.name, possession.currency, possession.pk, worth)


def _worth_on(day: date, stated: Sequence[tuple[date, Decimal]], gone: date | None) -> Decimal:
    if gone and day >= gone:
        return ZERO
    return next((value for since, value in reversed(stated) if since <= day), ZERO)


def _holder(row: Account | Portfolio | Possession) -> Holder:
    return Holder(row.owner_id, row.organisation_id)


def scope_of(holder: User | Organisation) -> Scope:
    """What belongs to this person or organisation itself; nothing that is only shared with them."""
    return Scope(Account.objects.of(holder), Portfolio.objects.of(holder), Possession.objects.of(holder))


def worth_of(holder: User | Organisation, days: Sequence[date], currency: str) -> NetWorth:
    """One holder's net worth; nothing everywhere for one that has nothing."""
    return total_of(net_worth(scope_of(holder), days, currency).values(), days, currency)


def known_since(scope: Scope, today: date) -> date:
    """The first day on which cash was booked, a possession valued or something traded; 3 queries.

    ``today`` where nothing is known at all.
    """
    rows = CashTransaction.objects.standing().filter(account__in=scope.accounts)
    stated = Valuation.objects.standing().filter(possession__in=scope.possessions)
    traded = Trade.objects.standing().filter(portfolio__in=scope.portfolios)
    days = [
        rows.aggregate(first=Min("booked_on"))["first"],
        stated.aggregate(first=Min("day"))["first"],
        traded.aggregate(first=Min("day"))["first"],
    ]
    return min((day for day in days if day), default=today)


def shown_until(scope: Scope, today: date) -> date:
    """The day that is shown when none is asked for: ``known_until``, or a later one of a possession; 4 queries."""
    stated = Valuation.objects.standing().filter(possession__in=scope.possessions, day__lte=today)
    gone = scope.possessions.filter(disposed_on__lte=today)
    days = [stated.aggregate(last=Max("day"))["last"], gone.aggregate(last=Max("disposed_on"))["last"]]
    return max([known_until(scope, today), *(day for day in days if day)])
