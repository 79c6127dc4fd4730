"""The same POST with the same `Idempotency-Key` happens once, whatever becomes of the first answer."""

from __future__ import annotations

import signal
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest
from django.db import connection, transaction
from django.urls import path
from rest_framework.response import Response
from rest_framework.test import APIClient
from rest_framework.views import APIView

from activity.middleware import lock
from activity.models import AuditEvent, IdempotencyKey
from activity.services import record
from core.testing import PASSWORD, PATIENCE, client_of, make_user
from portfolios.models import Portfolio
from users.models import User

URL = "/portfolios/"
ROOT = Path(__file__).resolve().parent.parent


def post(user: User, key: str = "k1", body: Any = None, url: str = URL) -> Any:
    return client_of(user).post(url, body or {"name": "Growth"}, headers={"idempotency-key": key})


def test_the_second_request_gets_the_first_answer(alice: User) -> None:
    first, second = post(alice), post(alice)
    assert first.status_code == 201, first.content
    assert "Idempotency-Replayed" not in first
    assert (second.status_code, second.content, second["Idempotency-Replayed"]) == (201, first.content, "true")
    assert second["Content-Type"] == first["Content-Type"]
    assert Portfolio.objects.count() == 1


def test_without_a_key_each_request_counts(alice: User) -> None:
    for _ in range(2):
        assert client_of(alice).post(URL, {"name": "Growth"}).status_code == 201
    assert Portfolio.objects.count() == 2
    assert not IdempotencyKey.objects.exists()


@pytest.mark.parametrize(("body", "url"), [({"name": "Other"}, URL), (None, "/api/portfolios/"), (None, URL + "?a=1")])
def test_a_key_stands_for_one_request(alice: User, body: Any, url: str) -> None:
    post(alice)
    answer = post(alice, body=body, url=url)
    assert (answer.status_code, answer["Content-Type"]) == (422, "application/problem+json")
    assert answer.json()["code"] == "idempotency_key_reused"
    assert Portfolio.objects.count() == 1


def test_people_do_not_share_keys(alice: User, bob: User) -> None:
    assert post(alice).json()["id"] != post(bob).json()["id"]


def test_a_refusal_is_an_answer_too_and_stores_nothing(alice: User) -> None:
    first = post(alice, body={"name": ""})
    second = post(alice, body={"name": ""})
    assert (first.status_code, second.status_code, second.content) == (400, 400, first.content)
    assert (first["Content-Type"], second["Content-Type"]) == ("application/problem+json",) * 2
    assert not Portfolio.objects.exists()
    assert not AuditEvent.objects.exists()


@pytest.mark.parametrize("key", ["", " ", "x" * 256, "a b", "clé", "a\tb"])
def test_a_key_is_short_visible_ascii(alice: User, key: str) -> None:
    answer = post(alice, key)
    assert (answer.status_code, answer.json()["code"]) == (400, "idempotency_key_invalid")
    assert not Portfolio.objects.exists()


def test_strangers_are_refused_and_leave_no_key(db: None) -> None:
    answer = APIClient().post(URL, {"name": "Growth"}, headers={"idempotency-key": "k1"})
    assert answer.status_code == 401
    assert not IdempotencyKey.objects.exists()


def test_login_takes_no_key(alice: User) -> None:
    login = {"username": "alice", "password": PASSWORD}
    answers = [APIClient().post("/api/auth/token", login, headers={"idempotency-key": "k1"}) for _ in range(2)]
    assert [answer.status_code for answer in answers] == [200, 200]
    assert answers[0].json() != answers[1].json()
    assert not IdempotencyKey.objects.exists()


def test_too_large_a_body_is_refused_before_it_is_hashed(alice: User, settings: Any) -> None:
    settings.DATA_UPLOAD_MAX_MEMORY_SIZE = 100
    answer = post(alice, body={"name": "Growth", "description": "x" * 100})
    assert (answer.status_code, answer.json()["code"]) == (413, "body_too_large")


class Broken(APIView):
    """Writes something, then answers or fails as the body says."""

    def post(self, request: Any) -> Response:
        record(actor=None, action="broken.began", subject=request.user)
        if request.data.get("raise"):
            raise KeyError("secret")
        return Response({}, status=request.data["status"])


