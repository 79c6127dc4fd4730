"""One trade on its page, and voiding and restoring it there and in the list, with scripts and without."""

from __future__ import annotations

from datetime import date
from decimal import Decimal
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from django.test import Client

from activity.models import AuditEvent
from assets.models import Asset
from assets.tests.factories import make_asset, make_bars
from core.testing import Page, owner_of
from portfolios.models import Portfolio, Trade
from portfolios.services.trades import replace_trade, void_trade
from portfolios.services.transfers import transfer_securities
from portfolios.tests.factories import at, buy, make_portfolio, sell
from tests.rows import every_row
from users.models import User

FIRST = date(2024, 1, 2)
HTMX = {"HX-Request": "true"}


@pytest.fixture
def browser(client: Client, alice: User) -> Client:
    client.force_login(alice)
    return client


@pytest.fixture
def portfolio(alice: User) -> Portfolio:
    return make_portfolio(alice, cash="tracked")


@pytest.fixture
def bought(portfolio: Portfolio) -> Trade:
    apple = make_asset("AAPL")
    make_bars(apple, [100, 101, 102, 103], start=FIRST)
    return buy(portfolio, apple, 10, 100, FIRST, note="A note\nof two lines", fee=Decimal(1))


@pytest.fixture
def sold(portfolio: Portfolio, bought: Trade) -> Trade:
    return sell(portfolio, bought.asset, 4, 103, "2024-01-05")


def text_of(answer: Any, status: int = 200) -> str:
    assert answer.status_code == status, answer.content
    page = str(answer.content.decode())
    assert Page(page).faults == []
    return page


def stands(trade: Trade) -> bool:
    return Trade.objects.get(pk=trade.pk).voided_at is None


# --- the page -----------------------------------------------------------------------------------------------------


def test_what_was_booked_and_what_followed(browser: Client, bought: Trade, sold: Trade) -> None:
    page = text_of(browser.get(f"/transactions/{bought.pk}/"))
    for text in ("Buy 10 AAPL", "1,001.00 USD", "A note<br>of two lines", "Booked", "by alice", "6 still open"):
        assert text in page, text
    assert "−1,001.00 USD on 2 Jan 2024" in page
    page = text_of(browser.get(f"/transactions/{sold.pk}/"))
    for text in ("Sell 4 AAPL", "412.00", "400.40", "+11.60", "3 days, short term"):
        assert text in page, text


def test_times_are_written_as_the_reader_does(browser: Client, bought: Trade, alice: User) -> None:
    alice.locale, alice.time_zone = "de", "Europe/Berlin"
    alice.save()
    void_trade(trade=bought, actor=alice)
    bought.refresh_from_db()
    page = text_of(browser.get(f"/transactions/{bought.pk}/"))
    assert "2. Januar 2024 an der Börse; 02.01.2024, " in page
    assert bought.voided_at
    voided = bought.voided_at.astimezone(ZoneInfo("Europe/Berlin"))
    assert f"Storniert {voided:%d.%m.%Y, %H:%M} {voided:%Z}" in page


def test_the_chain_of_replacements_with_who_and_when(browser: Client, bought: Trade, alice: User, carol: User) -> None:
    second = replace_trade(trade=bought, actor=carol, quantity=Decimal(11))
    third = replace_trade(trade=second, actor=alice, quantity=Decimal(12))
    for shown in (bought, second, third):
        page = text_of(browser.get(f"/transactions/{shown.pk}/"))
        assert page.count('<li aria-current="true">') == 1
        for version in (bought, second, third):
            assert f"Trade {version.pk}" in page
        assert f"Booked in the place of trade {bought.pk}" in page
        assert "by carol" in page
        assert page.count('tag-mark">voided') == 2
    first = text_of(browser.get(f"/transactions/{bought.pk}/"))
    assert f'In its place stands <a href="/transactions/{third.pk}/">' in first
    assert "Voided" in first
    assert "by carol. It does not count." in first


def test_both_legs_of_a_transfer_know_each_other(browser: Client, portfolio: Portfolio, bought: Trade) -> None:
    other = make_portfolio(owner_of(portfolio), "Other")
    left = transfer_securities(
        source=portfolio,
        target=other,
        asset=bought.asset,
        quantity=Decimal(2),
        traded_at=at("2024-01-04"),
        actor=portfolio.owner,
    )
    arrived = Trade.objects.get(source=left)
    assert f"trade {arrived.pk}</a>" in text_of(browser.get(f"/transactions/{left.pk}/"))
    assert f"trade {left.pk}</a>" in text_of(browser.get(f"/transactions/{arrived.pk}/"))
    assert "Both legs" in text_of(browser.get(f"/transactions/{left.pk}/void/"))
    browser.post(f"/transactions/{arrived.pk}/void/")
    assert (stands(left), stands(arrived)) == (False, False)


