"""Fixtures for every test: a real broker, a database file that other processes can open, and no network.

Settings are loaded before this file; what a test run must not share with the installation is replaced here.
"""

from __future__ import annotations

import gc
import hashlib
import ipaddress
import os
import secrets
import shutil
import socket
import subprocess
import sys
import tempfile
from collections.abc import Callable, Generator, Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest
import pytest_django
from django.conf import settings
from django.core.cache import cache
from django.db import connection
from django.test import override_settings
from hypothesis import settings as hypothesis_settings

from portfolio_site.catalogue import compile_stale
from portfolio_site.celery import app as celery_app
from portfolio_site.supervisor.broker import answers, broker_command
from portfolio_site.supervisor.child import leashed
from portfolio_site.testing import BASE_DIR, Broker, WorkerProcess, free_port, spawn, wait_until

pytest_plugins = ["core.testing"]

# Machines are shared: how long an example takes says nothing about the code.
hypothesis_settings.register_profile("untimed", hypothesis_settings(), deadline=None)
hypothesis_settings.load_profile("untimed")


# --- places -----------------------------------------------------------------------------------------------------


VAR = pytest.StashKey[Path]()


def pytest_configure(config: pytest.Config) -> None:
    var = Path(tempfile.mkdtemp(prefix="portfolio-test-"))
    config.stash[VAR] = var
    settings.VAR_DIR = var
    settings.PANEL_DIR = var / "panel"
    settings.STATIC_ROOT = var / "static"
    settings.STATIC_ROOT.mkdir()
    settings.WHITENOISE_AUTOREFRESH = True  # else each client of a test reads the list of all static files first
    compile_stale()


@pytest.hookimpl(wrapper=True)
def pytest_collection() -> Generator[None, object, object]:
    """Modules and tests stay for good: to look through them for garbage is a fifth of a suite's time."""
    gc.disable()
    try:
        return (yield)
    finally:
        gc.freeze()
        gc.set_threshold(50_000, 20, 50)  # a request leaves thousands of objects, and hardly any in a circle
        gc.enable()


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption("--database", action="store_true", help="only tests that reach a database or start processes")


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """What reaches no database says nothing more on another one."""
    if not config.getoption("--database"):
        return
    chosen = [item for item in items if _reaches_database(item)]
    config.hook.pytest_deselected(items=[item for item in items if item not in set(chosen)])
    items[:] = chosen


def _reaches_database(item: pytest.Item) -> bool:
    fixtures = {"db", "transactional_db", "django_db_setup"} & set(getattr(item, "fixturenames", ()))
    return bool(fixtures or item.get_closest_marker("django_db") or item.get_closest_marker("processes"))


def pytest_unconfigure(config: pytest.Config) -> None:
    shutil.rmtree(config.stash[VAR], ignore_errors=True)


@pytest.fixture(scope="session")
def var_dir(request: pytest.FixtureRequest) -> Path:
    """The folder that stands for var/ in this test process."""
    return request.config.stash[VAR]


@pytest.fixture(autouse=True)
def panel_dir(tmp_path: Path, settings: Any) -> Path:
    """A price panel of its own for each test."""
    settings.PANEL_DIR = tmp_path / "panel"
    return tmp_path / "panel"


# --- database -----------------------------------------------------------------------------------------------------


@pytest.fixture(scope="session")
def migrated() -> Path:
    """Where a SQLite file with every migration of these sources applied is kept from one run to the next."""
    sources = [*BASE_DIR.glob("*/migrations/*.py"), BASE_DIR / "requirements.txt"]
    digest = hashlib.sha256(b"".join(source.read_bytes() for source in sorted(sources))).hexdigest()
    return BASE_DIR / ".pytest_cache" / f"migrated-{digest[:16]}.sqlite3"


@pytest.fixture(scope="session")
def django_db_modify_db_settings(
    var_dir: Path,
    migrated: Path,
    django_db_modify_db_settings_parallel_suffix: None,
) -> None:
    """SQLite in a file instead of in memory: threads and other processes open the same database."""
    if connection.vendor == "sqlite":
        file = var_dir / "test.sqlite3"
        connection.settings_dict["OPTIONS"]["timeout"] = 120  # seconds; dozens of threads write on a busy machine
        connection.settings_dict["TEST"]["NAME"] = str(file)
        if migrated.exists():
            shutil.copyfile(migrated, file)


@pytest.fixture(scope="session")
def django_db_keepdb(request: pytest.FixtureRequest) -> bool:
    """What was copied above is not made anew. The folder that it is in goes with the run."""
    return connection.vendor == "sqlite" or bool(request.config.getvalue("reuse_db"))


@pytest.fixture(scope="session")
def django_db_setup(django_db_setup: None, django_db_blocker: pytest_django.DjangoDbBlocker, migrated: Path) -> None:
    """Hundreds of migrations take half a minute on SQLite: the first run keeps their outcome for those after it."""
    if connection.vendor != "sqlite" or migrated.exists():
        return
    migrated.parent.mkdir(exist_ok=True)
    part = migrated.with_suffix(f".{os.getpid()}")
    with django_db_blocker.unblock(), connection.cursor() as cursor:
        cursor.execute("VACUUM INTO %s", [str(part)])
    part.replace(migrated)


