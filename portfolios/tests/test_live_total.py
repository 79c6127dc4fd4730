"""A live total: what the books say at the last closes, and what they would say at other prices and exchange rates."""

from __future__ import annotations

import json
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from typing import Any

import pytest
from django.utils import timezone

from assets.models import Asset
from assets.tests.factories import make_asset, make_bars, make_rate
from banking.models import Account, Section
from banking.services.transactions import book_cash
from core.testing import count_queries, make_user
from portfolios.live import Point, live_total
from portfolios.models import Portfolio, PortfolioAccount, Trade
from portfolios.queries import holdings, sectors, totals
from portfolios.tests.factories import buy, make_portfolio, sell
from users.models import User

pytestmark = pytest.mark.django_db
BOUGHT, CLOSED = date(2024, 1, 2), date(2024, 1, 3)
NOON = datetime(2024, 1, 4, 12, tzinfo=UTC).timestamp()


@pytest.fixture
def alice() -> User:
    return make_user("alice")


@pytest.fixture
def euros(alice: User) -> Portfolio:
    """In EUR: 10 AAPL in USD, 5 BP in pence, 3 SAP in EUR, and 1,000 USD in cash."""
    make_rate("EURUSD", {BOUGHT: "1.10", CLOSED: "1.25"})
    make_rate("GBPUSD", {BOUGHT: "1.20", CLOSED: "1.30"})  # there is no EURGBP: the way is over the dollar
    portfolio = make_portfolio(alice, base_currency="EUR", cash="tracked")
    bp = make_asset("BP", currency="GBP", price_factor=Decimal("0.01"), sector="Energy")
    found = [(make_asset("AAPL", sector="Technology"), 10, 100), (bp, 5, 450)]
    found.append((make_asset("SAP", currency="EUR", sector="Technology"), 3, 120))
    for asset, quantity, price in found:
        make_bars(asset, {BOUGHT: price, CLOSED: price + 10})
        buy(portfolio, asset, quantity, price, BOUGHT)
    account = Account.objects.create(owner=alice, name="Dollars", currency="USD")
    PortfolioAccount.objects.create(portfolio=portfolio, account=account)
    book_cash(account=account, amount=Decimal(1000), booked_on=BOUGHT, section=Section.TRANSFER, actor=alice)
    return portfolio


def told(portfolio: Portfolio, **points: Point) -> dict[str, Any]:
    """What is sent when these symbols have these last prices."""
    ids = dict(Asset.objects.values_list("symbol", "pk"))
    found: dict[str, Any] = json.loads(live_total(portfolio).text({ids[name]: at for name, at in points.items()}))
    return found


def at(price: str, previous: str | None = None, moment: float = NOON) -> Point:
    return Point(Decimal(price), None if previous is None else Decimal(previous), moment)


def test_at_the_closes_it_is_what_the_books_say(euros: Portfolio) -> None:
    rows = holdings([euros])[euros.pk]
    books, message = totals(euros, rows), told(euros)

    assert (message["currency"], message["complete"], message["at"]) == ("EUR", True, None)
    names = {"market_value": "market_value", "total_value": "total_value", "unrealised_gain": "unrealized_pnl"}
    assert {name: Decimal(message[theirs]) for name, theirs in names.items()} == {
        name: getattr(books, name) for name in names
    }
    assert message["unrealized_return"] == pytest.approx(float(books.unrealised_return or 0), abs=1e-8)
    assert {name: Decimal(each["value"]) for name, each in message["holdings"].items()} == {
        row.symbol: row.value for row in rows
    }
    assert {name: each["weight"] for name, each in message["holdings"].items()} == {
        row.symbol: pytest.approx(float(row.weight or 0), abs=1e-8) for row in rows
    }
    spread = {each.sector: (each.value, pytest.approx(float(each.weight or 0), abs=1e-8)) for each in sectors(rows)}
    assert {name: (Decimal(each["value"]), each["weight"]) for name, each in message["sectors"].items()} == spread
    assert message["day_change"] == "0"


