"""Every promise of the books is broken once by raw SQL, and the check names it with its ids."""

from __future__ import annotations

import io
from dataclasses import dataclass
from datetime import date
from decimal import Decimal

import pytest
from django.core.management import CommandError, call_command
from django.db import connection

from analytics.services import recompute
from assets.tests.factories import make_asset, make_bars, make_rate
from banking.models import Account, CashTransaction, Section
from banking.services.transactions import book_cash
from core.testing import make_user
from portfolios.models import CashSetting, Disposal, Investment, Lot, Portfolio, Trade
from portfolios.services.portfolios import attach_account
from portfolios.services.trades import void_trade
from portfolios.services.transfers import transfer_securities
from portfolios.tests.factories import at, buy, make_portfolio, sell


@dataclass(frozen=True)
class Books:
    """A portfolio with cash, one without it, and securities that moved from the first to the second."""

    portfolio: Portfolio
    other: Portfolio
    bought: Trade
    sold: Trade
    arrived: Trade
    deposit: CashTransaction

    @property
    def ids(self) -> dict[str, int]:
        """What the statements of the table below name."""
        cash = CashTransaction.objects.get(origin="trade", origin_id=self.bought.pk)
        return {
            "portfolio": self.portfolio.pk,
            "bought": self.bought.pk,
            "sold": self.sold.pk,
            "arrived": self.arrived.pk,
            "left": self.arrived.source_id or 0,
            "deposit": self.deposit.pk,
            "account": self.deposit.account_id,
            "cash": cash.pk,
            "lot": Lot.objects.get(opened_by=self.bought).pk,
            "disposal": Disposal.objects.get(trade=self.sold).pk,
            "investment": Investment.objects.get(portfolio=self.portfolio, asset=self.bought.asset).pk,
        }


@pytest.fixture
def books(db: None) -> Books:
    alice = make_user("alice")
    make_rate("EURUSD", {date(2024, 1, 2): "1.10"})
    asset, foreign = make_asset("AAPL"), make_asset("SAP", currency="EUR")
    for each in (asset, foreign):
        make_bars(each, [100, 101, 102, 103], start=date(2024, 1, 2))
    portfolio, other = make_portfolio(alice, cash=CashSetting.TRACKED), make_portfolio(alice, "Other")
    account = portfolio.portfolio_accounts.get().account
    euros = Account.objects.create(owner=alice, name="EUR", kind="brokerage", currency="EUR")
    attach_account(portfolio=portfolio, account=euros, actor=None)
    for held, amount in ((account, 5000), (euros, 900)):
        deposit = book_cash(
            account=held, amount=Decimal(amount), booked_on=date(2024, 1, 2), section=Section.TRANSFER, actor=None
        )
    bought = buy(portfolio, asset, 10, 100, "2024-01-02", external_id="b1")
    buy(portfolio, foreign, 2, 100, "2024-01-02", account=euros)
    sold = sell(portfolio, asset, 4, 103, "2024-01-05", fee=Decimal(1))
    void_trade(trade=buy(portfolio, asset, 1, 100, "2024-01-03"), actor=None)
    left = transfer_securities(
        source=portfolio,
        target=other,
        asset=asset,
        quantity=Decimal(3),
        traded_at=at("2024-01-05", "16:00"),
        actor=None,
    )
    recompute([portfolio.pk, other.pk])
    return Books(portfolio, other, bought, sold, Trade.objects.get(source=left), deposit)


def checked() -> str:
    out = io.StringIO()
    try:
        call_command("verify_books", stdout=out)
    except CommandError as error:
        return f"{out.getvalue()}{error}"
    return out.getvalue()


def test_right_books_are_right(books: Books) -> None:
    assert checked() == "The books are right: 2 portfolios, 5 trades.\n"


def test_no_books_are_right(db: None) -> None:
    assert checked() == "The books are right: 0 portfolios, 0 trades.\n"


COPIED = (
    "portfolio_id, asset_id, kind, traded_at, day, quantity, price, currency, fee, tax, accrued, "
    "external_id, note, sequence"
)
TWIN = f"INSERT INTO portfolios_trade ({COPIED}, created_at) SELECT {COPIED}, created_at FROM portfolios_trade WHERE"