def database_url() -> str:
    """The test database's address, for the environment of another process."""
    name = connection.settings_dict["NAME"]
    if connection.vendor == "sqlite":
        return f"sqlite:///{name}"
    given = connection.settings_dict
    return f"postgres://{given['USER']}:{given['PASSWORD']}@{given['HOST']}:{given['PORT'] or 5432}/{name}"


# --- broker -------------------------------------------------------------------------------------------------------


@pytest.fixture(scope="session", autouse=True)
def broker(var_dir: Path) -> Iterator[Broker]:
    """A broker for this test process alone: never the one that REDIS_URL names, since tests empty it."""
    port, password = free_port(), secrets.token_hex(8)
    command = broker_command(var_dir / "broker", port, password)
    process = subprocess.Popen(leashed(command), stdout=subprocess.DEVNULL, start_new_session=True)
    url = f"redis://:{password}@127.0.0.1:{port}/0"
    wait_until(lambda: answers(url), 120, "the test broker answers")
    _use_broker(url)
    yield Broker(url, process)
    process.terminate()
    process.wait(timeout=120)


def _use_broker(url: str) -> None:
    caches = {"default": {**settings.CACHES["default"], "LOCATION": url, "OPTIONS": {"socket_timeout": 60}}}
    override_settings(REDIS_URL=url, CACHES=caches).enable()
    patient = settings.CELERY_BROKER_TRANSPORT_OPTIONS | {"socket_timeout": 60}
    celery_app.conf.update(broker_url=url, result_backend=url, broker_transport_options=patient)


@pytest.fixture(autouse=True)
def clean_cache(broker: Broker) -> None:
    cache.clear()


# --- network ------------------------------------------------------------------------------------------------------


def _is_local(address: Any) -> bool:
    if not isinstance(address, tuple):  # a Unix socket
        return True
    try:
        return ipaddress.ip_address(address[0]).is_loopback
    except ValueError:
        return bool(address[0] == "localhost")


@pytest.fixture(scope="session", autouse=True)
def loopback_only() -> Iterator[None]:
    """A test that reaches for another machine fails, whatever the code under test makes of the error."""
    patch = pytest.MonkeyPatch()

    def guard(original: Callable[..., Any]) -> Callable[..., Any]:
        def connect(self: socket.socket, address: Any) -> Any:
            if not _is_local(address):
                pytest.fail(f"a test tried to reach {address!r}; upstreams are fakes on loopback")
            return original(self, address)

        return connect

    patch.setattr(socket.socket, "connect", guard(socket.socket.connect))
    patch.setattr(socket.socket, "connect_ex", guard(socket.socket.connect_ex))
    yield
    patch.undo()


# --- other processes ----------------------------------------------------------------------------------------------


@pytest.fixture
def process_environment(broker: Broker, var_dir: Path, panel_dir: Path) -> dict[str, str]:
    """The environment in which another process of the server sees this test's database, broker and folders."""
    inherited = {name: value for name, value in os.environ.items() if not name.startswith(("COV_", "PYTEST_"))}
    return inherited | {
        "ENV_FILE": os.devnull,
        "DATABASE_URL": database_url(),
        "REDIS_URL": broker.url,
        "VAR_DIR": str(panel_dir.parent),
        "SECRET_KEY": settings.SECRET_KEY,
        "PRODUCTION": "0",
        "PYTHONUNBUFFERED": "1",
        "PYTHONPATH": str(BASE_DIR),
    }


@pytest.fixture
def celery_worker_process(
    transactional_db: None, process_environment: dict[str, str], tmp_path: Path
) -> Iterator[Callable[..., WorkerProcess]]:
    """Start `celery -A portfolio_site worker` against this test's database and broker; call it once per worker.

    ``worker = celery_worker_process(concurrency=1, environment={"PANEL_DIR": …})`` returns when it consumes;
    then ``worker.kill()``, ``worker.stop()``, ``worker.log``. All are stopped after the test.
    """
    started: list[WorkerProcess] = []

    def start(*, concurrency: int = 1, environment: Mapping[str, str] | None = None) -> WorkerProcess:
        number = len(started)
        ready, log_path = tmp_path / f"worker{number}.ready", tmp_path / f"worker{number}.log"
        command = [
            *(sys.executable, "-m", "celery", "-A", "portfolio_site", "worker", "--loglevel", "INFO"),
            *("--concurrency", str(concurrency), "-n", f"test{number}-{os.getpid()}@%h"),
            *("--without-gossip", "--without-mingle"),
        ]
        variables = {**process_environment, **(environment or {}), "READY_FILE": str(ready)}
        with log_path.open("wb") as log:
            worker = WorkerProcess(spawn(command, variables, log), log_path)
        started.append(worker)
        wait_until(lambda: ready.exists() or worker.process.poll() is not None, 180, "the worker is ready")
        assert worker.process.poll() is None, worker.log
        return worker

    yield start
    for worker in started:
        worker.stop()
