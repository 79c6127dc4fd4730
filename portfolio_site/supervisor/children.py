"""The six processes of an installation, made from its settings, in the order in which they are started."""

from __future__ import annotations

import http.client
import signal
import sys
from collections.abc import Callable, Mapping
from dataclasses import replace
from functools import partial
from pathlib import Path

from django.conf import settings

from portfolio_site.supervisor.broker import answers, broker_command
from portfolio_site.supervisor.child import ChildSpec

PYTHON = (sys.executable, "-m")


def children() -> list[ChildSpec]:
    """Broker (unless REDIS_URL names one), web, worker, beat, live prices, Flower; STOP_PATIENCE stretches graces."""
    own_broker = [broker()] if settings.OWN_BROKER else []
    specs = [*own_broker, web(), worker(), beat(), stream(), flower()]
    return [replace(spec, grace=spec.grace * settings.STOP_PATIENCE) for spec in specs]


def broker() -> ChildSpec:
    return ChildSpec(
        name="broker",
        command=broker_command(settings.VAR_DIR / "broker", settings.BROKER_PORT, settings.BROKER_PASSWORD),
        ready=partial(answers, settings.REDIS_URL),
        start_rank=0,
        stop_rank=3,
        death_signal=signal.SIGTERM,  # it depends on nobody, and writes down what it has
        grace=1.5,
    )


def web() -> ChildSpec:
    proxy = "--proxy-headers" if settings.BEHIND_PROXY else "--no-proxy-headers"
    return ChildSpec(
        name="web",
        command=(
            *(*PYTHON, "uvicorn", "portfolio_site.asgi:application", "--lifespan", "off"),
            *("--host", settings.HOST, "--port", str(settings.PORT), proxy, "--no-server-header"),
            *("--ws", "portfolio_site.websocket:Protocol", "--ws-max-size", "65536"),
            *("--timeout-graceful-shutdown", "2", "--no-access-log", "--log-level", "warning"),
        ),
        ready=partial(responds, settings.PORT, "/healthz"),
        directory=settings.BASE_DIR,
        environment=_environment(),
        start_rank=1,
        stop_rank=1,
        grace=2.5,
    )


def worker() -> ChildSpec:
    ready = _ready_file("worker")
    return ChildSpec(
        name="worker",
        command=(
            *(*PYTHON, "celery", "--quiet", "-A", "portfolio_site", "worker", "--loglevel", "INFO"),
            *("--concurrency", str(settings.WORKER_CONCURRENCY), "-n", f"portfolio-{settings.PORT}@%h"),
            *("--without-mingle", "--without-gossip"),  # nobody here asks the other workers
        ),
        ready=_appears(ready),
        directory=settings.BASE_DIR,
        environment=_environment(READY_FILE=str(ready)),
        start_rank=1,
        stop_rank=2,
        stop_signal=signal.SIGQUIT,  # a few seconds for what runs, the rest goes back to the queue
        grace=4.0,
    )


def beat() -> ChildSpec:
    ready = _ready_file("beat")
    return ChildSpec(
        name="beat",
        command=(*PYTHON, "celery", "--quiet", "-A", "portfolio_site", "beat", "--pidfile=", "--loglevel", "WARNING"),
        ready=_appears(ready),
        directory=settings.BASE_DIR,
        environment=_environment(READY_FILE=str(ready)),
        start_rank=2,
        stop_rank=0,
    )


def stream() -> ChildSpec:
    ready = _ready_file("stream")
    return ChildSpec(
        name="stream",
        command=(sys.executable, str(settings.BASE_DIR / "manage.py"), "stream"),
        ready=_appears(ready),
        directory=settings.BASE_DIR,
        environment=_environment(READY_FILE=str(ready)),
        start_rank=2,
        stop_rank=0,
    )


def flower() -> ChildSpec:
    return ChildSpec(
        name="flower",
        command=(sys.executable, str(settings.BASE_DIR / "manage.py"), "flower"),
        ready=partial(responds, settings.FLOWER_PORT, "/healthcheck"),
        directory=settings.BASE_DIR,
        environment=_environment(),
        start_rank=2,
        stop_rank=0,
    )


def reachable_host() -> str:
    """Where this machine itself finds what listens on HOST."""
    listening: str = settings.HOST
    return {"0.0.0.0": "127.0.0.1", "::": "::1", "": "127.0.0.1"}.get(listening, listening)  # noqa: S104


def responds(port: int, path: str) -> bool:
    """Does a GET of ``path`` on this machine answer 200?"""
    connection = http.client.HTTPConnection(reachable_host(), port, timeout=1)
    try:
        connection.request("GET", path)
        return connection.getresponse().status == http.HTTPStatus.OK
    except (OSError, http.client.HTTPException):
        return False
    finally:
        connection.close()


def _environment(**more: str) -> Mapping[str, str]:
    return {"REDIS_URL": settings.REDIS_URL, "PYTHONUNBUFFERED": "1", **more}


def _ready_file(name: str) -> Path:
    """The file that a worker or beat makes when it is up; gone before it starts."""
    path: Path = settings.VAR_DIR / f"{name}.ready"
    path.unlink(missing_ok=True)
    return path


def _appears(path: Path) -> Callable[[], bool]:
    return path.exists
