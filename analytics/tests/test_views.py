"""The Dashboard as its reader gets it: whose it is, what it shows, and that it needs no inline code."""

from __future__ import annotations

from datetime import date, timedelta
from decimal import Decimal
from typing import Any

import pytest
from django.test import Client
from django.urls import reverse
from django.utils import timezone

from analytics import queries
from analytics.models import Snapshot
from analytics.services import recompute
from assets.models import Asset
from assets.tests.factories import make_asset, make_bars
from core.testing import PASSWORD, Page, count_queries
from portfolios.models import Portfolio
from portfolios.queries import holdings, totals
from portfolios.services.actions import apply_action
from portfolios.templatetags import money
from portfolios.tests.factories import buy, make_portfolio, sell
from users.models import User

FIRST, LAST = date(2024, 1, 2), date(2024, 3, 1)
CLOSES = [100 + (index * 7) % 13 for index in range(42)]  # sessions from FIRST to LAST


@pytest.fixture
def browser(client: Client, alice: User) -> Client:
    """Alice's, logged in."""
    client.force_login(alice)
    return client


@pytest.fixture
def index(db: None) -> Asset:
    asset = make_asset("SP500", name="S&P 500", type="index")
    make_bars(asset, [4000 + close for close in CLOSES])
    return asset


@pytest.fixture
def growth(alice: User, index: Asset) -> Portfolio:
    """Two positions and a sale, computed."""
    portfolio = make_portfolio(alice, benchmark=index)
    for symbol, sector in (("AAPL", "Information Technology"), ("KO", "Consumer Staples")):
        asset = make_asset(symbol, sector=sector)
        make_bars(asset, CLOSES)
        buy(portfolio, asset, 10, 100, FIRST)
    sell(portfolio, asset, 4, 105, "2024-02-01")
    recompute([portfolio.pk])
    return portfolio


def text_of(browser: Client, url: str, status: int = 200) -> str:
    response = browser.get(url)
    assert response.status_code == status
    return response.content.decode()


def test_a_dividend_that_is_due_is_shown(browser: Client, growth: Portfolio) -> None:
    assert "Dividends due" not in text_of(browser, "/")
    today = timezone.now().date()
    terms: dict[str, Any] = {"cash": Decimal("1.5"), "pay_date": today + timedelta(9)}
    share = Asset.objects.get(symbol="KO")
    apply_action(asset=share, kind="cash_dividend", ex_date=today - timedelta(1), actor=None, **terms)
    page = text_of(browser, "/")
    assert "Dividends due" in page
    assert ">9.00</a> <small>USD</small>" in page  # 6 shares
    assert Page(page).faults == []


# --- whose it is --------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("url", ["/", "/methods/", "/cards/1/risk/", "/cards/1/value/"])
def test_strangers_are_sent_to_the_login(client: Client, db: None, url: str) -> None:
    response = client.get(url)
    assert (response.status_code, response["Location"]) == (302, f"/login/?next={url}")


def test_a_part_of_a_page_sends_the_whole_page_to_the_login(client: Client, db: None) -> None:
    response = client.get("/cards/1/risk/", headers={"HX-Request": "true"})
    assert response["HX-Redirect"] == reverse("login")


def test_somebody_elses_portfolio_does_not_exist(client: Client, bob: User, growth: Portfolio) -> None:
    client.force_login(bob)
    mine = make_portfolio(bob, "Mine")
    urls = [f"/?portfolio={growth.pk}", f"/cards/{growth.pk}/risk/", f"/cards/{growth.pk}/value/"]
    absent = [url.replace(str(growth.pk), str(growth.pk + 1000)) for url in urls]
    for url in [*urls, *absent, "/?portfolio=x", "/?portfolio="]:
        assert "There is nothing here" in text_of(client, url, 404)
    assert "Growth" not in text_of(client, f"/?portfolio={mine.pk}")


def test_the_first_portfolio_unless_another_is_asked_for(browser: Client, alice: User, growth: Portfolio) -> None:
    other = make_portfolio(alice, "Zinc", base_currency="EUR")
    assert "<h1>Growth</h1>" in text_of(browser, "/")
    page = text_of(browser, f"/?portfolio={other.pk}")
    assert "<h1>Zinc</h1>" in page
    assert f'href="/?portfolio={growth.pk}"' in page


def test_pages_are_read_only(browser: Client) -> None:
    assert [browser.post(url).status_code for url in ("/", "/methods/")] == [405, 405]


# --- what it shows ------------------------------------------------------------------------------------------------


def test_the_figures_are_those_of_the_books(browser: Client, growth: Portfolio) -> None:
    page = text_of(browser, "/")
    every = holdings([growth], include_closed=True)[growth.pk]
    sums = totals(growth, every)
    shown = [money.amount(sums.total_value, "USD"), money.amount(sums.invested, "USD")]
    shown += [money.signed_amount(sums.unrealised_gain, "USD"), money.signed_amount(sums.realised_gain, "USD")]
    shown += [money.signed_percent(sums.unrealised_return)]
    for holding in every:
        shown += [holding.symbol, money.amount(holding.value, "USD"), money.percent(holding.weight, 1)]
        shown += [money.signed_amount(holding.unrealised_gain, "USD"), money.quantity(holding.quantity)]
    assert [text for text in shown if text not in page] == []
    assert sums.realised_gain == Decimal("20.00")
    assert "Values are in USD at the close of" in page
    assert "1 March 2024" in page


