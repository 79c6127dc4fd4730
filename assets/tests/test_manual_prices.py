"""Prices that a person enters, over the service, the API and the page."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, date, datetime
from decimal import Decimal
from typing import Any

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.test import Client
from django.utils.translation import override
from rest_framework.test import APIClient

from activity.models import AuditEvent
from assets.models import Asset, HistoricValue
from assets.price_lists import MOST_BYTES
from assets.services.ingestion import ingest
from assets.services.manual_prices import (
    NoPrice,
    NoSuchDay,
    PriceListRefused,
    UnlikelyPrice,
    UnlikelyPrices,
    enter_list,
    enter_price,
)
from assets.tests.factories import make_asset, make_bars, make_exchange
from assets.tests.fake_polygon import FakePolygon
from core.testing import client_of
from users.models import User

DAY = date(2024, 5, 31)
URL = "/market/prices/"

pytestmark = pytest.mark.django_db


@pytest.fixture
def house(db: None) -> Asset:
    return make_asset("HOUSE", type="other", exchange=None, currency="CHF")


@pytest.fixture
def staff(carol: User) -> Client:
    client = Client()
    client.force_login(carol)
    return client


def enter(asset: Asset, actor: User, day: date = DAY, *, confirmed: bool = False, **figures: Any) -> HistoricValue:
    given = {name: Decimal(value) for name, value in figures.items()}
    return enter_price(asset=asset, day=day, figures=given, actor=actor, confirmed=confirmed)


def stored() -> dict[tuple[str, date], Decimal]:
    return {(bar.asset.symbol, bar.day): bar.close for bar in HistoricValue.objects.select_related("asset")}


def test_an_entered_price_is_the_price(house: Asset, carol: User) -> None:
    bar = enter(house, carol, close="750000.25")
    assert (bar.close, bar.source) == (Decimal("750000.25"), "manual")
    assert AuditEvent.objects.get(action="prices.entered").actor == carol


@pytest.mark.parametrize(
    ("figures", "error", "field"),
    [
        ({"close": "0"}, NoPrice, "close"),
        ({"close": "-1"}, NoPrice, "close"),
        ({"close": "NaN"}, NoPrice, "close"),
        ({"close": "1E+400"}, NoPrice, "close"),
        ({"close": "1.00000000001"}, NoPrice, "close"),
        ({"close": "5", "high": "4"}, NoPrice, "close"),
        ({"close": "5", "high": "4", "low": "6"}, NoPrice, "high"),
        ({"close": "5", "volume": "-1"}, NoPrice, "volume"),
        ({"close": "5", "day": date(2999, 1, 1)}, NoSuchDay, "day"),
    ],
)
def test_what_cannot_be_a_price(
    house: Asset, carol: User, figures: dict[str, Any], error: type[Exception], field: str
) -> None:
    with pytest.raises(error) as caught:
        enter(house, carol, **figures)
    assert caught.value.field == field  # type: ignore[attr-defined]
    assert stored() == {}


def test_an_exchange_has_its_days_and_a_delisted_asset_its_last(carol: User) -> None:
    apple = make_asset("AAPL", delisted_on=date(2024, 5, 30))
    for day in (date(2024, 5, 25), DAY):
        with pytest.raises(NoSuchDay):
            enter(apple, carol, day, close=1)


def test_crypto_has_a_price_on_sunday(carol: User) -> None:
    coin = make_asset("BTC-USD", type="crypto", exchange=make_exchange("CRYPTO", calendar="24/7", time_zone="UTC"))
    assert enter(coin, carol, date(2024, 6, 2), close="0.00000001").close == Decimal("0.00000001")


def test_an_unlikely_price_has_to_be_confirmed(house: Asset, carol: User) -> None:
    enter(house, carol, date(2024, 5, 30), close=100)
    with pytest.raises(UnlikelyPrice):
        enter(house, carol, close=1000)
    assert enter(house, carol, close=1000, confirmed=True).close == 1000


def test_the_nightly_ingestion_leaves_an_entered_price_alone(carol: User, polygon: FakePolygon) -> None:
    apple = make_asset("AAPL", exchange=make_exchange("XNYS", ingest_since=DAY))
    enter(apple, carol, close=100)
    polygon.trade({"AAPL": 101})
    assert apple.exchange
    done = ingest(apple.exchange, DAY, now=datetime(2024, 6, 1, 7, tzinfo=UTC))
    assert (done.state, stored()) == ("complete", {("AAPL", DAY): Decimal(100)})


def test_a_list_is_stored_whole_or_not_at_all(house: Asset, carol: User) -> None:
    make_asset("FLAT", exchange=None)
    good = b"symbol;day;close\nHOUSE;2024-05-30;100,5\nFLAT;2024-05-30;7\n"
    with pytest.raises(PriceListRefused) as caught:
        enter_list(content=good + b"NOSUCH;2024-05-30;1\nHOUSE;2999-01-01;1\n", actor=carol)
    assert "2 lines are wrong, the first: line 4: there is no asset “NOSUCH”" in str(caught.value)
    assert stored() == {}
    assert enter_list(content=good, actor=carol) == 2
    assert enter_list(content=good, actor=carol) == 0, "the same list again changes nothing"
    assert stored() == {("HOUSE", date(2024, 5, 30)): Decimal("100.5"), ("FLAT", date(2024, 5, 30)): Decimal(7)}


def test_a_list_with_a_jump_has_to_be_confirmed(house: Asset, carol: User) -> None:
    content = b"symbol,day,close\nHOUSE,2024-05-30,100\nHOUSE,2024-05-31,1000\n"
    with pytest.raises(UnlikelyPrices):
        enter_list(content=content, actor=carol)
    assert stored() == {}
    assert enter_list(content=content, actor=carol, confirmed=True) == 2


@pytest.mark.parametrize("close", ["151", "49", "999999999999999"])
def test_a_price_far_from_the_last_one_is_confirmed_however_old_that_is(house: Asset, carol: User, close: str) -> None:
    """Funds and bonds are priced once a month."""
    enter(house, carol, date(2023, 12, 29), close=100)
    with pytest.raises(UnlikelyPrice):
        enter(house, carol, close=close)
    with pytest.raises(UnlikelyPrices):
        enter_list(content=f"symbol,day,close\nHOUSE,2024-05-31,{close}\n".encode(), actor=carol)
    assert len(stored()) == 1
    assert enter(house, carol, close=150).close == 150


# --- over HTTP ------------------------------------------------------------------------------------------------------


def test_staff_enters_a_price_over_the_api(
    house: Asset, api: Callable[[User], APIClient], carol: User, alice: User
) -> None:
    url, body = "/api/assets/HOUSE/history/", {"day": "2024-05-31", "close": "750000.25"}
    answer = api(carol).post(url, body)
    assert (answer.status_code, answer.json()["close"], answer.json()["source"]) == (201, "750000.25", "manual")
    assert api(alice).post(url, body).status_code == 403
    jump = api(carol).post(url, {"day": "2024-06-03", "close": "1"})
    assert (jump.status_code, jump.json()["code"], list(jump.json()["errors"])) == (400, "unlikely_price", ["close"])
    assert api(carol).post(url, {"day": "2024-06-03", "close": "1", "confirmed": True}).status_code == 201


def test_the_page_stores_one_price(house: Asset, staff: Client) -> None:
    form = {"action": "price", "symbol": "HOUSE", "day": "2024-05-31", "close": "750000,25"}
    answer = staff.post(URL, form, follow=True)
    assert "HOUSE on 2024-05-31 is 750000.25 CHF." in answer.content.decode()
    assert stored() == {("HOUSE", DAY): Decimal("750000.25")}


def test_a_price_in_pence_is_confirmed_in_pence(client: Client, carol: User) -> None:
    make_asset("VOD", currency="GBP", price_factor=Decimal("0.01"), exchange=None)
    client.force_login(carol)
    form = {"action": "price", "symbol": "VOD", "day": "2024-05-31", "close": "760"}
    page = client.post(URL, form, follow=True).content.decode()
    assert "VOD on 2024-05-31 is 760 GBX." in page


@pytest.mark.parametrize(
    ("change", "text"),
    [
        ({"symbol": "NOSUCH"}, "There is no asset with this symbol."),
        ({"close": "NaN"}, "Write a plain number"),
        ({"close": "0"}, "is not above zero"),
        ({"close": ""}, "This field is required."),
        ({"day": "31.05.2024"}, "Enter a valid date."),
        ({"day": "2999-01-01"}, "is in the future"),
    ],
)
def test_the_page_says_what_is_wrong(house: Asset, staff: Client, change: dict[str, str], text: str) -> None:
    form = {"action": "price", "symbol": "HOUSE", "day": "2024-05-31", "close": "5"} | change
    answer = staff.post(URL, form)
    assert (answer.status_code, text in answer.content.decode(), stored()) == (422, True, {})


def test_the_page_asks_for_a_confirmation(house: Asset, staff: Client) -> None:
    make_bars(house, {date(2024, 5, 30): 100})
    form = {"action": "price", "symbol": "HOUSE", "day": "2024-05-31", "close": "1000"}
    assert 'name="confirmed"' not in staff.get(URL).content.decode()
    answer = staff.post(URL, form)
    assert (answer.status_code, 'name="confirmed"' in answer.content.decode()) == (422, True)
    assert staff.post(URL, form | {"confirmed": "on"}).status_code == 302


def test_the_page_shows_a_list_before_it_stores_it(house: Asset, staff: Client) -> None:
    content = "symbol;day;close\nHOUSE;2024-05-31;100,5\n"
    shown = staff.post(URL, {"action": "preview", "file": SimpleUploadedFile("p.csv", content.encode())})
    assert (shown.status_code, "Store 1 price" in shown.content.decode(), stored()) == (200, True, {})
    assert shown.context["text"] == content
    assert "symbol;day;close" not in shown.content.decode().split("</header>")[0]
    assert staff.post(URL, {"action": "store", "text": content}).status_code == 302
    assert stored() == {("HOUSE", DAY): Decimal("100.5")}


def test_the_page_names_the_lines_that_are_wrong(house: Asset, staff: Client) -> None:
    content = b"symbol,day,close\nHOUSE,2024-05-31,x\nNOSUCH,2024-05-31,<b>1\n"
    shown = staff.post(URL, {"action": "preview", "file": SimpleUploadedFile("p.csv", content)})
    text = shown.content.decode()
    assert (shown.status_code, "Line 2:" in text, "Line 3:" in text) == (422, True, True)
    assert "<b>1" not in text
    assert "Store" not in text.split("<main")[1]
    assert staff.post(URL, {"action": "store", "text": content.decode()}).status_code == 422
    assert stored() == {}


def test_a_file_that_is_too_large_or_no_text(staff: Client) -> None:
    for content in (b"x" * (MOST_BYTES + 1), b"\xff\xfe\x00", b""):
        upload = SimpleUploadedFile("p.csv", content)
        assert staff.post(URL, {"action": "preview", "file": upload}).status_code == 422
    assert staff.post(URL, {"action": "preview"}).status_code == 422
    assert staff.post(URL, {"action": "nonsense"}).status_code == 400
    assert staff.post(URL).status_code == 400


def test_the_largest_file_is_named_as_the_reader_writes_it(staff: Client, carol: User) -> None:
    User.objects.filter(pk=carol.pk).update(locale="de")
    large = SimpleUploadedFile("p.csv", b"x" * (MOST_BYTES + 1))
    with override(None):
        shown = staff.post(URL, {"action": "preview", "file": large})
    assert "größer als 2.000.000 Bytes" in shown.content.decode()


def test_only_staff_gets_in(alice: User) -> None:
    client = Client()
    client.force_login(alice)
    assert client.get(URL).status_code == 403
    assert client.post(URL, {"action": "price"}).status_code == 403


@pytest.mark.parametrize("day", ["0001-01-01", "0009-12-31", "1500-01-04"])
@pytest.mark.parametrize("symbol", ["AAPL", "HOUSE"])
def test_a_day_before_there_were_prices(house: Asset, carol: User, symbol: str, day: str) -> None:
    make_asset("AAPL")
    client = client_of(carol)
    client.raise_request_exception = False
    answer = client.post(f"/api/assets/{symbol}/history/", {"day": day, "close": "1"}, format="json")
    assert (answer.status_code, list(answer.json()["errors"])) == (400, ["day"]), answer.content
    for url, status in (("/api/market/prices/preview/", 200), ("/api/market/prices/", 400)):
        listed = SimpleUploadedFile("p.csv", f"symbol,day,close\n{symbol},{day},1\n".encode())
        answer = client.post(url, {"file": listed}, format="multipart")
        assert answer.status_code == status, answer.content
        assert ("problems" if status == 200 else "rows.2") in answer.content.decode()
    assert stored() == {}
