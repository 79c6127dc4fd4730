"""The supervisor over small real processes: order, restarts, stubborn children, ports and the lock."""

from __future__ import annotations

import io
import os
import signal
import socket
import sys
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from core.testing import PATIENCE
from portfolio_site.supervisor.child import Child, ChildSpec
from portfolio_site.supervisor.children import children
from portfolio_site.supervisor.lock import AlreadyRunning, only_one
from portfolio_site.supervisor.ports import PortTaken, require_free
from portfolio_site.supervisor.supervisor import LONGEST_PAUSE, STEADY, ChildFailed, Supervisor, Watch

STAY = """
import pathlib, signal, sys, time
journal, name = pathlib.Path(sys.argv[1]), sys.argv[2]
def note(what):
    with journal.open("a") as file: file.write(f"{name} {what}\\n")
def end(*_):
    note("stops"); sys.exit(0)
signal.signal(signal.SIGTERM, signal.SIG_IGN if "stubborn" in name else end)
note("starts")
pathlib.Path(sys.argv[3]).touch()
while True: time.sleep(0.05)
"""


@pytest.fixture
def journal(tmp_path: Path) -> Path:
    return tmp_path / "journal"


Make = Callable[..., ChildSpec]


@pytest.fixture
def make(tmp_path: Path, journal: Path) -> Make:
    """A spec whose process notes in the journal when it starts and when it is told to stop."""

    def spec(name: str, start_rank: int = 0, stop_rank: int = 0, grace: float = PATIENCE) -> ChildSpec:
        ready = tmp_path / f"{name}.up"
        command = [sys.executable, "-c", STAY, str(journal), name, str(ready)]
        return ChildSpec(name, command, ready.exists, start_rank, stop_rank, grace=grace, start_timeout=PATIENCE)

    return spec


def stop_soon(after: Callable[[], bool]) -> None:
    """SIGTERM to this process once ``after`` holds: what Ctrl-C or `kill` does to the supervisor."""

    def wait_and_stop() -> None:
        deadline = time.monotonic() + PATIENCE
        while not after() and time.monotonic() < deadline:
            time.sleep(0.02)
        os.kill(os.getpid(), signal.SIGTERM)

    threading.Thread(target=wait_and_stop, daemon=True).start()


def run(specs: list[ChildSpec], until: Callable[[], bool] = lambda: True) -> str:
    """Run a supervisor until ``until`` holds; returns what it printed."""
    out = io.StringIO()
    Supervisor(specs, out).run(when_ready=lambda: stop_soon(until))
    return out.getvalue()


def test_starts_and_stops_by_rank(make: Make, journal: Path) -> None:
    specs = [make("store", 0, 2), make("page", 1, 1), make("clock", 2, 0)]
    run(specs)
    assert journal.read_text().splitlines() == [
        *("store starts", "page starts", "clock starts"),
        *("clock stops", "page stops", "store stops"),
    ]


def test_dead_child_is_started_again_and_the_others_stay(make: Make, journal: Path) -> None:
    specs = [make("store", 0, 1), make("page", 1, 0)]
    out = io.StringIO()
    supervisor = Supervisor(specs, out)

    def kill_page_then_stop() -> None:
        os.kill(_pid_in(out.getvalue(), "page"), signal.SIGKILL)
        stop_soon(lambda: journal.read_text().count("page starts") == 2)

    supervisor.run(when_ready=kill_page_then_stop)
    said = out.getvalue()
    assert "page was ended by SIGKILL; starting it again in 1 s" in said
    assert "page is started again" in said
    assert journal.read_text().count("store starts") == 1
    assert journal.read_text().splitlines()[-2:] == ["page stops", "store stops"]


def _pid_in(printed: str, name: str) -> int:
    line = next(line for line in printed.splitlines() if f"{name} is up" in line)
    return int(line.rpartition(" ")[2].rstrip(")"))


def test_stubborn_child_is_killed_after_its_grace(make: Make) -> None:
    said = run([make("stubborn", grace=0.5)])
    assert "stubborn did not stop within 0.5 s and is killed" in said


