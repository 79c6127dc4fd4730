"""Targets and thresholds, and which account pays for what is proposed."""

from __future__ import annotations

from datetime import UTC, date, datetime
from decimal import Decimal
from typing import Any

import pytest
from django.db import IntegrityError, transaction

from assets.tests.factories import make_asset, make_bars, make_rate
from banking.models import Account, AccountKind, CashTransaction, Section
from core.errors import DomainError
from core.testing import client_of
from portfolios.book.rebalance import Options
from portfolios.models import Portfolio, TargetSet, TargetWeight
from portfolios.queries.drift import drift_of
from portfolios.services.portfolios import attach_account, change_portfolio
from portfolios.services.rebalancing import Request, propose
from portfolios.services.targets import NewTarget, own_targets, set_targets
from portfolios.tests.factories import buy, make_portfolio
from users.models import User

NOW = datetime(2026, 6, 1, 14, tzinfo=UTC)
DAY = date(2026, 5, 29)


def test_the_newest_targets_count_and_older_ones_stay(alice: User) -> None:
    portfolio, asset = make_portfolio(alice), make_asset("AAA")
    first = set_targets(portfolio=portfolio, targets=[NewTarget(asset, Decimal("0.4"))], actor=alice)
    second = set_targets(portfolio=portfolio, targets=[NewTarget(asset, Decimal("0.6"), Decimal(5))], actor=alice)
    assert own_targets(portfolio) == [NewTarget(asset, Decimal("0.6"), Decimal(5))]
    assert list(TargetSet.objects.values_list("pk", flat=True)) == [second.pk, first.pk]
    assert portfolio.version == Portfolio.objects.get().version  # targets book nothing


@pytest.mark.parametrize("threshold", ["-0.1", "1.1", "NaN", "0.00001", "Infinity"])
def test_a_threshold_is_a_fraction(alice: User, threshold: str) -> None:
    portfolio = make_portfolio(alice)
    for call in (
        lambda: set_targets(portfolio=portfolio, targets=[], actor=alice, threshold=Decimal(threshold)),
        lambda: change_portfolio(portfolio=portfolio, actor=alice, rebalance_threshold=Decimal(threshold)),
    ):
        with pytest.raises(DomainError) as raised:
            call()
        assert raised.value.code == "threshold_out_of_range"
    assert not TargetSet.objects.exists()


def test_the_threshold_is_a_setting_of_the_portfolio(alice: User) -> None:
    client = client_of(alice)
    made = client.post("/portfolios/", {"name": "Growth", "rebalance_threshold": "0.1"}, format="json").json()
    assert made["rebalance_threshold"] == "0.1"
    url = f"/portfolios/{made['id']}/"
    assert client.patch(url, {"rebalance_threshold": "0.02"}, format="json").json()["rebalance_threshold"] == "0.02"
    assert client.get(url + "targets/").json()["threshold"] == "0.02"
    assert client.patch(url, {"rebalance_threshold": "2"}, format="json").status_code == 400


@pytest.mark.parametrize("weight", ["1.1", "-0.1"])
def test_the_database_keeps_no_other_weights(alice: User, weight: str) -> None:
    made = TargetSet.objects.create(portfolio=make_portfolio(alice))
    with pytest.raises(IntegrityError), transaction.atomic():
        TargetWeight.objects.create(target_set=made, asset=make_asset("AAA"), weight=Decimal(weight))


def test_drift_says_what_lies_outside(alice: User) -> None:
    portfolio = make_portfolio(alice)
    for symbol, price in (("AAA", 60), ("BBB", 40)):
        asset = make_asset(symbol)
        make_bars(asset, {DAY: price})
        buy(portfolio, asset, 10, 50, "2026-01-05")
    new = make_asset("NEW")
    targets = {_held(portfolio, "AAA").pk: Decimal("0.55"), new.pk: Decimal("0.45")}
    found = drift_of(portfolio, targets)
    told = {row.symbol: (row.weight, row.drift, row.outside) for row in found}
    assert told == {
        "AAA": (Decimal("0.6"), Decimal("0.05"), False),  # on the edge is inside
        "BBB": (Decimal("0.4"), Decimal("0.4"), True),
        "NEW": (0, Decimal("-0.45"), True),
        None: (0, 0, False),
    }
    assert {row.drift for row in drift_of(portfolio, {})} == {None}


def _held(portfolio: Portfolio, symbol: str) -> Any:
    return portfolio.investments.get(asset__symbol=symbol).asset


@pytest.fixture
def abroad(alice: User) -> Portfolio:
    """A portfolio in dollars with a dollar and a euro account, and one share in each currency."""
    portfolio = make_portfolio(alice, cash="tracked", base_currency="USD")
    euros = Account.objects.create(owner=alice, name="Euros", kind=AccountKind.BROKERAGE, currency="EUR")
    attach_account(portfolio=portfolio, account=euros, actor=alice)
    make_rate("EURUSD", {date(2023, 1, 2): "1.1", DAY: "1.1"})
    for symbol, currency in (("AAA", "USD"), ("BBB", "EUR")):
        asset = make_asset(symbol, currency=currency)
        make_bars(asset, {DAY: 100})
        buy(portfolio, asset, 10, 100, "2026-01-05")
    portfolio.refresh_from_db()
    return portfolio


def fill(portfolio: Portfolio, dollars: int, euros: int) -> None:
    """Bring the accounts to these balances."""
    wanted = {"USD": Decimal(dollars), "EUR": Decimal(euros)}
    for link in portfolio.portfolio_accounts.select_related("account"):
        account = link.account
        balance = CashTransaction.objects.filter(account=account).balances().get(account.pk, Decimal(0))
        missing = wanted[account.currency] - balance
        CashTransaction.objects.create(account=account, booked_on=DAY, amount=missing, section=Section.TRANSFER)


def more_of(portfolio: Portfolio, symbol: str, weight: str) -> Request:
    target = NewTarget(_held(portfolio, symbol), Decimal(weight))
    return Request([target], Options(), keep_others=True)


@pytest.mark.parametrize(("dollars", "euros", "paid_by"), [(3000, 3000, "EUR"), (4000, 100, "USD"), (0, 4000, "EUR")])
def test_a_purchase_moves_the_account_that_holds_enough(
    abroad: Portfolio, dollars: int, euros: int, paid_by: str
) -> None:
    fill(abroad, dollars, euros)
    found = propose(portfolio=abroad, request=more_of(abroad, "BBB", "0.5"), now=NOW)
    [trade] = found.trades
    assert trade.terms.account is not None
    assert (trade.terms.kind, trade.terms.account.currency, found.overdrawn) == ("buy", paid_by, ())


def test_accounts_that_would_go_below_zero_are_named(abroad: Portfolio) -> None:
    fill(abroad, 1000, 1000)
    found = propose(portfolio=abroad, request=more_of(abroad, "BBB", "1"), now=NOW)
    assert found.plan.cash_after >= 0
    assert found.overdrawn == ("Euros",)


def test_an_overdrawn_account_is_made_good_by_a_sale(abroad: Portfolio) -> None:
    fill(abroad, -500, 0)
    targets = [NewTarget(_held(abroad, symbol), Decimal("0.5")) for symbol in ("AAA", "BBB")]
    found = propose(portfolio=abroad, request=Request(targets), now=NOW)
    assert found.plan.cash_before == -500
    assert 0 <= found.plan.cash_after < 110
