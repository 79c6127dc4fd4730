"""One security on its page, held or not, and what the page of a holding tells of its asset beside the books."""

from __future__ import annotations

import re
from datetime import date, timedelta
from decimal import Decimal
from html import unescape
from urllib.parse import quote

import pytest
from django.test import Client
from django.utils import timezone
from django.utils.formats import date_format

from analytics.tests.pages import chart_of, section
from assets.models import Asset, CompanyProfile
from assets.providers.base import ActionNotice
from assets.services.notices import note
from assets.services.watchlists import add_entry, create_watchlist
from assets.tests.factories import make_asset, make_bars, make_rate
from core.testing import Page, count_queries
from portfolios.models import Portfolio
from portfolios.services.actions import apply_action
from portfolios.tests.factories import buy, make_portfolio, sell
from users.models import User

FIRST = date(2024, 1, 2)
CLOSES = [100, 102, 104, 106, 108, 110, 112, 114]


@pytest.fixture
def browser(client: Client, alice: User) -> Client:
    client.force_login(alice)
    return client


@pytest.fixture
def apple(db: None) -> Asset:
    asset = make_asset("AAPL", name="Apple Inc.", sector="Technology")
    make_bars(asset, CLOSES, start=FIRST)
    known = {"name": "Apple Inc.", "country": "US", "currency": "USD", "source": "test", "fetched_at": timezone.now()}
    figures = {"market_cap": Decimal(3_000_000_000), "price_earnings": Decimal("28.5")}
    CompanyProfile.objects.create(asset=asset, dividend_yield=Decimal("0.0045"), **known, **figures)
    return asset


@pytest.fixture
def growth(alice: User, apple: Asset) -> Portfolio:
    portfolio = make_portfolio(alice, "Growth")
    buy(portfolio, apple, 10, 100, FIRST)
    sell(portfolio, apple, 4, 108, "2024-01-08")
    return portfolio


def text_of(browser: Client, url: str = "/assets/AAPL/", status: int = 200) -> str:
    answer = browser.get(url)
    assert answer.status_code == status
    page = answer.content.decode()
    assert Page(page).faults == []
    return page


def test_what_nobody_holds_has_a_page(browser: Client, apple: Asset) -> None:
    page = text_of(browser)
    assert "114.00" in section(page, "quote-title")
    chart = chart_of(page)
    assert (chart["series"][0]["values"], chart["marks"]) == ([float(close) for close in CLOSES], [])
    profile = section(page, "profile-title")
    for text in ("Apple Inc.", "US", "3,000,000,000", "28.50", "0.45%", "Technology"):
        assert text in profile
    assert "Begin a watchlist" in page
    assert "New trade" not in page  # without a portfolio there is nothing to book into
    assert "You see it in" not in page


def test_what_one_holds_leads_to_it_and_to_a_trade(browser: Client, growth: Portfolio, bob: User, apple: Asset) -> None:
    theirs = make_portfolio(bob, "Hidden")
    buy(theirs, apple, 7, 100, FIRST)
    page = text_of(browser)
    quote = section(page, "quote-title")
    assert f'href="/holdings/AAPL/?portfolio={growth.pk}">Growth</a>: 6 held today' in quote
    assert f'href="/transactions/new/?portfolio={growth.pk}&amp;asset=AAPL">New trade' in page
    assert "Hidden" not in page
    assert browser.get(f"/assets/AAPL/?portfolio={theirs.pk}").status_code == 404
    assert chart_of(page)["marks"] == []


def test_watchlists_take_it(browser: Client, alice: User, bob: User, apple: Asset) -> None:
    ideas, others = create_watchlist(owner=alice, name="Ideas"), create_watchlist(owner=alice, name="Others")
    create_watchlist(owner=bob, name="Bobs")
    add_entry(watchlist=others, asset=apple)
    page = text_of(browser)
    assert "Add to Ideas" in page
    assert "Watched in Others" in page
    assert "Bobs" not in page
    browser.post(f"/watchlist/{ideas.pk}/", {"action": "add", "add-asset": "AAPL"})
    assert "Watched in Ideas" in text_of(browser)


