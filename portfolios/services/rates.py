"""Bringing books in line with exchange rates that arrived, or were restated, after what they convert."""

from __future__ import annotations

import logging
from collections.abc import Collection, Sequence
from typing import Any

from django.db import transaction

from assets.models import PriceClock
from banking.models import Account, CashTransaction, Origin
from core.errors import DomainError
from portfolios.models import CashSetting, Portfolio
from portfolios.queries.rates import behind_rates, with_changed_rates
from portfolios.services.amendments import terms_of
from portfolios.services.derivations import refold
from portfolios.services.settlement import accounts_of, cash_row, drop_trade_cash, rates_of, store_trade_cash

log = logging.getLogger(__name__)

COMPARED = ("account_id", "booked_on", "amount")


def follow_rates(portfolio_ids: Collection[int]) -> int:
    """Refold those of ``portfolio_ids`` that a rate concerns which they have not seen; returns how many.

    One query where nothing changed, 10 to find out whom a change concerns, and a fixed number for each of those. Books
    that the new rate would break (lots that went to another portfolio would have to cost something else) stay as
    they are, and the log says why.
    """
    behind = list(behind_rates(portfolio_ids).values_list("pk", flat=True))
    if not behind:
        return 0
    version = PriceClock.read()  # before any rate
    return sum(_followed(pk, version) for pk in _concerned(behind, version))


@transaction.atomic
def _concerned(portfolio_ids: Sequence[int], version: int) -> list[int]:
    """Those whose books a change concerns; the others have now seen all up to ``version``.

    The rows are locked meanwhile: a booking under way, which this cannot see, may have read older rates.
    """
    locked = Portfolio.objects.select_for_update().filter(pk__in=portfolio_ids, rates_version__lt=version)
    portfolios = list(locked.order_by("pk"))
    concerned = with_changed_rates(portfolios)
    others = [portfolio.pk for portfolio in portfolios if portfolio.pk not in set(concerned)]
    Portfolio.objects.filter(pk__in=others).update(rates_version=version)
    return concerned


def _followed(portfolio_id: int, version: int) -> bool:
    try:
        return _refolded(portfolio_id, version)
    except DomainError as error:
        log.error("portfolio %s cannot follow the exchange rates: %s", portfolio_id, error.message)  # noqa: TRY400
        return False


@transaction.atomic
def _refolded(portfolio_id: int, version: int) -> bool:
    """Refold one portfolio, unless another process has done it meanwhile."""
    behind = Portfolio.objects.select_for_update().filter(pk=portfolio_id, rates_version__lt=version)
    if not behind:
        return False
    Portfolio.objects.filter(pk=portfolio_id).bump()
    portfolio = Portfolio.objects.get(pk=portfolio_id)
    tracked = portfolio.cash == CashSetting.TRACKED
    accounts = accounts_of(portfolio) if tracked else []
    Account.objects.filter(pk__in=[account.pk for account in accounts]).bump()
    refold(portfolio, set(portfolio.investments.order_by().values_list("asset", flat=True)))
    if tracked:
        _renew_cash(portfolio, accounts)
    Portfolio.objects.filter(pk=portfolio_id).update(rates_version=version)
    return True


def _renew_cash(portfolio: Portfolio, accounts: Sequence[Account]) -> None:
    """Bring the cash rows of the trades in line; those that stay right stay."""
    trades = list(portfolio.trades.standing().in_booking_order().select_related("asset", "account"))
    table = rates_of([terms_of(trade) for trade in trades], accounts, portfolio.base_currency)
    rows = [cash_row(trade, portfolio, accounts, table) for trade in trades]
    wanted = {_values(row): row for row in rows if row is not None}
    of_trades = CashTransaction.objects.filter(origin=Origin.TRADE, origin_id__in=portfolio.trades.values("pk"))
    standing = {_values(row) for row in of_trades.standing().order_by()}
    changed = {values[0] for values in standing ^ wanted.keys()}
    drop_trade_cash(changed)
    store_trade_cash(portfolio, [row for values, row in wanted.items() if values[0] in changed], accounts)


def _values(row: CashTransaction) -> tuple[Any, ...]:
    return (row.origin_id or 0, *(getattr(row, name) for name in COMPARED))
