"""Liveness and readiness, asked over HTTP with real parts present, absent and hanging."""

from __future__ import annotations

import io
import json
import socket
import time
from collections.abc import Iterator
from datetime import timedelta
from typing import Any

import pytest
from django.core.management import CommandError, call_command
from django.db import connection
from django.test import Client
from django.utils import timezone

from core.testing import PATIENCE
from portfolio_site import health
from portfolio_site.health import HEARTBEAT_AGE, last_heartbeat, note_heartbeat
from portfolio_site.tasks import heartbeat
from portfolio_site.testing import Broker

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.usefixtures("patient")]
SHIPPED = health.BROKER_SECONDS, health.DATABASE_SECONDS


@pytest.fixture
def patient(monkeypatch: pytest.MonkeyPatch) -> None:
    """What is well answers, however busy the machine is."""
    monkeypatch.setattr(health, "BROKER_SECONDS", PATIENCE)
    monkeypatch.setattr(health, "DATABASE_SECONDS", PATIENCE)


@pytest.fixture
def mute_server() -> Iterator[int]:
    """A port that accepts connections and never says a word."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        yield server.getsockname()[1]


def test_healthz_answers_without_any_part(client: Client, settings: Any) -> None:
    settings.REDIS_URL = "redis://127.0.0.1:1/0"
    answer = client.get("/healthz", headers={"host": "10.1.2.3"})
    assert (answer.status_code, answer.json()) == (200, {"status": "ok"})


def test_health_needs_no_https_and_no_known_host(client: Client, settings: Any) -> None:
    settings.SECURE_SSL_REDIRECT = True
    assert client.get("/healthz", headers={"host": "unknown.example"}).status_code == 200


def test_ready_when_all_parts_are_well(client: Client) -> None:
    heartbeat()
    answer = client.get("/readyz")
    assert answer.status_code == 200
    assert answer.json() == {
        "status": "ready",
        "parts": {"database": "ok", "migrations": "ok", "broker": "ok", "beat": "ok"},
    }
    assert answer["Cache-Control"] == "no-store"


@pytest.mark.parametrize(
    ("age", "state"),
    [(None, "not seen yet"), (HEARTBEAT_AGE - timedelta(seconds=20), "ok"), (HEARTBEAT_AGE * 2, "late")],
    ids=["never", "recent", "old"],
)
def test_beat_is_judged_by_its_last_heartbeat(client: Client, age: timedelta | None, state: str) -> None:
    if age is not None:
        note_heartbeat(timezone.now() - age)
    answer = client.get("/readyz")
    assert answer.json()["parts"]["beat"] == state
    assert answer.status_code == (200 if state == "ok" else 503)


def test_heartbeat_is_kept_with_its_time() -> None:
    assert last_heartbeat() is None
    before = timezone.now()
    heartbeat()
    noted = last_heartbeat()
    assert noted is not None
    assert before <= noted <= timezone.now()


def test_broker_gone_is_said_without_its_address(client: Client, settings: Any) -> None:
    settings.REDIS_URL = "redis://:sesame@127.0.0.1:1/0"
    answer = client.get("/readyz")
    assert answer.status_code == 503
    assert answer.json()["parts"] | {"database": "ok"} == {
        "database": "ok",
        "migrations": "ok",
        "broker": "unreachable",
        "beat": "unknown",
    }
    assert b"sesame" not in answer.content
    assert b"127.0.0.1" not in answer.content


@pytest.fixture
def hurried(patient: None, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(health, "BROKER_SECONDS", SHIPPED[0])


@pytest.mark.usefixtures("hurried")
def test_hanging_broker_is_given_up(client: Client, settings: Any, mute_server: int) -> None:
    settings.REDIS_URL = f"redis://127.0.0.1:{mute_server}/0"
    began = time.monotonic()
    assert client.get("/readyz").json()["parts"]["broker"] == "unreachable"
    assert time.monotonic() - began < 30, "ten times what it takes"


def test_what_hangs_delays_the_answer_by_two_seconds_at_most() -> None:
    connecting_and_answering, database = 2 * SHIPPED[0], SHIPPED[1]
    assert max(connecting_and_answering, database) <= 2


@pytest.mark.usefixtures("hurried")
def test_stopped_broker_process_counts_as_unreachable(client: Client, broker: Broker) -> None:
    with broker.frozen():
        assert client.get("/readyz").json()["parts"]["broker"] == "unreachable"


def test_pending_migration_is_not_ready(client: Client) -> None:
    heartbeat()
    with connection.cursor() as cursor:
        cursor.execute("SELECT id, app, name, applied FROM django_migrations ORDER BY id DESC LIMIT 1")
        row = cursor.fetchone()
        cursor.execute("DELETE FROM django_migrations WHERE id = %s", [row[0]])
    try:
        answer = client.get("/readyz")
        assert answer.status_code == 503
        assert answer.json()["parts"]["migrations"] == "pending"
    finally:
        with connection.cursor() as cursor:
            cursor.execute("INSERT INTO django_migrations (id, app, name, applied) VALUES (%s, %s, %s, %s)", row)


def test_ready_on_the_command_line_says_the_same() -> None:
    heartbeat()
    out = io.StringIO()
    call_command("ready", stdout=out)
    assert json.loads(out.getvalue()) == {"database": "ok", "migrations": "ok", "broker": "ok", "beat": "ok"}
    out = io.StringIO()
    call_command("ready", "--part", "broker", stdout=out)
    assert json.loads(out.getvalue()) == {"broker": "ok"}


def test_ready_on_the_command_line_fails_for_a_part_that_is_not_well() -> None:
    out = io.StringIO()
    with pytest.raises(CommandError, match="not ready"):
        call_command("ready", "--part", "beat", stdout=out)
    assert json.loads(out.getvalue()) == {"beat": "not seen yet"}
    with pytest.raises(CommandError, match="No such part: wings"):
        call_command("ready", "--part", "wings")
