"""The lots of a trade's form: what was picked or brought stays what it is while a trade is edited."""

from __future__ import annotations

from datetime import date
from decimal import Decimal
from typing import Any

import pytest
from django.test import Client

from assets.models import Asset
from assets.tests.factories import make_asset
from portfolios.models import Disposal, Portfolio, Trade
from portfolios.services.terms import NewLot, NewPick
from portfolios.services.trades import book_trade, replace_trade, restore_trade
from portfolios.tests.factories import at, buy, make_portfolio, sell
from portfolios.tests.test_entry_pages import BUY, edited, said
from portfolios.views import entry
from users.models import User

WAITS = "data-waits"  # where the page's script carries picks


@pytest.fixture
def apple(db: None) -> Asset:
    return make_asset("AAPL")


@pytest.fixture
def portfolio(alice: User, apple: Asset) -> Portfolio:
    return make_portfolio(alice, cost_method="specific")


@pytest.fixture
def browser(client: Client, alice: User) -> Client:
    client.force_login(alice)
    return client


def sent(browser: Client, trade: Trade) -> dict[str, str]:
    """What a browser sends from the edit page of a sale: its fields, and the inputs of the lots that are shown."""
    picker = browser.get(f"/transactions/{trade.pk}/edit/").context["picker"]
    fields = {name: text for name, text in edited(browser, trade).items() if not name.startswith("pick-")}
    return fields | {name: written for _, name, written, _ in picker.rows} | dict(picker.carried)


def test_a_pick_outlives_the_replacement_of_what_it_picked(browser: Client, portfolio: Portfolio, apple: Asset) -> None:
    buy(portfolio, apple, 10, 10, "2024-01-02")
    second = buy(portfolio, apple, 10, 90, "2024-01-03")
    sale = sell(portfolio, apple, 5, 100, "2024-01-10", picks=[NewPick(second.pk, Decimal(5))])
    instead = replace_trade(trade=second, actor=None, note="better")
    body = sent(browser, sale)
    assert body[f"pick-{instead.pk}-0"] == "5"
    browser.post(f"/transactions/{sale.pk}/edit/", body)
    assert said(browser.post(f"/transactions/{sale.pk}/edit/", body))[-1] == "Nothing was changed."

    browser.post(f"/transactions/{sale.pk}/edit/", body | {"note": "best"})
    assert (Disposal.objects.get().gain_base, Trade.objects.standing().get(kind="sell").note) == (50, "best")
    restore_trade(trade=second, actor=None)  # a pick of the replacement is one of the first trade again
    last = Trade.objects.standing().get(kind="sell")
    assert sent(browser, last)[f"pick-{second.pk}-0"] == "5"


def test_every_lot_that_is_picked_has_its_input(
    browser: Client, portfolio: Portfolio, apple: Asset, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(entry, "MOST_SHOWN_LOTS", 2)
    lots = [buy(portfolio, apple, 1, 10 * number, f"2024-01-0{number}") for number in range(1, 6)]
    picks = [NewPick(lots[4].pk, Decimal(1)), NewPick(lots[3].pk, Decimal("0.5"))]
    sale = sell(portfolio, apple, 2, 100, "2024-01-10", picks=picks)
    html = browser.get(f"/transactions/{sale.pk}/edit/").content.decode()
    assert "3 more lots are open" in html
    body = sent(browser, sale)
    assert [name for name in body if name.startswith("pick-")] == [f"pick-{lot.pk}-0" for lot in lots[3:]]
    assert said(browser.post(f"/transactions/{sale.pk}/edit/", body))[-1] == "Nothing was changed."
    browser.post(f"/transactions/{sale.pk}/edit/", body | {"note": "better"})
    new = Trade.objects.standing().get(kind="sell")
    assert sorted(new.picks.values_list("opened_by", "quantity")) == [(lots[3].pk, Decimal("0.5")), (lots[4].pk, 1)]


def test_a_pick_is_carried_while_no_lots_can_be_shown(browser: Client, portfolio: Portfolio, apple: Asset) -> None:
    lot, other = buy(portfolio, apple, 10, 10, "2024-01-02"), make_asset("OTHER")
    url, name = f"/transactions/lots/?portfolio={portfolio.pk}", f"pick-{lot.pk}-0"
    body = BUY | {"kind": "sell", name: "3"}
    html = browser.post(url, body | {"traded_at": ""}).content.decode()
    assert f'<input type="hidden" name="{name}" value="3">' in html
    assert WAITS in html  # for what is written meanwhile, too
    assert WAITS in browser.post(url, body | {"asset": ""}).content.decode()
    assert WAITS not in browser.post(url, body).content.decode()  # its own input is there
    html = browser.post(url, body | {"asset": other.symbol}).content.decode()
    assert name not in html  # it has no such lot
    assert WAITS not in html
    Portfolio.objects.update(cost_method="fifo")
    html = browser.post(url, body).content.decode()
    assert name not in html  # none may be picked
    assert WAITS not in html


def test_a_transfer_with_several_lots_is_unchanged(browser: Client, alice: User, apple: Asset) -> None:
    lots = [NewLot(date(2020, 1, 2), Decimal(3), Decimal("30.1234")), NewLot(date(2021, 1, 2), Decimal(4), Decimal(50))]
    terms: dict[str, Any] = {"kind": "transfer_in", "quantity": Decimal(7), "price": None, "lots": lots}
    portfolio = make_portfolio(alice, "Brought")
    trade = book_trade(portfolio=portfolio, asset=apple, traded_at=at("2024-01-11"), actor=alice, **terms)
    answer = browser.post(f"/transactions/{trade.pk}/edit/", edited(browser, trade))
    assert (said(answer)[-1], Trade.objects.count()) == ("Nothing was changed.", 1)


@pytest.mark.parametrize("digits", [24, 28, 34, 44, 47, 48, 49, 50, 60, 64])
def test_a_price_of_any_length_is_no_failure(browser: Client, portfolio: Portfolio, apple: Asset, digits: int) -> None:
    buy(portfolio, apple, 10, 10, "2024-01-02")
    body = BUY | {"kind": "sell", "price": "9" * digits}
    for url in ("/transactions/lots/", "/transactions/preview/", "/transactions/new/"):
        assert browser.post(f"{url}?portfolio={portfolio.pk}", body).status_code == 200


def test_what_a_lot_would_bring_is_right_for_prices_in_pence(browser: Client, alice: User) -> None:
    share = make_asset("VOD", currency="GBP", price_factor=Decimal("0.01"))
    portfolio = make_portfolio(alice, "Pence", cost_method="specific", base_currency="GBP")
    buy(portfolio, share, 100, 250, "2024-01-02")
    body = BUY | {"kind": "sell", "asset": "VOD", "price": "300"}
    url = f"/transactions/lots/?portfolio={portfolio.pk}"
    assert "+50.00" in browser.post(url, body).content.decode()
    assert "+50.00" in browser.post(url, body | {"price": "3", "currency": "GBP"}).content.decode()


def test_a_null_character_in_what_is_typed_is_refused(browser: Client, apple: Asset) -> None:
    assert browser.get("/transactions/assets/?asset=%00").status_code == 400
