"""Entering and editing trades on pages: booked once, previewed, refused beside the field, taken back."""

from __future__ import annotations

import re
from datetime import date, timedelta
from decimal import Decimal
from functools import partial
from typing import Any

import pytest
from django.contrib.messages import get_messages
from django.test import Client

from activity.models import IdempotencyKey
from assets.models import Asset
from assets.tests.factories import make_asset, make_bars, make_rate
from banking.models import CashTransaction
from core.testing import count_queries, owner_of
from portfolios.models import Disposal, Lot, Portfolio, Trade, TransferLot
from portfolios.services.trades import book_trade, void_trade
from portfolios.services.transfers import transfer_securities
from portfolios.tests.factories import at, buy, exact, make_portfolio, sell
from users.models import User

NEW = "/transactions/new/"
BUY = {"kind": "buy", "asset": "AAPL", "traded_at": "2024-01-10T15:30", "quantity": "10", "price": "100.5"}


@pytest.fixture
def apple(db: None) -> Asset:
    asset = make_asset("AAPL", name="Apple Inc.", isin="US0378331005")
    make_bars(asset, {date(2024, 1, 8): "98.20", date(2024, 1, 9): "99.10"})
    return asset


@pytest.fixture
def portfolio(alice: User, apple: Asset) -> Portfolio:
    return make_portfolio(alice)


@pytest.fixture
def browser(client: Client, alice: User) -> Client:
    client.force_login(alice)
    return client


def error_beside(html: str, name: str) -> str:
    """What is said beside the input ``name``."""
    found = re.search(rf'<div class="field-error" id="error-{re.escape(name)}"[^>]*>(.*?)</div>', html, re.DOTALL)
    assert found, f"no place for what is wrong with {name}"
    return re.sub(r"<[^>]+>", " ", found[1]).strip()


def said(answer: Any) -> list[str]:
    return [str(message) for message in get_messages(answer.wsgi_request)]


# --- the happy way ------------------------------------------------------------------------------------------------


def test_a_purchase_is_booked_and_can_be_taken_back(browser: Client, portfolio: Portfolio) -> None:
    body = BUY | {"fee": "1.50", "tax": "0.25", "external_id": "X-1", "note": "first"}
    answer = browser.post(f"{NEW}?portfolio={portfolio.pk}", body, follow=True)

    trade = Trade.objects.get()
    assert (trade.quantity, trade.price, trade.fee, trade.tax) == exact(10, "100.5", "1.5", "0.25")
    assert (trade.currency, trade.external_id, trade.note, trade.day) == ("USD", "X-1", "first", date(2024, 1, 10))
    html = answer.content.decode()
    assert "Booked: Buy 10 AAPL at 100.5 USD, 10 Jan 2024." in html
    assert f'action="/transactions/{trade.pk}/undo/"' in html

    html = browser.post(f"/transactions/{trade.pk}/undo/", follow=True).content.decode()
    trade.refresh_from_db()
    assert trade.voided_at
    assert f'action="/transactions/{trade.pk}/redo/"' in html
    browser.post(f"/transactions/{trade.pk}/redo/")
    trade.refresh_from_db()
    assert trade.voided_at is None


def test_taking_back_what_later_trades_need_says_why(browser: Client, portfolio: Portfolio, apple: Asset) -> None:
    trade = buy(portfolio, apple, 10, 100, "2024-01-10")
    sell(portfolio, apple, 10, 120, "2024-01-11")
    html = browser.post(f"/transactions/{trade.pk}/undo/", follow=True).content.decode()
    assert "would then sell more than is held" in html
    trade.refresh_from_db()
    assert trade.voided_at is None


def test_a_sale_with_picked_lots(browser: Client, alice: User, apple: Asset) -> None:
    portfolio = make_portfolio(alice, cost_method="specific")
    buy(portfolio, apple, 10, 100, "2024-01-02")
    second = buy(portfolio, apple, 10, 110, "2024-01-03")
    body = BUY | {"kind": "sell", "quantity": "4", f"pick-{second.pk}-0": "4"}
    answer = browser.post(f"{NEW}?portfolio={portfolio.pk}", body)
    assert answer.status_code == 302, answer.content
    assert [row.opened_by_id for row in Disposal.objects.all()] == [second.pk]


