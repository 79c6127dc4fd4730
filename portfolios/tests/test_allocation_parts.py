"""How what portfolios are worth is spread."""

from __future__ import annotations

from datetime import date
from decimal import Decimal
from typing import Any

import pytest

from assets.countries import country_names, country_of
from assets.models import Asset, CompanyProfile
from assets.tests.factories import make_asset, make_bars
from banking.models import Account, Section
from banking.services.accounts import open_account
from banking.services.transactions import book_cash
from core.testing import count_queries
from portfolios.models import Portfolio, PortfolioAccount
from portfolios.queries import holdings, totals
from portfolios.queries.allocation import DIMENSIONS, Parts, converter, parts_of
from portfolios.queries.beside import beside
from portfolios.queries.totals import cash_facts, totals_of_all, totals_together
from portfolios.tests.factories import buy, make_portfolio
from users.models import User

FIRST = date(2024, 1, 4)


def held(portfolio: Portfolio, symbol: str, value: int, **values: Any) -> None:
    asset = make_asset(symbol, **values)
    make_bars(asset, [value, value], start=FIRST)
    foreign = values.get("currency", "USD") != portfolio.base_currency
    buy(portfolio, asset, 1, value, FIRST, exchange_rate=Decimal(2) if foreign else None)


def parts(*portfolios: Portfolio, day: date | None = None) -> Parts:
    rows = [row for found in holdings(portfolios, day).values() for row in found]
    rates = {"EUR": Decimal(2)}
    convert = converter(rates.get, "USD")
    return parts_of(portfolios, rows, cash_facts(portfolios, day), "USD", convert)


def shares(found: Parts, dimension: str) -> dict[str, tuple[Decimal, Decimal | None]]:
    return {each.label: (each.value, each.share) for each in found.by(dimension).slices}


@pytest.fixture
def mixed(alice: User) -> Portfolio:
    """300 of a share, 100 of a fund, 200 of a foreign share without sector or ISIN, and 400 in cash."""
    portfolio = make_portfolio(alice, cash="tracked")
    make_bars(make_asset("EURUSD", type="fx", currency="USD"), [2, 2], start=FIRST)
    account = portfolio.portfolio_accounts.get().account
    book_cash(account=account, amount=Decimal(1000), booked_on=FIRST, section=Section.TRANSFER, actor=alice)
    held(portfolio, "AAPL", 300, sector="Technology", isin="US0378331005")
    held(portfolio, "FUND", 100, type="fund", sector="Energy", isin="IE00B4L5Y983")
    held(portfolio, "SAP", 100, currency="EUR")
    return portfolio


def test_each_dimension_adds_up_to_the_total_value(mixed: Portfolio) -> None:
    found, worth = parts(mixed), totals(mixed, holdings([mixed])[mixed.pk]).total_value
    assert worth == 1000
    for dimension in DIMENSIONS:
        spread = found.by(dimension)
        assert spread.total == worth
        assert sum(each.share or 0 for each in spread.slices) == 1
        assert spread.missing == 0


def test_slices_are_named_and_ordered(mixed: Portfolio) -> None:
    found = parts(mixed)
    assert shares(found, "class") == {
        "Equity": (500, Decimal("0.5")),
        "Cash": (400, Decimal("0.4")),
        "Fund": (100, Decimal("0.1")),
    }
    assert list(shares(found, "sector")) == ["Cash", "Technology", "Energy", ""]  # what is not known comes last
    assert list(shares(found, "country")) == ["Cash", "United States", "Ireland", ""]
    assert shares(found, "currency") == {"USD": (800, Decimal("0.8")), "EUR": (200, Decimal("0.2"))}
    account = mixed.portfolio_accounts.get().account
    assert list(shares(found, "account")) == ["Securities of Growth", account.name]


def test_what_has_no_price_is_counted_and_not_taken_for_nothing(mixed: Portfolio) -> None:
    make_bars(make_asset("NOK1", currency="NOK"), [5], start=FIRST)
    asset = make_asset("NOK2", currency="NOK")
    make_bars(asset, [5], start=FIRST)
    buy(mixed, asset, 1, 5, FIRST, exchange_rate=Decimal(1))
    spread = parts(mixed).by("class")
    assert (spread.missing, spread.total) == (1, 1000 - 5)