# name: (statements, what is then said); {…} are ids of the books above
BROKEN = {
    "a lot that holds more": (
        ["UPDATE portfolios_lot SET quantity = quantity + 1 WHERE id = {lot}"],
        "lots follow from the trades: portfolio {portfolio}, lot {lot}: quantity is 4",
    ),
    "a lot that is gone": (
        ["DELETE FROM portfolios_lot WHERE id = {lot}"],
        "lots follow from the trades: portfolio {portfolio}: the row of opened_by_id {bought}",
    ),
    "a disposal with another cost": (
        ["UPDATE portfolios_disposal SET cost = 1 WHERE id = {disposal}"],
        "disposals follow from the trades: portfolio {portfolio}, disposal {disposal}: cost is 1",
    ),
    "slices that are not the sale": (
        ["UPDATE portfolios_disposal SET quantity = 3 WHERE id = {disposal}"],
        "slices add up: portfolio {portfolio}, trade {sold}: 4",
    ),
    "a departure that is gone": (
        ["DELETE FROM portfolios_departure WHERE trade_id = {left}"],
        "departures follow from the trades: portfolio {portfolio}: the row of trade_id {left}",
    ),
    "a holding that differs from its lots": (
        ["UPDATE portfolios_investment SET quantity = 99 WHERE id = {investment}"],
        "holdings equal their lots: portfolio {portfolio}, investment {investment}: quantity is 99",
    ),
    "a cost that differs from the lots": (
        ["UPDATE portfolios_investment SET cost_base = 99 WHERE id = {investment}"],
        "holdings equal their lots: portfolio {portfolio}, investment {investment}: cost_base is 99",
    ),
    "a trade that nothing was derived from": (
        ["UPDATE portfolios_trade SET fee = 2 WHERE id = {sold}"],
        "disposals follow from the trades: portfolio {portfolio}, disposal {disposal}: proceeds is 411",
    ),
    "a sale of more than is held": (
        ["UPDATE portfolios_trade SET quantity = 40 WHERE id = {sold}"],
        "lots follow from the trades: portfolio {portfolio}: 40 sold on 2024-01-05, but 10 held",
    ),
    "cash that is not the trade's": (
        ["UPDATE banking_cashtransaction SET amount = -999 WHERE id = {cash}"],
        "cash rows equal their trades: portfolio {portfolio}, cash row {cash}, trade {bought}: it has -999",
    ),
    "cash that is missing": (
        ["DELETE FROM banking_cashtransaction WHERE id = {cash}"],
        "cash rows equal their trades: portfolio {portfolio}, trade {bought}: -1000",
    ),
    "cash of a trade that does not stand": (
        ["UPDATE banking_cashtransaction SET origin_id = 987654 WHERE id = {cash}"],
        "cash rows equal their trades: account {account}, cash row {cash}: trade 987654 does not stand",
    ),
    "cash where none is tracked": (
        ["UPDATE portfolios_portfolio SET cash = 'untracked' WHERE id = {portfolio}"],
        "cash rows equal their trades: portfolio {portfolio}, cash row {cash}, trade {bought}: the trade moves no cash",
    ),
    "an amount of half a cent": (
        ["UPDATE banking_cashtransaction SET amount = 1.005 WHERE id = {deposit}"],
        "balances are whole: account {account}, cash row {deposit}: 1.0050 EUR has more than 2 decimals",
    ),
    "a transfer of which one leg is voided": (
        ["UPDATE portfolios_trade SET voided_at = '2024-02-01 00:00:00' WHERE id = {arrived}"],
        "transfers are whole: portfolio {portfolio}, trade {left}: the leg that arrives is voided",
    ),
    "a transfer whose leg that left is voided": (
        ["UPDATE portfolios_trade SET voided_at = '2024-02-01 00:00:00' WHERE id = {left}"],
        "trade {arrived}: the leg that left, trade {left}, does not stand",
    ),
    "a transfer of which more arrives": (
        ["UPDATE portfolios_trade SET quantity = 4 WHERE id = {arrived}"],
        "trade {arrived}: 4.0000000000 came in, its lots hold 3",
    ),
    "a transfer whose lots lost their cost": (
        ["UPDATE portfolios_transferlot SET cost = 1 WHERE trade_id = {arrived}"],
        "trade {arrived}: its lots are not those that left by trade {left}",
    ),
    "a fact that is there twice": (
        ["DROP INDEX trade_imported_once", TWIN + " id = {bought}"],
        "every fact is there once: trade {bought}, ",
    ),
    "a fact beside its replacement": (
        ["UPDATE portfolios_trade SET replaces_id = {bought} WHERE id = {sold}"],
        "every fact is there once: trade {sold}: trade {bought}, which it replaces, stands as well",
    ),
    "a foreign currency without a rate": (
        ["DELETE FROM assets_historicvalue WHERE asset_id IN (SELECT id FROM assets_asset WHERE type = 'fx')"],
        "no foreign currency without a rate: portfolio {portfolio}: There is no exchange rate from EUR to USD",
    ),
    "a snapshot from the future": (
        ["UPDATE analytics_snapshot SET portfolio_version = 999 WHERE portfolio_id = {portfolio}"],
        "snapshots name what they read: portfolio {portfolio}, snapshot",
    ),
    "a snapshot with another value": (
        ["UPDATE analytics_snapshot SET total_value = 1 WHERE portfolio_id = {portfolio}"],
        "snapshots equal the books: portfolio {portfolio}, snapshot",
    ),
    "figures without a date": (
        ["UPDATE analytics_snapshot SET window_end = NULL WHERE portfolio_id = {portfolio}"],
        "figures have a date: portfolio {portfolio}, snapshot",
    ),
}


@pytest.mark.parametrize("name", BROKEN)
def test_what_is_broken_is_named(name: str, books: Books) -> None:
    statements, said = BROKEN[name]
    ids = books.ids
    if name == "an amount of half a cent":
        ids["account"] = books.deposit.account_id
    elif "account" in said:
        ids["account"] = CashTransaction.objects.get(pk=ids["cash"]).account_id
    with connection.cursor() as cursor:
        for statement in statements:
            cursor.execute(statement.format(**ids))
    told = checked()
    assert said.format(**ids) in told
    assert told.endswith("the books are wrong.")
