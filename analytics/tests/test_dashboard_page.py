"""The cards of the Dashboard: returns, allocation, movers, income to come, flags, and all portfolios together."""

from __future__ import annotations

import json
import re
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from typing import Any

import pytest
from django.test import Client
from django.urls import reverse
from django.utils import timezone

from analytics.models import RiskFlag
from analytics.queries import period_report
from analytics.services import recompute
from assets.models import Asset
from assets.providers.base import ActionNotice
from assets.services.notices import note
from assets.tests.factories import make_asset, make_bars
from core.testing import Page, count_queries
from portfolios.models import Portfolio
from portfolios.queries import holdings, totals
from portfolios.services.actions import apply_action
from portfolios.services.sharing import share_portfolio
from portfolios.templatetags import money
from portfolios.tests.factories import buy, make_portfolio, sell
from users.models import User

FIRST = date(2024, 1, 2)
CLOSES = [100 + (index * 7) % 13 for index in range(42)]  # sessions from 2 January to 1 March 2024
SEEN = datetime(2024, 3, 2, tzinfo=UTC)


@pytest.fixture
def browser(client: Client, alice: User) -> Client:
    client.force_login(alice)
    return client


@pytest.fixture
def growth(alice: User) -> Portfolio:
    """AAPL rises on the last day, KO falls, beside an index."""
    index = make_asset("SP500", name="S&P 500", type="index")
    make_bars(index, [4000 + close for close in CLOSES])
    portfolio = make_portfolio(alice, benchmark=index)
    for symbol, sector, isin, last in (
        ("AAPL", "Information Technology", "US0378331005", 130),
        ("KO", "Consumer Staples", "", 60),
    ):
        asset = make_asset(symbol, sector=sector, isin=isin)
        make_bars(asset, [*CLOSES[:-1], last])
        buy(portfolio, asset, 10, 100, FIRST)
    recompute([portfolio.pk])
    return portfolio


def text_of(browser: Client, url: str, status: int = 200) -> str:
    response = browser.get(url)
    assert response.status_code == status
    page = response.content.decode()
    assert Page(page).faults == []
    return re.sub(r"\s+", " ", page)


def words(text: str) -> str:
    return re.sub(r"\s+", " ", re.sub(r"<[^>]+>", " ", text))


# --- one portfolio --------------------------------------------------------------------------------------------------


def test_the_days_change_is_there_without_scripts(browser: Client, growth: Portfolio) -> None:
    page = words(text_of(browser, "/"))
    before = CLOSES[-2]
    change = Decimal(10 * (130 - before) + 10 * (60 - before))
    assert money.signed_amount(change, "USD") in page
    assert f"{money.signed_percent(change / (20 * before))} since the closes before" in page


def test_the_days_change_agrees_with_the_return_of_a_day_on_which_was_traded(
    browser: Client, growth: Portfolio
) -> None:
    apple, coke = Asset.objects.get(symbol="AAPL"), Asset.objects.get(symbol="KO")
    buy(growth, apple, 5, 120, date(2024, 3, 1), fee=Decimal(4))
    sell(growth, coke, 10, 61, date(2024, 3, 1))
    page = words(text_of(browser, "/"))
    there, paid, got = 20 * CLOSES[-2], 5 * 120 + 4, 10 * 61
    fraction = money.signed_percent((15 * 130 + got) / (there + paid) - 1)
    assert money.signed_amount(Decimal(15 * 130 + got - there - paid), "USD") in page
    assert f"{fraction} since the closes before" in page
    assert fraction in page[page.index("1 day") :][:40]


def test_returns_stand_beside_the_benchmark(browser: Client, growth: Portfolio) -> None:
    page = words(text_of(browser, "/"))
    [inception] = [row for row in period_report(growth).rows if row.key == "inception"]
    own = inception.figures["total_return"]
    beside = (4000 + CLOSES[-1]) / (4000 + CLOSES[0]) - 1
    assert own is not None
    row = page[page.index("Since inception") :][:150]
    assert money.signed_percent(own) in row
    assert money.signed_percent(beside) in row
    assert f"{money.signed_percent(own - beside)[:-1]} pp" in row
    assert "1 year" not in page[page.index("1 day") : page.index("Since inception")]  # it is younger


