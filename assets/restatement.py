"""Does an answer mean the same closes as those that are stored, or has its source adjusted them meanwhile? Pure."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from decimal import Decimal

ADJUSTED_FROM = Decimal("0.01")  # a correction of a cent or two is none of this
SAME_RATIO = Decimal("0.005")  # rounding to the cent moves the ratio of small prices
DAYS_IN_A_ROW = 5
AS_OF_A_SPLIT = Decimal("0.15")


@dataclass(frozen=True, slots=True)
class Restatement:
    """Closes from ``start`` to ``end``, on ``days`` days in a row, are ``ratio`` times the stored ones."""

    start: date
    end: date
    days: int
    ratio: Decimal

    def __str__(self) -> str:
        return (
            f"the closes of {self.days} days in a row, {self.start} to {self.end}, are {self.ratio:.4f} times the "
            "stored ones: the source has adjusted its history, and the two must not be mixed"
        )


def restatement(stored: Mapping[date, Decimal], given: Mapping[date, Decimal]) -> Restatement | None:
    """The longest run of common days on which ``given`` is ``stored`` times one and the same ratio other than 1.

    None when no run has DAYS_IN_A_ROW days; with fewer common days it takes all of them, and a ratio as of a split.
    Single corrected closes are not meant, and a new ratio begins a new run: so a history with several splits, or
    adjusted for each dividend, is found as well.
    """
    common = sorted(stored.keys() & given.keys())
    runs: list[list[tuple[date, Decimal]]] = [[]]
    for day in common:
        ratio = _ratio(given[day], stored[day])
        if ratio is None or abs(ratio - 1) <= ADJUSTED_FROM:
            runs.append([])
            continue
        if runs[-1] and abs(ratio / runs[-1][0][1] - 1) > SAME_RATIO:
            runs.append([])
        runs[-1].append((day, ratio))
    longest = max(runs, key=len)
    if not longest or not (len(longest) >= DAYS_IN_A_ROW or _is_split(longest, common)):
        return None
    return Restatement(longest[0][0], longest[-1][0], len(longest), longest[len(longest) // 2][1])


def _is_split(run: list[tuple[date, Decimal]], common: list[date]) -> bool:
    return len(run) == len(common) and abs(run[0][1] - 1) > AS_OF_A_SPLIT


def _ratio(given: Decimal, stored: Decimal) -> Decimal | None:
    usable = given.is_finite() and 0 < given < Decimal("1E+30") and given > Decimal("1E-30") and stored > 0
    return given / stored if usable else None
