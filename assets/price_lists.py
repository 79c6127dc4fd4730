"""Lists of prices in CSV: bytes in, rows and what is wrong with which line out. Pure."""

from __future__ import annotations

import csv
import io
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from datetime import date
from decimal import Decimal

MOST_BYTES = 2_000_000
MOST_ROWS = 50_000
MOST_ERRORS = 100
NEEDED = ("symbol", "day", "close")
FIGURES = ("close", "open", "high", "low", "volume")
COLUMNS = ("symbol", "day", *FIGURES)
NUMBER = re.compile(r"[0-9]{1,15}([.,][0-9]{1,10})?", re.ASCII)
ISO_DAY = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}", re.ASCII)


@dataclass(frozen=True, slots=True)
class PriceRow:
    """One line: figures by name, in the asset's currency per unit."""

    line: int
    symbol: str
    day: date
    figures: dict[str, Decimal]


@dataclass(frozen=True, slots=True)
class Problem:
    """What is wrong with a line; line 0 is the file."""

    line: int
    text: str


@dataclass(frozen=True, slots=True)
class PriceList:
    rows: list[PriceRow] = field(default_factory=list)
    problems: list[Problem] = field(default_factory=list)


def read(content: bytes) -> PriceList:
    """The rows of a file that begins with the names of its columns: symbol, day, close; open, high, low, volume.

    UTF-8, separated by commas, semicolons or tabs; a number has a point or a comma before its decimals and nothing
    between its thousands; a day is written 2024-05-31. Every line is read, and every line's problem is told, up to
    MOST_ERRORS.
    """
    found = PriceList()
    try:
        _read(content, found)
    except _Unreadable as error:
        found.problems.append(Problem(error.line, str(error)))
    return found


class _Unreadable(Exception):
    """Nothing after this can be read."""

    def __init__(self, text: str, line: int = 0) -> None:
        super().__init__(text)
        self.line = line


class _Wrong(Exception):
    """A cell is not what its column says."""


def _read(content: bytes, found: PriceList) -> None:
    text = _text(content)
    lines = csv.reader(io.StringIO(text, newline=""), delimiter=_delimiter(text), strict=True)
    numbered = _numbered(lines)
    _, head = next(numbered, (0, []))
    names = _names(head)
    seen: dict[tuple[str, date], int] = {}
    for line, cells in numbered:
        try:
            row = _row(line, names, cells)
            first = seen.setdefault((row.symbol, row.day), line)
            if first != line:
                raise _Wrong(f"{row.symbol} on {row.day} stands in line {first} already")
            found.rows.append(row)
        except _Wrong as error:
            found.problems.append(Problem(line, str(error)))
        if len(found.problems) >= MOST_ERRORS:
            raise _Unreadable(f"more than {MOST_ERRORS} lines are wrong; the rest was not read", line)
        if len(found.rows) > MOST_ROWS:
            raise _Unreadable(f"a file may have {MOST_ROWS:,} rows", line)
    if not seen and not found.problems:
        raise _Unreadable("the file has no prices")


def _text(content: bytes) -> str:
    if len(content) > MOST_BYTES:
        raise _Unreadable(f"the file is larger than {MOST_BYTES:,} bytes")
    try:
        text = content.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise _Unreadable("the file is not UTF-8; save it as “CSV UTF-8”") from error
    if "\x00" in text:
        raise _Unreadable("the file holds null characters and is no text")
    return text


def _delimiter(text: str) -> str:
    """Whichever of semicolon, tab and comma the first line has most of."""
    head = text.split("\n", 1)[0]
    return max(";\t,", key=head.count)


def _numbered(lines: Iterator[list[str]]) -> Iterator[tuple[int, list[str]]]:
    """The lines that are not empty, with their numbers."""
    while True:
        try:
            cells = next(lines)
        except StopIteration:
            return
        except csv.Error as error:
            raise _Unreadable(f"the quotes are not closed or the line cannot be read: {error}", _line(lines)) from error
        if any(cell.strip() for cell in cells):
            yield _line(lines), cells


def _line(lines: Iterator[list[str]]) -> int:
    number: int = getattr(lines, "line_num", 0)
    return number


def _names(head: Sequence[str]) -> list[str]:
    names = [cell.strip().lower() for cell in head]
    if missing := [name for name in NEEDED if name not in names]:
        raise _Unreadable(f"the first line must name the columns; missing: {', '.join(missing)}", 1)
    if strange := [name for name in names if name not in COLUMNS]:
        raise _Unreadable(f"“{strange[0][:40]}” is no column; known are {', '.join(COLUMNS)}", 1)
    if len(set(names)) < len(names):
        raise _Unreadable("a column stands twice in the first line", 1)
    return names


def _row(line: int, names: Sequence[str], cells: Sequence[str]) -> PriceRow:
    if len(cells) != len(names):
        raise _Wrong(f"{len(cells)} columns instead of {len(names)}")
    given = {name: cell.strip() for name, cell in zip(names, cells, strict=True)}
    if not given["symbol"]:
        raise _Wrong("the symbol is missing")
    if not given["close"]:
        raise _Wrong("the close is missing")
    figures = {name: _number(name, given[name]) for name in FIGURES if given.get(name)}
    return PriceRow(line, given["symbol"], _day(given["day"]), figures)


def _day(text: str) -> date:
    try:
        if not ISO_DAY.fullmatch(text):
            raise ValueError(text)
        return date.fromisoformat(text)
    except ValueError:
        raise _Wrong(f"“{text[:40]}” is not a day of the form 2024-05-31") from None


def _number(name: str, text: str) -> Decimal:
    if not NUMBER.fullmatch(text):
        raise _Wrong(f"{name} “{text[:40]}” is not a plain number such as 12.50 or 12,50")
    return Decimal(text.replace(",", "."))
