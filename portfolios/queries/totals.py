"""Sums over holdings: a portfolio's totals, and its value by sector."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from typing import NamedTuple

from django.db.models import Count, F, Q
from django.utils import timezone

from assets.queries import RateTable, rates
from banking.models import CashTransaction
from core.arrays import among
from core.money import divide, multiply, quantise, total
from portfolios.models import CashSetting, Disposal, Entitlement, Portfolio
from portfolios.queries.accounts import CashAccount, cash_accounts
from portfolios.queries.holdings import Holding, latest_rate

UNCLASSIFIED = "Unclassified"
AMOUNTS = ("market_value", "invested", "unrealised_gain", "realised_gain", "cash", "receivables", "total_value")


@dataclass(frozen=True, slots=True)
class Totals:
    """A portfolio's figures in its base currency.

    ``invested`` is the cost of the open lots, ``unrealised_gain`` the gain of what has a value,
    ``cash`` the balances of its accounts (0 where cash is not tracked), ``receivables`` what corporate
    actions owe between ex-date and pay-date. ``complete`` is False
    when a price or a rate is missing, and so an amount.
    """

    currency: str
    market_value: Decimal
    invested: Decimal
    unrealised_gain: Decimal
    realised_gain: Decimal
    cash: Decimal
    receivables: Decimal
    total_value: Decimal
    complete: bool

    @property
    def unrealised_return(self) -> Decimal | None:
        """The unrealised gain as a fraction of what is invested; None where an amount is missing or nothing is."""
        return divide(self.unrealised_gain, self.invested) if self.complete and self.invested else None


@dataclass(frozen=True, slots=True)
class Sector:
    """The holdings of one sector. The weights of a portfolio's sectors add up to 1."""

    sector: str
    value: Decimal
    weight: Decimal | None
    holdings: tuple[Holding, ...]


class Amount(NamedTuple):
    """Money of a portfolio in its own currency."""

    portfolio_id: int
    currency: str
    amount: Decimal


def totals(portfolio: Portfolio, holdings: Sequence[Holding], as_of: date | None = None) -> Totals:
    """The totals of one portfolio over ``holdings`` (closed ones included, their realised gains count)."""
    return totals_of_all([portfolio], {portfolio.pk: holdings}, as_of)[portfolio.pk]


def totals_of_all(
    portfolios: Sequence[Portfolio], holdings: Mapping[int, Sequence[Holding]], as_of: date | None = None
) -> dict[int, Totals]:
    """Portfolio id to its totals; at most 5 queries, however many portfolios.

    Without ``as_of`` they are of now: cash and receivables as of today in UTC, at the last known rates.
    """
    return totals_from(portfolios, holdings, cash_facts(portfolios, as_of))


def totals_on(portfolio: Portfolio, held: Mapping[date, Sequence[Holding]]) -> dict[date, Totals]:
    """The totals at the close of each day, given what was held then; at most 1 query, and 3 for each day."""
    owed = owed_on([portfolio], held)
    return {
        day: totals_from([portfolio], {portfolio.pk: found}, cash_facts([portfolio], day, owed[day]))[portfolio.pk]
        for day, found in held.items()
    }


class Owed(NamedTuple):
    """What a corporate action owes between ex-date and pay-date, in its own currency."""

    portfolio_id: int
    action_id: int
    currency: str
    gross: Decimal
    withheld: Decimal


class Kept(NamedTuple):
    """What portfolios have beside their holdings: accounts with balances by account id, and what they are owed."""

    accounts: Sequence[CashAccount]
    balances: Mapping[int, Decimal]
    owed: Sequence[Owed]


@dataclass(frozen=True, slots=True)
class CashFacts:
    """What the cash and the receivables of portfolios follow from: balances by account, what is owed, rates."""

    as_of: date | None
    accounts: Sequence[CashAccount]
    balances: Mapping[int, Decimal]
    owed: Sequence[Owed]
    table: RateTable


def cash_facts(
    portfolios: Sequence[Portfolio], as_of: date | None = None, owed: Sequence[Owed] | None = None
) -> CashFacts:
    """The balances of accounts that are theirs, and what is owed, at the close of ``as_of`` or today; 4 queries.

    3 where what is ``owed`` is given.
    """
    kept = _kept(portfolios, as_of, owed)
    codes = {account.currency for account in kept.accounts} | {row.currency for row in kept.owed}
    if not codes:
        return CashFacts(as_of, *kept, RateTable())
    codes |= {portfolio.base_currency for portfolio in portfolios}
    return CashFacts(as_of, *kept, rates(codes, min(codes), as_of or date.max))