@pytest.mark.parametrize("part", ["", "void/", "restore/"])
@pytest.mark.parametrize("number", ["999", "9" * 40, "0"])
def test_what_is_not_there(browser: Client, bought: Trade, part: str, number: str) -> None:
    assert browser.get(f"/transactions/{number}/{part}").status_code == 404


def test_somebody_elses_trade_does_not_exist(client: Client, bob: User, bought: Trade) -> None:
    client.force_login(bob)
    before = every_row()
    for part in ("", "void/", "restore/"):
        assert client.get(f"/transactions/{bought.pk}/{part}").status_code == 404
    for part in ("void/", "restore/"):
        assert client.post(f"/transactions/{bought.pk}/{part}", {"back": ""}).status_code == 404
    assert every_row() == before


def test_a_change_needs_the_forms_token(bought: Trade, alice: User) -> None:
    strict = Client(enforce_csrf_checks=True)
    strict.force_login(alice)
    assert strict.post(f"/transactions/{bought.pk}/void/").status_code == 403
    assert stands(bought)


@pytest.mark.parametrize("method", ["put", "delete", "patch"])
def test_other_methods_change_nothing(browser: Client, bought: Trade, method: str) -> None:
    for part in ("", "void/", "restore/"):
        assert getattr(browser, method)(f"/transactions/{bought.pk}/{part}").status_code == 405
    assert browser.post(f"/transactions/{bought.pk}/").status_code == 405
    assert stands(bought)


# --- without scripts ----------------------------------------------------------------------------------------------


def test_void_asks_first_then_offers_to_undo(browser: Client, portfolio: Portfolio, bought: Trade, alice: User) -> None:
    back = f"portfolio={portfolio.pk}&kind=buy"
    question = text_of(browser.get(f"/transactions/{bought.pk}/void/", {"back": back}))
    assert "Void this trade?" in question
    assert f'name="back" value="{back.replace("&", "&amp;")}"' in question
    assert stands(bought)
    answer = browser.post(f"/transactions/{bought.pk}/void/", {"back": back})
    assert answer["Location"] == f"/transactions/?{back}&changed={bought.pk}#trade-{bought.pk}"
    assert not stands(bought)
    page = text_of(browser.get(answer["Location"]))
    assert "Voided." in page  # though the list hides voided ones
    assert f'action="/transactions/{bought.pk}/restore/"' in page
    event = AuditEvent.objects.filter(action="trade.voided").get()
    assert (event.actor, event.subject_id) == (alice, str(bought.pk))
    page = text_of(browser.post(f"/transactions/{bought.pk}/restore/", {"back": back}, follow=True))
    assert stands(bought)
    assert "Restored." in page
    assert f'id="trade-{bought.pk}"' in page


def test_on_its_own_page_it_comes_back_there(browser: Client, bought: Trade) -> None:
    answer = browser.post(f"/transactions/{bought.pk}/void/")
    assert answer["Location"] == f"/transactions/{bought.pk}/"
    page = text_of(browser.get(answer["Location"]))
    assert "Undo: restore it" in page
    assert "Void this trade" not in page
    assert "Undo" not in text_of(browser.post(f"/transactions/{bought.pk}/restore/", follow=True))


def test_a_refusal_names_the_later_trade_beside_the_row(browser: Client, bought: Trade, sold: Trade) -> None:
    before = every_row()
    answer = browser.post(f"/transactions/{bought.pk}/void/", {"back": ""})
    page = text_of(answer, 409)
    row = page.split(f'id="trade-{bought.pk}"')[1].split("</tr>")[0]
    assert f"(trade {sold.pk})" in row
    assert "would then sell more than is held" in row
    assert 'role="alert"' in row
    assert every_row() == before


def test_a_refusal_of_a_row_that_is_not_shown_stands_above_the_list(
    browser: Client, bought: Trade, sold: Trade
) -> None:
    page = text_of(browser.post(f"/transactions/{bought.pk}/void/", {"back": "kind=sell"}), 409)
    assert f"(trade {sold.pk})" in page.split("<table")[0]


def test_a_refusal_on_the_trades_own_page(browser: Client, bought: Trade, sold: Trade) -> None:
    page = text_of(browser.post(f"/transactions/{bought.pk}/void/"), 409)
    assert f"(trade {sold.pk})" in page
    assert "<h1>Buy 10 AAPL</h1>" in page


def test_what_is_done_already_is_refused(browser: Client, bought: Trade, alice: User) -> None:
    assert "This trade is not voided." in text_of(browser.post(f"/transactions/{bought.pk}/restore/"), 409)
    assert "This trade is not voided." in text_of(browser.get(f"/transactions/{bought.pk}/restore/"))
    void_trade(trade=bought, actor=alice)
    assert "This trade is voided already." in text_of(browser.post(f"/transactions/{bought.pk}/void/"), 409)
    question = text_of(browser.get(f"/transactions/{bought.pk}/void/"))
    assert "This trade is voided already." in question
    assert "<form" not in question.split("<main")[1]


