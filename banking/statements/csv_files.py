"""CSV as banks and spreadsheets write it, read piece by piece: what cannot be read is refused with its place."""

from __future__ import annotations

import codecs
import csv
import io
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass

from banking.statements.base import Unreadable, shortened

MOST_IN_CELL = csv.field_size_limit()  # 131,072 characters: far more than a column keeps
MOST_IN_LINE = 1_000_000
DELIMITERS = ",;\t"
BOMS = ((codecs.BOM_UTF8, "utf-8-sig"), (codecs.BOM_UTF16_LE, "utf-16"), (codecs.BOM_UTF16_BE, "utf-16"))
NAMES = {"utf-8": "UTF-8", "utf-8-sig": "UTF-8", "utf-16": "UTF-16", "cp1252": "Windows-1252"}
Chunks = Callable[[], Iterable[bytes]]  # the file from its beginning, as often as it is called


@dataclass(frozen=True, slots=True)
class Record:
    """A row of a file. ``line`` is where it begins; ``ends`` is where it ends, later if a cell has line breaks."""

    line: int
    cells: list[str]


class Sheet:
    """A file with its header: iterate over its records, each with as many cells as there are columns."""

    def __init__(self, chunks: Chunks) -> None:
        self.encoding = encoding_of(chunks())
        self._lines = _Lines(chunks(), self.encoding)
        first = self._lines.first()
        self.delimiter = max(DELIMITERS, key=first.count)
        self._rows = csv.reader(self._lines, delimiter=self.delimiter, strict=True)
        self._seen = 0
        head = next(self._records(), None)
        if head is None:
            raise Unreadable("it is empty")
        self.header = tuple(cell.strip().lower() for cell in head.cells)

    def __iter__(self) -> Iterator[Record]:
        return self._records()

    def _records(self) -> Iterator[Record]:
        """The rows that are not blank."""
        lines, rows = self._lines, self._rows
        while True:
            lines.record.clear()
            begins = rows.line_num + 1
            try:
                cells = next(rows)
            except StopIteration:
                return
            except csv.Error as error:
                raise _located(error, begins, lines.record, self.delimiter) from error
            if len(cells) > 1 or (cells and cells[0].strip()):
                yield Record(begins, cells)


def columns_of(header: Sequence[str], known: Sequence[str]) -> list[int]:
    """The place of each of ``known`` in a header that has exactly these names, in any order."""
    if doubled := [name for name in dict.fromkeys(header) if header.count(name) > 1]:
        raise Unreadable(f"the column {_quoted(doubled)} stands twice", 1)
    missing, strange = [name for name in known if name not in header], [name for name in header if name not in known]
    if missing or strange:
        parts = [f"{_quoted(missing)} missing"] if missing else []
        parts += [f"{_quoted(strange)} unknown"] if strange else []
        raise Unreadable(f"the first line must name the columns {', '.join(known)}: {'; '.join(parts)}", 1)
    return [header.index(name) for name in known]


def encoding_of(chunks: Iterable[bytes]) -> str:
    """UTF-8, UTF-16 by its mark, else Windows-1252. Raises Unreadable where a file is of two encodings or no text."""
    pieces = iter(chunks)
    first = next(pieces, b"")
    if first.startswith((b"PK\x03\x04", b"\xd0\xcf\x11\xe0")):
        raise Unreadable("this is a ZIP or Excel file; save it as “CSV UTF-8”")
    marked = next((name for mark, name in BOMS if first.startswith(mark)), "")
    if marked == "utf-16":
        return marked
    return _of_lines(_raw_lines(_chain(first, pieces)), marked)


def _of_lines(lines: Iterator[bytes], marked: str) -> str:
    """The encoding of lines without a mark, or with that of UTF-8."""
    utf8, other = int(bool(marked)), 0
    for number, line in enumerate(lines, start=1):
        if b"\x00" in line:
            raise Unreadable("a null character; this is no text", number, line.index(b"\x00") + 1)
        if line.isascii():
            continue
        if _decodes(line, "utf-8"):
            utf8 = utf8 or number
        elif not _decodes(line, "cp1252"):
            raise Unreadable("characters that neither UTF-8 nor Windows-1252 has; save it as “CSV UTF-8”", number)
        else:
            other = other or number
        if utf8 and other:
            text = f"another encoding than line {min(utf8, other)}: one is UTF-8, one is not; save it as “CSV UTF-8”"
            raise Unreadable(text, max(utf8, other))
    return "cp1252" if other else marked or "utf-8"