def test_a_move_reaches_every_figure_that_follows_from_it(euros: Portfolio) -> None:
    before, message = told(euros), told(euros, AAPL=at("150", "110"))

    worth = Decimal(10 * 150) / Decimal("1.25")
    assert Decimal(message["holdings"]["AAPL"]["value"]) == worth == 1200
    assert Decimal(message["market_value"]) - Decimal(before["market_value"]) == 10 * 40 / Decimal("1.25")
    assert message["day_change"] == "320"
    assert message["day_return"] == pytest.approx(320 / float(before["market_value"]), abs=1e-8)
    assert message["at"] == "2024-01-04T12:00:00Z"
    weights = {name: each["weight"] for name, each in message["holdings"].items()}
    assert sum(weights.values()) == pytest.approx(1)
    assert weights["AAPL"] == pytest.approx(1200 / float(message["market_value"]))
    assert weights["SAP"] < before["holdings"]["SAP"]["weight"]
    assert message["sectors"]["Technology"]["weight"] == pytest.approx(weights["AAPL"] + weights["SAP"])
    cost = 10 * 100 / 1.10
    assert message["holdings"]["AAPL"]["unrealized_return"] == pytest.approx(1200 / round(cost, 2) - 1, abs=1e-6)


def test_exchange_rates_move_holdings_and_cash(euros: Portfolio) -> None:
    before, message = told(euros), told(euros, EURUSD=at("1.20", "1.25"))

    assert message["holdings"]["AAPL"]["value"] == "916.67"  # 10 × 110 / 1.20
    assert message["holdings"]["BP"]["value"] == "24.92"  # 5 × 4.60 × 1.30 / 1.20
    assert message["holdings"]["SAP"] | {"weight": 0} == before["holdings"]["SAP"] | {"weight": 0}
    cash = Decimal(message["total_value"]) - Decimal(message["market_value"])
    old_cash = Decimal(before["total_value"]) - Decimal(before["market_value"])
    assert cash - old_cash == Decimal("833.33") - 800
    assert Decimal(message["day_change"]) == Decimal(message["market_value"]) - Decimal(before["market_value"])
    again = told(euros, GBPUSD=at("1.40"))
    assert again["holdings"]["BP"]["value"] == "25.76"
    assert again["holdings"]["AAPL"] | {"weight": 0} == before["holdings"]["AAPL"] | {"weight": 0}


def test_it_needs_the_pairs_on_the_way_and_no_others(euros: Portfolio) -> None:
    make_rate("USDJPY", {CLOSED: 140})
    make_rate("EURCHF", {CLOSED: 1})
    needed = Asset.objects.filter(pk__in=live_total(euros).needed)
    assert set(needed.values_list("symbol", flat=True)) == {"AAPL", "BP", "SAP", "EURUSD", "GBPUSD"}


def test_a_portfolio_in_one_currency_needs_no_pair(alice: User) -> None:
    make_rate("EURUSD", {CLOSED: "1.25"})
    portfolio, apple = make_portfolio(alice), make_asset("AAPL")
    make_bars(apple, {BOUGHT: 100})
    buy(portfolio, apple, 1, 100, BOUGHT)
    assert live_total(portfolio).pairs == {}


def test_what_has_no_price_of_the_day_has_not_moved(euros: Portfolio) -> None:
    day_and_a_bit = NOON - 90_000
    message = told(euros, AAPL=at("121", "110"), SAP=at("200", "100", day_and_a_bit), BP=at("460", None))
    assert message["day_change"] == "88"  # 10 × 11 / 1.25
    assert message["at"] == "2024-01-04T12:00:00Z"


def test_without_a_rate_it_says_that_it_is_not_whole(euros: Portfolio) -> None:
    swiss = make_asset("NESN", currency="CHF")
    make_bars(swiss, {CLOSED: 100})
    buy(euros, swiss, 1, 100, BOUGHT, exchange_rate=Decimal(1))
    message = told(euros)
    assert (message["complete"], message["unrealized_return"]) == (False, None)
    assert "NESN" not in message["holdings"]
    assert message["market_value"] == told(euros)["market_value"]


def test_a_price_that_no_close_came_before_counts(alice: User) -> None:
    portfolio, apple = make_portfolio(alice), make_asset("AAPL")
    buy(portfolio, apple, 2, 100, BOUGHT)
    assert told(portfolio)["market_value"] == "200"  # at the own trade's price
    assert told(portfolio, AAPL=at("130"))["market_value"] == "260"


