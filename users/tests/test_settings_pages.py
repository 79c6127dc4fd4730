"""A person's settings: who they are, how pages are written for them, their password and their logins."""

from __future__ import annotations

import re
from datetime import timedelta
from uuid import uuid4

import pytest
from django.test import Client
from django.utils import timezone

from activity.models import AuditEvent
from core.testing import PASSWORD, Page
from users.forms.settings import time_zones
from users.models import TokenFamily, User

pytestmark = pytest.mark.django_db
PAGES = ["/settings/", "/settings/display/", "/settings/security/"]
NEW = "a horse that is never wrong"
DISPLAY = {"base_currency": "eur", "locale": "de-ch", "time_zone": "Europe/Zurich"}


@pytest.fixture
def browser(alice: User) -> Client:
    client = Client()
    client.force_login(alice)
    return client


def login(user: User, **more: object) -> TokenFamily:
    later = timezone.now() + timedelta(days=1)
    return TokenFamily.objects.create(user=user, current="x", **{"expires_at": later} | more)


@pytest.mark.parametrize("url", PAGES)
def test_pages_are_well_formed_and_for_who_is_logged_in(browser: Client, alice: User, url: str) -> None:
    login(alice)
    page = browser.get(url)
    assert (page.status_code, Page(page.content.decode()).faults) == (200, [])
    assert page.content.decode().count('aria-current="page"') == 1
    assert Client().get(url)["Location"].startswith("/login/")


def test_the_profile_is_changed(browser: Client, alice: User) -> None:
    assert browser.post("/settings/", {"first_name": "Alice", "last_name": "", "email": "a@b.org"}).status_code == 302
    alice.refresh_from_db()
    assert (alice.first_name, alice.email) == ("Alice", "a@b.org")
    assert AuditEvent.objects.get(action="profile.changed").data == {"fields": ["email", "first_name"]}
    browser.post("/settings/", {"first_name": "Alice", "last_name": "", "email": "a@b.org"})
    assert AuditEvent.objects.filter(action="profile.changed").count() == 1  # nothing differed


@pytest.mark.parametrize("wrong", [{"email": "x"}, {"first_name": "x" * 151}, {"email": "a\0@b.org"}])
def test_a_wrong_profile_changes_nothing(browser: Client, alice: User, wrong: dict[str, str]) -> None:
    page = browser.post("/settings/", {"first_name": "New", "last_name": "", "email": ""} | wrong)
    alice.refresh_from_db()
    assert (page.status_code, alice.first_name) == (200, "")


def test_the_first_mistake_has_the_focus_and_its_words(browser: Client) -> None:
    html = browser.post("/settings/", {"first_name": "A", "last_name": "x" * 151, "email": "x"}).content.decode()
    [field] = re.findall(r"<input[^>]*autofocus[^>]*>", html)
    assert 'name="last_name"' in field
    assert 'aria-invalid="true"' in field
    described = re.search(r'aria-describedby="([^"]*)"', field)
    assert described
    assert all(f'id="{name}"' in html for name in described[1].split())
    assert Page(html).faults == []


def test_what_is_stored_speaks_at_once(browser: Client, alice: User) -> None:
    stored = browser.post("/settings/display/", DISPLAY, follow=True)
    html = stored.content.decode()
    alice.refresh_from_db()
    assert (alice.base_currency, alice.locale, alice.time_zone) == ("EUR", "de-ch", "Europe/Zurich")
    assert 'lang="de-ch"' in html
    assert "Ihre Einstellungen sind gespeichert." in html
    assert "−1’234.50 EUR" in html
    assert "Zeitzone" in html


@pytest.mark.parametrize(
    "wrong",
    [
        {"base_currency": "XXX"},
        {"base_currency": "EURO"},
        {"locale": "fr"},
        {"time_zone": "Mars/X"},
        {"time_zone": ""},
    ],
)
def test_a_wrong_display_changes_nothing(browser: Client, alice: User, wrong: dict[str, str]) -> None:
    assert browser.post("/settings/display/", DISPLAY | wrong).status_code == 200
    alice.refresh_from_db()
    assert (alice.base_currency, alice.locale, alice.time_zone) == ("USD", "", "UTC")


def test_every_zone_that_is_offered_may_be_stored(alice: User) -> None:
    names = [name for name, _ in time_zones()]
    assert len(names) == len(set(names)) > 300
    for name in names:
        alice.time_zone = name
        alice.clean_fields(exclude=["password"])


def test_a_new_password_ends_other_logins(browser: Client, alice: User) -> None:
    family, other = login(alice), Client()
    other.force_login(alice)
    given = {"action": "password", "old_password": PASSWORD, "new_password1": NEW, "new_password2": NEW}
    assert browser.post("/settings/security/", given).status_code == 302
    alice.refresh_from_db()
    family.refresh_from_db()
    assert alice.check_password(NEW)
    assert family.revoked_at
    assert browser.get("/settings/security/").status_code == 200
    assert other.get("/settings/security/").status_code == 302
    assert AuditEvent.objects.filter(action="password.changed", actor=alice).count() == 1


@pytest.mark.parametrize(
    ("wrong", "field"),
    [
        ({"old_password": "wrong"}, "old_password"),
        ({"new_password2": "another one that differs"}, "new_password2"),
        ({"new_password1": "short", "new_password2": "short"}, "new_password2"),
        ({"new_password1": "alice@example.org", "new_password2": "alice@example.org"}, "new_password2"),
        ({"new_password1": PASSWORD, "new_password2": PASSWORD}, "new_password1"),
        ({"new_password1": "", "new_password2": ""}, "new_password1"),
    ],
)
def test_a_wrong_password_changes_nothing(browser: Client, alice: User, wrong: dict[str, str], field: str) -> None:
    family = login(alice)
    given = {"action": "password", "old_password": PASSWORD, "new_password1": NEW, "new_password2": NEW} | wrong
    page = browser.post("/settings/security/", given)
    alice.refresh_from_db()
    family.refresh_from_db()
    assert (page.status_code, field in page.context["form"].errors) == (200, True)
    assert alice.check_password(PASSWORD)
    assert family.revoked_at is None
    assert NEW not in page.content.decode()


def test_logins_of_programs_are_ended(browser: Client, alice: User, bob: User) -> None:
    first, second, strangers = login(alice), login(alice), login(bob)
    login(alice, expires_at=timezone.now() - timedelta(hours=1))
    page = browser.get("/settings/security/")
    assert {row.pk for row in page.context["logins"]} == {first.pk, second.pk}
    assert page["Cache-Control"] == "no-store"
    assert browser.post("/settings/security/", {"action": "end", "login": str(first.pk)}).status_code == 302
    for wrong in (str(strangers.pk), str(uuid4()), "x", "", "1" * 400):
        assert browser.post("/settings/security/", {"action": "end", "login": wrong}).status_code == 404
    assert set(TokenFamily.objects.standing(timezone.now())) == {second, strangers}
    browser.post("/settings/security/", {"action": "end-all"})
    second.refresh_from_db()
    strangers.refresh_from_db()
    assert second.revoked_at
    assert strangers.revoked_at is None
    assert browser.post("/settings/security/", {"action": "other"}).status_code == 400