def _decodes(line: bytes, encoding: str) -> bool:
    try:
        line.decode(encoding)
    except UnicodeDecodeError:
        return False
    return True


def _chain(first: bytes, rest: Iterator[bytes]) -> Iterator[bytes]:
    yield first
    yield from rest


def _raw_lines(chunks: Iterator[bytes]) -> Iterator[bytes]:
    """The lines, which end with \\n, \\r or both as in a text file; a piece may end between any two bytes."""
    kept = b""
    for chunk in chunks:
        data = kept + chunk
        held = data[-1:] if data.endswith(b"\r") else b""  # a \n may follow
        lines = data[: len(data) - len(held)].splitlines(keepends=True)
        last = lines.pop() if lines and not lines[-1].endswith((b"\n", b"\r")) else b""
        yield from lines
        kept = last + held
        if len(kept) > 4 * MOST_IN_LINE:
            raise Unreadable(f"a line is longer than {MOST_IN_LINE:,} characters")
    yield from kept.splitlines(keepends=True)


class _Raw(io.RawIOBase):
    """Pieces of bytes as a file."""

    def __init__(self, chunks: Iterable[bytes]) -> None:
        self._chunks, self._left = iter(chunks), memoryview(b"")

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: object) -> int:
        target = memoryview(buffer)  # type: ignore[arg-type]  # a buffer, as io passes it
        while not self._left:
            chunk = next(self._chunks, None)
            if chunk is None:
                return 0
            self._left = memoryview(chunk)
        size = min(len(target), len(self._left))
        target[:size] = self._left[:size]
        self._left = self._left[size:]
        return size


class _Lines:
    """The decoded lines of a file. ``record`` are those that were given out for the row that is being read."""

    def __init__(self, chunks: Iterable[bytes], encoding: str) -> None:
        buffered = io.BufferedReader(_Raw(chunks), 1 << 16)
        self._file = io.TextIOWrapper(buffered, encoding=encoding, newline="")
        self._waiting: list[str] = []
        self._number = 0
        self.record: list[str] = []

    def first(self) -> str:
        """The first line, which is given out once more."""
        line = self._read()
        self._waiting = [line] if line else []
        return line

    def __iter__(self) -> _Lines:
        return self

    def __next__(self) -> str:
        line = self._waiting.pop() if self._waiting else self._read()
        if not line:
            raise StopIteration
        self.record.append(line)
        return line

    def _read(self) -> str:
        self._number += 1
        try:
            line = self._file.readline(MOST_IN_LINE + 1)
        except UnicodeDecodeError as error:
            name = NAMES[error.encoding if error.encoding in NAMES else "utf-16"]
            raise Unreadable(f"characters that {name} does not have; save it as “CSV UTF-8”", self._number) from error
        if len(line) > MOST_IN_LINE:
            raise Unreadable(f"the line is longer than {MOST_IN_LINE:,} characters", self._number)
        if "\x00" in line:
            raise Unreadable("a null character; this is no text", self._number, line.index("\x00") + 1)
        return line


def _located(error: csv.Error, line: int, record: Sequence[str], delimiter: str) -> Unreadable:
    """What is wrong with a record, with the line and column where the cell begins."""
    text = "".join(record)
    column, begin, end = _culprit(text, delimiter)
    cell = text[begin:end]
    at = line + text.count("\n", 0, begin)
    if cell.startswith('"') and not _closed(cell):
        return Unreadable(f"a quote begins here and is not closed: {shortened(cell.splitlines()[0])}", at, column)
    if len(cell) > MOST_IN_CELL:
        return Unreadable(f"a cell of more than {MOST_IN_CELL:,} characters", at, column)
    return Unreadable(f"the quotes of the row do not match ({error})", at, column)


def _culprit(text: str, delimiter: str) -> tuple[int, int, int]:
    """(column, begin, end) of the last cell of a record that was read up to its fault, or of one that is too long."""
    column, begin, quoted = 1, 0, False
    for place, character in enumerate(text):
        if character == '"':
            quoted = not quoted
        elif character == delimiter and not quoted:
            if place - begin > MOST_IN_CELL:
                return column, begin, place
            column, begin = column + 1, place + 1
    return column, begin, len(text)


def _closed(cell: str) -> bool:
    return cell.count('"') % 2 == 0


def _quoted(names: Iterable[str]) -> str:
    return ", ".join(f"“{shortened(name)}”" for name in names)
