"""Which two rows of cash may be one transfer: the same amount against each other, within a few days."""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections import Counter, defaultdict
from collections.abc import Callable, Collection, Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from enum import StrEnum

from core.money import divide, multiply

MOST_DAYS = 3
TOLERANCE = Decimal("0.03")  # by which a bank's rate may be off the day's
MOST_OFFERED = 20  # of the rows that fit one row
Rates = Callable[[str, str, date], Decimal | None]
Pairs = Collection[tuple[int, int]]


class Certainty(StrEnum):
    UNIQUE = "unique"  # neither row fits another one
    AMBIGUOUS = "ambiguous"
    CONVERTED = "converted"  # in two currencies, at about the day's rate


@dataclass(frozen=True, slots=True)
class Row:
    """One row of cash. ``amount`` in ``currency``, negative: it left; ``holder`` tells whose account it is in."""

    id: int
    account: int
    holder: tuple[int | None, int | None]
    currency: str
    amount: Decimal
    day: date


@dataclass(frozen=True, slots=True)
class Pair:
    """Two rows that may be one transfer. ``off``: by which fraction the amounts differ from the day's rate."""

    sent: Row
    received: Row
    certainty: Certainty
    off: Decimal = Decimal(0)

    @property
    def days(self) -> int:
        return abs((self.received.day - self.sent.day).days)


def pairs(rows: Iterable[Row], rate: Rates, refused: Pairs = ()) -> list[Pair]:
    """Every pair that may be one transfer, the newest first.

    Same currency: the same absolute amount, opposite signs, two accounts of one holder, at most 3 days apart. Two
    currencies: what arrived is within 3 % of what left at the day's rate; such a pair is never unique, since chance
    is not ruled out. ``rate(source, target, day)`` is units of the target for one of the source, or None. Pairs in
    ``refused`` (ids of what was sent and received) are left out, and do not make others ambiguous.
    """
    sent: dict[tuple[int | None, int | None], list[Row]] = defaultdict(list)
    received: dict[tuple[int | None, int | None], list[Row]] = defaultdict(list)
    for row in rows:
        (sent if row.amount < 0 else received)[row.holder].append(row)
    found: list[Pair] = []
    for holder, left in sent.items():
        found += _same(left, received[holder], refused)
        found += [pair for pair in _converted(left, received[holder], rate) if _ids(pair) not in refused]
    return sorted(found, key=lambda pair: (-pair.sent.day.toordinal(), pair.sent.id, pair.days, pair.received.id))


def near(first: date, second: date) -> bool:
    return abs((first - second).days) <= MOST_DAYS


def _ids(pair: Pair) -> tuple[int, int]:
    return pair.sent.id, pair.received.id


def _same(sent: Sequence[Row], received: Sequence[Row], refused: Pairs) -> Iterator[Pair]:
    """All that fit are counted, so that none passes for unique; of very many for one row the first are offered."""
    arrived: dict[tuple[str, Decimal], list[Row]] = defaultdict(list)
    for row in sorted(received, key=_day):
        arrived[row.currency, row.amount].append(row)
    offered: list[tuple[Row, Row]] = []
    fits: Counter[int] = Counter()
    for row in sent:
        near_by = _in_days(arrived.get((row.currency, -row.amount), ()), row.day)
        fitting = [other for other in near_by if other.account != row.account and (row.id, other.id) not in refused]
        fits[row.id] = len(fitting)
        fits.update(other.id for other in fitting)
        offered += [(row, other) for other in fitting[:MOST_OFFERED]]
    for row, other in offered:
        alone = fits[row.id] == fits[other.id] == 1
        yield Pair(row, other, Certainty.UNIQUE if alone else Certainty.AMBIGUOUS)


def _in_days(rows: Sequence[Row], day: date) -> Sequence[Row]:
    """Those of ``rows``, in the order of their days, that are near ``day``."""
    number = day.toordinal()
    low = bisect_left(rows, number - MOST_DAYS, key=_day)
    return rows[low : bisect_right(rows, number + MOST_DAYS, key=_day)]


def _day(row: Row) -> int:
    return row.day.toordinal()


def _converted(sent: Sequence[Row], received: Sequence[Row], rate: Rates) -> Iterator[Pair]:
    """Rows by day and currency, each in the order of its amounts, so that only what is near in both is looked at."""
    arrived: dict[tuple[int, str], list[Row]] = defaultdict(list)
    for row in sorted(received, key=lambda row: row.amount):
        arrived[_day(row), row.currency].append(row)
    currencies = {currency for _, currency in arrived}
    for row in sent:
        for currency in sorted(currencies - {row.currency}):
            value = rate(row.currency, currency, row.day)
            if value:
                yield from _about(row, multiply(-row.amount, value), currency, arrived)


def _about(row: Row, expected: Decimal, currency: str, arrived: dict[tuple[int, str], list[Row]]) -> Iterator[Pair]:
    for day in range(_day(row) - MOST_DAYS, _day(row) + MOST_DAYS + 1):
        candidates = arrived.get((day, currency), [])
        low = bisect_left(candidates, multiply(expected, 1 - TOLERANCE), key=lambda other: other.amount)
        high = bisect_right(candidates, multiply(expected, 1 + TOLERANCE), key=lambda other: other.amount)
        for other in candidates[low : min(high, low + MOST_OFFERED)]:
            if other.account != row.account:
                yield Pair(row, other, Certainty.CONVERTED, abs(divide(other.amount, expected) - 1))
