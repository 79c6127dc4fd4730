"""The accounts that pay for trades: what each holds, and which of them a trade should move."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import date
from decimal import Decimal

from django.utils import timezone

from assets.queries import rates
from banking.models import Account, CashTransaction
from core.money import multiply, quantise
from portfolios.book.rebalance import Order
from portfolios.models import CashSetting, Portfolio
from portfolios.services.settlement import accounts_of, default_account

ZERO = Decimal(0)


@dataclass(frozen=True, slots=True)
class CashBox:
    """An account of a portfolio with its balance of now, in its currency and in the base currency."""

    account: Account
    balance: Decimal
    value: Decimal


def cash_boxes(portfolio: Portfolio) -> list[CashBox]:
    """The accounts that are the portfolio's today; none where cash is not tracked. At most 3 queries.

    Raises RateMissing for an account that holds something in a currency without a rate.
    """
    if portfolio.cash != CashSetting.TRACKED:
        return []
    today = timezone.now().date()
    accounts = [account for account in accounts_of(portfolio) if account.portfolio_link.held_on(today)]
    balances = CashTransaction.objects.filter(account__in=accounts).balances()
    table = rates({account.currency for account in accounts}, portfolio.base_currency, date.max)
    boxes = []
    for account in accounts:
        balance = balances.get(account.pk, ZERO)
        rate = table.rate(account.currency, portfolio.base_currency, date.max).value if balance else ZERO
        boxes.append(CashBox(account, balance, quantise(multiply(balance, rate), portfolio.base_currency)))
    return boxes


def paying_accounts(
    portfolio: Portfolio, orders: Sequence[Order], boxes: Sequence[CashBox], flow: Decimal
) -> tuple[list[Account | None], tuple[str, ...]]:
    """The account that each of ``orders`` moves, and the names of those that would end below zero by it.

    An order moves the account that booking would choose, unless a purchase would overdraw that and another one, in the
    trade's or the base currency, has enough. ``flow`` comes into or out of the account in the base currency. Raises
    NoCashAccount.
    """
    if portfolio.cash != CashSetting.TRACKED:
        return [None] * len(orders), ()
    accounts = [box.account for box in boxes]
    left = {box.account.pk: box.value for box in boxes}
    today = timezone.now().date()
    if flow:
        left[default_account(portfolio.base_currency, today, portfolio, accounts).pk] += flow
    chosen: list[Account | None] = []
    for order in orders:
        first = default_account(order.security.currency, today, portfolio, accounts)
        account = first
        if left[first.pk] + order.cash < 0 and order.cash < 0:
            able = _able(order, accounts, left, portfolio.base_currency)
            account = max(able, key=lambda one: left[one.pk], default=first)
        left[account.pk] += order.cash
        chosen.append(account)
    moved = {account.pk for account in chosen if account}
    return chosen, tuple(account.name for account in accounts if account.pk in moved and left[account.pk] < 0)


def _able(order: Order, accounts: Iterable[Account], left: dict[int, Decimal], base: str) -> list[Account]:
    currencies = {order.security.currency, base}
    return [one for one in accounts if one.currency in currencies and left[one.pk] + order.cash >= 0]
