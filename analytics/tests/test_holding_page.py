"""One asset of a portfolio on its page: figures, prices with marks, lots, disposals, trades, actions, any day."""

from __future__ import annotations

from datetime import date
from decimal import Decimal

import pytest
from django.test import Client

from analytics.tests.pages import chart_of, section
from assets.models import Asset
from assets.tests.factories import make_asset, make_bars, make_rate
from core.testing import Page, count_queries
from portfolios.models import Portfolio
from portfolios.queries import holdings
from portfolios.services.actions import apply_action
from portfolios.services.methods import change_method
from portfolios.services.trades import void_trade
from portfolios.templatetags import money
from portfolios.tests.factories import buy, make_portfolio, sell
from users.models import User

FIRST = date(2024, 1, 2)
CLOSES = [100, 102, 104, 106, 108, 110, 112, 114]  # 2 to 11 January


@pytest.fixture
def browser(client: Client, alice: User) -> Client:
    client.force_login(alice)
    return client


@pytest.fixture
def apple(db: None) -> Asset:
    asset = make_asset("AAPL", sector="Technology")
    make_bars(asset, CLOSES, start=FIRST)
    return asset


@pytest.fixture
def growth(alice: User, apple: Asset) -> Portfolio:
    """Bought on the 2nd and 3rd, sold on the 8th, and once bought by mistake."""
    portfolio = make_portfolio(alice)
    buy(portfolio, apple, 10, 100, FIRST, fee=Decimal(5))
    buy(portfolio, apple, 5, 102, "2024-01-03")
    sell(portfolio, apple, 12, 108, "2024-01-08")
    void_trade(trade=buy(portfolio, apple, 1, 104, "2024-01-04"), actor=alice)
    return portfolio


def text_of(browser: Client, url: str = "/holdings/AAPL/", status: int = 200) -> str:
    answer = browser.get(url)
    assert answer.status_code == status
    page = answer.content.decode()
    assert Page(page).faults == []
    return page


def test_the_figures_are_those_of_the_books(browser: Client, growth: Portfolio) -> None:
    page = section(text_of(browser), "figures-title")
    holding = holdings([growth])[growth.pk][0]
    texts = [money.quantity(holding.quantity), money.amount(holding.value, "USD")]
    texts += [money.amount(holding.cost_base, "USD"), money.signed_amount(holding.unrealised_gain, "USD")]
    texts += [money.signed_amount(holding.realised_gain, "USD"), "100.0%", "since 3 Jan 2024", "11 Jan 2024"]
    assert [text for text in texts if text not in page] == []


def test_lots_disposals_and_trades(browser: Client, growth: Portfolio) -> None:
    page = text_of(browser)
    lots, sold, trades = (section(page, name) for name in ("lots-title", "disposals-title", "trades-title"))
    assert "Buy of 3 Jan 2024" in lots
    assert "306.00" in lots  # 3 of the 5 are left
    assert "1 lot" in lots
    assert sold.count("8 Jan 2024") == 2
    assert "6 days, short term" in sold
    assert "+75.00" in sold  # 10 × 108 − 1,005
    assert "+12.00" in sold
    assert trades.count('<tr role="row"') == 5  # the head and four
    assert trades.count('tag-mark">voided') == 1


def test_a_lot_says_what_its_basis_went_through(browser: Client, growth: Portfolio, apple: Asset, carol: User) -> None:
    apply_action(asset=apple, kind="split", ex_date=date(2024, 1, 9), ratio=Decimal(2), per=Decimal(1), actor=carol)
    apply_action(asset=apple, kind="cash_dividend", ex_date=date(2024, 1, 4), cash=Decimal("0.24"), actor=carol)
    child = make_asset("KID")
    make_bars(child, {date(2024, 1, 10): 20})
    apply_action(
        asset=apple,
        kind="spin_off",
        ex_date=date(2024, 1, 10),
        target=child,
        ratio=Decimal(1),
        per=Decimal(2),
        basis_share=Decimal("0.1"),
        actor=carol,
    )
    page = text_of(browser)
    assert "then split of 9 Jan 2024, 2 for 1" in section(page, "lots-title")
    actions = section(page, "actions-title")
    assert "3.60" in actions  # 15 × 0.24
    assert actions.count("0.24 USD a unit") == 1  # a payment is told once, with what it brought
    assert "9 Jan 2024: Split, 2 for 1" in actions
    assert "Spin-off, 1 for 2, KID" in actions
    kid = text_of(browser, "/holdings/KID/")
    assert "Buy of 3 Jan 2024</a> of AAPL" in section(kid, "lots-title")
    assert "then spin-off of 10 Jan 2024, 1 for 2" in section(kid, "lots-title")
    assert "it came by a corporate action" in kid