def test_a_transfer_in_brings_its_lots(browser: Client, portfolio: Portfolio) -> None:
    lots = {"lots-0-opened_on": "2019-05-01", "lots-0-quantity": "4", "lots-0-cost": "400"}
    lots |= {"lots-1-opened_on": "", "lots-1-quantity": "", "lots-1-cost": "", "lots-1-cost_base": ""}
    lots |= {"lots-5-opened_on": "2020-06-01", "lots-5-quantity": "6", "lots-5-cost": "900.1234"}
    answer = browser.post(f"{NEW}?portfolio={portfolio.pk}", BUY | {"kind": "transfer_in", "price": ""} | lots)
    assert answer.status_code == 302, answer.content
    assert [(lot.opened_on.year, lot.cost) for lot in TransferLot.objects.all()] == [
        (2019, Decimal(400)),
        (2020, Decimal("900.1234")),
    ]


def test_a_transfer_out_goes_to_another_portfolio(browser: Client, portfolio: Portfolio, apple: Asset) -> None:
    other = make_portfolio(owner_of(portfolio), "Other")
    buy(portfolio, apple, 10, 100, "2024-01-02")
    body = BUY | {"kind": "transfer_out", "quantity": "4", "price": "", "target": str(other.pk)}
    answer = browser.post(f"{NEW}?portfolio={portfolio.pk}", body)
    assert answer.status_code == 302, answer.content
    assert [(lot.quantity, lot.cost) for lot in Lot.objects.filter(portfolio=other)] == [exact(4, 400)]


def test_the_time_is_the_persons_own(browser: Client, alice: User, portfolio: Portfolio) -> None:
    alice.time_zone = "Asia/Tokyo"
    alice.save()
    browser.post(f"{NEW}?portfolio={portfolio.pk}", BUY | {"traded_at": "2024-01-11T00:30"})
    trade = Trade.objects.get()
    assert (trade.traded_at, trade.day) == (at("2024-01-10"), date(2024, 1, 10))
    html = browser.get(f"/transactions/{trade.pk}/edit/").content.decode()
    assert 'value="2024-01-11T00:30"' in html
    assert "Time in Asia/Tokyo. Wed, 10 Jan 2024 at the exchange." in html


@pytest.mark.parametrize("name", ["aapl", "US0378331005", "apple inc."])
def test_a_security_is_found_by_any_of_its_names(browser: Client, portfolio: Portfolio, name: str) -> None:
    browser.post(f"{NEW}?portfolio={portfolio.pk}", BUY | {"asset": name})
    assert Trade.objects.get().asset.symbol == "AAPL"


def test_securities_of_the_same_name_are_told_apart(browser: Client, portfolio: Portfolio) -> None:
    make_asset("ONE", name="Twin")
    make_asset("TWO", name="Twin")
    html = browser.post(f"{NEW}?portfolio={portfolio.pk}", BUY | {"asset": "twin"}).content.decode()
    assert error_beside(html, "asset") == "Several securities are named so: ONE, TWO. Write the symbol."


def test_what_is_typed_finds_securities(browser: Client, apple: Asset) -> None:
    make_asset("SNAP", name="Apple Snapper")
    make_asset("APPLEUSD", type="fx", exchange=None)

    def found(text: str) -> list[str]:
        return re.findall(
            r'<option value="([^"]+)"', browser.get(f"/transactions/assets/?asset={text}").content.decode()
        )

    assert (found("apple"), found("US03783"), found("aa"), found("")) == (["AAPL", "SNAP"], ["AAPL"], ["AAPL"], [])
    assert found("%") == []


# --- once ---------------------------------------------------------------------------------------------------------


def test_a_form_that_is_sent_twice_books_once(browser: Client, portfolio: Portfolio) -> None:
    html = browser.get(f"{NEW}?portfolio={portfolio.pk}").content.decode()
    key = re.search(r'name="key" value="([^"]+)"', html)
    assert key
    for _ in range(2):
        answer = browser.post(f"{NEW}?portfolio={portfolio.pk}", BUY | {"key": key[1]})
        assert (answer.status_code, set(said(answer))) == (302, {"Booked: Buy 10 AAPL at 100.5 USD, 10 Jan 2024."})
    assert Trade.objects.count() == 1
    browser.post(f"{NEW}?portfolio={portfolio.pk}", BUY | {"key": key[1], "quantity": "11"})  # back, and changed
    assert Trade.objects.count() == 2


