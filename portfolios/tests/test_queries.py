"""Holdings, totals and sectors: the figures, and how many queries they take."""

from __future__ import annotations

from datetime import date, timedelta
from decimal import Decimal
from typing import Any

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from assets.models import Asset
from assets.tests.factories import make_asset, make_bars, make_rate
from banking.models import Account, CashTransaction, Section
from banking.services.transactions import book_cash
from portfolios.models import Portfolio
from portfolios.queries import holdings, sectors, totals, totals_of_all, valuation_days
from portfolios.queries.performance import performance
from portfolios.services.actions import apply_action
from portfolios.services.transfers import transfer_securities
from portfolios.tests.factories import at, buy, exact, make_portfolio, sell
from users.models import User


@pytest.fixture
def apple(db: None) -> Asset:
    apple = make_asset("AAPL", sector="Technology")
    make_bars(apple, {date(2024, 1, 10): "100", date(2024, 2, 1): "120", date(2024, 3, 1): "130"})
    return apple


def test_a_holding_is_valued_at_the_last_close(alice: User, apple: Asset) -> None:
    portfolio = make_portfolio(alice)
    buy(portfolio, apple, 3, 100, "2024-01-10", fee=Decimal("1.00"))
    sell(portfolio, apple, 1, 125, "2024-02-01")

    [held] = holdings([portfolio])[portfolio.pk]

    assert (held.quantity, held.cost) == exact(2, "200.6667")
    assert held.average_cost == Decimal("100.33335")
    assert (held.price, held.price_day, held.price_source) == (Decimal(130), date(2024, 3, 1), "test")
    assert (held.value, held.unrealised_gain) == exact(260, "59.3333")
    assert (held.realised_gain, held.weight) == exact("24.6667", 1)


def test_as_of_folds_the_trades_of_that_day(alice: User, apple: Asset) -> None:
    portfolio = make_portfolio(alice)
    buy(portfolio, apple, 3, 100, "2024-01-10")
    sell(portfolio, apple, 3, 125, "2024-02-10")

    [held] = holdings([portfolio], date(2024, 2, 9))[portfolio.pk]

    assert (held.quantity, held.price, held.price_day) == (Decimal(3), Decimal(120), date(2024, 2, 1))
    assert holdings([portfolio])[portfolio.pk] == []
    [closed] = holdings([portfolio], include_closed=True)[portfolio.pk]
    assert (closed.quantity, closed.realised_gain, closed.value) == exact(0, 75, 0)
    assert holdings([portfolio], date(2024, 1, 9))[portfolio.pk] == []


def test_a_foreign_holding_is_valued_at_the_last_rate(alice: User, apple: Asset) -> None:
    make_rate("USDCHF", {date(2024, 1, 10): "0.90", date(2024, 2, 1): "0.80"})
    portfolio = make_portfolio(alice, base_currency="CHF")
    buy(portfolio, apple, 2, 100, "2024-01-10")

    [held] = holdings([portfolio])[portfolio.pk]
    [then] = holdings([portfolio], date(2024, 1, 31))[portfolio.pk]

    assert (held.cost_base, held.rate, held.value, held.unrealised_gain) == exact(180, "0.8", 208, 28)
    assert (then.rate, then.value) == exact("0.9", 180)


def test_without_any_close_the_own_last_trade_is_the_price_and_says_so(alice: User) -> None:
    portfolio, private = make_portfolio(alice), make_asset("PRIV", exchange=None)
    buy(portfolio, private, 2, 50, "2024-01-10")
    buy(portfolio, private, 1, 60, "2024-01-11")

    [held] = holdings([portfolio])[portfolio.pk]

    assert (held.price, held.price_source, held.price_day) == (Decimal(60), "trade", date(2024, 1, 11))
    assert held.value == 180


