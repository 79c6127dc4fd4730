"""A small picture of closes with a doubtful one beside them. Pure: numbers in, places in a box out."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from decimal import Decimal

WIDTH, HEIGHT, EDGE = 240, 64, 6
LARGEST = Decimal("1E+15")


@dataclass(frozen=True, slots=True)
class Sparkline:
    """``points`` of the line as SVG writes them, and the centre of the doubtful close, if it can be drawn."""

    points: str
    dot: tuple[float, float] | None


def sparkline(closes: Sequence[Decimal], doubtful: Decimal | None) -> Sparkline | None:
    """``closes``, the oldest first, and ``doubtful`` after them, from left to right; None for fewer than two points."""
    drawn = doubtful if doubtful is not None and doubtful.is_finite() and abs(doubtful) < LARGEST else None
    values = [float(value) for value in closes] + ([float(drawn)] if drawn is not None else [])
    if len(values) < 2:
        return None
    low, high = min(values), max(values)
    step = (WIDTH - 2 * EDGE) / max(len(closes), 1)
    places = [
        (round(EDGE + number * step, 1), round(HEIGHT - EDGE - _share(value, low, high) * (HEIGHT - 2 * EDGE), 1))
        for number, value in enumerate(values)
    ]
    line = places[: len(closes)]
    return Sparkline(" ".join(f"{x},{y}" for x, y in line), places[-1] if drawn is not None else None)


def _share(value: float, low: float, high: float) -> float:
    return (value - low) / (high - low) if high > low else 0.5


def line_of(values: Sequence[float], width: int, height: int, edge: int) -> str:
    """``values``, at least two, as the points of a line that fills a box but for its edge; in whole units, so short."""
    low, high = min(values), max(values)
    step = width / (len(values) - 1)
    places = (
        (round(number * step), round(height - edge - _share(value, low, high) * (height - 2 * edge)))
        for number, value in enumerate(values)
    )
    return " ".join(f"{x},{y}" for x, y in places)
