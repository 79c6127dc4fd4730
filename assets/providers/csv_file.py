"""Daily bars from CSV files, in a folder or at an address, for prices that no service offers.

In the folder every file whose name ends in ``.csv`` is read. The first line names the columns::

    symbol,date,open,high,low,close,volume
    AAPL,2024-05-31,191.44,192.57,189.91,192.25,75158277

Prices are as traded, per unit, in the asset's currency, with a point; the date is YYYY-MM-DD. Only symbol, date and
close need a value. Text is UTF-8. What is at the address is kept in a file, and asked for again only if it changed.
"""

from __future__ import annotations

import csv
import hashlib
import json
import os
import re
import tempfile
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from pathlib import Path

from assets.providers.base import BadPayload, Bar, Unavailable, UnknownSymbol
from assets.providers.transport import Bounds, expect, get

COLUMNS = ["symbol", "date", "open", "high", "low", "close", "volume"]
NUMBER = re.compile(r"[+-]?[0-9]{1,40}(\.[0-9]{1,40})?")
DAY = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}")
VALIDATORS = {"ETag": "If-None-Match", "Last-Modified": "If-Modified-Since"}


class CsvFiles:
    name = "csv_file"

    def __init__(self, folder: Path | None, page: Page | None = None) -> None:
        self._folder, self._page = folder, page

    def daily_bars(self, symbols: Sequence[str], day: date) -> list[Bar]:
        """The rows of ``symbols`` on ``day`` from all files. Raises Unavailable, or BadPayload with file and line."""
        wanted = set(symbols)
        return [bar for bar in self._bars() if bar.day == day and bar.symbol in wanted]

    def history(self, symbol: str, start: date, end: date) -> list[Bar]:
        own = [bar for bar in self._bars() if bar.symbol == symbol]
        if not own:
            raise UnknownSymbol(f"csv_file: there is no line of {symbol}")
        return sorted((bar for bar in own if start <= bar.day <= end), key=lambda bar: bar.day)

    def _bars(self) -> Iterator[Bar]:
        if self._folder and not self._folder.is_dir():
            raise Unavailable(f"csv_file: there is no folder {self._folder}")
        for path in sorted(self._folder.glob("*.csv")) if self._folder else []:
            yield from read(path)
        if self._page:
            yield from self._page.bars()


@dataclass(frozen=True, slots=True)
class Page:
    """A CSV at an address, and the folder in which the last version of it is kept."""

    url: str
    kept_in: Path
    bounds: Bounds

    def bars(self) -> Iterator[Bar]:
        """Raises Unavailable, or BadPayload for what is no such CSV; then the version before stays."""
        known = self._kept()
        asked = {VALIDATORS[name]: value for name, value in known.items() if name in VALIDATORS}
        answer = get(self.bounds, self.url, None, **asked)
        if answer.status == 304 and "text" in known:
            return parse(known["text"].splitlines(keepends=True), "the address")
        expect("csv_file", answer.status == 200, f"the address answers with HTTP {answer.status}")
        try:
            text = answer.data.decode("utf-8-sig")
        except UnicodeDecodeError as error:
            raise BadPayload("csv_file: what is at the address is not UTF-8") from error
        bars = list(parse(text.splitlines(keepends=True), "the address"))
        self._keep({name: answer.headers[name] for name in VALIDATORS if name in answer.headers} | {"text": text})
        return iter(bars)

    @property
    def _path(self) -> Path:
        return self.kept_in / f"{hashlib.sha256(self.url.encode()).hexdigest()}.json"

    def _kept(self) -> dict[str, str]:
        try:
            found = json.loads(self._path.read_text())
        except (OSError, ValueError):
            return {}
        return found if isinstance(found, dict) and all(isinstance(value, str) for value in found.values()) else {}

    def _keep(self, version: Mapping[str, str]) -> None:
        """Put the version in its place whole: other processes read it."""
        self.kept_in.mkdir(parents=True, exist_ok=True)
        descriptor, draft = tempfile.mkstemp(dir=self.kept_in, prefix=".csv")
        with os.fdopen(descriptor, "w") as file:
            json.dump(version, file)
        Path(draft).replace(self._path)


def read(path: Path) -> Iterator[Bar]:
    """The bars of one file."""
    try:
        with path.open(encoding="utf-8-sig", newline="") as lines:
            yield from parse(lines, path.name)
    except (OSError, UnicodeDecodeError) as error:
        raise BadPayload(f"csv_file: {path.name} cannot be read: {error}") from error


def parse(lines: Iterable[str], name: str) -> Iterator[Bar]:
    """Apart from the file, for imports and tests; ``name`` stands in the messages."""
    rows = csv.reader(lines, strict=True)  # otherwise a quote that is not closed swallows the rest of the file
    try:
        if next(rows, None) != COLUMNS:
            raise BadPayload(f"csv_file: {name} does not begin with {','.join(COLUMNS)}")
        for row in rows:
            if row:
                yield _bar(row)
    except UnicodeDecodeError:
        raise  # the line is not known
    except (csv.Error, ValueError) as error:
        raise BadPayload(f"csv_file: {name} line {rows.line_num}: {error}") from error


def _bar(row: Sequence[str]) -> Bar:
    if len(row) != len(COLUMNS):
        raise ValueError(f"{len(row)} columns instead of {len(COLUMNS)}")
    symbol, day, *figures = (cell.strip() for cell in row)
    opened, high, low, close, volume = map(_number, figures)
    if not DAY.fullmatch(day):
        raise ValueError(f"“{day}” is not a date of the form YYYY-MM-DD")
    return Bar(
        symbol=symbol,
        day=date.fromisoformat(day),
        close=Decimal("NaN") if close is None else close,
        open=opened,
        high=high,
        low=low,
        volume=volume,
    )


def _number(text: str) -> Decimal | None:
    """An empty cell is no figure; one that is no plain number is NaN, and the row is refused by the quality check."""
    if not text:
        return None
    return Decimal(text) if NUMBER.fullmatch(text) else Decimal("NaN")
