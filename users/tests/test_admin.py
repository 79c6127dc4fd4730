"""People and their logins in the admin, and the pages' login."""

from __future__ import annotations

import pytest
from django.test import Client

from core.testing import PASSWORD
from users.models import TokenFamily, User


@pytest.fixture
def admin_client(carol: User) -> Client:
    client = Client()
    client.force_login(carol)
    return client


def test_a_user_is_shown_with_currency_and_zone(admin_client: Client, alice: User) -> None:
    page = admin_client.get(f"/admin/users/user/{alice.pk}/change/")
    assert page.status_code == 200
    assert b'name="base_currency"' in page.content
    assert admin_client.get("/admin/users/user/?q=alice").status_code == 200


def test_an_administrator_ends_a_login(admin_client: Client, alice: User) -> None:
    Client().post("/api/auth/token", {"username": "alice", "password": PASSWORD}, content_type="application/json")
    family = TokenFamily.objects.get()
    chosen = {"action": "revoke", "_selected_action": [str(family.pk)]}
    assert admin_client.post("/admin/users/tokenfamily/", chosen, follow=True).status_code == 200
    family.refresh_from_db()
    assert family.revoked_at is not None


def test_login_pages_lock_a_name_too(alice: User) -> None:
    client = Client()
    wrong = [client.post("/login/", {"username": "alice", "password": f"wrong {n}"}) for n in range(5)]
    assert [page.status_code for page in wrong] == [200] * 4 + [429]
    locked = client.post("/login/", {"username": "alice", "password": PASSWORD})
    assert (locked.status_code, locked["Retry-After"]) == (429, "900")
    assert b"5 failed attempts" in locked.content
    assert "_auth_user_id" not in client.session


def test_login_and_logout_of_the_pages(alice: User) -> None:
    client = Client()
    page = client.post("/login/", {"username": "alice", "password": PASSWORD, "next": "/portfolios/"})
    assert (page.status_code, page["Location"]) == (302, "/portfolios/")
    assert client.get("/portfolios/").status_code == 200
    assert client.post("/logout/")["Location"] == "/login/"
    assert client.get("/portfolios/").status_code == 401


def test_a_session_needs_its_csrf_token_on_the_api(alice: User) -> None:
    client = Client(enforce_csrf_checks=True)
    client.force_login(alice)
    answer = client.post("/portfolios/", {"name": "Growth"}, content_type="application/json")
    assert (answer.status_code, answer["Content-Type"]) == (403, "application/problem+json")
    assert client.get("/portfolios/").json()["count"] == 0
