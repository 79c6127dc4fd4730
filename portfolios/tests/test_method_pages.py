"""The page of a portfolio's cost method."""

from __future__ import annotations

from datetime import date

import pytest
from django.test import Client

from assets.tests.factories import make_asset
from core.testing import client_of
from portfolios.models import CostMethodChange, Disposal, Portfolio
from portfolios.services.methods import change_method
from portfolios.tests.factories import buy, make_portfolio, sell
from users.models import User

PAGE, PART = "/settings/cost-method/", "/settings/cost-method/preview/"
BODY = {"method": "lifo", "day": "2024-02-01"}


@pytest.fixture
def portfolio(alice: User) -> Portfolio:
    portfolio, apple = make_portfolio(alice), make_asset("AAPL")
    buy(portfolio, apple, 10, 100, "2024-01-10")
    buy(portfolio, apple, 10, 110, "2024-01-11")
    sell(portfolio, apple, 10, 120, "2024-03-01")
    return portfolio


@pytest.fixture
def browser(client: Client, alice: User) -> Client:
    client.force_login(alice)
    return client


def test_the_preview_shows_what_the_change_then_does(browser: Client, portfolio: Portfolio, alice: User) -> None:
    query = f"?portfolio={portfolio.pk}"
    for url in (PART + query, PAGE + query):
        html = browser.post(url, BODY | {"action": "preview"}).content.decode()
        assert ("1,100.00" in html, "→ 1,000.00" in html, "+200.00" in html, "→ +100.00" in html) == (True,) * 4
    assert not CostMethodChange.objects.exists()

    for _ in range(2):
        form = {"key": "0b1f3c52-6b2c-4f9e-9c50-3f5be2a1a0aa"}
        assert browser.post(PAGE + query, BODY | form).status_code == 302
    assert Disposal.objects.get().gain_base == 100
    change = CostMethodChange.objects.get()
    html = browser.get(PAGE + query).content.decode()
    assert "From 1 Feb 2024 on: Last in, first out." in html

    assert browser.post(f"{PAGE}{change.pk}/void/").status_code == 302
    assert Disposal.objects.get().gain_base == 200
    assert "Taken back: Last in, first out from 1 Feb 2024." in browser.get(PAGE + query).content.decode()
    sent = browser.post(PAGE + query, BODY | form, follow=True).content.decode()
    assert "This was stored before and taken back since: From 1 Feb 2024 on: Last in, first out." in sent
    assert Disposal.objects.get().gain_base == 200
    browser.post(f"{PAGE}{change.pk}/restore/")
    sent = browser.post(PAGE + query, BODY | form, follow=True).content.decode()
    assert ("taken back since" in sent, "From 1 Feb 2024 on: Last in, first out." in sent) == (False, True)
    assert Disposal.objects.get().gain_base == 100
    again = browser.post(f"{PAGE}{change.pk}/restore/", follow=True).content.decode()
    assert "This change is not voided." in again


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"method": "fifo"}, "This method holds on that day already."),
        ({"method": "gift"}, "Select a valid choice."),
        ({"method": "\x00"}, "Select a valid choice."),
        ({"day": "2999-01-01"}, "A cost method can change today or earlier."),
        ({"day": "2024-01-05"}, "The cost method changes on this day already"),
        ({"day": "x" * 5000}, "Enter a valid date."),
        ({"day": "2024-02-01\x00"}, "Enter a valid date."),
        ({"day": ""}, "This field is required."),
    ],
    ids=str,
)
def test_each_refusal_is_said(browser: Client, portfolio: Portfolio, changes: dict[str, str], message: str) -> None:
    change = change_method(portfolio=portfolio, method="hifo", day=date(2024, 1, 5), actor=None)
    body = BODY | ({"day": "2024-01-04"} if changes.get("method") == "fifo" else {}) | changes
    for url in (PAGE, PART):
        answer = browser.post(f"{url}?portfolio={portfolio.pk}", body)
        assert answer.status_code == 200
        assert message in answer.content.decode()
    assert list(CostMethodChange.objects.all()) == [change]


def test_what_a_change_would_break_is_named(browser: Client, alice: User) -> None:
    portfolio, apple = make_portfolio(alice, "Picked", cost_method="specific"), make_asset("AAPL")
    lot = buy(portfolio, apple, 10, 100, "2024-01-10")
    body = {"kind": "sell", "asset": "AAPL", "quantity": "1", "price": "1", "traded_at": "2024-03-01T15:30:00Z"}
    picks = {"lots": [{"opened_by": lot.pk, "quantity": "1"}]}
    assert client_of(alice).post(f"/portfolios/{portfolio.pk}/trades/", body | picks).status_code == 201
    html = browser.post(f"{PAGE}?portfolio={portfolio.pk}", BODY).content.decode()
    assert "would be left without its lots" in html


def test_it_is_the_owners_alone(browser: Client, bob: User, portfolio: Portfolio) -> None:
    theirs = make_portfolio(bob)
    change = change_method(portfolio=theirs, method="lifo", day=date(2024, 1, 5), actor=bob)
    for url in (PAGE, PART):
        assert browser.post(f"{url}?portfolio={theirs.pk}", BODY).status_code == 404
    assert browser.get(f"{PAGE}?portfolio={theirs.pk}").status_code == 404
    for verb in ("void", "restore"):
        assert browser.post(f"{PAGE}{change.pk}/{verb}/").status_code == 404
    change.refresh_from_db()
    assert change.voided_at is None


def test_without_a_portfolio_it_leads_on(client: Client, bob: User) -> None:
    client.force_login(bob)
    assert client.get(PAGE)["Location"] == "/"
    assert client.post(PART, BODY).status_code == 404
