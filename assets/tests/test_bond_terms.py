"""The terms of bonds: set by staff over the API and in the admin, read by everybody, refused where they are none."""

from __future__ import annotations

from dataclasses import replace
from datetime import date
from decimal import Decimal
from typing import Any

import pytest
from django.db import IntegrityError, transaction
from django.test import Client
from django.urls import reverse

from activity.models import AuditEvent
from assets.bonds import DayCount, years_between
from assets.models import Asset, Bond, PriceClock
from assets.services.bonds import NoBond, NoTerms, remove_terms, set_terms
from assets.tests.factories import TREASURY, make_asset, make_bond
from core.errors import DomainError
from core.testing import client_of, count_queries
from users.models import User

URL = "/api/assets/UST34/bond/"
BODY: dict[str, Any] = {
    "issued": "2024-02-15",
    "matures": "2034-02-15",
    "coupon": "0.04",
    "frequency": 2,
    "day_count": "act/act",
}


@pytest.fixture
def treasury(db: None) -> Asset:
    return make_asset("UST34", type="bond", price_factor=Decimal("0.01"))


def test_staff_set_the_terms_and_everybody_reads_them(treasury: Asset, alice: User, carol: User) -> None:
    assert client_of(alice).get(URL).status_code == 404
    assert client_of(alice).put(URL, BODY).status_code == 403
    answer = client_of(carol).put(URL, BODY)
    assert answer.status_code == 200, answer.content

    told = client_of(alice).get(URL, {"as_of": "2024-05-15"}).json()
    assert told | BODY == told
    assert told["redemption"] == "100"
    # 90 of the 182 days of the first half-year: 2 × 90 / 182, as the Treasury counts
    assert Decimal(told["accrued"]).quantize(Decimal("1e-9")) == Decimal("0.989010989")
    assert told["schedule"][0] == {"day": "2024-08-15", "amount": "2"}
    assert told["schedule"][-1] == {"day": "2034-02-15", "amount": "102"}
    assert len(told["schedule"]) == 20
    assert AuditEvent.objects.get(action="bond.set").actor == carol


def test_reading_takes_two_queries(alice: User) -> None:
    make_bond()
    client = client_of(alice)
    count, texts = count_queries(lambda: client.get(URL))
    assert count == 2, texts


def test_another_set_of_terms_takes_the_place_of_the_first(treasury: Asset, carol: User) -> None:
    client_of(carol).put(URL, BODY)
    before = PriceClock.read()
    assert client_of(carol).put(URL, BODY | {"coupon": "0.05"}).status_code == 200
    assert Bond.objects.get().coupon == Decimal("0.05")
    treasury.refresh_from_db()
    assert treasury.price_version == PriceClock.read() > before


def test_terms_are_removed(treasury: Asset, carol: User) -> None:
    client_of(carol).put(URL, BODY)
    assert client_of(carol).delete(URL).status_code == 204
    assert client_of(carol).delete(URL).status_code == 404
    assert not Bond.objects.exists()
    with pytest.raises(NoTerms):
        remove_terms(asset=treasury, actor=carol)


@pytest.mark.parametrize(
    ("change", "field"),
    [
        ({"matures": "2024-02-15"}, "matures"),
        ({"matures": "9999-12-31"}, "matures"),
        ({"issued": "0001-01-01"}, "issued"),
        ({"coupon": "1.1"}, "coupon"),
        ({"coupon": "-0.01"}, "coupon"),
        ({"coupon": "0"}, "coupon"),
        ({"frequency": 3}, "frequency"),
        ({"frequency": 0}, "coupon"),
        ({"day_count": "act/366"}, "day_count"),
        ({"redemption": "0"}, "redemption"),
        ({"redemption": "1000.1"}, "redemption"),
        ({"colour": "red"}, "colour"),
    ],
)
def test_terms_that_no_bond_has(treasury: Asset, carol: User, change: dict[str, Any], field: str) -> None:
    answer = client_of(carol).put(URL, BODY | change)
    assert answer.status_code == 400
    assert set(answer.json()["errors"]) == {field}
    assert not Bond.objects.exists()
    assert not AuditEvent.objects.filter(action__startswith="bond.").exists()


