"""manage.py ingest_csv transactions.csv trades.csv --user NAME [--dry-run]"""

from __future__ import annotations

import threading
import time
from argparse import ArgumentParser
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from django.core.management.base import BaseCommand, CommandError
from django.db import connection
from django.utils import timezone

from activity.models import Job
from banking.models import ImportBatch, ImportRow, ImportState
from banking.services.imports import discard, receive, request_commit
from core.errors import DomainError
from portfolios.services.importing import run
from users.models import User

PIECE = 1 << 20
SHOWN = 20
WAIT = 0.5


class Command(BaseCommand):
    help = "Book CSV files of cash or trades, each whole or not at all. A file that is booked again adds nothing."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("files", nargs="+", metavar="FILE", type=Path)
        parser.add_argument("--user", required=True, metavar="NAME", help="whose file it is, and who books it")
        parser.add_argument("--dry-run", action="store_true", help="check the files and book nothing")

    def handle(self, **options: Any) -> None:
        user = User.objects.filter(username=options["user"]).first()
        if user is None:
            raise CommandError(f"There is nobody named “{options['user']}”.")
        failed = sum(not self._ingest(path, user, dry=options["dry_run"]) for path in options["files"])
        if failed:
            raise CommandError(f"{failed} of {len(options['files'])} files were refused; nothing of them was booked.")

    def _ingest(self, path: Path, user: User, *, dry: bool) -> bool:
        """Whether the file is right and, but for a dry run, booked."""
        started = time.monotonic()
        try:
            batch = receive(actor=user, file_name=path.name, pieces=_pieces(path))
        except OSError as error:
            raise CommandError(f"{path}: {error.strerror}") from error
        except DomainError as error:
            raise CommandError(f"{path}: {error.message}") from error
        batch = self._run(batch, "checked")
        if batch.state == ImportState.READY and not dry:
            batch = self._run(request_commit(batch=batch, actor=user), "booked")
        right = batch.state in (ImportState.READY, ImportState.COMMITTED)
        self._tell(path, batch, right=right, dry=dry, seconds=time.monotonic() - started)
        if batch.state != ImportState.COMMITTED:
            discard(batch=batch, actor=user)
        return right

    def _run(self, batch: ImportBatch, what: str) -> ImportBatch:
        """Do it here, unless a worker was faster; then wait for it."""
        done = threading.Event()
        teller = threading.Thread(target=self._progress, args=(batch, what, done), daemon=True)
        teller.start()
        try:
            while batch.unfinished:
                run(batch.pk, now=timezone.now())
                batch.refresh_from_db()
                if batch.unfinished:
                    time.sleep(WAIT)
        finally:
            done.set()
            teller.join()
        return batch

    def _progress(self, batch: ImportBatch, what: str, done: threading.Event) -> None:
        """Tell every few seconds how far it is; a thread, since the work is elsewhere."""
        try:
            while not done.wait(5):
                job = Job.objects.filter(pk=batch.job_id).first() if batch.job_id else None
                if job and job.total:
                    self.stdout.write(f"  {batch.file_name}: {100 * job.done // job.total} % {what}")
        finally:
            connection.close()

    def _tell(self, path: Path, batch: ImportBatch, *, right: bool, dry: bool, seconds: float) -> None:
        counts = f"{batch.new:,} new, {batch.known:,} already there, {batch.transfers:,} transfers"
        if payments := batch.payments():
            counts += f", {payments:,} of them between two owners"
        if right:
            verb = "would be booked" if dry else "booked"
            self.stdout.write(self.style.SUCCESS(f"{path}: {verb}: {counts} ({seconds:.1f} s)"))
            return
        self.stderr.write(self.style.ERROR(f"{path}: {batch.message}"))
        for row in ImportRow.objects.filter(batch=batch, outcome="wrong").order_by("line")[:SHOWN]:
            self.stderr.write(f"  line {row.line}: {row.error}")


def _pieces(path: Path) -> Iterator[bytes]:
    with path.open("rb") as file:
        while piece := file.read(PIECE):
            yield piece
