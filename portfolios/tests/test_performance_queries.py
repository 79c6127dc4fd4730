"""The change of a portfolio's value against the same in plain Python, and line by line."""

from __future__ import annotations

from datetime import date
from decimal import Decimal
from typing import Any

import pytest

from assets.models import Asset, CorporateAction
from assets.tests.factories import make_rate
from banking.models import Account, CashTransaction, Section
from banking.services.transfers import void_transfer
from core.testing import count_queries
from portfolios.book.money_weighted import xirr
from portfolios.models import CashSetting, Portfolio, PortfolioAccount, TradeKind
from portfolios.queries.borders import ValueUnknown
from portfolios.queries.movements import Flow
from portfolios.queries.performance import PeriodEmpty, first_day, performance
from portfolios.services.portfolios import JoinsInFuture, attach_account, change_portfolio
from portfolios.services.rebuild import rebuild
from portfolios.services.settlement import AccountJoinedLater, NoCashAccount
from portfolios.services.trades import book_trades
from portfolios.services.transfers import transfer_securities
from portfolios.tests.factories import at, buy, make_portfolio, new_trade, sell
from portfolios.tests.stories import deposit, moved, on, own_account, priced, sent
from users.models import User


def lines(portfolio: Portfolio, start: int, end: int) -> dict[str, Decimal]:
    """The lines of a period that are not 0, in cents."""
    found = performance(portfolio, on(start), on(end))
    assert found.reconciliation.unexplained == 0
    return {key: amount for key, amount in found.reconciliation.rounded("USD").lines.items() if amount}


# --- line by line -------------------------------------------------------------------------------------------------


def test_untracked_cash_of_trades_crosses_the_border(alice: User) -> None:
    portfolio, asset = make_portfolio(alice), priced("AAPL", {0: 100, 3: 110, 5: 120})
    buy(portfolio, asset, 10, 100, on(0), fee=Decimal(5))
    sell(portfolio, asset, 4, 112, on(3), fee=Decimal(2), tax=Decimal(1))
    found = performance(portfolio, on(-1), on(5))
    assert [found.start.value, found.end.value] == [0, 720]
    assert found.flows == ((on(0), Decimal(1005)), (on(3), Decimal(-445)))
    # 445 − 402 realised; 720 − 603 unrealised
    assert lines(portfolio, -1, 5) == {"net_flows": 560, "realised_gains": 43, "unrealised_gains": 117}
    assert lines(portfolio, 0, 3) == {"net_flows": -445, "realised_gains": 43, "unrealised_gains": 57 + 5}


def test_a_period_begins_at_the_close_of_its_first_day(alice: User) -> None:
    """A period breakdown of Portfolio Performance (testCapitalGainsWithBuyDuringReportPeriod)."""
    portfolio = make_portfolio(alice)
    asset = priced("AAPL", {0: 100, 200: 110})
    buy(portfolio, asset, 10, "0.1", on(0))
    moved(portfolio, asset, 1, 20, 99)
    found = performance(portfolio, on(10), on(300))
    assert [found.start.value, found.end.value] == [1000, 1210]
    # They count what was delivered at its cost, so their gains of 111 are ours less the 1 that came in unrealised.
    assert lines(portfolio, 10, 300) == {"net_flows": 100, "unrealised_gains": 111, "unrealised_in": -1}


def test_securities_come_in_at_market_value(alice: User) -> None:
    portfolio, asset = make_portfolio(alice), priced("AAPL", {0: 100, 2: 150, 5: 160})
    moved(portfolio, asset, 10, 3, 900, opened=0)
    assert lines(portfolio, 0, 5) == {"net_flows": 1500, "unrealised_gains": 700, "unrealised_in": -600}


def test_securities_without_a_close_come_in_at_their_own_price(alice: User) -> None:
    portfolio, asset = make_portfolio(alice), priced("AAPL", {9: 160})
    moved(portfolio, asset, 10, 3, 900)
    assert lines(portfolio, 0, 5) == {"net_flows": 900}
    assert lines(portfolio, 0, 9) == {"net_flows": 900, "unrealised_gains": 700}