def test_an_own_price_in_another_currency_is_converted_at_the_days_rate(alice: User) -> None:
    make_rate("EURUSD", {date(2024, 1, 2): "1.25", date(2024, 2, 1): "1.10"})
    portfolio = make_portfolio(alice)
    buy(portfolio, make_asset("PRIVATE"), 10, 100, "2024-01-10", currency="EUR")

    [then] = holdings([portfolio], date(2024, 1, 10))[portfolio.pk]
    [now] = holdings([portfolio])[portfolio.pk]
    assert (then.price, then.value, then.price_source) == (Decimal(125), Decimal(1250), "trade")
    assert (now.price, now.value, now.cost_base) == (Decimal(110), Decimal(1100), Decimal(1250))


def test_what_never_had_a_close_moves_to_another_portfolio_at_the_own_last_price(alice: User) -> None:
    first, second, private = make_portfolio(alice), make_portfolio(alice, "Other"), make_asset("PRIVATE")
    buy(first, private, 10, 100, "2024-01-10")
    buy(first, private, 10, 120, "2024-01-11")
    left = transfer_securities(
        source=first, target=second, asset=private, quantity=Decimal(5), traded_at=at("2024-02-01"), actor=None
    )

    assert left.price == 120
    assert [held.value for rows in holdings([first, second]).values() for held in rows] == [1800, 600]
    for portfolio, flow in ((first, -600), (second, 600)):
        found = performance(portfolio, date(2024, 1, 31), date(2024, 2, 1))
        assert [moved.amount for moved in found.flows] == [flow]
        assert found.reconciliation.change == flow


def test_a_simulated_price_says_so(alice: User) -> None:
    portfolio, made_up = make_portfolio(alice), make_asset("SIM")
    make_bars(made_up, {date(2024, 1, 10): "7"}, source="simulated")
    buy(portfolio, made_up, 1, 7, "2024-01-10")

    assert holdings([portfolio])[portfolio.pk][0].price_source == "simulated"


def test_weights_add_up_to_exactly_one(alice: User) -> None:
    portfolio = make_portfolio(alice)
    for number in range(7):
        buy(portfolio, make_asset(f"A{number}", sector=f"S{number % 3}"), 1, 10, "2024-01-10")

    held = holdings([portfolio])[portfolio.pk]
    found = sectors(held)

    assert sum(holding.weight or 0 for holding in held) == 1
    assert sum(sector.weight or 0 for sector in found) == 1
    assert [sector.sector for sector in found] == ["S0", "S1", "S2"]
    assert sum(sector.value for sector in found) == 70


@pytest.mark.parametrize("cash", ["tracked", "untracked"])
def test_totals_of_now_hold_a_dividend_once(cash: str, alice: User, apple: Asset) -> None:
    """It is due since yesterday and is paid in ten days; what else is of days to come is not there yet."""
    today = timezone.now().date()
    portfolio = make_portfolio(alice, cash=cash)
    buy(portfolio, apple, 10, 100, "2024-01-10")
    terms: dict[str, Any] = {"cash": Decimal(2), "pay_date": today + timedelta(10)}
    apply_action(asset=apple, kind="cash_dividend", ex_date=today - timedelta(1), actor=None, **terms)
    if cash == "tracked":
        account = portfolio.portfolio_accounts.get().account
        for amount, ahead in ((1500, 0), (700, 1)):
            day, section = today + timedelta(ahead), Section.TRANSFER
            book_cash(account=account, amount=Decimal(amount), booked_on=day, section=section, actor=None)

    def figures(as_of: date | None) -> list[Decimal]:
        found = totals(portfolio, holdings([portfolio], as_of)[portfolio.pk], as_of)
        assert found.total_value == found.market_value + found.cash + found.receivables
        return [found.cash, found.receivables]

    held = 500 if cash == "tracked" else 0
    assert figures(None) == figures(today) == [held, 20]
    later = [1220, 0] if cash == "tracked" else [0, 0]
    assert figures(today + timedelta(10)) == later


