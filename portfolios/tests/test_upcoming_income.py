"""What is known to be paid soon."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from typing import Any

import pytest

from assets.models import ActionProposal, Asset
from assets.tests.factories import make_asset, make_bars, make_bond
from banking.models import Section
from banking.services.deposits import DepositTerms, open_deposit
from banking.services.sharing import share_account
from banking.services.transactions import book_cash
from core.testing import count_queries
from portfolios.models import Portfolio
from portfolios.queries import Holding, holdings
from portfolios.queries.upcoming_income import Expected, sum_of, upcoming_income
from portfolios.services.actions import apply_action
from portfolios.tests.factories import buy, make_portfolio, sell
from users.models import User

TODAY = date(2024, 3, 1)
NOW = datetime(2024, 3, 1, 12, tzinfo=UTC)


@pytest.fixture
def portfolio(alice: User) -> Portfolio:
    return make_portfolio(alice, cash="tracked")


@pytest.fixture
def share(portfolio: Portfolio) -> Asset:
    asset = make_asset("KO", name="Coca-Cola")
    make_bars(asset, [60, 61, 62], start=date(2024, 1, 4))
    buy(portfolio, asset, 10, 60, "2024-01-04")
    return asset


def due(*portfolios: Portfolio, currency: str = "USD", reader: User | None = None) -> list[Expected]:
    rows = [row for held in holdings(portfolios).values() for row in held]
    return upcoming_income(portfolios, rows, currency, TODAY, reader=reader or User.objects.get(username="alice"))


def coming(portfolio: Portfolio, rows: list[Holding], reader: User) -> list[Expected]:
    return upcoming_income([portfolio], rows, "USD", TODAY, reader=reader)


def announce(asset: Asset, ex_date: date, **values: Any) -> ActionProposal:
    given: dict[str, Any] = {"kind": "cash_dividend", "provider": "polygon", "cash": Decimal("0.5"), "currency": "USD"}
    name = f"{ex_date} {ActionProposal.objects.count()}"
    terms = {"external_id": name, "digest": name, "first_seen": NOW, "last_seen": NOW}
    return ActionProposal.objects.create(asset=asset, ex_date=ex_date, **given | terms | values)


def told(rows: list[Expected]) -> list[tuple[str, str, str, Decimal]]:
    return [(row.day.isoformat(), row.kind, row.symbol or row.name, row.amount) for row in rows]


def test_a_dividend_is_owed_from_its_ex_date_until_it_is_paid(portfolio: Portfolio, share: Asset) -> None:
    terms: dict[str, Any] = {"asset": share, "kind": "cash_dividend", "actor": None, "cash": Decimal(2)}
    apply_action(ex_date=date(2024, 2, 20), pay_date=date(2024, 3, 15), withholding_rate=Decimal("0.15"), **terms)
    apply_action(ex_date=date(2024, 1, 20), pay_date=TODAY, **terms)
    apply_action(ex_date=date(2024, 2, 21), pay_date=TODAY + timedelta(91), **terms)
    assert told(due(portfolio)) == [("2024-03-15", "owed", "KO", 20)]  # gross


def test_an_announced_dividend_counts_the_units_held_now(portfolio: Portfolio, share: Asset) -> None:
    announce(share, date(2024, 3, 10), pay_date=date(2024, 4, 1))
    announce(share, date(2024, 3, 10), pay_date=date(2024, 4, 2), provider="yahoo")  # the same one, told twice
    announce(share, date(2024, 5, 1))  # paid on its ex-date
    announce(share, date(2024, 5, 2), withdrawal=True)
    announce(share, date(2024, 5, 3), state="ignored")
    announce(share, date(2024, 5, 4), pay_date=date(2024, 7, 4))
    announce(make_asset("OTHER"), date(2024, 3, 10))
    assert told(due(portfolio)) == [("2024-04-01", "announced", "KO", 5), ("2024-05-01", "announced", "KO", 5)]
    sell(portfolio, share, 10, 60, "2024-01-05")
    assert due(portfolio) == []


def test_what_is_announced_is_not_confirmed_and_does_not_say_who_told_it(portfolio: Portfolio, share: Asset) -> None:
    announce(share, date(2024, 3, 10))
    [row] = due(portfolio)
    assert not row.confirmed
    [notice] = ActionProposal.objects.announced()
    assert notice == (share.pk, "cash_dividend", date(2024, 3, 10), None, Decimal("0.5"), "USD")
    assert not ActionProposal.objects.visible_to(User.objects.get(username="alice")).exists()


def test_what_is_booked_is_not_announced_too(portfolio: Portfolio, share: Asset) -> None:
    day = date(2024, 2, 20)
    terms: dict[str, Any] = {"pay_date": date(2024, 3, 15), "cash": Decimal("0.5")}
    announce(share, day, **terms)
    assert [row.kind for row in due(portfolio)] == ["announced"]
    apply_action(asset=share, kind="cash_dividend", ex_date=day, actor=None, **terms)
    assert told(due(portfolio)) == [("2024-03-15", "owed", "KO", 5)]


def test_coupons_follow_from_the_terms_of_a_bond(portfolio: Portfolio, alice: User) -> None:
    bond = make_bond("UST34", closes=[99, 99, 99])
    buy(portfolio, bond, 1000, 99, "2024-02-20")
    assert told(due(portfolio)) == []
    rows = holdings([portfolio])[portfolio.pk]
    later = upcoming_income([portfolio], rows, "USD", date(2024, 7, 1), reader=alice)
    assert told(later) == [("2024-08-15", "coupon", "UST34", 20)]  # half of 4 % of 1,000
    last = upcoming_income([portfolio], rows, "USD", bond.bond.terms.matures - timedelta(1), reader=alice)
    assert [row.amount for row in last] == [20]  # what is redeemed is no income


def test_the_interest_of_the_portfolios_own_deposits(portfolio: Portfolio, alice: User, bob: User) -> None:
    account = portfolio.portfolio_accounts.get().account
    book_cash(account=account, amount=Decimal(1000), booked_on=date(2024, 1, 2), section=Section.TRANSFER, actor=alice)
    terms = DepositTerms(Decimal(1000), Decimal("0.0365"), date(2024, 1, 2), date(2024, 4, 1))
    deposit = open_deposit(source=account, name="Lent", terms=terms, actor=alice, now=NOW)
    assert told(due(portfolio)) == [("2024-04-01", "interest", deposit.account.name, Decimal("9.00"))]
    assert due(make_portfolio(alice, "Other")) == []
    assert told(due(portfolio, reader=bob)) == []  # whoever sees the portfolio does not see the account by that
    share_account(account=deposit.account, person="bob", role="viewer", actor=alice)
    assert [row.kind for row in due(portfolio, reader=bob)] == ["interest"]


def test_values_are_in_the_currency_of_the_answer(alice: User, portfolio: Portfolio, share: Asset) -> None:
    announce(share, date(2024, 3, 10))
    [row] = due(portfolio, currency="EUR")
    assert (row.amount, row.currency, row.value) == (5, "USD", None)
    assert sum_of([row]) is None
    make_bars(make_asset("EURUSD", type="fx", currency="USD"), [2], start=date(2024, 1, 4))
    [row] = due(portfolio, currency="EUR")
    assert sum_of([row]) == row.value == Decimal("2.50")


def test_several_portfolios_at_once(alice: User, portfolio: Portfolio, share: Asset) -> None:
    other = make_portfolio(alice, "Other")
    buy(other, share, 4, 60, "2024-01-04")
    announce(share, date(2024, 3, 10))
    assert sorted((row.portfolio_id, row.amount) for row in due(portfolio, other)) == [(portfolio.pk, 5), (other.pk, 2)]


def test_a_fixed_number_of_queries(alice: User, portfolio: Portfolio, share: Asset) -> None:
    counts = []
    for number in range(3):
        asset = make_asset(f"A{number}", currency="EUR")
        make_bars(asset, [60], start=date(2024, 1, 4))
        buy(portfolio, asset, 10, 60, "2024-01-04", exchange_rate=Decimal(1))
        announce(asset, date(2024, 3, 10), currency="EUR")
        buy(portfolio, make_bond(f"B{number}", closes=[99]), 100, 99, "2024-02-20")
        rows = holdings([portfolio])[portfolio.pk]
        counts.append(count_queries(lambda rows=rows: coming(portfolio, rows, alice))[0])  # type: ignore[misc]
    assert max(counts) == min(counts) <= 6
