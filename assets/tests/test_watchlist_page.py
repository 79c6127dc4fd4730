"""The page of watchlists: what it shows, and what its forms do with and without scripts."""

from __future__ import annotations

from datetime import UTC, date, datetime
from decimal import Decimal
from typing import Any

import pytest
from django.test import Client
from django.utils import timezone

from assets import quotes
from assets.models import Asset, Watchlist
from assets.providers.base import PriceQuote
from assets.services.watchlists import add_entry, create_watchlist
from assets.tests.factories import make_asset, make_bars
from users.models import User

PAGE = "/watchlist/"


@pytest.fixture
def client(alice: User) -> Client:
    found = Client()
    found.force_login(alice)
    return found


@pytest.fixture
def assets(db: None) -> list[Asset]:
    return [make_asset(symbol) for symbol in ("AAPL", "MSFT", "NVDA")]


@pytest.fixture
def ideas(alice: User, assets: list[Asset]) -> Watchlist:
    made = create_watchlist(owner=alice, name="Ideas")
    for asset in assets:
        add_entry(watchlist=made, asset=asset)
    return made


def order(watchlist: Watchlist) -> list[str]:
    return list(watchlist.entries.order_by("position").values_list("asset__symbol", flat=True))


def url_of(watchlist: Watchlist, symbol: str = "") -> str:
    own = f"{PAGE}{watchlist.pk}/"
    return f"{own}entries/{watchlist.entries.get(asset__symbol=symbol).pk}/" if symbol else own


def test_prices_in_pence_say_so(client: Client, alice: User) -> None:
    vodafone = make_asset("VOD", currency="GBP", price_factor=Decimal("0.01"))
    make_bars(vodafone, {date(2024, 5, 30): 710})
    add_entry(watchlist=create_watchlist(owner=alice, name="London"), asset=vodafone, target_price=Decimal(800))
    page = client.get(PAGE).content.decode()
    assert page.count('<span class="unit">GBX</span>') == 2
    assert '<span class="unit">GBP</span>' not in page
    assert "Target price in GBX" in page
    assert "Target price, as it is quoted" in page, "of an asset that is added"


def test_somebody_without_a_list_is_led_to_the_first(client: Client, alice: User) -> None:
    page = client.get(PAGE)
    assert b"Nothing is watched yet" in page.content
    made = client.post(PAGE, {"new-name": "Ideas"})
    watchlist = Watchlist.objects.get(owner=alice)
    assert (made.status_code, made["Location"]) == (302, f"{PAGE}?list={watchlist.pk}")
    assert b"This list is empty" in client.get(PAGE).content


def test_a_row_shows_price_source_change_and_distance(client: Client, ideas: Watchlist, assets: list[Asset]) -> None:
    make_bars(assets[0], {date(2024, 1, 2): 100, date(2024, 1, 3): 110}, source="polygon")
    newest = PriceQuote("MSFT", Decimal(400), datetime(2024, 1, 3, 15, 30, tzinfo=UTC), previous_close=Decimal(500))
    quotes.put(assets[1].pk, newest, source="finnhub", now=timezone.now())
    target = {"action": "change", f"entry-{ideas.entries.all()[0].pk}-target_price": "121"}
    target |= {f"entry-{ideas.entries.all()[0].pk}-note": "<b>soon</b>"}
    assert client.post(url_of(ideas, "AAPL"), target).status_code == 302
    html = client.get(PAGE).content.decode()
    for text in ("110.00", "3 Jan 2024", "polygon", "+10.00", "+10.00%", "&lt;b&gt;soon&lt;/b&gt;"):
        assert text in html, text
    for text in ("400.00", "3 Jan 2024, 15:30 UTC", "finnhub", "−100.00", "−20.00%", "no price known"):
        assert text in html, text


@pytest.mark.parametrize(
    ("symbol", "action", "expected"),
    [
        ("NVDA", "up", "AAPL NVDA MSFT"),
        ("AAPL", "down", "MSFT AAPL NVDA"),
        ("AAPL", "up", "AAPL MSFT NVDA"),
        ("NVDA", "down", "AAPL MSFT NVDA"),
        ("MSFT", "remove", "AAPL NVDA"),
    ],
)
@pytest.mark.parametrize("headers", [{}, {"hx-request": "true"}], ids=["without scripts", "htmx"])
def test_rows_move_and_go(
    client: Client, ideas: Watchlist, symbol: str, action: str, expected: str, headers: dict[str, str]
) -> None:
    answer = client.post(url_of(ideas, symbol), {"action": action}, headers=headers)
    assert order(ideas) == expected.split()
    if headers:
        assert (answer.status_code, b"<html" in answer.content) == (200, False)
        assert f"data-announce>{symbol}" in answer.content.decode()
    else:
        assert (answer.status_code, answer["Location"]) == (302, f"{PAGE}?list={ideas.pk}")


def test_an_asset_is_added_by_its_symbol_in_any_case(client: Client, ideas: Watchlist) -> None:
    make_asset("TSLA")
    form = {"action": "add", "add-asset": "tsla", "add-target_price": "9.5", "add-note": "maybe"}
    assert client.post(url_of(ideas), form).status_code == 302
    entry = ideas.entries.get(asset__symbol="TSLA")
    assert (entry.target_price, entry.note, entry.position) == (Decimal("9.5"), "maybe", 3)


@pytest.mark.parametrize("text", ["us88160r1014", "tesla, inc.", " TSLA "])
def test_an_asset_is_added_by_its_isin_or_name(client: Client, ideas: Watchlist, text: str) -> None:
    make_asset("TSLA", name="Tesla, Inc.", isin="US88160R1014")
    assert client.post(url_of(ideas), {"action": "add", "add-asset": text}).status_code == 302
    assert order(ideas) == ["AAPL", "MSFT", "NVDA", "TSLA"]


