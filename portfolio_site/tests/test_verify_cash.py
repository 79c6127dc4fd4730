"""The cash of actions, payments and transfers is broken once by raw SQL, and the check names it with its ids."""

from __future__ import annotations

from datetime import date
from decimal import Decimal

import pytest
from django.db import connection

from analytics.services import recompute
from assets.tests.factories import make_asset, make_bars, make_rate
from banking.models import Account, CashTransaction, Section
from banking.services.transactions import book_cash
from banking.services.transfers import book_transfer
from core.testing import make_user
from portfolio_site.tests.test_verify_books import checked
from portfolios.models import CashSetting, PaymentMatch
from portfolios.services.actions import apply_action
from portfolios.services.portfolios import attach_account
from portfolios.tests.factories import buy, make_portfolio

DAY, EX, PAY = date(2024, 1, 2), date(2024, 1, 4), date(2024, 1, 5)


@pytest.fixture
def ids(db: None) -> dict[str, int]:
    """Two dividends, one with its own payment, and transfers in one and two currencies; what the table below names."""
    alice, bob = make_user("alice"), make_user("bob")
    make_rate("EURUSD", {DAY: "1.10"})
    first, second = make_asset("AAPL"), make_asset("MSFT")
    portfolio = make_portfolio(alice, cash=CashSetting.TRACKED)
    account = portfolio.portfolio_accounts.get().account
    spare, outside, euros = (
        Account.objects.create(owner=alice, name=name, currency=code)
        for name, code in (("Spare", "USD"), ("Outside", "USD"), ("Euros", "EUR"))
    )
    stranger = Account.objects.create(owner=bob, name="Bob's", currency="USD")
    attach_account(portfolio=portfolio, account=spare, actor=None, joined_on=DAY)
    for asset in (first, second):
        make_bars(asset, [100, 101, 102, 103], start=DAY)
        buy(portfolio, asset, 10, 100, DAY)
        apply_action(asset=asset, kind="cash_dividend", ex_date=EX, pay_date=PAY, cash=Decimal(2), actor=None)
    paid = book_cash(
        account=account, amount=Decimal("19.90"), booked_on=PAY, section=Section.INCOME, asset=second, actor=None
    )
    move = book_transfer(source=account, target=spare, amount=Decimal(50), booked_on=DAY, actor=None)
    change = book_transfer(
        source=outside, target=euros, amount=Decimal(110), rate=Decimal("0.9"), booked_on=DAY, actor=None
    )
    recompute([portfolio.pk])
    derived = {row.asset_id: row for row in CashTransaction.objects.filter(origin="action")}
    return {
        "portfolio": portfolio.pk,
        "row": derived[first.pk].pk,
        "action": derived[first.pk].origin_id or 0,
        "aside": derived[second.pk].pk,
        "paid_action": derived[second.pk].origin_id or 0,
        "paid": paid.pk,
        "match": PaymentMatch.objects.get().pk,
        "account": account.pk,
        "spare": spare.pk,
        "outside": outside.pk,
        "stranger": stranger.pk,
        "move": move.pk,
        "sent": move.sent_id,
        "received": move.received_id,
        "change": change.pk,
        "changed": change.received_id,
    }


def test_right_cash_is_right(ids: dict[str, int]) -> None:
    assert checked() == "The books are right: 1 portfolios, 2 trades.\n"


CASH = "banking_cashtransaction"
COPIED = "booked_on, amount, section, description, classified_by, asset_id, origin, origin_id, external_id, created_at"
OF_ACTIONS = "cash rows equal their actions: portfolio {portfolio}, "
HALF = "no half transfer: transfer {move}, cash rows {sent} and {received}: "

