"""A bond on the page of its holding: figures, accrued interest and payments to come, in money."""

from __future__ import annotations

from dataclasses import replace
from datetime import date
from decimal import Decimal

import pytest
from django.test import Client

from assets.bonds import DayCount
from assets.models import Asset, Bond
from assets.tests.factories import TREASURY, make_asset, make_bars, make_bond
from core.testing import Page, count_queries
from portfolios.models import Portfolio
from portfolios.services.actions import apply_action
from portfolios.tests.factories import buy, make_portfolio
from users.models import User

URL = "/holdings/UST34/"


@pytest.fixture
def browser(client: Client, alice: User) -> Client:
    client.force_login(alice)
    return client


@pytest.fixture
def treasury(db: None) -> Asset:
    return make_bond(closes={date(2024, 5, 14): "98.25", date(2024, 5, 15): "99.5"})


@pytest.fixture
def portfolio(alice: User, treasury: Asset) -> Portfolio:
    made = make_portfolio(alice)
    buy(made, treasury, 10_000, "98.25", "2024-05-14")
    return made


def card(browser: Client, query: str = "") -> str:
    page = browser.get(URL + query).content.decode()
    assert Page(page).faults == []
    return page.split('aria-labelledby="bond-title"', 1)[1].split("</section>", 1)[0]


def test_figures_and_payments_of_the_holding(browser: Client, portfolio: Portfolio) -> None:
    text = card(browser)
    assert "99.50" in text
    assert "98.90 USD of this holding, by 15 May 2024" in text  # 10,000 × 2 % × 90 / 182
    assert "4.00% coupon, 2 a year" in text
    assert "14,000.00 USD in 20 payments" in text
    assert text.count(">200.00 ") == 12
    assert "15 Aug 2024" in text
    assert "the last is 10,200.00 on 15 Feb 2034" in text
    assert text.count("a year</small>") == 1
    assert "/methods/#yield-to-maturity" in text


def test_each_price_with_interest_says_by_when(browser: Client, portfolio: Portfolio) -> None:
    """That of the holding by today, as its value has it, and that of the card by the day of the close."""
    assert "interest by today" in browser.get(URL).content.decode()
    assert "USD of this holding, by 15 May 2024" in card(browser)
    then = browser.get(f"{URL}?as_of=2024-05-15").content.decode()
    assert "interest by today" not in then
    assert "USD of this holding, by 15 May 2024" in then


def test_its_payments_are_coupons_and_its_prices_of_par(browser: Client, portfolio: Portfolio) -> None:
    apply_action(
        asset=portfolio.investments.get().asset,
        kind="cash_dividend",
        ex_date=date(2024, 8, 15),
        cash=Decimal("0.02"),
        actor=None,
    )
    told = browser.get(URL).content.decode()
    paid = told.split('aria-labelledby="actions-title"', 1)[1].split("</section>", 1)[0]
    german = browser.get(URL, headers={"accept-language": "de"}).content.decode()

    marked = told.split('aria-labelledby="price-title"', 1)[1].split("</section>", 1)[0]
    traded = told.split('aria-labelledby="trades-title"', 1)[1].split("</section>", 1)[0]
    assert paid.count("Coupon") == 1
    assert "2 USD per 100" in paid
    assert "Adjusted close in % of par" in marked
    assert "Buy 10,000 at 98.25 % of par" in marked
    assert "Coupon of 200.00 USD net" in marked
    assert "</span>Coupon</li>" in marked
    assert "Dividend" not in marked
    assert '98.25 <span class="unit">% of par</span>' in traded
    assert "Cash dividend" not in paid
    assert "% of par" in told
    assert "% of par a unit" not in told
    assert "% des Nennwerts" in german
    assert "of par" not in german


def test_another_day_has_the_close_of_then(browser: Client, portfolio: Portfolio) -> None:
    text = card(browser, "?as_of=2024-05-14")
    assert "98.25" in text
    assert "97.80 USD of this holding, by 14 May 2024" in text


def test_a_matured_bond_says_so(browser: Client, portfolio: Portfolio) -> None:
    Bond.objects.update(matures=date(2024, 5, 15))
    text = card(browser)
    assert "UST34 matured on 2024-05-15." in text
    assert "<table" not in text


def test_an_unpriced_bond_still_shows_its_payments(browser: Client, alice: User) -> None:
    buy(make_portfolio(alice), make_bond(), 10_000, "98.25", "2024-05-14")
    text = card(browser)
    assert "There is no price of UST34." in text
    assert "in 20 payments" in text


def test_a_bond_without_terms_says_so_and_a_share_has_no_card(browser: Client, alice: User) -> None:
    portfolio = make_portfolio(alice)
    for symbol, kind in (("UST34", "bond"), ("AAPL", "equity")):
        asset = make_asset(symbol, type=kind)
        make_bars(asset, {date(2024, 5, 14): 98})
        buy(portfolio, asset, 1, 98, "2024-05-14")
    assert "The terms of UST34 are not known." in card(browser)
    assert 'aria-labelledby="bond-title"' not in browser.get("/holdings/AAPL/").content.decode()


def test_a_monthly_bond_of_a_hundred_years_takes_no_more_queries(
    browser: Client, portfolio: Portfolio, treasury: Asset
) -> None:
    card(browser)
    few, _ = count_queries(lambda: browser.get(URL))
    terms = replace(TREASURY, matures=date(2124, 2, 15), frequency=12, day_count=DayCount.THIRTY_360)
    Bond.objects.filter(asset=treasury).update(matures=terms.matures, frequency=12, day_count=terms.day_count)
    count, texts = count_queries(lambda: card(browser))
    assert count == few, texts
    assert "in 1197 payments" in card(browser)  # three of the 1,200 were paid
