"""The tax report as a page."""

from __future__ import annotations

import re
from datetime import date
from decimal import Decimal
from html import unescape

import pytest
from django.test import Client

from analytics.models import ReportFile, ReportKind
from analytics.reporting.periods import Period
from analytics.reporting.sheet import Table
from analytics.services.reports import Asked, made
from analytics.sheets import words
from analytics.sheets.tax import sheet
from assets.models import Asset
from assets.tests.factories import make_asset, make_bars, make_rate
from core.testing import Page
from portfolios.models import Portfolio
from portfolios.queries.tax import LONG, SHORT, tax_report
from portfolios.services.actions import apply_action
from portfolios.templatetags import money
from portfolios.tests.factories import buy, make_portfolio, sell
from users.models import User


@pytest.fixture
def browser(client: Client, alice: User) -> Client:
    client.force_login(alice)
    return client


@pytest.fixture
def growth(alice: User) -> Portfolio:
    """2023: one long-term gain. 2024: a long-term gain in January, a short-term loss and a currency gain in March."""
    portfolio = make_portfolio(alice)
    make_rate("EURUSD", {date(2022, 1, 3): "1.00", date(2024, 3, 1): "1.20"})
    apple, sap = make_asset("AAPL"), make_asset("SAP", currency="EUR")
    buy(portfolio, apple, 10, 100, "2022-01-03")
    buy(portfolio, apple, 10, 200, "2024-01-02")
    sell(portfolio, apple, 4, 150, "2023-06-01")
    sell(portfolio, apple, 6, 160, "2024-01-08")
    sell(portfolio, apple, 5, 180, "2024-03-05")
    buy(portfolio, sap, 10, 50, "2022-01-03")
    sell(portfolio, sap, 10, 50, "2024-03-06")
    return portfolio


def text_of(browser: Client, query: str = "") -> str:
    answer = browser.get(f"/reports/tax/{query}")
    assert answer.status_code == 200
    page = answer.content.decode()
    assert Page(page).faults == []
    return page


def test_the_newest_year_with_its_totals_by_term(browser: Client, growth: Portfolio) -> None:
    page = text_of(browser)
    report = tax_report(growth, 2024)
    assert "<h1>Tax report 2024</h1>" in page
    assert (report.of_term(LONG).gain, report.of_term(SHORT).gain) == (460, -100)
    table = page.split('aria-labelledby="totals-title"', 1)[1].split("</table>")[0]
    rows = table.split("<tr")[2:]
    for row, sums in zip(rows, [report.of_term(SHORT), report.of_term(LONG), report.total], strict=True):
        for figure in (sums.proceeds, sums.cost):
            assert money.amount(figure, "USD") in row
        for figure in (sums.gain, sums.gains, sums.losses, sums.price_gain, sums.currency_gain):
            assert money.signed_amount(figure, "USD") in row
    assert report.total.currency_gain == 100


def test_every_disposal_by_security_or_by_day(browser: Client, growth: Portfolio) -> None:
    grouped, flat = text_of(browser, "?group=asset"), text_of(browser, "?group=flat")
    assert grouped.count('class="group-head"') == 2
    assert grouped.index(">AAPL</a>") < grouped.index(">SAP</a>")
    assert 'class="group-head"' not in flat
    for page in (grouped, flat):
        for text in ("735 days, long term", "63 days, short term", "5 Mar 2024", "+360.00", "−100.00"):
            assert text in page
        assert "1 Jun 2023" not in page


@pytest.mark.parametrize(
    ("query", "year"),
    [("?year=2023", 2023), ("?year=2024", 2024), ("?year=1999", 2024), ("?year=x", 2024), (f"?year={'9' * 400}", 2024)],
)
def test_the_year_is_one_with_disposals(browser: Client, growth: Portfolio, query: str, year: int) -> None:
    page = text_of(browser, query)
    assert f"<h1>Tax report {year}</h1>" in page
    assert f'<option value="{year}" selected>' in page
    assert '<option value="2022"' not in page
    assert f'href="/portfolios/{growth.pk}/tax-report/?year={year}&amp;format=csv"' in page
    assert f'href="/reports/income/?portfolio={growth.pk}&amp;period={year}">Dividends, coupons' in page


def test_the_file_behind_the_link_is_there(browser: Client, growth: Portfolio) -> None:
    answer = browser.get(f"/portfolios/{growth.pk}/tax-report/?year=2024&format=csv")
    assert answer["Content-Type"].startswith("text/csv")
    assert answer.content.decode().count("\n") == 4


@pytest.mark.parametrize("chosen", ["in the address", "in the header"])
def test_the_files_show_what_the_page_shows_of_a_past_day(browser: Client, growth: Portfolio, chosen: str) -> None:
    """Until February 2024 only the sale of January is known; the sales of March come later."""
    query = f"?portfolio={growth.pk}&year=2024"
    if chosen == "in the address":
        query += "&as_of=2024-02-10"
    else:
        browser.post("/day/", {"day": "2024-02-10"})
    page = text_of(browser, query)
    assert "8 Jan 2024" in page
    assert "5 Mar 2024" not in page
    [link] = re.findall(r'href="(/portfolios/[^"]*format=csv)"', page)
    lines = browser.get(unescape(link)).content.decode().splitlines()
    assert len(lines) == 2
    assert ",2024-01-08," in lines[1]
    [link] = re.findall(r'href="(/reports/tax/[^"]*format=pdf)"', page)
    shown = browser.get(unescape(link)).content
    asked = Asked(ReportKind.TAX, growth, Period("year", date(2024, 1, 1), date(2024, 2, 10), whole=False), "en")
    assert shown == made(asked)
    found = sheet(tax_report(growth, 2024, date(2024, 2, 10)), asked.period, "en")
    assert found.title == "Tax report 2024, until 10 February 2024"
    [_, disposals] = [section for section in found.sections if isinstance(section, Table)]
    assert [row.cells[1] for row in disposals.rows if not row.strong] == [words.short_day(date(2024, 1, 8))]
    assert asked.rows == 1


