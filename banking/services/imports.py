"""Files on their way into the books: received, claimed by a worker, ended. What is done with each is elsewhere."""

from __future__ import annotations

import hashlib
import logging
import zlib
from collections.abc import Iterable, Iterator
from contextlib import AbstractContextManager, suppress
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any

from django.conf import settings
from django.db import transaction
from django.db.models import Exists, F, OuterRef
from django.utils import timezone

from activity.services import advance_job, finish_job, kept_alive, record, start_job
from banking.models import ImportBatch, ImportChunk, ImportName, ImportRow, ImportState
from banking.models.importing import IN_BOOKS, UNFINISHED, UNMAPPED
from banking.statements.base import Unreadable
from banking.statements.csv_files import Chunks
from banking.statements.mapping import ColumnMapping
from core.errors import DomainError

if TYPE_CHECKING:
    from users.models import User

log = logging.getLogger(__name__)
KIND = "import"
LEASE = timedelta(seconds=120)
HEARTBEAT = timedelta(seconds=20)
MOST_ATTEMPTS = 3
MOST_UNFINISHED = 5  # of one person
PIECE = 1 << 20
FORGOTTEN_AFTER = timedelta(hours=1)  # an upload that has not ended by then was cut off
REMOVED_AT_ONCE = 5_000


class FileTooLarge(DomainError):
    """The file is larger than the server accepts."""


class TooManyImports(DomainError):
    """Several files of yours are under way; wait for one of them to end."""


class NotReadyToBook(DomainError):
    """Only a file that was checked and has no errors can be booked."""


class NotBooked(DomainError):
    """Only a file that is booked can be undone."""


class InTheBooks(DomainError):
    """This file is being booked or is in the books: undo it instead."""


class ImportLost(Exception):
    """Another worker has taken the file over."""


@dataclass(frozen=True, slots=True)
class Claim:
    """The right to write about one file, for as long as its fence is this one."""

    batch_id: int
    fence: int


def receive(
    *,
    actor: User,
    file_name: str,
    pieces: Iterable[bytes],
    kind: str = "",
    mapping: ColumnMapping | None = None,
    asks: bool = False,
) -> ImportBatch:
    """Store an uploaded file, to be checked by a worker. ``kind`` is told from the columns when it is left out.

    ``mapping`` says which column is which where they are not the documented ones; with ``asks`` a file without it
    waits for somebody to say so, and else it is refused. Each part is stored in a transaction of its own, so nobody
    waits for a large file. Raises FileTooLarge, TooManyImports.
    """
    if ImportBatch.objects.filter(owner=actor, state__in=UNFINISHED).count() >= MOST_UNFINISHED:
        raise TooManyImports
    told = mapping.to_json() if mapping else {}
    batch = ImportBatch.objects.create(owner=actor, file_name=_storable(file_name), kind=kind, mapping=told, asks=asks)
    digest, size = hashlib.sha256(), 0
    for number, piece in enumerate(_pieces(pieces)):
        digest.update(piece)
        size += len(piece)
        if size > settings.IMPORT_MOST_BYTES:
            batch.delete()
            raise FileTooLarge("The file is larger than {most:,} bytes.", most=settings.IMPORT_MOST_BYTES, field="file")
        ImportChunk.objects.create(batch=batch, number=number, data=zlib.compress(piece, 1))
    with transaction.atomic():
        batch.size, batch.sha256, batch.state = size, digest.hexdigest(), ImportState.UPLOADED
        batch.job = start_job(owner=actor, kind=KIND, total=size)
        batch.save()
        data = {"file": batch.file_name, "size": size, "sha256": batch.sha256}
        record(actor=actor, action="import.received", subject=batch, data=data)
    return batch


def request_commit(*, batch: ImportBatch, actor: User) -> ImportBatch:
    """Have a checked file booked. Raises NotReadyToBook."""
    return _next(batch, actor, ImportState.READY, ImportState.COMMITTING, NotReadyToBook())


