"""Processes for tests: real ones, started and ended like those of an installation."""

from __future__ import annotations

import os
import secrets
import signal
import socket
import subprocess
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import IO

import pytest

from portfolio_site.supervisor.child import leashed

BASE_DIR = Path(__file__).resolve().parent.parent
LOWEST, HIGHEST = 15_000, 32_000  # ports


def free_port() -> int:
    """A loopback port that nothing listens on, below those that a system hands out by itself: until a process of the
    test binds it, no connection and no other server is given it by chance."""
    while True:
        port = LOWEST + secrets.randbelow(HIGHEST - LOWEST)
        with socket.socket() as probe, suppress(OSError):
            probe.bind(("127.0.0.1", port))
            return port


def wait_until(condition: Callable[[], bool], seconds: float, what: str) -> None:
    """Fail the test unless ``condition`` comes true within so many seconds."""
    deadline = time.monotonic() + seconds
    while not condition():
        if time.monotonic() > deadline:
            pytest.fail(f"{what}: not within {seconds:g} s")
        time.sleep(0.05)


@dataclass
class Broker:
    """A running server of the tests' own; they may freeze it, and must thaw it again."""

    url: str
    process: subprocess.Popen[bytes]

    @contextmanager
    def frozen(self) -> Iterator[None]:
        """For the block the server accepts connections and answers nobody."""
        self.process.send_signal(signal.SIGSTOP)
        try:
            yield
        finally:
            self.process.send_signal(signal.SIGCONT)


@dataclass
class WorkerProcess:
    """A real Celery worker. ``log`` is what it printed, for the message of a failed test."""

    process: subprocess.Popen[bytes]
    log_path: Path

    @property
    def pid(self) -> int:
        return self.process.pid

    @property
    def log(self) -> str:
        return self.log_path.read_text(errors="replace")

    def kill(self) -> None:
        """SIGKILL to the worker and its pool at once, as when the power fails; returns when they are gone."""
        os.killpg(self.process.pid, signal.SIGKILL)
        self.process.wait(timeout=120)

    def stop(self) -> int:
        """Ask it to stop and wait for it; returns the exit code."""
        if self.process.poll() is None:
            self.process.send_signal(signal.SIGQUIT)
        try:
            return self.process.wait(timeout=120)
        except subprocess.TimeoutExpired:
            self.kill()
            raise


def spawn(command: list[str], environment: dict[str, str], log: IO[bytes]) -> subprocess.Popen[bytes]:
    """Start one of the server's processes in a session of its own; it does not outlive the test process."""
    return subprocess.Popen(  # noqa: S603  the server's own command lines
        leashed(command),
        env=environment,
        cwd=BASE_DIR,
        stdin=subprocess.DEVNULL,
        stdout=log,
        stderr=subprocess.STDOUT,
        start_new_session=True,
    )