def test_a_debt_is_negative_and_shares_are_of_what_is_left(alice: User) -> None:
    portfolio = make_portfolio(alice, cash="tracked")
    held(portfolio, "AAPL", 300)
    assert shares(parts(portfolio), "class") == {"Equity": (300, None), "Cash": (-300, None)}


def test_portfolios_in_two_currencies_add_up_together(alice: User, mixed: Portfolio) -> None:
    other = make_portfolio(alice, "Other", base_currency="EUR")
    held(other, "BMW", 50, currency="EUR")
    both = [mixed, other]
    convert = converter({"EUR": Decimal(2)}.get, "USD")
    sums = totals_together(totals_of_all(both, holdings(both)).values(), "USD", convert)
    assert (sums.total_value, sums.complete) == (1100, True)
    assert parts(*both).by("class").total == 1100
    assert shares(parts(*both), "account")["Securities of Other"][0] == 100


def test_two_of_one_name_are_two_slices(alice: User, bob: User) -> None:
    """Two portfolios "Growth", and four accounts "Broker", of which two lie in one portfolio."""
    twins = [make_portfolio(alice, cash="tracked"), make_portfolio(alice, "Old", cash="tracked")]
    theirs = make_portfolio(bob, cash="tracked")
    second = open_account(holder=alice, name="Second", currency="USD", opened_on=FIRST, actor=alice)
    PortfolioAccount.objects.create(portfolio=twins[1], account=second)
    Account.objects.update(name="Broker")
    amounts = iter((1, 2, 4, 8))
    for link in PortfolioAccount.objects.order_by("portfolio", "pk"):
        book_cash(
            account=link.account, amount=Decimal(next(amounts)), booked_on=FIRST, section=Section.INCOME, actor=alice
        )
    found = parts(*twins, theirs)
    assert sorted(shares(found, "account")) == [
        "Broker, Growth, alice",
        "Broker, Growth, bob",
        "Broker, Old, alice (1)",
        "Broker, Old, alice (2)",
    ]
    assert {value for value, _share in shares(found, "account").values()} == {1, 2, 4, 8}
    assert shares(found, "class")["Cash"][0] == 15
    held(twins[0], "AAPL", 300)
    held(theirs, "KO", 200)
    spread = shares(parts(*twins, theirs), "account")
    assert spread["Securities of Growth, alice"][0] == 300
    assert spread["Securities of Growth, bob"][0] == 200


def test_a_missing_rate_makes_the_sum_incomplete(alice: User, mixed: Portfolio) -> None:
    other = make_portfolio(alice, "Other", base_currency="EUR")
    held(other, "BMW", 50, currency="EUR")
    both = [mixed, other]
    sums = totals_together(totals_of_all(both, holdings(both)).values(), "USD", converter(lambda _: None, "USD"))
    assert (sums.total_value, sums.complete) == (1000, False)


def test_two_queries_however_many(mixed: Portfolio) -> None:
    def count() -> int:
        rows, cash = holdings([mixed])[mixed.pk], cash_facts([mixed])
        return count_queries(lambda: parts_of([mixed], rows, cash, "USD", converter(lambda _: None, "USD")))[0]

    few = count()
    for number in range(5):
        held(mixed, f"A{number}", 10)
    assert (few, count()) == (2, 2)


@pytest.mark.parametrize(
    ("isin", "name"),
    [("US0378331005", "United States"), ("XS0356705219", "International (XS)"), ("", ""), ("ZZ0000000000", "")],
)
def test_the_country_is_that_of_the_isin(isin: str, name: str) -> None:
    assert country_of(isin) == name


@pytest.mark.parametrize(
    ("written", "name"), [("us", "United States"), ("USA", "United States"), ("Norway", "Norway"), (" ", ""), ("", "")]
)
def test_a_company_is_where_its_profile_says(mixed: Portfolio, written: str, name: str) -> None:
    asset = Asset.objects.get(symbol="FUND")
    CompanyProfile.objects.create(asset=asset, country=written, source="test")
    known = name or "Ireland"
    assert known in shares(parts(mixed), "country")
    assert beside([asset.pk])[asset.pk].country == known


def test_every_country_has_a_name() -> None:
    assert len(country_names()) > 240
    assert all(len(code) == 2 and name for code, name in country_names().items())
