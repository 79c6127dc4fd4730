"""Turning prices that a source has adjusted for splits back into prices as traded."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from datetime import date
from decimal import Context, Decimal

from assets.providers.base import Bar

DIGITS = Context(prec=12)


@dataclass(frozen=True, slots=True)
class Split:
    """``ratio`` new units for one old from ``day`` on."""

    day: date
    ratio: Decimal


def as_traded(bars: Iterable[Bar], splits: Sequence[Split]) -> list[Bar]:
    """``bars`` with the prices before each split times its ratio, and the units through it; oldest first.

    ``splits`` must be all since the first bar, up to today.
    """
    return sorted((_undone(bar, splits) for bar in bars), key=lambda bar: bar.day)


def _undone(bar: Bar, splits: Sequence[Split]) -> Bar:
    ratio = Decimal(1)
    for split in splits:
        if bar.day < split.day:
            ratio = DIGITS.multiply(ratio, split.ratio)
    if ratio == 1:
        return bar
    close, opened, high, low = (_times(value, ratio) for value in (bar.close, bar.open, bar.high, bar.low))
    volume = None if bar.volume is None else DIGITS.divide(bar.volume, ratio)
    return replace(bar, close=close or bar.close, open=opened, high=high, low=low, volume=volume)


def _times(value: Decimal | None, ratio: Decimal) -> Decimal | None:
    return None if value is None else DIGITS.multiply(value, ratio)
