"""Each fall from a peak: how deep, from which close, to which trough, and when it was made good."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from math import isnan
from typing import Any

import numpy as np

from analytics import engine
from analytics.engine.drawdown import falls
from analytics.engine.recording import Node, RecordedArray, at
from analytics.figures import Observed, observed
from analytics.performance import series_of
from analytics.queries.explain.ratios import source_of_returns
from analytics.queries.explain.register import Explained, NoFigure, Question, Result, register
from analytics.queries.facts import inputs
from analytics.windows import NOTHING_HELD
from core.errors import DomainError

NO_RECOVERY = "it has not been made good yet"


class NoSuchDrawdown(DomainError):
    """There are not that many drawdowns."""


@dataclass(frozen=True, slots=True)
class Fall:
    """One drawdown, recorded: its row of ``engine.drawdown.falls`` and the days of the sessions (T,)."""

    row: Any
    days: Any

    @property
    def recovered(self) -> Any:
        if isnan(self.row[2]):
            raise NoFigure(NO_RECOVERY)
        return self.row[2]

    @property
    def peak(self) -> Any:
        if not self.row[0]:
            raise NoFigure("it began with the first return")
        return at(self.days, self.row[0] - 1)


Read = Callable[[Fall], Any]
READS: dict[str, tuple[str, str, Read]] = {
    "depth": ("Depth of a drawdown", "fraction", lambda fall: fall.row[3]),
    "peak": ("Highest close before a drawdown", "day", lambda fall: fall.peak),
    "trough": ("Trough of a drawdown", "day", lambda fall: at(fall.days, fall.row[1])),
    "recovered": ("Recovery of a drawdown", "day", lambda fall: at(fall.days, fall.recovered)),
    "sessions": ("Sessions below the peak", "sessions", lambda fall: fall.row[4]),
    "recovery_sessions": ("Sessions to recover", "sessions", lambda fall: fall.recovered - fall.row[1]),
}


def _figure(name: str) -> Explained:
    label, unit, read = READS[name]

    def compute(question: Question) -> Result:
        found, fall = _fall(question)
        start, end = found.days[0].item(), found.days[-1].item()
        return Result(read(fall), question.as_of or end, start, end, len(found.days), figure.terms(question))

    figure = Explained(f"drawdown_{name}", label, unit, "ex-post", "max-drawdown", compute, ("as_of",), ("place",))
    return figure


def _fall(question: Question) -> tuple[Observed, Fall]:
    """The drawdown that is asked for, by its place among the deepest. Raises NoSuchDrawdown."""
    chunk = inputs([question.portfolio.pk], as_of=question.as_of)
    [series] = series_of(chunk)
    if not series.valid.any():
        raise NoFigure(series.problems[0] or NOTHING_HELD)
    found = observed(chunk, series)
    source = source_of_returns(series, found)
    returns = RecordedArray.given(found.returns, "r: daily time-weighted returns", source)
    table = falls(engine.drawdown_series(returns))
    if question.place > len(table):
        raise NoSuchDrawdown("There are {count} drawdowns.", count=len(table), field="place")
    return found, Fall(table[question.place - 1], _days(found.days))


def _days(days: Any) -> RecordedArray:
    told = np.datetime_as_string(days)
    return RecordedArray.of(Node(told, name="days of the returns", source={"kind": "days", "what": "sessions"}))


register(*map(_figure, READS))
