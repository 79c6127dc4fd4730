"""Whether the cash of portfolios is what their trades and actions give. Reads only; every finding names ids."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from django.db.models import Exists, F, Min, OuterRef, Q

from assets.queries import RateMissing, rates
from banking.models import CashTransaction, Origin, Section
from banking.models.transaction import SET_ASIDE
from core.errors import DomainError
from portfolios.models import CashSetting, PaymentMatch, Portfolio, PortfolioAccount, Trade
from portfolios.queries.accounts import day_counted
from portfolios.services.amendments import terms_of
from portfolios.services.entitlements import cash_due
from portfolios.services.settlement import accounts_of, cash_row, rates_of

Found = tuple[str, str, str]  # promise, where, what
OF_TRADES, OF_ACTIONS = "cash rows equal their trades", "cash rows equal their actions"
CASH = ("account_id", "booked_on", "amount", "section", "replaced_by_id", "voided_at")


def cash_of_portfolio(portfolio: Portfolio) -> Iterator[Found]:
    """What is wrong with the derived cash of one portfolio."""
    yield from _trade_cash(portfolio)
    yield from _action_cash(portfolio)
    yield from _foreign_cash(portfolio)


def _trade_cash(portfolio: Portfolio) -> Iterator[Found]:
    """The cash rows of trades against the trades: one each where cash is tracked, none otherwise."""
    wanted: dict[int, CashTransaction] = {}
    if portfolio.cash == CashSetting.TRACKED:
        accounts = accounts_of(portfolio)
        trades = list(portfolio.trades.standing().in_booking_order().select_related("asset", "account"))
        table = rates_of([terms_of(trade) for trade in trades], accounts, portfolio.base_currency)
        try:
            rows = [cash_row(trade, portfolio, accounts, table) for trade in trades]
        except DomainError as error:
            yield OF_TRADES, f"portfolio {portfolio.pk}", error.message
            return
        wanted = {row.origin_id or 0: row for row in rows if row is not None}
    stored = CashTransaction.objects.filter(origin=Origin.TRADE, origin_id__in=portfolio.trades.values("pk"))
    for row in stored.exclude(SET_ASIDE).order_by("pk"):
        should = wanted.pop(row.origin_id or 0, None)
        where = f"portfolio {portfolio.pk}, cash row {row.pk}, trade {row.origin_id}"
        if should is None:
            yield OF_TRADES, where, "the trade moves no cash"
        elif _values(row) != _values(should):
            yield OF_TRADES, where, f"it has {row}, the trade gives {should}"
    for trade_id, should in wanted.items():
        yield OF_TRADES, f"portfolio {portfolio.pk}, trade {trade_id}", f"{should} is missing"


def _action_cash(portfolio: Portfolio) -> Iterator[Found]:
    """The cash rows of corporate actions against what they owe the portfolio, and who stands in their place."""
    wanted: dict[int, CashTransaction] = {}
    if portfolio.cash == CashSetting.TRACKED:
        due = list(portfolio.entitlements.select_related("action__asset"))
        try:
            rows = cash_due(portfolio, due, accounts_of(portfolio))
        except DomainError as error:
            yield OF_ACTIONS, f"portfolio {portfolio.pk}", error.message
            return
        wanted = {row.origin_id or 0: row for row in rows}
    links = PortfolioAccount.objects.filter(portfolio=portfolio)
    stored = CashTransaction.objects.filter(origin=Origin.ACTION, account__in=links.values("account"))
    for row in stored.exclude(SET_ASIDE).order_by("pk"):
        where = f"portfolio {portfolio.pk}, cash row {row.pk}, action {row.origin_id}"
        should = wanted.pop(row.origin_id or 0, None)
        if should is None:
            yield OF_ACTIONS, where, "the action pays the portfolio nothing, or twice"
        elif _values(row) != _values(should):
            yield OF_ACTIONS, where, f"it has {_told(row)}, the action gives {_told(should)}"
    for action_id, should in wanted.items():
        yield OF_ACTIONS, f"portfolio {portfolio.pk}, action {action_id}", f"{_told(should)} is missing"


def _values(row: CashTransaction) -> tuple[Any, ...]:
    return tuple(getattr(row, name) for name in CASH)


def _told(row: CashTransaction) -> str:
    """The row, and which one stands in its place."""
    aside = f", aside for cash row {row.replaced_by_id}" if row.voided_at and row.replaced_by_id else ""
    return f"{row} on account {row.account_id}{aside}"


def _foreign_cash(portfolio: Portfolio) -> Iterator[Found]:
    """Balances in a foreign currency that no rate turns into the base currency."""
    if portfolio.cash != CashSetting.TRACKED:
        return
    links = PortfolioAccount.objects.filter(portfolio=portfolio).exclude(account__currency=portfolio.base_currency)
    foreign = dict(links.values_list("account_id", "account__currency"))
    standing = CashTransaction.objects.standing().filter(account__in=foreign).order_by("account")
    table = rates(foreign.values(), portfolio.base_currency)
    for account, day in standing.values_list("account_id").annotate(first=Min(day_counted())):
        try:
            table.rate(foreign[account], portfolio.base_currency, day)
        except RateMissing as error:
            where = f"portfolio {portfolio.pk}, account {account}"
            yield "no foreign currency without a rate", where, error.message


def stray_cash() -> Iterator[Found]:
    """Derived rows whose trade is gone or voided or whose account is no portfolio's, and matches of strange rows."""
    orphans = CashTransaction.objects.filter(origin=Origin.TRADE).exclude(SET_ASIDE)
    for row in orphans.exclude(origin_id__in=Trade.objects.standing().values("pk")).order_by("pk"):
        yield OF_TRADES, f"account {row.account_id}, cash row {row.pk}", f"trade {row.origin_id} does not stand"
    lost = CashTransaction.objects.filter(origin=Origin.ACTION, account__portfolio_link__isnull=True).exclude(SET_ASIDE)
    for row in lost.order_by("pk"):
        what = f"action {row.origin_id} pays an account of no portfolio"
        yield OF_ACTIONS, f"account {row.account_id}, cash row {row.pk}", what
    for match in _strange_matches():
        where = f"portfolio {match.portfolio_id}, match {match.pk}"
        yield "payments are the portfolio's", where, f"cash row {match.row_id} cannot pay action {match.action_id}"


def _strange_matches() -> Any:
    """Matches whose row is no entered income of the portfolio's, or from before the ex-date."""
    links = PortfolioAccount.objects.filter(portfolio=OuterRef("portfolio"), account=OuterRef("row__account"))
    joined = links.filter(Q(joined_on__isnull=True) | Q(joined_on__lte=OuterRef("row__booked_on")))
    sound = Q(Exists(joined), row__origin=Origin.ENTRY, row__section=Section.INCOME)
    return PaymentMatch.objects.standing().exclude(sound, row__booked_on__gte=F("action__ex_date")).order_by("pk")