def _kept(portfolios: Sequence[Portfolio], as_of: date | None = None, owed: Sequence[Owed] | None = None) -> Kept:
    """Each amount in its own currency, so no exchange rate is read; 3 queries, 2 where what is ``owed`` is given."""
    day = as_of or timezone.now().date()
    tracked = [portfolio.pk for portfolio in portfolios if portfolio.cash == CashSetting.TRACKED]
    accounts = [account for account in cash_accounts(tracked).values() if account.held_on(day)] if tracked else []
    held = [account.account_id for account in accounts]
    balances = CashTransaction.objects.filter(account__in=held).balances(as_of) if held else {}
    return Kept(accounts, balances, owed_on(portfolios, [day])[day] if owed is None else owed)


def owed_on(portfolios: Sequence[Portfolio], days: Collection[date]) -> dict[date, list[Owed]]:
    """What actions owe at the close of each of ``days``: from the ex-date until it is paid; one query."""
    found = Entitlement.objects.with_paid_on().filter(portfolio__in=among([portfolio.pk for portfolio in portfolios]))
    rows = found.filter(Q(ex_date__lte=max(days)), Q(paid_on__gt=min(days))).order_by("pk")
    columns = ("portfolio_id", "action_id", "currency", "gross", "withholding")
    owing = list(rows.values_list("ex_date", "paid_on", *columns))
    return {day: [Owed._make(row) for ex_date, paid_on, *row in owing if ex_date <= day < paid_on] for day in days}


def totals_from(
    portfolios: Sequence[Portfolio], holdings: Mapping[int, Sequence[Holding]], facts: CashFacts
) -> dict[int, Totals]:
    """Portfolio id to its totals; no query."""
    bases = {portfolio.pk: portfolio.base_currency for portfolio in portfolios}
    cash, due = _cash(bases, facts), _receivables(bases, facts)
    return {
        portfolio.pk: _totals(portfolio, holdings.get(portfolio.pk, []), cash[portfolio.pk], due[portfolio.pk])
        for portfolio in portfolios
    }


def beside_holdings(portfolio: Portfolio) -> list[Amount]:
    """What the portfolio has beside its holdings now: its accounts' balances, and what actions owe it; 3 queries."""
    return _amounts(portfolio, _kept([portfolio]))


def foreign_cash(portfolio: Portfolio, facts: CashFacts) -> dict[str, Decimal]:
    """Each currency but the base to the balances and receivables in it, in the base currency; no query.

    They are rounded as the totals round them. What has no rate is left out; the totals are incomplete then.
    """
    base, sums = portfolio.base_currency, defaultdict[str, Decimal](Decimal)
    for _, currency, amount in _amounts(portfolio, facts):
        rate = latest_rate(facts.table, currency, base, facts.as_of) if currency != base else None
        if rate is not None:
            sums[currency] += quantise(multiply(amount, rate), base)
    return {currency: worth for currency, worth in sorted(sums.items()) if worth}


def _amounts(portfolio: Portfolio, facts: CashFacts | Kept) -> list[Amount]:
    """What of ``facts``, which may be those of several portfolios, is one's: balances and what is owed."""
    pk, zero = portfolio.pk, Decimal(0)
    accounts = [row for row in facts.accounts if row.portfolio_id == pk]
    balances = [Amount(pk, row.currency, facts.balances.get(row.account_id, zero)) for row in accounts]
    owed = [row for row in facts.owed if row.portfolio_id == pk]
    return balances + [Amount(pk, row.currency, row.gross - row.withheld) for row in owed]


def win_rate(portfolio: Portfolio, as_of: date | None = None) -> Decimal | None:
    """The share of the closed disposals (up to ``as_of``) with a gain in the base currency, in percent; one query.

    None before anything was disposed of. What an action paid out without taking units closes nothing.
    """
    closed = Disposal.objects.filter(portfolio=portfolio).exclude(quantity=0)
    closed = closed.filter(closed_on__lte=as_of) if as_of else closed
    counted = closed.aggregate(of=Count("pk"), won=Count("pk", filter=Q(proceeds_base__gt=F("cost_base"))))
    return divide(Decimal(100 * counted["won"]), Decimal(counted["of"])) if counted["of"] else None


