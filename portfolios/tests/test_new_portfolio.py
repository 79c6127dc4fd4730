"""The page that makes a portfolio, and where somebody without one is led."""

from __future__ import annotations

from typing import Any

import pytest
from django.test import Client
from django.urls import reverse

from assets.tests.factories import make_asset
from core.testing import Page
from portfolios.models import Portfolio
from users.models import Membership, Role, User
from users.services.organisations import create_organisation

PAGE = "/portfolio/new/"
BODY = {"name": "Savings", "base_currency": "EUR", "cost_method": "average", "cash": "tracked", "benchmark": ""}
KEY = "0b1f3c52-6b2c-4f9e-9c50-3f5be2a1a0aa"


@pytest.fixture
def browser(client: Client, alice: User) -> Client:
    client.force_login(alice)
    return client


def post(browser: Client, **changes: Any) -> Any:
    return browser.post(PAGE, BODY | changes)


def test_it_makes_a_portfolio_and_leads_to_it(browser: Client, alice: User) -> None:
    index = make_asset("SP500", name="S&P 500", type="index")
    answer = post(browser, benchmark="sp500")
    made = Portfolio.objects.get()
    assert (answer.status_code, answer["Location"]) == (302, f"/?portfolio={made.pk}")
    assert (made.owner, made.name, made.base_currency) == (alice, "Savings", "EUR")
    assert (made.cost_method, made.cash, made.benchmark) == ("average", "tracked", index)
    assert made.portfolio_accounts.count() == 1
    page = browser.get(answer["Location"]).content.decode()
    assert "The portfolio “Savings” is there." in page
    assert "Enter the first trade" in page


def test_the_same_page_sent_twice_makes_one(browser: Client) -> None:
    first, second = post(browser, key=KEY), post(browser, key=KEY)
    assert first["Location"] == second["Location"]
    assert Portfolio.objects.count() == 1
    post(browser, key=KEY, name="Another")
    assert Portfolio.objects.count() == 2


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"name": "  "}, "This field is required."),
        ({"name": "x" * 101}, "at most 100 characters"),
        ({"name": "a\x00b"}, "Null characters are not allowed."),
        ({"base_currency": "XXX"}, "Select a valid choice."),
        ({"cost_method": "best"}, "Select a valid choice."),
        ({"cash": ""}, "This field is required."),
        ({"benchmark": "NOSUCH"}, "There is no security with the symbol, ISIN or name “NOSUCH”."),
    ],
)
def test_what_is_wrong_is_said_beside_its_field(browser: Client, changes: dict[str, str], said: str) -> None:
    answer = post(browser, **changes)
    page = answer.content.decode()
    assert answer.status_code == 400
    assert said in page
    assert Page(page).faults == []
    assert not Portfolio.objects.exists()


def test_a_manager_may_make_one_for_the_organisation(browser: Client, alice: User) -> None:
    firm = create_organisation(name="Firm", actor=alice)
    assert f'<option value="{firm.pk}">Firm</option>' in browser.get(PAGE).content.decode()
    post(browser, holder=str(firm.pk))
    assert Portfolio.objects.get().organisation == firm


def test_nobody_makes_one_for_an_organisation_that_they_do_not_manage(browser: Client, alice: User, bob: User) -> None:
    firm = create_organisation(name="Firm", actor=bob)
    Membership.objects.create(organisation=firm, user=alice, role=Role.MEMBER)
    own = create_organisation(name="Own", actor=alice)
    page = browser.get(PAGE).content.decode()
    assert f'value="{own.pk}"' in page
    assert f'value="{firm.pk}"' not in page
    assert post(browser, holder=str(firm.pk)).status_code == 400
    Membership.objects.filter(organisation=own).update(role=Role.MEMBER)
    post(browser, holder=str(own.pk))  # there is no such choice any more
    assert [(made.owner, made.organisation) for made in Portfolio.objects.all()] == [(alice, None)]


def test_benchmarks_are_found_while_typing(browser: Client) -> None:
    make_asset("SP500", name="S&P 500", type="index")
    url = reverse("asset-options")
    assert "SP500" in browser.get(url, {"benchmark": "sp"}).content.decode()
    assert "SP500" not in browser.get(url, {"asset": "sp"}).content.decode()


@pytest.mark.parametrize(("demo", "way"), [(True, "<code>demo123</code>"), (False, "<code>make run</code>")])
def test_somebody_without_a_portfolio_is_led_on(browser: Client, settings: Any, demo: bool, way: str) -> None:
    settings.DEMO = demo
    for url in ("/", "/?portfolio=all"):
        page = browser.get(url).content.decode()
        assert f'href="{PAGE}"' in page
        assert f'href="{reverse("imports")}"' in page
        assert way in page
        assert Page(page).faults == []
