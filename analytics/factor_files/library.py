"""The files of the Kenneth R. French library.

Some lines of text; a line of names that begins with a comma; rows of a day (yyyymmdd), a month (yyyymm) or a year and
values in percent; then, after an empty line, perhaps a title and the next section; at the end a line of copyright.
−99.99 and −999 say that nothing is known.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from itertools import pairwise
from statistics import median

from analytics.factor_files.errors import FactorFileTooLarge, LayoutChanged, UnitUnclear
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

MARKS = ("crsp database", "kenneth r. french", "tbill rate", "missing data are indicated")
PERIOD = re.compile(r"[0-9]{4}|[0-9]{6}|[0-9]{8}", re.ASCII)
YEAR, MONTH = 4, 6  # digits
FOOTER = "copyright"
TINY = 0.0005  # no usual factor moves by less in its usual period; one in fractions that is taken for percent does


@dataclass(slots=True)
class _Section:
    title: str
    names: list[str]
    line: int
    width: int = 0  # digits of its periods
    rows: list[tuple[int, list[str]]] = field(default_factory=list)


def is_library(text: str) -> bool:
    """Whether a file is, or claims to be, of the library."""
    if _is_marked(text):
        return True
    lines = iter(text.splitlines())
    return any(_is_head(_cells(line)) and PERIOD.fullmatch(_cells(next(lines, ""))[0]) for line in lines)


def _is_marked(text: str) -> bool:
    words = text.lower()
    return any(mark in words for mark in MARKS)


def read_library(text: str, *, percent: bool | None = None, frequency: str | None = None) -> FactorTable:
    """The first section of a file that is not annual, as fractions.

    Values are percent unless ``percent`` is False. Raises LayoutChanged, BadFactorValue; UnitUnclear for a file without
    the library's own words whose values are fractions already, as other programs write it.
    """
    sections = list(_sections(text))
    chosen = next((section for section in sections if section.width > YEAR), None)
    if chosen is None:
        raise LayoutChanged("The file has no daily, weekly or monthly section.")
    names = tuple(chosen.names)
    keys = keys_of(names, chosen.line)
    rows = [
        FactorRow(line, day_of(cells[0], line)[0], _fractions(names, cells[1:], line, percent=percent is not False))
        for line, cells in chosen.rows
    ]
    for earlier, later in pairwise(rows):
        if later.day <= earlier.day:
            raise LayoutChanged(
                "{later} does not follow {earlier}", later=later.day, earlier=earlier.day, line=later.line
            )
    often = MONTHLY if chosen.width == MONTH else spacing([row.day for row in rows], frequency)
    table = FactorTable(often, names, keys, in_order(rows, often), _titles(sections, chosen))
    if percent is None and not _is_marked(text):
        _require_percent(table)
    return table


def _titles(sections: Sequence[_Section], chosen: _Section) -> tuple[str, ...]:
    """Of the sections that are not read."""
    left_out = [section.title or f"the section of line {section.line}" for section in sections if section is not chosen]
    return tuple(left_out)


def _require_percent(table: FactorTable) -> None:
    usual = [median(known) for place in range(len(table.keys)) if (known := _sizes(table, place))]
    if max(usual, default=1.0) < TINY:
        raise UnitUnclear(
            "The usual size of a value is {size:g}. Say whether that is percent or fractions.", size=max(usual) * 100
        )


def _sizes(table: FactorTable, place: int) -> list[float]:
    return [abs(value) for row in table.rows if (value := row.values[place]) is not None]


def _fractions(names: Sequence[str], cells: Sequence[str], line: int, *, percent: bool) -> tuple[float | None, ...]:
    return tuple(
        fraction(cell, percent=percent, line=line, column=name) for name, cell in zip(names, cells, strict=True)
    )


def _sections(text: str) -> Iterator[_Section]:
    """The sections with at least one row, in the file's order."""
    section, title = None, ""
    for line, content in enumerate(text.splitlines(), start=1):
        cells = _cells(content)
        if _is_head(cells):
            if section is not None:
                raise LayoutChanged("a line of names inside a section", line=line)
            section, title = _Section(title, cells[1:], line), ""
        elif section is None:
            title = _outside(content, cells, line) or title
        elif cells == [""] or content.strip().lower().startswith(FOOTER):
            yield _ended(section)
            section = None
        else:
            _add(section, line, cells)
    if section is not None:
        yield _ended(section)


def _outside(content: str, cells: Sequence[str], line: int) -> str:
    """A line of text between sections, which may be the next one's title. A row of values has no place there."""
    if PERIOD.fullmatch(cells[0]) and len(cells) > 1:
        raise LayoutChanged("values without a line of names above them that begins with a comma", line=line)
    return content.strip()[:100]


def _add(section: _Section, line: int, cells: list[str]) -> None:
    if not PERIOD.fullmatch(cells[0]):
        raise LayoutChanged("“{cell}” where a day, a month or a year should stand", cell=cells[0][:40], line=line)
    section.width = section.width or len(cells[0])
    if len(cells[0]) != section.width:
        raise LayoutChanged("“{cell}” among periods of {width} digits", cell=cells[0], width=section.width, line=line)
    if len(cells) != len(section.names) + 1:
        raise LayoutChanged(
            "{count} values under {names} names", count=len(cells) - 1, names=len(section.names), line=line
        )
    if len(section.rows) >= MOST_ROWS:
        raise FactorFileTooLarge("a file may have {most:,} rows", most=MOST_ROWS, line=line)
    section.rows.append((line, cells))


def _ended(section: _Section) -> _Section:
    if not section.rows:
        raise LayoutChanged("no row of values follows the names", line=section.line)
    return section


def _cells(line: str) -> list[str]:
    return [cell.strip() for cell in line.split(",")]


def _is_head(cells: Sequence[str]) -> bool:
    """An empty cell and then names only: a preamble's sentence begins with a word."""
    return len(cells) > 1 and not cells[0] and all(cell and not PERIOD.fullmatch(cell) for cell in cells[1:])