def test_tracked_cash_income_and_costs_are_inside(alice: User) -> None:
    portfolio, asset = make_portfolio(alice, cash=CashSetting.TRACKED), priced("AAPL", {0: 100, 5: 120})
    account = own_account(portfolio)
    deposit(account, 2000, 0)
    buy(portfolio, asset, 10, 100, on(1))
    deposit(account, 30, 2, Section.INCOME, asset=asset)
    deposit(account, "-4.5", 3, Section.EXPENSE)
    deposit(account, -500, 4)
    found = performance(portfolio, on(-1), on(5))
    assert found.end.value == 1200 + 525.5
    assert found.flows == ((on(0), Decimal(2000)), (on(4), Decimal(-500)))
    expected = {"net_flows": 1500, "unrealised_gains": 200, "income": 30, "costs": Decimal("-4.5")}
    assert lines(portfolio, -1, 5) == expected
    [row] = found.holdings
    assert [row.paid, row.income, row.gain] == [1000, 30, 230]


def test_foreign_cash_earns_its_rate(alice: User) -> None:
    make_rate("EURUSD", {on(0): "1.10", on(2): "1.15", on(4): "1.20"})
    portfolio = make_portfolio(alice, cash=CashSetting.TRACKED)
    euros = own_account(portfolio, "EUR")
    deposit(euros, 1000, 0)
    deposit(euros, 500, 2)
    # 1000 · (1.15 − 1.10) + 1500 · (1.20 − 1.15)
    assert lines(portfolio, -1, 5) == {"net_flows": 1675, "currency_effect": 125}
    assert lines(portfolio, 0, 1) == {}


def test_a_conversion_at_another_rate_than_the_days(alice: User) -> None:
    """10 shares of 100 € are booked at 1.20 where the day's rate is 1.10: the books keep the broker's."""
    make_rate("EURUSD", {on(0): "1.10"})
    asset = priced("SAP", {0: 100}, currency="EUR")
    portfolio = make_portfolio(alice, cash=CashSetting.TRACKED)
    euros = own_account(portfolio, "EUR")
    deposit(euros, 1000, 0)
    buy(portfolio, asset, 10, 100, on(1), exchange_rate=Decimal("1.20"), account=euros)
    found = performance(portfolio, on(-1), on(5))
    assert found.end.value == 1100
    assert lines(portfolio, -1, 5) == {"net_flows": 1100, "unrealised_gains": -100, "currency_effect": 100}


def test_a_benchmark_of_another_program_in_two_currencies(alice: User) -> None:
    """The securities alone of a client in euros: what is foreign is in the gains, converted on its own days."""
    make_rate("EURUSD", {on(0): "1.25", on(4): "1.00"})
    portfolio = make_portfolio(alice, base_currency="EUR")
    asset = priced("AAPL", {0: 100, 4: 90})
    buy(portfolio, asset, 10, 100, on(0))
    sell(portfolio, asset, 5, 90, on(4))
    found = performance(portfolio, on(-1), on(4))
    assert found.reconciliation.lines["net_flows"] == 800 - 450
    assert found.reconciliation.lines["realised_gains"] == 50
    assert found.reconciliation.lines["unrealised_gains"] == 50


def test_a_transfer_between_own_accounts_crosses_no_border(alice: User) -> None:
    portfolio = make_portfolio(alice, cash=CashSetting.TRACKED)
    account, spare = own_account(portfolio), own_account(portfolio, name="Spare")
    deposit(account, 1000, 0)
    transfer = sent(account, spare, 400, 1)
    assert performance(portfolio, on(-1), on(5)).flows == ((on(0), Decimal(1000)),)
    assert lines(portfolio, 0, 5) == {}
    void_transfer(transfer=transfer, actor=None)
    assert performance(portfolio, on(-1), on(5)).end.value == 1000
    assert lines(portfolio, 0, 5) == {}


def test_a_transfer_to_an_account_of_somebody_elses_or_none_crosses_it(alice: User) -> None:
    portfolio, other = (make_portfolio(alice, name, cash=CashSetting.TRACKED) for name in ("One", "Two"))
    outside = Account.objects.create(owner=alice, name="Checking", currency="USD")
    sent(outside, own_account(portfolio), 1000, 0)
    sent(own_account(portfolio), own_account(other), 400, 1)
    assert performance(portfolio, on(-1), on(5)).flows == ((on(0), Decimal(1000)), (on(1), Decimal(-400)))
    assert lines(other, -1, 5) == {"net_flows": 400}


def test_a_conversion_between_own_accounts_at_another_rate_than_the_days(alice: User) -> None:
    """500 € leave at 1.10 for 530 $: 20 $ less than the day's rate, which is no flow and no cost of its own."""
    make_rate("EURUSD", {on(0): "1.10", on(3): "1.20"})
    portfolio = make_portfolio(alice, cash=CashSetting.TRACKED)
    dollars, euros = own_account(portfolio), own_account(portfolio, "EUR")
    deposit(euros, 1000, 0)
    sent(euros, dollars, 500, 1, received=530)
    assert performance(portfolio, on(-1), on(2)).flows == ((on(0), Decimal(1100)),)
    assert lines(portfolio, 0, 2) == {"currency_effect": -20}
    # 500 € more gain 50 with the euro.
    assert lines(portfolio, 0, 5) == {"currency_effect": 30}