def test_a_worker_is_asked_for_the_day_that_is_shown(browser: Client, growth: Portfolio) -> None:
    browser.post(f"/reports/tax/?portfolio={growth.pk}&year=2024&as_of=2024-02-10")
    found = ReportFile.objects.get()
    assert (found.start, found.end, found.whole) == (date(2024, 1, 1), date(2024, 2, 10), False)
    browser.post(f"/reports/tax/?portfolio={growth.pk}&year=2023&as_of=2023-12-31")
    assert ReportFile.objects.filter(end=date(2023, 12, 31), whole=True).exists()


def test_the_years_on_offer_are_those_of_the_day_that_is_shown(browser: Client, growth: Portfolio) -> None:
    page = browser.get(f"/reports/?portfolio={growth.pk}&as_of=2023-12-01").content.decode()
    assert f'href="/reports/tax/?portfolio={growth.pk}&amp;year=2023' in page
    assert "year=2024" not in page


@pytest.mark.parametrize("day", ["x", "2024-02-30", "9999-01-01", "1" * 400])
def test_no_day_is_no_file(browser: Client, growth: Portfolio, day: str) -> None:
    answer = browser.get(f"/portfolios/{growth.pk}/tax-report/", {"year": "2024", "format": "csv", "as_of": day})
    assert answer.status_code == 400
    assert "as_of" in answer.json()["errors"]


def test_the_months_are_named_in_the_readers_language(browser: Client, growth: Portfolio) -> None:
    browser.defaults["HTTP_ACCEPT_LANGUAGE"] = "de"
    page = text_of(browser).split('class="months"', 1)[1].split("</ol>")[0]
    assert [each.split("<")[0] for each in page.split('class="month">')[1:]][2:5] == ["Mär", "Apr", "Mai"]


def test_the_gain_by_month(browser: Client, growth: Portfolio) -> None:
    months = tax_report(growth, 2024).by_month
    assert months == [Decimal(360), Decimal(0), Decimal(0), *[Decimal(0)] * 9]
    page = text_of(browser).split('class="months"', 1)[1].split("</ol>")[0]
    assert page.count("<li>") == 12
    assert page.count('visually-hidden">nothing') == 11


def test_loss_and_gain_lie_on_either_side_of_the_line(browser: Client, growth: Portfolio) -> None:
    sell(growth, Asset.objects.get(symbol="AAPL"), 1, 180, "2024-02-05")
    page = text_of(browser).split('class="months"', 1)[1].split("</ol>")[0]
    bars = page.split("<li>")[1:]
    assert 'class="month-bar gain"' in bars[0]
    assert 'y="0.00"' in bars[0]
    assert 'class="month-bar loss"' in bars[1]
    assert "−20.00" in bars[1]


def test_an_action_that_closes_a_lot_is_named(browser: Client, growth: Portfolio, carol: User) -> None:
    apple = Asset.objects.get(symbol="AAPL")
    make_bars(apple, {date(2024, 5, 1): 190})
    apply_action(asset=apple, kind="merger", ex_date=date(2024, 5, 2), cash=Decimal(190), actor=carol)
    page = text_of(browser, "?group=flat")
    assert '<span class="tag">Merger</span>' in page
    assert "2 May 2024" in page


def test_nothing_sold_and_nothing_there(browser: Client, alice: User) -> None:
    assert "There is no portfolio of yours yet" in text_of(browser)
    portfolio = make_portfolio(alice)
    page = text_of(browser, "?year=2024&group=x")
    assert "Nothing was sold yet" in page
    assert f'href="/holdings/?portfolio={portfolio.pk}"' in page


def test_somebody_elses_report_does_not_exist(client: Client, bob: User, growth: Portfolio) -> None:
    client.force_login(bob)
    make_portfolio(bob, "Mine")
    assert client.get(f"/reports/tax/?portfolio={growth.pk}").status_code == 404
    assert "AAPL" not in text_of(client)


def test_reports_lead_to_it(browser: Client, growth: Portfolio) -> None:
    page = browser.get(f"/reports/?portfolio={growth.pk}").content.decode()
    assert f'href="/reports/tax/?portfolio={growth.pk}&amp;year=2024"' in page


@pytest.mark.parametrize("url", ["/reports/", "/holdings/", "/holdings/X/", "/transactions/"])
def test_the_pages_are_read_only_and_for_those_who_logged_in(client: Client, alice: User, url: str) -> None:
    assert client.get(url)["Location"].startswith("/login/?next=")
    client.force_login(alice)
    assert client.post(url).status_code == 405


def test_the_pages_lead_to_each_other(browser: Client, growth: Portfolio) -> None:
    for url, name in [("/", "Dashboard"), ("/holdings/", "Holdings"), ("/transactions/", "Transactions")]:
        page = browser.get(url).content.decode()
        assert f'aria-current="page">{name}</a>' in page
        for path in ("/", "/holdings/", "/transactions/", "/reports/"):
            assert f'href="{path}?portfolio={growth.pk}"' in page
    assert 'aria-current="page">Reports</a>' in text_of(browser)
    dashboard = browser.get("/").content.decode()
    assert f'href="/holdings/AAPL/?portfolio={growth.pk}"' in dashboard
    assert f'href="/reports/tax/?portfolio={growth.pk}"' in dashboard
