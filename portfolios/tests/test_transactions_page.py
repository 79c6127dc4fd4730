"""The list of transactions as its reader gets it: rows, filters, pages, the file."""

from __future__ import annotations

import csv
import io
import re
from datetime import date
from decimal import Decimal
from html import unescape
from typing import Any

import pytest
from django.test import Client

from assets.models import Asset
from assets.tests.factories import make_asset, make_bars, make_rate
from banking.models import Account, CashTransaction, Section
from banking.services.transactions import book_cash
from core.testing import Page, count_queries
from core.web import text_cell
from portfolios.models import Portfolio, PortfolioAccount, Trade
from portfolios.queries.transactions import assets_of
from portfolios.services.actions import apply_action
from portfolios.services.trades import NewPick, replace_trade, void_trade
from portfolios.tests.factories import buy, make_portfolio, sell
from users.models import User

FIRST = date(2024, 1, 2)


@pytest.fixture
def browser(client: Client, alice: User) -> Client:
    client.force_login(alice)
    return client


@pytest.fixture
def tracked(alice: User, carol: User) -> Portfolio:
    """A deposit, a purchase, a sale and a dividend, with their cash; and a purchase that was voided."""
    portfolio = make_portfolio(alice, cash="tracked")
    apple = make_asset("AAPL")
    make_bars(apple, [100, 101, 102, 103, 104], start=FIRST)
    account = Account.objects.get()
    book_cash(
        account=account,
        booked_on=FIRST,
        amount=Decimal(5000),
        section=Section.TRANSFER,
        description="Savings",
        actor=alice,
        external_id="bank-1",
    )
    buy(portfolio, apple, 10, 100, "2024-01-03", fee=Decimal("1.5"), tax=Decimal("0.25"), note="First one")
    sell(portfolio, apple, 4, 104, "2024-01-08", external_id="x-9")
    apply_action(asset=apple, kind="cash_dividend", ex_date=date(2024, 1, 5), cash=Decimal("0.24"), actor=carol)
    void_trade(trade=buy(portfolio, apple, 1, 100, "2024-01-04", note="Mistake"), actor=alice)
    return portfolio


def text_of(browser: Client, query: str = "", status: int = 200) -> str:
    answer = browser.get(f"/transactions/{query}")
    assert answer.status_code == status
    page = answer.content.decode()
    assert Page(page).faults == []
    return page


def shown(page: str) -> list[str]:
    """Kind and day of each row, in their order."""
    rows = page.split('<tr role="row" id="')[1:]
    return [f"{words(row, 'tag')} {words(row, 'day')}" for row in rows]


def words(row: str, name: str) -> str:
    found = re.search(rf'class="[^"]*\b{name}"[^>]*>(.*?)(?:<span|</th>|</span>)', row, re.DOTALL)
    return re.sub(r"<[^>]*>", "", found.group(1)).strip() if found else ""


EVERY = [
    "Sell 8 Jan 2024",
    "Cash of a trade 8 Jan 2024",
    "Dividend 5 Jan 2024",
    "Buy 3 Jan 2024",
    "Cash of a trade 3 Jan 2024",
    "Deposit 2 Jan 2024",
]


def test_trades_and_cash_stand_in_one_list_by_day(browser: Client, tracked: Portfolio) -> None:
    page = text_of(browser)
    assert shown(page) == EVERY
    assert "6 transactions" in page
    assert "2 trades, 4 cash rows" in page


def test_a_trade_shows_what_it_came_to(browser: Client, tracked: Portfolio) -> None:
    page = text_of(browser, "?kind=trade")
    for text in ("1,001.75", "1.50 fee", "0.25 tax", "First one", "416.00", "+15.30", "x-9"):  # 416 − 4/10 × 1,001.75
        assert text in page, text


def test_cash_that_follows_says_from_what_and_cannot_be_voided_here(browser: Client, tracked: Portfolio) -> None:
    sale = tracked.trades.get(kind="sell")
    page = text_of(browser, "?kind=cash")
    assert f'follows <a href="/transactions/{sale.pk}/">trade {sale.pk}</a>' in page
    assert "follows the action" in page
    rows = page.split("<tbody")[1].split("<tr")
    assert [text for text in rows if "follows" in text and "Void" in text] == []
    assert sum("Void" in text for text in rows) == 1  # the deposit