def test_a_form_that_is_sent_again_after_undo_says_that_nothing_stands(browser: Client, portfolio: Portfolio) -> None:
    url, body = f"{NEW}?portfolio={portfolio.pk}", BUY | {"key": "0b1f3c52-6b2c-4f9e-9c50-3f5be2a1a0aa"}
    browser.post(url, body)
    trade = Trade.objects.get()
    browser.post(f"/transactions/{trade.pk}/undo/", follow=True)
    html = browser.post(url, body, follow=True).content.decode()
    assert "This was booked before and taken back since: Buy 10 AAPL at 100.5 USD, 10 Jan 2024." in html
    assert ("Nothing was booked now." in html, "Booked:" in html) == (True, False)
    assert f'action="/transactions/{trade.pk}/redo/"' in html
    browser.post(f"/transactions/{trade.pk}/redo/", follow=True)
    browser.post(f"/transactions/{trade.pk}/edit/", edited(browser, trade) | {"note": "better"}, follow=True)
    html = browser.post(url, body, follow=True).content.decode()
    assert ("booked before and edited since" in html, f"/transactions/{trade.pk}/redo/" in html) == (True, False)
    assert Trade.objects.standing().get().note == "better"


def test_a_refused_form_can_be_sent_again(browser: Client, portfolio: Portfolio, apple: Asset) -> None:
    body = BUY | {"kind": "sell", "key": "0b1f3c52-6b2c-4f9e-9c50-3f5be2a1a0aa"}
    assert browser.post(f"{NEW}?portfolio={portfolio.pk}", body).status_code == 200
    assert not IdempotencyKey.objects.exists()
    buy(portfolio, apple, 10, 100, "2024-01-02")
    assert browser.post(f"{NEW}?portfolio={portfolio.pk}", body).status_code == 302


def test_a_form_needs_its_token(alice: User, portfolio: Portfolio) -> None:
    strict = Client(enforce_csrf_checks=True)
    strict.force_login(alice)
    trade_url = f"{NEW}?portfolio={portfolio.pk}"
    for url in (trade_url, "/transactions/preview/", "/transactions/1/undo/"):
        assert strict.post(url, BUY).status_code == 403
    assert not Trade.objects.exists()


# --- what is suggested --------------------------------------------------------------------------------------------


def test_the_days_close_fills_in_the_price_and_says_its_day(browser: Client, alice: User, portfolio: Portfolio) -> None:
    body = BUY | {"price": "", "traded_at": "2024-01-11T15:30"}
    html = browser.post(f"/transactions/preview/?portfolio={portfolio.pk}", body).content.decode()
    assert 'data-suggest="99.1"' in html
    assert "Close of 9 Jan 2024: 99.10 USD, 2 days before." in html
    assert "Still needed: Price of a unit." in html
    old = browser.post(f"/transactions/preview/?portfolio={portfolio.pk}", body | {"traded_at": "2024-03-11T15:30"})
    assert "data-suggest" not in old.content.decode()
    assert "62 days before" in old.content.decode()


def test_a_new_trade_begins_with_what_is_known(browser: Client, portfolio: Portfolio, apple: Asset) -> None:
    from django.utils import timezone

    yesterday = timezone.now().date() - timedelta(days=1)  # which it is at every exchange
    make_bars(apple, {yesterday: "123.45"})
    html = browser.get(f"{NEW}?portfolio={portfolio.pk}&asset=AAPL&kind=sell").content.decode()
    assert re.search(r'name="asset" value="AAPL"', html)
    assert re.search(r'value="sell"[^>]*checked', html)
    assert re.search(r'name="price" value="123.45"', html)
    assert browser.get(f"{NEW}?portfolio={portfolio.pk}&asset=NOSUCH&kind=gift").status_code == 200


