"""A report as it is printed: words, tables and pictures, with every text already in the reader's language. Pure."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from math import ceil, floor, log10
from typing import NamedTuple


class Column(NamedTuple):
    """``words`` are left-aligned and may be wrapped, figures are right-aligned and never are."""

    title: str
    words: bool = False


class Row(NamedTuple):
    """One cell for each column; a ``strong`` row is a sum or a group's head. ``asset`` is the symbol it is about."""

    cells: Sequence[str]
    strong: bool = False
    asset: str = ""


@dataclass(frozen=True, slots=True)
class Table:
    """``empty`` is said where there are no rows. A table that is not ``split`` stays on one page if it can."""

    title: str
    columns: Sequence[Column]
    rows: Sequence[Row]
    note: str = ""
    empty: str = ""
    split: bool = True


@dataclass(frozen=True, slots=True)
class Line:
    """``values`` are in the order of the picture's days; None leaves a gap."""

    name: str
    values: Sequence[float | None]


@dataclass(frozen=True, slots=True)
class Lines:
    """Lines over days, ascending; the first one is the main one. ``sentence`` says in words what is seen.

    ``ticks`` are days and ``levels`` values with their texts at the axes.
    """

    title: str
    days: Sequence[date]
    lines: Sequence[Line]
    ticks: Sequence[tuple[date, str]]
    levels: Sequence[tuple[float, str]]
    sentence: str


@dataclass(frozen=True, slots=True)
class Bars:
    """One upright bar for each name, upwards for a gain and downwards for a loss."""

    title: str
    names: Sequence[str]
    values: Sequence[float]
    levels: Sequence[tuple[float, str]]
    sentence: str

    @property
    def zero(self) -> float:
        """How far from the top the zero line is in a field of height 100."""
        highest, lowest = max([0.0, *self.values]), min([0.0, *self.values])
        return 100.0 * highest / ((highest - lowest) or 1.0)

    @property
    def drawn(self) -> list[tuple[str, tuple[float, float]]]:
        """(number, (top, height)) of each bar in a field of height 100; the first one has no number."""
        highest, lowest = max([0.0, *self.values]), min([0.0, *self.values])
        scale = 100.0 / ((highest - lowest) or 1.0)
        bars = [((highest - max(value, 0.0)) * scale, abs(value) * scale) for value in self.values]
        return [(str(place or ""), bar) for place, bar in enumerate(bars)]


@dataclass(frozen=True, slots=True)
class Sheet:
    """A report. ``facts`` are pairs of what stands below its title; ``foot`` stands on every page; ``of`` the word
    between a page's number and how many there are. ``missing`` is said where the font lacks a character."""

    title: str
    subject: str
    author: str
    facts: Sequence[tuple[str, str]]
    sections: Sequence[Table | Lines | Bars]
    notes: Sequence[str]
    foot: str
    language: str = "en"
    page: str = "Page {number} of {count}"
    missing: str = "Characters that this document’s font lacks are shown as □."


def steps(values: Sequence[float], most: int = 5) -> list[float]:
    """Round levels for an axis over ``values``: from the last at or below the lowest to the first at or above all."""
    lowest, highest = min(values, default=0.0), max(values, default=0.0)
    spread = (highest - lowest) or abs(highest) or 1.0
    power = 10.0 ** floor(log10(spread / most))
    step = next(power * factor for factor in (1, 2, 2.5, 5, 10) if spread / (power * factor) <= most)
    first, last = floor(lowest / step + 1e-9), ceil(highest / step - 1e-9)
    return [step * place for place in range(first, max(last, first + 1) + 1)]


def ticks(days: Sequence[date], most: int = 6) -> list[date]:
    """A few of ``days`` for an axis, evenly spread, both ends included."""
    count = min(most, len(days))
    return [days[round(place * (len(days) - 1) / max(count - 1, 1))] for place in range(count)]