@pytest.mark.parametrize(
    ("query", "rows"),
    [
        ("kind=buy", [EVERY[3]]),
        ("kind=trade", [EVERY[0], EVERY[3]]),
        ("kind=transfer_in", []),
        ("kind=cash", [EVERY[1], EVERY[2], EVERY[4], EVERY[5]]),
        ("kind=deposit", [EVERY[5]]),
        ("kind=income", [EVERY[2]]),
        ("kind=expense", []),
        ("kind=settlement", [EVERY[1], EVERY[4]]),
        ("asset=AAPL", EVERY[:5]),
        ("start=2024-01-05", EVERY[:3]),
        ("end=2024-01-02", EVERY[5:]),
        ("start=2024-01-03&end=2024-01-05", EVERY[2:5]),
        ("q=first", [EVERY[3]]),
        ("q=X-9", [EVERY[0]]),
        ("q=savings", [EVERY[5]]),
        ("q=bank-1", [EVERY[5]]),
        ("q=%25", []),
        ("voided=on&kind=trade", [EVERY[0], "Buy 4 Jan 2024", EVERY[3]]),
        ("q=mistake", []),
        ("q=mistake&voided=on", ["Buy 4 Jan 2024"]),
        ("kind=nonsense", EVERY),
        ("asset=NOSUCH", EVERY),
        ("account=abc", EVERY),
        ("account=" + "9" * 400, EVERY),
        ("start=yesterday", EVERY),
        ("start=2024-01-08&end=2024-01-02", EVERY[:2]),
        ("changed=x&page=0", EVERY),
        ("changed=999999999999999999999999", EVERY),
        ("page=2", EVERY),
        ("format=pdf", EVERY),
        ("voided=nonsense&kind=buy", ["Buy 4 Jan 2024", EVERY[3]]),
    ],
)
def test_filters(browser: Client, tracked: Portfolio, query: str, rows: list[str]) -> None:
    assert shown(text_of(browser, f"?{query}")) == rows


def test_the_account_narrows_too(browser: Client, tracked: Portfolio, alice: User) -> None:
    first = Account.objects.get()
    second = Account.objects.create(owner=alice, name="Second", kind="brokerage", currency="USD")
    PortfolioAccount.objects.create(portfolio=tracked, account=second)
    assert shown(text_of(browser, f"?account={first.pk}")) == EVERY
    assert shown(text_of(browser, f"?account={second.pk}")) == []
    book_cash(
        account=second, booked_on=FIRST, amount=Decimal(-7), section=Section.EXPENSE, description="Fee", actor=alice
    )
    assert shown(text_of(browser, f"?account={second.pk}")) == ["Expense 2 Jan 2024"]


@pytest.mark.parametrize("query", ["kind=x", "asset=x", "account=x", "start=x", "end=x", f"q={'x' * 101}"])
def test_what_is_no_value_is_told_beside_its_field(browser: Client, tracked: Portfolio, query: str) -> None:
    assert text_of(browser, f"?{query}").count("filter-error") == 1


def test_the_end_before_the_start_is_told(browser: Client, tracked: Portfolio) -> None:
    assert "This day lies before the first." in text_of(browser, "?start=2024-01-08&end=2024-01-02")


def test_picks_and_replacements_are_named(browser: Client, alice: User) -> None:
    portfolio = make_portfolio(alice, cost_method="specific")
    apple = make_asset("AAPL")
    first = buy(portfolio, apple, 10, 100, FIRST)
    sell(portfolio, apple, 4, 104, "2024-01-08", picks=[NewPick(first.pk, Decimal(3), 0)])
    again = replace_trade(trade=first, actor=alice, quantity=Decimal(12))
    page = text_of(browser)
    assert f"picks 3 of 2 Jan 2024 (trade {first.pk})" in page
    assert f'replaces <a href="/transactions/{first.pk}/">trade {first.pk}</a>' in page
    assert f'id="trade-{again.pk}"' in page


