"""python benchmarks/live.py: from the publishing of a price to its arrival at 1,000 sockets.

Starts a broker and the web server with its own command line, on a temporary SQLite database. This process publishes
ticks through the channel layer, as the streaming process does; a second one holds the sockets, each with its symbols.
The baseline, in the same run, is one lone socket at the same rate. A quote's own instant is the clock: both ends are on
this machine. Needs Linux, for the figures of the processes.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import multiprocessing
import os
import resource
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from contextlib import AsyncExitStack, ExitStack, contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from decimal import Decimal
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Any

import numpy as np

sys.path.insert(0, str(Path(__file__).resolve().parent))
from recompute import clock, prepare_django

LONGEST = 20.0  # seconds of ticks
OPENING, AT_ONCE = 120.0, 20  # seconds for all sockets to open; those on their way at the same time
SETTLING = 1.0  # seconds in which the last ticks arrive
TICKS_PER_SECOND = os.sysconf("SC_CLK_TCK")  # of the kernel's clock of processor time


def main() -> None:
    options = arguments()
    allow_files(options.sockets * 2 + 200)
    with tempfile.TemporaryDirectory(prefix="live-") as folder, ExitStack() as stack:
        port = configure(options.sockets)
        prepare_django(Path(folder))
        assets, cookie = build(options.assets)
        running = {"benchmark": os.getpid(), **stack.enter_context(servers(Path(folder)))}
        for sockets in (1, options.sockets):
            measure(Task(port, cookie, shares(list(assets), sockets, options.symbols)), assets, running, options)


def arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--sockets", type=int, default=1_000)
    parser.add_argument("--symbols", type=int, default=10, help="of one socket")
    parser.add_argument("--assets", type=int, default=100, help="that move; a socket follows some of them")
    parser.add_argument("--rate", type=int, default=100, help="ticks a second, of all assets together")
    parser.add_argument("--seconds", type=float, default=10.0, help=f"of ticks; at most {LONGEST:g}")
    options = parser.parse_args()
    if not 0 < options.seconds <= LONGEST or min(options.sockets, options.symbols, options.rate) < 1:
        parser.error(f"there must be sockets, symbols and ticks, for at most {LONGEST:g} seconds")
    if options.symbols > options.assets:
        parser.error("a socket cannot follow more symbols than there are assets")
    return options


def allow_files(count: int) -> None:
    """Every socket is an open file, here and in the processes that are started from here."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    most = count if hard == resource.RLIM_INFINITY else min(count, hard)
    resource.setrlimit(resource.RLIMIT_NOFILE, (max(soft, most), hard))


# --- the server ---------------------------------------------------------------------------------------------------


def configure(sockets: int) -> int:
    """Settings by the environment, which the server's processes inherit; returns the web server's port."""
    sys.path.insert(0, str(Path(__file__).resolve().parent.parent))
    from portfolio_site.testing import free_port

    port = free_port()
    os.environ.pop("REDIS_URL", None)  # a broker of its own, never one that others use
    os.environ.pop("DATABASE_URL", None)
    os.environ |= {
        "PORT": str(port),
        "BROKER_PORT": str(free_port()),
        "LIVE_SOCKETS_PER_PERSON": str(sockets + 1),
        "HOST": "127.0.0.1",
        "PRODUCTION": "0",
    }
    return port


def build(count: int) -> tuple[dict[str, int], str]:
    """Assets by symbol, and the cookie of somebody who is logged in."""
    from django.conf import settings
    from django.contrib.auth import get_user_model
    from django.test import Client

    from assets.models import Asset

    Asset.objects.bulk_create(Asset(symbol=f"A{n:04d}", name=f"Asset {n}", currency="USD") for n in range(count))
    client = Client()
    user = get_user_model().objects.create_user(username="benchmark", email="", password=None)
    client.force_login(user, backend="django.contrib.auth.backends.ModelBackend")
    cookie = f"{settings.SESSION_COOKIE_NAME}={client.cookies[settings.SESSION_COOKIE_NAME].value}"
    return dict(Asset.objects.order_by("symbol").values_list("symbol", "pk")), cookie


@contextmanager
def servers(folder: Path) -> Iterator[dict[str, int]]:
    """Broker and web server as `manage.py run` starts them; their process ids by name."""
    from portfolio_site.supervisor import children
    from portfolio_site.testing import spawn, wait_until

    started: dict[str, subprocess.Popen[bytes]] = {}
    try:
        for spec in (children.broker(), children.web()):
            with (folder / f"{spec.name}.log").open("wb") as log:
                started[spec.name] = spawn(list(spec.command), {**os.environ, **spec.environment}, log)
            wait_until(spec.ready, 60, f"{spec.name} answers")
        yield {name: process.pid for name, process in started.items()}
    finally:
        for process in reversed(started.values()):
            process.kill()
            process.wait(10)


# --- the sockets, in a process of their own -----------------------------------------------------------------------


@dataclass(frozen=True)
class Task:
    """What the second process is to open: one list of symbols for each socket."""

    port: int
    cookie: str
    symbols: list[list[str]]


def shares(symbols: list[str], sockets: int, each: int) -> list[list[str]]:
    generator = np.random.default_rng(7)
    return [list(map(str, generator.choice(symbols, each, replace=False))) for _ in range(sockets)]


