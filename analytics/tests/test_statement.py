"""The statement of a period: its lines, its pages, its files, and who may read it."""

from __future__ import annotations

import csv
import io
from datetime import date, timedelta
from decimal import Decimal
from typing import Any

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.utils import timezone
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from analytics.queries.performance import report
from analytics.queries.statement import NothingBooked, PeriodTurned, Statement, statement
from analytics.sheets import booked
from assets.models import Asset, PriceBasis
from assets.tests.factories import make_asset, make_bars, make_rate
from banking.models import Section
from banking.services.transactions import book_cash
from core.testing import Page, client_of
from portfolios.models import CashSetting, Portfolio
from portfolios.queries.borders import borders
from portfolios.queries.income import earnings
from portfolios.queries.transactions import Wanted, transactions
from portfolios.services.actions import apply_action
from portfolios.tests.factories import buy, make_portfolio, sell
from portfolios.tests.stories import DAYS, Story, on, rolled_back, stories, told
from users.models import User

CLOSES = {"2024-01-02": 100, "2024-01-31": 110, "2024-02-15": 90, "2024-02-29": 120, "2024-03-15": 125}


@pytest.fixture
def asset(db: None) -> Asset:
    asset = make_asset("SAP", name="Süd & Söhne 日本 AG", currency="EUR")
    make_bars(asset, {date.fromisoformat(day): close for day, close in CLOSES.items()})
    make_rate("EURUSD", {date(2024, 1, 2): "1.10", date(2024, 2, 1): "1.20", date(2024, 2, 29): "1.00"})
    return asset


@pytest.fixture
def portfolio(alice: User, asset: Asset) -> Portfolio:
    """Dollars with cash: 20,000 paid in, 50 bought in January with a fee, 10 sold in February, which has everything."""
    alice.first_name, alice.last_name = "Alice", "Grün"
    alice.save()
    portfolio = make_portfolio(alice, "Vorsorge ≥ 2040", cash=CashSetting.TRACKED)
    account = portfolio.portfolio_accounts.get().account

    def cash(amount: str, day: str, section: Section, **more: Any) -> None:
        booked_on = date.fromisoformat(day)
        book_cash(account=account, amount=Decimal(amount), booked_on=booked_on, section=section, actor=alice, **more)

    cash("20000", "2024-01-02", Section.TRANSFER)
    buy(portfolio, asset, 50, 100, "2024-01-02", fee=Decimal("7.50"))
    sell(portfolio, asset, 10, 90, "2024-02-15", fee=Decimal("3.33"), tax=Decimal("1.11"))
    cash("-1000", "2024-02-20", Section.TRANSFER)
    cash("500", "2024-02-21", Section.TRANSFER)
    cash("-12.34", "2024-02-22", Section.EXPENSE, description="=custody")
    cash("3.21", "2024-02-23", Section.INCOME)
    apply_action(
        asset=asset,
        kind="cash_dividend",
        ex_date=date(2024, 2, 26),
        pay_date=date(2024, 3, 5),
        cash=Decimal("2.5"),
        withholding_rate=Decimal("0.1"),
        actor=None,
    )
    return portfolio


def february(portfolio: Portfolio) -> Statement:
    return statement(portfolio, date(2024, 2, 1), date(2024, 2, 29))


def test_the_lines_of_a_month(portfolio: Portfolio) -> None:
    found = february(portfolio)
    # 50 × 110 × 1.10 and 20,000 − 5,007.50 × 1.10
    assert found.lines.start_value == Decimal("6050.00") + Decimal("14491.75")
    lines = found.lines.lines
    # 895.56 × 1.20 for a cost of 10 ÷ 50 × 5,007.50 × 1.10
    expected = {
        "deposits": Decimal(500),
        "withdrawals": Decimal(-1000),
        "realised_gains": Decimal("1074.67") - Decimal("1101.65"),
        "income": Decimal("123.21"),
        "expenses": Decimal("-12.34"),
        "taxes": Decimal("-12.00"),
    }
    assert {key: lines[key] for key in expected} == expected
    assert found.lines.unexplained == 0
    assert found.lines.start_value + sum(lines.values()) == found.lines.end_value
    assert found.lines.end_value == borders(portfolio, date(2024, 2, 29), date(2024, 2, 29))[0].value
    assert (found.costs.fees, found.costs.taxes) == (Decimal("4.00"), Decimal("1.33"))
    [held] = found.holdings
    assert (held.symbol, held.quantity, held.value) == ("SAP", 40, 4800)


