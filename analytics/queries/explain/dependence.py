"""How holdings move together: the correlation of two of them, and the average of all pairs."""

from __future__ import annotations

from typing import Any

from analytics import engine
from analytics.dependence import average_of, largest
from analytics.exposure import Exposure
from analytics.queries.explain.ex_ante import place_of, recorded
from analytics.queries.explain.register import Explained, NoFigure, Question, Result, register
from analytics.queries.exposure import exposure

TAKES = ("as_of", "estimator", "window", "limit")


def _related(question: Question) -> tuple[Exposure, Any]:
    """The largest holdings and their correlations (n, n), recorded."""
    held = largest(exposure(question.portfolio, as_of=question.as_of, window=question.window), question.limit)
    return held, engine.correlation(recorded(held).returns, question.estimator)


def _of_two(question: Question) -> Result:
    held, matrix = _related(question)
    one, other = place_of(held, question.asset), place_of(held, question.other, "other")
    related = matrix[one][other]
    if related != related:
        raise NoFigure("one of the two does not vary")
    return _result(CORRELATION, question, held, related)


def _average(question: Question) -> Result:
    held, matrix = _related(question)
    average = average_of(matrix)
    if average is None:
        raise NoFigure("there are no two holdings that vary")
    return _result(AVERAGE, question, held, average)


def _result(figure: Explained, question: Question, held: Exposure, value: Any) -> Result:
    return Result(value, held.as_of, held.start, held.end, held.observations, figure.terms(question))


CORRELATION = Explained(
    "correlation", "Correlation of two holdings", "ratio", "ex-ante", "correlation", _of_two, TAKES, ("asset", "other")
)
AVERAGE = Explained("average_correlation", "Average correlation", "ratio", "ex-ante", "correlation", _average, TAKES)
register(CORRELATION, AVERAGE)
