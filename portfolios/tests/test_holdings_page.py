"""The page of holdings as its reader gets it."""

from __future__ import annotations

import csv
import io
import re
from datetime import date, timedelta
from decimal import Decimal
from typing import Any

import pytest
from django.test import Client
from django.utils import timezone
from django.utils.formats import date_format

from assets.models import Asset, CompanyProfile
from assets.tests.factories import make_asset, make_bars, make_rate
from core.testing import Page, count_queries, owner_of
from portfolios.models import HoldingColumns, Portfolio
from portfolios.queries import holdings
from portfolios.services.actions import apply_action
from portfolios.services.sharing import share_portfolio
from portfolios.services.trades import void_trade
from portfolios.templatetags import money
from portfolios.tests.factories import buy, make_portfolio, sell
from users.models import User

FIRST = date(2024, 1, 2)


@pytest.fixture
def browser(client: Client, alice: User) -> Client:
    client.force_login(alice)
    return client


@pytest.fixture
def growth(alice: User) -> Portfolio:
    """Two held (AAPL twice as large), one sold, in two currencies; closes of 2 to 9 January."""
    portfolio = make_portfolio(alice)
    make_rate("EURUSD", {FIRST: "1.10"})
    kinds = {"AAPL": ("Technology", "USD", "equity"), "SAP": ("Technology", "EUR", "equity"), "GLD": ("", "USD", "etf")}
    for symbol, (sector, currency, kind) in kinds.items():
        asset = make_asset(symbol, sector=sector, currency=currency, type=kind)
        make_bars(asset, [100, 101, 102, 103, 104, 105], start=FIRST)
        buy(portfolio, asset, 20 if symbol == "AAPL" else 10, 100, FIRST)
    sell(portfolio, Asset.objects.get(symbol="GLD"), 10, 103, "2024-01-05")
    return portfolio


def written(day: date) -> str:
    """As tables have days, in the locale."""
    return date_format(day, "SHORT_DATE_FORMAT")


def text_of(browser: Client, url: str = "/holdings/", status: int = 200) -> str:
    answer = browser.get(url)
    assert answer.status_code == status
    page = answer.content.decode()
    assert Page(page).faults == []
    return page


def shown(page: str) -> list[str]:
    """The symbols of the rows, in their order."""
    body = page.split("<tbody")[1].split("</tbody>", maxsplit=1)[0] if "<tbody" in page else ""
    return [part.split("/")[0] for part in body.split('class="symbol" href="/holdings/')[1:]]


def test_every_figure_is_that_of_the_books(browser: Client, growth: Portfolio) -> None:
    page = text_of(browser)
    held = holdings([growth])[growth.pk]
    assert len(held) == 2
    for holding in held:
        texts = [holding.symbol, holding.name, holding.sector, money.quantity(holding.quantity)]
        texts += [money.amount(holding.cost_base, "USD"), money.amount(holding.value, "USD")]
        texts += [money.signed_amount(holding.unrealised_gain, "USD"), money.percent(holding.weight, 1)]
        texts += [money.signed_percent(holding.unrealised_return), written(FIRST), "9 Jan 2024"]
        assert [text for text in texts if text not in page] == []
    assert "1,000.00 EUR" in page
    assert "Together" in page
    assert money.amount(sum((holding.value for holding in held if holding.value), Decimal(0)), "USD") in page
    assert "100.0%" in page
    assert 'aria-current="page">Holdings' in page


def test_income_and_the_oldest_lot(browser: Client, growth: Portfolio, carol: User) -> None:
    apple = Asset.objects.get(symbol="AAPL")
    apply_action(asset=apple, kind="cash_dividend", ex_date=date(2024, 1, 4), cash=Decimal("0.24"), actor=carol)
    buy(growth, apple, 5, 100, "2024-01-08")
    sell(growth, apple, 20, 104, "2024-01-08")
    HoldingColumns.objects.create(user=owner_of(growth), names="realised,held")
    page = text_of(browser, "/holdings/?q=AAPL")
    assert "4.80 income" in page
    assert written(date(2024, 1, 8)) in page  # first in, first out: the lot of the 2nd is gone