def test_the_days_rate_is_shown_with_its_day(browser: Client, alice: User, apple: Asset) -> None:
    make_rate("USDCHF", {date(2024, 1, 9): "0.9123"})
    portfolio = make_portfolio(alice, "Franken", base_currency="CHF", cash="tracked")
    html = browser.post(f"/transactions/preview/?portfolio={portfolio.pk}", BUY).content.decode()
    assert "1 USD = 0.9123 CHF on 9 Jan 2024, 1 day before." in html
    assert "the market’s of 9 Jan 2024" in html
    assert "The account would be below zero from 10 Jan 2024 on." in html
    own = browser.post(f"/transactions/preview/?portfolio={portfolio.pk}", BUY | {"exchange_rate": "0.92"})
    assert "the broker’s" in own.content.decode()


def test_a_preview_stores_nothing_and_is_what_is_booked(browser: Client, portfolio: Portfolio, apple: Asset) -> None:
    buy(portfolio, apple, 10, 80, "2022-01-02")
    body = BUY | {"kind": "sell", "quantity": "4", "fee": "2"}
    for html in (
        browser.post(f"/transactions/preview/?portfolio={portfolio.pk}", body).content.decode(),
        browser.post(f"{NEW}?portfolio={portfolio.pk}", body | {"action": "preview"}).content.decode(),
    ):
        assert ("400.00 USD" in html, "+80.00" in html, "long term, 738 days" in html) == (True, True, True)
        assert "10 → 6" in html
    assert Trade.objects.count() == 1
    browser.post(f"{NEW}?portfolio={portfolio.pk}", body)
    assert Disposal.objects.get().gain_base == 80


def test_a_backdated_purchase_warns_of_what_moves(browser: Client, portfolio: Portfolio, apple: Asset) -> None:
    buy(portfolio, apple, 10, 100, "2024-01-12")
    sale = sell(portfolio, apple, 10, 120, "2024-03-12")
    html = browser.post(f"/transactions/preview/?portfolio={portfolio.pk}", BUY | {"price": "80"}).content.decode()
    assert f"trade {sale.pk}: gain +200.00 → +400.00 USD" in html


# --- the lots -----------------------------------------------------------------------------------------------------


def test_lots_are_offered_where_they_can_be_picked(browser: Client, alice: User, apple: Asset) -> None:
    portfolio = make_portfolio(alice, cost_method="specific")
    bought = buy(portfolio, apple, 10, 100, "2022-01-02")
    url = f"/transactions/lots/?portfolio={portfolio.pk}"
    html = browser.post(url, BUY | {"kind": "sell", "price": "120", f"pick-{bought.pk}-0": "3"}).content.decode()
    assert f'name="pick-{bought.pk}-0" value="3"' in html
    assert ("+200.00" in html, "Long, 738 days" in html) == (True, True)
    for body, text in [
        (BUY | {"kind": "sell", "asset": ""}, "Choose a security and a time"),
        (BUY | {"kind": "sell", "traded_at": "2021-01-10T15:30"}, "No lot is open at that time."),
    ]:
        assert text in browser.post(url, body).content.decode()
    assert "fieldset" not in browser.post(url, BUY).content.decode()


def test_elsewhere_it_says_how_lots_are_taken(browser: Client, portfolio: Portfolio, apple: Asset) -> None:
    buy(portfolio, apple, 10, 100, "2022-01-02")
    html = browser.post(f"/transactions/lots/?portfolio={portfolio.pk}", BUY | {"kind": "sell"}).content.decode()
    assert "They are taken by the portfolio’s method, “First in, first out”" in html
    assert "pick-" not in html


# --- refusals -----------------------------------------------------------------------------------------------------

