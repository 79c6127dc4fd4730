"""The pages of organisations: founding once, roles, removing, settings, leaving, deleting."""

from __future__ import annotations

import pytest
from django.test import Client

from core.testing import Page, make_user
from users.models import Membership, Organisation, Role, User
from users.services.invitations import invite
from users.services.organisations import create_organisation

pytestmark = pytest.mark.django_db


@pytest.fixture
def firm(alice: User) -> Organisation:
    return create_organisation(name="Acme", actor=alice)


@pytest.fixture
def browser(alice: User) -> Client:
    client = Client()
    client.force_login(alice)
    return client


def people(firm: Organisation) -> str:
    return f"/organisation/{firm.pk}/people/"


def test_founding_is_done_once(browser: Client, alice: User) -> None:
    empty = browser.get("/organisations/")
    assert b"You belong to no organisation yet" in empty.content
    form = {"name": "Acme", "base_currency": "eur", "key": str(empty.context["form"]["key"].value())}
    answers = [browser.post("/organisations/", form) for _ in range(2)]
    firm = Organisation.objects.get()
    assert [answer["Location"] for answer in answers] == [people(firm)] * 2
    assert (firm.base_currency, firm.memberships.get().user) == ("EUR", alice)
    bad = browser.post("/organisations/", {"name": " ", "base_currency": "XYZ"})
    assert (bad.status_code, Organisation.objects.count()) == (200, 1)
    assert browser.post("/organisations/", {"name": "B", "base_currency": "XYZ"}).context["form"].errors


def test_pages_are_well_formed(browser: Client, firm: Organisation, alice: User) -> None:
    Membership.objects.create(organisation=firm, user=make_user("bob"), role=Role.MEMBER)
    sent = invite(organisation=firm, email="eve@example.org", role="viewer", actor=alice, link=str)
    for url in ("/organisations/", people(firm), f"/invitations/{sent.link}/", "/invitations/nothing/"):
        assert Page(browser.get(url).content.decode()).faults == [], url


def test_roles_are_changed_and_people_removed(browser: Client, firm: Organisation) -> None:
    bob = Membership.objects.create(organisation=firm, user=make_user("bob"), role=Role.MEMBER)
    row = {"member": str(bob.pk)}
    assert (
        b"bob is manager now."
        in browser.post(people(firm), row | {"action": "role", "role": "manager"}, follow=True).content
    )
    assert browser.post(people(firm), row | {"action": "role", "role": "king"}).status_code == 409
    browser.post(people(firm), row | {"action": "remove"})
    assert not Membership.objects.filter(pk=bob.pk).exists()
    assert browser.post(people(firm), row | {"action": "remove"}).status_code == 404
    assert browser.post(people(firm), {"action": "role", "member": "x"}).status_code == 404
    assert browser.post(people(firm), {"action": "none"}).status_code == 400


def test_settings_leaving_and_deleting(browser: Client, firm: Organisation, alice: User) -> None:
    browser.post(people(firm), {"action": "settings", "name": "Beta", "base_currency": "chf"})
    firm.refresh_from_db()
    assert (firm.name, firm.base_currency) == ("Beta", "CHF")
    own = {"member": str(firm.memberships.get(user=alice).pk), "action": "remove"}
    stays = browser.post(people(firm), own)
    assert (stays.status_code, b"at least one owner" in stays.content) == (409, True)
    bob = Membership.objects.create(organisation=firm, user=make_user("bob"), role=Role.OWNER)
    assert browser.post(people(firm), own)["Location"] == "/organisations/"
    assert browser.get(people(firm)).status_code == 404
    browser.force_login(bob.user)
    assert browser.post(people(firm), {"action": "delete"})["Location"] == "/organisations/"
    assert not Organisation.objects.exists()


@pytest.mark.parametrize("role", [Role.EMPLOYEE, Role.VIEWER, Role.MEMBER, Role.MANAGER])
def test_what_one_may_not_do_is_not_offered(role: Role, firm: Organisation) -> None:
    member = Membership.objects.create(organisation=firm, user=make_user("bob"), role=role)
    browser = Client()
    browser.force_login(member.user)
    html = browser.get(people(firm)).content.decode()
    assert ('value="invite"' in html) is (role == Role.MANAGER)
    assert 'value="settings"' not in html
    assert ("alice" in html) is (role != Role.EMPLOYEE)
    for action in ("settings", "delete"):
        refused = browser.post(people(firm), {"action": action, "name": "X", "base_currency": "EUR"})
        assert refused.status_code == 403
    assert Organisation.objects.get().name == "Acme"
