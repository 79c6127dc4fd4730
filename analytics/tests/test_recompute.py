"""From the database to stored snapshots: what is stale, what is written, and what is left alone."""

from __future__ import annotations

from datetime import date, timedelta
from decimal import Decimal
from io import StringIO

import numpy as np
import pytest
from django.core.management import CommandError, call_command
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.utils import timezone
from pytest_django import DjangoAssertNumQueries

from analytics import queries, services
from analytics.models import Snapshot
from analytics.services import recomputing
from analytics.tests.plain import PlainMarket, PlainTrade
from analytics.tests.plain import series as plain_series
from assets.models import Asset, HistoricValue, PriceClock
from assets.sessions import sessions
from assets.tests.factories import make_asset, make_bars, make_rate
from banking.models import Account, Section
from banking.services.transactions import book_cash
from core.testing import owner_of
from portfolios.models import Investment, Portfolio
from portfolios.queries import holdings, totals_of_all, valuation_days
from portfolios.services.actions import apply_action
from portfolios.services.portfolios import attach_account, change_portfolio
from portfolios.services.trades import void_trade
from portfolios.tests.factories import buy, make_portfolio, sell
from users.models import User

pytestmark = pytest.mark.django_db
SESSIONS = sessions("XNYS", date(2022, 1, 3), date(2023, 3, 1))
LAST = SESSIONS[-1]


def walk(seed: int, start: float = 100.0) -> list[str]:
    moves = np.random.default_rng(seed).normal(0.0005, 0.015, len(SESSIONS))
    return [f"{close:.2f}" for close in start * np.cumprod(1 + moves)]


@pytest.fixture
def aapl() -> Asset:
    asset = make_asset("AAPL")
    make_bars(asset, walk(1), start=SESSIONS[0])
    return asset


@pytest.fixture
def index() -> Asset:
    asset = make_asset("SP500", type="index")
    make_bars(asset, walk(2, 4000), start=SESSIONS[0])
    return asset


@pytest.fixture
def growth(alice: User, aapl: Asset, index: Asset) -> Portfolio:
    portfolio = make_portfolio(alice, benchmark=index)
    buy(portfolio, aapl, 10, "101.25", SESSIONS[3], fee=Decimal("1.50"))
    sell(portfolio, aapl, 4, "111.10", SESSIONS[200], fee=Decimal("1.50"))
    return portfolio


def recomputed(*portfolios: Portfolio) -> None:
    services.recompute([portfolio.pk for portfolio in portfolios])


def newest(portfolio: Portfolio) -> Snapshot:
    return Snapshot.objects.filter(portfolio=portfolio).latest("as_of")


def columns(snapshot: Snapshot) -> dict[str, object]:
    """All that follows from facts."""
    return {name: getattr(snapshot, name) for name in recomputing.FIELDS if name != "portfolio"} | {
        "problems": snapshot.problems
    }


# --- what is stale ------------------------------------------------------------------------------------------------


def test_a_portfolio_without_a_snapshot_is_stale_until_it_is_computed(growth: Portfolio) -> None:
    assert queries.stale_portfolio_ids() == [growth.pk]

    recomputed(growth)

    assert queries.stale_portfolio_ids() == []


def test_what_is_stale_takes_one_query(growth: Portfolio, django_assert_num_queries: DjangoAssertNumQueries) -> None:
    for number in range(3):
        make_portfolio(owner_of(growth), f"P{number}")

    with django_assert_num_queries(1):
        assert len(queries.stale_portfolio_ids()) == 4
    with django_assert_num_queries(1):
        assert len(queries.stale_portfolio_ids(2)) == 2


def test_a_trade_makes_its_portfolio_stale_and_no_other(growth: Portfolio, aapl: Asset) -> None:
    other = make_portfolio(owner_of(growth), "Other")
    recomputed(growth, other)

    trade = buy(growth, aapl, 1, 100, SESSIONS[210])
    assert queries.stale_portfolio_ids() == [growth.pk]

    recomputed(growth)
    void_trade(trade=trade, actor=growth.owner)
    assert queries.stale_portfolio_ids() == [growth.pk]


@pytest.mark.parametrize("day", [LAST + timedelta(days=1), SESSIONS[5]], ids=["a new bar", "a restated bar"])
def test_a_price_makes_its_holders_stale(growth: Portfolio, aapl: Asset, day: date) -> None:
    make_portfolio(owner_of(growth), "Without it")
    sold = make_portfolio(owner_of(growth), "Sold it")
    buy(sold, aapl, 1, 100, SESSIONS[3])
    sell(sold, aapl, 1, 110, SESSIONS[9])
    recomputed(*Portfolio.objects.all())

    make_bars(aapl, {day: "123.45"})

    assert queries.stale_portfolio_ids() == [growth.pk, sold.pk]