@pytest.mark.parametrize(
    ("query", "symbols"),
    [
        ("", ["AAPL", "SAP"]),
        ("sort=symbol", ["AAPL", "SAP"]),
        ("sort=-symbol", ["SAP", "AAPL"]),
        ("sort=value", ["SAP", "AAPL"]),
        ("sort=nonsense", ["AAPL", "SAP"]),
        ("sort=-", ["AAPL", "SAP"]),
        ("q=sa", ["SAP"]),
        ("currency=EUR", ["SAP"]),
        ("currency=XXX", ["AAPL", "SAP"]),
        ("sector=Technology", ["AAPL", "SAP"]),
        ("state=closed", ["GLD"]),
        ("state=all&type=etf", ["GLD"]),
        ("state=all&sector=Unclassified", ["GLD"]),
        ("page=7", ["AAPL", "SAP"]),
        ("page=-1&page=x", ["AAPL", "SAP"]),
        ("page=99999999999999999999", ["AAPL", "SAP"]),
        ("page=%D9%A1", ["AAPL", "SAP"]),
        ("q=%ff%fe", []),
        (f"q={'x' * 500}", ["AAPL", "SAP"]),
    ],
)
def test_narrowing_and_ordering(browser: Client, growth: Portfolio, query: str, symbols: list[str]) -> None:
    assert shown(text_of(browser, f"/holdings/?{query}")) == symbols


def test_the_heads_sort_and_say_so(browser: Client, growth: Portfolio) -> None:
    page = text_of(browser, f"/holdings/?portfolio={growth.pk}&q=a&sort=-gain&page=1")
    assert page.count("aria-sort=") == 1
    assert 'aria-sort="descending"><a class="sort sort-now" href="?portfolio=' in page
    assert "q=a&amp;sort=gain" in page  # the other direction, the filter kept, the page not
    assert "q=a&amp;sort=symbol" in page
    assert "page=1" not in page.split("<main")[1]


def test_what_is_no_value_is_told_beside_its_field(browser: Client, growth: Portfolio) -> None:
    page = text_of(browser, "/holdings/?sector=Mining&group=planet")
    assert page.count("filter-error") == 2
    assert shown(page) == ["AAPL", "SAP"]


def test_an_earlier_day_is_valued_at_its_prices(browser: Client, growth: Portfolio) -> None:
    page = text_of(browser, "/holdings/?as_of=2024-01-03")
    assert shown(page) == ["AAPL", "SAP", "GLD"]
    assert "valued at the close of" in page
    assert date_format(date(2024, 1, 3), "DATE_FORMAT") in page
    assert "2,020.00" in page
    assert "Back to today" in page
    assert "tag-mark" not in page
    named = re.findall(r'href="([^"]+)as_of=2024-01-03', page.split("<tbody")[1])
    assert named, "a figure is of its own day, and leads to that of this page"
    assert all(link.startswith("/explain/") for link in named), "each holding is shown of the day that is kept"


def test_a_price_that_is_older_than_the_day_is_flagged(browser: Client, growth: Portfolio) -> None:
    page = text_of(browser, "/holdings/?as_of=2024-01-07")  # a Sunday
    assert 'tag-mark">of 5 Jan 2024' in page


def test_before_the_first_trade_nothing_was_held(browser: Client, growth: Portfolio) -> None:
    page = text_of(browser, "/holdings/?as_of=2023-12-29")
    assert f"Nothing was held on {date_format(date(2023, 12, 29), 'DATE_FORMAT')}" in page


@pytest.mark.parametrize(
    "day", ["2024-02-30", "24-1-2", "0001-01-01", "99999-01-01", str(timezone.now().date() + timedelta(days=3))]
)
def test_a_day_that_is_none_shows_the_newest(browser: Client, growth: Portfolio, day: str) -> None:
    assert shown(text_of(browser, f"/holdings/?as_of={day}")) == ["AAPL", "SAP"]


def test_the_day_that_was_chosen_for_all_pages_is_kept(browser: Client, growth: Portfolio) -> None:
    browser.post("/day/", {"day": "2024-01-03", "next": "/holdings/"})
    page = text_of(browser)
    assert shown(page) == ["AAPL", "SAP", "GLD"]
    assert "2,020.00" in page


def test_many_holdings_come_in_pages(browser: Client, growth: Portfolio) -> None:
    for number in range(60):
        asset = make_asset(f"S{number:02}")
        make_bars(asset, {FIRST: 1})
        buy(growth, asset, 1, 1, FIRST)
    first, second = (
        text_of(browser, "/holdings/?q=S&sort=symbol"),
        text_of(browser, "/holdings/?q=S&sort=symbol&page=2"),
    )
    assert (len(shown(first)), len(shown(second))) == (50, 11)  # SAP is one of them
    assert not set(shown(first)) & set(shown(second))
    assert "1 to 50 of 61 holdings" in first
    assert 'href="/holdings/?q=S&amp;sort=symbol&amp;page=2"' in first
    assert "All 61 together" in first
    assert "All 61 together" in second


def test_nothing_found_leads_back(browser: Client, growth: Portfolio) -> None:
    page = text_of(browser, f"/holdings/?portfolio={growth.pk}&q=nosuch")
    assert "No holding fits what you asked for." in page
    assert f'href="/holdings/?portfolio={growth.pk}">Clear filters' in page


