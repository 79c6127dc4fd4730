"""What an optimisation promised: by the weights and the expectations that it was stored with."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np

from analytics.engine.optimise import Market
from analytics.engine.recording import RecordedArray
from analytics.models import OptimisationRun
from analytics.queries.explain.register import Explained, NoFigure, Question, Result, register
from analytics.queries.optimised import RunUnknown
from core.errors import DomainError

NO_EXPECTATIONS = "this optimisation is older than what its figures are explained from: ask for it again"


class NoSuchPoint(DomainError):
    """The frontier has no such point."""


class NotInRun(DomainError):
    """The optimisation did not have this asset to choose from."""


@dataclass(frozen=True, slots=True)
class Given:
    """A finished optimisation with its expectations per session recorded."""

    run: OptimisationRun
    market: Market
    symbols: list[str]

    def weights(self, values: Any, name: str) -> Any:
        return RecordedArray.given(values, name, self.source | {"symbol": self.symbols})

    @property
    def source(self) -> dict[str, Any]:
        return _source(self.run)


def _source(run: OptimisationRun) -> dict[str, Any]:
    return {
        "kind": "optimisation",
        "run": run.pk,
        "start": run.window_start,
        "end": run.window_end,
        "estimator": run.terms.get("estimator", ""),
    }


def _given(question: Question) -> Given:
    """One query. Raises RunUnknown, and NoFigure for a run that was stored without its expectations."""
    run = OptimisationRun.objects.filter(portfolio=question.portfolio, pk=question.run).first()
    if run is None or not run.result:
        raise RunUnknown(field="run")
    known = run.result.get("expectations")
    if not known:
        raise NoFigure(NO_EXPECTATIONS)
    symbols, source = [asset["symbol"] for asset in run.result["assets"]], _source(run)
    of_pairs = {"symbol": symbols, "series": ", ".join(symbols)}
    market = Market(
        RecordedArray.given(known["mean"], "m: expected returns a session", source | {"symbol": symbols}),
        RecordedArray.given(known["covariance"], "S: covariance a session", source | of_pairs),
        None,
        RecordedArray.given(known["periods"], "periods a year", {"kind": "convention", "what": "a year"}),  # type: ignore[arg-type]
        RecordedArray.given(known["risk_free"], "risk-free return a session", source),  # type: ignore[arg-type]
    )
    return Given(run, market, symbols)


def _optimal(given: Given, question: Question) -> Any:
    values = [asset["weight"] for asset in given.run.result["assets"]]
    return given.weights(values, "w: optimal weights")


def _current(given: Given, question: Question) -> Any:
    values = [asset["current"] for asset in given.run.result["assets"]]
    if None in values:
        raise NoFigure("nothing was held then")
    return given.weights(values, "w: weights of that day")


def _point(given: Given, question: Question) -> Any:
    frontier = given.run.result["frontier"]
    if "problem" in frontier:
        raise NoFigure(frontier["problem"])
    if question.place > len(frontier["weights"]):
        raise NoSuchPoint("The frontier has {count} points.", count=len(frontier["weights"]), field="place")
    return given.weights(frontier["weights"][question.place - 1], "w: weights of the point")


Weights = Callable[[Given, Question], Any]
WEIGHTS: dict[str, tuple[str, str, Weights, tuple[str, ...]]] = {
    "optimal": ("of the optimal weights", "optimal-weights", _optimal, ("run",)),
    "held": ("of the weights now, by an optimisation", "optimal-weights", _current, ("run",)),
    "frontier": ("of a point of the frontier", "efficient-frontier", _point, ("run", "place")),
}
PROMISES = (
    ("expected_return", "Expected return", "fraction a year"),
    ("volatility", "Volatility", "fraction a year"),
    ("sharpe", "Sharpe ratio", "ratio"),
)
Read = Callable[[Given, Question], Any]


def _figure(key: str, label: str, unit: str, heading: str, read: Read, asks: tuple[str, ...]) -> Explained:
    def compute(question: Question) -> Result:
        given = _given(question)
        run, value = given.run, read(given, question)
        span = run.as_of, run.window_start, run.window_end, run.observations
        return Result(value, *span, figure.terms(question))

    figure = Explained(key, label, unit, "ex-ante", heading, compute, (), asks)
    return figure


def _promise(place: int, weights: Weights) -> Read:
    return lambda given, question: given.market.outcome(weights(given, question))[place]


def _place(given: Given, question: Question) -> int:
    if question.asset not in given.symbols:
        raise NotInRun("“{asset}” was not among what could be chosen.", asset=question.asset, field="asset")
    return given.symbols.index(question.asset)


def _share(given: Given, question: Question) -> Any:
    return given.market.risk_shares(_optimal(given, question))[_place(given, question)]


def _asset_return(given: Given, question: Question) -> Any:
    return given.market.mean[_place(given, question)] * given.market.periods


def _asset_volatility(given: Given, question: Question) -> Any:
    place = _place(given, question)
    return np.sqrt(given.market.covariance[place, place] * given.market.periods)


OF_ASSET = ("run", "asset")
register(
    *(
        _figure(f"{name}_{key}", f"{label} {of}", unit, heading, _promise(place, weights), asks)
        for name, (of, heading, weights, asks) in WEIGHTS.items()
        for place, (key, label, unit) in enumerate(PROMISES)
    ),
    _figure(
        "optimal_risk_share",
        "Share of the risk of the optimal weights",
        "fraction",
        "risk-contributions",
        _share,
        OF_ASSET,
    ),
    _figure(
        "candidate_expected_return",
        "Expected return of an asset, by an optimisation",
        "fraction a year",
        "optimal-weights",
        _asset_return,
        OF_ASSET,
    ),
    _figure(
        "candidate_volatility",
        "Volatility of an asset, by an optimisation",
        "fraction a year",
        "optimal-weights",
        _asset_volatility,
        OF_ASSET,
    ),
)