def test_an_account_that_joins_brings_what_it_holds(alice: User) -> None:
    """What it earned and paid before it joins is not the portfolio's; 790 € are there then, at 1.10."""
    make_rate("EURUSD", {on(0): "1.00", on(3): "1.10", on(5): "1.20"})
    portfolio = make_portfolio(alice, cash=CashSetting.TRACKED)
    dollars, euros = own_account(portfolio), own_account(portfolio, "EUR", joined=3)
    deposit(dollars, 100, 1)
    deposit(euros, 900, 0)
    deposit(euros, 50, 1, Section.INCOME)
    deposit(euros, -150, 2, Section.EXPENSE)
    sent(euros, dollars, 10, 2, received=10)
    deposit(euros, 20, 3)
    deposit(euros, 5, 3, Section.INCOME)
    found = performance(portfolio, on(-1), on(4))
    assert found.flows == exact_flows((1, "100"), (2, "10"), (3, "869"), (3, "22"))
    assert lines(portfolio, -1, 4) == {"net_flows": 1001, "income": Decimal("5.5")}
    assert performance(portfolio, on(1), on(2)).end.value == 110
    assert lines(portfolio, 3, 5) == {"currency_effect": Decimal("81.5")}


def exact_flows(*flows: tuple[int, str]) -> tuple[Flow, ...]:
    return tuple(Flow(on(day), Decimal(amount)) for day, amount in flows)


def test_an_overdraft_that_joins_goes_out(alice: User) -> None:
    portfolio = make_portfolio(alice, cash=CashSetting.TRACKED)
    deposit(own_account(portfolio, name="Overdrawn", joined=3), -70, 0)
    found = performance(portfolio, on(0), on(4))
    assert (found.flows, found.end.value) == (exact_flows((3, "-70")), -70)
    assert first_day(portfolio) == on(3)


def test_a_trade_settles_where_the_portfolio_has_an_account_that_day(alice: User) -> None:
    make_rate("EURUSD", {on(0): "1.10"})
    asset = priced("SAP", {0: 100}, currency="EUR")
    portfolio = make_portfolio(alice, cash=CashSetting.TRACKED)
    euros = own_account(portfolio, "EUR", joined=3)
    for day in (2, 3):
        buy(portfolio, asset, 1, 100, on(day))
    rows = CashTransaction.objects.order_by("booked_on").values_list("account__currency", "amount")
    assert list(rows) == [("USD", -110), ("EUR", -100)]
    with pytest.raises(AccountJoinedLater) as refused:
        buy(portfolio, asset, 1, 100, on(2), account=euros)
    assert refused.value.field == "account"
    assert rebuild(portfolio) == 2
    assert list(rows.all()) == [("USD", -110), ("EUR", -100)]


def test_an_account_that_joins_later_takes_the_cash_of_later_trades_alone(alice: User) -> None:
    make_rate("EURUSD", {on(0): "1.10"})
    asset = priced("SAP", {0: 100}, currency="EUR")
    portfolio = make_portfolio(alice)
    for day in (2, 4):
        buy(portfolio, asset, 1, 100, on(day))
    portfolio = change_portfolio(portfolio=portfolio, actor=None, cash="tracked")
    own_account(portfolio, "EUR", joined=3)
    rows = CashTransaction.objects.order_by("booked_on").values_list("account__currency", "amount")
    assert list(rows) == [("USD", -110), ("EUR", -100)]


@pytest.mark.parametrize(("joined", "accounts"), [(None, 1), (2, 1), (3, 2)])
def test_cash_that_is_tracked_has_an_account_since_the_first_trade(
    joined: int | None, accounts: int, alice: User
) -> None:
    portfolio, asset = make_portfolio(alice), priced("AAPL", {0: 100})
    buy(portfolio, asset, 1, 100, on(2))
    own_account(portfolio, name="Savings", joined=joined)
    portfolio = change_portfolio(portfolio=portfolio, actor=None, cash="tracked")
    assert portfolio.portfolio_accounts.count() == accounts
    assert performance(portfolio, on(-1), on(4)).end.value == 0
    if joined == 2:
        with pytest.raises(NoCashAccount, match="on 2024-01-02 it has no account in USD"):
            buy(portfolio, asset, 1, 100, on(1))


