"""Cash that follows from trades: booked, voided and rebuilt with them."""

from __future__ import annotations

from datetime import date
from decimal import Decimal
from typing import Any

import pytest

from assets.models import Asset
from assets.tests.factories import make_asset, make_rate
from banking.models import Account, AccountKind, CashTransaction, Section
from banking.services.transactions import DerivedRow, book_cash, void_cash
from core.errors import DomainError
from portfolios.models import Portfolio, PortfolioAccount, Trade
from portfolios.services.portfolios import attach_account, change_portfolio
from portfolios.services.rebuild import rebuild
from portfolios.services.trades import replace_trade, restore_trade, void_trade
from portfolios.tests.factories import buy, make_portfolio, sell
from users.models import User

DAY = "2024-01-10"


@pytest.fixture
def portfolio(alice: User) -> Portfolio:
    return make_portfolio(alice, cash="tracked")


@pytest.fixture
def apple(db: None) -> Asset:
    return make_asset("AAPL")


def rows() -> list[tuple[Any, ...]]:
    found = CashTransaction.objects.order_by("booked_on", "pk")
    return list(found.values_list("account__currency", "booked_on", "amount"))


def account_of(portfolio: Portfolio) -> Account:
    return Account.objects.get(pk=portfolio.portfolio_accounts.get().account_id)


def attach(portfolio: Portfolio, currency: str) -> Account:
    account = Account.objects.create(
        owner=portfolio.owner, name=currency, kind=AccountKind.BROKERAGE, currency=currency
    )
    PortfolioAccount.objects.create(portfolio=portfolio, account=account)
    return account


def test_a_tracked_portfolio_has_a_brokerage_account_in_its_base_currency(portfolio: Portfolio) -> None:
    account = account_of(portfolio)

    assert (account.kind, account.currency, account.owner) == (AccountKind.BROKERAGE, "USD", portfolio.owner)


def test_trades_move_the_cash_on_their_day(portfolio: Portfolio, apple: Asset) -> None:
    buy(portfolio, apple, 3, "10.335", DAY, fee=Decimal("1.25"))
    sell(portfolio, apple, 1, 12, "2024-02-01", fee=Decimal("0.50"))

    assert rows() == [("USD", date(2024, 1, 10), Decimal("-32.26")), ("USD", date(2024, 2, 1), Decimal("11.50"))]
    assert CashTransaction.objects.balances() == {account_of(portfolio).pk: Decimal("-20.76")}


def test_an_untracked_portfolio_moves_none(alice: User, apple: Asset) -> None:
    buy(make_portfolio(alice), apple, 3, 10, DAY)

    assert not CashTransaction.objects.exists()


def test_a_trade_that_costs_nothing_moves_none(portfolio: Portfolio, apple: Asset) -> None:
    buy(portfolio, apple, 3, 0, DAY)

    assert rows() == []


def test_void_restore_and_replace_take_the_cash_along(portfolio: Portfolio, apple: Asset) -> None:
    trade = buy(portfolio, apple, 3, 10, DAY)
    void_trade(trade=trade, actor=None)
    assert rows() == []

    restore_trade(trade=trade, actor=None)
    assert [row[2] for row in rows()] == [-30]

    replace_trade(trade=trade, actor=None, quantity=Decimal(4))
    assert [row[2] for row in rows()] == [-40]


def test_a_derived_row_cannot_be_voided_by_hand(portfolio: Portfolio, apple: Asset) -> None:
    buy(portfolio, apple, 3, 10, DAY)

    with pytest.raises(DerivedRow):
        void_cash(row=CashTransaction.objects.get(), actor=portfolio.owner)

    assert CashTransaction.objects.standing().count() == 1


