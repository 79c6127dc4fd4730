"""The pages that book, as their readers get them: well-formed, each input labelled, no inline code."""

from __future__ import annotations

import pytest
from django.test import Client

from analytics.tests.test_views import Page
from portfolios.services.methods import change_method
from tests.world import World

TRADE = {"kind": "sell", "asset": "AAPL", "traded_at": "2024-03-01T15:30", "quantity": "2", "price": "100", "fee": "x"}
LOT = {"lots-0-quantity": "1", "lots-4-cost": "x"}
PAGES = [
    "/analytics/history/?portfolio={portfolio}",
    "/analytics/history/?portfolio={portfolio}&as_of=2024-01-05",
    "/cards/{portfolio}/rolling/?metric=beta&window=63",
    "/transactions/new/?portfolio={portfolio}",
    "/transactions/new/?portfolio={portfolio}&kind=sell&asset=AAPL",
    "/transactions/{trade}/edit/",
    "/settings/cost-method/?portfolio={portfolio}",
    "/corporate-actions/",
    "/corporate-actions/?voided=on&start=x",
    "/corporate-actions/new/",
    "/corporate-actions/new/?kind=merger",
    "/corporate-actions/{action}/void/",
    "/banking/accounts/?as_of=2024-02-01",
    "/banking/accounts/new/",
    "/banking/accounts/{account}/?span=max",
    "/banking/accounts/{account}/edit/",
    "/banking/categories/",
    "/banking/categories/{category}/",
    "/banking/counterparties/?q=x",
    "/banking/counterparties/{counterparty}/",
    "/banking/tags/",
    "/banking/tags/{tag}/",
    "/banking/deposits/",
]


@pytest.fixture
def browser(world: World, client: Client) -> Client:
    world.owner.is_staff = True
    world.owner.save()
    client.force_login(world.owner)
    return client


def faults(html: str) -> list[str]:
    return Page(html).faults


def filled(world: World, url: str) -> str:
    ids = {"portfolio": world.portfolio, "trade": world.trade, "action": world.action, "category": world.category}
    ids |= {"counterparty": world.counterparty, "tag": world.tag, "account": world.assertion.account}
    return url.format(**{name: row.pk for name, row in ids.items()})


@pytest.mark.parametrize("url", PAGES)
def test_pages_are_well_formed(world: World, browser: Client, url: str) -> None:
    answer = browser.get(filled(world, url))
    assert answer.status_code == 200
    assert faults(answer.content.decode()) == []


@pytest.mark.parametrize("kind", ["buy", "sell", "transfer_in", "transfer_out"])
@pytest.mark.parametrize("action", ["book", "preview"])
def test_so_are_answers_to_what_is_refused_or_previewed(world: World, browser: Client, kind: str, action: str) -> None:
    change_method(portfolio=world.portfolio, method="specific", day=world.trade.day, actor=world.owner)
    url = f"/transactions/new/?portfolio={world.portfolio.pk}"
    for changes in (LOT, {"fee": ""}):
        answer = browser.post(url, TRADE | {"kind": kind, "action": action} | changes, follow=True)
        assert faults(answer.content.decode()) == []


def test_a_message_with_its_way_back_is(world: World, browser: Client) -> None:
    answer = browser.post(f"/transactions/{world.trade.pk}/undo/", follow=True)
    assert faults(answer.content.decode()) == []
    answer = browser.post(f"/corporate-actions/{world.action.pk}/void/", follow=True)
    html = answer.content.decode()
    assert f"/corporate-actions/{world.action.pk}/restore/" in html
    assert faults(html) == []