def test_no_account_joins_in_the_future(alice: User) -> None:
    account = Account.objects.create(owner=alice, name="Later", currency="USD")
    with pytest.raises(JoinsInFuture) as refused:
        attach_account(portfolio=make_portfolio(alice), account=account, actor=None, joined_on=date(2999, 1, 1))
    assert refused.value.field == "joined_on"
    assert not PortfolioAccount.objects.exists()


# --- asset by asset -----------------------------------------------------------------------------------------------


def test_the_gains_of_the_assets_are_the_portfolios(alice: User) -> None:
    portfolio = make_portfolio(alice)
    first, second = priced("AAPL", {0: 100, 5: 120}), priced("MSFT", {0: 50, 5: 40})
    never = priced("SOLD", {0: 10})
    buy(portfolio, first, 10, 100, on(0))
    buy(portfolio, second, 10, 51, on(1))
    buy(portfolio, never, 10, 10, on(0))
    sell(portfolio, never, 10, 9, on(1))
    found = performance(portfolio, on(2), on(5))
    assert [row.symbol for row in found.holdings] == ["AAPL", "MSFT"]
    assert [row.gain for row in found.holdings] == [200, -100]
    whole = performance(portfolio, on(-1), on(5))
    assert {row.symbol: row.gain for row in whole.holdings} == {"AAPL": 200, "MSFT": -110, "SOLD": -10}
    assert sum(row.gain for row in whole.holdings) == whole.reconciliation.change - 1520  # paid in less taken out


# --- corporate actions and transfers ------------------------------------------------------------------------------


def acted(portfolio: Portfolio, asset: Asset, kind: str, ex: int, pay: int, **terms: Any) -> None:
    """A corporate action of ``asset`` by days after Monday, and the books after it."""
    numbers = {
        name: Decimal(value) if isinstance(value, str) and name != "currency" else value
        for name, value in terms.items()
    }
    CorporateAction.objects.create(asset=asset, kind=kind, ex_date=on(ex), pay_date=on(pay), **numbers)
    rebuild(portfolio)


@pytest.mark.parametrize("tracked", [False, True], ids=["untracked", "tracked"])
def test_a_dividend_is_earned_on_its_ex_date(tracked: bool, alice: User) -> None:
    """10 shares get 2 € each, a quarter withheld; the euro is at 1.10, 1.20 on the pay-date."""
    make_rate("EURUSD", {on(0): "1.10", on(4): "1.20"})
    portfolio = make_portfolio(alice, cash=CashSetting.TRACKED if tracked else CashSetting.UNTRACKED)
    asset = priced("AAPL", {0: 100, 2: 98})
    buy(portfolio, asset, 10, 100, on(0))
    acted(portfolio, asset, "cash_dividend", 2, 4, cash="2", currency="EUR", withholding_rate="0.25")
    earned = {"income": 22, "costs": Decimal("-5.5")}
    assert lines(portfolio, 0, 2) == {"unrealised_gains": -20} | earned
    assert performance(portfolio, on(0), on(2)).end.totals.receivables == Decimal("16.5")
    # In between the receivable of 15 € gains 1.50 with the euro; paid, it leaves what keeps no cash.
    paid = {} if tracked else {"net_flows": Decimal(-18)}
    assert lines(portfolio, 2, 5) == {"currency_effect": Decimal("1.5")} | paid
    flows = {"currency_effect": Decimal("1.5"), "unrealised_gains": -20} | earned | paid
    assert lines(portfolio, 0, 5) == flows
    [row] = performance(portfolio, on(0), on(5)).holdings
    assert [row.income, row.gain] == [22, 2]


@pytest.mark.parametrize("tracked", [False, True], ids=["untracked", "tracked"])
def test_returned_capital_is_no_income(tracked: bool, alice: User) -> None:
    portfolio = make_portfolio(alice, cash=CashSetting.TRACKED if tracked else CashSetting.UNTRACKED)
    asset = priced("AAPL", {0: 100, 2: 70})
    buy(portfolio, asset, 10, 20, on(0))
    acted(portfolio, asset, "return_of_capital", 2, 3, cash="30")
    # The cost of 200 is used up, 100 are gain; 700 − 0 against 1000 − 200 unrealised
    whole = {"realised_gains": 100, "unrealised_gains": -100}
    assert lines(portfolio, 0, 2) == whole
    assert lines(portfolio, 0, 4) == whole | ({} if tracked else {"net_flows": -300})
    [row] = performance(portfolio, on(0), on(4)).holdings
    assert [row.paid, row.gain] == [-300, 0]


