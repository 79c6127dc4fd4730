"""Creating, changing, deleting and rebuilding portfolios."""

from __future__ import annotations

from datetime import date
from decimal import Decimal
from io import StringIO
from typing import Any

import pytest
from django.core.management import CommandError, call_command

from activity.models import AuditEvent
from assets.models import Asset
from assets.queries import RateMissing
from assets.tests.factories import make_asset, make_bars, make_exchange, make_rate
from banking.models import Account, CashTransaction, Section
from banking.services.transactions import book_cash
from core.errors import DomainError
from portfolios.models import Disposal, Investment, Lot, Portfolio, Trade, TradeKind, TransferLot
from portfolios.services.portfolios import (
    AccountOfAnother,
    AccountTaken,
    NewInvestment,
    attach_account,
    change_portfolio,
    delete_portfolio,
)
from portfolios.services.rebuild import rebuild
from portfolios.services.trades import replace_trade, void_trade
from portfolios.tests.factories import at, buy, derived_rows, exact, make_portfolio, sell
from users.models import User


@pytest.fixture
def apple(db: None) -> Asset:
    apple = make_asset("AAPL", sector="Technology")
    make_bars(apple, {date(2024, 1, 2): "185.64"})
    return apple


NOW = at("2024-06-03", "15:00")


def opening(asset: Asset, quantity: str = "10", **values: Any) -> NewInvestment:
    return NewInvestment(asset, Decimal(quantity), **values)


def test_investments_open_as_transfers_at_their_cost(alice: User, apple: Asset) -> None:
    portfolio = make_portfolio(alice, investments=[opening(apple, unit_cost=Decimal("150.00"))], now=NOW)

    trade, lot = Trade.objects.get(), TransferLot.objects.get()
    assert (trade.kind, trade.day, trade.price) == (TradeKind.TRANSFER_IN, date(2024, 6, 3), Decimal("185.64"))
    assert (lot.opened_on, lot.cost, lot.cost_base) == (date(2024, 6, 3), *exact(1500, 1500))
    assert Investment.objects.get(portfolio=portfolio).cost == 1500


def test_without_a_cost_the_last_known_close_is_taken(alice: User, apple: Asset) -> None:
    make_portfolio(alice, investments=[opening(apple, "3")], now=NOW)

    assert Lot.objects.get().cost == Decimal("556.92")


def test_an_investment_may_have_been_opened_before(alice: User, apple: Asset) -> None:
    make_portfolio(alice, investments=[opening(apple, opened_on=date(2024, 1, 2))], now=NOW)

    assert (Trade.objects.get().day, Lot.objects.get().opened_on) == (date(2024, 1, 2), date(2024, 1, 2))


def test_a_day_is_the_same_at_an_exchange_far_east(alice: User) -> None:
    kiwi = make_asset("KIWI", exchange=make_exchange("XNZE", time_zone="Pacific/Auckland"))
    make_portfolio(alice, investments=[opening(kiwi, unit_cost=Decimal(1), opened_on=date(2024, 1, 3))], now=NOW)

    assert Trade.objects.get().day == date(2024, 1, 3)


def test_a_foreign_position_is_converted_on_its_day(alice: User, apple: Asset) -> None:
    make_rate("USDCHF", {date(2024, 1, 2): "0.85"})
    investments = [opening(apple, unit_cost=Decimal(100))]
    make_portfolio(alice, base_currency="CHF", investments=investments, now=NOW)

    assert (Lot.objects.get().cost, Lot.objects.get().cost_base) == exact(1000, 850)


@pytest.mark.parametrize(
    ("values", "code", "field"),
    [
        pytest.param({"name": "  "}, "name_required", "name", id="blank name"),
        pytest.param({"name": "x" * 101}, "name_too_long", "name", id="long name"),
        pytest.param({"base_currency": "ABC"}, "unknown_currency", "base_currency", id="unknown currency"),
        pytest.param({"cost_method": "guess"}, "unknown_cost_method", "cost_method", id="unknown cost method"),
        pytest.param({"cash": "maybe"}, "unknown_cash_setting", "cash", id="unknown cash setting"),
    ],
)
def test_a_portfolio_that_cannot_be_is_refused(alice: User, values: dict[str, str], code: str, field: str) -> None:
    with pytest.raises(DomainError) as refusal:
        make_portfolio(alice, **values)

    assert (refusal.value.code, refusal.value.field) == (code, field)
    assert not Portfolio.objects.exists()


