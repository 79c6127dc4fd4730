"""Values with the interest that has accrued on bonds: exact and in arrays, over coupons, in two currencies."""

from __future__ import annotations

import json
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from typing import Any

import numpy as np
import pytest
from django.test import Client
from django.utils import timezone

from analytics import services
from analytics.models import Snapshot
from analytics.performance import daily_series
from analytics.queries import stale_portfolio_ids
from analytics.queries.dashboard import positions, shown
from analytics.queries.facts import inputs, market_on
from analytics.services.rebalancing import book_proposal, save_proposal
from analytics.tests.recomputing import every_step, recomputed
from assets.bonds import BondTerms, DayCount, accrued
from assets.models import Asset, PriceBasis
from assets.tests.factories import TREASURY, make_asset, make_bars, make_bond, make_rate
from banking.models import CashTransaction
from core.money import multiply, quantise, total
from core.testing import client_of, count_queries, owner_of
from portfolios.live import Point, live_total
from portfolios.models import Disposal, Portfolio, Trade
from portfolios.queries import holdings, totals
from portfolios.queries.drift import drift_of
from portfolios.queries.performance import performance
from portfolios.services.coupons import propose_payments
from portfolios.services.proposals import apply_due
from portfolios.services.rebalancing import Request
from portfolios.services.targets import NewTarget
from portfolios.services.trades import book_trades
from portfolios.services.verification import findings
from portfolios.tests.factories import buy, make_portfolio, new_trade, sell
from portfolios.tests.stories import deposit, own_account
from users.models import User

BUND = BondTerms(date(2023, 8, 20), date(2030, 8, 20), Decimal("0.025"), 1, DayCount.THIRTY_E_360)
FIRST, LAST = date(2024, 5, 13), date(2024, 9, 30)
DAYS = [FIRST + timedelta(days=number) for number in range((LAST - FIRST).days + 1)]
WEEKDAYS = [day for day in DAYS if day.weekday() < 5]
AFTER = datetime(2024, 10, 1, tzinfo=UTC)

pytestmark = pytest.mark.django_db


def walk(seed: int, start: float) -> dict[date, str]:
    closes = start * np.cumprod(1 + np.random.default_rng(seed).normal(0, 0.002, len(WEEKDAYS)))
    return {day: f"{close:.4f}" for day, close in zip(WEEKDAYS, closes, strict=True)}


@pytest.fixture
def mixed(alice: User, settings: Any) -> Portfolio:
    """A Treasury, a Bund, a bond that no market prices, and a share; over a coupon of each of the first two."""
    settings.FEED_ACTIONS = "automatic"
    make_rate("EURUSD", walk(1, 1.1))
    treasury, bund = make_bond(closes=walk(2, 98)), make_bond("BUND", terms=BUND, currency="EUR", closes=walk(3, 95))
    private, share = make_bond("PRIVATE"), make_asset("AAPL")
    make_bars(share, walk(4, 180))
    portfolio = make_portfolio(alice, cash="tracked")
    deposit(own_account(portfolio), 20_000, 133)  # 13 May
    deposit(own_account(portfolio, "EUR"), 25_000, 133)
    buy(portfolio, share, 10, "181", "2024-05-14")
    buy(portfolio, treasury, 10_000, "98.50", "2024-05-15", fee=Decimal(5))
    buy(portfolio, bund, 20_000, "95.20", "2024-05-17")
    buy(portfolio, private, 5_000, "100.50", "2024-06-03")
    arriving = new_trade("transfer_in", treasury, 3_000, "98", "2024-07-02")  # type: ignore[arg-type]
    book_trades(portfolio=portfolio, trades=[arriving], actor=alice)
    sell(portfolio, bund, 5_000, "96", "2024-09-03")
    propose_payments(AFTER)
    assert apply_due(AFTER) == 3
    return portfolio