REFUSED: list[tuple[dict[str, str], str, str]] = [
    ({"quantity": "0"}, "quantity", "This must be more than 0."),
    ({"quantity": "-1"}, "quantity", "This must be more than 0."),
    ({"quantity": "1e5"}, "quantity", "Write a plain number"),
    ({"quantity": "NaN"}, "quantity", "Write a plain number"),
    ({"quantity": "١٢"}, "quantity", "Write a plain number"),
    ({"quantity": "9" * 64}, "quantity", "This number is larger than the books keep."),
    ({"quantity": "1" * 500}, "quantity", "Write a plain number"),
    ({"quantity": ""}, "quantity", "This field is required."),
    ({"kind": "sell"}, "quantity", "10 sold on 2024-01-10, but 0 held at that time."),
    ({"price": ""}, "price", "State the price per unit."),
    ({"price": "1\x00"}, "price", "Write a plain number"),
    ({"price": "0.12345678901"}, "price", "At most 10 decimals are kept here."),
    ({"fee": "0.001"}, "fee", "At most 2 decimals are kept here."),
    ({"tax": "-1"}, "tax", "This must not be negative."),
    ({"currency": "XXX"}, "currency", "not the ISO 4217 code"),
    ({"currency": "EURO"}, "currency", "at most 3 characters"),
    ({"currency": "JPY"}, "exchange_rate", "There is no exchange rate from JPY to USD"),
    ({"exchange_rate": "2"}, "exchange_rate", "its exchange rate can only be 1"),
    ({"asset": "NOSUCH"}, "asset", "There is no security with the symbol, ISIN or name “NOSUCH”."),
    ({"asset": ""}, "asset", "This field is required."),
    ({"asset": "a" * 500}, "asset", "at most 200 characters"),
    ({"asset": "EURUSD"}, "asset", "EURUSD cannot be bought or sold."),
    ({"traded_at": ""}, "traded_at", "This field is required."),
    ({"traded_at": "2024-02-30T10:00"}, "traded_at", "Write a date and a time"),
    ({"traded_at": "0001-01-01T00:00"}, "traded_at", "Write a year from 2 to 9998."),
    ({"traded_at": "9999-12-31T23:59"}, "traded_at", "Write a year from 2 to 9998."),
    ({"traded_at": "0002-01-01T00:00"}, "traded_at", "A trade cannot be dated before 1900."),
    ({"traded_at": "9998-12-31T23:59"}, "traded_at", "at the exchange; the trade is later."),
    ({"traded_at": "yesterday"}, "traded_at", "Write a date and a time"),
    ({"kind": "gift"}, "kind", "Select a valid choice."),
    ({"kind": ""}, "kind", "This field is required."),
    ({"account": "7"}, "account", "Select a valid choice."),
    ({"account": "9" * 400}, "account", "Select a valid choice."),
    ({"target": "9" * 30}, "target", "Select a valid choice."),
    ({"external_id": "known"}, "external_id", "has a trade with the external id “known” already"),
    ({"external_id": "x" * 65}, "external_id", "at most 64 characters"),
    ({"note": "a\x00b"}, "note", "Null characters are not allowed."),
    ({"kind": "transfer_in", "fee": "1"}, "fee", "A transfer has no fee or tax of its own"),
    ({"lots-0-opened_on": "2020-01-01", "lots-0-quantity": "10", "lots-0-cost": "1"}, "lots", "Only a transfer in"),
    ({"kind": "transfer_in", "lots-3-quantity": "10"}, "lots-3-cost", "This field is required."),
    ({"kind": "transfer_in", "lots-3-opened_on": "20.1.2020"}, "lots-3-opened_on", "Enter a valid date."),
    (
        {"kind": "transfer_in", "lots-0-opened_on": "2020-01-01", "lots-0-quantity": "9", "lots-0-cost": "1"},
        "lots",
        "The lots hold 9, the transfer is of 10.",
    ),
    (
        {"kind": "transfer_in", "lots-7-opened_on": "2025-01-01", "lots-7-quantity": "10", "lots-7-cost": "1"},
        "lots-7-opened_on",
        "A lot cannot be opened after its transfer.",
    ),
    (
        {"kind": "transfer_in", "lots-7-opened_on": "2020-01-01", "lots-7-quantity": "10", "lots-7-cost": "1.00001"},
        "lots-7-cost",
        "At most 4 decimals are kept here.",
    ),
]


@pytest.mark.parametrize("live", [False, True], ids=["sent", "live"])
@pytest.mark.parametrize(("changes", "name", "message"), REFUSED, ids=str)
def test_each_refusal_stands_beside_its_field(
    browser: Client, alice: User, apple: Asset, changes: dict[str, str], name: str, message: str, live: bool
) -> None:
    make_asset("EURUSD", type="fx", exchange=None)
    portfolio = make_portfolio(alice, "Tracked", cash="tracked")
    make_portfolio(alice, "Other")
    buy(portfolio, apple, 10, 100, "2024-01-12", external_id="known")
    url = "/transactions/preview/" if live else NEW
    answer = browser.post(f"{url}?portfolio={portfolio.pk}", BUY | changes)
    html = answer.content.decode()
    assert answer.status_code == 200
    missing = message in ("This field is required.", "State the price per unit.")
    if live and missing:
        assert error_beside(html, name) == ""
        assert "Still needed:" in html
    else:
        assert message in error_beside(html, name).replace("&#x27;", "'")
    assert Trade.objects.count() == 1