@pytest.mark.parametrize(
    ("second", "code", "field"),
    [
        pytest.param({}, "duplicate_asset", "investments.1.asset", id="the same asset twice"),
        pytest.param({"symbol": "MSFT", "quantity": "-1"}, "not_positive", "investments.1.quantity", id="negative"),
        pytest.param({"symbol": "MSFT", "quantity": "NaN"}, "not_finite", "investments.1.quantity", id="NaN"),
        pytest.param({"symbol": "MSFT"}, "price_required", "investments.1.unit_cost", id="no close to take"),
        pytest.param(
            {"symbol": "MSFT", "unit_cost": Decimal(-1)}, "negative", "investments.1.unit_cost", id="negative cost"
        ),
        pytest.param(
            {"symbol": "MSFT", "unit_cost": Decimal(1), "opened_on": date(2024, 6, 4)},
            "date_in_future",
            "investments.1.opened_on",
            id="opened tomorrow",
        ),
        pytest.param({"symbol": "MSFT", "type": "index"}, "not_tradable", "investments.1.asset", id="an index"),
    ],
)
def test_one_bad_investment_stores_nothing(
    alice: User, apple: Asset, second: dict[str, Any], code: str, field: str
) -> None:
    symbol, kind = second.pop("symbol", None), second.pop("type", "equity")
    asset = make_asset(symbol, type=kind) if symbol else apple
    with pytest.raises(DomainError) as refusal:
        make_portfolio(alice, investments=[opening(apple), opening(asset, **second)], now=NOW)

    assert (refusal.value.code, refusal.value.field) == (code, field)
    assert not Portfolio.objects.exists()
    assert not Trade.objects.exists()


def test_a_change_is_recorded(alice: User, apple: Asset) -> None:
    portfolio = make_portfolio(alice)
    change_portfolio(portfolio=portfolio, actor=alice, name=" Income ", benchmark=apple)

    portfolio.refresh_from_db()
    assert (portfolio.name, portfolio.benchmark) == ("Income", apple)
    event = AuditEvent.objects.get(action="portfolio.changed")
    assert event.data["name"] == ["Growth", "Income"]


def test_the_base_currency_and_the_method_stay_once_they_were_used(alice: User, apple: Asset) -> None:
    portfolio = make_portfolio(alice)
    change_portfolio(portfolio=portfolio, actor=alice, base_currency="USD", cost_method="lifo")
    buy(portfolio, apple, 2, 100, "2024-01-10")
    change_portfolio(portfolio=portfolio, actor=alice, cost_method="hifo")
    with pytest.raises(DomainError, match="trades were booked"):
        change_portfolio(portfolio=portfolio, actor=alice, base_currency="CHF")
    sell(portfolio, apple, 1, 100, "2024-01-11")

    with pytest.raises(DomainError, match="sales were booked"):
        change_portfolio(portfolio=portfolio, actor=alice, cost_method="fifo")

    portfolio.refresh_from_db()
    assert (portfolio.base_currency, portfolio.cost_method) == ("USD", "hifo")


@pytest.mark.parametrize(("method", "cost"), [("fifo", 50), ("lifo", 70), ("hifo", 90)])
def test_sales_follow_the_portfolios_method(alice: User, apple: Asset, method: str, cost: int) -> None:
    portfolio = make_portfolio(alice, cost_method=method)
    for day, price in (("2024-01-10", 50), ("2024-01-11", 90), ("2024-01-12", 70)):
        buy(portfolio, apple, 1, price, day)
    sell(portfolio, apple, 1, 100, "2024-01-15")

    assert Disposal.objects.get().cost == cost


def test_deleting_takes_all_that_follows_and_leaves_a_line(alice: User, apple: Asset) -> None:
    portfolio = make_portfolio(alice, cash="tracked")
    kept = make_portfolio(alice, "Kept", cash="tracked")
    for each in (portfolio, kept):
        trade = buy(each, apple, 2, 100, "2024-01-10")
        replace_trade(trade=trade, actor=alice, quantity=Decimal(3))
        sell(each, apple, 1, 100, "2024-01-11")

    delete_portfolio(portfolio=portfolio, actor=alice)

    assert list(Portfolio.objects.all()) == [kept]
    for model in (Trade, Lot, Disposal, Investment):
        assert set(model.objects.values_list("portfolio", flat=True)) == {kept.pk}
    assert CashTransaction.objects.count() == 2
    assert Account.objects.count() == 1
    assert AuditEvent.objects.get(action="portfolio.deleted").data["name"] == "Growth"


