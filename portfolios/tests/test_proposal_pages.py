"""Announced corporate actions over the API and on their page, and the tasks that fetch and book them."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from typing import Any

import pytest
from django.test import Client
from django.utils import timezone
from rest_framework.test import APIClient

from assets.models import ActionProposal, Asset, CorporateAction, IngestionRun, Watchlist
from assets.providers.base import ActionNotice
from assets.services.notices import note
from assets.tests.factories import make_asset, make_bars, make_exchange
from assets.tests.fake_past import FakePast, running
from assets.tests.fake_polygon import KEY
from portfolios.models import Investment
from portfolios.tasks import apply_actions, fetch_market_actions
from portfolios.tests.factories import buy, make_portfolio
from users.models import User

URL, PAGE = "/api/market/action-proposals/", "/market/actions/"
NOW = datetime(2024, 1, 10, 7, tzinfo=UTC)

pytestmark = pytest.mark.django_db


@pytest.fixture
def apple(alice: User) -> Asset:
    asset = make_asset("AAPL", exchange=make_exchange("XNYS", ingest_since=date(2024, 1, 2)))
    make_bars(asset, {date(2024, 1, 2): 100, date(2024, 1, 3): 101, date(2024, 1, 4): 102})
    buy(make_portfolio(alice), asset, 10, 100, "2024-01-02")
    return asset


def announced(asset: Asset, ex_date: date = date(2024, 1, 5), ratio: int = 4, name: str = "s1") -> ActionProposal:
    note(asset, [ActionNotice("AAPL", "split", ex_date, name, ratio=Decimal(ratio))], provider="feed", now=NOW)
    return ActionProposal.objects.latest("pk")


@pytest.fixture
def staff(carol: User) -> Client:
    client = Client()
    client.force_login(carol)
    return client


def test_staff_books_and_ignores_over_the_api(apple: Asset, api: Callable[[User], APIClient], carol: User) -> None:
    first, second = announced(apple), announced(apple, date(2024, 1, 4), 2, "s2")
    client = api(carol)
    listed = client.get(URL, {"asset": "AAPL", "state": "proposed", "kind": "split", "start": "2024-01-05"}).json()
    assert [(row["id"], row["ratio"], row["per"]) for row in listed["results"]] == [(first.pk, "4", "1")]
    booked = client.post(f"{URL}{first.pk}/accept/").json()
    assert (booked["state"], booked["decided_by"]) == ("applied", "carol")
    assert booked["action"] == CorporateAction.objects.get().pk
    assert Investment.objects.get().quantity == 40
    assert client.post(f"{URL}{second.pk}/ignore/").json()["state"] == "ignored"
    again = client.post(f"{URL}{second.pk}/accept/")
    assert (again.status_code, again.json()["code"]) == (400, "proposal_decided")


def test_others_neither_see_nor_decide(apple: Asset, api: Callable[[User], APIClient], alice: User) -> None:
    made = announced(apple)
    assert [api(alice).get(url).status_code for url in (URL, f"{URL}{made.pk}/")] == [403, 403]
    assert api(alice).post(f"{URL}{made.pk}/accept/").status_code == 403
    client = Client()
    client.force_login(alice)
    assert [client.get(PAGE).status_code, client.post(PAGE).status_code] == [403, 403]
    assert Investment.objects.get().quantity == 10


def test_the_page_books_and_says_what_stands_in_the_way(apple: Asset, staff: Client) -> None:
    made = announced(apple)
    text = staff.get(PAGE).content.decode()
    assert "4 for 1" in text
    assert "5 Jan 2024" in text
    answer = staff.post(PAGE, {"proposal": made.pk, "action": "accept"}, follow=True)
    assert "Split of AAPL: it is booked." in answer.content.decode()
    other = announced(apple, ratio=3, name="s9")
    answer = staff.post(PAGE, {"proposal": other.pk, "action": "accept"}, follow=True)
    assert answer.content.decode().count("The asset has such an action on that day already.") == 2, "and it stays there"
    answer = staff.post(PAGE, {"proposal": other.pk, "action": "ignore"}, follow=True)
    assert "it is left out" in answer.content.decode()


def test_what_is_to_come_waits_for_its_day(apple: Asset, staff: Client) -> None:
    day = timezone.now().date() + timedelta(days=5)
    made = announced(apple, day)
    answer = staff.post(PAGE, {"proposal": made.pk, "action": "accept"}, follow=True)
    text = answer.content.decode()
    assert f"it will be booked on {day}" in text
    assert "accepted; booked on that day" in text
    apply_actions()
    assert Investment.objects.get().quantity == 10


@pytest.mark.parametrize(
    ("given", "status"),
    [({}, 400), ({"proposal": "x", "action": "accept"}, 400), ({"proposal": "987654321", "action": "accept"}, 404)],
)
def test_a_nonsensical_decision(staff: Client, given: dict[str, str], status: int) -> None:
    assert staff.post(PAGE, given).status_code == status


@pytest.fixture
def polygon(settings: Any) -> Iterator[FakePast]:
    with running() as fake:
        settings.PRICE_PROVIDERS = ["polygon"]
        settings.POLYGON_URL, settings.POLYGON_API_KEY = fake.url, KEY
        settings.POLYGON_CALLS_PER_MINUTE = 0
        yield fake


def test_a_split_from_the_feed_reaches_the_books_by_the_tasks_alone(
    apple: Asset, polygon: FakePast, settings: Any
) -> None:
    settings.FEED_ACTIONS = "automatic"
    make_asset("MSFT")
    yesterday = timezone.now().date() - timedelta(days=1)
    polygon.splits = [
        {"execution_date": f"{yesterday}", "id": "x", "split_from": 1, "split_to": 2, "ticker": "AAPL"},
    ]
    for _ in range(2):
        fetch_market_actions("XNYS", f"{yesterday}")
        apply_actions()
    assert IngestionRun.objects.get().state == "complete"
    assert {call.asked("ticker") for call in polygon.calls} == {"AAPL"}
    assert Investment.objects.get().quantity == 20
    assert ActionProposal.objects.get().state == "applied"


def test_the_feeds_are_asked_about_what_is_watched_too(apple: Asset, polygon: FakePast, alice: User, bob: User) -> None:
    watched = make_asset("MSFT")
    make_asset("NVDA")  # neither held nor watched
    for owner in (alice, bob):
        entries = Watchlist.objects.create(owner=owner, name="Later").entries
        for position, asset in enumerate((apple, watched)):
            entries.create(asset=asset, position=position)
    yesterday = timezone.now().date() - timedelta(days=1)
    polygon.splits = [
        {"execution_date": f"{yesterday}", "id": "y", "split_from": 1, "split_to": 3, "ticker": "MSFT"},
    ]
    fetch_market_actions("XNYS", f"{yesterday}")
    assert {call.asked("ticker") for call in polygon.calls} == {"AAPL", "MSFT"}
    assert IngestionRun.objects.get().expected == 2
    assert ActionProposal.objects.get().asset == watched


def test_what_stands_in_the_way_is_told_in_each_readers_language(apple: Asset, staff: Client, carol: User) -> None:
    made = announced(apple)
    Asset.objects.filter(pk=apple.pk).update(price_basis="split_adjusted")
    User.objects.filter(pk=carol.pk).update(locale="de")
    answer = staff.post(PAGE, {"proposal": made.pk, "action": "accept"}, follow=True)
    german = "Die Kurse von AAPL sind um Splits bereinigt: Das ist in ihnen schon enthalten."
    assert answer.content.decode().count(german) == 2, "once beside the proposal, where it stays"
    english = "The prices of AAPL are adjusted for splits: this is in them already."
    assert ActionProposal.objects.get().problem == english
    User.objects.filter(pk=carol.pk).update(locale="en-gb")
    assert english in staff.get(PAGE).content.decode()


def test_a_decision_that_was_taken_is_told_in_german(apple: Asset, staff: Client, carol: User) -> None:
    made = announced(apple)
    User.objects.filter(pk=carol.pk).update(locale="de")
    for _ in range(2):
        answer = staff.post(PAGE, {"proposal": made.pk, "action": "ignore"}, follow=True)
    assert "Dieser Vorschlag ist schon übergangen." in answer.content.decode()