def test_the_same_price_again_makes_nothing_stale(growth: Portfolio, aapl: Asset) -> None:
    recomputed(growth)

    make_bars(aapl, walk(1), start=SESSIONS[0])

    assert queries.stale_portfolio_ids() == []


def test_benchmark_rates_and_cash_make_stale(growth: Portfolio, index: Asset) -> None:
    account = Account.objects.create(owner=growth.owner, name="Cash", currency="USD")
    attach_account(portfolio=growth, account=account, actor=growth.owner)
    for change in (
        lambda: make_bars(index, {LAST + timedelta(days=1): "4100"}),
        lambda: make_rate("EURUSD", ["1.1"]),
        lambda: book_cash(
            account=account,
            booked_on=LAST,
            amount=Decimal(5),
            section=Section.TRANSFER,
            actor=growth.owner,
        ),
    ):
        recomputed(growth)
        assert queries.stale_portfolio_ids() == []
        change()
        assert queries.stale_portfolio_ids() == [growth.pk]


def days_ago(portfolio: Portfolio, days: int) -> None:
    """Let the newest snapshot be that old."""
    Snapshot.objects.filter(pk=newest(portfolio).pk).update(computed_at=timezone.now() - timedelta(days))


@pytest.mark.parametrize("fact", ["cash", "ex_date", "pay_date"])
def test_a_day_that_comes_makes_stale_what_is_due_on_it(fact: str, growth: Portfolio, aapl: Asset) -> None:
    today = timezone.now().date()
    if fact == "cash":
        account = Account.objects.create(owner=growth.owner, name="Cash", currency="USD")
        attach_account(portfolio=growth, account=account, actor=None)
        book_cash(account=account, booked_on=today, amount=Decimal(5), section=Section.TRANSFER, actor=None)
    else:
        ex_date = today - timedelta(1 if fact == "ex_date" else 4)  # it is that day at every exchange
        pay_date = today + timedelta(40) if fact == "ex_date" else today
        apply_action(asset=aapl, kind="cash_dividend", ex_date=ex_date, pay_date=pay_date, cash=Decimal(1), actor=None)
    recomputed(growth)
    assert queries.stale_portfolio_ids() == []
    days_ago(growth, 2)
    assert queries.stale_portfolio_ids() == [growth.pk]
    assert services.recompute([growth.pk], only_stale=True) == 1
    assert queries.stale_portfolio_ids() == []


def test_days_on_which_nothing_is_due_make_nothing_stale(growth: Portfolio, aapl: Asset) -> None:
    today = timezone.now().date()
    ex_date, pay_date = today - timedelta(4), today + timedelta(4)
    apply_action(asset=aapl, kind="cash_dividend", ex_date=ex_date, pay_date=pay_date, cash=Decimal(1), actor=None)
    recomputed(growth)
    snapshot = newest(growth)
    assert snapshot.total_value == (snapshot.market_value or 0) + Investment.objects.get(asset=aapl).quantity
    days_ago(growth, 2)
    assert queries.stale_portfolio_ids() == []


def test_what_is_not_stale_is_left_alone_unless_it_is_asked_for(growth: Portfolio) -> None:
    recomputed(growth)
    before = newest(growth).computed_at

    assert services.recompute([growth.pk], only_stale=True) == 0
    assert newest(growth).computed_at == before
    assert services.recompute([growth.pk]) == 1
    assert newest(growth).computed_at > before


# --- what is written ----------------------------------------------------------------------------------------------


def test_a_snapshot_holds_the_figures_of_plain_python(growth: Portfolio, aapl: Asset) -> None:
    recomputed(growth)
    snapshot = newest(growth)
    trades = [
        PlainTrade(SESSIONS[3], "AAPL", "buy", Decimal(10), Decimal("101.25"), costs=Decimal("1.50")),
        PlainTrade(SESSIONS[200], "AAPL", "sell", Decimal(4), Decimal("111.10"), costs=Decimal("1.50")),
    ]
    closes = dict(zip(SESSIONS, map(float, walk(1)), strict=True))
    rows = plain_series(PlainMarket({"AAPL": closes}, {"AAPL": "USD"}, {}), trades, [], SESSIONS[3:])
    growths = [1 + (row[4] or 0) for row in rows]

    assert snapshot.total_return == pytest.approx(np.prod(growths) - 1, rel=1e-9)
    assert snapshot.annual_return == pytest.approx(np.prod(growths) ** (252 / len(rows)) - 1, rel=1e-9)
    assert (snapshot.window_start, snapshot.window_end) == (SESSIONS[3], LAST)
    assert (snapshot.observations, snapshot.as_of) == (len(rows), LAST)
    assert (snapshot.currency, snapshot.benchmark_symbol, snapshot.problems) == ("USD", "SP500", {})
    assert None not in columns(snapshot).values()


