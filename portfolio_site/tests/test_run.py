"""`manage.py run` as a person starts it: real broker, web, worker, beat and Flower."""

from __future__ import annotations

import http.client
import json
import os
import re
import shutil
import signal
import socket
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path

import pytest
import redis

from core.testing import PATIENCE
from portfolio_site.testing import BASE_DIR, Broker, free_port, wait_until

pytestmark = pytest.mark.processes

STARTED_WITHIN = 300.0  # seconds; alone on a machine it is 10
STOPPED_WITHIN = 300.0
CHILDREN = {"broker", "web", "worker", "beat", "stream", "flower"}


class Installation:
    """One server: its folder, its ports, and what its `manage.py run` printed."""

    def __init__(self, var: Path) -> None:
        self.var = var
        self.log = var / "run.log"
        self.ports = {name: free_port() for name in ("PORT", "FLOWER_PORT", "BROKER_PORT")}
        self.process: subprocess.Popen[bytes] | None = None

    def start(self, **environment: str) -> subprocess.Popen[bytes]:
        dropped = {"REDIS_URL", "DATABASE_URL", "DEMO"}
        inherited = {name: value for name, value in os.environ.items() if name not in dropped}
        own = {"ENV_FILE": os.devnull, "VAR_DIR": str(self.var), "WORKER_CONCURRENCY": "1", "STOP_PATIENCE": "20"}
        ports = {name: str(port) for name, port in self.ports.items()}
        with self.log.open("wb") as log:
            self.process = subprocess.Popen(
                [sys.executable, str(BASE_DIR / "manage.py"), "run"],
                env={**inherited, **own, **ports, **environment},
                cwd=BASE_DIR,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=subprocess.STDOUT,
                start_new_session=True,
            )
        return self.process

    def start_and_wait(self) -> None:
        process = self.start()
        said_so = "The server is ready"
        wait_until(lambda: said_so in self.said or process.poll() is not None, STARTED_WITHIN, "the server is ready")
        assert process.poll() is None, self.said

    @property
    def said(self) -> str:
        return self.log.read_text(errors="replace")

    def pids(self) -> dict[str, int]:
        """Name to process, as last announced."""
        return {
            name: int(pid) for name, pid in re.findall(r"(\w+) is (?:up.*|started again) \(process (\d+)\)", self.said)
        }

    def stop(self, number: signal.Signals = signal.SIGTERM) -> int:
        assert self.process is not None
        self.process.send_signal(number)
        return self.process.wait(timeout=STOPPED_WITHIN)

    def ask(self, path: str) -> tuple[int, dict[str, object]]:
        with closing(http.client.HTTPConnection("127.0.0.1", self.ports["PORT"], timeout=10)) as connection:
            connection.request("GET", path)
            answer = connection.getresponse()
            return answer.status, json.loads(answer.read())


def everything_below(pid: int) -> set[int]:
    """The process and all that descend from it, children of children too."""
    found, waiting = {pid}, [pid]
    while waiting:
        for task in Path(f"/proc/{waiting.pop()}/task").glob("*/children"):
            below = {int(child) for child in task.read_text().split()} - found
            found |= below
            waiting.extend(below)
    return found


def alive(pid: int) -> bool:
    """Is it a process that still runs? One that ended and was not yet waited for does not."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except FileNotFoundError:
        return False


@pytest.fixture
def installation(tmp_path: Path) -> Iterator[Installation]:
    made = Installation(tmp_path)
    yield made
    if made.process and made.process.poll() is None:
        made.stop()


@pytest.fixture
def prepared(installation: Installation, django_db_setup: None, migrated: Path) -> Installation:
    """One whose database was made before, as at any start but the first: to make it takes longer than the rest."""
    if migrated.exists():  # tests on PostgreSQL make none
        shutil.copyfile(migrated, installation.var / "portfolio.sqlite3")
    return installation


def ready(installation: Installation) -> Callable[[], bool]:
    def asked() -> bool:
        try:
            return installation.ask("/readyz")[0] == 200
        except OSError:
            return False

    return asked


def test_life_of_a_server(installation: Installation) -> None:
    """Starts all six, works, mends itself, refuses a second start, stops in order, starts again."""
    installation.start_and_wait()
    pids = installation.pids()
    assert set(pids) == CHILDREN
    assert f"http://127.0.0.1:{installation.ports['PORT']}" in installation.said
    assert "demo123" not in installation.said
    wait_until(ready(installation), PATIENCE, "beat's task was run by the worker")

    os.kill(pids["web"], signal.SIGKILL)
    os.kill(pids["worker"], signal.SIGKILL)
    wait_until(lambda: "web is started again" in installation.said, PATIENCE, "web is started again")
    wait_until(lambda: "worker is started again" in installation.said, PATIENCE, "the worker is started again")
    wait_until(ready(installation), PATIENCE, "the server works again")

    second = subprocess.run(
        [sys.executable, str(BASE_DIR / "manage.py"), "run"],
        env={**os.environ, "ENV_FILE": os.devnull, "VAR_DIR": str(installation.var)},
        capture_output=True, text=True, timeout=PATIENCE, check=False,
    )  # fmt: skip
    assert second.returncode == 1
    assert f"The server is running already: http://127.0.0.1:{installation.ports['PORT']} (process" in second.stderr

    assert installation.process is not None
    family = everything_below(installation.process.pid)
    assert len(family) >= 6
    assert installation.stop(signal.SIGINT) == 0
    assert [pid for pid in family if alive(pid)] == []
    assert "is killed" not in installation.said

    installation.start_and_wait()
    assert installation.stop() == 0


def test_nothing_is_left_when_the_supervisor_is_killed(prepared: Installation) -> None:
    prepared.start_and_wait()
    assert prepared.process is not None
    family = everything_below(prepared.process.pid)
    assert len(family) >= 6
    assert prepared.stop(signal.SIGKILL) == -signal.SIGKILL
    wait_until(lambda: not any(alive(pid) for pid in family), PATIENCE, "every process below the supervisor ends")


@pytest.mark.parametrize("setting", ["PORT", "FLOWER_PORT", "BROKER_PORT"])
def test_taken_port_stops_the_start_with_one_line(installation: Installation, setting: str) -> None:
    with socket.create_server(("127.0.0.1", installation.ports[setting])):
        assert installation.start().wait(timeout=PATIENCE) == 1
    port = installation.ports[setting]
    assert f"Port {port} on 127.0.0.1 is taken" in installation.said
    assert f"{setting}={port + 1}" in installation.said
    assert "Traceback" not in installation.said
    assert not (installation.var / "portfolio.sqlite3").exists()


def test_address_of_somebody_elses_broker_is_used(prepared: Installation, broker: Broker) -> None:
    process = prepared.start(REDIS_URL=broker.url)
    wait_until(lambda: "The server is ready" in prepared.said or process.poll() is not None, STARTED_WITHIN, "ready")
    assert set(prepared.pids()) == CHILDREN - {"broker"}
    with redis.Redis.from_url(broker.url) as client:
        assert client.exists("_kombu.binding.celery"), "the worker listens there"
    assert prepared.stop() == 0