def test_the_returns_are_those_of_the_performance(portfolio: Portfolio) -> None:
    found, known = february(portfolio), report(portfolio, start=date(2024, 1, 31), end=date(2024, 2, 29))
    assert known is not None
    assert (found.time_weighted, found.money_weighted) == (known.time_weighted, known.money_weighted)
    assert found.time_weighted.value is not None


def test_a_period_that_begins_before_the_portfolio_begins_with_it(portfolio: Portfolio) -> None:
    found = statement(portfolio, date(2020, 1, 1), date(2024, 2, 29))
    assert (found.opened, found.lines.start_value) == (date(2024, 1, 1), 0)


@pytest.mark.parametrize(
    ("start", "end", "error"),
    [
        (date(2023, 1, 1), date(2023, 12, 31), NothingBooked),
        (date(2024, 2, 2), date(2024, 2, 1), PeriodTurned),
        (date.min, date(1, 1, 2), NothingBooked),
    ],
)
def test_what_no_statement_can_be_of(portfolio: Portfolio, start: date, end: date, error: type[Exception]) -> None:
    with pytest.raises(error):
        statement(portfolio, start, end)


@pytest.mark.django_db
@settings(max_examples=8, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(story=stories(), period=st.tuples(st.integers(0, DAYS), st.integers(0, DAYS)).filter(lambda p: p[0] <= p[1]))
def test_every_line_adds_up_whatever_was_booked(story: Story, period: tuple[int, int], alice: User) -> None:
    def check() -> None:
        portfolio = told(story, alice)
        start, end = (on(offset) for offset in period)
        try:
            found = statement(portfolio, start, end)
        except NothingBooked:
            return
        assert found.lines.unexplained == 0
        assert found.lines.end_value == story.value(period[1])
        earned = earnings(portfolio, found.opened + timedelta(days=1), end)
        exact = found.exact.reconciliation.lines
        assert sum(row.amount for row in earned.rows) == exact["income"]

    rolled_back(check)


def test_the_tax_withheld_is_that_of_the_income_report(portfolio: Portfolio) -> None:
    found = earnings(portfolio, date(2024, 2, 1), date(2024, 2, 29))
    assert [(row.kind, row.amount, row.withheld) for row in found.rows] == [
        ("other", Decimal("3.21"), 0),
        ("dividend", 120, 12),
    ]
    assert -sum(row.withheld for row in found.rows) == february(portfolio).lines.lines["taxes"]


# --- over HTTP ----------------------------------------------------------------------------------------------------


def test_the_api_has_the_same_figures(portfolio: Portfolio) -> None:
    days = {"start": "2024-02-01", "end": "2024-02-29"}
    answer = client_of(portfolio.owner).get(f"/api/portfolios/{portfolio.pk}/statement/", days)
    found, body = february(portfolio), answer.json()
    assert answer.status_code == 200
    assert {line["key"]: Decimal(line["amount"]) for line in body["lines"]} == found.lines.lines
    assert (Decimal(body["opening_value"]), Decimal(body["closing_value"])) == (
        found.lines.start_value,
        found.lines.end_value,
    )
    assert body["time_weighted"]["value"] == found.time_weighted.value
    assert (body["opened"], body["transactions"], body["benchmark"]) == ("2024-01-31", found.found.count, None)
    assert [(row["asset"], row["quantity"]) for row in body["holdings"]] == [("SAP", "40")]


@pytest.mark.parametrize(
    ("query", "field"),
    [
        ({"start": "2024-03-01", "end": "2024-02-01"}, "end"),
        ({"end": "2023-12-31"}, "end"),
        ({"start": "2100-01-01"}, "start"),
        ({"end": "9999-12-31"}, "end"),
        ({"start": "yesterday"}, "start"),
    ],
)
def test_what_is_refused_names_the_field(portfolio: Portfolio, query: dict[str, str], field: str) -> None:
    answer = client_of(portfolio.owner).get(f"/api/portfolios/{portfolio.pk}/statement/", query)
    assert answer.status_code == 400
    assert field in str(answer.json())


def test_a_stranger_gets_nothing(portfolio: Portfolio, bob: User, client: Client) -> None:
    assert client_of(bob).get(f"/api/portfolios/{portfolio.pk}/statement/").status_code == 404
    client.force_login(bob)
    for kind in ("statement", "income", "tax"):
        for more in ("", "&format=pdf", "&format=csv"):
            assert client.get(f"/reports/{kind}/?portfolio={portfolio.pk}{more}").status_code == 404
        assert client.post(f"/reports/{kind}/?portfolio={portfolio.pk}").status_code == 404


# --- pages --------------------------------------------------------------------------------------------------------

FEBRUARY = "?period=2024-02"


@pytest.fixture
def browser(client: Client, alice: User) -> Client:
    client.force_login(alice)
    return client


def page_of(browser: Client, url: str) -> str:
    answer = browser.get(url)
    assert answer.status_code == 200, answer.content
    page = answer.content.decode()
    assert Page(page).faults == []
    return page


def test_the_page_of_a_month(browser: Client, portfolio: Portfolio) -> None:
    page = page_of(browser, f"/reports/statement/{FEBRUARY}")
    for text in ("Statement February 2024", "20,541.75", "−1,000.00", "−26.98", "+123.21", "−12.34", "−12.00"):
        assert text in page, text
    assert "Süd &amp; Söhne 日本 AG" in page
    assert f"/explain/reconciliation_realised_gains/?portfolio={portfolio.pk}&amp;start=2024-01-31" in page
    assert 'href="/reports/statement/?period=2024-02&amp;portfolio=' in page


@pytest.mark.parametrize(
    ("query", "words"),
    [
        ("?start=2024-03-01&end=2024-02-01", "before it begins"),
        ("?start=2100-01-01", "in the future"),
        ("?start=nonsense", "Write a day"),
        ("?period=nonsense", "choose one of the list"),
        ("?period=2024-13", "choose one of the list"),
        ("?period=9999", "choose one of the list"),
        ("?start=1990-01-01&end=1990-02-01", "The portfolio begins on 2024-01-02"),
    ],
)
def test_what_cannot_be_shown_is_said(browser: Client, portfolio: Portfolio, query: str, words: str) -> None:
    for kind in ("statement", "income"):
        if kind == "statement" or "1990" not in query:
            assert words in page_of(browser, f"/reports/{kind}/{query}")
            assert browser.get(f"/reports/{kind}/{query}&format=pdf").status_code == 400
            assert browser.get(f"/reports/{kind}/{query}&format=csv").status_code == 400


def test_the_csv_adds_up_and_is_harmless(browser: Client, portfolio: Portfolio) -> None:
    answer: Any = browser.get(f"/reports/statement/{FEBRUARY}&format=csv")
    assert "statement-" in answer["Content-Disposition"]
    rows = list(csv.DictReader(io.StringIO(b"".join(answer.streaming_content).decode())))
    summary = {row["key"]: Decimal(row["amount"]) for row in rows if row["section"] == "summary"}
    assert summary.pop("closing_value") == sum(summary.values())
    booked = [row for row in rows if row["section"] == "transaction"]
    assert len(booked) == february(portfolio).found.count
    assert [row["day"] for row in booked] == sorted(row["day"] for row in booked)
    assert "'=custody" in {row["name"] for row in booked}


def test_the_income_by_month_and_security(browser: Client, portfolio: Portfolio) -> None:
    page = page_of(browser, "/reports/income/?period=2024")
    for text in (
        "Income 2024",
        "February 2024",
        "+120.00",
        "123.21",
        "12.00",
        "111.21",
        "Dividends",
        'class="report-bars"',
    ):
        assert text in page, text
    empty = page_of(browser, "/reports/income/?period=2024-01")
    assert "Nothing was earned in these days" in empty
    assert "dividends included in price" not in empty
    answer: Any = browser.get("/reports/income/?period=2024&format=csv")
    rows = list(csv.DictReader(io.StringIO(b"".join(answer.streaming_content).decode())))
    assert [(row["kind"], row["gross"], row["withheld"], row["net"]) for row in rows] == [
        ("other", "3.21", "0", "3.21"),
        ("dividend", "120", "12", "108"),
    ]


def test_income_that_is_in_prices_is_said_to_be_there(browser: Client, portfolio: Portfolio, asset: Asset) -> None:
    Asset.objects.filter(pk=asset.pk).update(price_basis=PriceBasis.TOTAL_RETURN)

    page = page_of(browser, "/reports/income/?period=2024-01")

    assert "Some securities of this portfolio have “dividends included in price”" in page


def test_the_choice_of_reports(browser: Client, portfolio: Portfolio) -> None:
    page = page_of(browser, "/reports/")
    assert f'href="/reports/statement/?portfolio={portfolio.pk}&amp;period=2024"' in page
    assert f'href="/reports/income/?portfolio={portfolio.pk}&amp;period=all"' in page
    assert f'href="/reports/tax/?portfolio={portfolio.pk}&amp;year=2024"' in page


def test_pages_follow_the_day_that_is_shown(browser: Client, portfolio: Portfolio) -> None:
    assert "Statement January 2024" in page_of(browser, "/reports/statement/?as_of=2024-02-10")
    assert "Statement February 2024, until" in page_of(browser, "/reports/statement/?as_of=2024-02-10&period=month")


def test_a_portfolio_of_long_ago_is_shown_with_its_last_year(browser: Client, portfolio: Portfolio) -> None:
    """Last month would be zeros; whoever asks for it gets it."""
    assert "Statement 2024" in page_of(browser, "/reports/statement/")
    assert "Statement 2024" not in page_of(browser, "/reports/statement/?period=last-month")
    assert "Statement 2024" not in page_of(browser, f"/reports/statement/?start={timezone.now().date()}")
    assert "Income 2024" in page_of(browser, "/reports/income/")


def test_a_portfolio_with_anything_of_late_is_shown_with_its_last_month(browser: Client, portfolio: Portfolio) -> None:
    today = timezone.now().date()
    account = portfolio.portfolio_accounts.get().account
    book_cash(account=account, amount=Decimal(5), booked_on=today, section=Section.INCOME, actor=account.owner)
    month = (today.replace(day=1) - timedelta(days=1)).strftime("%B %Y")
    assert f"Statement {month}" in page_of(browser, "/reports/statement/")


def test_somebody_without_a_portfolio_or_a_transaction(client: Client, bob: User) -> None:
    client.force_login(bob)
    for path in ("/reports/", "/reports/statement/", "/reports/income/"):
        assert client.get(path).status_code == 200
    make_portfolio(bob)
    assert "Nothing is booked yet" in page_of(client, "/reports/")
    assert "Nothing is booked in this portfolio yet" in page_of(client, "/reports/statement/")
    assert client.get(f"/reports/statement/?start={timezone.now().date()}").status_code == 200


@pytest.mark.parametrize("most", [None, 5])
def test_a_row_that_is_booked_meanwhile_moves_no_other(
    portfolio: Portfolio, monkeypatch: pytest.MonkeyPatch, most: int | None
) -> None:
    monkeypatch.setattr(booked, "AT_ONCE", 2)
    found = transactions(portfolio, Wanted())
    count = found.count if most is None else most
    keys = found.oldest(most)
    assert keys == found.between(found.count - count, found.count)[::-1]
    before = booked.booked_table(found, portfolio, most=most).rows
    assert len(before) == count

    account = portfolio.portfolio_accounts.get().account

    def book() -> None:
        day = date(2024, 1, 3)
        book_cash(account=account, amount=Decimal(7), booked_on=day, section=Section.TRANSFER, actor=portfolio.owner)

    with CaptureQueriesContext(connection) as asked:
        assert booked.booked_table(found, portfolio, most=most, read=book).rows == before
    assert not [query["sql"] for query in asked if "OFFSET" in query["sql"]]