def test_money_is_the_books(growth: Portfolio, alice: User, aapl: Asset) -> None:
    """Two currencies, tracked cash, an asset without any close, one that was sold: the same as the totals give."""
    sap = make_asset("SAP", currency="EUR")
    never = make_asset("PRIVATE")
    make_bars(sap, walk(4), start=SESSIONS[0])
    make_rate("EURUSD", {day: f"1.0{number % 10}" for number, day in enumerate(SESSIONS)})
    euros = make_portfolio(alice, "Euros", base_currency="EUR")
    buy(euros, sap, "3.3333", "99.99", SESSIONS[2])
    buy(euros, aapl, "7.77", "100.01", SESSIONS[8], exchange_rate=Decimal("0.91"))
    private = make_portfolio(alice, "Private")
    buy(private, never, 3, "12.345", SESSIONS[9])
    buy(private, aapl, 3, "12.345", SESSIONS[9])
    sell(private, aapl, 3, "13.345", SESSIONS[11])
    late = make_portfolio(alice, "Late")
    buy(late, aapl, 1, 100, LAST + timedelta(days=4))
    tracked = make_portfolio(alice, "Tracked", cash="tracked")
    account = Account.objects.create(owner=alice, name="Euros", currency="EUR")
    attach_account(portfolio=tracked, account=account, actor=alice)
    book_cash(account=account, booked_on=SESSIONS[0], amount=Decimal("10000.55"), section=Section.TRANSFER, actor=alice)
    everybody = list(Portfolio.objects.order_by("pk"))

    recomputed(*everybody)

    sums = totals_of_all(everybody, holdings(everybody, include_closed=True))
    days = valuation_days([portfolio.pk for portfolio in everybody])
    for portfolio in everybody:
        snapshot, figures = newest(portfolio), sums[portfolio.pk]
        assert snapshot.as_of == (days[portfolio.pk] or portfolio.created_at.date()), portfolio
        for name in recomputing.MONEY:
            assert getattr(snapshot, name) == getattr(figures, name), (portfolio, name)
    assert newest(private).market_value == Decimal("37.04")
    assert (newest(tracked).cash or 0) > 10_000


def test_a_missing_rate_leaves_amounts_and_figures_empty_and_says_why(alice: User, aapl: Asset) -> None:
    portfolio = make_portfolio(alice, base_currency="CHF")
    buy(portfolio, aapl, 1, 100, SESSIONS[3], exchange_rate=Decimal("0.9"))

    recomputed(portfolio)

    snapshot = newest(portfolio)
    assert (snapshot.market_value, snapshot.total_value, snapshot.sharpe_ratio) == (None, None, None)
    assert snapshot.invested == 90
    assert "no exchange rate from USD to CHF" in snapshot.problems["market_value"]
    assert snapshot.problems["sharpe_ratio"] == "there is no exchange rate from USD to CHF"


def test_an_empty_portfolio_has_a_snapshot_of_the_day_it_was_made(alice: User) -> None:
    portfolio = make_portfolio(alice)

    recomputed(portfolio)

    snapshot = newest(portfolio)
    assert snapshot.as_of == portfolio.created_at.date()
    assert snapshot.total_value == Decimal(0)
    assert snapshot.observations == 0
    assert snapshot.problems["sharpe_ratio"] == "there are no trades yet"


def test_together_is_the_same_as_one_by_one(alice: User, growth: Portfolio, aapl: Asset) -> None:
    for number in range(6):
        portfolio = make_portfolio(alice, f"P{number}", benchmark=growth.benchmark if number % 2 else None)
        buy(portfolio, aapl, 1 + number, "90.5", SESSIONS[10 * number])
    everybody = list(Portfolio.objects.order_by("pk"))
    recomputed(*everybody)
    together = [columns(newest(portfolio)) for portfolio in everybody]
    Snapshot.objects.all().delete()

    for portfolio in everybody:
        recomputed(portfolio)

    for portfolio, expected in zip(everybody, together, strict=True):
        alone = columns(newest(portfolio))
        assert alone == {
            name: pytest.approx(value, rel=1e-12) if isinstance(value, float) else value
            for name, value in expected.items()
        }