def exact_value(portfolio: Portfolio, day: date) -> Decimal:
    """Σ quantity × factor × (close + accrued) × rate, not rounded, and the rest."""
    held = holdings([portfolio], day)[portfolio.pk]
    sums = totals(portfolio, held, day)
    worth = [
        multiply(row.quantity, row.price_factor, (row.price or Decimal(0)) + row.accrued, row.rate or Decimal(0))
        for row in held
    ]
    return sum(worth, Decimal(0)) + sums.total_value - sums.market_value


def test_arrays_hold_what_the_books_say_on_every_day(mixed: Portfolio) -> None:
    series = daily_series(inputs([mixed.pk], as_of=LAST), LAST)
    days = series.grid.days.tolist()
    assert len(days) >= 100
    exact = np.array([float(exact_value(mixed, day)) for day in days])
    # Balances in euros are shown in whole cents of the dollar.
    np.testing.assert_allclose(series.values[0], exact, rtol=1e-9, atol=0.006)
    assert not series.problems[0]


def test_every_day_of_bonds_alone_to_the_ninth_digit(alice: User) -> None:
    portfolio = make_portfolio(alice)
    buy(portfolio, make_bond(closes=walk(2, 98)), 10_000, "98.50", "2024-05-15")
    buy(portfolio, make_bond("PRIVATE"), 5_000, "100.50", "2024-06-03")
    series = daily_series(inputs([portfolio.pk], as_of=LAST), LAST)
    exact = [float(exact_value(portfolio, day)) for day in series.grid.days.tolist()]
    np.testing.assert_allclose(series.values[0], exact, rtol=1e-12)


def test_the_lines_of_each_week_add_up_exactly(mixed: Portfolio) -> None:
    for start in DAYS[::9]:
        found = performance(mixed, start, start + timedelta(days=9))
        assert found.reconciliation.unexplained == 0, start


def test_no_day_of_a_coupon_jumps(mixed: Portfolio) -> None:
    """A coupon of the Treasury is 2 %, one of the Bund 2.5 %: a day's return with one in it would show it."""
    series = daily_series(inputs([mixed.pk], as_of=LAST), LAST)
    days, returns = series.grid.days, series.returns[0]
    for day in ("2024-08-15", "2024-08-20"):
        assert abs(returns[days == np.datetime64(day)][0]) < 0.004


def test_the_history_of_a_bond_is_that_of_its_whole_return(mixed: Portfolio) -> None:
    market, treasury = market_on(LAST), Asset.objects.get(symbol="UST34")
    levels = market.adjusted_of(treasury.pk)
    known = np.isfinite(levels)
    assert known.sum() == len(WEEKDAYS)
    returns = levels[known][1:] / levels[known][:-1] - 1
    clean = np.array([float(close) for close in walk(2, 98).values()])
    moved = clean[1:] / clean[:-1] - 1
    assert np.abs(returns - moved).max() < 0.0006  # interest of up to three days and a coupon's rounding, no coupon
    assert (returns - moved).sum() == pytest.approx(0.04 * len(DAYS) / 365 / 0.98, rel=0.05)


def test_the_newest_value_is_with_the_interest_of_today(alice: User) -> None:
    portfolio = make_portfolio(alice)
    buy(portfolio, make_bond(closes=walk(2, 98)), 10_000, "98.50", "2024-05-15")
    interest = accrued(TREASURY, timezone.now().date())
    [held] = holdings([portfolio])[portfolio.pk]
    close = Decimal(walk(2, 98)[WEEKDAYS[-1]])
    assert (held.price, held.accrued) == (close, interest)
    assert held.value == quantise(multiply(Decimal(100), close + interest), "USD")
    services.recompute([portfolio.pk])
    assert Snapshot.objects.get().market_value == held.value
    [drift, _] = drift_of(portfolio, {held.asset_id: Decimal("0.5")})
    assert drift.value == held.value
    [position] = positions(shown([portfolio], otherwise="USD", now=timezone.now()))
    assert position.market_value == held.value
    assert Decimal(json.loads(live_total(portfolio).text({}))["market_value"]) == held.value
    quote = Point(close + 1, close, timezone.now().timestamp())
    told = json.loads(live_total(portfolio).text({held.asset_id: quote}))
    assert Decimal(told["market_value"]) == held.value + 100
    assert Decimal(told["day_change"]) == 100


