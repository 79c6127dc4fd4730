"""Rows that are booked, voided and undone without leaving the list of transactions, and what is found in all."""

from __future__ import annotations

import re
from datetime import date, timedelta
from decimal import Decimal
from typing import Any

import pytest
from django.test import Client
from django.utils import timezone

from assets.models import Asset
from assets.tests.factories import make_asset, make_bars
from banking.models import Account, CashTransaction, Section
from banking.services.transactions import book_cash
from core.testing import Page
from portfolios.models import Portfolio, Trade
from portfolios.services.sharing import share_portfolio
from portfolios.services.terms import exchange_day
from portfolios.services.trades import void_trade
from portfolios.tests.factories import buy, make_portfolio, sell
from users.models import User

pytestmark = pytest.mark.django_db
BUY = {"kind": "buy", "day": "2024-01-03", "asset": "AAPL", "quantity": "10", "price": "100", "fee": "1.5"}
HTMX = {"hx-request": "true"}


@pytest.fixture
def browser(client: Client, alice: User) -> Client:
    client.force_login(alice)
    return client


@pytest.fixture
def tracked(alice: User) -> Portfolio:
    portfolio = make_portfolio(alice, cash="tracked")
    make_bars(make_asset("AAPL"), [100, 101, 102, 103, 104], start=date(2024, 1, 2))
    return portfolio


def post(browser: Client, portfolio: Portfolio, given: dict[str, Any], **more: Any) -> Any:
    return browser.post(f"/transactions/quick/?portfolio={portfolio.pk}", given, **more)


def page_after(browser: Client, answer: Any) -> str:
    assert answer.status_code == 302, answer.content
    text: str = browser.get(answer["Location"]).content.decode()
    assert Page(text).faults == []
    return text


def test_a_purchase_from_the_list(browser: Client, tracked: Portfolio) -> None:
    text = browser.get("/transactions/").content.decode()
    assert Page(text).faults == []
    assert 'href="/transactions/new/' in text  # the whole form
    answer = post(browser, tracked, BUY | {"back": "kind=trade&booked=1&page=2"})
    trade = Trade.objects.get()
    assert (trade.kind, trade.quantity, trade.price, trade.fee, trade.day) == (
        "buy",
        10,
        100,
        Decimal("1.5"),
        date(2024, 1, 3),
    )
    assert CashTransaction.objects.get(origin="trade").amount == Decimal("-1001.5")
    expected = f"kind=trade&page=2&portfolio={tracked.pk}&booked={trade.pk}&entered=buy_2024-01-03"
    assert answer["Location"] == f"/transactions/?{expected}"
    text = page_after(browser, answer)
    assert "Booked: Buy 10 AAPL" in re.sub(r"\s+", " ", text)
    assert '<details class="card tx-quick" open>' in text
    assert 'name="day" value="2024-01-03"' in text
    undo = re.search(r'action="(/transactions/\d+/void/)"', text)
    assert undo
    browser.post(undo[1], {"back": ""})
    assert not Trade.objects.standing().exists()
    assert "Booked:" not in browser.get(answer["Location"]).content.decode()


def test_a_form_that_is_sent_twice_books_once(browser: Client, tracked: Portfolio) -> None:
    key = re.search(r'name="key" value="([-0-9a-f]+)"', browser.get("/transactions/").content.decode())
    assert key
    for _ in range(2):
        post(browser, tracked, BUY | {"key": key[1]})
        post(browser, tracked, {"kind": "income", "day": "2024-01-04", "amount": "5", "key": key[1]} | _account())
    assert Trade.objects.count() == 1
    assert CashTransaction.objects.filter(origin="entry").count() == 1


def test_a_row_that_is_sent_again_after_undo_says_that_it_is_gone(browser: Client, tracked: Portfolio) -> None:
    page = browser.get("/transactions/").content.decode()
    key = re.search(r'name="key" value="([-0-9a-f]+)"', page)
    assert key
    cash = {"kind": "income", "day": "2024-01-04", "amount": "5"} | _account()
    for given, what in ((BUY, "Buy 10 AAPL at 100 USD, 3 Jan 2024"), (cash, "+5 USD, ")):
        sent = given | {"key": key[1], "back": "gone=1&gone_cash=2"}
        undo = re.search(r'action="(/transactions/[\w/]+/void/)"', page_after(browser, post(browser, tracked, sent)))
        assert undo
        browser.post(undo[1], {"back": ""})
        answer = post(browser, tracked, sent)
        text = page_after(browser, answer)
        said = re.findall(r'role="status" data-announce>([^<]+)', text.split('<div id="tx">')[1])  # what htmx takes
        assert [what in each and "taken back since" in each and "Nothing was booked now" in each for each in said] == [
            True
        ]
        assert "Booked:" not in text
    assert not Trade.objects.standing().exists()
    assert not CashTransaction.objects.standing().filter(origin="entry").exists()