def request_undo(*, batch: ImportBatch, actor: User) -> ImportBatch:
    """Have everything that a file brought taken out of the books. Raises NotBooked."""
    return _next(batch, actor, ImportState.COMMITTED, ImportState.UNDOING, NotBooked())


@transaction.atomic
def _next(batch: ImportBatch, actor: User, old: str, new: str, refusal: DomainError) -> ImportBatch:
    started = start_job(owner=actor, kind=KIND, total=batch.new)
    moved = ImportBatch.objects.filter(pk=batch.pk, state=old)
    if not moved.update(state=new, job=started, lease_until=None, attempts=0, message=""):
        raise refusal
    record(actor=actor, action=f"import.{new}", subject=batch)
    batch.refresh_from_db()
    return batch


def discard(*, batch: ImportBatch, actor: User | None) -> None:
    """Forget a file that is not in the books. Raises InTheBooks."""
    with transaction.atomic():
        kept = (ImportState.COMMITTING, ImportState.COMMITTED, ImportState.UNDOING, ImportState.UNDONE)
        locked = ImportBatch.objects.select_for_update().filter(pk=batch.pk).exclude(state__in=kept).first()
        if locked is None:
            raise InTheBooks
        # Failed and of another fence, so that whoever checks it stops.
        ImportBatch.objects.filter(pk=batch.pk).update(state=ImportState.FAILED, fence=F("fence") + 1)
    clear(batch.pk)
    with transaction.atomic():
        if batch.job_id:
            finish_job(batch.job_id, error="The file was deleted.")
        record(actor=actor, action="import.deleted", subject=batch, data={"file": batch.file_name})
        ImportBatch.objects.filter(pk=batch.pk).delete()


def waiting(now: datetime) -> list[int]:
    """The files that no worker has or that one has lost, the oldest first."""
    return list(ImportBatch.objects.claimable(now).order_by("pk").values_list("pk", flat=True))


def tidy(now: datetime) -> None:
    """Remove what is left of uploads that were cut off, staged rows of files that are in the books, and files that
    nobody has booked for IMPORT_KEPT_DAYS.
    """
    for batch in ImportBatch.objects.filter(state=ImportState.RECEIVING, created_at__lt=now - FORGOTTEN_AFTER):
        batch.delete()
    staged = Exists(ImportRow.objects.filter(batch=OuterRef("pk")))
    ended = (*IN_BOOKS, ImportState.UNDONE)  # for good: a file that may be read anew keeps all that it has
    for batch in ImportBatch.objects.filter(staged, lease_until__isnull=True, state__in=ended):
        clear(batch.pk)
    unwanted = ImportBatch.objects.filter(state__in=UNMAPPED)
    for batch in unwanted.filter(created_at__lt=now - timedelta(days=settings.IMPORT_KEPT_DAYS)):
        with suppress(InTheBooks):  # it is being booked after all
            discard(batch=batch, actor=None)


def claim(batch_id: int, now: datetime) -> Claim | None:
    """Take a file, or None: nothing is to be done with it, or somebody does."""
    with transaction.atomic():
        rows = ImportBatch.objects.filter(pk=batch_id)
        taken = rows.claimable(now).update(
            fence=F("fence") + 1, attempts=F("attempts") + 1, lease_until=timezone.now() + LEASE
        )
        return Claim(batch_id, rows.values_list("fence", flat=True).get()) if taken else None


def renew(claim: Claim, *, steps: int = 0) -> None:
    """Hold the file for longer, and count ``steps`` of its job as done. Raises ImportLost."""
    if not of(claim).update(lease_until=timezone.now() + LEASE):
        raise ImportLost
    job = of(claim).values_list("job", flat=True).first()
    if steps and job:
        advance_job(job, steps)


def release(claim: Claim) -> None:
    """Leave the file as it is to the next worker."""
    of(claim).update(lease_until=None)


