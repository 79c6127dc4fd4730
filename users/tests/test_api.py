"""Login over the API: tokens, their rotation, lockout; the profile."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from typing import Any

import pytest
from django.contrib.sessions.models import Session
from django.core.cache import cache
from django.db import connection
from django.utils import timezone
from rest_framework.test import APIClient
from rest_framework_simplejwt.tokens import AccessToken, RefreshToken

from activity.models import AuditEvent
from core.testing import PASSWORD, client_of, count_queries, make_user
from users.models import TokenFamily, User

TOKEN = "/api/auth/token"
FORM = "application/x-www-form-urlencoded"


def log_in(name: str = "alice", password: str = PASSWORD) -> dict[str, Any]:
    answer = APIClient().post(TOKEN, {"username": name, "password": password})
    assert answer.status_code == 200, answer.content
    pair: dict[str, Any] = answer.json()
    return pair


def refresh(token: str) -> Any:
    return APIClient().post(f"{TOKEN}/refresh", {"refresh_token": token})


def profile(access: str) -> Any:
    return APIClient().get("/api/users/me/", headers={"authorization": f"Bearer {access}"})


def assert_refused(answer: Any, code: str = "invalid_grant") -> None:
    assert (answer.status_code, answer["Content-Type"]) == (401, "application/problem+json"), answer.content
    assert answer.json()["code"] == code
    assert answer["WWW-Authenticate"].startswith("Bearer")


def test_login_by_json(alice: User) -> None:
    pair = log_in()
    assert set(pair) == {"access_token", "refresh_token", "token_type", "expires_in"}
    assert (pair["token_type"], pair["expires_in"]) == ("bearer", 1800)
    assert profile(pair["access_token"]).json()["username"] == "alice"
    alice.refresh_from_db()
    assert alice.last_login is not None


def test_login_by_an_oauth2_form_opens_no_browser_session(alice: User) -> None:
    form = f"grant_type=password&username=alice&password={PASSWORD.replace(' ', '+')}&scope=&client_id="
    answer = APIClient().post(TOKEN, form, content_type=FORM, headers={"authorization": "Basic Og=="})
    assert answer.status_code == 200
    assert answer["Cache-Control"] == "no-store"
    assert not answer.cookies
    assert not Session.objects.exists()


@pytest.mark.parametrize(
    ("name", "password"), [("alice", "wrong"), ("nobody", PASSWORD), ("alice", PASSWORD + " "), ("alice", "x" * 1000)]
)
def test_wrong_credentials_look_alike(alice: User, name: str, password: str) -> None:
    answer = APIClient().post(TOKEN, {"username": name, "password": password})
    assert_refused(answer)
    assert answer.json()["detail"] == "The name or the password is wrong."
    assert answer.json()["error"] == "invalid_grant"


def test_inactive_people_are_refused_everywhere(alice: User) -> None:
    pair = log_in()
    User.objects.update(is_active=False)
    assert_refused(APIClient().post(TOKEN, {"username": "alice", "password": PASSWORD}))
    assert_refused(refresh(pair["refresh_token"]))
    assert_refused(profile(pair["access_token"]), "login_ended")


@pytest.mark.parametrize(
    ("body", "fields"),
    [
        ({}, {"username", "password"}),
        ({"username": "alice", "password": PASSWORD, "otp": "1"}, {"otp"}),
        ({"username": "alice", "password": PASSWORD, "grant_type": "client_credentials"}, {"grant_type"}),
        ({"username": "a" * 151, "password": "x" * 1001}, {"username", "password"}),
        ({"username": ["alice"], "password": {"a": 1}}, {"username", "password"}),
    ],
)
def test_malformed_credentials_are_named(alice: User, body: dict[str, Any], fields: set[str]) -> None:
    answer = APIClient().post(TOKEN, body)
    assert answer.status_code == 400
    assert set(answer.json()["errors"]) == fields


def test_five_failures_lock_the_name_even_for_the_right_password(alice: User, bob: User) -> None:
    statuses = [APIClient().post(TOKEN, {"username": "alice", "password": f"wrong {n}"}).status_code for n in range(5)]
    assert statuses == [401] * 4 + [429]
    locked = APIClient().post(TOKEN, {"username": "alice", "password": PASSWORD})
    assert (locked.status_code, locked["Content-Type"]) == (429, "application/problem+json")
    assert (locked["Retry-After"], locked.json()["code"]) == ("900", "locked_out")
    assert "15 minutes" in locked.json()["detail"]
    assert log_in("bob")


def test_a_success_forgets_the_failures_before_it(alice: User) -> None:
    for _ in range(2):
        for number in range(4):
            APIClient().post(TOKEN, {"username": "alice", "password": f"wrong {number}"})
        assert log_in()


def test_refresh_rotates_and_the_new_tokens_work(alice: User) -> None:
    first = log_in()
    second = refresh(first["refresh_token"]).json()
    third = refresh(second["refresh_token"]).json()
    assert len({first["refresh_token"], second["refresh_token"], third["refresh_token"]}) == 3
    assert profile(third["access_token"]).status_code == 200
    assert TokenFamily.objects.count() == 1


def test_a_used_refresh_token_ends_its_login_and_no_other(alice: User) -> None:
    stolen, elsewhere = log_in(), log_in()
    current = refresh(stolen["refresh_token"]).json()
    assert_refused(refresh(stolen["refresh_token"]))
    assert_refused(refresh(current["refresh_token"]))
    assert_refused(profile(current["access_token"]), "login_ended")
    assert profile(elsewhere["access_token"]).status_code == 200


@pytest.mark.django_db(transaction=True)
def test_of_twelve_parallel_refreshes_exactly_one_succeeds() -> None:
    make_user("alice")
    token = log_in()["refresh_token"]

    def attempt(_: int) -> int:
        try:
            return int(refresh(token).status_code)
        finally:
            connection.close()

    with ThreadPoolExecutor(12) as pool:
        assert sorted(pool.map(attempt, range(12))) == [200] + [401] * 11
    assert TokenFamily.objects.get().revoked_at is not None


def test_a_new_password_ends_every_login(alice: User) -> None:
    pair = log_in()
    alice.set_password("another long passphrase")
    alice.save()
    assert_refused(profile(pair["access_token"]), "password_changed")
    assert_refused(refresh(pair["refresh_token"]))


def test_revoking_ends_the_access_token_too(alice: User) -> None:
    pair = log_in()
    for token in (pair["refresh_token"], pair["refresh_token"], "not a token"):
        assert APIClient().post(f"{TOKEN}/revoke", {"refresh_token": token}).status_code == 204
    assert_refused(profile(pair["access_token"]), "login_ended")
    assert_refused(refresh(pair["refresh_token"]))


def test_tokens_of_the_wrong_kind_age_or_signature_are_refused(alice: User) -> None:
    pair = log_in()
    expired = RefreshToken(pair["refresh_token"])
    expired.set_exp(lifetime=-timedelta(seconds=1))
    access = AccessToken(pair["access_token"])
    access.set_exp(lifetime=-timedelta(seconds=1))
    for token in (pair["access_token"], str(expired), pair["refresh_token"][:-3] + "abc", "", "a.b.c"):
        assert refresh(token).status_code in {400, 401}
    for token in (pair["refresh_token"], str(access), str(AccessToken.for_user(alice)), "a.b.c"):
        assert profile(token).status_code == 401
    assert refresh(pair["refresh_token"]).status_code == 200  # none of the above ended the login


def test_login_forgets_expired_logins(alice: User) -> None:
    log_in()
    TokenFamily.objects.update(expires_at=timezone.now() - timedelta(days=1))
    log_in()
    assert TokenFamily.objects.count() == 1


def test_authentication_takes_one_query(alice: User) -> None:
    access = log_in()["access_token"]
    cache.clear()
    assert count_queries(lambda: profile(access))[0] == 1


def test_profile_changes_what_is_given_and_writes_it_down(alice: User) -> None:
    client = client_of(alice)
    answer = client.patch("/api/users/me/", {"base_currency": "CHF", "time_zone": "Europe/Zurich"})
    assert answer.status_code == 200, answer.content
    assert (answer.json()["base_currency"], answer.json()["email"]) == ("CHF", "alice@example.org")
    assert AuditEvent.objects.get().data == {"fields": ["base_currency", "time_zone"]}


@pytest.mark.parametrize(
    "body",
    [
        {"base_currency": "XXX"},
        {"base_currency": "usd"},
        {"time_zone": "Mars/Olympus"},
        {"username": "root"},
        {"is_staff": True},
        {"is_superuser": True},
        {"password": "x"},
        {"email": "not an address"},
    ],
)
def test_profile_refuses(alice: User, body: dict[str, Any]) -> None:
    answer = client_of(alice).patch("/api/users/me/", body)
    assert (answer.status_code, list(answer.json()["errors"])) == (400, list(body))
    assert not AuditEvent.objects.exists()


def test_put_and_delete_are_not_offered(alice: User) -> None:
    for method in ("put", "delete", "post"):
        answer = getattr(client_of(alice), method)("/api/users/me/", {})
        assert (answer.status_code, answer.json()["code"]) == (405, "method_not_allowed")