def test_the_risk_figures_are_those_of_the_snapshot(browser: Client, growth: Portfolio) -> None:
    page = text_of(browser, "/")
    snapshot = Snapshot.objects.get(portfolio=growth)
    assert money.percent(snapshot.annual_volatility) in page
    assert money.ratio(snapshot.beta) in page
    assert money.signed_percent(snapshot.total_return) in page
    assert "41 daily returns" in page or "42 daily returns" in page
    Snapshot.objects.update(sharpe_ratio=None, problems={"sharpe_ratio": "it does not vary"})
    assert "it does not vary" in text_of(browser, "/")


def test_a_figure_leads_to_its_method(browser: Client, growth: Portfolio) -> None:
    page, methods = text_of(browser, "/"), text_of(browser, "/methods/")
    anchors = {part.split('"')[0] for part in page.split('href="/methods/#')[1:]}
    assert {"value", "unrealised-gain", "sharpe-ratio", "expected-shortfall"} <= anchors
    assert [anchor for anchor in anchors if f'id="{anchor}"' not in methods] == []


@pytest.mark.parametrize(
    ("source", "basis", "mark"),
    [("simulated", "raw", "simulated</span>"), ("test", "total_return", "dividends included")],
)
def test_prices_say_what_they_are(
    browser: Client, alice: User, index: Asset, source: str, basis: str, mark: str
) -> None:
    portfolio = make_portfolio(alice)
    asset = make_asset("XYZ", price_basis=basis)
    make_bars(asset, CLOSES, source=source)
    buy(portfolio, asset, 1, 100, FIRST)
    page = text_of(browser, "/")
    assert mark in page
    assert ("with simulated prices" in page) == (source == "simulated")


def test_an_older_price_is_marked_with_its_day(browser: Client, alice: User, growth: Portfolio) -> None:
    assert "tag tag-mark" not in text_of(browser, "/")
    old = make_asset("OLD")
    make_bars(old, [50], start=FIRST)
    buy(growth, old, 1, 50, FIRST)
    assert 'tag-mark">of 2 Jan 2024' in text_of(browser, "/")


def test_a_missing_rate_is_said_and_not_counted_as_zero(browser: Client, alice: User) -> None:
    portfolio = make_portfolio(alice)
    asset = make_asset("SAP", currency="EUR")
    make_bars(asset, CLOSES)
    buy(portfolio, asset, 1, 100, FIRST, exchange_rate=Decimal("1.1"))
    page = text_of(browser, "/")
    assert "no exchange rate" in page
    assert "Incomplete: a price or an exchange rate is missing" in page


def test_tracked_cash_is_shown_untracked_is_not(browser: Client, alice: User, growth: Portfolio) -> None:
    tracked = make_portfolio(alice, "Tracked", cash="tracked")
    buy(tracked, Asset.objects.get(symbol="KO"), 1, 100, FIRST)
    assert "Balance of its accounts" not in text_of(browser, "/")
    assert "Balance of its accounts" in text_of(browser, f"/?portfolio={tracked.pk}")


# --- staleness ----------------------------------------------------------------------------------------------------


def test_the_card_polls_itself_until_it_is_fresh(browser: Client, growth: Portfolio) -> None:
    url = reverse("risk-card", args=[growth.pk])
    assert "hx-get" not in text_of(browser, url)
    buy(growth, Asset.objects.get(symbol="KO"), 1, 100, LAST)
    card = text_of(browser, url)
    assert f'hx-get="{url}"' in card
    assert "updates itself" in card
    recompute(queries.stale_portfolio_ids())
    assert "hx-get" not in text_of(browser, url)


def test_the_card_waits_for_its_first_figures(browser: Client, growth: Portfolio) -> None:
    Snapshot.objects.all().delete()
    page = text_of(browser, "/")
    assert "This card fills itself in" in page


# --- the chart ----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("view", ["value", "return", "drawdown"])
@pytest.mark.parametrize("span", ["1m", "max"])
def test_the_chart_comes_with_its_data_as_a_table(browser: Client, growth: Portfolio, view: str, span: str) -> None:
    card = text_of(browser, f"/cards/{growth.pk}/value/?view={view}&span={span}")
    assert '<script id="value-data" type="application/json">' in card
    assert f'"days": ["{FIRST if span == "max" else "2024-02-01"}' in card
    assert "1 Mar 2024</th>" in card
    assert card.count('aria-current="true"') == 2


def test_the_last_value_of_the_chart_is_the_portfolios(browser: Client, growth: Portfolio) -> None:
    value = totals(growth, holdings([growth])[growth.pk]).total_value
    assert money.amount(value, "USD") in text_of(browser, f"/cards/{growth.pk}/value/")