def overdrawn(portfolio: Portfolio, as_of: date | None = None) -> list[str]:
    """The names of the accounts that hold less than nothing: allowed, and shown; 2 queries where cash is tracked."""
    if portfolio.cash != CashSetting.TRACKED:
        return []
    joined = Q(joined_on=None) | Q(joined_on__lte=as_of or timezone.now().date())
    links = portfolio.portfolio_accounts.filter(joined).order_by("pk")
    names = dict(links.values_list("account_id", "account__name"))
    balances = CashTransaction.objects.filter(account__in=names).balances(as_of)
    return [name for pk, name in names.items() if balances.get(pk, Decimal(0)) < 0]


def totals_together(
    all_totals: Iterable[Totals], currency: str, convert: Callable[[Decimal, str], Decimal | None]
) -> Totals:
    """Several portfolios' totals as one, in ``currency``; what ``convert`` knows no rate for makes it incomplete."""
    found = list(all_totals)
    sums: dict[str, Decimal] = dict.fromkeys(AMOUNTS, Decimal(0))
    complete = all(each.complete for each in found)
    for each in found:
        for name in AMOUNTS:
            worth = convert(getattr(each, name), each.currency)
            complete = complete and worth is not None
            sums[name] += worth or Decimal(0)
    return Totals(currency=currency, complete=complete, **sums)


def sectors(holdings: Iterable[Holding]) -> list[Sector]:
    """Holdings by their asset's sector, the largest value first."""
    groups: dict[str, list[Holding]] = defaultdict(list)
    for holding in holdings:
        groups[holding.sector or UNCLASSIFIED].append(holding)
    made = [_sector(name, held) for name, held in groups.items()]
    return sorted(made, key=lambda sector: (-sector.value, sector.sector))


def _sector(name: str, held: Sequence[Holding]) -> Sector:
    known = [holding.weight for holding in held if holding.weight is not None]
    value = total(holding.value for holding in held if holding.value is not None)
    return Sector(name, value, total(known) if known else None, tuple(held))


def _totals(portfolio: Portfolio, held: Sequence[Holding], cash: Decimal | None, due: Decimal | None) -> Totals:
    valued = [holding for holding in held if holding.value is not None]
    value = total(holding.value or Decimal(0) for holding in valued)
    return Totals(
        currency=portfolio.base_currency,
        market_value=value,
        invested=total(holding.cost_base for holding in held),
        unrealised_gain=total(holding.unrealised_gain or Decimal(0) for holding in valued),
        realised_gain=total(holding.realised_gain for holding in held),
        cash=cash or Decimal(0),
        receivables=due or Decimal(0),
        total_value=value + (cash or Decimal(0)) + (due or Decimal(0)),
        complete=None not in (cash, due) and len(valued) == len(held),
    )


def _cash(bases: Mapping[int, str], facts: CashFacts) -> dict[int, Decimal | None]:
    """The balances of each portfolio's accounts in its base currency; None where a rate is missing."""
    sums: dict[int, Decimal | None] = dict.fromkeys(bases, Decimal(0))
    for account in facts.accounts:
        pk, base = account.portfolio_id, bases[account.portfolio_id]
        rate, so_far = latest_rate(facts.table, account.currency, base, facts.as_of), sums[pk]
        balance = facts.balances.get(account.account_id, Decimal(0))
        missing = so_far is None or (rate is None and balance)
        sums[pk] = None if missing else so_far + quantise(multiply(balance, rate or Decimal(0)), base)  # type: ignore[operator]
    return sums


def _receivables(bases: Mapping[int, str], facts: CashFacts) -> dict[int, Decimal | None]:
    """What is owed in each base currency; None where a rate is missing."""
    sums: dict[int, Decimal | None] = dict.fromkeys(bases, Decimal(0))
    for owed in facts.owed:
        base, so_far = bases[owed.portfolio_id], sums[owed.portfolio_id]
        rate = latest_rate(facts.table, owed.currency, base, facts.as_of)
        known = so_far is not None and rate is not None
        worth = quantise(multiply(owed.gross - owed.withheld, rate), base) if known else None  # type: ignore[arg-type]
        sums[owed.portfolio_id] = None if worth is None else so_far + worth  # type: ignore[operator]
    return sums
