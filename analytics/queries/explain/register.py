"""Which figures can be explained, what can be asked of one, and what the answer is made of."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, fields
from datetime import date
from typing import Any, Literal, Self

from django.contrib.auth.models import AnonymousUser
from django.db.models import Q

from analytics.dependence import LARGEST_HOLDINGS
from analytics.engine import Estimator, InsufficientData, Method, UndefinedMetric
from analytics.explaining import Trace, trace_of
from analytics.exposure import NothingHeld, NoWeights
from analytics.factor_models import TooLittleOverlap
from analytics.figures import HORIZON, LEVEL
from analytics.queries.factors import EX_ANTE, NoReturns
from analytics.queries.stress import NoBenchmark, WindowNotCovered
from analytics.windows import PERIODS as OF_RISK
from assets.models import HistoricValue
from assets.queries import RateMissing
from core.errors import DomainError
from portfolios.book.performance import PERIODS as OF_PERFORMANCE
from portfolios.models import Portfolio
from portfolios.queries.borders import ValueUnknown
from users.models import User

Basis = Literal["books", "ex-post", "ex-ante"]
# Key and name of each period that a figure may be asked for.
PERIODS = {key: name for key, name in OF_PERFORMANCE.items() if key not in OF_RISK} | OF_RISK
MOST_HOLDINGS, MOST_PLACES, MOST_ID = 200, 100_000, 2**63 - 1
# What must be asked with some figures, in words.
NEEDED = {
    "asset": "one asset: name its symbol",
    "other": "a second asset: name its symbol",
    "place": "a place: a number from 1",
    "scenario": "a scenario: its key or id",
    "move": "a return of the benchmark, such as -0.2",
    "factors": "returns of factors, such as mkt_rf:-0.2",
    "factor": "one factor: its key",
    "run": "an optimisation: its id",
}
PRICED = ("price", "rate")  # sources that are a bar: one day of one asset


class NeverHeld(DomainError):
    """This portfolio never had that asset."""


class NoFigure(DomainError):
    """There is no such figure here, and the message says why."""


@dataclass(frozen=True, slots=True)
class Question:
    """What is asked: of which day, which period and which asset, and the parameters of a risk figure.

    ``window`` is a number of sessions (of a factor model: of its periods), the last before ``as_of``; None for all.
    ``other`` is the second asset of a pair, ``limit`` how many of the largest holdings are looked at together,
    ``place`` counts drawdowns, the deepest first, and points of a frontier, from 1. ``scenario`` is the key of a
    stretch of history or the id of a scenario that ``asker`` may see, ``move`` a return of the benchmark, ``factors``
    returns of factors, written as in "mkt_rf:-0.2,smb:0.1". ``model``, ``set``, ``basis``, ``factor`` and ``year``
    are of a factor model, ``run`` is the id of an optimisation.
    """

    portfolio: Portfolio
    as_of: date | None = None
    start: date | None = None
    period: str = ""
    asset: str = ""
    level: float = LEVEL
    horizon: int = int(HORIZON)
    method: Method = "historical"
    window: int | None = None
    estimator: Estimator = "sample"
    other: str = ""
    limit: int = LARGEST_HOLDINGS
    place: int = 1
    scenario: str = ""
    move: float = 0.0
    model: str = ""
    set: str = ""
    basis: str = EX_ANTE
    factor: str = ""
    factors: str = ""
    year: int | None = None
    run: int = 0
    asker: User | AnonymousUser | None = None

    @classmethod
    def of(cls, portfolio: Portfolio, asked: Mapping[str, Any]) -> Self:
        """From checked values by the names of the fields; what was not asked is as it always is."""
        known: dict[str, Any] = {
            field.name: asked[field.name] for field in fields(cls) if asked.get(field.name) is not None
        }
        known |= {name: float(known[name]) for name in ("level", "move") if name in known}
        return cls(**known | {"portfolio": portfolio})


@dataclass(frozen=True, slots=True)
class Result:
    """A figure as it was computed, a recorded number; ``start`` to ``end`` is its window."""

    value: Any
    as_of: date | None = None
    start: date | None = None
    end: date | None = None
    observations: int | None = None
    parameters: Sequence[tuple[str, Any]] = ()
    basis: Basis | None = None  # where it is another than the figure's usual one


@dataclass(frozen=True, slots=True)
class Explained:
    """A figure that can be explained. ``heading`` is that of its method; ``asks`` names what must be asked with it.

    ``takes`` names what may be asked.

    ``compute`` gives its result. A DomainError that it raises is the reason for there being none.
    """

    key: str
    label: str
    unit: str  # "money", "fraction", …
    basis: Basis
    heading: str
    compute: Callable[[Question], Result]
    takes: tuple[str, ...] = ("as_of",)
    asks: tuple[str, ...] = ()

    def terms(self, question: Question) -> tuple[tuple[str, Any], ...]:
        """What was asked besides the day and the asset, as the explanation tells it."""
        named = (name for name in (*self.asks, *self.takes) if name not in ("as_of", "asset"))
        return tuple((name, getattr(question, name)) for name in named if getattr(question, name) not in (None, ""))


@dataclass(frozen=True, slots=True)
class Explanation:
    """The result with its trace, or ``problem``, why there is none."""

    figure: Explained
    result: Result | None
    trace: Trace | None
    problem: str = ""


FIGURES: dict[str, Explained] = {}


def register(*figures: Explained) -> None:
    """Add figures, in the order in which they are listed."""
    for figure in figures:
        if figure.key in FIGURES:
            raise ValueError(f"{figure.key} is registered already")
        FIGURES[figure.key] = figure


NOT_THERE = (
    *(InsufficientData, UndefinedMetric, RateMissing, ValueUnknown, NoFigure, NothingHeld, NoWeights),
    *(WindowNotCovered, NoBenchmark, TooLittleOverlap, NoReturns),
)


def explain(figure: Explained, question: Question) -> Explanation:
    """How the figure comes about. Raises what a wrong question raises: NeverHeld, PeriodEmpty."""
    try:
        result = figure.compute(question)
    except NOT_THERE as error:
        return Explanation(figure, None, None, error.message)
    trace = trace_of(result.value)
    _add_bars(each["source"] for each in trace.inputs)
    return Explanation(figure, result, trace)


def _add_bars(sources: Iterable[dict[str, Any]]) -> None:
    """To each price and rate who gave it and the price clock of the write; one query."""
    bars = [source for source in sources if source.get("kind") in PRICED]
    if not bars:
        return
    wanted = {(source["symbol"], source["day"]) for source in bars}
    rows = HistoricValue.objects.filter(
        Q(asset__symbol__in={symbol for symbol, _ in wanted}), Q(day__in={day for _, day in wanted})
    ).order_by()
    known = {
        (symbol, day.isoformat()): (source, version)
        for symbol, day, source, version in rows.values_list("asset__symbol", "day", "source", "version")
    }
    for source in bars:
        source["source"], source["version"] = known.get((source["symbol"], source["day"]), ("", None))
