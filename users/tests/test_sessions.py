"""A session's key comes from the outside, and may be anything."""

from __future__ import annotations

import pytest
from django.test import Client

from users.models import User
from users.sessions import SessionStore

BAD = ["a" * 20 + "\x00", "a" * 20 + "\\000b", "short", "A" * 32, "a" * 41, "é" * 32, "' OR 1=1 --------"]


@pytest.mark.django_db
@pytest.mark.parametrize("key", BAD)
def test_what_cannot_be_a_key_is_no_session(key: str) -> None:
    assert SessionStore(key).session_key is None
    browser = Client()
    browser.cookies["sessionid"] = key
    answer = browser.get("/")
    assert (answer.status_code, answer.headers["Location"].split("?")[0]) == (302, "/login/")
    assert browser.get("/api/users/me/").status_code == 401


def test_a_session_that_was_made_is_found(client: Client, alice: User) -> None:
    client.force_login(alice)
    assert client.get("/api/users/me/").json()["username"] == "alice"
    assert SessionStore(client.session.session_key).session_key == client.session.session_key