def test_each_return_leads_to_how_it_comes_about(browser: Client, growth: Portfolio) -> None:
    page = text_of(browser, "/")
    table = page[page.index("dashboard-returns") :]
    links = re.findall(r'class="explained" href="([^"]+)"', table[: table.index("</table>")])
    assert len(links) == 4  # a day, a week, a month, since inception
    for link in links:
        text_of(browser, link.replace("&amp;", "&"))


def test_the_best_and_the_worst_of_the_day(browser: Client, growth: Portfolio) -> None:
    page = words(text_of(browser, "/"))
    movers = page[page.index("Top movers") :]
    best, worst = movers.index("Best"), movers.index("Worst")
    assert best < movers.index("AAPL") < worst < movers.index("KO")
    assert money.signed_amount(10 * (130 - CLOSES[-2]), "USD") in movers[best:worst]


@pytest.mark.parametrize(
    ("by", "labels"),
    [
        ("class", ["Equity"]),
        ("sector", ["Information Technology", "Consumer Staples"]),
        ("country", ["Country of the company, else of the ISIN", "United States", "Not known"]),
        ("currency", ["USD"]),
        ("account", ["Securities of Growth"]),
        ("nothing", ["Equity"]),
    ],
)
@pytest.mark.parametrize("shape", ["donut", "treemap", "x"])
def test_the_allocation_is_a_link_and_a_part(
    browser: Client, growth: Portfolio, by: str, labels: list[str], shape: str
) -> None:
    card = text_of(browser, f"/cards/{growth.pk}/allocation/?by={by}&shape={shape}")
    whole = text_of(browser, f"/?portfolio={growth.pk}&by={by}&shape={shape}")
    for text in (card, whole):
        part = text[text.index('id="allocation-card"') :]
        assert [label for label in labels if label not in part] == []
        assert ('id="allocation-data"' in part) == (shape == "treemap")
        assert ('class="ring"' in part) == (shape != "treemap")
    worth = totals(growth, holdings([growth])[growth.pk]).total_value
    assert money.amount(worth, "USD") in card


def test_the_treemap_has_the_same_values(browser: Client, growth: Portfolio) -> None:
    card = text_of(browser, f"/cards/{growth.pk}/allocation/?by=sector&shape=treemap")
    [text] = re.findall(r'<script id="allocation-data" type="application/json">(.+?)</script>', card)
    drawn = json.loads(text)
    assert [(each["name"], each["parts"]) for each in drawn["slices"]] == [
        ("Information Technology", [{"name": "AAPL", "value": 1300}]),
        ("Consumer Staples", [{"name": "KO", "value": 600}]),
    ]


def test_income_that_is_known_is_told(browser: Client, growth: Portfolio) -> None:
    assert "Nothing is known to be paid." in text_of(browser, "/")
    today = timezone.now().date()
    terms: dict[str, Any] = {"cash": Decimal("1.5"), "pay_date": today + timedelta(9)}
    asset = Asset.objects.get(symbol="KO")
    apply_action(asset=asset, kind="cash_dividend", ex_date=today - timedelta(1), actor=None, **terms)
    page = words(text_of(browser, "/"))
    assert "Dividend, owed" in page
    assert "The next 90 days, gross: 15.00 USD" in page


