"""Pictures of a PDF, drawn as vectors: lines over days, and bars. Pure; no Django."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from reportlab.lib.colors import Color
from reportlab.pdfbase.pdfmetrics import stringWidth
from reportlab.platypus import Flowable

from analytics.reporting.fonts import BOLD, PLAIN, printable
from analytics.reporting.ledger import PAD, wrapped
from analytics.reporting.sheet import Bars, Lines

HEIGHT, TITLE, SMALL = 150.0, 11.0, 7.0
BLACK, GREY, GRID = Color(0, 0, 0), Color(0.35, 0.35, 0.35), Color(0.85, 0.85, 0.85)
# Told apart by their dashes, too: a report may be printed without colours.
STROKES = ((Color(0.07, 0.31, 0.62), 1.3, ()), (Color(0.45, 0.45, 0.45), 1.0, (4, 2)), (GREY, 1.0, (1, 2)))


class Picture(Flowable):
    """Title, a field with levels at its left, and the sentence that says what is seen."""

    def __init__(self, drawn: Lines | Bars) -> None:
        super().__init__()
        self.drawn = drawn

    def wrap(self, width: float, height: float) -> tuple[float, float]:
        self.width = width
        self.words = wrapped(printable(self.drawn.sentence), PLAIN, 8, width + 2 * PAD)
        self.height = HEIGHT + TITLE * 1.6 + 3 * SMALL + 12 + len(self.words) * 11
        return width, self.height

    def split(self, width: float, height: float) -> list[Flowable]:
        return []

    def draw(self) -> None:
        canvas: Any = self.canv
        canvas.setFillColor(BLACK)
        canvas.setFont(BOLD, TITLE)
        canvas.drawString(0, self.height - TITLE, printable(self.drawn.title))
        canvas.setFont(PLAIN, SMALL)
        levels = self.drawn.levels
        left = max((stringWidth(printable(text), PLAIN, SMALL) for _, text in levels), default=0.0) + 6
        field = Field(left, len(self.words) * 11 + 2 * SMALL + 10, self.width - left, HEIGHT, levels)
        field.grid(canvas)
        if isinstance(self.drawn, Lines):
            _draw_lines(canvas, field, self.drawn)
        else:
            _draw_bars(canvas, field, self.drawn)
        canvas.setFillColor(GREY)
        canvas.setFont(PLAIN, 8)
        for number, line in enumerate(reversed(self.words)):
            canvas.drawString(0, number * 11 + 3, line)


class Field:
    """The rectangle that is drawn in; its first level lies at the bottom and its last at the top."""

    def __init__(
        self, left: float, bottom: float, width: float, height: float, levels: Sequence[tuple[float, str]]
    ) -> None:
        self.left, self.bottom, self.width, self.height, self.levels = left, bottom, width, height, levels
        self.low, self.high = levels[0][0], levels[-1][0]

    def y(self, value: float) -> float:
        return self.bottom + (value - self.low) / ((self.high - self.low) or 1.0) * self.height

    def grid(self, canvas: Any) -> None:
        canvas.setLineWidth(0.4)
        for value, text in self.levels:
            canvas.setStrokeColor(GREY if value == 0 else GRID)
            canvas.line(self.left, self.y(value), self.left + self.width, self.y(value))
            canvas.setFillColor(GREY)
            canvas.drawRightString(self.left - 4, self.y(value) - SMALL / 3, printable(text))


def _draw_lines(canvas: Any, field: Field, drawn: Lines) -> None:
    first, last = drawn.days[0].toordinal(), drawn.days[-1].toordinal()
    xs = [field.left + (day.toordinal() - first) / ((last - first) or 1) * field.width for day in drawn.days]
    places = dict(zip(drawn.days, xs, strict=True))
    for day, text in drawn.ticks:
        written = printable(text)
        half = stringWidth(written, PLAIN, SMALL) / 2
        canvas.drawCentredString(min(places[day], field.left + field.width - half), field.bottom - SMALL - 4, written)
    for line, (colour, width, dashes) in reversed(list(zip(drawn.lines, STROKES, strict=False))):
        canvas.setStrokeColor(colour)
        canvas.setLineWidth(width)
        canvas.setDash(*([list(dashes)] if dashes else []))
        _stroke(
            canvas,
            [(x, field.y(value)) if value is not None else None for x, value in zip(xs, line.values, strict=True)],
        )
    canvas.setDash()
    _legend(canvas, field, drawn)


def _stroke(canvas: Any, points: Sequence[tuple[float, float] | None]) -> None:
    """One path; a gap begins a new part of it."""
    path, down = canvas.beginPath(), False
    for point in points:
        if point is not None and down:
            path.lineTo(*point)
        elif point is not None:
            path.moveTo(*point)
        down = point is not None
    canvas.drawPath(path)


def _legend(canvas: Any, field: Field, drawn: Lines) -> None:
    x, y = field.left, field.bottom + field.height + 5
    for line, (colour, width, dashes) in zip(drawn.lines, STROKES, strict=False):
        canvas.setStrokeColor(colour)
        canvas.setLineWidth(width)
        canvas.setDash(*([list(dashes)] if dashes else []))
        canvas.line(x, y + SMALL / 3, x + 16, y + SMALL / 3)
        canvas.setDash()
        canvas.setFillColor(GREY)
        canvas.drawString(x + 20, y, printable(line.name))
        x += 32 + stringWidth(printable(line.name), PLAIN, SMALL)


def _draw_bars(canvas: Any, field: Field, drawn: Bars) -> None:
    step = field.width / len(drawn.names)
    widest = max(stringWidth(printable(name), PLAIN, SMALL) for name in drawn.names) + 4
    every = max(1, -int(-widest // step))  # names that would overlap are left out
    for number, (name, value) in enumerate(zip(drawn.names, drawn.values, strict=True)):
        x, zero = field.left + number * step, field.y(0.0)
        canvas.setFillColor(STROKES[0][0] if value >= 0 else GREY)
        canvas.rect(x + step * 0.15, zero, step * 0.7, field.y(value) - zero, stroke=0, fill=1)
        if number % every == 0:
            canvas.setFillColor(GREY)
            canvas.drawCentredString(x + step / 2, field.bottom - SMALL - 4, printable(name))
