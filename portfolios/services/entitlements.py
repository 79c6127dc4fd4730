"""The cash that corporate actions pay into a portfolio's accounts: derived rows, each of its pay-date."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from typing import Any

from django.utils import translation

from assets.models import ActionKind, CorporateAction
from assets.queries import RateMissing, RateTable, rates
from banking.models import Account, CashTransaction, Origin, Section
from banking.models.transaction import SET_ASIDE
from banking.services.derived import derive_cash, drop_derived_cash, set_aside
from banking.services.transactions import aside_since
from core.money import multiply, quantise
from portfolios.models import CashSetting, Entitlement, Portfolio
from portfolios.services.settlement import accounts_of, bounded, default_account

COMPARED: tuple[str, ...] = ("account_id", "booked_on", "amount", "section", "description", "asset_id", "origin_id")
COMPARED += ("replaced_by_id", "voided_at")


def settle_entitlements(portfolio: Portfolio, asset_ids: Collection[int]) -> None:
    """Bring the cash rows of these assets' entitlements in line; the portfolio and its accounts are locked.

    At most 6 queries, and a few more where rows change; none where the portfolio's cash is not tracked. Raises
    RateMissing, NoCashAccount.
    """
    if portfolio.cash != CashSetting.TRACKED:
        return
    accounts = accounts_of(portfolio)
    due = Entitlement.objects.filter(portfolio=portfolio, asset__in=asset_ids).select_related("action__asset")
    wanted = {_values(row): row for row in cash_due(portfolio, list(due), accounts)}
    stored = CashTransaction.objects.filter(origin=Origin.ACTION, account__in=accounts, asset__in=asset_ids)
    standing = {_values(row): row.pk for row in stored.exclude(SET_ASIDE).order_by()}
    stale = [pk for values, pk in standing.items() if values not in wanted]
    if stale:
        drop_derived_cash(CashTransaction.objects.filter(pk__in=stale))
    if new := [row for values, row in wanted.items() if values not in standing]:
        derive_cash(new, _former(new, set_aside(accounts, Origin.ACTION)))


def _former(rows: Sequence[CashTransaction], aside: Sequence[CashTransaction]) -> dict[int, CashTransaction]:
    """Action to the row that waits for it: the one of the account that it pays into now, else the newest.

    Another account's row may not come back into an account where one waits: an action has one row in each.
    """
    newest = {row.origin_id or 0: row for row in aside}
    same = {(row.account_id, row.origin_id): row for row in aside}
    actions = {row.origin_id or 0: row.account_id for row in rows}
    found = {action: same.get((account, action)) or newest.get(action) for action, account in actions.items()}
    return {action: row for action, row in found.items() if row}


def drop_action_cash(portfolio: Portfolio) -> None:
    """Drop every cash row that corporate actions brought to the portfolio's accounts."""
    drop_derived_cash(CashTransaction.objects.filter(origin=Origin.ACTION, account__in=accounts_of(portfolio)))


def _values(row: CashTransaction) -> tuple[Any, ...]:
    return tuple(getattr(row, name) for name in COMPARED)


def cash_due(portfolio: Portfolio, due: Sequence[Entitlement], accounts: Sequence[Account]) -> list[CashTransaction]:
    """The cash rows that follow from entitlements, not stored; at most 2 queries. Raises RateMissing, NoCashAccount."""
    codes = {row.currency for row in due} | {account.currency for account in accounts}
    table = rates(codes, portfolio.base_currency) if due else RateTable()
    rows = [_row(portfolio, row, accounts, table) for row in due]
    matches = portfolio.payment_matches.standing().select_related("row") if due else []
    payments = {match.action_id: match.row for match in matches}
    for row in rows:
        row.replaced_by = payments.get(row.origin_id or 0)
        row.voided_at = aside_since(row.replaced_by)
    return [row for row in rows if row.amount]


def _row(portfolio: Portfolio, due: Entitlement, accounts: Sequence[Account], table: RateTable) -> CashTransaction:
    account = default_account(due.currency, due.pay_date, portfolio, accounts)
    try:
        rate = table.rate(due.currency, account.currency, due.pay_date).value
    except RateMissing as error:
        raise RateMissing(error.message, field="account") from error
    dividend = due.action.kind == ActionKind.CASH_DIVIDEND
    return CashTransaction(
        account=account,
        booked_on=due.pay_date,
        amount=bounded(quantise(multiply(due.net, rate), account.currency)),
        section=Section.INCOME if dividend else Section.TRANSFER,
        description=_description(due.action),
        asset_id=due.asset_id,
        origin=Origin.ACTION,
        origin_id=due.action_id,
    )


def _description(action: CorporateAction) -> str:
    """What is stored is in English, in whatever language somebody books."""
    with translation.override(None):
        return f"{action.get_kind_display()} {action.asset.symbol}"
