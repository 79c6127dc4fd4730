"""Assets whose prices are not in whole units of their currency: how they are entered, and what is refused."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import pytest
from django.core.exceptions import ValidationError
from django.db import IntegrityError, transaction
from django.test import Client
from django.urls import reverse

from assets.models import Asset
from assets.services.history import move_price_versions
from assets.services.listing import create_asset
from assets.tests.factories import make_asset, make_bars
from core.money import UnknownCurrency, major_currency, minor_units
from core.testing import client_of
from users.models import User

pytestmark = pytest.mark.django_db
NEW = {"symbol": "HSBA", "name": "HSBC"}


@pytest.mark.parametrize(
    ("given", "currency", "factor", "quote"),
    [
        ({"currency": "GBX"}, "GBP", "0.01", "GBX"),
        ({"currency": "GBp"}, "GBP", "0.01", "GBX"),
        ({"currency": "ZAC"}, "ZAR", "0.01", "ZAC"),
        ({"currency": "ILA"}, "ILS", "0.01", "ILA"),
        ({"currency": "GBP", "price_factor": "0.01"}, "GBP", "0.01", "GBX"),
        ({"currency": "GBX", "price_factor": "0.01"}, "GBP", "0.01", "GBX"),
        ({"currency": "GBP"}, "GBP", "1", "GBP"),
        ({"currency": "GBP", "price_factor": "0.01", "type": "bond"}, "GBP", "0.01", "GBP"),
        ({"currency": "USD", "price_factor": "10", "type": "bond"}, "USD", "10", "USD"),
        ({"currency": "USD", "price_factor": "0.01"}, "USD", "0.01", "USD"),
    ],
)
def test_what_staff_enter_and_what_is_shown(
    carol: User, given: dict[str, str], currency: str, factor: str, quote: str
) -> None:
    answer = client_of(carol).post("/api/assets/", NEW | given)
    assert answer.status_code == 201, answer.content
    shown = answer.json()
    assert (shown["currency"], shown["price_factor"], shown["quote_currency"]) == (currency, factor, quote)
    stored = Asset.objects.get()
    assert (stored.currency, stored.price_factor) == (currency, Decimal(factor))


@pytest.mark.parametrize(
    ("given", "field"),
    [
        ({"currency": "GBX", "price_factor": "0.1"}, "price_factor"),
        ({"currency": "GBX", "type": "bond"}, "currency"),
        ({"currency": "GBQ"}, "currency"),
        ({"currency": "gbx"}, "currency"),
        ({"currency": "GBP", "price_factor": "NaN"}, "price_factor"),
        ({"currency": "GBP", "price_factor": "1e400"}, "price_factor"),
        ({"currency": "GBP", "price_factor": "0.00000000001"}, "price_factor"),
    ],
)
def test_what_is_wrong_is_refused_by_name(carol: User, given: dict[str, str], field: str) -> None:
    answer = client_of(carol).post("/api/assets/", NEW | given)
    assert answer.status_code == 400, answer.content
    assert list(answer.json()["errors"]) == [field]
    assert not Asset.objects.exists()


@pytest.mark.parametrize(
    ("values", "text"),
    [
        ({"price_factor": Decimal(0)}, "more than 0"),
        ({"price_factor": Decimal(-1)}, "more than 0"),
        ({"price_factor": Decimal(10**6)}, "less than 1,000,000"),
        ({"type": "fx", "price_factor": Decimal("0.01")}, "An exchange rate has no price factor"),
    ],
)
def test_a_factor_is_positive_and_bounded_in_the_database_too(db: None, values: dict[str, Any], text: str) -> None:
    with pytest.raises(ValidationError, match=text):
        create_asset(actor=None, symbol="X", name="X", currency="USD", **values)
    with pytest.raises(IntegrityError), transaction.atomic():
        make_asset("X", **values)


def test_the_admin_takes_pence_and_keeps_what_prices_mean(client: Client, carol: User) -> None:
    client.force_login(carol)
    entered = {"symbol": "HSBA", "name": "HSBC", "type": "equity", "price_basis": "raw"}
    add = reverse("admin:assets_asset_add")
    refused = client.post(add, entered | {"currency": "GBX", "price_factor": "0.5"})
    assert "Prices in GBX have a price factor of 0.01." in refused.content.decode()
    answer = client.post(add, entered | {"currency": "GBX", "price_factor": "1"})
    assert answer.status_code == 302, answer.context["adminform"].form.errors
    asset = Asset.objects.get()
    assert (asset.currency, asset.price_factor, asset.quote_currency) == ("GBP", Decimal("0.01"), "GBX")

    make_bars(asset, [623])
    change = reverse("admin:assets_asset_change", args=[asset.pk])
    answer = client.post(change, entered | {"name": "HSBC Holdings", "currency": "USD", "price_factor": "1"})
    assert answer.status_code == 302, answer.content
    asset.refresh_from_db()
    assert (asset.name, asset.currency, asset.price_factor) == ("HSBC Holdings", "GBP", Decimal("0.01"))


def test_amounts_are_not_in_a_minor_currency() -> None:
    assert [major_currency(code) for code in ("GBX", "GBp", "USD", "xyz")] == ["GBP", "GBP", "USD", "xyz"]
    with pytest.raises(UnknownCurrency, match="“GBX” is for prices alone: an amount is in GBP"):
        minor_units("GBX")


def test_what_is_entered_wrong_can_be_put_right_until_something_refers_to_it(client: Client, carol: User) -> None:
    asset = make_asset("HSBA", currency="GBP", exchange=None)
    client.force_login(carol)
    entered = {"symbol": "HSBA", "name": "HSBC", "type": "equity", "price_basis": "raw", "price_factor": "1"}
    client.post(reverse("admin:assets_asset_change", args=[asset.pk]), entered | {"currency": "GBX"})
    asset.refresh_from_db()
    assert asset.quote_currency == "GBX"


def test_a_rate_that_readers_know_stays_one(client: Client, carol: User) -> None:
    """Otherwise the newest version of all rates would fall back, and a snapshot would never be new again."""
    rate = make_asset("EURUSD", type="fx", exchange=None)
    move_price_versions(Asset.objects.filter(pk=rate.pk))  # as a change of its symbol does
    client.force_login(carol)
    change = reverse("admin:assets_asset_change", args=[rate.pk])
    client.post(change, {"symbol": "EURUSD", "name": "Euro", "type": "equity", "currency": "USD"})
    rate.refresh_from_db()
    assert (rate.name, rate.type) == ("Euro", "fx")
    deleted = client.post(reverse("admin:assets_asset_delete", args=[rate.pk]), {"post": "yes"})
    assert deleted.status_code == 403
    chosen = {"action": "delete_selected", "_selected_action": [rate.pk], "post": "yes"}
    client.post(reverse("admin:assets_asset_changelist"), chosen)
    assert Asset.objects.filter(pk=rate.pk).exists()