def test_nothing_there_leads_on(browser: Client, alice: User) -> None:
    assert "There is no portfolio of yours yet" in text_of(browser)
    portfolio = make_portfolio(alice)
    assert "No trade is booked yet" in text_of(browser)
    asset = make_asset("KO")
    trade = buy(portfolio, asset, 1, 10, FIRST)
    sell(portfolio, asset, 1, 12, "2024-01-03")
    page = text_of(browser)
    assert "Everything was sold." in page
    assert "state=closed" in page
    void_trade(trade=portfolio.trades.get(kind="sell"), actor=alice)
    void_trade(trade=trade, actor=alice)
    assert "No trade is booked yet" in text_of(browser)


def test_somebody_elses_portfolio_does_not_exist(client: Client, bob: User, growth: Portfolio) -> None:
    client.force_login(bob)
    make_portfolio(bob, "Mine")
    for wanted in (growth.pk, growth.pk + 999, "x", ""):
        assert client.get(f"/holdings/?portfolio={wanted}").status_code == 404
    assert "AAPL" not in text_of(client)


def test_names_are_escaped(browser: Client, growth: Portfolio) -> None:
    Asset.objects.filter(symbol="AAPL").update(name="<script>x</script>", sector="<b>")
    assert "<script>x" not in text_of(browser, "/holdings/?q=<script>&state=all")


def test_an_earlier_day_takes_a_fixed_number_of_queries(browser: Client, growth: Portfolio) -> None:
    def read() -> None:
        text_of(browser, "/holdings/?as_of=2024-01-04")

    read()  # which brings the price panel up to date
    few, _ = count_queries(read)
    for number in range(12):
        asset = make_asset(f"S{number:02}")
        make_bars(asset, {FIRST: 1})
        buy(growth, asset, 3, 1, FIRST)
        sell(growth, asset, 1, 1, "2024-01-04")
    read()
    many, texts = count_queries(read)
    assert many == few, texts
    assert many <= 18, texts


def cells(page: str, label: str) -> list[str]:
    """The texts of one column of the rows."""
    parts = page.split("<tfoot", maxsplit=1)[0].split(f'data-label="{label}">')[1:]
    return [re.sub(r"<[^>]+>", "", part.split("</td>", maxsplit=1)[0]).strip() for part in parts]


def test_the_last_closes_are_a_line_with_its_change_in_words(browser: Client, growth: Portfolio) -> None:
    page = text_of(browser)
    assert page.count('class="holdings-trend"') == 2
    assert '<polyline points="0,37 ' in page
    assert cells(page, "90 closes") == ["▲+5.0%", "▲+5.0%"]
    past = text_of(browser, "/holdings/?as_of=2024-01-04")
    assert cells(past, "90 closes") == ["▲+2.0%"] * 3
    assert cells(text_of(browser, "/holdings/?as_of=2024-01-02"), "90 closes") == ["–"] * 3


@pytest.mark.parametrize(
    ("group", "names", "symbols"),
    [
        ("class", ["Equity", "ETF"], ["AAPL", "SAP", "GLD"]),
        ("sector", ["Technology", "Unclassified"], ["AAPL", "SAP", "GLD"]),
        ("currency", ["USD", "EUR"], ["AAPL", "GLD", "SAP"]),
        ("country", ["United States", "Unknown"], ["AAPL", "SAP", "GLD"]),
        ("", [], ["AAPL", "SAP", "GLD"]),
        ("nonsense", [], ["AAPL", "SAP", "GLD"]),
    ],
)
def test_groups_with_their_totals(
    browser: Client, growth: Portfolio, group: str, names: list[str], symbols: list[str]
) -> None:
    country = CompanyProfile(asset=Asset.objects.get(symbol="AAPL"), country="US", source="test")
    country.save()
    page = text_of(browser, f"/holdings/?state=all&group={group}")
    heads = page.split('class="holdings-group"')[1:]
    assert [re.search(r'class="words">([^<]+)<', head)[1] for head in heads] == names  # type: ignore[index]
    rows = page.split("<tbody", 1)[1].rsplit("</tbody>", 1)[0].split('class="symbol" href="/holdings/')[1:]
    assert [row.split("/")[0] for row in rows] == symbols
    if group == "currency":
        assert "2,100.00" in heads[0]  # 20 of AAPL at 105, and none of GLD any more
        assert "1,155.00" in heads[1]  # 10 of SAP at 105 EUR and 1.10


def test_what_nobody_named_is_said_in_the_readers_language(browser: Client, growth: Portfolio, alice: User) -> None:
    User.objects.filter(pk=alice.pk).update(locale="de")
    for group, word in (("sector", "Nicht zugeordnet"), ("country", "Unbekannt")):
        page = text_of(browser, f"/holdings/?state=all&group={group}")
        assert word in page.split('class="holdings-group"', 1)[1]
    assert '<option value="Unclassified">Nicht zugeordnet' in page
    assert shown(text_of(browser, "/holdings/?state=all&sector=Unclassified"))


