"""The accounts that hold portfolios' cash, and which of their rows are the portfolio's."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from datetime import date
from decimal import Decimal
from typing import NamedTuple

from django.db.models import F, Func, Q, Sum
from django.db.models.functions import Coalesce, Greatest

from banking.models import CashTransaction
from banking.models.transaction import CashTransactionQuerySet
from core.fields import MONEY_SCALE
from portfolios.models import PortfolioAccount

_JOINED = "account__portfolio_link__joined_on"


class CashAccount(NamedTuple):
    """An account of a portfolio: since the start of ``joined_on``, or from the beginning where that is None."""

    account_id: int
    portfolio_id: int
    currency: str
    joined_on: date | None

    def held_on(self, day: date) -> bool:
        return self.joined_on is None or self.joined_on <= day


def cash_accounts(portfolio_ids: Collection[int]) -> dict[int, CashAccount]:
    """Account id to the account, the one attached first first; one query."""
    links = PortfolioAccount.objects.filter(portfolio__in=portfolio_ids).order_by("pk")
    rows = links.values_list("account_id", "portfolio_id", "account__currency", "joined_on")
    return {row[0]: CashAccount._make(row) for row in rows}


def own_rows(account_ids: Collection[int]) -> CashTransactionQuerySet:
    """The standing rows that are the portfolio's: those of the day on which their account joined, and later."""
    since = Q(**{f"{_JOINED}__isnull": True}) | Q(booked_on__gte=F(_JOINED))
    return CashTransaction.objects.standing().filter(since, account__in=account_ids)


def brought(accounts: Mapping[int, CashAccount]) -> dict[int, Decimal]:
    """Account id to the balance with which it joined, 0 left out; one query, none where all were there before."""
    joined = [account.account_id for account in accounts.values() if account.joined_on]
    if not joined:
        return {}
    earlier = CashTransaction.objects.standing().filter(account__in=joined, booked_on__lt=F(_JOINED)).order_by()
    sums = earlier.values_list("account").annotate(Sum("amount"))
    # SQLite sums as float: bring the sum back to the column's scale.
    balances = {account: Decimal(balance).quantize(MONEY_SCALE) for account, balance in sums}
    return {account: balance for account, balance in balances.items() if balance}


def day_counted() -> Func:
    """The day on which a row begins to count: its own, or that on which its account joined."""
    return Greatest("booked_on", Coalesce(_JOINED, "booked_on"))