def test_restoring_what_would_sell_too_much_is_refused(browser: Client, bought: Trade, sold: Trade) -> None:
    for trade in (sold, bought):
        browser.post(f"/transactions/{trade.pk}/void/")
    page = text_of(browser.post(f"/transactions/{sold.pk}/restore/", {"back": "voided=on"}), 409)
    assert "4 sold on 2024-01-05, but 0 held at that time." in page
    assert not stands(sold)


def test_restoring_an_original_voids_what_replaced_it(browser: Client, bought: Trade, alice: User) -> None:
    again = replace_trade(trade=bought, actor=alice, quantity=Decimal(12))
    assert "What replaced it since is voided instead" in text_of(browser.get(f"/transactions/{bought.pk}/restore/"))
    browser.post(f"/transactions/{bought.pk}/restore/")
    assert (stands(bought), stands(again)) == (True, False)


@pytest.mark.parametrize(
    "back", ["%00", "portfolio=999", "page=x&start=x&kind=x", "a" * 3000, "=&=&", "%ff", "changed=1", "https://x/"]
)
def test_whatever_is_sent_as_the_way_back_leads_to_the_list(
    browser: Client, portfolio: Portfolio, bought: Trade, back: str
) -> None:
    answer = browser.post(f"/transactions/{bought.pk}/void/", {"back": back})
    assert answer.status_code == 302
    assert answer["Location"].startswith("/transactions/?")
    assert f"portfolio={portfolio.pk}" in answer["Location"]
    assert f"changed={bought.pk}" in answer["Location"]
    assert browser.get(answer["Location"]).status_code in {200, 400}
    assert browser.post(f"/transactions/{bought.pk}/void/", {"back": back}).status_code == 409
    assert browser.get(f"/transactions/{bought.pk}/restore/", {"back": back}).status_code in {200, 400}


# --- with scripts -------------------------------------------------------------------------------------------------


def test_htmx_asks_in_the_row(browser: Client, bought: Trade) -> None:
    part = text_of(browser.get(f"/transactions/{bought.pk}/void/", {"back": "kind=buy"}, headers=HTMX))
    assert "<html" not in part
    assert f'hx-post="/transactions/{bought.pk}/void/"' in part
    assert 'hx-target="#transactions"' in part
    assert f'hx-select="#trade-{bought.pk}"' in part  # how it is left
    assert "csrfmiddlewaretoken" in part


def test_htmx_gets_the_list_with_the_row_changed_and_its_cash_gone(browser: Client, bought: Trade) -> None:
    assert "Cash of a trade" in text_of(browser.get("/transactions/"))
    page = text_of(browser.post(f"/transactions/{bought.pk}/void/", {"back": ""}, headers=HTMX, follow=True))
    assert '<section class="card" id="transactions"' in page
    assert "Voided." in page
    assert "Cash of a trade" not in page
    assert f'hx-post="/transactions/{bought.pk}/restore/"' in page
    page = text_of(browser.post(f"/transactions/{bought.pk}/restore/", {"back": ""}, headers=HTMX, follow=True))
    assert "Cash of a trade" in page


def test_htmx_gets_a_refusal_as_an_answer_that_it_swaps_in(browser: Client, bought: Trade, sold: Trade) -> None:
    page = text_of(browser.post(f"/transactions/{bought.pk}/void/", {"back": ""}, headers=HTMX), 200)
    assert f"(trade {sold.pk})" in page.split(f'id="trade-{bought.pk}"')[1].split("</tr>")[0]


def test_strangers_are_sent_to_the_login(client: Client, bought: Trade) -> None:
    for part in ("void/", "restore/"):
        answer = client.post(f"/transactions/{bought.pk}/{part}")
        assert (answer.status_code, answer["Location"].split("?")[0]) == (302, "/login/")
        assert client.post(f"/transactions/{bought.pk}/{part}", headers=HTMX)["HX-Redirect"] == "/login/"
    assert stands(bought)


def test_assets_of_odd_symbols_have_pages(browser: Client, portfolio: Portfolio) -> None:
    coin = Asset.objects.create(symbol="BTC/USD", name="Bitcoin", type="crypto", currency="USD")
    trade = buy(portfolio, coin, 1, 100, FIRST)
    assert 'href="/holdings/BTC/USD/?portfolio=' in text_of(browser.get(f"/transactions/{trade.pk}/"))
    assert "Bitcoin" in text_of(browser.get("/holdings/BTC/USD/"))
