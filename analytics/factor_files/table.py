"""What every layout of factor files is read into, and how cells become days and fractions."""

from __future__ import annotations

import re
from calendar import monthrange
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from itertools import pairwise
from statistics import median

from analytics.factor_files.errors import BadFactorValue, FactorFileTooLarge, LayoutChanged

MOST_BYTES = 4_000_000
MOST_UNPACKED = 20_000_000
MOST_ROWS = 60_000
MOST_COLUMNS = 60
LONGEST_KEY = 32
RETURN_LIMIT = 10.0  # no factor earned or lost ten times its stake in one period
FEW = 4  # rows that say little about how often there is one
DAILY, WEEKLY, MONTHLY = "daily", "weekly", "monthly"
# Days between the ends of two periods at least: a week whose one session was a Monday ends three days after a Friday.
CLOSEST = {DAILY: 1, WEEKLY: 3, MONTHLY: 28}

NUMBER = re.compile(r"[+-]?([0-9]{1,12}(\.[0-9]{0,20})?|\.[0-9]{1,20})([eE][+-]?[0-9]{1,2})?", re.ASCII)
MISSING = re.compile(r"-99\.990*|-999(\.0*)?", re.ASCII)  # of the Kenneth R. French library
ISO_DAY = re.compile(r"([0-9]{4})-([0-9]{2})-([0-9]{2})", re.ASCII)
PLAIN_DAY = re.compile(r"([0-9]{4})([0-9]{2})([0-9]{2})", re.ASCII)
MONTH = re.compile(r"([0-9]{4})-?([0-9]{2})", re.ASCII)

# Other names of the same series in the library's files and in those that other programs make of them.
ALIASES = {"mktrf": "mkt_rf", "wml": "mom", "umd": "mom"}
# What the usual factors are called, and what they are.
STANDARD = {
    "mkt_rf": ("Market", "All shares, weighted by value, over the risk-free rate (Mkt−RF)."),
    "smb": ("Size", "Small companies over big ones (SMB)."),
    "hml": ("Value", "A high book value for the price over a low one (HML)."),
    "rmw": ("Profitability", "Robust over weak profits (RMW)."),
    "cma": ("Investment", "Companies that invest little over those that invest much (CMA)."),
    "mom": ("Momentum", "The last year's winners over its losers (Mom)."),
    "rf": ("Risk-free rate", "What the shortest treasury bill returned."),
}


@dataclass(frozen=True, slots=True)
class FactorRow:
    """One period: its last day and the fractions of each column, None where the file has none."""

    line: int
    day: date
    values: tuple[float | None, ...]


@dataclass(frozen=True, slots=True)
class FactorTable:
    """A file's returns: ``columns`` as the file names them, their ``keys``, rows in the order of their days.

    ``left_out`` are the titles of the file's sections that were not read.
    """

    frequency: str
    columns: tuple[str, ...]
    keys: tuple[str, ...]
    rows: tuple[FactorRow, ...]
    left_out: tuple[str, ...] = ()

    @property
    def first(self) -> date:
        return self.rows[0].day

    @property
    def last(self) -> date:
        return self.rows[-1].day

    def only(self, keys: Sequence[str]) -> FactorTable:
        """The table with the columns of these keys alone. Raises LayoutChanged for one that it does not have."""
        if unknown := [key for key in keys if key not in self.keys]:
            raise LayoutChanged(
                "There is no column “{column}”; there are {names}.",
                column=unknown[0][:40],
                names=", ".join(self.keys),
            )
        places = [self.keys.index(key) for key in keys]
        rows = tuple(FactorRow(row.line, row.day, tuple(row.values[place] for place in places)) for row in self.rows)
        columns = tuple(self.columns[place] for place in places)
        return FactorTable(self.frequency, columns, tuple(keys), rows, self.left_out)

    @property
    def missing(self) -> int:
        """How many values the file says it does not know."""
        return sum(value is None for row in self.rows for value in row.values)


def factor_key(column: str) -> str:
    """The key of a column: "Mkt-RF" is mkt_rf. Empty where nothing of the name can be one."""
    words = re.sub(r"[^a-z0-9]+", "_", column.lower()).strip("_")
    key = words if words[:1].isalpha() or not words else f"f_{words}"
    return ALIASES.get(key, key)[:LONGEST_KEY].strip("_")