def test_a_snapshot_of_yesterday_gives_way_where_interest_accrues(alice: User) -> None:
    bonds, shares = make_portfolio(alice), make_portfolio(alice, "Shares")
    buy(bonds, make_bond(closes=walk(2, 98)), 10_000, "98.50", "2024-05-15")
    share = make_asset("AAPL")
    make_bars(share, walk(4, 180))
    buy(shares, share, 1, "181", "2024-05-14")
    services.recompute([bonds.pk, shares.pk])
    assert stale_portfolio_ids() == []
    Snapshot.objects.update(computed_at=timezone.now() - timedelta(days=1))
    assert stale_portfolio_ids() == [bonds.pk]


@pytest.mark.parametrize("day", [date(2024, 8, 14), date(2024, 8, 15), date(2024, 9, 30)])
def test_the_explained_value_shows_clean_price_interest_and_dirty_price(mixed: Portfolio, day: date) -> None:
    query = {"as_of": day.isoformat(), "asset": "UST34"}
    [held] = [row for row in holdings([mixed], day)[mixed.pk] if row.symbol == "UST34"]
    for key, value in (("holding_value", held.value), ("holding_dirty_price", held.dirty_price)):
        body = client_of(mixed.owner).get(f"/portfolios/{mixed.pk}/explain/{key}/", query).json()
        assert body["problem"] is None
        assert recomputed(body) == value
        assert all(found == Decimal(said) for _, said, found in every_step(body))
        sources = {each["source"]["kind"]: each for each in body["inputs"]}
        assert Decimal(sources["price"]["value"]) == held.price
        if held.accrued:
            assert Decimal(sources["bond"]["value"]) == TREASURY.coupon
            assert sources["bond"]["source"]["matures"] == "2034-02-15"
            told = [Decimal(step["value"]) for step in body["steps"] if isinstance(step["value"], str)]
            assert held.accrued in told
            assert total([held.price or Decimal(0), held.accrued]) in told


def test_dividends_in_the_price_are_not_added_again(alice: User) -> None:
    portfolio = make_portfolio(alice)
    bond = make_bond(closes=walk(2, 98), price_basis=PriceBasis.TOTAL_RETURN)
    buy(portfolio, bond, 10_000, "98.50", "2024-05-15")
    [held] = holdings([portfolio], LAST)[portfolio.pk]
    assert held.accrued == 0
    series = daily_series(inputs([portfolio.pk], as_of=LAST), LAST)
    assert series.values[0, -1] == pytest.approx(float(held.value or 0), abs=0.005)


def test_what_is_no_bond_costs_no_query(alice: User) -> None:
    share = make_asset("AAPL")
    make_bars(share, walk(4, 180))
    shares = make_portfolio(alice)
    buy(shares, share, 1, "181", "2024-05-14")
    few, _ = count_queries(lambda: holdings([shares]))
    bonds = make_portfolio(alice, "Bonds")
    buy(bonds, make_bond(closes=walk(2, 98)), 10_000, "98.50", "2024-05-15")
    assert count_queries(lambda: holdings([shares]))[0] == few
    one, _ = count_queries(lambda: holdings([bonds]))
    buy(bonds, make_bond("UST35", closes=walk(2, 98)), 10_000, "98.50", "2024-05-15")
    assert count_queries(lambda: holdings([bonds]))[0] == one == few + 1