PICKS: list[tuple[dict[str, str], str, str]] = [
    ({"pick-{lot}-0": "x"}, "pick-{lot}-0", "Write a plain number"),
    ({"pick-{lot}-0": "11", "quantity": "11"}, "quantity", "11 sold on 2024-01-10, but 10 held"),
    ({"pick-{lot}-0": "9", "quantity": "5"}, "lots", "The lots picked hold 9, but 5 is taken."),
    ({"pick-{lot}-0": "0", "quantity": "5"}, "pick-{lot}-0", "This must be more than 0."),
    ({"pick-{lot}-7": "1", "quantity": "5"}, "lots", "is not open"),
    ({"pick-999999999-0": "1", "quantity": "5"}, "pick-999999999-0", "There is no trade with this id"),
    ({"pick-{other}-0": "1", "quantity": "5"}, "pick-{other}-0", "The lot that is picked is of another asset."),
]


@pytest.mark.parametrize(("changes", "name", "message"), PICKS, ids=str)
def test_a_refused_pick_is_marked_in_its_row(
    browser: Client, alice: User, apple: Asset, changes: dict[str, str], name: str, message: str
) -> None:
    portfolio = make_portfolio(alice, cost_method="specific")
    lot = buy(portfolio, apple, 10, 100, "2024-01-02").pk
    other = buy(portfolio, make_asset("OTHER"), 10, 100, "2024-01-02").pk
    filled = {key.format(lot=lot, other=other): value for key, value in changes.items()}
    url = f"/transactions/preview/?portfolio={portfolio.pk}"
    html = browser.post(url, BUY | {"kind": "sell"} | filled).content.decode()
    assert message in error_beside(html, name.format(lot=lot, other=other))
    assert browser.post(f"{NEW}?portfolio={portfolio.pk}", BUY | {"kind": "sell"} | filled).status_code == 200
    assert Trade.objects.count() == 2


def test_a_time_that_the_clock_skipped_is_refused(browser: Client, alice: User, portfolio: Portfolio) -> None:
    alice.time_zone = "Europe/Zurich"
    alice.save()
    html = browser.post(f"{NEW}?portfolio={portfolio.pk}", BUY | {"traded_at": "2023-03-26T02:30"}).content.decode()
    assert "This time did not exist in Europe/Zurich" in error_beside(html, "traded_at")


STRINGS = ["\x00", "1e999999999", "-" * 99, "９９", "9" * 5000, "\u202e", "<script>", "%00", "٢", "{}", "\ufffd"]


@pytest.mark.parametrize("field", [*BUY, "fee", "tax", "currency", "exchange_rate", "account", "target", "key", "note"])
def test_bad_input_is_never_a_failure(browser: Client, portfolio: Portfolio, field: str) -> None:
    for value in STRINGS:
        for url in (NEW, "/transactions/preview/", "/transactions/lots/"):
            body = BUY | {"kind": "sell", field: value}
            assert browser.post(f"{url}?portfolio={portfolio.pk}", body).status_code == 200, value
    assert not Trade.objects.exists()


@pytest.mark.parametrize("zone", ["UTC", "Asia/Tokyo", "America/Los_Angeles"])
@pytest.mark.parametrize("edge", ["0001-01-01", "0001-12-31", "0002-01-01", "9998-12-31", "9999-01-01", "9999-12-31"])
def test_the_calendars_edge_is_no_failure(
    browser: Client, alice: User, portfolio: Portfolio, edge: str, zone: str
) -> None:
    alice.time_zone = zone
    alice.save()
    make_rate("USDCHF", {date(2024, 1, 9): "0.9"})
    abroad = make_portfolio(alice, "Franken", base_currency="CHF")
    for clock in ("00:00", "23:59"):
        body = BUY | {"kind": "sell", "traded_at": f"{edge}T{clock}"}
        for url in (NEW, "/transactions/preview/", "/transactions/lots/"):
            for own in (portfolio, abroad):
                assert browser.post(f"{url}?portfolio={own.pk}", body).status_code == 200
    assert not Trade.objects.exists()


