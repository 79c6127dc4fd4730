"""Securities and their history over HTTP."""

from __future__ import annotations

from datetime import date
from decimal import Decimal
from typing import Any

import pytest
from rest_framework.test import APIClient

from activity.models import AuditEvent
from assets.models import Asset
from assets.tests.factories import make_asset, make_bars, make_exchange
from core.testing import client_of, count_queries
from users.models import User

DAY, NEXT, LAST = date(2024, 5, 29), date(2024, 5, 30), date(2024, 5, 31)
NEW = {"symbol": "NESN", "name": "Nestlé", "currency": "CHF", "sector": "Consumer Staples"}

pytestmark = pytest.mark.django_db


@pytest.fixture
def client(alice: User) -> APIClient:
    return client_of(alice)


@pytest.fixture
def staff(carol: User) -> APIClient:
    return client_of(carol)


@pytest.fixture
def assets(db: None) -> dict[str, Asset]:
    made = [
        make_asset("AAPL", name="Apple", sector="Information Technology", isin="US0378331005"),
        make_asset("BRK.B", name="Berkshire Hathaway", sector="Financials", price_basis="total_return"),
        make_asset("BTC/USD", name="Bitcoin", type="crypto", exchange=None),
        make_asset("NESN", currency="CHF", exchange=make_exchange("XSWX", time_zone="Europe/Zurich")),
    ]
    found = {asset.symbol: asset for asset in made}
    make_bars(found["AAPL"], {DAY: "190.29", NEXT: "191.2900", LAST: "192.25"}, open=Decimal("190.5"))
    make_bars(found["BRK.B"], {NEXT: "400"}, source="simulated")
    return found


def symbols(client: APIClient, query: str = "") -> list[str]:
    answer = client.get(f"/api/assets/{query}")
    assert answer.status_code == 200, answer.content
    return [row["symbol"] for row in answer.json()["results"]]


def test_an_asset_says_its_price_its_day_and_its_source(client: APIClient, assets: dict[str, Asset]) -> None:
    assert client.get("/api/assets/AAPL/").json() == {
        "symbol": "AAPL",
        "name": "Apple",
        "type": "equity",
        "sector": "Information Technology",
        "exchange": "XNYS",
        "currency": "USD",
        "isin": "US0378331005",
        "quote_currency": "USD",
        "price_factor": "1",
        "price_basis": "raw",
        "delisted_on": None,
        "price": "192.25",
        "price_day": "2024-05-31",
        "price_source": "test",
    }
    simulated = client.get("/api/assets/BRK.B/").json()
    assert (simulated["price_source"], simulated["price_basis"]) == ("simulated", "total_return")
    unpriced = client.get("/api/assets/BTC/USD/").json()
    assert [unpriced[name] for name in ("price", "price_day", "price_source", "exchange")] == [None] * 4


@pytest.mark.parametrize(
    ("query", "expected"),
    [
        ("", ["AAPL", "BRK.B", "BTC/USD", "NESN"]),
        ("?type=crypto", ["BTC/USD"]),
        ("?sector=Financials", ["BRK.B"]),
        ("?exchange=XSWX", ["NESN"]),
        ("?currency=USD&type=equity", ["AAPL", "BRK.B"]),
        ("?search=app", ["AAPL"]),
        ("?search=us0378331005", ["AAPL"]),
        ("?search=nothing", []),
        ("?ordering=-symbol&limit=2", ["NESN", "BTC/USD"]),
        ("?ordering=symbol&limit=2&offset=1", ["BRK.B", "BTC/USD"]),
    ],
)
def test_list(client: APIClient, assets: dict[str, Asset], query: str, expected: list[str]) -> None:
    assert symbols(client, query) == expected


def test_a_list_takes_the_same_queries_however_long(client: APIClient, assets: dict[str, Asset]) -> None:
    few, _ = count_queries(lambda: symbols(client))
    for number in range(20):
        make_bars(make_asset(f"A{number}"), {DAY: 1})
    many, texts = count_queries(lambda: symbols(client))
    assert few == many == 2, texts
    history, texts = count_queries(lambda: client.get("/api/assets/AAPL/history/"))
    assert history == 3, texts


def test_history_has_each_bar_with_its_source(client: APIClient, assets: dict[str, Asset]) -> None:
    make_bars(assets["AAPL"], {date(2024, 6, 3): "194.03"}, source="simulated")
    answer = client.get("/api/assets/AAPL/history/?limit=2&offset=2").json()
    assert answer["count"] == 4
    assert answer["results"][0] == {
        "day": "2024-05-31",
        "open": "190.5",
        "high": None,
        "low": None,
        "close": "192.25",
        "adjusted_close": None,
        "volume": None,
        "source": "test",
    }
    assert answer["results"][1]["source"] == "simulated"


