"""What files of all kinds share: errors that name their place, and cells that mean one thing."""

from __future__ import annotations

import re
from datetime import UTC, date, datetime
from hashlib import blake2b

DECIMALS = 4  # amounts become whole ten-thousandths
SCALE = 10**DECIMALS
AMOUNT = re.compile(r"([+-]?)([0-9]{1,15})(?:([.,])([0-9]{1,10}))?", re.ASCII)
NUMBER = re.compile(r"[0-9]{1,18}(?:[.,][0-9]{1,10})?", re.ASCII)
DAY = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}", re.ASCII)
TIME = re.compile(
    r"[0-9]{4}-[0-9]{2}-[0-9]{2}[T ][0-9]{2}:[0-9]{2}(:[0-9]{2}(\.[0-9]{1,6})?)?(Z|[+-][0-9]{2}:?[0-9]{2})?", re.ASCII
)
EARLIEST = "1900-01-01"
SHOWN = 40


class Unreadable(Exception):
    """Nothing after this place can be read; ``line`` and ``column`` count from 1, 0 is the file itself."""

    def __init__(self, text: str, line: int = 0, column: int = 0) -> None:
        super().__init__(text)
        self.text, self.line, self.column = text, line, column

    def __str__(self) -> str:
        where = f"Line {self.line}" if self.line else "The file"
        return f"{where}{f', column {self.column}' if self.column else ''}: {self.text}"


class Wrong(Exception):
    """One row is not what its columns say; the rest of the file can be read."""


class Decimals:
    """The decimal mark of a file, point or comma: the first number that has one decides, and a file has one."""

    def __init__(self) -> None:
        self.mark = ""

    def units(self, name: str, text: str) -> int:
        """An amount in ten-thousandths, not 0."""
        found = AMOUNT.fullmatch(text)
        if found is None:
            raise Wrong(f"{name} “{shortened(text)}” is not a plain number such as -12.50 or -12,50")
        sign, whole, mark, part = found.groups()
        if mark:
            self.agree(name, text, mark)
        part = (part or "").rstrip("0")
        if len(part) > DECIMALS:
            raise Wrong(f"{name} “{text}” has more than {DECIMALS} decimals")
        units = int(whole + part.ljust(DECIMALS, "0"))
        if not units:
            raise Wrong(f"{name} is 0")
        return -units if sign == "-" else units

    def plain(self, name: str, text: str) -> str:
        """A number that is not negative, with a point and no needless zeros."""
        if not NUMBER.fullmatch(text):
            raise Wrong(f"{name} “{shortened(text)}” is not a plain number such as 12.50 or 12,50")
        if "," in text or "." in text:
            self.agree(name, text, "," if "," in text else ".")
            text = text.replace(",", ".").rstrip("0").rstrip(".")
        return text.lstrip("0") if text.lstrip("0")[:1].isdigit() else "0" + text.lstrip("0")

    def agree(self, name: str, text: str, mark: str) -> None:
        self.mark = self.mark or mark
        if self.mark != mark:
            words = {",": "a comma", ".": "a point"}
            raise Wrong(f"{name} “{text}” has {words[mark]}, but decimals of this file begin with {words[self.mark]}")


def day(name: str, text: str) -> str:
    """A day as it is written, YYYY-MM-DD, if there is one."""
    try:
        if not DAY.fullmatch(text):
            raise ValueError(text)
        date.fromisoformat(text)
    except ValueError:
        raise Wrong(f"{name} “{shortened(text)}” is not a day of the form 2024-05-31") from None
    if text < EARLIEST:
        raise Wrong(f"{name} {text} is before 1900")
    return text


def instant(name: str, text: str) -> str:
    """A moment in ISO 8601 as Python writes it: with its zone in UTC, without one as it is."""
    try:
        if not TIME.fullmatch(text):
            raise ValueError(text)
        found = datetime.fromisoformat(text)
        return (found.astimezone(UTC) if found.tzinfo else found).isoformat()
    except (ValueError, OverflowError):
        example = "2024-05-31T15:30:00Z"
        raise Wrong(f"{name} “{shortened(text)}” is not a moment with day and time such as {example}") from None


def words(name: str, text: str, longest: int) -> str:
    """A text on one line."""
    text = " ".join(text.split())
    if len(text) > longest:
        raise Wrong(f"{name} has {len(text)} characters; at most {longest} are kept")
    return text


def content_key(*parts: object) -> int:
    """A 64-bit hash of what a row says, signed as databases keep it: equal rows have equal keys."""
    text = "\x1f".join(map(str, parts))
    return int.from_bytes(blake2b(text.encode(), digest_size=8).digest(), "big", signed=True)


def shortened(text: str) -> str:
    return text if len(text) <= SHOWN else text[: SHOWN - 1] + "…"