def test_an_empty_portfolio_and_one_that_owes(alice: User) -> None:
    empty = make_portfolio(alice, "Empty")
    message = told(empty)
    assert (message["total_value"], message["holdings"], message["day_return"]) == ("0", {}, None)
    short, apple = make_portfolio(alice, "Short", allow_short=True), make_asset("AAPL")
    make_bars(apple, {BOUGHT: 100})
    sell(short, apple, 2, 100, BOUGHT)
    message = told(short, AAPL=at("90", "100"))
    assert (message["market_value"], message["day_change"], message["unrealized_pnl"]) == ("-180", "20", "20")
    assert message["holdings"]["AAPL"]["weight"] is None


def test_it_takes_a_fixed_number_of_queries(euros: Portfolio) -> None:
    few, _ = count_queries(lambda: live_total(euros))
    for number in range(5):
        asset = make_asset(f"S{number}", currency="GBP")
        make_bars(asset, {CLOSED: 100})
        buy(euros, asset, 1, 100, BOUGHT)
    many, texts = count_queries(lambda: live_total(euros))
    assert many == few <= 11, texts


def today_at(hour: int = 12) -> datetime:
    return timezone.now().replace(hour=hour, minute=0, second=0, microsecond=0)


@pytest.fixture
def bought_before(alice: User) -> Portfolio:
    """10 AAPL that closed at 110 yesterday; their day is that of UTC, in which New York's begins hours later."""
    portfolio, apple = make_portfolio(alice), make_asset("AAPL", exchange=None)
    yesterday = timezone.now().date() - timedelta(days=1)
    make_bars(apple, {yesterday: 110})
    buy(portfolio, apple, 10, 100, yesterday)
    return portfolio


def test_what_was_bought_today_moves_from_its_price(bought_before: Portfolio) -> None:
    buy(bought_before, Asset.objects.get(symbol="AAPL"), 5, 118, timezone.now().date())
    message = told(bought_before, AAPL=at("120", "110", today_at().timestamp()))
    assert (message["market_value"], message["day_change"]) == ("1800", "110")  # 10 × (120 - 110) + 5 × (120 - 118)
    assert message["day_return"] == round(110 / (1100 + 590), 8)


def test_what_was_sold_today_moved_to_its_price(bought_before: Portfolio) -> None:
    sell(bought_before, Asset.objects.get(symbol="AAPL"), 4, 115, timezone.now().date())
    message = told(bought_before, AAPL=at("120", "110", today_at().timestamp()))
    assert message["day_change"] == "80"  # 6 × 10 + 4 × 5


def test_what_was_sold_whole_today_counts_and_is_held_no_more(bought_before: Portfolio) -> None:
    sell(bought_before, Asset.objects.get(symbol="AAPL"), 10, 115, timezone.now().date())
    message = told(bought_before, AAPL=at("120", "110", today_at().timestamp()))
    assert (message["market_value"], message["day_change"], message["holdings"]) == ("0", "50", {})
    assert message["complete"]


def test_a_trade_after_the_newest_price_has_no_part_in_its_days_change(bought_before: Portfolio) -> None:
    buy(bought_before, Asset.objects.get(symbol="AAPL"), 5, 118, timezone.now().date())
    yesterday = (today_at() - timedelta(days=1)).timestamp()
    assert told(bought_before, AAPL=at("110", "100", yesterday))["day_change"] == "100"  # 10 × (110 - 100)


def test_what_came_in_after_the_day_has_no_part_in_its_change(bought_before: Portfolio) -> None:
    today = timezone.now().date()
    sydney = make_asset("SYD", exchange=None)
    make_bars(sydney, {today - timedelta(days=1): 100})
    early, point = buy(bought_before, sydney, 10, 110, today), at("110", "100", today_at().timestamp())
    buy(bought_before, sydney, 5, 104, today)
    assert told(bought_before, SYD=point)["day_change"] == "30"  # 10 × (110 - 110) + 5 × (110 - 104)
    Trade.objects.filter(pk=early.pk).update(day=today + timedelta(days=1))  # the exchange's day begins before UTC's
    message = told(bought_before, SYD=point)
    assert (message["holdings"]["SYD"]["value"], message["day_change"]) == ("1650", "30")
