"""Watchlists: one person's, in an order without gaps, with the last prices beside them."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from datetime import date
from decimal import Decimal
from typing import Any

import pytest
from django.db import connection
from django.utils import timezone

from activity.models import AuditEvent
from assets import quotes
from assets.models import Asset, Watchlist, WatchlistEntry
from assets.providers.base import PriceQuote
from assets.services.watchlists import (
    AlreadyListed,
    NameTaken,
    TooManyEntries,
    TooManyWatchlists,
    add_entry,
    change_entry,
    create_watchlist,
    delete_watchlist,
    remove_entry,
)
from assets.tests.factories import make_asset, make_bars
from core.errors import Gone
from core.testing import client_of, make_user
from users.models import User

SYMBOLS = ("AAPL", "MSFT", "NVDA", "TSLA")


@pytest.fixture
def assets(db: None) -> dict[str, Asset]:
    return {symbol: make_asset(symbol) for symbol in SYMBOLS}


@pytest.fixture
def ideas(alice: User, assets: dict[str, Asset]) -> Watchlist:
    """All four, in the order of their symbols."""
    made = create_watchlist(owner=alice, name="Ideas")
    for asset in assets.values():
        add_entry(watchlist=made, asset=asset)
    return made


def order(watchlist: Watchlist) -> list[str]:
    rows = list(watchlist.entries.values_list("position", "asset__symbol"))
    assert [position for position, _ in rows] == list(range(len(rows))), "without gaps"
    return [symbol for _, symbol in rows]


def entry_of(watchlist: Watchlist, symbol: str) -> WatchlistEntry:
    return watchlist.entries.select_related("watchlist").get(asset__symbol=symbol)


# --- the rules ----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("symbol", "position", "expected"),
    [
        ("TSLA", 0, "TSLA AAPL MSFT NVDA"),
        ("AAPL", 1, "MSFT AAPL NVDA TSLA"),
        ("AAPL", 3, "MSFT NVDA TSLA AAPL"),
        ("AAPL", 99, "MSFT NVDA TSLA AAPL"),
        ("NVDA", 2, "AAPL MSFT NVDA TSLA"),
    ],
)
def test_an_entry_moves_to_a_position(ideas: Watchlist, symbol: str, position: int, expected: str) -> None:
    change_entry(entry=entry_of(ideas, symbol), position=position)
    assert order(ideas) == expected.split()


def test_what_is_removed_leaves_no_gap(ideas: Watchlist) -> None:
    entry = entry_of(ideas, "MSFT")
    remove_entry(entry=entry)
    assert order(ideas) == ["AAPL", "NVDA", "TSLA"]
    with pytest.raises(Gone):
        remove_entry(entry=entry)


def test_a_target_is_in_what_the_prices_are_in(alice: User, assets: dict[str, Asset]) -> None:
    pence = make_asset("VOD", currency="GBP", price_factor=Decimal("0.01"))
    make_bars(pence, {date(2024, 5, 30): 640})
    made, client = create_watchlist(owner=alice, name="London"), client_of(alice)
    row = client.post(f"/api/watchlists/{made.pk}/entries/", {"asset": "VOD", "target_price": "800"}).json()
    assert (row["currency"], row["target_price"], row["distance"]) == ("GBX", "800", 0.25)
    assert (row["quote"]["price"], row["quote"]["currency"]) == ("640", "GBX")
    schema = client.get("/api/schema/?format=json").json()["components"]["schemas"]["Entry"]["properties"]
    for text in (schema["target_price"]["description"], WatchlistEntry._meta.get_field("target_price").help_text):
        assert text == "Per unit, as the asset is quoted: in pence where its prices are."


def test_note_and_target_change_alone(ideas: Watchlist) -> None:
    entry = entry_of(ideas, "AAPL")
    change_entry(entry=entry, note="cheap?", target_price=Decimal("150.5"))
    change_entry(entry=entry, position=1)
    found = change_entry(entry=entry, note="no")
    assert (found.note, found.target_price, found.position) == ("no", Decimal("150.5"), 1)
    assert change_entry(entry=entry, drop_target=True).target_price is None


def test_an_asset_is_in_a_list_once(ideas: Watchlist, assets: dict[str, Asset]) -> None:
    with pytest.raises(AlreadyListed, match="AAPL"):
        add_entry(watchlist=ideas, asset=assets["AAPL"])


def test_names_are_free_again_and_anothers_do_not_count(ideas: Watchlist, alice: User, bob: User) -> None:
    create_watchlist(owner=bob, name="Ideas")
    with pytest.raises(NameTaken):
        create_watchlist(owner=alice, name="Ideas")
    delete_watchlist(watchlist=ideas, actor=alice)
    assert not WatchlistEntry.objects.exists()
    create_watchlist(owner=alice, name="Ideas")
    actions = AuditEvent.objects.filter(actor=alice).order_by("pk").values_list("action", flat=True)
    assert list(actions) == ["watchlist.created", "watchlist.deleted", "watchlist.created"]


def test_caps(ideas: Watchlist, alice: User, settings: Any) -> None:
    settings.WATCHLISTS_PER_PERSON, settings.WATCHLIST_ENTRIES = 2, 5
    create_watchlist(owner=alice, name="Two")
    with pytest.raises(TooManyWatchlists, match="2"):
        create_watchlist(owner=alice, name="Three")
    add_entry(watchlist=ideas, asset=make_asset("FIVE"))
    with pytest.raises(TooManyEntries, match="5"):
        add_entry(watchlist=ideas, asset=make_asset("SIX"))


@pytest.mark.django_db(transaction=True)
def test_many_at_once_stay_numbered_and_within_the_cap(settings: Any) -> None:
    settings.WATCHLIST_ENTRIES = 6
    made = create_watchlist(owner=make_user("alice"), name="Ideas")
    assets = [make_asset(f"S{number}") for number in range(10)]

    def add(asset: Asset) -> str:
        try:
            add_entry(watchlist=made, asset=asset)
        except TooManyEntries as error:
            return error.code
        finally:
            connection.close()
        return "added"

    with ThreadPoolExecutor(5) as pool:
        outcomes = list(pool.map(add, assets))
    assert sorted(outcomes) == ["added"] * 6 + ["too_many_entries"] * 4
    assert len(order(made)) == 6


# --- over HTTP ----------------------------------------------------------------------------------------------------


def test_from_an_empty_list_to_a_watched_price(alice: User, assets: dict[str, Asset]) -> None:
    client = client_of(alice)
    make_bars(assets["AAPL"], {date(2024, 1, 2): 90, date(2024, 1, 3): 100})
    made = client.post("/api/watchlists/", {"name": "Ideas"})
    assert (made.status_code, made.json()["count"]) == (201, 0)
    url = f"/api/watchlists/{made.json()['id']}/entries/"
    added = client.post(url, {"asset": "AAPL", "note": "soon", "target_price": "125"})
    assert added.status_code == 201, added.content
    row = added.json()
    assert (row["asset"], row["name"], row["note"], row["target_price"], row["position"]) == (
        *("AAPL", "AAPL Inc.", "soon", "125", 0),
    )
    assert (row["quote"]["price"], row["quote"]["percent_change"], row["distance"]) == (
        *("100", pytest.approx(11.1111111111), 0.25),
    )
    newest = PriceQuote("AAPL", Decimal(200), timezone.now())
    quotes.put(assets["AAPL"].pk, newest, source="finnhub", now=timezone.now())
    row = client.get(f"{url}{row['id']}/").json()
    assert (row["quote"]["price"], row["quote"]["source"], row["distance"]) == ("200", "finnhub", -0.375)
    assert client.get("/api/watchlists/").json()["results"][0]["count"] == 1


def test_a_patch_moves_and_changes_what_it_names(alice: User, ideas: Watchlist) -> None:
    client, entry = client_of(alice), entry_of(ideas, "TSLA")
    url = f"/api/watchlists/{ideas.pk}/entries/{entry.pk}/"
    assert client.patch(url, {"position": 0, "target_price": "9.5"}).json()["position"] == 0
    assert order(ideas) == ["TSLA", "AAPL", "MSFT", "NVDA"]
    assert client.patch(url, {"note": "n"}).json()["target_price"] == "9.5"
    assert client.patch(url, {"target_price": None}).json()["target_price"] is None
    assert client.patch(url, {"asset": "AAPL"}).status_code == 400
    assert client.delete(url).status_code == 204
    assert order(ideas) == ["AAPL", "MSFT", "NVDA"]


@pytest.mark.parametrize(
    ("body", "field"),
    [
        ({"asset": "NOSUCH"}, "asset"),
        ({"asset": 7}, "asset"),
        ({"asset": "AAPL"}, "asset"),
        ({"asset": "ZZZ", "target_price": "0"}, "target_price"),
        ({"asset": "ZZZ", "target_price": "-1"}, "target_price"),
        ({"asset": "ZZZ", "target_price": "NaN"}, "target_price"),
        ({"asset": "ZZZ", "target_price": "1e5"}, "target_price"),
        ({"asset": "ZZZ", "note": "x" * 501}, "note"),
        ({"asset": "ZZZ", "position": 1}, "position"),
    ],
)
def test_bad_entries_are_named_and_not_kept(alice: User, ideas: Watchlist, body: dict[str, Any], field: str) -> None:
    make_asset("ZZZ")
    answer = client_of(alice).post(f"/api/watchlists/{ideas.pk}/entries/", body)
    assert (answer.status_code, list(answer.json()["errors"])) == (400, [field]), answer.content
    assert order(ideas) == list(SYMBOLS)


@pytest.mark.parametrize("name", ["", " ", "x" * 101, "Ideas", None, []])
def test_bad_names(alice: User, ideas: Watchlist, name: object) -> None:
    other = create_watchlist(owner=alice, name="Other")
    for answer in (
        client_of(alice).post("/api/watchlists/", {"name": name}),
        client_of(alice).patch(f"/api/watchlists/{other.pk}/", {"name": name}),
    ):
        assert (answer.status_code, list(answer.json()["errors"])) == (400, ["name"]), answer.content


def test_renaming_to_its_own_name_is_nothing(alice: User, ideas: Watchlist) -> None:
    answer = client_of(alice).patch(f"/api/watchlists/{ideas.pk}/", {"name": "Ideas"})
    assert (answer.status_code, answer.json()["name"], answer.json()["count"]) == (200, "Ideas", 4)


def test_nobody_elses_list_can_be_filled_by_its_entry(alice: User, bob: User, ideas: Watchlist) -> None:
    entry, own = entry_of(ideas, "AAPL"), create_watchlist(owner=bob, name="Mine")
    client = client_of(bob)
    for url in (f"/api/watchlists/{ideas.pk}/entries/", f"/api/watchlists/{own.pk}/entries/{entry.pk}/"):
        assert client.get(url).status_code == 404
    assert client.post(f"/api/watchlists/{ideas.pk}/entries/", {"asset": "AAPL"}).status_code == 404
    assert client.delete(f"/api/watchlists/{own.pk}/entries/{entry.pk}/").status_code == 404
    assert order(ideas) == list(SYMBOLS)