STRANGE = ["portfolio=x", "portfolio=", "portfolio=" + "9" * 40, "trade=x", "trade=-1", "trade=" + "9" * 40, "trade=٣"]


@pytest.mark.parametrize("query", STRANGE)
def test_strange_addresses_are_no_page(browser: Client, portfolio: Portfolio, query: str) -> None:
    for url in (NEW, "/transactions/preview/", "/transactions/lots/"):
        assert browser.post(f"{url}?{query}", BUY).status_code == 404
    assert not Trade.objects.exists()


def test_what_belongs_to_somebody_else_is_no_page(
    browser: Client, bob: User, portfolio: Portfolio, apple: Asset
) -> None:
    theirs = make_portfolio(bob, "Bob's")
    trade = buy(theirs, apple, 10, 100, "2024-01-02")
    account = make_portfolio(bob, "Cash", cash="tracked").portfolio_accounts.get().account_id
    for url in (NEW, "/transactions/preview/", "/transactions/lots/"):
        assert browser.post(f"{url}?portfolio={theirs.pk}", BUY).status_code == 404
        assert browser.post(f"{url}?trade={trade.pk}", BUY).status_code == 404
    assert browser.get(f"{NEW}?portfolio={theirs.pk}").status_code == 404
    assert browser.get(f"/transactions/{trade.pk}/edit/").status_code == 404
    assert browser.post(f"/transactions/{trade.pk}/edit/", BUY).status_code == 404
    tracked = make_portfolio(owner_of(portfolio), "Tracked", cash="tracked")
    for field, value in (("target", theirs.pk), ("account", account)):
        body = BUY | {"kind": "transfer_out", field: str(value)}
        html = browser.post(f"{NEW}?portfolio={tracked.pk}", body).content.decode()
        assert "Select a valid choice." in error_beside(html, field)
    assert Trade.objects.count() == 1


def test_somebody_without_a_portfolio_is_led_to_the_first_step(client: Client, bob: User) -> None:
    client.force_login(bob)
    answer = client.get(NEW)
    assert (answer.status_code, answer["Location"]) == (302, "/")
    assert client.post(NEW, BUY).status_code == 404


# --- editing ------------------------------------------------------------------------------------------------------


def edited(browser: Client, trade: Trade) -> dict[str, str]:
    """What the edit page of ``trade`` would send as it stands."""
    form = browser.get(f"/transactions/{trade.pk}/edit/").context["form"]
    body = {name: form[name].value() for name in form.fields}
    body |= form.picks.written
    body |= {row.name(name): text for row in form.lot_rows for name, text in row.written.items()}
    return {name: "" if value is None else str(value) for name, value in body.items()}


def test_an_edit_voids_and_books_anew(browser: Client, portfolio: Portfolio, apple: Asset) -> None:
    trade = buy(portfolio, apple, 10, 100, "2024-01-10", fee=Decimal("1.5"), note="typo")
    html = browser.get(f"/transactions/{trade.pk}/edit/").content.decode()
    assert "Booked as: Buy 10 AAPL at 100.00 USD, 10 Jan 2024, “typo”." in html
    body = edited(browser, trade)
    seen = browser.post(f"/transactions/preview/?trade={trade.pk}", body | {"quantity": "12"}).content.decode()
    assert "10 → 12" in seen
    assert browser.post(f"/transactions/{trade.pk}/edit/", body | {"quantity": "12"}).status_code == 302
    trade.refresh_from_db()
    [standing] = Trade.objects.standing()
    assert trade.voided_at
    assert (standing.replaces, standing.quantity, standing.fee, standing.note) == (trade, *exact(12, "1.5"), "typo")


