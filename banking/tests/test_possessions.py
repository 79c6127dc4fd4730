"""What is owned and valued by hand: over HTTP and on pages, with roles, refusals and undo."""

from __future__ import annotations

from datetime import date, timedelta
from decimal import Decimal
from typing import Any

import pytest
from django.test import Client
from django.utils import timezone

from activity.models import AuditEvent
from banking.models import Possession, Valuation
from banking.services.possessions import add_possession, dispose, value_possession, void_valuation
from banking.services.transactions import AlreadyVoided
from core.testing import client_of, make_user
from users.models import Membership, Organisation, Role, User

pytestmark = pytest.mark.django_db

URL, PAGE = "/api/banking/possessions/", "/banking/possessions/"
BEGIN, LATER = date(2024, 1, 2), date(2024, 6, 3)


@pytest.fixture
def house(alice: User) -> Possession:
    return add_possession(holder=alice, name="House", value=Decimal(300_000), day=BEGIN, actor=alice)


@pytest.fixture
def firm() -> Organisation:
    return Organisation.objects.create(name="Acme", base_currency="CHF")


def session(user: User) -> Client:
    client = Client()
    client.force_login(user)
    return client


def test_it_is_valued_again_and_given_away_and_both_are_taken_back(alice: User) -> None:
    client = client_of(alice)
    body = {"name": " House ", "kind": "property", "value": "300000.50", "day": "2024-01-02"}
    made = client.post(URL, body).json()
    assert (made["name"], made["currency"], made["worth"], made["valued_on"]) == (
        "House",
        "USD",
        "300000.5",
        "2024-01-02",
    )
    at = f"{URL}{made['id']}/"
    second = client.post(f"{at}valuations/", {"day": "2024-06-03", "value": "310000", "note": "Appraisal"})
    assert second.status_code == 201, second.content
    assert client.get(at).json()["worth"] == "310000"
    gone = client.post(f"{at}dispose/", {"disposed_on": "2024-07-01"}).json()
    assert (gone["disposed_on"], gone["worth"]) == ("2024-07-01", "310000")
    assert [client.get(f"{URL}?disposed={said}").json()["count"] for said in ("true", "false")] == [1, 0]
    assert client.post(f"{at}keep/").json()["disposed_on"] is None
    assert client.delete(f"{at}valuations/{second.json()['id']}/").status_code == 204
    assert client.get(at).json()["worth"] == "300000.5"
    assert client.patch(at, {"name": "Flat", "kind": "other"}).json()["name"] == "Flat"
    actions = {"added", "valued", "disposed", "kept", "value_voided", "changed"}
    assert {f"possession.{each}" for each in actions} <= set(AuditEvent.objects.values_list("action", flat=True))


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("name", " "),
        ("kind", "castle"),
        ("currency", "XXX"),
        ("value", "-1"),
        ("value", "0.001"),
        ("value", "1e5"),
        ("value", "9" * 30),
        ("day", "1899-12-31"),
        ("day", "2999-01-01"),
        ("organisation", 987654321),
    ],
)
def test_what_cannot_be_noted_is_refused_by_name(field: str, value: Any, alice: User) -> None:
    body = {"name": "House", "value": "1", "day": "2024-01-02"} | {field: value}
    answer = client_of(alice).post(URL, body)
    assert answer.status_code in {400, 409, 422}
    assert field in answer.content.decode()
    assert not Possession.objects.exists()


@pytest.mark.parametrize(
    ("path", "body"),
    [
        ("valuations/", {"day": "2024-01-02", "value": "1"}),
        ("valuations/", {"day": "2024-02-02", "value": "-1"}),
        ("dispose/", {"disposed_on": "2024-01-02"}),
        ("dispose/", {"disposed_on": "1800-01-02"}),
        ("keep/", {}),
    ],
)
def test_what_does_not_fit_the_values_is_refused(path: str, body: dict[str, str], house: Possession) -> None:
    answer = client_of(house.owner).post(f"{URL}{house.pk}/{path}", body)
    assert 400 <= answer.status_code < 500
    assert (Valuation.objects.count(), Possession.objects.get().disposed_on) == (1, None)


def test_what_is_given_away_is_neither_valued_nor_given_away_again(house: Possession, alice: User) -> None:
    dispose(possession=house, disposed_on=LATER, actor=alice)
    client, at = client_of(alice), f"{URL}{house.pk}/"
    assert client.post(f"{at}valuations/", {"day": "2024-06-03", "value": "1"}).status_code >= 400
    assert client.post(f"{at}valuations/", {"day": "2024-06-02", "value": "1"}).status_code == 201
    assert client.post(f"{at}dispose/", {"disposed_on": "2024-08-01"}).status_code >= 400


def test_a_value_is_taken_back_once_and_its_day_is_free_again(house: Possession, alice: User) -> None:
    value = Valuation.objects.get()
    assert client_of(alice).delete(f"{URL}{house.pk}/").status_code >= 400  # it has a value
    void_valuation(valuation=value, actor=alice)
    with pytest.raises(AlreadyVoided):
        void_valuation(valuation=value, actor=alice)
    value_possession(possession=house, day=BEGIN, value=Decimal(1), actor=alice)
    void_valuation(valuation=Valuation.objects.standing().get(), actor=alice)
    assert client_of(alice).delete(f"{URL}{house.pk}/").status_code == 204
    assert not Possession.objects.exists()