def test_the_page_of_holdings_shows_the_interest(mixed: Portfolio, client: Client) -> None:
    client.force_login(owner_of(mixed))
    page = client.get(f"/holdings/?portfolio={mixed.pk}&as_of=2024-08-14").content.decode()
    assert "with 1.989 interest, 258.57 USD in all" in page  # 13,000 × 2 × 181/182 / 100
    answer = client_of(mixed.owner).get(f"/api/portfolios/{mixed.pk}/investments/", {"as_of": "2024-08-14"}).json()
    [told] = [row for row in answer["results"] if row["asset"] == "UST34"]
    assert Decimal(told["dirty_price"]) - Decimal(told["price"]) == Decimal("1.9890109890")


def test_income_with_the_interest_of_trades_is_explained(alice: User) -> None:
    portfolio, bond = make_portfolio(alice), make_bond(closes=walk(2, 98))
    buy(portfolio, bond, 10_000, "98.50", "2024-05-15")
    sell(portfolio, bond, 10_000, "98.50", "2024-06-05")
    for key, query in (
        ("holding_income", {"asset": "UST34"}),
        ("income", {}),
        ("reconciliation_income", {"start": "2024-05-14"}),
    ):
        path = f"/portfolios/{portfolio.pk}/explain/{key}/"
        body = client_of(alice).get(path, query | {"as_of": "2024-07-01"}).json()
        assert body["problem"] is None
        assert recomputed(body) == Decimal(body["value"]) == Decimal("23.08"), key  # 121.98 received, 98.90 paid


@pytest.mark.parametrize("cash", ["tracked", "untracked"])
def test_what_is_paid_for_interest_is_no_loss(alice: User, cash: str) -> None:
    """In arrays as in the books: the day of a purchase or sale at the close costs the fee, and no interest."""
    closes = dict.fromkeys(WEEKDAYS, "98.50")
    portfolio, bond = make_portfolio(alice, cash=cash), make_bond(closes=closes)
    if cash == "tracked":
        deposit(own_account(portfolio), 10_000, 133)
    buy(portfolio, bond, 10_000, "98.50", "2024-05-15")
    sell(portfolio, bond, 4_000, "98.50", "2024-06-05")
    series = daily_series(inputs([portfolio.pk], as_of=LAST), LAST)
    returns = dict(zip(series.grid.days.tolist(), series.returns[0].tolist(), strict=True))
    assert abs(returns[date(2024, 5, 15)]) < 1e-6
    assert returns[date(2024, 6, 5)] == pytest.approx(0.04 / 364, rel=0.05)
    exact = performance(portfolio, date(2024, 5, 12), LAST)
    flows = float(sum(flow.amount for flow in exact.flows))
    assert (series.paid_in - series.paid_out).sum() == pytest.approx(flows, abs=1e-9)


def test_a_proposal_pays_the_interest_that_it_foresees(alice: User) -> None:
    """Booked, the trades of a proposal move the cash that it names, and the lots' gains are those of clean prices."""
    sold, bought = make_bond(closes=walk(2, 98)), make_bond("UST35", closes=walk(3, 95))
    portfolio = make_portfolio(alice, cash="tracked")
    deposit(own_account(portfolio), 20_000, 133)
    buy(portfolio, sold, 10_000, "98.50", "2024-05-15")
    targets = [NewTarget(sold, Decimal("0.2")), NewTarget(bought, Decimal("0.5"))]
    proposal = save_proposal(portfolio=portfolio, request=Request(targets), actor=alice)
    trades = {row["asset"]: row for row in proposal.result["trades"]}
    interest = accrued(TREASURY, timezone.now().date())
    before = sum(CashTransaction.objects.balances().values())
    book_proposal(proposal=proposal, actor=alice)
    for trade in Trade.objects.filter(note__startswith="Rebalancing"):
        told = trades[trade.asset.symbol]
        assert trade.accrued == Decimal(told["accrued"]) == quantise(trade.quantity * interest / 100, "USD")
        assert trade.cash == Decimal(told["cash"])
    after = sum(CashTransaction.objects.balances().values())
    assert after - before == sum(Decimal(row["cash"]) for row in trades.values())
    [made] = Disposal.objects.all()
    assert made.proceeds == Decimal(trades["UST34"]["gross"])
    assert list(findings()) == []