def test_an_edit_that_changes_nothing_books_nothing(browser: Client, alice: User, apple: Asset) -> None:
    make_rate("USDCHF", {date(2024, 1, 9): "0.9"})
    portfolio = make_portfolio(alice, cost_method="specific", base_currency="CHF")
    first = buy(portfolio, apple, 10, 100, "2024-01-10", exchange_rate=Decimal("0.91"))
    instant = at("2024-01-11").replace(second=7, microsecond=120)
    terms: dict[str, Any] = {"kind": "transfer_in", "quantity": Decimal(3), "price": None}
    second = book_trade(portfolio=portfolio, asset=apple, traded_at=instant, actor=alice, **terms)
    body = BUY | {"kind": "sell", "quantity": "4", "traded_at": "2024-01-12T10:00", f"pick-{first.pk}-0": "2"}
    browser.post(f"{NEW}?portfolio={portfolio.pk}", body)
    sale = Trade.objects.get(kind="sell")
    for trade in (first, second, sale):
        answer = browser.post(f"/transactions/{trade.pk}/edit/", edited(browser, trade))
        assert (answer.status_code, said(answer)[-1]) == (302, "Nothing was changed.")
    assert Trade.objects.count() == 3


def test_a_transfers_own_lot_follows_its_new_quantity(browser: Client, portfolio: Portfolio, apple: Asset) -> None:
    terms: dict[str, Any] = {"kind": "transfer_in", "quantity": Decimal(3), "price": Decimal(100)}
    trade = book_trade(portfolio=portfolio, asset=apple, traded_at=at("2024-01-11"), actor=None, **terms)
    browser.post(f"/transactions/{trade.pk}/edit/", edited(browser, trade) | {"quantity": "5"})
    assert Lot.objects.get().cost == 500


def test_an_edit_that_breaks_a_later_sale_is_refused_by_name(
    browser: Client, portfolio: Portfolio, apple: Asset
) -> None:
    trade = buy(portfolio, apple, 10, 100, "2024-01-10")
    sale = sell(portfolio, apple, 10, 120, "2024-01-11")
    body = edited(browser, trade) | {"quantity": "9"}
    for url in (f"/transactions/{trade.pk}/edit/", f"/transactions/preview/?trade={trade.pk}"):
        html = browser.post(url, body).content.decode()
        assert f"(trade {sale.pk}) would then sell more than is held: 9." in error_beside(html, "general")
    trade.refresh_from_db()
    assert trade.voided_at is None


def test_what_cannot_be_edited_says_why(browser: Client, portfolio: Portfolio, apple: Asset) -> None:
    other = make_portfolio(owner_of(portfolio), "Other")
    bought = buy(portfolio, apple, 10, 100, "2024-01-10")
    leg = transfer_securities(
        source=portfolio, target=other, asset=apple, quantity=Decimal(1), traded_at=at("2024-01-11"), actor=None
    )
    voided = void_trade(trade=buy(portfolio, apple, 1, 1, "2024-01-12"), actor=None)
    for trade, text in ((leg, "one leg of a transfer"), (voided, "voided already")):
        page = browser.get(f"/transactions/{trade.pk}/edit/").content.decode()
        assert (text in page, 'id="trade-form"' in page) == (True, False)
        sent = browser.post(f"/transactions/{trade.pk}/edit/", BUY)
        assert (sent.status_code, Trade.objects.count()) == (200, 4)
    assert list(bought.replacements.all()) == []


def test_cash_follows_an_edit(browser: Client, alice: User, apple: Asset) -> None:
    portfolio = make_portfolio(alice, cash="tracked")
    trade = buy(portfolio, apple, 10, 100, "2024-01-10")
    body = edited(browser, trade) | {"price": "90"}
    seen = browser.post(f"/transactions/preview/?trade={trade.pk}", body).content.decode()
    assert "−1,000.00 → −900.00 USD" in seen
    browser.post(f"/transactions/{trade.pk}/edit/", body)
    assert CashTransaction.objects.get().amount == -900


# --- how much it asks of the database -----------------------------------------------------------------------------


def test_the_parts_send_as_many_queries_for_many_lots_as_for_few(browser: Client, alice: User, apple: Asset) -> None:
    portfolio = make_portfolio(alice, cost_method="specific", cash="tracked")
    counts = []
    for number in range(1, 21):
        buy(portfolio, apple, 1, 100 + number, f"2024-01-{number:02}")
        if number in (2, 20):
            body = BUY | {"kind": "sell", "quantity": "1", "traded_at": "2024-02-10T15:30"}
            urls = [f"/transactions/{part}/?portfolio={portfolio.pk}" for part in ("preview", "lots")]
            counts += [count_queries(partial(browser.post, url, body))[0] for url in urls]
    assert counts[:2] == counts[2:]
    assert (counts[0] <= 27, counts[1] <= 16) == (True, True), counts