def _account() -> dict[str, str]:
    return {"account": str(Account.objects.get().pk)}


@pytest.mark.parametrize(
    ("kind", "amount", "section"),
    [
        ("deposit", "500", Section.TRANSFER),
        ("withdrawal", "-500", Section.TRANSFER),
        ("income", "500", Section.INCOME),
        ("expense", "-500", Section.EXPENSE),
    ],
)
def test_cash_from_the_list_and_its_undo(
    browser: Client, tracked: Portfolio, kind: str, amount: str, section: str
) -> None:
    given = {"kind": kind, "day": "2024-01-04", "amount": "500", "description": "From here", "asset": "nonsense"}
    answer = post(browser, tracked, given | _account())
    row = CashTransaction.objects.get()
    assert (row.amount, row.section, row.booked_on) == (Decimal(amount), section, date(2024, 1, 4))
    text = page_after(browser, answer)
    assert f'action="/transactions/cash/{row.pk}/void/"' in text
    answer = browser.post(f"/transactions/cash/{row.pk}/void/", {"back": "q=from"})
    assert answer["Location"] == f"/transactions/?q=from&portfolio={tracked.pk}&changed_cash={row.pk}#cash-{row.pk}"
    text = page_after(browser, answer)
    assert "Voided." in text
    assert f'action="/transactions/cash/{row.pk}/restore/"' in text
    browser.post(f"/transactions/cash/{row.pk}/restore/", {"back": ""})
    assert CashTransaction.objects.standing().count() == 1
    again = browser.post(f"/transactions/cash/{row.pk}/restore/", {"back": ""})
    assert again.status_code == 409
    assert "This row is not voided." in again.content.decode()


@pytest.mark.parametrize(
    ("more", "where"),
    [
        ({"asset": "NOSUCH"}, "asset"),
        ({"asset": ""}, "asset"),
        ({"asset": "\x00"}, "asset"),
        ({"quantity": ""}, "quantity"),
        ({"quantity": "-1"}, "quantity"),
        ({"quantity": "NaN"}, "quantity"),
        ({"quantity": "1e5"}, "quantity"),
        ({"quantity": "9" * 60}, "quantity"),
        ({"price": ""}, "price"),
        ({"price": "Infinity"}, "price"),
        ({"fee": "-5"}, "fee"),
        ({"day": "yesterday"}, "day"),
        ({"day": "2999-01-01"}, "day"),
        ({"day": ""}, "day"),
        ({"kind": "gift"}, "kind"),
        ({"kind": "sell"}, "quantity"),  # more than is held
        ({"kind": "deposit", "amount": ""}, "amount"),
        ({"kind": "deposit", "amount": "0"}, "amount"),
        ({"kind": "deposit", "amount": "-5"}, "amount"),
        ({"kind": "deposit", "amount": "0.001"}, "amount"),
        ({"kind": "deposit", "amount": "5", "account": "x"}, "account"),
        ({"kind": "deposit", "amount": "5", "account": "9" * 400}, "account"),
        ({"kind": "deposit", "amount": "5", "description": "\x00"}, "description"),
        ({"kind": "deposit", "amount": "5", "description": "x" * 256}, "description"),
        ({"kind": "buy", "key": "x"}, ""),
    ],
)
def test_what_is_wrong_stands_beside_its_field(
    browser: Client, tracked: Portfolio, more: dict[str, str], where: str
) -> None:
    given = BUY | _account() | more
    answer = post(browser, tracked, given)
    text = answer.content.decode()
    assert answer.status_code == 422, text
    assert Page(text).faults == []
    if where:
        error = text.split(f'id="error-quick-{where}">')[1].split("</div>")[0]
        assert "<p>" in error
    assert not Trade.objects.exists()
    assert not CashTransaction.objects.exists()
    assert post(browser, tracked, given, headers=HTMX).status_code == 200  # htmx takes no 422
    assert post(browser, tracked, given | {"action": "preview"}, headers=HTMX).status_code == 200
    assert not Trade.objects.exists()


def test_the_preview_says_what_it_would_do(browser: Client, tracked: Portfolio) -> None:
    buy(tracked, Asset.objects.get(), 10, 100, "2024-01-03")
    given = BUY | {"kind": "sell", "day": "2024-01-05", "quantity": "4", "price": "104", "fee": "", "action": "preview"}
    part = post(browser, tracked, given, headers=HTMX).content.decode()
    assert "<html" not in part
    assert "416.00 USD" in part
    assert "+16.00" in part
    assert "10 → 6" in part
    part = post(browser, tracked, given | {"price": ""}, headers=HTMX).content.decode()
    assert "Still needed: Price of a unit." in part
    part = post(browser, tracked, given | {"quantity": "400"}, headers=HTMX).content.decode()
    assert "This would be refused" in part
    assert 'id="error-quick-quantity" hx-swap-oob="true"><p>' in part
    cash = {"kind": "deposit", "day": "2024-01-05", "amount": "500", "action": "preview"} | _account()
    part = post(browser, tracked, cash, headers=HTMX).content.decode()
    assert "+500.00 USD" in part
    assert "-" not in re.findall(r"→ ([^<]*) USD", part)
    assert Trade.objects.count() == 1
    assert not CashTransaction.objects.filter(origin="entry").exists()