@pytest.mark.parametrize("patience", [1, 3])
def test_an_installation_stops_within_eleven_seconds_times_its_patience(settings: Any, patience: int) -> None:
    settings.OWN_BROKER, settings.STOP_PATIENCE = True, patience
    longest: dict[int, float] = {}
    for spec in children():
        longest[spec.stop_rank] = max(spec.grace, longest.get(spec.stop_rank, 0))
    assert sum(longest.values()) == 11 * patience


def test_child_that_ends_while_starting_stops_the_rest(make: Make, journal: Path) -> None:
    broken = ChildSpec("page", [sys.executable, "-c", "print('no such table'); raise SystemExit(3)"], bool, 1, 0)
    out = io.StringIO()
    with pytest.raises(ChildFailed, match="page ended with code 3 while starting"):
        Supervisor([make("store", 0, 1), broken], out).run(when_ready=lambda: pytest.fail("it was never ready"))
    assert journal.read_text().splitlines() == ["store starts", "store stops"]
    assert "page   | no such table\n" in out.getvalue()


def test_child_that_is_never_ready_is_given_up(tmp_path: Path) -> None:
    command = [sys.executable, "-c", "import time; time.sleep(60)"]
    spec = ChildSpec("page", command, (tmp_path / "never").exists, 0, 0, start_timeout=0.5)
    with pytest.raises(ChildFailed, match=r"page was not ready within 0\.5 s"):
        Supervisor([spec], io.StringIO()).run(when_ready=lambda: pytest.fail("it was never ready"))


def test_told_to_stop_while_starting(tmp_path: Path) -> None:
    started = tmp_path / "started"
    command = [sys.executable, "-c", f"import pathlib, time; pathlib.Path({str(started)!r}).touch(); time.sleep(60)"]
    stop_soon(started.exists)
    out = io.StringIO()
    Supervisor([ChildSpec("page", command, (tmp_path / "never").exists, 0, 0)], out).run(lambda: None)
    assert "told to stop while starting" in out.getvalue()
    assert out.getvalue().endswith("stopped\n")


def test_pauses_double_up_to_a_limit_and_are_forgiven() -> None:
    watch = Watch(Child(ChildSpec("page", ["true"], bool, 0, 0), io.StringIO()))
    assert [watch.note_death(now=1.0) for _ in range(7)] == [1, 2, 4, 8, 16, LONGEST_PAUSE, LONGEST_PAUSE]
    assert watch.note_death(now=STEADY + 1) == 1


def test_lines_carry_the_childs_name(make: Make, tmp_path: Path) -> None:
    chatty = ChildSpec(
        "page", ["sh", "-c", f"echo one; echo two >&2; touch {tmp_path}/up; sleep 60"], (tmp_path / "up").exists, 0, 0
    )
    out = io.StringIO()
    Supervisor([chatty], out).run(lambda: stop_soon(lambda: "two" in out.getvalue()))
    assert "page   | one\npage   | two\n" in out.getvalue()


def test_taken_port_is_named_with_its_setting() -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        port = server.getsockname()[1]
        with pytest.raises(
            PortTaken, match=rf"Port {port} on 127\.0\.0\.1 is taken .* FLOWER_PORT={port + 1} in \.env"
        ):
            require_free("127.0.0.1", port, "FLOWER_PORT")
    require_free("127.0.0.1", port, "FLOWER_PORT")


@pytest.mark.parametrize(
    ("host", "port", "message"),
    [
        ("192.0.2.1", 8000, r"Cannot listen on 192\.0\.2\.1:8000"),
        ("no host at all", 8000, "Cannot listen on no host at all"),
    ],
    ids=["address of another machine", "no address"],
)
def test_port_that_cannot_be_had_says_why(host: str, port: int, message: str) -> None:
    with pytest.raises(PortTaken, match=message):
        require_free(host, port, "PORT")


def test_second_holder_of_the_lock_learns_about_the_first(tmp_path: Path) -> None:
    path = tmp_path / "run.lock"
    with only_one(path, "http://127.0.0.1:8000"), pytest.raises(AlreadyRunning) as refusal, only_one(path, "other"):
        pytest.fail("two held the lock")
    assert str(refusal.value) == f"http://127.0.0.1:8000 (process {os.getpid()})"
    with only_one(path, "again"):
        assert path.read_text() == f"again (process {os.getpid()})\n"