def test_a_trade_of_the_exchanges_tomorrow_has_its_cash_at_once(alice: User) -> None:
    tomorrow = timezone.now().date() + timedelta(1)
    account = make_portfolio(alice, cash="tracked").portfolio_accounts.get().account
    for origin, fact, amount in (("trade", 1, -100), ("action", 1, 20), ("entry", None, 3)):
        CashTransaction.objects.create(
            account=account, booked_on=tomorrow, amount=amount, section="income", origin=origin, origin_id=fact
        )
    assert CashTransaction.objects.balances() == {account.pk: -100}
    assert CashTransaction.objects.balances(tomorrow) == {account.pk: -77}
    assert CashTransaction.objects.balances(tomorrow - timedelta(1)) == {}


def test_totals_hold_the_cash_of_the_accounts(alice: User, apple: Asset) -> None:
    portfolio = make_portfolio(alice, cash="tracked")
    book_cash(
        account=Account.objects.get(),
        amount=Decimal(1000),
        booked_on=date(2024, 1, 2),
        section=Section.TRANSFER,
        actor=alice,
    )
    buy(portfolio, apple, 3, 100, "2024-01-10")
    sell(portfolio, apple, 1, 125, "2024-02-01")

    figures = totals(portfolio, holdings([portfolio], include_closed=True)[portfolio.pk])
    before = totals(portfolio, [], date(2024, 1, 9))

    assert (figures.market_value, figures.invested, figures.unrealised_gain) == exact(260, 200, 60)
    assert (figures.realised_gain, figures.cash, figures.total_value) == exact(25, 825, 1085)
    assert figures.complete
    assert before.total_value == 1000


def test_a_missing_rate_makes_the_totals_incomplete(alice: User, apple: Asset) -> None:
    rate = make_rate("USDCHF", {date(2024, 1, 10): "0.90"})
    portfolio = make_portfolio(alice, base_currency="CHF")
    buy(portfolio, apple, 2, 100, "2024-01-10")
    rate.history.all().delete()

    [held] = holdings([portfolio])[portfolio.pk]

    assert (held.rate, held.value, held.weight) == (None, None, None)
    assert not totals(portfolio, [held]).complete


def test_the_valuation_day_is_the_last_bars_or_the_last_trades(alice: User, apple: Asset) -> None:
    empty, quiet, busy = (make_portfolio(alice, name) for name in ("Empty", "Quiet", "Busy"))
    buy(quiet, apple, 1, 100, "2024-01-10")
    buy(busy, apple, 1, 100, "2024-03-05")

    assert valuation_days([empty.pk, quiet.pk, busy.pk]) == {
        empty.pk: None,
        quiet.pk: date(2024, 3, 1),
        busy.pk: date(2024, 3, 5),
    }


@pytest.mark.parametrize("as_of", [None, date(2024, 2, 1)], ids=["now", "as of"])
def test_the_number_of_queries_does_not_grow(alice: User, as_of: date | None) -> None:
    make_rate("USDCHF", {date(2024, 1, 2): "0.90"})
    counts = []
    for numbers in (range(2), range(2, 10)):
        for number in numbers:
            _portfolio_with_assets(alice, "CHF" if number % 2 else "USD", number)
        every = list(Portfolio.objects.all())
        with CaptureQueriesContext(connection) as queries:
            held = holdings(every, as_of, include_closed=True)
            totals_of_all(every, held, as_of)
            valuation_days([portfolio.pk for portfolio in every])
        counts.append(len(queries))

    assert counts[0] == counts[1] <= 15
    assert sum(len(rows) for rows in held.values()) == 20


def _portfolio_with_assets(owner: User, base: str, number: int) -> Any:
    portfolio = make_portfolio(owner, f"{base}{number}", base_currency=base, cash="tracked")
    for letter in "XY":
        asset = make_asset(f"{letter}{base}{number}")
        buy(portfolio, asset, 2, 10, "2024-01-10")
        make_bars(asset, {date(2024, 1, 10): "11"})
    return portfolio
