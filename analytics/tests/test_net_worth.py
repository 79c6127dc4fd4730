"""Net worth across accounts, portfolios, possessions and debts, by hand."""

from __future__ import annotations

from datetime import date
from decimal import Decimal
from typing import Any

import pytest

from analytics.queries.net_worth import Holder, NetWorth, Part, Scope, everything, net_worth, total_of
from assets.tests.factories import make_asset, make_bars, make_rate
from banking.models import Account, Possession, Section, Valuation
from banking.services.accounts import open_account
from banking.services.transactions import book_cash
from core.testing import count_queries, make_user
from portfolios.models import Portfolio
from portfolios.tests.factories import buy, exact, make_portfolio, sell
from users.models import Membership, Organisation, User

pytestmark = pytest.mark.django_db

JANUARY, FEBRUARY, MARCH = date(2024, 1, 31), date(2024, 2, 29), date(2024, 3, 28)
DAYS = (JANUARY, FEBRUARY, MARCH)
BEFORE = date(2023, 12, 1)


@pytest.fixture
def alice() -> User:
    return make_user("alice")


def worth(days: tuple[date, ...] = DAYS) -> dict[Holder, NetWorth]:
    return net_worth(everything(), days, "USD")


def test_cash_and_debts_of_each_holder(alice: User) -> None:
    make_rate("EURUSD", {BEFORE: "1.10", FEBRUARY: "1.20"})
    euros = open_account(
        holder=alice, name="Daily", currency="EUR", balance=Decimal(100), opened_on=BEFORE, actor=alice
    )
    open_account(holder=alice, name="Card", kind="credit", balance=Decimal(-50), opened_on=FEBRUARY, actor=alice)
    firm = Organisation.objects.create(name="Acme")
    open_account(holder=firm, name="Operating", balance=Decimal(7), opened_on=MARCH, actor=None)
    book_cash(account=euros, amount=Decimal(-40), booked_on=MARCH, section=Section.EXPENSE, actor=alice)
    found = worth()
    own, firms = found[Holder(alice.pk, None)], found[Holder(None, firm.pk)]
    assert tuple(own.parts[Part.CASH]) == exact("110.00", "120.00", "72.00")
    assert tuple(own.parts[Part.DEBTS]) == exact(0, -50, -50)
    assert tuple(own.totals) == exact(110, 70, 22)
    assert tuple(firms.totals) == exact(0, 0, 7)
    assert tuple(total_of(found.values(), DAYS, "USD").totals) == exact(110, 70, 29)


@pytest.mark.parametrize("cash", ["tracked", "untracked"])
def test_the_cash_of_a_portfolio_counts_once(cash: str, alice: User) -> None:
    asset = make_asset("AAPL")
    make_bars(asset, {date(2024, 1, 30): 100, date(2024, 2, 28): 110, MARCH: 120})
    portfolio = make_portfolio(alice, cash=cash)
    if account := Account.objects.first():
        book_cash(account=account, amount=Decimal(1500), booked_on=BEFORE, section=Section.TRANSFER, actor=alice)
    buy(portfolio, asset, 10, 100, "2024-01-30")
    [found] = worth().values()
    left = 500 if cash == "tracked" else 0
    assert tuple(found.parts[Part.INVESTMENTS]) == exact(1000 + left, 1100 + left, 1200 + left)
    assert tuple(found.parts[Part.CASH]) == exact(0, 0, 0)


def tracked(alice: User, deposit: int = 0, day: date = BEFORE) -> Portfolio:
    portfolio = make_portfolio(alice, cash="tracked")
    if deposit:
        account = Account.objects.get()
        book_cash(account=account, amount=Decimal(deposit), booked_on=day, section=Section.TRANSFER, actor=alice)
    return portfolio


def invested() -> tuple[Decimal, ...]:
    [found] = worth().values()
    assert found.missing == []
    return tuple(found.parts[Part.INVESTMENTS])


@pytest.mark.parametrize("prices", ["none", "later", "earlier"])
def test_a_portfolio_of_cash_alone(prices: str, alice: User) -> None:
    if prices != "none":
        make_bars(make_asset("AAPL"), {date(2024, 2, 20 if prices == "later" else 3): 100})
    tracked(alice, 1500)
    assert invested() == exact(1500, 1500, 1500)


def test_cash_counts_since_its_deposit(alice: User) -> None:
    tracked(alice, 1500, date(2024, 2, 10))
    assert invested() == exact(0, 1500, 1500)


@pytest.mark.parametrize("other", [True, False])
def test_an_asset_without_prices_is_worth_what_was_paid(other: bool, alice: User) -> None:
    if other:
        make_bars(make_asset("MSFT"), {date(2024, 1, 10): 5, date(2024, 2, 10): 6})
    buy(make_portfolio(alice), make_asset("AAPL"), 10, 100, "2024-01-30")
    assert invested() == exact(1000, 1000, 1000)


