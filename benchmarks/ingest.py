"""A million transactions from a CSV file: how fast, with how much memory, and what others notice meanwhile.

python benchmarks/ingest.py                                       # SQLite, in a temporary file; --rows 100000: sooner
DATABASE_URL=postgres://user@host/db python benchmarks/ingest.py  # PostgreSQL: makes a database test_<db>, and drops it
"""

from __future__ import annotations

import argparse
import os
import random
import resource
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import suppress
from datetime import date, timedelta
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT))
os.environ["DJANGO_SETTINGS_MODULE"] = "portfolio_site.settings"
ACCOUNTS, SHOPS, CATEGORIES, DAYS = 1_000, 2_000, 50, 1_800
SAMPLE = 2_000  # rows of the baselines


def lines(rows: int) -> Iterator[str]:
    """Rows of ten thousand days and accounts; a tenth are legs of transfers, a fifth have no external id."""
    from banking.statements.transactions import COLUMNS

    yield ",".join(COLUMNS)
    pick, first = random.Random(7), date(2020, 1, 1)
    days = [(first + timedelta(days=number)).isoformat() for number in range(DAYS)]
    for number in range(0, rows, 2):
        day = days[number * DAYS // rows]
        if number % 20 == 0:
            amount, one = pick.randint(1, 99_999) / 100, pick.randrange(ACCOUNTS - 1)
            yield f"t{number},A{one},{day},-{amount:.2f},EUR,transfer,,Moved,,,g{number}"
            yield f"t{number + 1},A{one + 1},{day},{amount:.2f},EUR,transfer,,Moved,,,g{number}"
            continue
        for each in (number, number + 1):
            shop = pick.randrange(SHOPS)
            name = "" if each % 5 == 0 else f"x{each}"
            yield (
                f"{name},A{pick.randrange(ACCOUNTS)},{day},-{pick.randint(1, 99_999) / 100:.2f},EUR,expense,"
                f"Category {pick.randrange(CATEGORIES)},Card payment {each} in town,Shop {shop},,"
            )


def prepare() -> Any:
    from banking.models import Account
    from users.models import User

    user = User.objects.create(username="bench")
    made = [Account(owner=user, name=f"Account {n}", iban=f"A{n}", currency="EUR") for n in range(ACCOUNTS)]
    Account.objects.bulk_create(made)
    return user


def ingest(path: str) -> None:
    """In a process of its own, whose memory is then this work's."""
    import django

    django.setup()
    from django.db import connection
    from django.utils import timezone

    from banking.services.imports import receive, request_commit, request_undo
    from portfolios.management.commands.ingest_csv import _pieces
    from portfolios.services.importing import run
    from users.models import User

    user, held = User.objects.get(username="bench"), Held()

    def timed(label: str, work: Any) -> Any:
        start, used = time.perf_counter(), time.process_time()
        held.longest = 0.0
        with connection.execute_wrapper(held):
            done = work()
        wall, processor = time.perf_counter() - start, time.process_time() - used
        print(f"{label} {wall:.1f} {processor:.1f} {held.longest:.2f}", flush=True)
        return done

    batch = timed("received", lambda: receive(actor=user, file_name="bench.csv", pieces=_pieces(Path(path))))
    timed("checked", lambda: run(batch.pk, now=timezone.now()))
    batch.refresh_from_db()
    assert batch.state == "ready", batch.message
    request_commit(batch=batch, actor=user)
    print("committing", flush=True)
    timed("booked", lambda: run(batch.pk, now=timezone.now()))
    batch.refresh_from_db()
    assert batch.state == "committed", batch.message
    print(
        f"peak {resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024:.0f} {batch.new} {batch.transfers}",
        flush=True,
    )
    request_undo(batch=batch, actor=user)
    timed("undone", lambda: run(batch.pk, now=timezone.now()))
    connection.close()


class Held:
    """The processor time of the longest transaction, from its first statement to the end of its commit."""

    def __init__(self) -> None:
        self.longest = 0.0
        self._began: float | None = None

    def __call__(self, execute: Any, sql: str, params: Any, many: bool, context: Any) -> Any:
        from django.db import transaction

        if self._began is None and context["connection"].in_atomic_block:
            self._began = time.process_time()
            transaction.on_commit(self._end)
        return execute(sql, params, many, context)

    def _end(self) -> None:
        if self._began is not None:
            self.longest = max(self.longest, time.process_time() - self._began)
        self._began = None


def watch(process: subprocess.Popen[str]) -> dict[str, float]:
    """Read and write as others do until the process has ended: the longest that each took, in seconds."""
    from django.db import OperationalError, transaction

    from core.testing import client_of
    from users.models import User

    user = User.objects.get(username="bench")
    client, longest, reads = client_of(user), {"read": 0.0, "write": 0.0}, []
    client.get("/api/imports/")  # what is loaded once
    while process.poll() is None:
        start = time.perf_counter()
        assert client.get("/api/imports/").status_code == 200
        read = time.perf_counter()
        with suppress(OperationalError), transaction.atomic():  # it gives up after 20 s, which are counted
            User.objects.filter(pk=user.pk).update(first_name="B")
        longest["write"] = max(longest["write"], time.perf_counter() - read)
        longest["read"] = max(longest["read"], read - start)
        reads.append(read - start)
        time.sleep(0.02)
    return longest | {"median read": sorted(reads)[len(reads) // 2]}


def baselines(path: str, user: Any) -> None:
    """pandas and ``bulk_create`` without any check, and a service call for each row; a sample, scaled by its size."""
    import pandas as pd
    from django.db import transaction

    from banking.models import Account, CashTransaction, Section
    from banking.services.transactions import book_cash

    accounts = {account.iban: account for account in Account.objects.filter(owner=user)}
    frame = pd.read_csv(path, nrows=SAMPLE, keep_default_na=False, dtype=str)
    start = time.perf_counter()
    rows = [
        CashTransaction(account=accounts[ref], booked_on=day, amount=amount, section=section, description=text)
        for ref, day, amount, section, text in zip(
            *(frame[name] for name in ("account_ref", "date", "amount", "section", "description")), strict=True
        )
    ]
    with transaction.atomic():
        CashTransaction.objects.bulk_create(rows, batch_size=500)
    seconds = (time.perf_counter() - start) * 1e6 / SAMPLE
    print(f"| pandas and `bulk_create`, no checks, per million | {seconds:.0f} s | | |")
    start = time.perf_counter()
    from decimal import Decimal

    for row in rows[: SAMPLE // 4]:
        day, amount = date.fromisoformat(str(row.booked_on)), Decimal(str(row.amount))
        book_cash(account=row.account, amount=amount, booked_on=day, section=Section(row.section), actor=user)
    seconds = (time.perf_counter() - start) * 1e6 / (SAMPLE // 4)
    print(f"| `book_cash` for each row, per million | {seconds:.0f} s | | |")


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--rows", type=int, default=1_000_000)
    parser.add_argument("--ingest", help=argparse.SUPPRESS)
    given = parser.parse_args()
    if given.ingest:
        ingest(given.ingest)
        return
    os.environ.setdefault("ALLOWED_HOSTS", "testserver")
    with tempfile.TemporaryDirectory() as folder:
        os.environ["VAR_DIR"] = folder
        compare(folder, given.rows)


def compare(folder: str, rows: int) -> None:
    import django

    django.setup()
    from django.db import connection

    if connection.vendor == "sqlite":
        connection.settings_dict["TEST"]["NAME"] = str(Path(folder) / "ingest.sqlite3")
    name = connection.settings_dict["NAME"]
    connection.creation.create_test_db(verbosity=0, autoclobber=True, serialize=False)
    given = connection.settings_dict
    host = f"{given['USER']}:{given['PASSWORD']}@{given['HOST']}:{given['PORT'] or 5432}"
    url = f"sqlite:///{given['NAME']}" if connection.vendor == "sqlite" else f"postgres://{host}/{given['NAME']}"
    path, user = Path(folder) / "transactions.csv", prepare()
    with path.open("w") as file:
        file.writelines(f"{line}\n" for line in lines(rows))
    command = [sys.executable, __file__, "--ingest", str(path)]
    process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True, env=os.environ | {"DATABASE_URL": url})
    noticed = watch(process)
    assert process.stdout is not None
    found = dict(line.split(" ", 1) for line in process.stdout.read().splitlines() if " " in line)
    assert process.returncode == 0, found
    times = {step: found[step].split() for step in ("received", "checked", "booked", "undone")}
    seconds, used = (sum(float(times[step][n]) for step in ("received", "checked", "booked")) for n in (0, 1))
    peak, new, transfers = found["peak"].split()
    print(f"{connection.vendor}, {path.stat().st_size / 1e6:.0f} MB, {new} rows, {transfers} transfers\n")
    print("| | time | of it processor | of it in the longest transaction |\n| --- | --: | --: | --: |")
    for step, (wall, processor, longest) in times.items():
        print(f"| {step} | {wall} s | {processor} s | {longest} s |")
    print(f"| received to booked | {seconds:.1f} s | {used:.1f} s | |\n| peak memory | {peak} MB | | |")
    print(f"| longest wait of a write meanwhile | {noticed['write']:.2f} s | | |")
    print(f"| reads meanwhile, median, longest | {noticed['median read'] * 1e3:.0f} ms, {noticed['read']:.2f} s | | |")
    baselines(str(path), user)
    connection.creation.destroy_test_db(name, verbosity=0)


if __name__ == "__main__":
    main()