def kept(claim: Claim) -> AbstractContextManager[None]:
    """Renew the lease from a thread while the body does what takes long in one step."""
    return kept_alive(lambda: _beat(claim), HEARTBEAT, f"lease of import {claim.batch_id}")


def _beat(claim: Claim) -> bool:
    return bool(of(claim).update(lease_until=timezone.now() + LEASE))


def of(claim: Claim) -> Any:
    return ImportBatch.objects.filter(pk=claim.batch_id, fence=claim.fence)


@transaction.atomic
def end(claim: Claim, state: str, *, message: str = "", **columns: Any) -> None:
    """Write how a step of a file ended, unless another worker has it by now."""
    if not of(claim).update(state=state, message=message, lease_until=None, attempts=0, **columns):
        raise ImportLost
    job = of(claim).values_list("job", flat=True).first()
    if job:
        finish_job(job, result={"import": claim.batch_id, "state": state}, error=message)


def chunks_of(batch_id: int) -> Chunks:
    """The stored file, piece by piece; a query for each. Raises Unreadable at its end where a part is missing."""

    def pieces() -> Iterator[bytes]:
        number, size = 0, 0
        while data := ImportChunk.objects.filter(batch=batch_id, number=number).values_list("data", flat=True).first():
            piece = zlib.decompress(bytes(data))
            size, number = size + len(piece), number + 1
            yield piece
        if size != ImportBatch.objects.filter(pk=batch_id).values_list("size", flat=True).first():
            raise Unreadable("a part of it is missing; upload it again")

    return pieces


def clear(batch_id: int) -> None:
    """Delete what is staged of a file that nobody reads any more, and the file, in short transactions."""
    ImportChunk.objects.filter(batch=batch_id).delete()
    rows = ImportRow.objects.filter(batch=batch_id)
    while (last := _some(rows)) is not None:
        _remove(rows.filter(line__lte=last))
    _remove(rows)
    _remove(ImportName.objects.filter(batch=batch_id))


def shorten(claim: Claim, *, shown: int) -> None:
    """Delete what is staged of a file that ``claim`` has refused, in short transactions.

    Its ``shown`` first rows stay, the wrong ones, and the file if its columns can be told. Whoever tells them has it
    staged anew, maybe before this ends, which then leaves everything as it is.
    """
    rows = ImportRow.objects.filter(batch=claim.batch_id)
    ends = rows.order_by("line").values_list("line", flat=True)[shown - 1 : shown]
    rows = rows.filter(line__gt=ends[0]).exclude(outcome="wrong") if ends else rows.none()
    last: int | None = 0
    while last is not None:
        with transaction.atomic():
            batch = of(claim).filter(state=ImportState.FAILED).select_for_update(of=("self",)).first()
            if batch is None:
                return
            if not batch.mappable:
                ImportChunk.objects.filter(batch=batch).delete()
            last = _some(rows)
            _remove(rows if last is None else rows.filter(line__lte=last))


def _some(rows: Any) -> int | None:
    """The line up to which there are as many rows as are removed at once; None where there are fewer."""
    lines = rows.order_by("line").values_list("line", flat=True)[REMOVED_AT_ONCE - 1 : REMOVED_AT_ONCE]
    return next(iter(lines), None)


def _remove(rows: Any) -> None:
    rows.order_by()._raw_delete(rows.db)  # noqa: SLF001  nothing refers to them, so nothing is collected


def _pieces(given: Iterable[bytes]) -> Iterator[bytes]:
    """The same bytes in pieces of one size."""
    kept = bytearray()
    for part in given:
        kept += part
        while len(kept) >= PIECE:
            yield bytes(kept[:PIECE])
            del kept[:PIECE]
    if kept:
        yield bytes(kept)


def _storable(name: str) -> str:
    cleaned = "".join(character for character in name if character.isprintable()).encode("utf-8", "ignore").decode()
    return cleaned[-255:] or "file.csv"