def test_the_price_and_its_trades_are_drawn_and_told(browser: Client, growth: Portfolio) -> None:
    page = text_of(browser)
    chart = chart_of(page)
    assert (chart["unit"], chart["currency"], chart["digits"]) == ("money", "USD", 2)
    assert chart["series"][0]["values"] == [float(close) for close in CLOSES]
    assert chart["marks"] == [
        {
            "role": "buy",
            "points": [
                ["2024-01-02", 100.0, "Buy 10 at 100.00 USD"],
                ["2024-01-03", 102.0, "Buy 5 at 102.00 USD"],
            ],
        },
        {"role": "sell", "points": [["2024-01-08", 108.0, "Sell 12 at 108.00 USD"]]},
    ]
    card = section(page, "price-title")
    assert "Adjusted close in USD" in card
    assert "with 3 trades" in card
    assert "▲</span>Buy" in card
    assert "▼</span>Sell" in card
    assert "2 Jan 2024 to 11 Jan 2024" in card
    assert "11 Jan 2024</th>" in card  # the table


def test_marks_stand_on_the_adjusted_line(browser: Client, growth: Portfolio, apple: Asset, carol: User) -> None:
    apply_action(asset=apple, kind="split", ex_date=date(2024, 1, 9), ratio=Decimal(2), per=Decimal(1), actor=carol)
    chart = chart_of(text_of(browser))
    assert chart["marks"][0]["points"][0] == ["2024-01-02", 50.0, "Buy 10 at 100.00 USD"]


def test_a_price_in_pence_is_called_so(browser: Client, alice: User) -> None:
    share, portfolio = make_asset("HSBA", currency="GBP", price_factor=Decimal("0.01")), make_portfolio(alice)
    make_bars(share, [620, 622, 624], start=FIRST)
    make_rate("GBPUSD", {FIRST: "1.25"})
    buy(portfolio, share, 10, "620.5", FIRST)
    buy(portfolio, share, 10, "7.75", "2024-01-03", currency="USD")
    page = text_of(browser, "/holdings/HSBA/")
    chart = chart_of(page)
    assert (chart["currency"], chart["digits"]) == ("GBX", 2)
    marks = [point[2] for point in chart["marks"][0]["points"]]
    assert marks == ["Buy 10 at 620.50 GBX", "Buy 10 at 7.75 USD"]
    trades = section(page, "trades-title")
    assert '620.50 <span class="unit">GBX</span>' in trades
    assert '7.75 <span class="unit">USD</span>' in trades
    assert ">620.25</a> GBX a unit" in section(page, "figures-title")


@pytest.mark.parametrize(("query", "days"), [("span=1m", 8), ("span=x", 8), ("", 8), ("as_of=2024-01-04", 3)])
def test_the_span_of_the_chart(browser: Client, growth: Portfolio, query: str, days: int) -> None:
    assert len(chart_of(text_of(browser, f"/holdings/AAPL/?{query}"))["days"]) == days


def test_an_earlier_day_shows_what_was_so_then(browser: Client, growth: Portfolio, alice: User) -> None:
    change_method(portfolio=growth, method="lifo", day=date(2024, 1, 9), actor=alice)
    page = text_of(browser, "/holdings/AAPL/?as_of=2024-01-05")
    figures = section(page, "figures-title")
    assert ">15</a>\n" in figures
    assert "1,590.00" in figures  # 15 × 106
    lots = section(page, "lots-title")
    assert "2 Jan 2024" in lots
    assert "1,005.00" in lots
    assert "2 lots" in lots
    assert section(page, "disposals-title") == ""
    assert "8 Jan 2024" not in section(page, "trades-title")
    assert chart_of(page)["days"][-1] == "2024-01-05"
    assert "Everything is shown as of <strong>5 January 2024</strong>" in page
    assert "Back to today" in page