def test_the_queries_do_not_grow_with_the_portfolios(alice: User, growth: Portfolio, aapl: Asset) -> None:
    queries.inputs([growth.pk])  # the panel is there
    with CaptureQueriesContext(connection) as one:
        queries.inputs([growth.pk])
    with CaptureQueriesContext(connection) as one_written:
        recomputed(growth)
    for number in range(8):
        buy(make_portfolio(alice, f"P{number}"), aapl, 1, "90.5", SESSIONS[number])
    everybody = list(Portfolio.objects.all())
    with CaptureQueriesContext(connection) as many:
        queries.inputs([portfolio.pk for portfolio in everybody])
    with CaptureQueriesContext(connection) as many_written:
        recomputed(*everybody)

    assert len(many) == len(one) <= 6
    assert len(many_written) == len(one_written)


# --- old over new -------------------------------------------------------------------------------------------------


def test_older_versions_never_overwrite_newer_ones(growth: Portfolio) -> None:
    recomputed(growth)
    Snapshot.objects.update(portfolio_version=10**9, sharpe_ratio=77.0)

    recomputed(growth)

    assert newest(growth).sharpe_ratio == 77.0
    assert Snapshot.objects.count() == 1


def test_a_snapshot_of_a_later_day_goes_when_its_trade_is_voided(growth: Portfolio, aapl: Asset) -> None:
    trade = buy(growth, aapl, 1, 100, LAST + timedelta(days=3))
    recomputed(growth)
    assert newest(growth).as_of == LAST + timedelta(days=3)

    void_trade(trade=trade, actor=growth.owner)
    recomputed(growth)

    assert [snapshot.as_of for snapshot in growth.snapshots.all()] == [LAST]
    assert queries.stale_portfolio_ids() == []


def test_a_later_day_goes_also_where_the_benchmark_with_the_newest_price_went(
    growth: Portfolio, aapl: Asset, index: Asset
) -> None:
    """The price version falls with it: of two readings the portfolio's own version says which is newer."""
    make_bars(index, {LAST: "77"})
    trade = buy(growth, aapl, 1, 100, LAST + timedelta(days=3))
    recomputed(growth)
    before = newest(growth).price_version

    void_trade(trade=trade, actor=growth.owner)
    change_portfolio(portfolio=growth, actor=growth.owner, benchmark=None)
    recomputed(growth)

    assert [snapshot.as_of for snapshot in growth.snapshots.all()] == [LAST]
    assert newest(growth).price_version < before
    assert queries.stale_portfolio_ids() == []


def test_each_valuation_day_keeps_its_snapshot(growth: Portfolio, aapl: Asset) -> None:
    recomputed(growth)
    make_bars(aapl, {LAST + timedelta(days=1): "120"})

    recomputed(growth)

    assert [snapshot.as_of for snapshot in growth.snapshots.all()] == [LAST + timedelta(days=1), LAST]


def test_one_portfolio_that_cannot_be_computed_does_not_hold_up_the_others(
    growth: Portfolio, alice: User, aapl: Asset, caplog: pytest.LogCaptureFixture
) -> None:
    broken = make_portfolio(alice, "Broken")
    buy(broken, aapl, 1, 100, SESSIONS[3])
    broken.trades.update(currency="ZZZ")  # a code that no currency has

    assert services.recompute([broken.pk, growth.pk]) == 1
    assert newest(growth).sharpe_ratio is not None
    assert f"portfolio {broken.pk} cannot be recomputed" in caplog.text


def test_a_sum_beyond_the_column_is_left_empty(growth: Portfolio, alice: User) -> None:
    for number in range(2):
        asset = make_asset(f"BIG{number}")
        make_bars(asset, ["9000000000"], start=SESSIONS[5])
        buy(growth, asset, "99999", "1", SESSIONS[5])

    recomputed(growth)

    assert newest(growth).market_value is None
    assert newest(growth).problems["market_value"] == "it is too large to be stored exactly"
    assert newest(growth).invested is not None


# --- the command --------------------------------------------------------------------------------------------------


def run(*arguments: str) -> str:
    output = StringIO()
    call_command("recompute", *arguments, stdout=output)
    return output.getvalue()


def test_the_command_recomputes_what_is_stale_what_is_named_or_all(growth: Portfolio) -> None:
    make_portfolio(owner_of(growth), "Other")

    assert "[2/2]" in run()
    assert "0 portfolios recomputed." in run()
    assert "[1/1]" in run(str(growth.pk))
    assert "2 portfolios recomputed." in run("--all")


def test_the_command_names_what_it_does_not_know(growth: Portfolio) -> None:
    with pytest.raises(CommandError, match="no portfolio 99"):
        run(str(growth.pk), "99")


def test_a_panel_that_lags_is_brought_up_to_date_first(growth: Portfolio, aapl: Asset) -> None:
    recomputed(growth)
    first = newest(growth).max_drawdown
    HistoricValue.objects.filter(asset=aapl, day=LAST).update(close=Decimal("1.00"), version=PriceClock.tick())

    recomputed(growth)

    assert newest(growth).max_drawdown != first