def test_the_cash_of_what_was_sold(alice: User) -> None:
    asset = make_asset("AAPL")
    make_bars(asset, {date(2024, 1, 8): 100, date(2024, 1, 9): 100})
    portfolio = tracked(alice, 1500)
    buy(portfolio, asset, 10, 100, "2024-01-08")
    sell(portfolio, asset, 10, 100, "2024-01-09")
    assert invested() == exact(1500, 1500, 1500)


def test_what_is_held_goes_on_at_its_last_price(alice: User) -> None:
    held, other = make_asset("AAPL"), make_asset("MSFT")
    make_bars(held, {date(2024, 1, 30): 90, date(2024, 2, 15): 100})
    make_bars(other, {date(2024, 1, 30): 1, MARCH: 1})
    portfolio = make_portfolio(alice)
    buy(portfolio, held, 10, 90, "2024-01-30")
    assert invested() == exact(900, 1000, 1000)
    sell(portfolio, held, 4, 100, "2024-03-04")
    assert invested() == exact(900, 1000, 600)


def test_a_portfolio_that_lacks_a_rate_is_named_and_its_rest_counts(alice: User) -> None:
    make_rate("EURUSD", {date(2024, 2, 10): "1.10"})
    dollars, euros = make_asset("AAPL"), make_asset("SAP", currency="EUR")
    for asset in (dollars, euros):
        make_bars(asset, {date(2024, 1, 30): 100})
    mixed, foreign = make_portfolio(alice, "Mixed"), make_portfolio(alice, "Foreign")
    buy(mixed, dollars, 10, 100, "2024-01-30")
    for portfolio in (mixed, foreign):
        buy(portfolio, euros, 1, 100, "2024-01-30", exchange_rate=Decimal(1))
    [found] = worth().values()
    assert tuple(found.parts[Part.INVESTMENTS]) == exact(1000, 1220, 1220)
    values = {item.name: amounts for item, amounts in found.items}
    assert values["Foreign"] == [None, Decimal(110), Decimal(110)]
    reason = "A price or an exchange rate is missing on 2024-01-31."
    assert sorted(found.missing) == [f"Foreign: {reason}", f"Mixed: {reason}"]
    [last] = worth((JANUARY,)).values()
    assert tuple(last.totals) == exact(1000)
    assert sorted(last.missing) == [f"Foreign: {reason}", f"Mixed: {reason}"]


def test_a_possession_counts_until_it_is_given_away(alice: User) -> None:
    house = Possession.objects.create(owner=alice, name="House", currency="USD", disposed_on=MARCH)
    for day, value in ((date(2024, 1, 2), 300_000), (date(2024, 2, 10), 310_000)):
        Valuation.objects.create(possession=house, day=day, value=value)
    Valuation.objects.create(possession=house, day=JANUARY, value=1, voided_at="2024-02-01T00:00:00Z")
    [found] = worth().values()
    assert tuple(found.parts[Part.POSSESSIONS]) == exact(300_000, 310_000, 0)


def test_what_has_no_rate_is_named_and_not_counted(alice: User) -> None:
    open_account(holder=alice, name="Francs", currency="CHF", balance=Decimal(5), opened_on=BEFORE, actor=alice)
    [found] = worth().values()
    assert tuple(found.totals) == exact(0, 0, 0)
    assert len(found.missing) == 3
    assert found.missing[0].startswith("Francs: There is no exchange rate from CHF to USD")


def test_an_employers_money_is_not_the_employees(alice: User) -> None:
    firm = Organisation.objects.create(name="Acme")
    Membership.objects.create(organisation=firm, user=alice, role="employee")
    account: dict[str, Any] = {
        "kind": "expense",
        "employer": firm,
        "balance": Decimal(9),
        "opened_on": BEFORE,
        "actor": alice,
    }
    open_account(holder=alice, name="Travel", **account)
    assert worth() == {}


def test_the_number_of_queries_is_fixed(alice: User) -> None:
    def grow(number: int) -> None:
        open_account(holder=alice, name=f"A{number}", balance=Decimal(5), opened_on=BEFORE, actor=alice)
        asset = make_asset(f"S{number}")
        make_bars(asset, {date(2024, 1, 30): 100, MARCH: 120})
        buy(make_portfolio(alice, f"P{number}"), asset, 10, 100, "2024-01-30")

    grow(0)
    scope = Scope(Account.objects.visible_to(alice), Portfolio.objects.visible_to(alice), Possession.objects.all())
    net_worth(scope, DAYS, "USD")  # builds the price panel
    before, _ = count_queries(lambda: net_worth(scope, DAYS, "USD"))
    for number in range(1, 4):
        grow(number)
    net_worth(scope, DAYS, "USD")
    after, texts = count_queries(lambda: net_worth(scope, DAYS, "USD"))
    assert after == before, texts
