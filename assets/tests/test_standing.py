"""The staff's page of providers and its figures in the API; mappings and orders in the admin."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import pytest
from django.test import Client
from django.utils import timezone

from assets.models import Asset, ProviderState, SymbolMapping
from assets.tests import fake_services as fakes
from assets.tests.factories import make_asset
from assets.tests.fake_polygon import FakePolygon
from assets.tests.fake_upstream import Answering, Reply, serving
from core.testing import client_of
from users.models import User

pytestmark = pytest.mark.django_db
PAGE = "/market/providers/"


@pytest.fixture
def finnhub(settings: Any) -> Iterator[Answering]:
    with serving(fakes.finnhub()) as upstream:
        settings.FINNHUB_URL, settings.FINNHUB_API_KEY = upstream.url, "key"
        yield upstream


@pytest.fixture
def staff(carol: User) -> Client:
    client = Client()
    client.force_login(carol)
    return client


def figures(carol: User) -> dict[str, dict[str, Any]]:
    answer = client_of(carol).get("/api/market/providers/")
    assert answer.status_code == 200
    return {row["name"]: row for row in answer.json()["results"]}


def test_the_figures_of_all(carol: User, finnhub: Answering, staff: Client, settings: Any) -> None:
    settings.PRICE_PROVIDERS = ["finnhub", "polygon", "yahoo"]
    before = figures(carol)
    assert list(before)[:3] == ["finnhub", "polygon", "yahoo"]
    assert len(before) == 7
    assert {name: row["state"] for name, row in before.items()} == {
        "finnhub": "ready",
        "polygon": "unconfigured",
        "yahoo": "ready",
        "alpha_vantage": "off",
        "ecb": "off",
        "csv_file": "off",
        "simulated": "off",
    }
    assert before["finnhub"]["calls_left"] == {"second": 30, "minute": 60, "day": None}
    assert before["finnhub"]["capabilities"] == ["daily_bars", "history", "quote", "profile"]
    assert (before["finnhub"]["key"], before["yahoo"]["key"]) == ("environment", None)

    answer = staff.post(PAGE, {"provider": "finnhub", "action": "test"}, follow=True)
    assert "finnhub answers: AAPL is 192.25 as of 2024-05-31 20:00 UTC." in answer.content.decode()
    row = figures(carol)["finnhub"]
    assert (row["answered"], row["failed"], row["failures"]) == (1, 0, 0)
    assert row["calls_left"]["minute"] == 59
    assert row["last_success_at"] is not None
    assert len(finnhub.calls) == 1


def test_a_failing_provider_and_its_breaker(carol: User, finnhub: Answering, staff: Client, settings: Any) -> None:
    settings.PROVIDER_BREAKER_FAILURES = 1
    finnhub.always = Reply(b"", 500)
    answer = staff.post(PAGE, {"provider": "finnhub", "action": "test"}, follow=True)
    assert "finnhub: it has a fault of its own (HTTP 500)" in answer.content.decode()
    row = figures(carol)["finnhub"]
    assert (row["failures"], row["failed"]) == (1, 1)
    assert row["last_error"].startswith("finnhub: it has a fault")

    assert row["state"] == "open"
    assert row["until"] is not None
    page = staff.get(PAGE).content.decode()
    assert "Left alone" in page
    assert "Close breaker" in page
    staff.post(PAGE, {"provider": "finnhub", "action": "close"})
    row = figures(carol)["finnhub"]
    assert (row["state"], row["failures"], row["until"]) == ("ready", 0, None)
    assert "Close breaker" not in staff.get(PAGE).content.decode()


def test_a_provider_that_is_not_set_up_cannot_be_tested(staff: Client) -> None:
    answer = staff.post(PAGE, {"provider": "polygon", "action": "test"}, follow=True)
    assert "not in PRICE_PROVIDERS, or lacks a key" in answer.content.decode()


@pytest.mark.parametrize(
    "form",
    [{}, {"provider": "nobody", "action": "test"}, {"provider": "polygon", "action": "x"}, {"provider": "a\x00"}],
)
def test_forms_that_say_nothing(staff: Client, form: dict[str, str]) -> None:
    assert staff.post(PAGE, form).status_code == 400


@pytest.mark.parametrize(
    ("name", "upstream", "answer"),
    [
        ("ecb", lambda: fakes.ecb({timezone.now().date(): {"USD": "1.08"}}), "EURUSD is 1.08"),
        ("simulated", Answering, "AAPL is "),
        ("csv_file", Answering, "its files can be read"),
        ("yahoo", fakes.yahoo, "AAPL is 192.25"),
        ("polygon", FakePolygon, "0 days of AAPL"),
    ],
)
def test_each_can_be_tested(
    staff: Client, settings: Any, tmp_path: Any, name: str, upstream: Callable[[], Any], answer: str
) -> None:
    settings.PRICE_PROVIDERS, settings.PRICE_CSV_DIR, settings.VAR_DIR = [name], str(tmp_path), tmp_path
    with serving(upstream()) as fake:
        setattr(settings, f"{name}_URL".upper(), fake.url)
        setattr(settings, f"{name}_API_KEY".upper(), "key")
        page = staff.post(PAGE, {"provider": name, "action": "test"}, follow=True).content.decode()
    assert f"{name} answers: {answer}" in page
    assert ProviderState.objects.get(pk=name).answers == 1


def test_others_do_not_get_in(alice: User) -> None:
    client = Client()
    client.force_login(alice)
    assert client.get(PAGE).status_code == 403
    assert client.post(PAGE, {"provider": "polygon", "action": "test"}).status_code == 403
    assert b"market/providers" not in client.get("/").content


# --- admin --------------------------------------------------------------------------------------------------------


def test_mappings_and_orders_in_the_admin(staff: Client) -> None:
    asset = make_asset("BP")
    url = "/admin/assets/symbolmapping/add/"
    form = {"asset": asset.pk, "provider": "alpha_vantage", "symbol": "BP.LON"}
    assert staff.post(url, form | {"symbol": "BP LON"}).status_code == 200, "a space is refused"
    assert staff.post(url, form).status_code == 302
    assert staff.post(url, form).status_code == 200, "one for each provider"
    assert SymbolMapping.objects.get().symbol == "BP.LON"


@pytest.mark.parametrize(
    ("order", "kept"), [("yahoo, polygon", True), ("", True), ("polygn", False), ("yahoo, yahoo", False)]
)
def test_an_assets_own_order(order: str, kept: bool) -> None:
    asset = Asset(symbol="BP", name="BP", currency="USD", providers=order)
    if kept:
        asset.full_clean()
        assert asset.own_order == [name.strip() for name in order.split(",") if name]
    else:
        with pytest.raises(Exception, match="provider"):
            asset.full_clean()


def test_states_and_unknown_symbols_can_be_looked_at(staff: Client, finnhub: Answering) -> None:
    staff.post(PAGE, {"provider": "finnhub", "action": "test"})
    for model in ("providerstate", "unknownhere", "symbolmapping"):
        assert staff.get(f"/admin/assets/{model}/").status_code == 200
    form = {"action": "close_breaker", "_selected_action": ["finnhub"]}
    assert staff.post("/admin/assets/providerstate/", form).status_code == 302
