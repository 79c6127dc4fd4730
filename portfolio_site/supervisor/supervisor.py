"""Start in order, watch, start again what died, stop in order."""

from __future__ import annotations

import signal
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from itertools import groupby
from types import FrameType
from typing import TextIO

from portfolio_site.supervisor.child import Child, ChildSpec

SIGNALS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)
GLANCE = 0.1  # seconds between two looks at the children
FIRST_PAUSE, LONGEST_PAUSE = 1.0, 30.0
STEADY = 60.0  # a child that lived this long has its failures forgotten


class ChildFailed(Exception):
    """A child did not come up; what it printed stands above."""


class Interrupted(Exception):
    """Told to stop while starting."""


class Watch:
    """How often a child has died lately, and when it may be started again."""

    def __init__(self, child: Child) -> None:
        self.child = child
        self.failures = 0
        self.started = 0.0
        self.restart_at: float | None = None

    def start(self, now: float) -> None:
        self.started, self.restart_at = now, None
        self.child.launch()

    def note_death(self, now: float) -> float:
        """Plan the next start; returns the pause in seconds: 1, 2, 4 … 30."""
        if now - self.started > STEADY:
            self.failures = 0
        pause = float(min(FIRST_PAUSE * 2**self.failures, LONGEST_PAUSE))
        self.failures += 1
        self.restart_at = now + pause
        return pause


class Supervisor:
    """Owns the children from the first start to the last stop."""

    def __init__(self, specs: Sequence[ChildSpec], out: TextIO) -> None:
        self._watches = [Watch(Child(spec, out)) for spec in specs]
        self._out = out
        self._told_to_stop: float | None = None
        self._impatient = False

    def run(self, when_ready: Callable[[], None]) -> None:
        """Returns after an ordered stop. Raises ChildFailed when a child does not come up; the rest are stopped."""
        with self._signals():
            try:
                self._start_all()
                when_ready()
                while self._told_to_stop is None:
                    self._look_after_all()
                    time.sleep(GLANCE)
            except Interrupted:
                self._say("told to stop while starting")
            finally:
                self._stop_all()

    def _start_all(self) -> None:
        def rank(watch: Watch) -> int:
            return watch.child.spec.start_rank

        for _, group in groupby(sorted(self._watches, key=rank), key=rank):
            together = list(group)
            for watch in together:
                watch.start(time.monotonic())
            for watch in together:
                self._await_ready(watch)

    def _await_ready(self, watch: Watch) -> None:
        spec = watch.child.spec
        while not spec.ready():
            if self._told_to_stop is not None:
                raise Interrupted
            if not watch.child.alive:
                watch.child.drain()
                raise ChildFailed(f"{spec.name} {_ending(watch.child)} while starting. Its last words are above.")
            if time.monotonic() - watch.started > spec.start_timeout:
                raise ChildFailed(f"{spec.name} was not ready within {spec.start_timeout:g} s.")
            time.sleep(GLANCE / 2)
        self._say(f"{spec.name} is up after {time.monotonic() - watch.started:.1f} s (process {watch.child.pid})")

    def _look_after_all(self) -> None:
        now = time.monotonic()
        for watch in self._watches:
            if watch.restart_at is not None and now >= watch.restart_at:
                watch.start(now)
                self._say(f"{watch.child.spec.name} is started again (process {watch.child.pid})")
            elif watch.restart_at is None and not watch.child.alive:
                pause = watch.note_death(now)
                self._say(f"{watch.child.spec.name} {_ending(watch.child)}; starting it again in {pause:g} s")

    def _stop_all(self) -> None:
        def rank(child: Child) -> int:
            return child.spec.stop_rank

        running = sorted((watch.child for watch in self._watches if watch.child.alive), key=rank)
        for _, group in groupby(running, key=rank):
            self._stop_together(list(group))
        self._say("stopped")

    def _stop_together(self, group: list[Child]) -> None:
        deadline = time.monotonic() + max(child.spec.grace for child in group)
        for child in group:
            child.ask_to_stop()
        while any(child.alive for child in group) and time.monotonic() < deadline and not self._impatient:
            time.sleep(GLANCE / 2)
        for child in group:
            if child.alive:
                self._say(f"{child.spec.name} did not stop within {child.spec.grace:g} s and is killed")
                child.kill()
            child.drain()

    @contextmanager
    def _signals(self) -> Iterator[None]:
        before = {number: signal.signal(number, self._on_signal) for number in SIGNALS}
        try:
            yield
        finally:
            for number, handler in before.items():
                signal.signal(number, handler)

    def _on_signal(self, number: int, frame: FrameType | None) -> None:
        now = time.monotonic()
        if self._told_to_stop is None:
            self._told_to_stop = now
        elif now - self._told_to_stop > 1:  # a second Ctrl-C; one signal often arrives twice, by make and terminal
            self._impatient = True

    def _say(self, line: str) -> None:
        self._out.write(f"run    | {line}\n")
        self._out.flush()


def _ending(child: Child) -> str:
    code = child.exit_code
    if code is not None and code < 0:
        return f"was ended by {signal.Signals(-code).name}"
    return f"ended with code {code}"