def test_before_it_was_held(browser: Client, growth: Portfolio) -> None:
    page = text_of(browser, "/holdings/AAPL/?as_of=2023-12-29")
    assert "Not held yet on 29 December 2023" in page
    assert "No close of AAPL is known up to that day" in page


@pytest.mark.parametrize("query", ["as_of=x", "as_of=2999-01-01", "as_of=0001-01-01", "span=%ff", "as_of=2024-02-30"])
def test_what_is_no_value_is_answered_like_none(browser: Client, growth: Portfolio, query: str) -> None:
    page = text_of(browser, f"/holdings/AAPL/?{query}")
    assert "since 3 Jan 2024" in page
    assert ("is no day that can be shown" in page) == query.startswith("as_of")


def test_another_currency_shows_both(browser: Client, alice: User) -> None:
    portfolio = make_portfolio(alice)
    make_rate("EURUSD", {FIRST: "1.10", date(2024, 1, 8): "1.20"})
    sap = make_asset("SAP", currency="EUR")
    make_bars(sap, [100, 100, 100, 100, 100], start=FIRST)
    buy(portfolio, sap, 10, 100, FIRST)
    sell(portfolio, sap, 4, 110, "2024-01-08")
    page = text_of(browser, "/holdings/SAP/")
    sold = section(page, "disposals-title")
    assert "+48.00" in sold  # the gain of 40 EUR at the rate of the sale
    assert "+40.00" in sold  # the rate's own part: 400 EUR × 0.10
    assert "+88.00" in sold
    lots = section(page, "lots-title")
    assert "Cost (EUR)" in lots
    assert "600.00" in lots
    assert "660.00" in lots


def test_sold_and_voided_assets_keep_their_page(browser: Client, growth: Portfolio, alice: User) -> None:
    asset = make_asset("KO")
    trade = buy(growth, asset, 1, 50, FIRST)
    void_trade(trade=trade, actor=alice)
    page = text_of(browser, "/holdings/KO/")
    assert "every trade is voided" in page
    assert "No close of KO is known." in page


def test_many_rows_are_cut_and_lead_on(browser: Client, growth: Portfolio, apple: Asset) -> None:
    for _ in range(55):
        buy(growth, apple, 1, 100, "2024-01-10")
    page = text_of(browser)
    assert "The newest 50 of 59" in section(page, "trades-title")
    assert "The oldest 50 of 56" in section(page, "lots-title")
    assert f'href="/transactions/?portfolio={growth.pk}&amp;asset=AAPL&amp;voided=on"' in page


def test_what_the_portfolio_never_had_is_not_there(browser: Client, growth: Portfolio, alice: User) -> None:
    make_asset("NVDA")
    for symbol in ("NVDA", "NOSUCH", "aapl", "AAPL/x", "%3Cb%3E"):
        assert browser.get(f"/holdings/{symbol}/").status_code == 404
    other = make_portfolio(alice, "Other")
    assert browser.get(f"/holdings/AAPL/?portfolio={other.pk}").status_code == 404


def test_somebody_elses_holding_does_not_exist(client: Client, bob: User, growth: Portfolio) -> None:
    client.force_login(bob)
    assert client.get("/holdings/AAPL/").status_code == 404
    make_portfolio(bob, "Mine")
    assert client.get("/holdings/AAPL/").status_code == 404
    assert client.get(f"/holdings/AAPL/?portfolio={growth.pk}").status_code == 404


def test_an_earlier_day_takes_a_fixed_number_of_queries(browser: Client, growth: Portfolio, apple: Asset) -> None:
    def read() -> None:
        text_of(browser, "/holdings/AAPL/?as_of=2024-01-10")

    few, _ = count_queries(read)
    for number in range(10):
        buy(growth, apple, 2, 100, "2024-01-04")
        sell(growth, apple, 1, 100, "2024-01-09")
        asset = make_asset(f"S{number}")
        buy(growth, asset, 2, 100, "2024-01-04")
    many, texts = count_queries(read)
    assert many <= few + 1, texts  # assets without a close are priced by the own trades: one query for all
    assert many <= 48, texts
