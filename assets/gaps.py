"""Sessions without a bar, between the first and the last one that an asset has. Pure."""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass
from datetime import date
from itertools import groupby


@dataclass(frozen=True, slots=True)
class Span:
    """Sessions in a row without a bar, from ``start`` to ``end``, both included."""

    start: date
    end: date
    sessions: int


def missing_sessions(sessions: Sequence[date], days: Collection[date]) -> list[date]:
    """The ``sessions`` (ascending) after the first of ``days`` and before the last that are none of them."""
    if not days:
        return []
    inner = sessions[bisect_right(sessions, min(days)) : bisect_left(sessions, max(days))]
    known = set(days)
    return [session for session in inner if session not in known]


def gaps(sessions: Sequence[date], days: Collection[date]) -> list[Span]:
    """The missing sessions as spans, oldest first: sessions that follow each other are one."""
    return list(_spans(sessions, missing_sessions(sessions, days)))


def _spans(sessions: Sequence[date], missing: Sequence[date]) -> Iterator[Span]:
    place = {session: number for number, session in enumerate(sessions)}
    for _, run in groupby(enumerate(missing), key=lambda item: place[item[1]] - item[0]):
        days = [day for _, day in run]
        yield Span(days[0], days[-1], len(days))
