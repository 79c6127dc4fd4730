"""An installation of its own for the tests in a browser: `manage.py run` with the demo, folder and ports of its own."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import urllib.error
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

from portfolio_site.testing import free_port, spawn, wait_until

PASSWORDS = {"demo": "demo123", "manager": "manager123", "admin": "admin"}  # the demo's public logins
STARTED_WITHIN = 600.0  # the demo is loaded first: half a minute on two idle cores, minutes on busy ones
COMPUTED_WITHIN = 300.0


@contextmanager
def installation(folder: Path, **settings: str) -> Iterator[str]:
    """Start the server on an empty ``folder``; yields its address once the demo is there and its risk is computed.

    ``settings`` go into its environment.
    """
    port, log_path = free_port(), folder / "server.log"
    with log_path.open("wb") as log:
        process = spawn([sys.executable, "manage.py", "run"], _environment(folder, port) | settings, log)
    address = f"http://127.0.0.1:{port}"
    try:
        wait_until(lambda: process.poll() is not None or _is_ready(address), STARTED_WITHIN, "the server is ready")
        assert process.poll() is None, log_path.read_text(errors="replace")
        wait_until_computed(address)
        yield address
    finally:
        _stop(process)


def wait_until_computed(address: str) -> None:
    """Wait until a worker has computed the demo's risk: what a page says before that is another page."""
    headers = {"Authorization": f"Bearer {_token(address)}"}
    portfolios = _json(urllib.request.Request(f"{address}/portfolios/", headers=headers))["results"]
    for portfolio in portfolios:
        risk = urllib.request.Request(f"{address}/portfolios/{portfolio['id']}/risk/", headers=headers)
        wait_until(partial(_answers, risk), COMPUTED_WITHIN, f"the risk of {portfolio['name']} is computed")


def _environment(folder: Path, port: int) -> dict[str, str]:
    """Nothing of the installation whose sources these are: neither its .env nor its database, broker or ports."""
    kept = {name: os.environ[name] for name in ("PATH", "HOME", "LANG", "TMPDIR") if name in os.environ}
    return kept | {
        "ENV_FILE": os.devnull,
        "VAR_DIR": str(folder),
        "DEMO": "1",
        "PORT": str(port),
        "FLOWER_PORT": str(free_port()),
        "BROKER_PORT": str(free_port()),
        "PYTHONUNBUFFERED": "1",
    }


def _is_ready(address: str) -> bool:
    return _answers(urllib.request.Request(f"{address}/readyz"))


def _answers(request: urllib.request.Request) -> bool:
    try:
        with urllib.request.urlopen(request, timeout=10) as answer:
            return bool(answer.status == 200)
    except (urllib.error.URLError, OSError):
        return False


def _token(address: str) -> str:
    login = urlencode({"username": "demo", "password": PASSWORDS["demo"]}).encode()
    return str(_json(urllib.request.Request(f"{address}/api/auth/token", data=login))["access_token"])


def _json(request: urllib.request.Request) -> dict[str, Any]:
    with urllib.request.urlopen(request, timeout=60) as answer:
        return dict(json.load(answer))


def _stop(process: subprocess.Popen[bytes]) -> None:
    """As Ctrl-C does, in order; what has not gone after two minutes is killed with its group."""
    if process.poll() is None:
        process.send_signal(signal.SIGINT)
    try:
        process.wait(timeout=120)
    except subprocess.TimeoutExpired:
        os.killpg(process.pid, signal.SIGKILL)
        process.wait(timeout=120)