def hold_sockets(task: Task, pipe: Connection) -> None:
    """Open them, say so, and when told so close them and hand over the delays in seconds of all that came."""
    delays: list[float] = []
    asyncio.run(listen(task, pipe, delays))
    pipe.send(delays)


async def listen(task: Task, pipe: Connection, delays: list[float]) -> None:
    from websockets.asyncio.client import connect

    gate = asyncio.Semaphore(AT_ONCE)

    async def open_one(stack: AsyncExitStack, symbols: Sequence[str]) -> asyncio.Task[None]:
        url = f"ws://127.0.0.1:{task.port}/ws/quotes/?symbols={','.join(symbols)}"
        async with gate:
            link = await stack.enter_async_context(
                connect(url, additional_headers={"Cookie": task.cookie}, proxy=None, open_timeout=OPENING)
            )
            first = json.loads(await link.recv())
        if "state" not in first:
            raise RuntimeError(f"a socket was not let in: {first}")
        return asyncio.create_task(read(link, delays))

    async with AsyncExitStack() as stack, asyncio.timeout(OPENING + 2 * LONGEST):
        async with asyncio.TaskGroup() as group:
            opened = [group.create_task(open_one(stack, symbols)) for symbols in task.symbols]
        pipe.send(len(opened))
        await asyncio.to_thread(pipe.recv)
        readers = [each.result() for each in opened]
        broken = [reader for reader in readers if reader.done()]
        for reader in readers:
            reader.cancel()
        if broken:
            raise RuntimeError(f"{len(broken)} sockets were closed by the server")


async def read(link: Any, delays: list[float]) -> None:
    async for text in link:
        now = time.time()
        message = json.loads(text)
        if "updated_at" in message:
            delays.append(now - datetime.fromisoformat(message["updated_at"]).timestamp())


# --- what is measured ---------------------------------------------------------------------------------------------


def measure(task: Task, assets: dict[str, int], running: dict[str, int], options: argparse.Namespace) -> None:
    pipe, theirs = multiprocessing.Pipe()
    holder = multiprocessing.get_context("spawn").Process(target=hold_sockets, args=(task, theirs), daemon=True)
    holder.start()
    theirs.close()  # if the other process breaks, reading from it ends at once
    with clock(f"\nopening {len(task.symbols)} sockets × {options.symbols} symbols"):
        pipe.recv()
    processes = {**running, "sockets": int(holder.pid or 0)}
    before, started = usage(processes), time.perf_counter()
    sent = asyncio.run(publish(assets, options.rate, options.seconds))
    time.sleep(SETTLING)
    seconds, after = time.perf_counter() - started, usage(processes)
    memory = {name: resident(pid) for name, pid in processes.items()}
    pipe.send("close")
    report(np.array(pipe.recv()), expected(task, sent), len(sent) / options.seconds)
    for name in processes:
        used = (after[name] - before[name]) / seconds
        print(f"  {name:<10} {100 * used:5.0f} % of a core   {memory[name] / 2**20:5.0f} MB")
    holder.join(30)


async def publish(assets: dict[str, int], rate: int, seconds: float) -> list[str]:
    """Move one asset after the other, each tick at its own time; returns the symbols that moved."""
    from assets import live
    from assets.quotes import LastPrice

    generator, symbols, sent = np.random.default_rng(11), list(assets), list[str]()
    begun = time.perf_counter()
    for number in range(int(rate * seconds)):
        await asyncio.sleep(max(0.0, begun + number / rate - time.perf_counter()))
        if time.perf_counter() - begun > seconds:
            break  # the machine cannot publish as fast; what was sent is what counts
        symbol = symbols[generator.integers(len(symbols))]
        now, price = datetime.now(UTC), Decimal(10_000 + number) / 100
        last = LastPrice(assets[symbol], price, now.date(), "benchmark", Decimal(1), Decimal(1), quoted_at=now)
        await live.publish([live.move_of(symbol, last)])
        sent.append(symbol)
    return sent


def expected(task: Task, sent: Sequence[str]) -> int:
    """Messages, if no tick overtook another one on its way to a socket."""
    watching = dict[str, int]()
    for symbol in (symbol for symbols in task.symbols for symbol in symbols):
        watching[symbol] = watching.get(symbol, 0) + 1
    return sum(watching.get(symbol, 0) for symbol in sent)


def report(delays: np.ndarray, messages: int, rate: float) -> None:
    if not len(delays):
        sys.exit("Nothing arrived.")
    p50, p95, most = (1000 * value for value in (*np.percentile(delays, [50, 95]), delays.max()))
    print(f"publish to receive: p50 {p50:.1f} ms, p95 {p95:.1f} ms, max {most:.1f} ms")
    print(f"  {rate:.0f} ticks/s, load {os.getloadavg()[0]:.1f}")
    print(f"  {len(delays)} messages; {messages}, had none been overtaken by a newer price")


def usage(processes: dict[str, int]) -> dict[str, float]:
    """Seconds of processor time so far, by name."""
    return {name: _processor_time(pid) for name, pid in processes.items()}


def _processor_time(pid: int) -> float:
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / TICKS_PER_SECOND


def resident(pid: int) -> int:
    """Bytes of memory that a process has now."""
    return int(Path(f"/proc/{pid}/statm").read_text().split()[1]) * resource.getpagesize()


if __name__ == "__main__":
    main()