@pytest.mark.parametrize(
    ("role", "reads", "values", "manages"),
    [
        (Role.EMPLOYEE, False, False, False),
        (Role.VIEWER, True, False, False),
        (Role.MEMBER, True, True, False),
        (Role.MANAGER, True, True, True),
    ],
)
def test_who_sees_values_and_manages_an_organisations(
    role: Role, reads: bool, values: bool, manages: bool, firm: Organisation, alice: User
) -> None:
    van = add_possession(holder=firm, name="Van", kind="vehicle", value=Decimal(9), day=BEGIN, actor=None)
    Membership.objects.create(organisation=firm, user=alice, role=role)
    client, at = client_of(alice), f"{URL}{van.pk}/"
    assert (client.get(at).status_code == 200, b"Van" in session(alice).get(PAGE).content) == (reads, reads)
    stated = client.post(f"{at}valuations/", {"day": "2024-02-02", "value": "8"}).status_code
    refused = 403 if reads else 404
    assert stated == (201 if values else refused)
    renamed, added = client.patch(at, {"name": "Bus"}), client.post(URL, {"name": "Hall", "organisation": firm.pk})
    assert (renamed.status_code == 200, added.status_code == 201) == (manages, manages)
    page = session(alice).post(f"{PAGE}{van.pk}/", {"action": "dispose", "disposed_on": "2024-09-01"})
    assert page.status_code == (302 if manages else refused)


def test_the_pages_note_value_and_give_away(alice: User) -> None:
    client = session(alice)
    assert b"Nothing is noted yet" in client.get(PAGE).content
    sent = {"name": "House", "kind": "property", "value": "5000", "day": "2024-01-02", "currency": "usd"}
    for _ in range(2):  # a form that is sent twice notes one
        assert client.post(PAGE, sent | {"key": "k1"}).status_code == 302
    house = Possession.objects.get()
    at = f"{PAGE}{house.pk}/"
    assert "5,000.00 USD" in client.get(PAGE).content.decode()
    for body in (
        {"action": "value", "value": "6000", "day": "2024-03-01", "note": "better"},
        {"action": "name", "name": "Flat", "kind": "other"},
        {"action": "dispose", "disposed_on": "2024-09-01"},
    ):
        assert client.post(at, body).status_code == 302, body
    house.refresh_from_db()
    assert (house.name, house.disposed_on) == ("Flat", date(2024, 9, 1))
    assert client.post(at, {"action": "keep"}).status_code == 302
    for value in Valuation.objects.all():
        assert client.post(at, {"action": "void", "valuation": value.pk}).status_code == 302
    assert b"It has no value yet" not in client.get(at).content  # those that are taken back are shown
    assert client.post(at, {"action": "delete"}).status_code == 302
    assert not Possession.objects.exists()


def test_values_are_written_as_the_language_writes_them(house: Possession, alice: User) -> None:
    User.objects.filter(pk=alice.pk).update(locale="de")
    value = {"action": "value", "value": "310.250,50", "day": "2024-03-01"}
    assert session(alice).post(f"{PAGE}{house.pk}/", value).status_code == 302
    assert Valuation.objects.latest("day").value == Decimal("310250.5")


@pytest.mark.parametrize(
    "body",
    [
        {"action": "value", "value": "NaN", "day": "2024-03-01"},
        {"action": "value", "value": "-1", "day": "2024-03-01"},
        {"action": "value", "value": "1", "day": "2024-01-02"},
        {"action": "value", "value": "1", "day": str(timezone.now().date() + timedelta(days=9))},
        {"action": "name", "name": " ", "kind": "other"},
        {"action": "dispose", "disposed_on": "x"},
        {"action": "void", "valuation": "x"},
        {"action": "nonsense"},
        {},
    ],
)
def test_what_does_not_fit_is_said_on_the_page(body: dict[str, str], house: Possession, alice: User) -> None:
    assert session(alice).post(f"{PAGE}{house.pk}/", body).status_code == 400
    assert (Valuation.objects.count(), Possession.objects.get().name) == (1, "House")


def test_somebody_elses_is_none(house: Possession) -> None:
    bob = make_user("bob")
    other = Valuation.objects.get().pk
    mine = add_possession(holder=bob, name="Boat", actor=bob)
    assert session(bob).get(f"{PAGE}{house.pk}/").status_code == 404
    assert session(bob).post(f"{PAGE}{mine.pk}/", {"action": "void", "valuation": other}).status_code == 404
    assert client_of(bob).delete(f"{URL}{mine.pk}/valuations/{other}/").status_code == 404
    assert session(bob).post(PAGE, {"name": "X", "kind": "other", "holder": "987"}).status_code == 400
    assert Valuation.objects.standing().count() == 1


def test_the_admin_shows_them(house: Possession) -> None:
    client = session(make_user("root", superuser=True))
    for path in ("", f"{house.pk}/change/"):
        answer = client.get(f"/admin/banking/possession/{path}")
        assert (answer.status_code, b"House" in answer.content) == (200, True)
