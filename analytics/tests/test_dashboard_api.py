"""The dashboard endpoints: exactly the documented fields, by hand where a hand can reckon, and nobody else's."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from typing import Any

import numpy as np
import pytest
from django.test import Client
from django.utils import timezone
from rest_framework.test import APIClient

from analytics import queries
from analytics.engine import sharpe_ratio
from analytics.models import Snapshot
from analytics.queries.combined import history
from analytics.services import recompute
from assets import quotes, tasks
from assets.models import Asset, CompanyProfile
from assets.providers.base import PriceQuote
from assets.tests.factories import make_asset, make_bars, make_rate
from banking.models import Section
from banking.services.transactions import book_cash
from core.testing import PASSWORD, client_of
from portfolios.models import Portfolio
from portfolios.services.transfers import transfer_securities
from portfolios.tests.factories import at, buy, make_portfolio, sell
from users.models import User

pytestmark = pytest.mark.django_db

OVERVIEW = {
    *("total_value", "cash", "invested", "market_value", "unrealized_pnl", "total_return_percent"),
    *("sharpe_ratio", "max_drawdown", "volatility", "win_rate"),
}
POSITION = {
    *("symbol", "company_name", "quantity", "average_cost", "current_price", "market_value"),
    *("unrealized_pnl", "unrealized_pnl_pct", "logo", "sector"),
}
TRADE = {"id", "symbol", "trade_type", "quantity", "price", "commission", "trade_date", "realized_pnl"}
QUOTE = {
    *("symbol", "current_price", "change", "percent_change", "high", "low", "open", "previous_close"),
    "updated_at",
}
PROFILE = {
    *("symbol", "name", "country", "currency", "exchange", "ipo", "market_cap", "industry", "logo"),
    "website",
}
HISTORY = {"date", "total_value", "return_pct", "sharpe_ratio"}
CLOSES = [100, 110, 99, 120, 114, 133, 125, 131, 128, 140]


@pytest.fixture(autouse=True)
def open_postbox() -> Iterator[None]:
    tasks.postbox.closed_until = 0.0
    yield
    tasks.postbox.closed_until = 0.0


@pytest.fixture
def apple(db: None) -> Asset:
    asset = make_asset("AAPL", name="Apple Inc.", sector="Technology")
    make_bars(asset, CLOSES)
    return asset


@pytest.fixture
def portfolio(alice: User, apple: Asset) -> Portfolio:
    """10 bought at 100 with a fee of 5, 4 sold at 120 with a fee of 2: 6 left that cost 603."""
    made = make_portfolio(alice)
    buy(made, apple, 10, 100, "2024-01-02", fee=Decimal(5))
    sell(made, apple, 4, 120, "2024-01-05", fee=Decimal(2))
    return made


def ask(user: User, path: str, status: int = 200) -> Any:
    answer = client_of(user).get(f"/api/dashboard/{path}")
    assert answer.status_code == status, answer.content
    if status != 200:
        assert answer["Content-Type"] == "application/problem+json"
        return answer.json()
    body = answer.json()
    assert set(body) == {"status", "data"}
    assert body["status"] == "success"
    return body["data"]


def quote(asset: Asset, price: object, when: datetime | None = None) -> None:
    newest = PriceQuote(asset.symbol, Decimal(str(price)), when or timezone.now())
    quotes.put(asset.pk, newest, source="finnhub", now=timezone.now())


# --- one portfolio by hand ----------------------------------------------------------------------------------------


def test_the_overview_by_hand(alice: User, portfolio: Portfolio) -> None:
    data = ask(alice, "overview")
    assert set(data) == OVERVIEW
    assert {name: data[name] for name in ("total_value", "cash", "invested", "market_value", "unrealized_pnl")} == {
        "total_value": 840.0,
        "cash": 0.0,
        "invested": 603.0,
        "market_value": 840.0,
        "unrealized_pnl": 237.0,
    }
    assert data["total_return_percent"] == pytest.approx(237 / 603 * 100, abs=1e-6)
    assert data["win_rate"] == 100.0
    assert data["max_drawdown"] == pytest.approx(10.0, abs=0.5), "from 110 to 99, a positive percentage"
    assert (data["sharpe_ratio"], data["volatility"]) == (None, None), "ten days are too few"


def test_prices_in_pence_are_worth_pounds(alice: User) -> None:
    """100 bought at 700 pence, quoted at 760: 700 pounds became 760."""
    vodafone = make_asset("VOD", currency="GBP", price_factor=Decimal("0.01"))
    make_bars(vodafone, [700, 710])
    buy(make_portfolio(alice, base_currency="GBP"), vodafone, 100, 700, "2024-01-02")
    quote(vodafone, 760)
    data = ask(alice, "overview")
    assert (data["invested"], data["market_value"], data["unrealized_pnl"]) == (700.0, 760.0, 60.0)
    [row] = ask(alice, "positions")
    assert (row["average_cost"], row["current_price"], row["market_value"]) == (700.0, 760.0, 760.0)
    assert [day["total_value"] for day in ask(alice, "performance")] == [700.0, 710.0]


@pytest.mark.parametrize(("minutes", "value"), [(-60, 1110.0), (0, 1104.0)])
def test_the_close_goes_before_what_was_quoted_during_its_session(alice: User, minutes: int, value: float) -> None:
    asset = make_asset("MSFT")
    make_bars(asset, {date(2024, 1, 2): 100, date(2024, 1, 3): 111})
    buy(make_portfolio(alice), asset, 10, 100, "2024-01-02")
    quote(asset, "110.4", datetime(2024, 1, 3, 21, tzinfo=UTC) + timedelta(minutes=minutes))
    assert ask(alice, "overview")["market_value"] == value


def test_the_figures_are_those_of_the_snapshot_or_computed_when_it_is_old(
    alice: User, apple: Asset, portfolio: Portfolio
) -> None:
    closes = 100 + 10 * np.sin(np.arange(60)) + np.arange(60)
    make_bars(apple, [Decimal(f"{close:.2f}") for close in closes])
    computed = ask(alice, "overview")
    recompute([portfolio.pk])
    snapshot = Snapshot.objects.get()
    stored = ask(alice, "overview")
    assert stored == computed
    assert stored["sharpe_ratio"] == pytest.approx(snapshot.sharpe_ratio, abs=1e-6)
    assert stored["volatility"] == pytest.approx((snapshot.annual_volatility or 0) * 100, abs=1e-5)
    assert stored["max_drawdown"] == pytest.approx(-(snapshot.max_drawdown or 0) * 100, abs=1e-5)
    Snapshot.objects.update(sharpe_ratio=77.0)
    assert ask(alice, "overview")["sharpe_ratio"] == 77.0, "it is up to date, so it is what is shown"
    buy(portfolio, apple, 1, 100, "2024-01-08")
    assert ask(alice, "overview")["sharpe_ratio"] != 77.0, "it is not any more"


def test_the_positions_by_hand(alice: User, apple: Asset, portfolio: Portfolio) -> None:
    CompanyProfile.objects.create(asset=apple, logo="https://x.example/a.png", fetched_at=timezone.now(), industry="I")
    [row] = ask(alice, "positions")
    assert set(row) == POSITION
    assert row == {
        "symbol": "AAPL",
        "company_name": "Apple Inc.",
        "quantity": 6.0,
        "average_cost": 100.5,
        "current_price": 140.0,
        "market_value": 840.0,
        "unrealized_pnl": 237.0,
        "unrealized_pnl_pct": pytest.approx(39.303483),
        "logo": "https://x.example/a.png",
        "sector": "Technology",
    }


def test_a_quote_is_the_current_price_here_and_nowhere_in_the_books(
    alice: User, apple: Asset, portfolio: Portfolio
) -> None:
    quote(apple, "150.25")
    [row] = ask(alice, "positions")
    assert (row["current_price"], row["market_value"], row["unrealized_pnl"]) == (150.25, 901.5, 298.5)
    overview = ask(alice, "overview")
    assert (overview["market_value"], overview["total_value"], overview["unrealized_pnl"]) == (901.5, 901.5, 298.5)
    books = client_of(alice).get(f"/portfolios/{portfolio.pk}/").json()
    assert (books["totals"]["market_value"], books["investments"][0]["price"]) == ("840", "140")
    recompute([portfolio.pk])
    assert Snapshot.objects.get().total_value == 840
    assert ask(alice, "performance")[-1]["total_value"] == 840.0


def test_a_quote_of_an_earlier_day_than_the_close_is_not_the_price(
    alice: User, apple: Asset, portfolio: Portfolio
) -> None:
    quote(apple, 150, datetime(2024, 1, 10, 20, tzinfo=UTC))  # the last close is of the 16th
    assert ask(alice, "positions")[0]["current_price"] == 140.0


def test_the_trades_newest_first(alice: User, portfolio: Portfolio, apple: Asset) -> None:
    rows = ask(alice, "trades")
    assert [set(row) for row in rows] == [TRADE, TRADE]
    assert rows[0] == {
        "id": portfolio.trades.latest("day").pk,
        "symbol": "AAPL",
        "trade_type": "sell",
        "quantity": 4.0,
        "price": 120.0,
        "commission": 2.0,
        "trade_date": "2024-01-05T15:30:00Z",
        "realized_pnl": 76.0,  # 480 − 2 − 402
    }
    assert (rows[1]["trade_type"], rows[1]["realized_pnl"]) == ("buy", 0.0)
    assert ask(alice, "trades?limit=1") == rows[:1]
    buy(portfolio, apple, 1, 90, "2024-01-03")
    assert [row["price"] for row in ask(alice, "trades")] == [120.0, 90.0, 100.0]


def test_a_sale_at_a_loss_counts_in_the_win_rate(alice: User, portfolio: Portfolio, apple: Asset) -> None:
    sell(portfolio, apple, 1, 90, "2024-01-08")
    assert ask(alice, "overview")["win_rate"] == 50.0
    sell(portfolio, apple, 1, 130, "2024-01-09")
    assert ask(alice, "overview")["win_rate"] == pytest.approx(66.666667)


def test_the_history_has_a_row_for_each_session(alice: User, apple: Asset, portfolio: Portfolio) -> None:
    rows = ask(alice, "performance")
    assert [set(row) for row in rows] == [HISTORY] * 10
    assert (rows[0]["date"], rows[-1]["date"]) == ("2024-01-02", "2024-01-16")
    assert (rows[0]["total_value"], rows[-1]["total_value"]) == (1000.0, 840.0)
    series = queries.series(portfolio)
    assert [row["return_pct"] for row in rows] == pytest.approx((series.cumulative * 100).tolist(), abs=1e-6)
    assert [row["date"] for row in ask(alice, "performance?days=4")] == ["2024-01-16"], "13 to 15 are no sessions"
    assert [row["date"] for row in ask(alice, "performance?days=5")] == ["2024-01-12", "2024-01-16"]


def test_the_sharpe_ratio_of_a_day_is_that_of_the_returns_until_then(
    alice: User, apple: Asset, portfolio: Portfolio
) -> None:
    closes = 100 + 10 * np.sin(np.arange(60)) + np.arange(60)
    make_bars(apple, [Decimal(f"{close:.2f}") for close in closes])
    rows, returns = ask(alice, "performance?days=36500"), queries.series(portfolio).returns
    assert [row["sharpe_ratio"] for row in rows[:29]] == [None] * 29
    for place in (29, 40, 59):
        assert rows[place]["sharpe_ratio"] == pytest.approx(sharpe_ratio(returns[: place + 1]), abs=1e-6)
    assert rows[-1]["sharpe_ratio"] == pytest.approx(ask(alice, "overview")["sharpe_ratio"], abs=1e-6)


def test_the_quote_and_the_profile(alice: User, apple: Asset) -> None:
    found = ask(alice, "quote/AAPL")
    assert set(found) == QUOTE
    assert found == {
        "symbol": "AAPL",
        "current_price": 140.0,
        "change": 12.0,
        "percent_change": 9.375,
        "high": None,
        "low": None,
        "open": None,
        "previous_close": 128.0,
        "updated_at": "2024-01-16T21:00:00Z",
    }
    quote(apple, 150, datetime(2024, 1, 17, 15, 30, tzinfo=UTC))
    found = ask(alice, "quote/aapl/")
    assert (found["current_price"], found["updated_at"]) == (150.0, "2024-01-17T15:30:00Z")
    profile = ask(alice, "profile/AAPL")
    assert set(profile) == PROFILE
    assert (profile["name"], profile["currency"], profile["industry"]) == ("Apple Inc.", "USD", "Technology")
    assert (profile["country"], profile["market_cap"], profile["logo"]) == (None, None, None)


# --- several portfolios -------------------------------------------------------------------------------------------


@pytest.fixture
def euros(alice: User, portfolio: Portfolio) -> Portfolio:
    """A second portfolio, in euros, of a share in euros: 2 at 50, now 60, and 1,000 in cash."""
    siemens = make_asset("SIE", currency="EUR", exchange=None)
    make_bars(siemens, dict.fromkeys((date(2024, 1, day) for day in range(2, 16)), 60))
    made = make_portfolio(alice, "Euros", base_currency="EUR", cash="tracked")
    account = made.portfolio_accounts.get().account
    book_cash(account=account, amount=Decimal(1100), booked_on=date(2024, 1, 2), section=Section.TRANSFER, actor=alice)
    buy(made, siemens, 2, 50, "2024-01-03")
    return made


def test_portfolios_in_two_currencies_are_summed_in_the_persons_own(alice: User, euros: Portfolio) -> None:
    make_rate("EURUSD", dict.fromkeys((date(2024, 1, day) for day in range(1, 17)), "1.10"))
    data = ask(alice, "overview")
    assert (data["cash"], data["invested"], data["market_value"]) == (1100.0, 713.0, 972.0)
    assert (data["total_value"], data["unrealized_pnl"]) == (2072.0, 259.0)
    apple, siemens = ask(alice, "positions")
    assert (siemens["average_cost"], siemens["current_price"]) == (50.0, 60.0), "per unit in the asset's currency"
    assert (siemens["market_value"], siemens["unrealized_pnl"], siemens["unrealized_pnl_pct"]) == (132.0, 22.0, 20.0)
    assert apple["market_value"] + siemens["market_value"] == data["market_value"]
    assert ask(alice, "performance")[-1]["total_value"] == pytest.approx(2072.0)


def test_each_alone_is_in_its_own_currency(alice: User, portfolio: Portfolio, euros: Portfolio) -> None:
    assert ask(alice, f"overview?portfolio={euros.pk}")["total_value"] == 1120.0
    assert ask(alice, f"overview?portfolio={portfolio.pk}")["total_value"] == 840.0
    assert [row["symbol"] for row in ask(alice, f"positions?portfolio={euros.pk}")] == ["SIE"]
    assert [row["symbol"] for row in ask(alice, f"trades?portfolio={euros.pk}")] == ["SIE"]


def test_without_the_rate_there_is_no_sum(alice: User, euros: Portfolio) -> None:
    data = ask(alice, "overview")
    unknown = ("total_value", "cash", "invested", "market_value", "unrealized_pnl", "total_return_percent")
    assert {name: data[name] for name in unknown} == dict.fromkeys(unknown)
    assert data["win_rate"] == 100.0
    apple, siemens = ask(alice, "positions")
    assert (apple["market_value"], apple["unrealized_pnl"]) == (840.0, 237.0)
    assert (siemens["market_value"], siemens["unrealized_pnl"], siemens["current_price"]) == (None, None, 60.0)
    assert ask(alice, "performance") == []


def test_without_a_price_there_is_no_sum_but_the_rest(alice: User, portfolio: Portfolio) -> None:
    gift = make_asset("GIFT", exchange=None)
    buy(portfolio, gift, 1, 0, "2024-01-03")
    data = ask(alice, "overview")
    assert (data["market_value"], data["total_value"], data["cash"], data["invested"]) == (None, None, 0.0, 603.0)
    row = ask(alice, "positions")[1]
    assert (row["current_price"], row["market_value"], row["unrealized_pnl_pct"]) == (None, None, None)


def test_one_asset_of_two_portfolios_is_one_position(alice: User, apple: Asset, portfolio: Portfolio) -> None:
    buy(make_portfolio(alice, "Second"), apple, 4, 110, "2024-01-03")
    [row] = ask(alice, "positions")
    assert (row["quantity"], row["average_cost"], row["market_value"]) == (10.0, 104.3, 1400.0)


def test_what_moves_between_own_portfolios_is_no_flow(alice: User, apple: Asset, portfolio: Portfolio) -> None:
    alone = history([portfolio], "USD")
    second = make_portfolio(alice, "Second")
    transfer_securities(
        source=portfolio, target=second, asset=apple, quantity=Decimal(3), traded_at=at("2024-01-09"), actor=alice
    )
    together = history([portfolio, second], "USD")
    assert together.values.tolist() == pytest.approx(alone.values.tolist())
    assert together.returns.tolist() == pytest.approx(alone.returns.tolist())


# --- who and what may ask -----------------------------------------------------------------------------------------


def test_somebody_without_a_portfolio_gets_zeros_and_empty_lists(bob: User) -> None:
    data = ask(bob, "overview")
    assert (data["total_value"], data["cash"], data["invested"], data["market_value"]) == (0.0, 0.0, 0.0, 0.0)
    assert (data["sharpe_ratio"], data["win_rate"], data["total_return_percent"]) == (None, None, None)
    assert [ask(bob, path) for path in ("positions", "trades", "performance")] == [[], [], []]


@pytest.mark.parametrize("path", ["overview", "positions", "trades", "performance"])
def test_another_persons_portfolio_does_not_exist(path: str, bob: User, portfolio: Portfolio) -> None:
    theirs = ask(bob, f"{path}?portfolio={portfolio.pk}", 404)
    assert theirs == ask(bob, f"{path}?portfolio=987654321", 404)
    own = ask(bob, path)
    assert own["total_value"] == 0.0 if path == "overview" else own == []


@pytest.mark.parametrize("value", ["", "0", "-1", "x", "1.5", "٣", "1e2", "9" * 40, "NaN"])
@pytest.mark.parametrize(("path", "name"), [("trades", "limit"), ("performance", "days"), ("overview", "portfolio")])
def test_a_number_that_is_none_is_named(path: str, name: str, value: str, alice: User) -> None:
    assert name in ask(alice, f"{path}?{name}={value}", 400)["errors"]


def test_the_bounds_of_limit_and_days(alice: User, portfolio: Portfolio) -> None:
    assert len(ask(alice, "trades?limit=1000")) == 2
    assert "limit" in ask(alice, "trades?limit=1001", 400)["errors"]
    assert len(ask(alice, "performance?days=36500")) == 10
    assert "days" in ask(alice, "performance?days=36501", 400)["errors"]


@pytest.mark.parametrize("path", ["quote/NOSUCH", "profile/NOSUCH", "quote/NO/SUCH/"])
def test_a_symbol_that_is_nowhere(path: str, alice: User) -> None:
    problem = ask(alice, path, 404)
    assert (problem["code"], problem["status"]) == ("unknown_symbol", 404)
    assert "NO" in problem["detail"]


@pytest.mark.parametrize("slash", ["", "/"])
@pytest.mark.parametrize("path", ["overview", "positions", "trades", "performance", "quote/AAPL", "profile/AAPL"])
def test_with_a_token_or_a_session_with_or_without_a_slash(
    path: str, slash: str, alice: User, portfolio: Portfolio
) -> None:
    url = f"/api/dashboard/{path}{slash}"
    login = APIClient().post("/api/auth/token", {"username": "alice", "password": PASSWORD}).json()
    bearer = APIClient(HTTP_AUTHORIZATION=f"Bearer {login['access_token']}").get(url)
    session = Client()
    session.force_login(alice)
    browser = session.get(url)
    assert (bearer.status_code, browser.status_code) == (200, 200)
    assert bearer.json() == browser.json()
    assert APIClient().get(url).status_code == 401


def test_the_schema_describes_the_envelope(db: None) -> None:
    schema = Client().get("/api/schema/", headers={"accept": "application/vnd.oai.openapi+json"}).json()
    shapes = schema["components"]["schemas"]
    operation = schema["paths"]["/api/dashboard/overview"]["get"]
    shape = operation["responses"]["200"]["content"]["application/json"]["schema"]["$ref"].rsplit("/")[-1]
    assert set(shapes[shape]["properties"]) == {"status", "data"}
    assert set(shapes["Overview"]["properties"]) == OVERVIEW
    assert shapes["Overview"]["properties"]["total_value"]["type"] == "number"
    assert set(shapes["Position"]["properties"]) == POSITION


def test_what_is_shown_is_asked_for_again_soon(alice: User, portfolio: Portfolio, apple: Asset) -> None:
    from analytics.queries.dashboard import shown

    answer = shown([portfolio], otherwise="USD", now=timezone.now())
    assert (answer.due_quotes, answer.due_profiles) == ((apple.pk,), [apple.pk])
    quote(apple, 150)
    answer = shown([portfolio], otherwise="USD", now=timezone.now() + timedelta(seconds=30))
    assert answer.due_quotes == ()