def test_what_cannot_be_held_is_not_offered_for_a_trade(browser: Client, growth: Portfolio) -> None:
    make_rate("EURUSD", {FIRST: "1.10"})
    assert "New trade" not in text_of(browser, "/assets/EURUSD/")


def test_an_earlier_day_has_its_own_price(browser: Client, apple: Asset) -> None:
    page = text_of(browser, "/assets/AAPL/?as_of=2024-01-04")
    assert "104.00" in section(page, "quote-title")
    assert chart_of(page)["days"][-1] == "2024-01-04"
    assert "Since the close before" in page
    early = text_of(browser, "/assets/AAPL/?as_of=2023-12-29")
    assert "No price is known." in early
    assert "No close of AAPL is known up to that day" in early


def test_an_earlier_day_tells_nothing_that_is_known_of_today_alone(browser: Client, growth: Portfolio) -> None:
    now, past = text_of(browser), text_of(browser, "/assets/AAPL/?as_of=2024-01-04")
    for words in ("held today", "Market value of the company", "Price to earnings", "Dividend yield"):
        assert words in now
        assert words not in past
    assert "Apple Inc." in section(past, "profile-title")
    holding = text_of(browser, f"/holdings/AAPL/?portfolio={growth.pk}&as_of=2024-01-04")
    assert "Market value of the company" not in holding


def test_an_earlier_price_is_of_that_days_shares(browser: Client, growth: Portfolio) -> None:
    asset, ex_date = growth.investments.get().asset, date(2024, 1, 15)
    apply_action(asset=asset, kind="split", ex_date=ex_date, actor=None, ratio=Decimal(4), per=Decimal(1))
    assert "28.50" in section(text_of(browser, "/assets/AAPL/?as_of=2024-01-16"), "quote-title")


@pytest.mark.parametrize("symbol", ["XAU#1", "WHO?", "50%"])
def test_the_way_back_from_the_choice_of_a_day_leads_to_the_same_security(browser: Client, symbol: str) -> None:
    make_bars(make_asset(symbol), CLOSES, start=FIRST)
    page = text_of(browser, f"/assets/{quote(symbol, safe='')}/?span=1y&as_of=2024-01-04")
    [back] = set(re.findall(r'name="next" value="([^"]*)"', page.split("<main", 1)[1].split("</form>", 1)[0]))
    assert f"{symbol} " in unescape(text_of(browser, unescape(back))).split("<title>", 1)[1]


@pytest.mark.parametrize("query", ["as_of=x", "as_of=2999-01-01", "span=%ff", "span=1d"])
def test_what_is_no_value_is_answered_like_none(browser: Client, apple: Asset, query: str) -> None:
    assert len(chart_of(text_of(browser, f"/assets/AAPL/?{query}"))["days"]) == 8


def test_what_is_none_is_not_found(browser: Client, apple: Asset) -> None:
    for symbol in ("NOSUCH", "aapl", "AAPL/x", "%3Cb%3E", "x" * 400):
        assert browser.get(f"/assets/{symbol}/").status_code == 404
    assert Client().get("/assets/AAPL/").status_code == 302


def test_figures_by_span(browser: Client, growth: Portfolio) -> None:
    spy, tip = make_asset("SPY"), make_asset("TIP", name="Tip")
    moves = [Decimal(100 + (place * 7) % 5) for place in range(400)]
    make_bars(spy, moves, start=date(2022, 6, 1))
    make_bars(tip, [2 * move for move in moves], start=date(2022, 6, 1))
    growth.benchmark = spy
    growth.save()
    rows = section(text_of(browser, f"/assets/TIP/?portfolio={growth.pk}"), "spans-title")
    assert rows.count('role="rowheader"') == 2  # a year, and all of it; 3 years are not reached
    assert "beta to SPY in USD" in rows
    assert rows.count('data-label="Beta">1.00<') == 2  # the same moves
    assert 'data-label="Drawdown">−3.85%<' in rows  # 104 to 100
    assert "too few closes" in section(text_of(browser), "spans-title")