def test_what_is_only_announced_is_marked_and_leads_to_its_own_portfolio(
    browser: Client, alice: User, growth: Portfolio
) -> None:
    other, held = make_portfolio(alice, "Other"), make_asset("ELSE")
    make_bars(held, CLOSES)
    buy(other, held, 10, 100, FIRST)
    today = timezone.now().date()
    terms: dict[str, Any] = {"cash": Decimal(1), "pay_date": today + timedelta(9)}
    apply_action(asset=held, kind="cash_dividend", ex_date=today - timedelta(1), actor=None, **terms)
    notice = ActionNotice("ELSE", "cash_dividend", today + timedelta(30), "d1", cash=Decimal("0.5"), currency="USD")
    note(held, [notice], provider="somefeed", now=timezone.now())
    page = text_of(browser, "/?portfolio=all")
    card = page[page.index('id="upcoming-title"') :]
    card = card[: card.index("</section>")]
    assert "15.00 USD, of which 5.00 USD not confirmed" in words(card)
    assert words(card).count("not confirmed") == 2  # in the sum and at the row
    assert "somefeed" not in page
    links = set(re.findall(r'href="(/holdings/ELSE/[^"]*)"', card))
    assert links == {f"/holdings/ELSE/?portfolio={other.pk}"}
    text_of(browser, links.pop())


def test_open_flags_of_this_portfolio_lead_on(browser: Client, alice: User, growth: Portfolio) -> None:
    assert "No flag is open." in text_of(browser, "/")
    other = make_portfolio(alice, "Other")
    given = {"measure": 0.9, "limit": 0.25, "as_of": SEEN.date(), "first_seen": SEEN, "last_seen": SEEN}
    RiskFlag.objects.create(kind="concentration", portfolio=growth, about="AAPL", figures={"asset": "AAPL"}, **given)
    RiskFlag.objects.create(kind="drawdown", portfolio=growth, state="closed", **given)
    RiskFlag.objects.create(kind="value_at_risk", portfolio=other, **given)
    page = text_of(browser, f"/?portfolio={growth.pk}")
    flags = page[page.index('id="flags-title"') :]
    assert f'href="{reverse("holdings")}?portfolio={growth.pk}">Much in one asset</a>' in flags
    assert "90.00%" in flags
    assert "Deep fall" not in flags
    assert "High value at risk" not in flags
    assert "High value at risk" in text_of(browser, "/?portfolio=all")


def test_a_flag_of_an_account_needs_the_right_to_see_the_account(
    client: Client, alice: User, bob: User, growth: Portfolio
) -> None:
    tracked = make_portfolio(alice, "Tracked", cash="tracked")
    buy(tracked, Asset.objects.get(symbol="KO"), 1, 100, FIRST)
    account = tracked.portfolio_accounts.get().account
    given = {"measure": -1, "limit": 0, "as_of": SEEN.date(), "first_seen": SEEN, "last_seen": SEEN}
    RiskFlag.objects.create(kind="overdrawn", account=account, **given)
    share_portfolio(portfolio=tracked, person="bob", role="viewer", actor=alice)
    url, link = f"/?portfolio={tracked.pk}", f'href="{reverse("banking-account", args=[account.pk])}"'
    client.force_login(alice)
    assert link in text_of(client, url)
    client.force_login(bob)
    assert link not in text_of(client, url)


def test_as_of_a_past_day_everything_is_of_that_day(browser: Client, growth: Portfolio) -> None:
    day = date(2024, 2, 1)
    page = words(text_of(browser, f"/?as_of={day}"))
    worth = totals(growth, holdings([growth], day)[growth.pk], day).total_value
    assert money.amount(worth, "USD") in page
    assert "Upcoming income, goals and open flags are of today only" in page
    assert "Worth a look" not in page
    close, before = CLOSES[21], CLOSES[20]  # 1 February is the 22nd session
    assert money.signed_amount(Decimal(20 * (close - before)), "USD") in page
    assert "Values are in USD at the close of 1 February 2024" in page
    card = text_of(browser, f"/cards/{growth.pk}/allocation/?as_of={day}")
    assert money.amount(worth, "USD") in card
    assert f"as_of={day}" in card


def test_before_there_was_anything(browser: Client, growth: Portfolio) -> None:
    assert "Feb" not in words(text_of(browser, "/?as_of=2023-01-05"))
    assert "Nothing is held." in text_of(browser, f"/cards/{growth.pk}/allocation/?as_of=2023-01-05")
    text_of(browser, "/?portfolio=all&as_of=2023-01-05")


