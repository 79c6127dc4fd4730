"""A table of a PDF that runs over pages: heads repeated, figures right-aligned, words wrapped. Pure; no Django.

The PDF library's own tables copy all rows that are left at each page, which takes minutes for tens of thousands.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from itertools import accumulate
from typing import Any

from reportlab.lib.colors import Color
from reportlab.lib.utils import simpleSplit
from reportlab.pdfbase.pdfmetrics import stringWidth
from reportlab.platypus import Flowable

from analytics.reporting.fonts import BOLD, PLAIN, printable
from analytics.reporting.sheet import Row, Table

SIZE = 8.0
PAD = 3.0
MOST_LINES = 6  # of one cell; the rest is cut off with an ellipsis
NARROWEST = 50.0  # what a column of words keeps, in points, unless it needs less
TITLE, NOTE = 11.0, 8.0
RULE, GREY, HEAD = Color(0.75, 0.75, 0.75), Color(0.35, 0.35, 0.35), Color(0.93, 0.93, 0.93)
Lines = list[str]


@dataclass(frozen=True, slots=True)
class Layout:
    """Where the cells of a table go on a page of one width: everything in points."""

    size: float
    widths: Sequence[float]
    head: Sequence[Lines]
    rows: Sequence[Sequence[Lines]]
    tops: Sequence[float]  # of each row, and the end of the last, from the first row's top

    @property
    def leading(self) -> float:
        return self.size * 1.3

    @property
    def head_height(self) -> float:
        return _height(self.head, self.leading)


def _height(cells: Sequence[Lines], leading: float) -> float:
    return max((len(lines) for lines in cells), default=1) * leading + PAD


def lay_out(table: Table, width: float) -> Layout:
    """Choose the size of the text and the widths of the columns, and wrap the words."""
    texts = [[printable(cell) for cell in row.cells] for row in table.rows]
    titles = [printable(column.title) for column in table.columns]
    natural = [_natural(table, titles, texts, place) for place in range(len(titles))]
    least = [
        min(each, NARROWEST) if column.words else each for each, column in zip(natural, table.columns, strict=True)
    ]
    scale = min(1.0, width / sum(least))  # rather small than cut off
    widths = _shared([each * scale for each in natural], [each * scale for each in least], table, width)
    size = SIZE * scale
    head = [wrapped(title, BOLD, size, each) for title, each in zip(titles, widths, strict=True)]
    rows = [
        [
            wrapped(text, _font(row), size, each) if column.words else [text]
            for text, column, each in zip(cells, table.columns, widths, strict=True)
        ]
        for cells, row in zip(texts, table.rows, strict=True)
    ]
    tops = list(accumulate((_height(cells, size * 1.3) for cells in rows), initial=0.0))
    return Layout(size, widths, head, rows, tops)


def _font(row: Row) -> str:
    return BOLD if row.strong else PLAIN


def _natural(table: Table, titles: Sequence[str], texts: Sequence[Sequence[str]], place: int) -> float:
    """How wide a column would be if nothing had to be wrapped but its title."""
    widest = max((stringWidth(word, BOLD, SIZE) for word in titles[place].split() or [""]), default=0.0)
    # Only the longest texts can be the widest: to measure every cell of a long table takes seconds.
    longest = sorted(
        {(len(cells[place]), cells[place], row.strong) for cells, row in zip(texts, table.rows, strict=True)}
    )
    for _, text, strong in longest[-200:]:
        widest = max(widest, stringWidth(text, BOLD if strong else PLAIN, SIZE))
    return widest + 2 * PAD


def _shared(natural: Sequence[float], least: Sequence[float], table: Table, width: float) -> list[float]:
    """The widths that add up to ``width``: what is over goes to the words as each lacks it, and then to all alike."""
    over = width - sum(least)
    lacks = [wide - narrow for wide, narrow in zip(natural, least, strict=True)]
    if over <= 0 or sum(lacks) >= over:
        share = max(over, 0.0) / (sum(lacks) or 1.0)
        return [narrow + lack * share for narrow, lack in zip(least, lacks, strict=True)]
    rest = (over - sum(lacks)) / len(natural)
    return [wide + rest for wide in natural]


@lru_cache(maxsize=4096)  # kinds, names and currencies come again and again
def wrapped(text: str, font: str, size: float, width: float) -> Lines:
    """``text`` in lines that fit between the pads of ``width``."""
    lines: Lines = simpleSplit(text, font, size, width - 2 * PAD) or [""]
    lines = [part for line in lines for part in _broken(line, font, size, width - 2 * PAD)]
    return lines if len(lines) <= MOST_LINES else [*lines[: MOST_LINES - 1], lines[MOST_LINES - 1][:-1] + "…"]


def _broken(line: str, font: str, size: float, width: float) -> Lines:
    """A word that is wider than its column, in pieces that are not."""
    pieces = [""]
    for letter in line if stringWidth(line, font, size) > width else ():
        if pieces[-1] and stringWidth(pieces[-1] + letter, font, size) > width:
            pieces.append("")
        pieces[-1] += letter
    return pieces if pieces != [""] else [line]


class Ledger(Flowable):
    """The rows ``first`` to before ``stop`` of a table; the title stands above the first one only."""

    def __init__(self, table: Table, page_height: float, layout: Layout | None = None, first: int = 0) -> None:
        super().__init__()
        self.table, self.page_height, self.layout = table, page_height, layout
        self.first, self.stop = first, len(table.rows)

    def _laid(self, width: float) -> Layout:
        if self.layout is None:
            self.layout = lay_out(self.table, width)
        return self.layout

    @property
    def _above(self) -> float:
        """What stands above the heads."""
        if self.first:
            return 0.0
        notes = len(self._note_lines()) * NOTE * 1.35
        return TITLE * 1.6 + (notes + 2 if notes else 0.0)

    def _note_lines(self) -> Lines:
        note = self.table.note if self.table.rows else self.table.empty or self.table.note
        return wrapped(printable(note), PLAIN, NOTE, self.width + 2 * PAD) if note else []

    def _height(self, layout: Layout, stop: int) -> float:
        head = layout.head_height if self.table.rows else 0.0
        return self._above + head + layout.tops[stop] - layout.tops[self.first]

    def wrap(self, width: float, height: float) -> tuple[float, float]:
        self.width = width
        self.height = self._height(self._laid(width), self.stop)
        return width, self.height

    def split(self, width: float, height: float) -> list[Ledger]:
        self.width = width
        layout = self._laid(width)
        whole = self._height(layout, self.stop)
        if whole <= height:
            return [self]
        if not self.table.split and whole <= self.page_height and height < self.page_height:
            return []
        room = height - self._above - layout.head_height + layout.tops[self.first]
        stop = bisect_right(layout.tops, room) - 1
        if stop - 1 > self.first and self.table.rows[stop - 1].strong:
            stop -= 1  # the head of a group goes with what it is above
        if stop <= self.first:
            return []
        top = Ledger(self.table, self.page_height, layout, self.first)
        top.stop = stop
        return [top, Ledger(self.table, self.page_height, layout, stop)]

    def draw(self) -> None:
        layout, canvas, y = self._laid(self.width), self.canv, self.height
        if not self.first:
            y = self._draw_title(y)
        if not self.table.rows:
            return
        canvas.setFillColor(HEAD)
        canvas.rect(0, y - layout.head_height, self.width, layout.head_height, stroke=0, fill=1)
        y = self._draw_row(layout, layout.head, BOLD, y)
        for place in range(self.first, self.stop):
            row = self.table.rows[place]
            y = self._draw_row(layout, layout.rows[place], _font(row), y)
            canvas.setStrokeColor(GREY if row.strong else RULE)
            canvas.setLineWidth(0.4)
            canvas.line(0, y, self.width, y)

    def _draw_title(self, y: float) -> float:
        canvas, title = self.canv, printable(self.table.title)
        key = f"table-{id(self.table)}"
        canvas.bookmarkPage(key)
        canvas.addOutlineEntry(title, key, level=0)
        canvas.setFillColor(Color(0, 0, 0))
        canvas.setFont(BOLD, TITLE)
        canvas.drawString(0, y - TITLE, title)
        y -= TITLE * 1.6
        canvas.setFillColor(GREY)
        canvas.setFont(PLAIN, NOTE)
        for line in self._note_lines():
            canvas.drawString(0, y - NOTE, line)
            y -= NOTE * 1.35
        return y - (2 if self._note_lines() else 0)

    def _draw_row(self, layout: Layout, cells: Sequence[Lines], font: str, y: float) -> float:
        canvas: Any = self.canv
        canvas.setFillColor(Color(0, 0, 0))
        canvas.setFont(font, layout.size)
        x = 0.0
        for lines, column, width in zip(cells, self.table.columns, layout.widths, strict=True):
            for number, line in enumerate(lines):
                base = y - PAD / 2 - layout.size - number * layout.leading
                if column.words:
                    canvas.drawString(x + PAD, base, line)
                else:
                    canvas.drawRightString(x + width - PAD, base, line)
            x += width
        return y - _height(cells, layout.leading)