def test_deleting_keeps_an_account_that_saw_other_money(alice: User, apple: Asset) -> None:
    portfolio = make_portfolio(alice, cash="tracked")
    account = Account.objects.get()
    book_cash(
        account=account,
        amount=Decimal(100),
        booked_on=date(2024, 1, 2),
        section=Section.TRANSFER,
        actor=alice,
    )
    buy(portfolio, apple, 2, 10, "2024-01-10")
    delete_portfolio(portfolio=portfolio, actor=alice)

    assert CashTransaction.objects.balances() == {account.pk: 100}


def test_an_account_serves_one_portfolio_of_its_owner(alice: User, bob: User) -> None:
    portfolio, other = make_portfolio(alice), make_portfolio(bob)
    account = Account.objects.create(owner=alice, name="Euros", currency="EUR")

    attach_account(portfolio=portfolio, account=account, actor=alice)

    with pytest.raises(AccountTaken):
        attach_account(portfolio=make_portfolio(alice, "Second"), account=account, actor=alice)
    with pytest.raises(AccountOfAnother):
        attach_account(portfolio=other, account=account, actor=bob)


def busy_portfolio(owner: User, apple: Asset) -> Portfolio:
    make_rate("USDCHF", {date(2024, 1, 2): "0.8512345678", date(2024, 2, 1): "0.8734567891"})
    portfolio = make_portfolio(
        owner, base_currency="CHF", cash="tracked", investments=[opening(apple, "7.5")], now=at("2024-01-05")
    )
    microsoft = make_asset("MSFT")
    for number in range(6):
        buy(portfolio, microsoft, 3, f"101.{number}7", f"2024-01-1{number}", fee=Decimal("1.01"))
        buy(portfolio, apple, "0.3333", "180.01", f"2024-01-1{number}")
    wrong = sell(portfolio, apple, "5.0001", "190.03", "2024-02-02", tax=Decimal("3.33"))
    replace_trade(trade=wrong, actor=owner, quantity=Decimal("8.1"))
    sell(portfolio, microsoft, 10, "99.99", "2024-02-03")
    void_trade(trade=buy(portfolio, microsoft, 1, 1, "2024-02-04"), actor=owner)
    return portfolio


def test_a_rebuild_changes_nothing(alice: User, apple: Asset) -> None:
    portfolio = busy_portfolio(alice, apple)
    before = derived_rows(portfolio)
    cash = sorted(CashTransaction.objects.values_list("origin_id", "amount", "booked_on"))

    assert rebuild(portfolio) == 15
    assert derived_rows(portfolio) == before
    assert sorted(CashTransaction.objects.values_list("origin_id", "amount", "booked_on")) == cash
    assert len(before["Disposal"]) > 4


def test_the_command_repairs_what_was_tampered_with(alice: User, apple: Asset) -> None:
    portfolio = busy_portfolio(alice, apple)
    before = derived_rows(portfolio)
    Lot.objects.update(quantity=1)
    Disposal.objects.all().delete()
    Investment.objects.filter(asset=apple).update(cost=0)
    out = StringIO()

    call_command("rebuild", str(portfolio.pk), stdout=out)

    assert derived_rows(portfolio) == before
    assert out.getvalue() == f"portfolio {portfolio.pk}: 15 trades\n"


def test_the_command_names_a_portfolio_that_is_not_there(db: None) -> None:
    with pytest.raises(CommandError, match="no portfolio 99"):
        call_command("rebuild", "99")


def test_a_position_without_a_rate_is_refused(alice: User, apple: Asset) -> None:
    with pytest.raises(RateMissing):
        make_portfolio(alice, base_currency="CHF", investments=[opening(apple)], now=NOW)

    assert not Portfolio.objects.exists()


def test_deleting_keeps_what_the_owner_attached_and_what_has_an_iban(alice: User, apple: Asset) -> None:
    portfolio = make_portfolio(alice, cash="tracked")
    made = Account.objects.get()
    Account.objects.filter(pk=made.pk).update(iban="DE02120300000000202051")
    theirs = Account.objects.create(owner=alice, name="Mine", currency="USD")
    attach_account(portfolio=portfolio, account=theirs, actor=alice)
    buy(portfolio, apple, 2, 100, "2024-01-10")

    delete_portfolio(portfolio=portfolio, actor=alice)

    assert set(Account.objects.all()) == {made, theirs}
    assert not CashTransaction.objects.exists()