def test_many_come_in_pages_that_keep_the_filter(browser: Client, tracked: Portfolio) -> None:
    apple = Asset.objects.get(symbol="AAPL")
    for number in range(60):
        buy(tracked, apple, 1, 100, "2024-01-05", note=f"Number {number}")
    first = text_of(browser, "?kind=buy&q=number")
    second = text_of(browser, "?kind=buy&q=number&page=2")
    assert (len(shown(first)), len(shown(second))) == (50, 10)
    assert 'href="/transactions/?kind=buy&amp;q=number&amp;page=2"' in first
    numbers = re.findall(r"Number \d+", first) + re.findall(r"Number \d+", second)
    assert len(set(numbers)) == 60
    assert "51 to 60 of 60 transactions" in second
    assert shown(text_of(browser, "?kind=buy&q=number&page=3")) == shown(second)
    said_once = "changed=1&changed_cash=2&booked=3&booked_cash=4&gone=5&gone_cash=6&entered=buy_2024-01-05"
    for page in ("", "&page=2"):
        pages = re.findall(
            r'<nav class="paging".+?</nav>', text_of(browser, f"?kind=buy&q=number&{said_once}{page}"), re.DOTALL
        )
        links = re.findall(r'href="([^"]+)"', pages[0])
        assert links
        assert [
            link for link in links if "changed" in link or "booked" in link or "gone" in link or "entered" in link
        ] == []


def test_nothing_found_and_nothing_there(browser: Client, tracked: Portfolio, alice: User) -> None:
    page = text_of(browser, f"?portfolio={tracked.pk}&q=nosuch")
    assert f'href="/transactions/?portfolio={tracked.pk}">Clear filters' in page
    empty = make_portfolio(alice, "Zinc")
    page = text_of(browser, f"?portfolio={empty.pk}")
    assert "No trade is booked yet" in page
    assert '<form class="card filters' not in page
    void_trade(trade=buy(empty, Asset.objects.get(), 1, 100, FIRST), actor=alice)
    page = text_of(browser, f"?portfolio={empty.pk}")
    assert f'<a href="/transactions/?portfolio={empty.pk}&amp;voided=on">Show it</a>' in page


def test_without_a_portfolio_the_page_leads_on(browser: Client) -> None:
    assert "There is no portfolio of yours yet" in text_of(browser)


def test_somebody_elses_are_not_shown(client: Client, bob: User, tracked: Portfolio) -> None:
    client.force_login(bob)
    make_portfolio(bob, "Mine")
    assert client.get(f"/transactions/?portfolio={tracked.pk}").status_code == 404
    assert client.get(f"/transactions/?portfolio={tracked.pk}&format=csv").status_code == 404
    trade = tracked.trades.get(kind="sell")
    assert shown(text_of(client, f"?changed={trade.pk}&account={Account.objects.get().pk}&asset=AAPL")) == []


def test_a_fixed_number_of_queries(browser: Client, tracked: Portfolio) -> None:
    few, _ = count_queries(lambda: text_of(browser, "?voided=on"))
    apple = Asset.objects.get(symbol="AAPL")
    for _number in range(10):
        buy(tracked, apple, 2, 100, "2024-01-05")
        sell(tracked, apple, 1, 100, "2024-01-09")
    many, texts = count_queries(lambda: text_of(browser, "?voided=on"))
    assert many == few, texts
    assert many <= 16, texts


def test_what_an_account_did_before_it_joined_is_not_the_portfolios(browser: Client, tracked: Portfolio) -> None:
    link, kodak = tracked.portfolio_accounts.get(), make_asset("KO")
    terms: dict[str, Any] = {"account": link.account, "section": Section.INCOME, "asset": kodak, "actor": None}
    book_cash(booked_on=date(2024, 1, 1), amount=Decimal(7), **terms)
    assert "KO" in {asset.symbol for asset in assets_of(tracked)}
    PortfolioAccount.objects.filter(pk=link.pk).update(joined_on=date(2024, 1, 3))
    page = text_of(browser, "?voided=on")
    assert shown(page)[-1] == "Cash of a trade 3 Jan 2024"
    assert "Savings" not in page
    assert [asset.symbol for asset in assets_of(tracked)] == ["AAPL"]
    assert {row["day"] for row in file_of(browser)} == {"2024-01-03", "2024-01-05", "2024-01-08"}
    PortfolioAccount.objects.filter(pk=link.pk).update(joined_on=FIRST)
    assert shown(text_of(browser)) == EVERY


# --- the file -----------------------------------------------------------------------------------------------------


def file_of(browser: Client, query: str = "") -> list[dict[str, str]]:
    answer: Any = browser.get(f"/transactions/?format=csv{query}")
    assert answer.status_code == 200
    assert answer["Content-Type"] == "text/csv; charset=utf-8"
    assert answer["Content-Disposition"].startswith('attachment; filename="transactions-')
    return list(csv.DictReader(io.StringIO(answer.getvalue().decode(), newline=""), strict=True))


