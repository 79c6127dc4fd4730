"""Any CSV file: a first line of names, a column of days, a column for each factor."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterator, Sequence
from statistics import median

from analytics.factor_files.errors import BadFactorValue, FactorFileTooLarge, LayoutChanged, UnitUnclear
from analytics.factor_files.table import (
    MONTHLY,
    MOST_ROWS,
    FactorRow,
    FactorTable,
    day_of,
    fraction,
    in_order,
    keys_of,
    spacing,
)

DATE_NAMES = ("date", "day", "month", "period", "week", "")
# No usual factor moves by more in its usual period; one in percent does.
SUSPICIOUS = 0.15


def read_plain(text: str, *, percent: bool | None, frequency: str | None) -> FactorTable:
    """The rows of a CSV file as fractions, separated by commas, semicolons or tabs, with a point or comma in numbers.

    ``percent`` None: what the cells say themselves ("1.5%"), else fractions, and UnitUnclear if they cannot be.
    Raises LayoutChanged, BadFactorValue, FactorFileTooLarge too.
    """
    delimiter = _delimiter(text)
    numbered = _numbered(csv.reader(io.StringIO(text, newline=""), delimiter=delimiter, strict=True))
    line, head = next(numbered, (0, []))
    if not head:
        raise LayoutChanged("The file is empty.")
    place, names = _columns(head, line)
    keys = keys_of(names, line)
    rows: list[FactorRow] = []
    months: list[bool] = []
    for line, cells in numbered:
        if len(cells) != len(head):
            raise LayoutChanged("{count} cells under {names} names", count=len(cells), names=len(head), line=line)
        if len(rows) >= MOST_ROWS:
            raise FactorFileTooLarge("a file may have {most:,} rows", most=MOST_ROWS, line=line)
        day, whole = day_of(cells[place].strip(), line)
        months.append(whole)
        rest = [*cells[:place], *cells[place + 1 :]]
        rows.append(FactorRow(line, day, _fractions(names, rest, line, delimiter, percent=bool(percent))))
    if not rows:
        raise LayoutChanged("No row follows the names.")
    found = _frequency(rows, months, frequency)
    table = FactorTable(found, names, keys, in_order(rows, found))
    if percent is None:
        _require_fractions(table)
    return table


def _fractions(
    names: Sequence[str], cells: Sequence[str], line: int, delimiter: str, *, percent: bool
) -> tuple[float | None, ...]:
    if delimiter != ",":
        cells = [cell.replace(",", ".") for cell in cells]
    return tuple(
        fraction(cell, percent=percent, line=line, column=name) for name, cell in zip(names, cells, strict=True)
    )


def _frequency(rows: Sequence[FactorRow], months: Sequence[bool], wanted: str | None) -> str:
    """As the periods are written, else by their distance; where that is hard to tell, as the caller expects it.

    Raises LayoutChanged for a mixture.
    """
    if any(months) and not all(months):
        line = rows[months.index(not months[0])].line
        raise LayoutChanged("some periods are months and some are days", line=line)
    return MONTHLY if months[0] else spacing(sorted(row.day for row in rows), wanted)


def _require_fractions(table: FactorTable) -> None:
    for place, name in enumerate(table.columns):
        known = [abs(value) for row in table.rows if (value := row.values[place]) is not None]
        if known and median(known) > SUSPICIOUS:
            raise UnitUnclear(
                "The usual size of {name} is {size:g}. Say whether that is percent or fractions.",
                name=name,
                size=median(known),
            )


def _columns(head: Sequence[str], line: int) -> tuple[int, tuple[str, ...]]:
    """Where the days stand, and the names of the others."""
    names = [cell.strip() for cell in head]
    dated = [place for place, name in enumerate(names) if name.lower() in DATE_NAMES]
    if len(dated) != 1:
        if not dated:
            raise LayoutChanged("no column is called “date”", line=line)
        raise LayoutChanged("more than one column could be that of the dates", line=line)
    return dated[0], tuple(names[: dated[0]] + names[dated[0] + 1 :])


def _delimiter(text: str) -> str:
    """Whichever of semicolon, tab and comma the first line with text has most of."""
    head = next((line for line in text.splitlines() if line.strip()), "")
    return max(";\t,", key=head.count)


def _numbered(lines: Iterator[list[str]]) -> Iterator[tuple[int, list[str]]]:
    while True:
        try:
            cells = next(lines)
        except StopIteration:
            return
        except csv.Error as error:
            line: int = getattr(lines, "line_num", 0)
            raise BadFactorValue("the line cannot be read: {reason}", reason=str(error), line=line) from error
        if any(cell.strip() for cell in cells):
            yield getattr(lines, "line_num", 0), cells