def test_today_is_now(browser: Client, tracked: Portfolio) -> None:
    today = re.search(r'name="day" value="([-0-9]+)"', browser.get("/transactions/").content.decode())
    assert today
    answer = post(browser, tracked, BUY | {"day": today[1]})
    assert answer.status_code == 302, answer.content.decode()
    trade = Trade.objects.get()
    assert timezone.now() - trade.traded_at < timedelta(minutes=10)
    assert trade.day == exchange_day(trade.asset, trade.traded_at)  # where it may be another day


def test_who_may_not_book_is_offered_nothing(browser: Client, client: Client, tracked: Portfolio, bob: User) -> None:
    alice = tracked.owner
    assert alice
    row = book_cash(
        account=Account.objects.get(),
        amount=Decimal(5),
        booked_on=date(2024, 1, 2),
        section=Section.INCOME,
        actor=alice,
    )
    client.force_login(bob)
    assert post(client, tracked, BUY).status_code == 404
    assert client.post(f"/transactions/cash/{row.pk}/void/").status_code == 404
    share_portfolio(portfolio=tracked, person="bob", role="viewer", actor=alice)
    assert post(client, tracked, BUY).status_code == 403
    assert client.post(f"/transactions/cash/{row.pk}/void/").status_code in (403, 404)
    text = client.get(f"/transactions/?portfolio={tracked.pk}").content.decode()
    assert "tx-quick" not in text
    assert "/void/" not in text
    share_portfolio(portfolio=make_portfolio(alice, "Other"), person="bob", role="editor", actor=alice)
    assert not Trade.objects.exists()
    assert CashTransaction.objects.standing().count() == 1


def test_what_somebody_else_booked_is_not_said(browser: Client, tracked: Portfolio, bob: User) -> None:
    theirs = make_portfolio(bob, "Theirs")
    trade = buy(theirs, Asset.objects.get(), 1, 100, "2024-01-03")
    for query in (f"booked={trade.pk}", f"booked_cash={trade.pk}", "booked=x", "booked_cash=" + "9" * 400):
        text = browser.get(f"/transactions/?{query}&entered=x_y").content.decode()
        assert "Booked:" not in text
    void_trade(trade=trade, actor=bob)
    for query in (f"gone={trade.pk}", f"gone_cash={trade.pk}", "gone=x", "gone_cash=" + "9" * 400):
        assert "booked before" not in browser.get(f"/transactions/?{query}").content.decode()


def test_a_closed_account_is_not_offered(browser: Client, tracked: Portfolio, alice: User) -> None:
    Account.objects.update(closed_on=date(2024, 1, 1))
    text = browser.get("/transactions/").content.decode()
    assert 'value="deposit"' not in text.split("tx-quick-fields")[1].split("</form>")[0]
    assert (
        post(browser, tracked, {"kind": "deposit", "day": "2024-01-05", "amount": "5"} | _account()).status_code == 422
    )


# --- totals -------------------------------------------------------------------------------------------------------


def totals_text(browser: Client, query: str = "") -> str:
    text = browser.get(f"/transactions/?{query}").content.decode()
    found = text.split('<div class="tx-totals"')
    if len(found) == 1:
        return ""
    return re.sub(r"\s+", " ", re.sub(r"<[^>]*>", " ", found[1].split("<table")[0]))


def test_totals_of_what_is_found(browser: Client, tracked: Portfolio, alice: User) -> None:
    apple = Asset.objects.get()
    buy(tracked, apple, 10, 100, "2024-01-03", fee=Decimal("1.5"), tax=Decimal("0.25"))
    sell(tracked, apple, 4, 104, "2024-01-08")
    void_trade(trade=buy(tracked, apple, 1, 100, "2024-01-04"), actor=alice)
    for query in ("", "voided=on"):
        text = totals_text(browser, query)
        for part in ("Bought 1,001.75", "Sold 416.00", "Fees and taxes 1.75", "Cash in +416.00", "Cash out −1,001.75"):
            assert part in text, (part, text)
        assert "+15.30" in text
    assert "Bought" not in totals_text(browser, "kind=cash")
    assert "Sold 416.00" in totals_text(browser, "kind=sell")
    assert totals_text(browser, "q=nosuch") == ""
