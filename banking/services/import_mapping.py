"""Files whose columns are not the documented ones: asking which is which, keeping the answer, reading by it."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import islice
from typing import TYPE_CHECKING, Any

from django.db import transaction

from activity.services import record, start_job
from banking.models import ImportBatch, ImportChunk, ImportMapping, ImportState
from banking.models.importing import UNMAPPED
from banking.services.import_staging import Staged, Stager, kind_of, note_format
from banking.services.imports import KIND, Claim, chunks_of, end, of
from banking.statements.base import Unreadable, Wrong
from banking.statements.csv_files import Sheet
from banking.statements.guessing import guessed, kind_like
from banking.statements.mapping import (
    BY_SIGN,
    CONSTANTS,
    DOCUMENTED,
    MARKS,
    MOST_COLUMNS,
    NEEDED,
    ONE_OF,
    ORDERS,
    TARGETS,
    BadMapping,
    ColumnMapping,
    Translator,
    mapping_of,
    missing,
    names_of,
)
from banking.statements.trades import TradeParser
from banking.statements.transactions import TransactionParser
from core.errors import DomainError

if TYPE_CHECKING:
    from users.models import User

__all__ = [
    "BY_SIGN",
    "CONSTANTS",
    "DOCUMENTED",
    "MARKS",
    "NEEDED",
    "ONE_OF",
    "ORDERS",
    "TARGETS",
    "BadMapping",
    "ColumnMapping",
    "first_mapping",
    "layout_of",
    "mapping_of",
    "missing",
    "tell_columns",
    "tried",
]
SAMPLE = 5  # rows that are shown beside the question
LONGEST_CELL = 300  # of the sample
PARSERS: dict[str, Any] = {"transactions": TransactionParser, "trades": TradeParser}


class NothingToMap(DomainError):
    """The columns of this file cannot be told any more: it is booked, under way, or has the documented ones."""


@dataclass(frozen=True, slots=True)
class Layout:
    """How the rows of a file are read: what they are, where the documented columns stand, what is done to cells."""

    kind: str
    places: list[int]
    translator: Translator | None = None

    def stager(self, stager: Stager) -> Stager:
        return Translated(stager, self.translator) if self.translator else stager


@dataclass(frozen=True, slots=True)
class Translated:
    """A stager whose rows come in other columns."""

    stager: Stager
    translator: Translator

    def staged(self, cells: Sequence[str]) -> Staged:
        return self.stager.staged(self.translator.cells(cells))


def layout_of(claim: Claim, batch: ImportBatch, sheet: Sheet, kinds: Mapping[str, Sequence[str]]) -> Layout | None:
    """How the file is to be read: as its person says or said of the same header, else by its documented columns.

    None where they are asked, which ends this check. Raises Unreadable where nobody can be.
    """
    if batch.mapping:
        return _mapped(sheet, mapping_of(batch.mapping))
    try:
        return Layout(*kind_of(sheet, kinds, batch.kind))
    except Unreadable:
        if not batch.asks or not 1 < len(sheet.header) <= MOST_COLUMNS:
            raise
    known = _remembered(batch, names_of(sheet.header))
    _keep_head(claim, batch, sheet)
    if known is not None:
        of(claim).update(mapping=known.to_json())
        return _mapped(sheet, known)
    note_format(claim, "", sheet)
    end(claim, ImportState.MAPPING, head=batch.head)
    return None


def _mapped(sheet: Sheet, mapping: ColumnMapping) -> Layout:
    return Layout(mapping.kind, list(range(len(DOCUMENTED[mapping.kind]))), Translator(mapping, names_of(sheet.header)))


def _remembered(batch: ImportBatch, names: Sequence[str]) -> ColumnMapping | None:
    """What the file's person said of a file with this header last."""
    said = ImportMapping.objects.filter(owner=batch.owner, header=header_key(names)).first()
    return mapping_of(said.mapping) if said else None


def _keep_head(claim: Claim, batch: ImportBatch, sheet: Sheet) -> None:
    """Keep the names of the columns; the first rows, which are read by another sheet, are shown beside them."""
    rows = [[cell[:LONGEST_CELL] for cell in row.cells] for row in islice(Sheet(chunks_of(batch.pk)), SAMPLE)]
    batch.head = {"names": list(names_of(sheet.header)), "sample": rows}
    of(claim).update(head=batch.head)


def header_key(names: Sequence[str]) -> str:
    return hashlib.sha256("\x1f".join(names).encode()).hexdigest()


@transaction.atomic
def tell_columns(*, batch: ImportBatch, mapping: ColumnMapping, actor: User) -> ImportBatch:
    """Have a file read by ``mapping``, and remember it for files of ``actor`` with the same header.

    Raises NothingToMap, and BadMapping for a column that the file has not.
    """
    names = batch.head.get("names", [])
    if strange := sorted(set(mapping.columns.values()) - set(names)):
        raise BadMapping("The file has no column “{column}”.", column=strange[0], field="mapping")
    kept = ImportChunk.objects.filter(batch=batch).exists()
    started = start_job(owner=actor, kind=KIND, total=batch.size)
    counts = dict.fromkeys(("rows", "new", "known", "wrong", "transfers"), 0)
    moved = ImportBatch.objects.filter(pk=batch.pk, state__in=UNMAPPED)
    said = {"mapping": mapping.to_json(), "kind": mapping.kind, "state": ImportState.UPLOADED, "job": started}
    if not (names and kept) or not moved.update(**said, **counts, message="", lease_until=None, attempts=0):
        raise NothingToMap
    ImportMapping.objects.update_or_create(
        owner=actor, header=header_key(names), defaults={"mapping": mapping.to_json()}
    )
    record(actor=actor, action="import.mapped", subject=batch, data=mapping.to_json())
    batch.refresh_from_db()
    return batch


def first_mapping(batch: ImportBatch, kind: str = "") -> ColumnMapping:
    """What the person begins with: what was said of this file, else what its names and first rows look like."""
    names, sample = batch.head["names"], batch.head["sample"]
    if batch.mapping and kind in ("", batch.mapping["kind"]):
        return mapping_of(batch.mapping)
    return guessed(kind or kind_like(names), names, sample)


@dataclass(frozen=True, slots=True)
class Tried:
    """A row of the sample as it would be read: the documented columns by name, or what is wrong with it."""

    row: Sequence[str]
    cells: Mapping[str, str]
    problem: str = ""


def tried(batch: ImportBatch, mapping: ColumnMapping) -> list[Tried]:
    """How the first rows of a file read by ``mapping``; which account they name is not looked up."""
    columns, found = DOCUMENTED[mapping.kind], []
    try:
        translator = Translator(mapping, batch.head["names"])
    except Unreadable as error:
        return [Tried(row, {}, str(error)) for row in batch.head["sample"]]
    parser = PARSERS[mapping.kind](range(len(columns)))
    for row in batch.head["sample"]:
        cells: list[str] = []
        try:
            cells = translator.cells(row)
            parser.parse(cells)
        except Wrong as error:
            found.append(Tried(row, dict(zip(columns, cells, strict=False)), str(error)))
        else:
            found.append(Tried(row, dict(zip(columns, cells, strict=True))))
    return found