def test_a_share_has_no_terms(carol: User) -> None:
    share = make_asset("AAPL")
    answer = client_of(carol).put("/api/assets/AAPL/bond/", BODY)
    assert (answer.status_code, answer.json()["code"]) == (400, "no_bond")
    with pytest.raises(NoBond):
        set_terms(asset=share, terms=TREASURY, actor=carol)
    share.refresh_from_db()
    assert share.price_version == 0


@pytest.mark.parametrize("name", ["coupon", "redemption"])
@pytest.mark.parametrize("value", ["NaN", "Infinity", "0.00000000001"])
def test_numbers_that_cannot_be_kept(treasury: Asset, carol: User, name: str, value: str) -> None:
    values: dict[str, Any] = {"coupon": Decimal("0.04"), "redemption": Decimal(100)} | {name: Decimal(value)}
    with pytest.raises(DomainError) as refused:
        set_terms(asset=treasury, terms=replace(TREASURY, **values), actor=carol)
    assert refused.value.field == name


@pytest.mark.parametrize(
    "change",
    [
        {"coupon": Decimal(2)},
        {"frequency": 3},
        {"frequency": 0},
        {"matures": date(2024, 2, 15)},
        {"day_count": "act/366"},
        {"redemption": Decimal(0)},
    ],
)
def test_the_database_keeps_no_such_terms(change: dict[str, Any], db: None) -> None:
    bond = make_bond()
    with pytest.raises(IntegrityError), transaction.atomic():
        Bond.objects.filter(asset=bond).update(**change)


def test_the_admin_sets_and_removes_terms_through_the_service(client: Client, treasury: Asset, carol: User) -> None:
    client.force_login(carol)
    form = BODY | {"asset": treasury.pk, "redemption": "100"}
    refused = client.post(reverse("admin:assets_bond_add"), form | {"coupon": "4"})
    assert "A coupon is a fraction from 0 to 1" in refused.content.decode()
    assert client.post(reverse("admin:assets_bond_add"), form).status_code == 302
    treasury.refresh_from_db()
    assert treasury.price_version == PriceClock.read() > 0
    change = reverse("admin:assets_bond_change", args=[treasury.pk])
    assert client.post(change, form | {"coupon": "0.045"}).status_code == 302
    assert Bond.objects.get().coupon == Decimal("0.045")
    assert client.get(reverse("admin:assets_bond_changelist")).status_code == 200
    assert client.post(reverse("admin:assets_bond_delete", args=[treasury.pk]), {"post": "yes"}).status_code == 302
    assert not Bond.objects.exists()
    assert AuditEvent.objects.filter(action="bond.removed").count() == 1


def test_the_admin_refuses_terms_of_a_share(client: Client, carol: User) -> None:
    client.force_login(carol)
    share = make_asset("AAPL")
    answer = client.post(reverse("admin:assets_bond_add"), BODY | {"asset": share.pk, "redemption": "100"})
    assert "AAPL is no bond." in answer.content.decode()


@pytest.mark.parametrize(
    ("day_count", "years"),
    [
        (DayCount.ACTUAL_360, Decimal(182) / 360),
        (DayCount.ACTUAL_365, Decimal(182) / 365),
        (DayCount.THIRTY_360, Decimal("0.5")),
        (DayCount.THIRTY_E_360, Decimal("0.5")),
    ],
)
def test_years_without_periods(day_count: DayCount, years: Decimal) -> None:
    counted = years_between(date(2024, 2, 15), date(2024, 8, 15), day_count)
    assert abs(counted - years) < Decimal("1e-25")


def test_actual_actual_needs_periods() -> None:
    with pytest.raises(ValueError, match="coupon periods"):
        years_between(date(2024, 2, 15), date(2024, 8, 15), DayCount.ACTUAL_ACTUAL)