urlpatterns = [path("api/broken/", Broken.as_view())]
handler500 = "core.web.server_error"


@pytest.mark.urls(__name__)
@pytest.mark.parametrize("body", [{"raise": True}, {"status": 503}, {"status": 429}, {"status": 409}])
def test_a_failure_undoes_the_request_and_frees_the_key(alice: User, body: dict[str, Any]) -> None:
    client = client_of(alice)
    client.raise_request_exception = False
    for _ in range(2):
        answer = client.post("/api/broken/", body, headers={"idempotency-key": "k1"})
        assert answer.status_code == body.get("status", 500)
        assert "Idempotency-Replayed" not in answer
    assert not AuditEvent.objects.exists()
    assert not IdempotencyKey.objects.exists()


@pytest.mark.urls(__name__)
def test_a_refused_request_is_undone_but_its_answer_kept(alice: User) -> None:
    answers = [post(alice, body={"status": 422}, url="/api/broken/") for _ in range(2)]
    assert [answer.status_code for answer in answers] == [422, 422]
    assert answers[1]["Idempotency-Replayed"] == "true"
    assert not AuditEvent.objects.exists()


@pytest.mark.django_db(transaction=True)
def test_of_many_at_once_one_is_carried_out() -> None:
    alice = make_user("alice")

    def attempt(_: int) -> tuple[int, bytes]:
        try:
            answer = post(alice)
            return answer.status_code, answer.content
        finally:
            connection.close()

    with ThreadPoolExecutor(6) as pool:
        answers = list(pool.map(attempt, range(6)))
    assert {status for status, _ in answers} <= {201, 409}
    assert len({content for status, content in answers if status == 201}) == 1
    assert Portfolio.objects.count() == 1
    assert post(alice)["Idempotency-Replayed"] == "true"


@pytest.mark.django_db(transaction=True)
def test_while_the_first_runs_the_second_is_told_so() -> None:
    if not connection.features.has_select_for_update_nowait:
        pytest.skip("SQLite has one writer: there the second request waits for the first one's answer")
    alice = make_user("alice")
    first = post(alice)

    def second() -> Any:
        try:
            return post(alice)
        finally:
            connection.close()

    with ThreadPoolExecutor(1) as pool, transaction.atomic():
        lock(IdempotencyKey.objects.get().pk)
        answer = pool.submit(second).result(timeout=PATIENCE)
    assert (answer.status_code, answer.json()["code"], answer["Retry-After"]) == (409, "idempotency_key_in_use", "1")
    assert post(alice).content == first.content


KILLED_WHILE_POSTING = """
import os, signal, sys
import django
django.setup()
from django.contrib.auth import get_user_model
from django.db import transaction
from django.db.models.signals import post_save
from core.testing import client_of
from portfolios.models import Portfolio

def die():
    os.kill(os.getpid(), signal.SIGKILL)

def saved(**_):
    die() if sys.argv[1] == "before" else transaction.on_commit(die)

post_save.connect(saved, sender=Portfolio)
alice = get_user_model().objects.get()
client_of(alice).post("/portfolios/", {"name": "Growth"}, headers={"idempotency-key": "k1"})
"""


@pytest.mark.processes
@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize(("moment", "stored"), [("before", 0), ("after", 1)])
def test_killed_before_or_after_the_commit(moment: str, stored: int, process_environment: dict[str, str]) -> None:
    alice = make_user("alice")
    environment = process_environment | {
        "DJANGO_SETTINGS_MODULE": "portfolio_site.settings",
        "ALLOWED_HOSTS": "testserver",
    }
    command = [sys.executable, "-c", KILLED_WHILE_POSTING, moment]
    done = subprocess.run(
        command, cwd=ROOT, env=environment, capture_output=True, text=True, timeout=PATIENCE, check=False
    )
    assert done.returncode == -signal.SIGKILL, done.stderr
    assert (Portfolio.objects.count(), IdempotencyKey.objects.count()) == (stored, 1)
    again = post(alice)
    assert (again.status_code, again.get("Idempotency-Replayed")) == (201, "true" if stored else None)
    assert Portfolio.objects.get().pk == again.json()["id"]