def test_the_file_has_all_that_fits_with_all_digits(browser: Client, tracked: Portfolio) -> None:
    rows = file_of(browser)
    assert [(row["day"], row["record"]) for row in rows] == [
        ("2024-01-08", "trade"),
        ("2024-01-08", "cash"),
        ("2024-01-05", "cash"),
        ("2024-01-03", "trade"),
        ("2024-01-03", "cash"),
        ("2024-01-02", "cash"),
    ]
    sale, bought, deposit = rows[0], rows[3], rows[5]
    assert (sale["net"], sale["realised_gain"], sale["gain_currency"]) == ("416", "15.3", "USD")
    assert (bought["fee"], bought["tax"], bought["net"], bought["note"]) == ("1.5", "0.25", "1001.75", "First one")
    assert (deposit["cash_amount"], deposit["kind"], deposit["external_id"]) == ("5000", "transfer (entry)", "bank-1")
    assert rows[4]["cash_amount"] == "-1001.75"  # a number stays a number
    assert [row["record"] for row in file_of(browser, "&kind=sell")] == ["trade"]
    assert len(file_of(browser, "&voided=on")) == 7


def test_the_file_says_what_a_price_is_in(browser: Client, alice: User) -> None:
    portfolio, share = make_portfolio(alice), make_asset("HSBA", currency="GBP", price_factor=Decimal("0.01"))
    make_rate("GBPUSD", {FIRST: "1.25"})
    buy(portfolio, share, 10, "620.5", "2024-01-03")
    buy(portfolio, share, 10, "7.75", "2024-01-04", currency="USD")
    rows = file_of(browser)
    told = [(row["price"], row["price_currency"], row["gross"], row["currency"]) for row in rows]
    assert told == [("7.75", "USD", "77.5", "USD"), ("620.5", "GBX", "62.05", "GBP")]


def test_the_file_has_more_than_one_page(browser: Client, tracked: Portfolio) -> None:
    apple = Asset.objects.get(symbol="AAPL")
    for _ in range(60):
        buy(tracked, apple, 1, 100, "2024-01-05")
    assert len(file_of(browser, "&kind=buy&page=2")) == 61


@pytest.mark.parametrize(
    "note", ["=1+1", "+1", "-1", "@SUM(A1)", "\t=1", "\r=1", '=cmd|"/c calc"!A1', "  =1", "＝1", '","=1', "a\n=1"]
)
def test_no_note_becomes_a_formula(browser: Client, tracked: Portfolio, note: str) -> None:
    Trade.objects.filter(kind="sell").update(note=note, external_id=note[:60])
    CashTransaction.objects.filter(description="Savings").update(description=note)
    Account.objects.update(name=note)
    rows = file_of(browser)
    assert {row["record"] for row in rows} == {"trade", "cash"}  # no cell broke out of its row
    cells = [cell for row in rows for name, cell in row.items() if name in {"note", "external_id", "account"}]
    assert note in [cell.removeprefix("'") for cell in cells]
    assert [cell for cell in cells if cell.lstrip().startswith(("=", "+", "-", "@", "＝"))] == []


@pytest.mark.parametrize(("text", "cell"), [("", ""), ("plain", "plain"), ("5 = 5", "5 = 5"), ("-", "'-")])
def test_plain_words_stay_as_they_are(text: str, cell: str) -> None:
    assert text_cell(text) == cell


def test_a_file_of_a_filter_that_is_none_is_not_made(browser: Client, tracked: Portfolio) -> None:
    """It would hold more than was asked for."""
    answer: Any = browser.get("/transactions/?format=csv&start=yesterday")
    assert answer["Content-Type"].startswith("text/html")
    assert "Write a day" in answer.content.decode()


@pytest.mark.parametrize(
    ("query", "words"), [("asset=AAPL&kind=sell", "Clear filters"), ("q=nothing-such", "Nothing fits")]
)
def test_a_day_in_the_address_stays_with_the_filter(
    browser: Client, tracked: Portfolio, query: str, words: str
) -> None:
    text_of(browser, "?as_of=2024-01-05")
    page = text_of(browser, f"?{query}")
    assert words in page
    [cleared] = set(re.findall(r'href="/transactions/([^"]+)">Clear filters', page))
    for shown in (page, text_of(browser, unescape(cleared))):
        assert "Everything is shown as of <strong>5 January 2024</strong>" in shown