# name: (statement, what is then said)
BROKEN = {
    "an amount that is not the dividend's": (
        f"UPDATE {CASH} SET amount = 21 WHERE id = {{row}}",
        OF_ACTIONS + "cash row {row}, action {action}: it has 21 on 2024-01-05 on account {account}, "
        "the action gives 20 on 2024-01-05 on account {account}",
    ),
    "a day that is not the pay-date": (
        f"UPDATE {CASH} SET booked_on = '2024-01-06' WHERE id = {{row}}",
        OF_ACTIONS + "cash row {row}, action {action}: it has 20 on 2024-01-06",
    ),
    "a dividend that is no income": (
        f"UPDATE {CASH} SET section = 'transfer' WHERE id = {{row}}",
        OF_ACTIONS + "cash row {row}, action {action}: it has 20",
    ),
    "a row that is missing": (
        f"DELETE FROM {CASH} WHERE id = {{row}}",
        OF_ACTIONS + "action {action}: 20 on 2024-01-05 on account {account} is missing",
    ),
    "a row of another action": (
        f"UPDATE {CASH} SET origin_id = 987654 WHERE id = {{row}}",
        OF_ACTIONS + "cash row {row}, action 987654: the action pays the portfolio nothing, or twice",
    ),
    "a dividend that is paid twice": (
        f"INSERT INTO {CASH} (account_id, {COPIED}) SELECT {{spare}}, {COPIED} FROM {CASH} WHERE id = {{row}}",
        "action {action}: the action pays the portfolio nothing, or twice",
    ),
    "a dividend on an account of no portfolio": (
        f"UPDATE {CASH} SET account_id = {{outside}} WHERE id = {{row}}",
        "cash rows equal their actions: account {outside}, cash row {row}: action {action} pays an account of no",
    ),
    "a dividend beside its payment": (
        f"UPDATE {CASH} SET voided_at = NULL WHERE id = {{aside}}",
        OF_ACTIONS + "cash row {aside}, action {paid_action}: it has 20 on 2024-01-05 on account {account}, "
        "the action gives 20 on 2024-01-05 on account {account}, aside for cash row {paid}",
    ),
    "a payment that is voided while the dividend is aside": (
        f"UPDATE {CASH} SET voided_at = '2024-02-01 00:00:00' WHERE id = {{paid}}",
        OF_ACTIONS + "cash row {aside}, action {paid_action}: it has 20 on 2024-01-05 on account {account}, aside for",
    ),
    "a dividend that is aside for nothing": (
        "UPDATE portfolios_paymentmatch SET voided_at = '2024-02-01 00:00:00' WHERE id = {match}",
        OF_ACTIONS + "cash row {aside}, action {paid_action}: it has 20 on 2024-01-05 on account {account}, aside for",
    ),
    "cash where none is tracked": (
        "UPDATE portfolios_portfolio SET cash = 'untracked' WHERE id = {portfolio}",
        OF_ACTIONS + "cash row {row}, action {action}: the action pays the portfolio nothing",
    ),
    "a payment on somebody's account": (
        f"UPDATE {CASH} SET account_id = {{outside}} WHERE id = {{paid}}",
        "payments are the portfolio's: portfolio {portfolio}, match {match}: cash row {paid} cannot pay",
    ),
    "a payment that is none": (
        f"UPDATE {CASH} SET section = 'expense' WHERE id = {{paid}}",
        "payments are the portfolio's: portfolio {portfolio}, match {match}: cash row {paid} cannot pay",
    ),
    "a payment from before the ex-date": (
        f"UPDATE {CASH} SET booked_on = '2024-01-03' WHERE id = {{paid}}",
        "payments are the portfolio's: portfolio {portfolio}, match {match}: cash row {paid} cannot pay",
    ),
    "a payment from before its account joined": (
        "UPDATE portfolios_portfolioaccount SET joined_on = '2024-01-06' WHERE account_id = {account}",
        "payments are the portfolio's: portfolio {portfolio}, match {match}: cash row {paid} cannot pay",
    ),
    "a transfer of which one leg is voided": (
        f"UPDATE {CASH} SET voided_at = '2024-02-01 00:00:00' WHERE id = {{received}}",
        HALF + "cash row {received} is voided, the other leg is not",
    ),
    "a transfer of which less arrives": (
        f"UPDATE {CASH} SET amount = 49 WHERE id = {{received}}",
        HALF + "-50.0000 and 49.0000 do not sum to zero",
    ),
    "a transfer of one currency with a rate": (
        "UPDATE banking_transfer SET rate = 2 WHERE id = {move}",
        HALF + "-50.0000 and 50.0000 do not sum to zero, or the rate 2.0000000000 is not 1",
    ),
    "a transfer both of whose legs leave": (
        f"UPDATE {CASH} SET amount = -50 WHERE id = {{received}}",
        HALF + "its legs are of -50.0000 and -50.0000",
    ),
    "a leg that is income": (
        f"UPDATE {CASH} SET section = 'income' WHERE id = {{sent}}",
        HALF + "a leg is something else than entered cash of a transfer",
    ),
    "a transfer to somebody else": (
        f"UPDATE {CASH} SET account_id = {{stranger}} WHERE id = {{received}}",
        HALF + "its legs are of two owners, and one does not know the other",
    ),
    "a transfer to itself": (
        f"UPDATE {CASH} SET account_id = {{account}} WHERE id = {{received}}",
        HALF + "it goes from account {account} to account {account}",
    ),
    "a conversion at another rate": (
        "UPDATE banking_transfer SET rate = 0.91 WHERE id = {change}",
        "no half transfer: transfer {change}, cash rows ",
    ),
    "a conversion of half a cent": (
        f"UPDATE {CASH} SET amount = 99.005 WHERE id = {{changed}}",
        "cash row {changed}: 99.0050 EUR has more than 2 decimals",
    ),
}


@pytest.mark.parametrize("name", BROKEN)
def test_what_is_broken_is_named(name: str, ids: dict[str, int]) -> None:
    statement, said = BROKEN[name]
    with connection.cursor() as cursor:
        cursor.execute(statement.format(**ids))
    told = checked()
    assert said.format(**ids) in told
    assert told.endswith("the books are wrong.")
