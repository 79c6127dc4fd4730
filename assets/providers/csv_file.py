"""Daily bars from CSV files in a folder, for prices that no service offers.

Every file whose name ends in ``.csv`` is read. The first line names the columns::

    symbol,date,open,high,low,close,volume
    AAPL,2024-05-31,191.44,192.57,189.91,192.25,75158277

Prices are as traded, per unit, in the asset's currency, with a point; the date is YYYY-MM-DD. Only symbol, date and
close need a value. Text is UTF-8.
"""

from __future__ import annotations

import csv
import re
from collections.abc import Iterable, Iterator, Sequence
from datetime import date
from decimal import Decimal
from pathlib import Path

from assets.providers.base import BadPayload, Bar, Unavailable

COLUMNS = ["symbol", "date", "open", "high", "low", "close", "volume"]
NUMBER = re.compile(r"[+-]?[0-9]{1,40}(\.[0-9]{1,40})?")
DAY = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}")


class CsvFolder:
    name = "csv_file"

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def daily_bars(self, symbols: Sequence[str], day: date) -> list[Bar]:
        """The rows of ``symbols`` on ``day`` from all files. Raises Unavailable, or BadPayload with file and line."""
        if not self._folder.is_dir():
            raise Unavailable(f"csv_file: there is no folder {self._folder}")
        wanted, text = set(symbols), day.isoformat()
        return [
            bar
            for path in sorted(self._folder.glob("*.csv"))
            for bar in read(path)
            if bar.day.isoformat() == text and bar.symbol in wanted
        ]


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