def test_securities_leave_at_market_value(alice: User) -> None:
    source, target = make_portfolio(alice, "From"), make_portfolio(alice, "To")
    asset = priced("AAPL", {0: 100, 2: 150, 5: 160})
    buy(source, asset, 10, 90, on(0))
    transfer_securities(source=source, target=target, asset=asset, quantity=Decimal(4), traded_at=at(on(3)), actor=None)
    # 4 leave for 600 with 240 unrealised; 6 went from 60 to 420
    assert lines(source, 0, 5) == {"net_flows": -600, "unrealised_gains": 320, "unrealised_out": 240}
    assert lines(target, 0, 5) == {"net_flows": 600, "unrealised_gains": 280, "unrealised_in": -240}


def test_a_short_position(alice: User) -> None:
    portfolio, asset = make_portfolio(alice), priced("AAPL", {0: 100, 2: 90, 4: 80})
    Portfolio.objects.filter(pk=portfolio.pk).update(allow_short=True)
    portfolio.refresh_from_db()
    sell(portfolio, asset, 10, 100, on(0))
    assert lines(portfolio, 0, 2) == {"unrealised_gains": 100}
    buy(portfolio, asset, 4, 90, on(2))
    assert lines(portfolio, -1, 4) == {"net_flows": -640, "realised_gains": 40, "unrealised_gains": 120}


def test_a_spin_off_moves_basis(alice: User) -> None:
    portfolio = make_portfolio(alice)
    parent, child = priced("AAPL", {0: 100, 2: 80}), priced("BABY", {2: 45})
    buy(portfolio, parent, 10, 100, on(0))
    acted(portfolio, parent, "spin_off", 2, 2, target=child, ratio="1", per="2", basis_share="0.2")
    assert lines(portfolio, 0, 3) == {"unrealised_gains": 25}
    rows = [(row.symbol, row.paid, row.gain) for row in performance(portfolio, on(0), on(3)).holdings]
    assert rows == [("AAPL", Decimal(-200), Decimal(0)), ("BABY", Decimal(200), Decimal(25))]


# --- what is refused ----------------------------------------------------------------------------------------------


@pytest.mark.parametrize("end", [0, -1])
def test_an_empty_period(end: int, alice: User) -> None:
    with pytest.raises(PeriodEmpty):
        performance(make_portfolio(alice), on(0), on(end))


def test_no_value_without_a_rate(alice: User) -> None:
    asset = priced("SAP", {0: 100}, currency="EUR")
    portfolio = make_portfolio(alice)
    moved_in = new_trade(TradeKind.BUY, asset, 1, 100, on(0), exchange_rate=Decimal("1.1"))
    book_trades(portfolio=portfolio, trades=[moved_in], actor=alice)
    with pytest.raises(ValueUnknown, match="SAP"):
        performance(portfolio, on(-1), on(1))


def test_the_first_day(alice: User) -> None:
    portfolio, asset = make_portfolio(alice, cash=CashSetting.TRACKED), priced("AAPL", {0: 100})
    assert first_day(portfolio) is None
    buy(portfolio, asset, 1, 100, on(4))
    assert first_day(portfolio) == on(4)
    deposit(own_account(portfolio), 100, 2)
    assert first_day(portfolio) == on(2)


def test_queries_do_not_grow(alice: User) -> None:
    portfolio = make_portfolio(alice, cash=CashSetting.TRACKED)
    make_rate("EURUSD", {on(0): "1.10"})
    own_account(portfolio, "EUR")

    def grow(first: int, last: int) -> None:
        for number in range(first, last):
            asset = priced(f"S{number}", {0: 100}, currency="EUR" if number % 2 else "USD")
            buy(portfolio, asset, 2, 100, on(0))
            sell(portfolio, asset, 1, 100, on(2))
            moved(portfolio, asset, 1, 3, 90)

    grow(0, 2)
    few, _ = count_queries(lambda: performance(portfolio, on(-1), on(5)))
    grow(2, 10)
    many, queries = count_queries(lambda: performance(portfolio, on(-1), on(5)))
    assert many == few, queries


# --- a rate of return ---------------------------------------------------------------------------------------------


def test_the_money_weighted_return_of_a_purchase(alice: User) -> None:
    portfolio, asset = make_portfolio(alice), priced("AAPL", {0: 100, 365: 110})
    buy(portfolio, asset, 10, 100, on(0))
    assert xirr(performance(portfolio, on(-1), on(365)).payments).rate == pytest.approx(0.1)
