"""One file, or several that make one set."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import date

from analytics.factor_files.errors import LayoutChanged
from analytics.factor_files.library import is_library, read_library
from analytics.factor_files.packed import text_of
from analytics.factor_files.plain import read_plain
from analytics.factor_files.table import FactorRow, FactorTable
from core.errors import DomainError


def read(content: bytes, *, percent: bool | None = None, frequency: str | None = None) -> FactorTable:
    """The returns of an upload: a file of the Kenneth R. French library or any CSV file, plain, zipped or gzipped.

    ``percent`` and ``frequency`` are what is known beforehand; the library's files say both themselves.
    Raises a FactorFileError.
    """
    text = text_of(content)
    if is_library(text):
        return read_library(text, percent=percent, frequency=frequency)
    return read_plain(text, percent=percent, frequency=frequency)


def merge(tables: Iterable[FactorTable]) -> FactorTable:
    """Several files of one frequency as one: their columns beside each other.

    Raises LayoutChanged where they disagree about the frequency or about a value.
    """
    first, *others = tables
    if not others:
        return first
    values: dict[date, dict[str, float | None]] = {}
    columns: dict[str, str] = {}
    for table in (first, *others):
        if table.frequency != first.frequency:
            raise LayoutChanged(
                "The files are {first} and {second}; a set has one frequency.",
                first=DomainError(first.frequency),
                second=DomainError(table.frequency),
            )
        columns |= {key: name for key, name in zip(table.keys, table.columns, strict=True) if key not in columns}
        for row in table.rows:
            known = values.setdefault(row.day, {})
            for key, value in zip(table.keys, row.values, strict=True):
                if known.get(key) is not None and value is not None and known[key] != value:
                    raise LayoutChanged(
                        "the files disagree about {column} of {day}", column=columns[key], day=row.day, line=row.line
                    )
                known[key] = value if value is not None else known.get(key)
    rows = [FactorRow(0, day, tuple(map(known.get, columns))) for day, known in sorted(values.items())]
    left_out = tuple(title for table in (first, *others) for title in table.left_out)
    return FactorTable(first.frequency, tuple(columns.values()), tuple(columns), tuple(rows), left_out)
