"""The quarantine over the API and on its page, and the page of announced actions."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, date, datetime
from decimal import Decimal

import pytest
from django.test import Client
from rest_framework.test import APIClient

from assets.models import Asset, HistoricValue, QuarantinedBar
from assets.providers.base import Bar
from assets.quality import Doubt, Reason, Refusal
from assets.services.quarantine import keep
from assets.sparkline import sparkline
from assets.tests.factories import make_asset, make_bars
from users.models import User

DAY = date(2024, 5, 31)
URL, PAGE = "/api/market/quarantine/", "/market/quarantine/"

pytestmark = pytest.mark.django_db


@pytest.fixture
def apple(db: None) -> Asset:
    asset = make_asset("AAPL", name="Apple & <Co>")
    make_bars(asset, [100, 101, 102, 103], start=date(2024, 5, 24))
    return asset


def doubt(asset: Asset, close: str = "500", reason: Reason = Reason.JUMP, day: date = DAY) -> QuarantinedBar:
    bar = Bar(asset.symbol, day, Decimal(close))
    keep([(asset.pk, "polygon", Doubt(bar, Refusal(reason, "a <jump>")))], now=datetime(2024, 6, 1, tzinfo=UTC))
    return QuarantinedBar.objects.latest("pk")


@pytest.fixture
def staff(carol: User) -> Client:
    client = Client()
    client.force_login(carol)
    return client


def test_staff_reads_and_filters(apple: Asset, api: Callable[[User], APIClient], carol: User) -> None:
    kept = doubt(apple)
    doubt(apple, "NaN", Reason.NOT_A_NUMBER)
    client = api(carol)
    answer = client.get(URL, {"asset": "AAPL", "reason": "jump", "state": "open", "start": "2024-05-31"}).json()
    assert answer["count"] == 1
    shown = answer["results"][0]
    assert (shown["id"], shown["asset"], shown["figures"], shown["can_be_accepted"]) == (
        kept.pk,
        "AAPL",
        {"close": "500"},
        True,
    )
    assert client.get(URL, {"state": "rejected"}).json()["count"] == 0
    assert client.get(URL, {"state": "nonsense"}).status_code == 400


def test_staff_decides(apple: Asset, api: Callable[[User], APIClient], carol: User) -> None:
    first, second = doubt(apple), doubt(apple, "NaN", Reason.NOT_A_NUMBER, date(2024, 5, 29))
    client = api(carol)
    accepted = client.post(f"{URL}{first.pk}/accept/")
    assert (accepted.status_code, accepted.json()["state"], accepted.json()["decided_by"]) == (200, "accepted", "carol")
    assert HistoricValue.objects.get(day=DAY).close == 500
    again = client.post(f"{URL}{first.pk}/reject/")
    assert (again.status_code, again.json()["code"]) == (400, "already_decided")
    never = client.post(f"{URL}{second.pk}/accept/")
    assert (never.status_code, never.json()["code"]) == (400, "not_acceptable")
    assert client.post(f"{URL}{second.pk}/reject/").json()["state"] == "rejected"
    assert client.post(f"{URL}987654321/accept/").status_code == 404


def test_others_do_not(apple: Asset, api: Callable[[User], APIClient], alice: User) -> None:
    kept = doubt(apple)
    for url in (URL, f"{URL}{kept.pk}/"):
        assert api(alice).get(url).status_code == 403
    assert api(alice).post(f"{URL}{kept.pk}/accept/").status_code == 403
    assert QuarantinedBar.objects.get().state == "open"


def test_the_page_shows_the_doubtful_close_beside_the_last_ones(apple: Asset, staff: Client) -> None:
    doubt(apple)
    text = staff.get(PAGE).content.decode()
    assert "Apple &amp; &lt;Co&gt;" in text
    assert "a &lt;jump&gt;" in text
    assert "<polyline points=" in text
    assert "<circle" in text.split("<main")[1]
    assert "Last close 103.00 USD on 30 May 2024" in text
    assert 'value="accept"' in text


def test_what_is_no_price_has_no_button_and_no_dot(apple: Asset, staff: Client) -> None:
    doubt(apple, "NaN", Reason.NOT_A_NUMBER)
    text = staff.get(PAGE).content.decode()
    assert 'value="accept"' not in text
    assert 'value="reject"' in text
    assert "<circle" not in text.split("<main")[1]


def test_the_page_decides(apple: Asset, staff: Client) -> None:
    kept = doubt(apple)
    answer = staff.post(PAGE, {"bar": kept.pk, "action": "accept"}, follow=True)
    assert "AAPL on 2024-05-31 was accepted." in answer.content.decode()
    again = staff.post(PAGE, {"bar": kept.pk, "action": "reject"}, follow=True)
    assert "This bar was accepted already." in again.content.decode()


@pytest.mark.parametrize(
    ("given", "status"),
    [
        ({}, 400),
        ({"bar": "1", "action": "delete"}, 400),
        ({"bar": "x", "action": "accept"}, 400),
        ({"bar": "9" * 40, "action": "accept"}, 400),
        ({"bar": "987654321", "action": "accept"}, 404),
    ],
)
def test_a_nonsensical_decision(staff: Client, given: dict[str, str], status: int) -> None:
    assert staff.post(PAGE, given).status_code == status


def test_an_empty_quarantine_says_so(staff: Client) -> None:
    text = staff.get(PAGE).content.decode()
    assert "Nothing waits for a decision." in text
    assert "No session is missing." in text


@pytest.mark.parametrize(
    ("closes", "doubtful", "dot"),
    [
        ([1, 2, 3], Decimal(4), True),
        ([1, 1], Decimal(1), True),
        ([1, 2], Decimal("NaN"), False),
        ([1, 2], Decimal("-Infinity"), False),
        ([1, 2], Decimal("1E+999999"), False),
        ([5], Decimal(-3), True),
    ],
)
def test_a_picture_stays_in_its_box(closes: list[int], doubtful: Decimal, dot: bool) -> None:
    picture = sparkline([Decimal(close) for close in closes], doubtful)
    assert picture
    assert (picture.dot is not None) == dot
    places = [tuple(map(float, place.split(","))) for place in picture.points.split()]
    for x, y in [*places, *([picture.dot] if picture.dot else [])]:
        assert 0 <= x <= 240
        assert 0 <= y <= 64


def test_one_point_is_no_picture() -> None:
    assert sparkline([], Decimal(1)) is None
    assert sparkline([Decimal(1)], None) is None