# --- all together ---------------------------------------------------------------------------------------------------


@pytest.fixture
def both(alice: User, growth: Portfolio) -> tuple[Portfolio, Portfolio]:
    """Another one, in euros: 2 USD each."""
    make_bars(make_asset("EURUSD", type="fx", currency="USD"), [2] * 42)
    other = make_portfolio(alice, "Europe", base_currency="EUR")
    asset = make_asset("SAP", currency="EUR", sector="Information Technology")
    make_bars(asset, CLOSES)
    buy(other, asset, 1, 100, FIRST)
    recompute([other.pk])
    return growth, other


def test_all_portfolios_add_up_in_the_persons_currency(browser: Client, both: tuple[Portfolio, Portfolio]) -> None:
    page = words(text_of(browser, "/?portfolio=all"))
    assert "2 portfolios as if they were one, in USD" in page
    assert money.amount(Decimal(1900 + 2 * CLOSES[-1]), "USD") in page
    for name in ("Growth", "Europe", "Since inception", "Information Technology"):
        assert name in text_of(browser, "/?portfolio=all&by=sector")
    before = CLOSES[-2]
    change = Decimal(10 * (130 + 60 - 2 * before) + 2 * (CLOSES[-1] - before))
    assert money.signed_amount(change, "USD") in page


def test_the_picker_offers_them_where_there_are_several(browser: Client, both: Any) -> None:
    assert 'href="/?portfolio=all"' in text_of(browser, "/")
    both[1].delete()
    Portfolio.objects.filter(name="Europe").delete()
    assert 'href="/?portfolio=all"' not in text_of(browser, "/")


def test_their_cards(browser: Client, both: tuple[Portfolio, Portfolio]) -> None:
    assert "Securities of Europe" in text_of(browser, "/cards/all/allocation/?by=account")
    assert "Value over time" in text_of(browser, "/cards/all/value/?span=1m")
    card = text_of(browser, "/cards/all/value/?view=drawdown&as_of=2024-02-01")
    assert "1 February 2024" in card or "Feb. 1, 2024" in card


def test_a_missing_rate_is_said(browser: Client, alice: User, growth: Portfolio) -> None:
    make_portfolio(alice, "Far", base_currency="NOK")
    other = make_portfolio(alice, "Euro", base_currency="EUR")
    asset = make_asset("SAP", currency="EUR")
    make_bars(asset, CLOSES)
    buy(other, asset, 1, 100, FIRST)
    page = text_of(browser, "/?portfolio=all")
    assert "Incomplete: a price or an exchange rate is missing" in page
    assert "no exchange rate" in page
    assert "1 thing has no price or exchange rate and is left out." in page


def test_nobody_sees_anothers_in_them(browser: Client, bob: User, growth: Portfolio) -> None:
    make_portfolio(bob, "Secret")
    assert "Secret" not in text_of(browser, "/?portfolio=all")
    browser.force_login(bob)
    assert "Growth" not in text_of(browser, "/?portfolio=all")
    assert "AAPL" not in text_of(browser, "/cards/all/allocation/?shape=treemap")


def test_who_has_no_portfolio_has_no_cards(client: Client, bob: User) -> None:
    client.force_login(bob)
    for url in ("/cards/all/value/", "/cards/all/allocation/"):
        text_of(client, url, 404)


def test_as_many_queries_for_six_as_for_two(browser: Client, alice: User, both: tuple[Portfolio, Portfolio]) -> None:
    def count() -> int:
        browser.get("/?portfolio=all")  # brings the price panel up to date
        return count_queries(lambda: browser.get("/?portfolio=all"))[0]

    few = count()
    for number in range(4):
        more = make_portfolio(alice, f"More {number}")
        buy(more, Asset.objects.get(symbol="KO"), 1, 100, FIRST)
    assert count() == few <= 40
