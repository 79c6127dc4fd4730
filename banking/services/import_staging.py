"""Reading a file into the staging table: piece by piece, in short transactions, with what is wrong with each row."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Protocol

from django.db import transaction

from banking.models import ImportKind, ImportName, ImportRow, Outcome
from banking.services.imports import Claim, chunks_of, of, renew
from banking.statements.base import Unreadable, Wrong
from banking.statements.csv_files import NAMES, Record, Sheet, columns_of
from core import bulk
from users.models import Owned

CHUNK = 10_000  # rows of one transaction: about a tenth of a second
MOST_ERRORS = 1_000  # rows whose error is kept; the others are counted
MOST_NAMES = 100_000  # categories, counterparties and instruments that one file may name
COLUMNS = (
    *("batch", "line", "outcome", "error", "raw", "account", "booked_on", "units", "currency", "section"),
    *("description", "category", "counterparty", "transfer_group", "external_id", "content_key", "terms"),
)
NAME_COLUMNS = ("batch", "number", "kind", "owner", "organisation", "section", "name", "code", "currency", "found")
Staged = tuple[Any, ...]  # the values of COLUMNS from "account" on


class Stager(Protocol):
    """Turns the cells of one kind of file into staged rows. Raises Wrong."""

    def staged(self, cells: Sequence[str]) -> Staged: ...


class Names:
    """The categories, counterparties and instruments that a file names, each with a number."""

    def __init__(self, batch_id: int) -> None:
        self._batch_id = batch_id
        self._numbers: dict[tuple[Any, ...], int] = {}
        self._fresh: list[tuple[Any, ...]] = []

    def number(
        self, kind: str, books: Owned | None, section: str, name: str, code: str = "", currency: str = ""
    ) -> int:
        """Of a name in the books of whoever ``books`` belongs to; upper and lower case are one."""
        owner, firm = (books.owner_id, books.organisation_id) if books else (None, None)
        kind = str(kind)  # a plain one, as COPY takes it
        key = (kind, owner, firm, section, name.lower(), code)
        found = self._numbers.get(key)
        if found is None:
            found = self._numbers[key] = len(self._numbers)
            if found >= MOST_NAMES:
                raise Unreadable(f"more than {MOST_NAMES:,} different categories, counterparties or instruments")
            self._fresh.append((self._batch_id, found, kind, owner, firm, section, name, code, currency, None))
        return found

    def write(self) -> None:
        if self._fresh:
            bulk.insert(ImportName, NAME_COLUMNS, self._fresh, prepared=True)
            self._fresh = []


@dataclass(slots=True)
class Tally:
    """What was read of a file."""

    rows: int = 0
    wrong: int = 0
    told: int = 0


@dataclass(slots=True)
class Reader:
    """One file being read. ``size`` counts the bytes that were taken from it in this pass."""

    batch_id: int
    sheet: Sheet = field(init=False)
    size: int = 0
    _passes: int = 0

    def __post_init__(self) -> None:
        self.sheet = Sheet(self._pieces)

    def _pieces(self) -> Iterator[bytes]:
        self._passes += 1
        counted = self._passes > 1  # the first pass looks for the encoding
        for piece in chunks_of(self.batch_id)():
            self.size += len(piece) if counted else 0
            yield piece


def kind_of(sheet: Sheet, kinds: Mapping[str, Sequence[str]], wanted: str) -> tuple[str, list[int]]:
    """(kind, place of each of its columns): the kind that is wanted, else the one whose columns the header is like."""
    likeness = {kind: len(set(columns) & set(sheet.header)) for kind, columns in kinds.items()}
    like = max(likeness, key=lambda kind: likeness[kind])
    if wanted and wanted != like and likeness[like] > likeness[wanted]:
        raise Unreadable(f"these are the columns of {ImportKind(like).label.lower()}", 1)
    kind = wanted or like
    return kind, columns_of(sheet.header, kinds[kind])


def begin(claim: Claim) -> None:
    """Remove what an earlier attempt has staged."""
    ImportName.objects.filter(batch=claim.batch_id).delete()
    rows = ImportRow.objects.filter(batch=claim.batch_id)
    while last := list(rows.order_by("line").values_list("line", flat=True)[CHUNK - 1 : CHUNK]):
        rows.filter(line__lte=last[0])._raw_delete(rows.db)  # noqa: SLF001  nothing refers to them
        renew(claim)
    rows._raw_delete(rows.db)  # noqa: SLF001


def stage(claim: Claim, reader: Reader, stager: Stager, names: Names) -> Tally:
    """Store every row with what is wrong with it. Raises Unreadable, ImportLost."""
    tally, rows = Tally(), []
    for record in reader.sheet:
        tally.rows += 1
        rows.append(_staged(claim.batch_id, record, stager, tally, reader.sheet.delimiter))
        if len(rows) >= CHUNK:
            _write(claim, rows, names, reader, tally)
            rows = []
    _write(claim, rows, names, reader, tally)
    if not tally.rows:
        raise Unreadable("it has no rows below its header")
    return tally


def _staged(batch_id: int, record: Record, stager: Stager, tally: Tally, delimiter: str) -> tuple[Any, ...] | None:
    try:
        return (batch_id, record.line, Outcome.NEW.value, "", "", *stager.staged(record.cells))
    except Wrong as error:
        tally.wrong += 1
        if tally.wrong > MOST_ERRORS:
            return None
        raw = " ".join(delimiter.join(record.cells).split())[:500]
        return (batch_id, record.line, Outcome.WRONG.value, str(error)[:500], raw, *NOTHING)


NOTHING: Staged = (None, None, None, "", "", "", None, None, "", "", None, None)


def _write(claim: Claim, rows: Sequence[tuple[Any, ...] | None], names: Names, reader: Reader, tally: Tally) -> None:
    with transaction.atomic():
        renew(claim, steps=reader.size - tally.told)
        names.write()
        bulk.insert(ImportRow, COLUMNS, (row for row in rows if row), prepared=True)
    tally.told = reader.size


def note_format(claim: Claim, kind: str, sheet: Sheet) -> None:
    of(claim).update(kind=kind, encoding=NAMES[sheet.encoding], delimiter=sheet.delimiter)


def mark_wrong(batch_id: int, errors: Sequence[tuple[int, str]]) -> int:
    """Note what is wrong with rows that were read well: (line, text); returns how many."""
    with transaction.atomic():
        for line, text in errors:
            rows = ImportRow.objects.filter(batch=batch_id, line=line)
            rows.update(outcome=Outcome.WRONG, error=text[:500])
    return len(errors)
