"""Flower as a process of its own: who gets in, and that nothing else does."""

from __future__ import annotations

import http.client
import subprocess
import sys
from base64 import b64encode
from collections.abc import Callable, Iterator
from contextlib import closing
from dataclasses import dataclass, field
from typing import Any

import pytest
from django.conf import global_settings, settings
from django.test import Client
from flower.urls import handlers

from core.testing import PASSWORD, PATIENCE
from portfolio_site.flower import basic_credentials, remote_address
from portfolio_site.supervisor.child import leashed
from portfolio_site.testing import BASE_DIR, free_port, wait_until
from users.models import User

pytestmark = pytest.mark.processes


@dataclass
class Answer:
    status: int
    body: str
    headers: dict[str, str] = field(default_factory=dict)


Ask = Callable[..., Answer]


@pytest.fixture
def flower(transactional_db: None, process_environment: dict[str, str], settings: Any) -> Iterator[Ask]:
    """Flower on a free port; call it with a path to get the answer. Passwords are hashed as that process expects."""
    settings.PASSWORD_HASHERS = global_settings.PASSWORD_HASHERS
    port = free_port()
    environment = process_environment | {"FLOWER_PORT": str(port)}
    command = leashed([sys.executable, str(BASE_DIR / "manage.py"), "flower"])
    process = subprocess.Popen(command, env=environment, cwd=BASE_DIR, start_new_session=True)

    def ask(path: str, method: str = "GET", **headers: str) -> Answer:
        connection = http.client.HTTPConnection("127.0.0.1", port, timeout=PATIENCE)
        connection.request(method, path, headers=headers)
        with closing(connection), connection.getresponse() as answer:
            return Answer(
                answer.status,
                answer.read().decode(errors="replace"),
                {name.lower(): value for name, value in answer.getheaders()},
            )

    def up() -> bool:
        try:
            return ask("/healthcheck").body == "OK"
        except OSError:
            return False

    wait_until(up, PATIENCE, "Flower answers")
    yield ask
    process.terminate()
    assert process.wait(timeout=PATIENCE) == 0


def basic(name: str, password: str) -> str:
    return "Basic " + b64encode(f"{name}:{password}".encode()).decode()


def session_of(user: User) -> str:
    client = Client()
    client.force_login(user)
    return f"{settings.SESSION_COOKIE_NAME}={client.cookies[settings.SESSION_COOKIE_NAME].value}"


def every_path() -> list[str]:
    """One address for each route that Flower knows, static files and an unknown one included."""
    patterns = [str((getattr(handler, "regex", None) and handler.regex.pattern) or handler[0]) for handler in handlers]
    paths = {pattern.rstrip("$").replace("/?", "").replace("(.*)", "x").replace("(.+)", "x") for pattern in patterns}
    return [*sorted(path for path in paths if path.startswith("/")), "/static/js/flower.js", "/unknown"]


def test_nobody_gets_a_page_without_a_login(flower: Ask) -> None:
    paths = [path for path in every_path() if path != "/healthcheck"]
    assert len(paths) > 25
    for path in paths:
        answer = flower(path)
        assert (path, answer.status, answer.body) == (path, 401, "An administrator's login is needed.")
        assert answer.headers["www-authenticate"].startswith("Basic")


def test_administrator_by_the_sites_session(flower: Ask, carol: User) -> None:
    answer = flower("/workers", Cookie=session_of(carol))
    assert answer.status == 200
    assert "<title>" in answer.body


def test_administrator_by_password_and_then_by_cookie(flower: Ask, carol: User) -> None:
    answer = flower("/api/queues/length", Authorization=basic("carol", PASSWORD))
    assert answer.status == 200
    cookie = answer.headers["set-cookie"].partition(";")[0]
    assert flower("/workers", Cookie=cookie).status == 200
    carol.set_password("another password entirely")
    carol.save()
    assert flower("/workers", Cookie=cookie).status == 401


def test_person_who_is_no_administrator_is_refused(flower: Ask, alice: User) -> None:
    assert flower("/workers", Cookie=session_of(alice)).status == 401
    answer = flower("/workers", Authorization=basic("alice", PASSWORD))
    assert (answer.status, answer.body) == (403, "Background work is for administrators.")


def test_administrator_who_left_is_refused(flower: Ask, carol: User) -> None:
    cookie = session_of(carol)
    carol.is_active = False
    carol.save()
    assert flower("/workers", Cookie=cookie).status == 401
    assert flower("/workers", Authorization=basic("carol", PASSWORD)).status == 401


def test_wrong_passwords_lock_out_even_the_right_one(flower: Ask, carol: User) -> None:
    statuses = [flower("/", Authorization=basic("carol", "wrong")).status for _ in range(settings.AXES_FAILURE_LIMIT)]
    assert statuses[:-1] == [401] * (settings.AXES_FAILURE_LIMIT - 1)
    answer = flower("/", Authorization=basic("carol", PASSWORD))
    assert (answer.status, answer.body) == (403, "Too many failed logins. Try again later.")


def test_other_sites_cannot_send_an_administrators_orders(flower: Ask, carol: User) -> None:
    headers = {"Cookie": session_of(carol), "Origin": "http://evil.example", "Content-Length": "0"}
    assert flower("/api/worker/shutdown/celery@host", "POST", **headers).status == 403
    same_site_without_token = {"Cookie": session_of(carol), "Content-Length": "0"}
    assert flower("/api/worker/shutdown/celery@host", "POST", **same_site_without_token).status == 403


@pytest.mark.parametrize(
    ("header", "expected"),
    [
        (basic("carol", "a:b"), ("carol", "a:b")),
        ("basic " + b64encode(b"c:").decode(), ("c", "")),
        ("", None),
        ("Basic", None),
        ("Basic !!!", None),
        ("Basic " + b64encode(b"\xff:x").decode(), None),
        ("Basic " + b64encode(b"no separator").decode(), None),
        ("Basic " + b64encode(b"nul\x00:x").decode(), None),
        ("Bearer abc", None),
    ],
    ids=[
        "colon in password",
        "empty password",
        "none",
        "no value",
        "no base64",
        "no utf-8",
        "no colon",
        "nul",
        "other",
    ],
)
def test_basic_credentials(header: str, expected: tuple[str, str] | None) -> None:
    assert basic_credentials(header) == expected


@pytest.mark.parametrize(
    ("behind_proxy", "headers", "address"),
    [
        pytest.param(False, {"X-Forwarded-For": "192.0.2.7"}, "10.0.0.1", id="no proxy, nothing believed"),
        pytest.param(True, {}, "10.0.0.1", id="a probe past the proxy"),
        pytest.param(True, {"X-Forwarded-For": "192.0.2.7"}, "192.0.2.7", id="the proxy's word"),
        pytest.param(True, {"X-Forwarded-For": "1.2.3.4, 192.0.2.7"}, "192.0.2.7", id="the visitor's own word before"),
        pytest.param(
            True, {"X-Forwarded-For": "192.0.2.7", "X-Real-Ip": "1.2.3.4"}, "192.0.2.7", id="the visitor's X-Real-Ip"
        ),
        pytest.param(True, {"X-Forwarded-For": "nonsense"}, "10.0.0.1", id="no address"),
    ],
)
def test_the_lock_out_counts_the_address_that_the_proxy_saw(
    settings: Any, behind_proxy: bool, headers: dict[str, str], address: str
) -> None:
    settings.BEHIND_PROXY = behind_proxy
    assert remote_address("10.0.0.1", headers) == address