def test_the_cash_moves_in_the_account_of_the_trades_currency(alice: User) -> None:
    make_rate("USDCHF", {date(2024, 1, 10): "0.90"})
    portfolio, apple = make_portfolio(alice, base_currency="CHF", cash="tracked"), make_asset("AAPL")
    buy(portfolio, apple, 1, 100, DAY)
    attach(portfolio, "USD")
    buy(portfolio, apple, 1, 100, "2024-01-11")

    assert rows() == [("CHF", date(2024, 1, 10), -90), ("USD", date(2024, 1, 11), -100)]


def test_the_brokers_rate_converts_the_cash(alice: User) -> None:
    """Wealthfolio, test_buy_fx_cash_booked_in_account_currency_when_fx_rate_provided: 0.93 wins over the day's 0.92."""
    make_rate("USDEUR", {date(2024, 1, 15): "0.92"})
    portfolio = make_portfolio(alice, base_currency="EUR", cash="tracked")
    book_cash(
        account=account_of(portfolio),
        amount=Decimal(10000),
        booked_on=date(2024, 1, 10),
        section=Section.TRANSFER,
        actor=alice,
    )
    buy(
        portfolio,
        make_asset("AAPL"),
        4,
        145,
        "2024-01-15",
        fee=Decimal("7.03"),
        exchange_rate=Decimal("0.93"),
    )

    assert CashTransaction.objects.balances() == {account_of(portfolio).pk: Decimal("9454.06")}  # − 587.03 × 0.93


@pytest.mark.parametrize("attached", [True, False], ids=["no rate", "not of this portfolio"])
def test_an_account_that_cannot_take_the_cash_is_refused(
    portfolio: Portfolio, apple: Asset, alice: User, *, attached: bool
) -> None:
    if attached:
        account, code = attach(portfolio, "JPY"), "rate_missing"
    else:
        account = Account.objects.create(owner=alice, name="Other", currency="USD")
        code = "account_not_of_portfolio"

    with pytest.raises(DomainError) as refusal:
        buy(portfolio, apple, 1, 100, DAY, account=account)

    assert (refusal.value.code, refusal.value.field) == (code, "account")
    assert not Trade.objects.exists()


def test_switching_cash_books_and_drops_the_rows(portfolio: Portfolio, apple: Asset) -> None:
    buy(portfolio, apple, 3, 10, DAY)

    change_portfolio(portfolio=portfolio, actor=None, cash="untracked")
    assert rows() == []

    change_portfolio(portfolio=portfolio, actor=None, cash="tracked")
    assert [row[2] for row in rows()] == [-30]


def test_a_rebuild_gives_the_same_cash(portfolio: Portfolio, apple: Asset) -> None:
    for number in range(5):
        buy(portfolio, apple, 1, 10 + number, DAY)
    sell(portfolio, apple, 2, 15, "2024-02-01")
    columns = ("account", "booked_on", "amount", "section", "description", "origin_id")
    before = sorted(CashTransaction.objects.values_list(*columns))

    assert rebuild(portfolio) == 6
    assert sorted(CashTransaction.objects.values_list(*columns)) == before


def test_a_booking_moves_the_accounts_version(portfolio: Portfolio, apple: Asset) -> None:
    buy(portfolio, apple, 3, 10, DAY)

    assert account_of(portfolio).version == 1


def test_an_account_that_is_attached_takes_the_cash_as_a_rebuild_would(alice: User) -> None:
    make_rate("EURUSD", {date(2024, 1, 2): "1.10"})
    portfolio = make_portfolio(alice)
    buy(portfolio, make_asset("SAP", currency="EUR"), 10, 100, DAY)
    change_portfolio(portfolio=portfolio, actor=alice, cash="tracked")
    assert rows() == [("USD", date(2024, 1, 10), Decimal(-1100))]

    euros = Account.objects.create(owner=alice, name="Euros", kind=AccountKind.BROKERAGE, currency="EUR")
    attach_account(portfolio=portfolio, account=euros, actor=alice)

    assert rows() == [("EUR", date(2024, 1, 10), Decimal(-1000))]
    rebuild(portfolio)
    assert rows() == [("EUR", date(2024, 1, 10), Decimal(-1000))]