def test_the_holding_tells_what_it_paid_and_will_pay(
    browser: Client, growth: Portfolio, apple: Asset, carol: User
) -> None:
    ahead = timezone.now().date() + timedelta(days=30)
    for day, cash in ((date(2024, 1, 4), "0.24"), (date(2025, 3, 5), "0.5")):
        apply_action(asset=apple, kind="cash_dividend", ex_date=day, cash=Decimal(cash), actor=carol)
    notice = ActionNotice("AAPL", "cash_dividend", ahead, "d1", cash=Decimal("0.25"), currency="USD")
    note(apple, [notice], provider="feed", now=timezone.now())
    card = section(text_of(browser, "/holdings/AAPL/"), "income-title")
    assert re.findall(r'class="words">(\d+)</th><td>([\d.]+)<', card) == [("2025", "3.00"), ("2024", "2.40")]
    assert "5.40" in card
    assert f"{date_format(ahead, 'SHORT_DATE_FORMAT')}: Cash dividend, announced, 1.50 USD" in card
    assert "feed" not in card  # who told it is for staff
    past = section(text_of(browser, "/holdings/AAPL/?as_of=2024-06-03"), "income-title")
    assert "2.40" in past
    assert "3.00" not in past
    assert "announced" not in past
    assert section(text_of(browser, "/holdings/AAPL/?as_of=2024-01-03"), "income-title") == ""


def test_dividends_and_splits_are_marked_and_told(
    browser: Client, growth: Portfolio, apple: Asset, carol: User
) -> None:
    apply_action(asset=apple, kind="cash_dividend", ex_date=date(2024, 1, 4), cash=Decimal("0.24"), actor=carol)
    apply_action(asset=apple, kind="split", ex_date=date(2024, 1, 9), ratio=Decimal(2), per=Decimal(1), actor=carol)
    page = text_of(browser, "/holdings/AAPL/")
    marks = {marks["role"]: [point[2] for point in marks["points"]] for marks in chart_of(page)["marks"]}
    assert marks["dividend"] == ["Dividend of 2.40 USD net"]
    assert marks["split"] == ["Split, 2 for 1"]
    card = section(page, "price-title")
    assert "●</span>Dividend" in card
    assert "■</span>Split" in card
    assert "with 2 trades" in card
    told = card.split("Show what is marked (4)")[1]
    days = [date_format(date(2024, 1, day), "SHORT_DATE_FORMAT") for day in (9, 8, 4, 2)]
    assert re.findall(r'class="words">([^<]+)</th><td', told) == days


def test_its_part_of_the_risk(browser: Client, growth: Portfolio) -> None:
    assert "problem" not in section(text_of(browser, "/holdings/AAPL/"), "risk-title")
    other = make_asset("KO", sector="Staples")
    make_bars(other, [50 + (place * 3) % 4 for place in range(60)], start=date(2024, 1, 12))
    make_bars(Asset.objects.get(symbol="AAPL"), [110 + (place * 7) % 5 for place in range(60)], start=date(2024, 1, 12))
    buy(growth, other, 10, 50, "2024-01-12")
    shares = []
    for symbol in ("AAPL", "KO"):
        card = section(text_of(browser, f"/holdings/{symbol}/"), "risk-title")
        shares += [float(share) for share in re.findall(r">([\d.]+)%</a></dd>\s*<dt>Share of the value", card)]
    assert len(shares) == 2
    assert sum(shares) == pytest.approx(100, abs=0.11)


def test_a_fixed_number_of_queries(browser: Client, growth: Portfolio, alice: User, apple: Asset) -> None:
    create_watchlist(owner=alice, name="Ideas")

    def read() -> None:
        text_of(browser)

    few, _ = count_queries(read)
    for number in range(12):
        buy(make_portfolio(alice, f"P{number}"), apple, 1, 100, FIRST)
        create_watchlist(owner=alice, name=f"List {number}")
    many, texts = count_queries(read)
    assert many == few <= 14, texts