def test_a_group_goes_on_on_the_next_page(browser: Client, growth: Portfolio) -> None:
    for number in range(60):
        asset = make_asset(f"S{number:02}", sector="Small")
        make_bars(asset, {FIRST: 1})
        buy(growth, asset, 1, 1, FIRST)
    page = text_of(browser, "/holdings/?group=sector&sort=symbol&page=2")
    assert page.count('class="holdings-group"') == 1
    assert "60 holdings, continued" in page
    assert shown(page) == [f"S{number:02}" for number in range(48, 60)]


def test_columns_are_chosen_and_remembered(browser: Client, growth: Portfolio, bob: User) -> None:
    back = f"portfolio={growth.pk}&sort=symbol"
    answer = browser.post("/settings/holding-columns/", {"columns": ["weight", "country", "day"], "back": back})
    assert (answer.status_code, answer["Location"]) == (302, f"/holdings/?{back}")
    page = text_of(browser)
    assert page.count("data-label=") == 3 * 2 + 1  # the total has a weight alone
    assert cells(page, "Country") == ["Unknown"] * 2
    assert cells(page, "Last day") == ["▲+0.96%"] * 2  # 105 after 104
    assert "90 closes</a>" not in page
    assert HoldingColumns.objects.get().names == "country,day,weight"
    assert "Unrealised gain" in text_of(_logged_in(bob, growth), f"/holdings/?portfolio={growth.pk}")
    browser.post("/settings/holding-columns/", {"action": "reset"})
    assert "90 closes</a>" in text_of(browser)
    assert not HoldingColumns.objects.exists()


def _logged_in(user: User, seen: Portfolio) -> Client:
    assert seen.owner
    share_portfolio(portfolio=seen, person=user.username, role="viewer", actor=seen.owner)
    client = Client()
    client.force_login(user)
    return client


@pytest.mark.parametrize(
    ("given", "said"),
    [
        ({"columns": ["weight", "nonsense"]}, "There is no such column of holdings."),
        ({"columns": ["weight" * 100]}, "There is no such column of holdings."),
        ({"columns": ["a\x00b"]}, "There is no such column of holdings."),
        ({}, "Choose at least one column."),
        ({"back": "//elsewhere.example/", "action": "x"}, "Choose at least one column."),
    ],
)
def test_columns_that_are_none_are_refused(
    browser: Client, growth: Portfolio, given: dict[str, Any], said: str
) -> None:
    answer = browser.post("/settings/holding-columns/", given)
    assert answer["Location"].startswith("/holdings/")
    assert not HoldingColumns.objects.exists()
    assert said in text_of(browser, answer["Location"])


def test_what_was_stored_of_columns_that_are_gone_is_left_out(browser: Client, growth: Portfolio, alice: User) -> None:
    HoldingColumns.objects.create(user=alice, names="gone,value")
    assert len(cells(text_of(browser), "Value")) == 2
    HoldingColumns.objects.update(names="gone")
    assert "90 closes</a>" in text_of(browser)


def test_the_file_has_what_is_shown(browser: Client, growth: Portfolio) -> None:
    browser.post("/settings/holding-columns/", {"columns": ["quantity", "trend", "value", "gain", "weight"]})
    answer = browser.get("/holdings/?format=csv&sort=symbol&group=currency&state=all")
    assert answer["Content-Type"] == "text/csv; charset=utf-8"
    rows = list(csv.DictReader(io.StringIO(answer.getvalue().decode())))
    assert [(row["group"], row["symbol"]) for row in rows] == [("USD", "AAPL"), ("USD", "GLD"), ("EUR", "SAP")]
    assert rows[0] == {
        "group": "USD",
        "symbol": "AAPL",
        "name": rows[0]["name"],
        "quantity": "20",
        "average_cost": "100",
        "trend": "0.050000",
        "trend_since": "2024-01-02",
        "value": "2100",
        "unrealised_gain": "100",
        "unrealised_return": "0.05",
        "weight": rows[0]["weight"],
        "base_currency": "USD",
    }
    assert "group" not in browser.get("/holdings/?format=csv").getvalue().decode().split("\n")[0]


def test_the_file_starts_no_formula_and_holds_nothing_of_others(browser: Client, growth: Portfolio, bob: User) -> None:
    Asset.objects.filter(symbol="AAPL").update(name="=1+1")
    assert "'=1+1" in browser.get("/holdings/?format=csv").getvalue().decode()
    theirs = Client()
    theirs.force_login(bob)
    assert theirs.get(f"/holdings/?format=csv&portfolio={growth.pk}").status_code == 404
