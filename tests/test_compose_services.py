"""docker-compose.yml: the very commands of its services, run against this test's database and broker."""

from __future__ import annotations

import http.client
import os
import re
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest
import redis
import yaml

from core.testing import PATIENCE
from portfolio_site.supervisor.child import leashed
from portfolio_site.testing import BASE_DIR, Broker, free_port, wait_until

COMPOSE = yaml.safe_load((BASE_DIR / "docker-compose.yml").read_text())
SERVICES: dict[str, Any] = COMPOSE["services"]
OURS = ["prepare", "web", "worker", "beat", "stream", "flower"]
PORTS = {"8000": free_port(), "5555": free_port()}


def image_command() -> list[str]:
    """CMD of the Dockerfile: what a service without a command runs."""
    lines = (BASE_DIR / "Dockerfile").read_text().splitlines()
    return list(yaml.safe_load(next(line for line in lines if line.startswith("CMD ")).removeprefix("CMD ")))


def command_of(service: str) -> list[str]:
    """The service's command; "$$" is Compose's way to write "$", and ports are free ones here."""
    words = SERVICES[service].get("command") or image_command()
    return [str(PORTS.get(word, word)).replace("$$", "$") for word in words]


@pytest.fixture
def start(
    transactional_db: None, process_environment: dict[str, str], tmp_path: Path
) -> Iterator[Callable[[str], subprocess.Popen[bytes]]]:
    """Start a service with the programs of this virtual environment, in production's settings."""
    started: list[tuple[subprocess.Popen[bytes], signal.Signals]] = []
    environment = process_environment | {
        "PATH": f"{Path(sys.executable).parent}:{os.environ['PATH']}",
        "PRODUCTION": "1",
        "DEMO": "0",
        "HOST": "127.0.0.1",
        "ALLOWED_HOSTS": "portfolio.example",
        "WORKER_CONCURRENCY": "1",
        "FLOWER_PORT": str(PORTS["5555"]),
        "VAR_DIR": str(tmp_path),
    }

    def run(service: str) -> subprocess.Popen[bytes]:
        process = subprocess.Popen(leashed(command_of(service)), env=environment, cwd=BASE_DIR)
        started.append((process, getattr(signal, SERVICES[service].get("stop_signal", "SIGTERM"))))
        return process

    yield run
    for process, stop_signal in started:
        if process.poll() is None:
            process.send_signal(stop_signal)
            process.wait(timeout=PATIENCE)


def answers(port: int, path: str) -> bool:
    with closing(http.client.HTTPConnection("127.0.0.1", port, timeout=10)) as connection:
        try:
            connection.request("GET", path)
            return connection.getresponse().status == 200
        except OSError:
            return False


@pytest.mark.processes
def test_prepare_then_web(start: Callable[[str], subprocess.Popen[bytes]], tmp_path: Path) -> None:
    assert start("prepare").wait(timeout=PATIENCE) == 0
    assert (tmp_path / "static" / "staticfiles.json").exists()
    start("web")
    wait_until(lambda: answers(PORTS["8000"], "/healthz"), PATIENCE, "the web service answers")


@pytest.mark.processes
def test_worker_beat_and_flower(start: Callable[[str], subprocess.Popen[bytes]], broker: Broker) -> None:
    for service in ("worker", "beat", "flower"):
        start(service)
    wait_until(lambda: answers(PORTS["5555"], "/healthcheck"), PATIENCE, "Flower answers")
    with redis.Redis.from_url(broker.url) as client:
        wait_until(lambda: bool(client.exists("portfolio:beat")), PATIENCE, "beat's task was run by the worker")


@pytest.mark.parametrize("service", [*OURS, "postgres", "redis"])
def test_service_has_a_health_check_and_a_restart_rule(service: str) -> None:
    assert SERVICES[service]["restart"] in {"unless-stopped", "on-failure"}
    if service not in {"prepare", "web"}:  # one ends; the other has the image's
        assert SERVICES[service]["healthcheck"]["test"]


def test_queue_survives_and_is_never_thrown_away() -> None:
    command = " ".join(SERVICES["redis"]["command"])
    assert "--appendonly yes" in command
    assert "--maxmemory-policy noeviction" in command
    assert set(COMPOSE["volumes"]) == {"postgres", "redis", "server"}


@pytest.mark.parametrize("service", ["web", "worker", "beat", "flower"])
def test_service_waits_for_the_prepared_database(service: str) -> None:
    assert SERVICES[service]["depends_on"] == {
        "prepare": {"condition": "service_completed_successfully"},
        "postgres": {"condition": "service_healthy"},
        "redis": {"condition": "service_healthy"},
    }


def test_every_market_setting_reaches_the_containers() -> None:
    example = (BASE_DIR / ".env.example").read_text()
    section = example.split("# --- market data ---")[1].split("\n# ---")[0]
    named = set(re.findall(r"^#([A-Z_]+)=", section, flags=re.MULTILINE))
    assert {"PRICE_PROVIDERS", "QUOTE_TTL", "WATCHLIST_ENTRIES"} <= named
    assert named <= COMPOSE["x-server"]["environment"].keys()
