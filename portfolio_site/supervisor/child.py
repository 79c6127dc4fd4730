"""One supervised process: how it is started, told to stop, and what it says."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import IO, TextIO

LEASH = Path(__file__).with_name("leash.py")


@dataclass(frozen=True, slots=True)
class ChildSpec:
    """What to run and when it counts as up.

    Children are started by ascending ``start_rank``, a rank only when the one before is ready; those of one rank
    together. They are stopped in the same way by ``stop_rank``.
    """

    name: str
    command: Sequence[str]
    ready: Callable[[], bool]
    start_rank: int
    stop_rank: int
    directory: Path | None = None
    environment: Mapping[str, str] = field(default_factory=dict)
    stop_signal: signal.Signals = signal.SIGTERM
    # When the supervisor itself is gone nobody keeps an order: a worker that says goodbye to a broker that has
    # already left waits for ever. What was running is taken over by its lease.
    death_signal: signal.Signals = signal.SIGKILL
    grace: float = 3.0  # seconds between the stop signal and SIGKILL
    start_timeout: float = 90.0


def leashed(command: Sequence[str], death_signal: signal.Signals = signal.SIGKILL) -> list[str]:
    """``command`` such that it gets ``death_signal`` when the process that starts it dies."""
    return [sys.executable, "-I", "-S", str(LEASH), str(os.getpid()), str(int(death_signal)), *command]


class Child:
    """A process made from a spec; started again as often as its owner says."""

    def __init__(self, spec: ChildSpec, out: TextIO) -> None:
        self.spec = spec
        self._out = out
        self._process: subprocess.Popen[str] | None = None
        self._forwarding: threading.Thread | None = None

    @property
    def pid(self) -> int | None:
        return self._process.pid if self._process else None

    @property
    def alive(self) -> bool:
        return self._process is not None and self._process.poll() is None

    @property
    def exit_code(self) -> int | None:
        """How it ended; negative for the signal that ended it, None while it runs."""
        return self._process.poll() if self._process else None

    def launch(self) -> None:
        """Start it in a session of its own, so that Ctrl-C in the terminal reaches the supervisor alone.

        Call it from the main thread: the parent-death signal follows the thread that forked.
        """
        self._process = subprocess.Popen(  # noqa: S603  the commands are our own
            leashed(self.spec.command, self.spec.death_signal),
            cwd=self.spec.directory,
            env={**os.environ, **self.spec.environment},
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            errors="replace",
            start_new_session=True,
        )
        self._forwarding = threading.Thread(target=self._forward, args=(self._process.stdout,), daemon=True)
        self._forwarding.start()

    def ask_to_stop(self) -> None:
        if self._process:
            self._process.send_signal(self.spec.stop_signal)

    def kill(self) -> None:
        """End it and whatever it started, at once."""
        if self._process and self.alive:
            os.killpg(self._process.pid, signal.SIGKILL)
            self._process.wait()

    def drain(self) -> None:
        """Wait a moment until all that a dead child said is shown."""
        if self._forwarding:
            self._forwarding.join(timeout=1)

    def _forward(self, stream: IO[str]) -> None:
        with stream:
            for line in stream:
                self._out.write(f"{self.spec.name:<6} | {line.rstrip()}\n")
                self._out.flush()