@pytest.mark.parametrize(
    ("query", "closes"),
    [
        ("", ["190.29", "191.29", "192.25"]),
        ("?start=2024-05-30", ["191.29", "192.25"]),
        ("?end=2024-05-30", ["190.29", "191.29"]),
        ("?start=2024-05-30&end=2024-05-30", ["191.29"]),
        ("?start=2025-01-01", []),
        ("?ordering=-day&limit=1", ["192.25"]),
    ],
)
def test_history_between_days(client: APIClient, assets: dict[str, Asset], query: str, closes: list[str]) -> None:
    rows = client.get(f"/api/assets/AAPL/history/{query}").json()["results"]
    assert [row["close"] for row in rows] == closes


def test_history_of_a_symbol_with_a_slash(client: APIClient, assets: dict[str, Asset]) -> None:
    assert client.get("/api/assets/BTC/USD/history/").json()["results"] == []


@pytest.mark.parametrize(
    ("path", "status"),
    [
        ("ZZZ/", 404),
        ("aapl/", 404),
        ("ZZZ/history/", 404),
        ("%20/", 404),
        ("?type=spaceship", 400),
        ("?ordering=price_version", 400),
        ("?limit=-1", 400),
        ("AAPL/history/?start=31.05.2024", 400),
        ("AAPL/history/?start=2024-02-30", 400),
        ("AAPL/history/?start=2024-W22-5", 400),
        ("AAPL/history/?start=٢٠٢٤-٠٥-٣١", 400),
        ("AAPL/history/?start=", 400),
        ("AAPL/history/?start=2024-06-01&end=2024-05-01", 400),
        ("AAPL/history/?ordering=close", 400),
        ("AAPL/history/?limit=1000000", 400),
    ],
)
def test_bad_questions(client: APIClient, assets: dict[str, Asset], path: str, status: int) -> None:
    answer = client.get(f"/api/assets/{path}")
    assert answer.status_code == status
    assert answer["Content-Type"].startswith("application/problem+json")


def test_staff_add_an_asset(staff: APIClient, carol: User) -> None:
    make_exchange("XSWX", time_zone="Europe/Zurich")
    answer = staff.post("/api/assets/", NEW | {"exchange": "XSWX", "isin": "CH0038863350"})
    assert answer.status_code == 201, answer.content
    assert answer.json() == NEW | {
        "type": "equity",
        "exchange": "XSWX",
        "isin": "CH0038863350",
        "quote_currency": "CHF",
        "price_factor": "1",
        "price_basis": "raw",
        "delisted_on": None,
        "price": None,
        "price_day": None,
        "price_source": None,
    }
    assert AuditEvent.objects.get(action="asset.created").actor == carol


@pytest.mark.parametrize(
    ("change", "field"),
    [
        ({"symbol": "AAPL"}, "symbol"),
        ({"symbol": "nesn"}, "symbol"),
        ({"symbol": "A B"}, "symbol"),
        ({"symbol": ""}, "symbol"),
        ({"symbol": None}, "symbol"),
        ({"currency": "XXX"}, "currency"),
        ({"isin": "CH0038863351"}, "isin"),
        ({"type": "spaceship"}, "type"),
        ({"exchange": "MARS"}, "exchange"),
        ({"exchange": {"code": "XNYS"}}, "exchange"),
        ({"price_basis": "guess"}, "price_basis"),
        ({"price": "1"}, "price"),
        ({"price_version": 7}, "price_version"),
    ],
)
def test_bad_assets_are_refused_by_field(staff: APIClient, change: dict[str, Any], field: str) -> None:
    make_asset("AAPL")
    answer = staff.post("/api/assets/", NEW | change)
    assert answer.status_code == 400
    assert list(answer.json()["errors"]) == [field]
    assert Asset.objects.count() == 1


def test_only_staff_adds_and_nobody_changes(client: APIClient, staff: APIClient, assets: dict[str, Asset]) -> None:
    assert client.post("/api/assets/", NEW | {"symbol": "NEW"}).status_code == 403
    for method in ("put", "patch", "delete"):
        assert getattr(staff, method)("/api/assets/AAPL/", {}).status_code == 405
        assert getattr(staff, method)("/api/assets/AAPL/history/", {}).status_code == 405
    assert Asset.objects.count() == 4


@pytest.mark.parametrize("path", ["", "AAPL/", "AAPL/history/"])
def test_strangers_see_nothing(assets: dict[str, Asset], path: str) -> None:
    assert client_of(None).get(f"/api/assets/{path}").status_code == 401