@pytest.mark.parametrize("query", ["?view=x&span=y", "?view=", ""])
def test_an_unknown_choice_is_answered_like_none(browser: Client, growth: Portfolio, query: str) -> None:
    assert "Value over time" in text_of(browser, f"/cards/{growth.pk}/value/{query}")


# --- nothing there ------------------------------------------------------------------------------------------------


def test_without_a_portfolio_the_page_leads_on(browser: Client, carol: User) -> None:
    page = text_of(browser, "/")
    assert "There is no portfolio of yours yet" in page
    assert 'href="/portfolios/"' in page
    assert reverse("admin:index") not in page
    browser.force_login(carol)
    assert reverse("admin:index") in text_of(browser, "/")


def test_without_a_trade_the_page_leads_on(browser: Client, alice: User) -> None:
    portfolio = make_portfolio(alice)
    page = text_of(browser, "/")
    assert "No trade is booked yet" in page
    assert f'href="/portfolios/{portfolio.pk}/trades/"' in page


def test_without_a_close_there_is_no_chart(browser: Client, alice: User) -> None:
    buy(make_portfolio(alice), make_asset("NEW"), 1, 100, FIRST)
    page = text_of(browser, "/")
    assert "no value over time yet" in page
    assert "own trade" in page


def test_all_sold_still_shows_what_was_realised(browser: Client, growth: Portfolio) -> None:
    for holding in holdings([growth])[growth.pk]:
        sell(growth, Asset.objects.get(pk=holding.asset_id), holding.quantity, 110, LAST)
    page = text_of(browser, "/")
    assert "Everything was sold." in page
    assert "Realised gains" in page


# --- how it is made -----------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "url", ["/", "/?view=return", "/?portfolio=0", "/methods/", "/cards/{pk}/risk/", "/cards/{pk}/value/"]
)
def test_pages_have_no_inline_code_and_no_faults(browser: Client, growth: Portfolio, url: str) -> None:
    response = browser.get(url.format(pk=growth.pk))
    assert Page(response.content.decode()).faults == []
    policy = response["Content-Security-Policy"]
    assert "default-src 'self'" in policy
    assert "unsafe" not in policy


def test_names_are_escaped(browser: Client, alice: User) -> None:
    make_portfolio(alice, "<script>alert(1)</script>")
    page = text_of(browser, "/")
    assert "<script>alert" not in page
    assert Page(page).faults == []


def test_the_page_sends_as_many_queries_for_twenty_holdings_as_for_two(browser: Client, growth: Portfolio) -> None:
    sell(growth, Asset.objects.get(symbol="KO"), 1, 101, LAST)  # as the others below: what is sold today is asked for
    recompute([growth.pk])
    browser.get("/")
    few, _ = count_queries(lambda: browser.get("/"))
    for number in range(18):
        asset = make_asset(f"A{number}")
        make_bars(asset, CLOSES)
        buy(growth, asset, 10, 100, FIRST)
        sell(growth, asset, 1, 101, LAST)
    recompute([growth.pk])
    browser.get("/")  # brings the price panel up to date
    many, texts = count_queries(lambda: browser.get("/"))
    assert many == few, texts
    assert many <= 30, texts


# --- the login ----------------------------------------------------------------------------------------------------


def test_logging_in_and_out(client: Client, alice: User) -> None:
    page = text_of(client, "/login/?next=/methods/")
    assert Page(page).faults == []
    answer = client.post("/login/", {"username": "alice", "password": PASSWORD, "next": "/methods/"})
    assert (answer.status_code, answer["Location"]) == (302, "/methods/")
    assert client.get("/logout/").status_code == 405
    assert client.post("/logout/")["Location"] == "/login/"
    assert client.get("/").status_code == 302


def test_a_wrong_password_is_told_beside_the_form(client: Client, alice: User) -> None:
    page = client.post("/login/", {"username": "alice", "password": "wrong"}).content.decode()
    assert 'role="alert"' in page
    assert 'value="alice"' in page
    assert Page(page).faults == []


def test_the_sixth_attempt_is_locked_out(client: Client, alice: User) -> None:
    for _ in range(5):
        answer = client.post("/login/", {"username": "alice", "password": "wrong"})
    assert answer.status_code == 429
    answer = client.post("/login/", {"username": "alice", "password": PASSWORD})
    assert answer.status_code == 429
    page = answer.content.decode()
    assert "Login closed for now" in page
    assert Page(page).faults == []


@pytest.mark.parametrize("name", ["400", "403", "404", "403_csrf", "500"])
def test_error_pages_stand_without_a_context(name: str, db: None) -> None:
    from django.template.loader import render_to_string

    assert Page(render_to_string(f"{name}.html")).faults == []


def test_analytics_leads_to_its_first_page_and_keeps_the_question(browser: Client, growth: Portfolio) -> None:
    response = browser.get("/analytics/", {"portfolio": str(growth.pk), "as_of": "2022-06-30"})

    assert response.headers["Location"] == f"/analytics/risk/?portfolio={growth.pk}&as_of=2022-06-30"
    page = browser.get(response.headers["Location"]).content.decode()
    assert 'aria-current="page">Risk</a>' in page
    assert "as of <time" in page