def keys_of(columns: Sequence[str], line: int) -> tuple[str, ...]:
    """The columns' keys. Raises LayoutChanged where two agree or one has none, FactorFileTooLarge for too many."""
    if not columns:
        raise LayoutChanged("there is no column beside the dates", line=line)
    if len(columns) > MOST_COLUMNS:
        raise FactorFileTooLarge(
            "{count} columns; at most {most} are read", count=len(columns), most=MOST_COLUMNS, line=line
        )
    keys = tuple(map(factor_key, columns))
    for place, key in enumerate(keys):
        if not key:
            raise LayoutChanged("column {number} has no name", number=place + 2, line=line)
        if keys.index(key) != place:
            raise LayoutChanged("“{column}” stands twice among the columns", column=columns[place][:40], line=line)
    return keys


def fraction(text: str, *, percent: bool, line: int, column: str) -> float | None:
    """A cell as a fraction, None where it says that nothing is known. Raises BadFactorValue."""
    cell = text.strip()
    percent, cell = percent or cell.endswith("%"), cell.removesuffix("%").strip()
    if cell in ("", "NA", "NaN", "nan", ".") or (percent and MISSING.fullmatch(cell)):
        return None
    if not NUMBER.fullmatch(cell):
        raise BadFactorValue("{column}: “{cell}” is not a number", column=column, cell=text.strip()[:40], line=line)
    exact = Decimal(cell)
    value = float(exact.scaleb(-2) if percent else exact)
    if not abs(value) < RETURN_LIMIT:
        if percent:
            raise BadFactorValue(
                "{column}: {cell} is no return of one period", column=column, cell=cell[:40], line=line
            )
        raise BadFactorValue(
            "{column}: {cell} is no return of one period; are the values percent?",
            column=column,
            cell=cell[:40],
            line=line,
        )
    return value


def day_of(text: str, line: int) -> tuple[date, bool]:
    """A cell as (day, whether it names a whole month); of a month it is the last day. Raises BadFactorValue."""
    for pattern, whole in ((ISO_DAY, False), (PLAIN_DAY, False), (MONTH, True)):
        if found := pattern.fullmatch(text):
            parts = [int(part) for part in found.groups()]
            try:
                return (month_end(date(parts[0], parts[1], 1)) if whole else date(*parts)), whole
            except ValueError:
                break
    raise BadFactorValue(
        "“{cell}” is no day such as 2024-05-31 or 20240531, and no month such as 202405", cell=text[:40], line=line
    )


def month_end(day: date) -> date:
    """The last day of its month."""
    return day.replace(day=monthrange(day.year, day.month)[1])


def spacing(days: Sequence[date], wanted: str | None = None) -> str:
    """How often there is a row, by the usual distance of ascending ``days``; of a few rows it is as wanted."""
    if wanted and len(days) < FEW:
        return wanted
    gaps = [(later - earlier).days for earlier, later in pairwise(days)]
    usual = median(gaps) if gaps else 1
    return DAILY if usual <= 4 else WEEKLY if usual <= 14 else MONTHLY


def too_close(days: Sequence[date], frequency: str) -> tuple[date, date] | None:
    """The first two of ascending ``days`` that cannot both end a period, because those would overlap."""
    pairs = ((earlier, later) for earlier, later in pairwise(days) if (later - earlier).days < CLOSEST[frequency])
    return next(pairs, None)


def in_order(rows: Iterable[FactorRow], frequency: str) -> tuple[FactorRow, ...]:
    """The rows by day, a month's at its last day. Raises LayoutChanged where two are of one period."""
    if frequency == MONTHLY:
        rows = [FactorRow(row.line, month_end(row.day), row.values) for row in rows]
    ordered = sorted(rows, key=lambda row: row.day)
    for earlier, later in pairwise(ordered):
        if earlier.day == later.day:
            raise LayoutChanged(
                "{day} stands in line {before} already", day=later.day, before=earlier.line, line=later.line
            )
    return tuple(ordered)