def test_of_two_securities_of_one_name_the_symbol_is_asked_for(client: Client, ideas: Watchlist) -> None:
    for symbol in ("BRK.A", "BRK.B"):
        make_asset(symbol, name="Berkshire")
    page = client.post(url_of(ideas), {"action": "add", "add-asset": "Berkshire"}).content.decode()
    assert page.count("Several securities are named so: BRK.A, BRK.B.") == 2, "beside the input, and announced"
    assert order(ideas) == ["AAPL", "MSFT", "NVDA"]


def test_names_are_suggested_while_one_types(client: Client, ideas: Watchlist, assets: list[Asset]) -> None:
    index = make_asset("SP500", name="An index", type="index")
    page = client.get(PAGE).content.decode()
    assert 'list="watched-assets"' in page
    assert 'hx-include="#id_add-asset"' in page
    found = client.get("/transactions/assets/", {"add-asset": index.symbol.lower()}).content.decode()
    assert 'value="SP500"' in found, "what nobody can hold can be watched"


def test_a_row_leads_to_its_security_and_shows_its_trend(client: Client, ideas: Watchlist, assets: list[Asset]) -> None:
    make_bars(assets[0], {date(2024, 1, 2): 100, date(2024, 1, 3): 110, date(2024, 1, 4): 88})
    page = client.get(PAGE).content.decode()
    assert '<a class="symbol" href="/assets/AAPL/">AAPL</a>' in page
    assert page.count("<polyline") == 1, "the others have no closes"
    assert "−12.0%" in page
    assert "+10.0%" in client.get(f"{PAGE}?as_of=2024-01-03").content.decode(), "up to the day that is shown"


def test_a_target_price_is_written_as_the_reader_writes_numbers(client: Client, ideas: Watchlist, alice: User) -> None:
    User.objects.filter(pk=alice.pk).update(locale="de")
    change = {"action": "change", f"entry-{ideas.entries.all()[0].pk}-target_price": "1.234,50"}
    assert client.post(url_of(ideas, "AAPL"), change).status_code == 302
    assert ideas.entries.get(asset__symbol="AAPL").target_price == Decimal("1234.5")
    assert 'value="1234,5"' in client.get(PAGE).content.decode()
    unclear = client.post(url_of(ideas), {"action": "add", "add-asset": "MSFT", "add-target_price": "1.234"})
    assert "1.234" in unclear.content.decode()
    assert "1,234" in unclear.content.decode()


@pytest.mark.parametrize(
    ("values", "text"),
    [
        ({"add-asset": "NOSUCH"}, "There is no security with the symbol, ISIN or name “NOSUCH”."),
        ({"add-asset": ""}, "This field is required."),
        ({"add-asset": "AAPL"}, "AAPL is in this watchlist already."),
        ({"add-asset": "TSLA", "add-note": "x" * 501}, "at most 500 characters"),
        *(
            ({"add-asset": "TSLA", "add-target_price": price}, "Write a plain number above 0")
            for price in ("0", "-1", "x", "NaN", "Infinity", "1e5", "1,5", "٣", "1." + "1" * 20, "9" * 19)
        ),
    ],
)
def test_what_is_wrong_stands_beside_the_form(
    client: Client, ideas: Watchlist, values: dict[str, Any], text: str
) -> None:
    make_asset("TSLA")
    answer = client.post(url_of(ideas), {"action": "add"} | values)
    assert (answer.status_code, answer.content.decode().count(text)) == (200, 2), "beside the input, and announced"
    assert order(ideas) == ["AAPL", "MSFT", "NVDA"]


def test_lists_are_renamed_and_deleted(client: Client, ideas: Watchlist, alice: User) -> None:
    create_watchlist(owner=alice, name="Other")
    answer = client.post(url_of(ideas), {"action": "rename", "rename-name": "Other"})
    assert "You have a watchlist “Other” already." in answer.content.decode()
    assert client.post(url_of(ideas), {"action": "rename", "rename-name": "Better"}).status_code == 302
    assert Watchlist.objects.filter(name="Better").exists()
    assert client.post(url_of(ideas), {"action": "delete"})["Location"] == PAGE
    assert [row.name for row in Watchlist.objects.all()] == ["Other"]
    assert client.post(url_of(ideas), {"action": "delete"}).status_code == 404


@pytest.mark.parametrize("action", ["", "explode"])
def test_an_unknown_action_is_a_400(client: Client, ideas: Watchlist, action: str) -> None:
    assert client.post(url_of(ideas), {"action": action}).status_code == 400
    assert client.post(url_of(ideas, "AAPL"), {"action": action}).status_code == 400
    assert order(ideas) == ["AAPL", "MSFT", "NVDA"]


def test_the_lists_of_others_do_not_exist(ideas: Watchlist, bob: User) -> None:
    client = Client()
    client.force_login(bob)
    theirs, missing = client.get(f"{PAGE}?list={ideas.pk}"), client.get(f"{PAGE}?list=987654321")
    assert (theirs.status_code, missing.status_code) == (404, 404)
    assert client.get(f"{PAGE}?list={'9' * 40}").status_code == 404
    for action in ("up", "remove", "change"):
        assert client.post(url_of(ideas, "AAPL"), {"action": action}).status_code == 404
    for action in ("add", "rename", "delete"):
        assert client.post(url_of(ideas), {"action": action}).status_code == 404
    assert order(ideas) == ["AAPL", "MSFT", "NVDA"]
