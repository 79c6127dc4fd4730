"""Sums over holdings: a portfolio's totals, and its value by sector."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from typing import NamedTuple

from django.db.models import Count, F, Q
from django.utils import timezone

from assets.queries import RateTable, rates
from banking.models import CashTransaction
from core.money import divide, multiply, quantise, total
from portfolios.models import CashSetting, Disposal, Entitlement, Portfolio
from portfolios.queries.accounts import cash_accounts
from portfolios.queries.holdings import Holding, latest_rate

UNCLASSIFIED = "Unclassified"


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
    """Portfolio id to its totals; at most 4 queries, however many portfolios.

    Without ``as_of`` they are of now: cash and receivables as of today in UTC, at the last known rates.
    """
    balances, owed = _balances(portfolios, as_of), _owed(portfolios, as_of)
    bases = {portfolio.pk: portfolio.base_currency for portfolio in portfolios}
    codes = {row.currency for row in (*balances, *owed)} | set(bases.values())
    table = rates(codes, min(codes), as_of or date.max) if codes else RateTable()
    cash, due = (_in_base(rows, bases, table, as_of) for rows in (balances, owed))
    return {
        portfolio.pk: _totals(portfolio, holdings.get(portfolio.pk, []), cash[portfolio.pk], due[portfolio.pk])
        for portfolio in portfolios
    }


def beside_holdings(portfolio: Portfolio) -> list[Amount]:
    """What the portfolio has beside its holdings now: its accounts' balances, and what actions owe it; 3 queries."""
    return _balances([portfolio], None) + _owed([portfolio], None)


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


def _balances(portfolios: Sequence[Portfolio], as_of: date | None) -> list[Amount]:
    """The balance of each account; 2 queries where cash is tracked."""
    tracked = [portfolio.pk for portfolio in portfolios if portfolio.cash == CashSetting.TRACKED]
    if not tracked:
        return []
    day = as_of or timezone.now().date()
    accounts = [account for account in cash_accounts(tracked).values() if account.held_on(day)]
    balances = CashTransaction.objects.filter(account__in=[account.account_id for account in accounts]).balances(as_of)
    return [
        Amount(account.portfolio_id, account.currency, balances.get(account.account_id, Decimal(0)))
        for account in accounts
    ]


def _owed(portfolios: Sequence[Portfolio], as_of: date | None) -> list[Amount]:
    """What is owed at the close of ``as_of`` or today; one query."""
    day = as_of or timezone.now().date()
    found = Entitlement.objects.with_paid_on().filter(portfolio__in=portfolios)
    rows = found.filter(Q(ex_date__lte=day), Q(paid_on__gt=day)).order_by()
    columns = rows.values_list("portfolio_id", "currency", "gross", "withholding")
    return [Amount(portfolio_id, currency, gross - withheld) for portfolio_id, currency, gross, withheld in columns]


def _in_base(
    rows: Iterable[Amount], bases: Mapping[int, str], table: RateTable, as_of: date | None
) -> dict[int, Decimal | None]:
    """The sum of each portfolio's amounts in its base currency, each rounded; None where a rate is missing."""
    sums: dict[int, Decimal | None] = dict.fromkeys(bases, Decimal(0))
    for row in rows:
        base, so_far = bases[row.portfolio_id], sums[row.portfolio_id]
        rate = latest_rate(table, row.currency, base, as_of)
        missing = so_far is None or (rate is None and row.amount)
        worth = quantise(multiply(row.amount, rate or Decimal(0)), base)
        sums[row.portfolio_id] = None if missing else so_far + worth  # type: ignore[operator]
    return sums
