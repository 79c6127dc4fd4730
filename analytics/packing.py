"""The figures of a portfolio's periods as bytes for one column, and back. Pure; no Django.

A snapshot has some 200 of them. As one block of numbers they are written and read exactly and in microseconds. A layout
says what a block holds, so that one written years ago is still read by name when figures have been added.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from analytics.windows import WINDOW, Windows


@dataclass(frozen=True, slots=True)
class Layout:
    """The periods and figures of a block, in its order."""

    periods: tuple[str, ...]
    figures: tuple[str, ...]

    @property
    def record(self) -> np.dtype[np.void]:
        """One period: its window, then its figures as little-endian float64."""
        return np.dtype([*((name, WINDOW[name]) for name in WINDOW.names or ()), ("figures", "<f8", len(self.figures))])


# A new figure or period gets a new number; what stands here is never changed, only added to.
LAYOUTS = {
    1: Layout(
        ("month", "quarter", "half_year", "ytd", "year", "three_years", "five_years", "inception"),
        (
            "total_return",
            "annual_return",
            "annual_volatility",
            "sharpe_ratio",
            "sortino_ratio",
            "calmar_ratio",
            "max_drawdown",
            "beta",
            "alpha",
            "value_at_risk",
            "expected_shortfall",
            "skewness",
            "win_rate",
            "tracking_error",
            "information_ratio",
            "r_squared",
            "up_capture",
            "down_capture",
            "omega_ratio",
            "ulcer_index",
            "tail_ratio",
            "stability",
            "excess_kurtosis",
            "best_day",
            "worst_day",
        ),
    ),
}
CURRENT = max(LAYOUTS)


def pack(found: Windows) -> list[bytes]:
    """A block of the current layout for each of the n portfolios."""
    layout = LAYOUTS[CURRENT]
    if (tuple(found.keys), tuple(found.names)) != (layout.periods, layout.figures):
        raise ValueError("the figures are not those of the current layout: add one to LAYOUTS")
    records = np.empty(found.windows.shape, layout.record)
    for name in WINDOW.names or ():
        records[name] = found.windows[name]
    records["figures"] = found.figures
    return [block.tobytes() for block in records]


def unpack(block: bytes | memoryview, layout: int) -> NDArray[np.void]:
    """The records (P,) of a block; empty for a block of no layout (nothing was computed)."""
    known = LAYOUTS.get(layout)
    return np.empty(0, LAYOUTS[CURRENT].record) if known is None else np.frombuffer(block, known.record)


def history(blocks: Iterable[tuple[bytes | memoryview, int]], period: str, figure: str) -> NDArray[np.float64]:
    """One figure of one period from each block; NaN where it has none."""
    return np.array([_one(block, layout, period, figure) for block, layout in blocks], np.float64)


def _one(block: bytes | memoryview, layout: int, period: str, figure: str) -> float:
    known = LAYOUTS.get(layout)
    if known is None or period not in known.periods or figure not in known.figures:
        return float("nan")
    record = unpack(block, layout)[known.periods.index(period)]
    return float(record["figures"][known.figures.index(figure)])
