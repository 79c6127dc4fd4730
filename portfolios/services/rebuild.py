"""Dropping everything that follows from a portfolio's trades, and deriving it anew."""

from __future__ import annotations

from django.db import transaction

from assets.models import PriceClock
from banking.models import Account, CashTransaction, Origin
from banking.services.derived import drop_derived_cash
from portfolios.models import CashSetting, Portfolio
from portfolios.services.amendments import terms_of
from portfolios.services.derivations import DERIVED, refold
from portfolios.services.entitlements import drop_action_cash, settle_entitlements
from portfolios.services.settlement import accounts_of, book_trade_cash, rates_of


@transaction.atomic
def rebuild(portfolio: Portfolio) -> int:
    """Drop the lots, disposals, entitlements, investments and derived cash rows, and derive them from the facts.

    Returns how many trades stand. Raises Refused if the facts themselves do not hold.
    """
    Portfolio.objects.filter(pk=portfolio.pk).bump()
    portfolio.refresh_from_db()
    Account.objects.filter(pk__in=[account.pk for account in accounts_of(portfolio)]).bump()
    version = PriceClock.read()  # before any rate
    for derived in DERIVED:
        derived._default_manager.filter(portfolio=portfolio).delete()  # noqa: SLF001  Django's documented name
    standing = portfolio.trades.standing()
    refold(portfolio, set(standing.order_by().values_list("asset", flat=True)))
    rederive_cash(portfolio)
    Portfolio.objects.filter(pk=portfolio.pk).update(rates_version=version)
    return standing.count()


def rederive_cash(portfolio: Portfolio) -> None:
    """Drop the cash rows of the portfolio's trades and actions and, where cash is tracked, book them anew.

    What a person set on one of them stays. Call it inside a transaction that holds the portfolio's lock.
    """
    accounts = accounts_of(portfolio)
    Account.objects.filter(pk__in=[account.pk for account in accounts]).bump()
    of_trades = CashTransaction.objects.filter(origin=Origin.TRADE, origin_id__in=portfolio.trades.values("pk"))
    drop_derived_cash(of_trades)
    drop_action_cash(portfolio)
    if portfolio.cash != CashSetting.TRACKED:
        return
    trades = list(portfolio.trades.standing().in_booking_order().select_related("asset", "account"))
    table = rates_of([terms_of(trade) for trade in trades], accounts, portfolio.base_currency)
    book_trade_cash(portfolio, trades, accounts, table)
    settle_entitlements(portfolio, set(portfolio.entitlements.order_by().values_list("asset", flat=True)))
