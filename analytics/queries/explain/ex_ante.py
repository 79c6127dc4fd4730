"""What today's weights have in store: the engine's functions on the returns of what is held, weighted as it is now."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import partial
from typing import Any

import numpy as np

from analytics import engine
from analytics.engine import UndefinedMetric
from analytics.engine.recording import RecordedArray
from analytics.ex_ante import MEASURES, NO_BENCHMARK, compared, loss_of
from analytics.exposure import Exposure, Weighted
from analytics.figures import EX_ANTE_LABELS, Label
from analytics.market import Market
from analytics.queries.ex_ante import benchmark_beside
from analytics.queries.explain.market import benchmark_given
from analytics.queries.explain.register import Explained, NeverHeld, Question, Result, register
from analytics.queries.exposure import weighted, with_history
from analytics.queries.facts import market_on


@dataclass(frozen=True, slots=True)
class Given:
    """The recorded inputs of an ex-ante figure: returns (T, N) and weights (N,) of ``held``, and what was asked.

    ``place`` is that of the asset that is asked for.
    """

    held: Exposure
    periods: Any
    level: Any
    horizon: Any
    question: Question
    place: int = 0
    benchmark: Any = None

    @property
    def covariance(self) -> Any:
        return engine.covariance(self.held.returns, self.question.estimator, periods=self.periods)

    @property
    def contributions(self) -> Any:
        """What each holding adds to the volatility a year, (N,)."""
        return engine.risk_contributions(self.held.weights, self.covariance)


Call = Callable[[Given], Any]


def _loss(measure: str, given: Given) -> Any:
    return loss_of(given.held, measure, method=given.question.method, level=given.level, horizon=given.horizon)


def _diversification(given: Given) -> Any:
    deviations = np.sqrt(np.diag(given.covariance))
    return np.abs(given.held.weights) @ deviations / given.contributions.sum()


TAIL = ("level", "horizon", "method", "window")
DEPENDENCE = ("estimator", "window")


def _explained(
    key: str, label: Label, call: Call, takes: tuple[str, ...] = ("window",), asks: tuple[str, ...] = ()
) -> Explained:
    def compute(question: Question) -> Result:
        held, given = _given(question, of_asset=bool(asks), beside=key == "ex_ante_beta")
        terms = figure.terms(question)
        return Result(call(given), held.as_of, held.start, held.end, held.observations, terms)

    figure = Explained(key, label.name, label.unit, "ex-ante", label.heading, compute, ("as_of", *takes), asks)
    return figure


def _given(question: Question, *, of_asset: bool, beside: bool) -> tuple[Exposure, Given]:
    """The exposure, for what is compared with the benchmark of the days that this has, too; and all as inputs."""
    weights = weighted(question.portfolio, question.as_of)
    market = market_on(question.as_of)  # later than what names its assets
    held = with_history(market, weights, question.window)
    place = place_of(held, question.asset) if of_asset else 0
    benchmark = None
    if beside:
        held, benchmark = _compared(question, market, held)
    given = Given(
        recorded(held),
        RecordedArray.given(held.periods, "periods a year", {"kind": "convention", "what": "a year"}),
        RecordedArray.given(question.level, "level", {"kind": "parameter"}),
        RecordedArray.given(question.horizon, "horizon in sessions", {"kind": "parameter"}),
        question,
        place,
        benchmark,
    )
    return held, given


def place_of(held: Weighted, symbol: str, field: str = "asset") -> int:
    """The place of an asset among the positions. Raises NeverHeld."""
    for place, position in enumerate(held.positions):
        if position.symbol == symbol:
            return place
    raise NeverHeld("This portfolio does not have “{symbol}”.", symbol=symbol, field=field)


def _compared(question: Question, market: Market, held: Exposure) -> tuple[Exposure, RecordedArray]:
    asset = question.portfolio.benchmark
    returns = benchmark_beside(market, held, question.portfolio.benchmark_id)
    if asset is None or returns is None:
        raise UndefinedMetric(NO_BENCHMARK)
    known = compared(returns)
    grid = market.grid(frozenset(market.facts[position.asset_id].calendar for position in held.positions))
    places = np.searchsorted(grid.days, held.days[known])
    shared = replace(held, days=held.days[known], returns=held.returns[known])
    return shared, benchmark_given(asset, market, held.currency, grid, places)


def weights_source(held: Weighted) -> dict[str, Any]:
    """Where the weights of the positions stand."""
    return {
        "kind": "weights",
        "symbol": [position.symbol for position in held.positions],
        "worth": [str(position.value) for position in held.positions],
        "price_day": [position.price_day.isoformat() for position in held.positions],
        "total_value": str(held.total_value),
        "formula": "worth / total_value",
    }


def recorded(held: Exposure) -> Exposure:
    """With returns of the holdings (T, N) and weights (N,) as inputs."""
    symbols = [position.symbol for position in held.positions]
    days = np.datetime_as_string(held.days).tolist()
    of_returns = {"kind": "holdings", "days": days, "series": ", ".join(symbols), "price": "adjusted close"}
    return replace(
        held,
        returns=RecordedArray.given(held.returns, "r: daily returns of the holdings", of_returns),
        weights=RecordedArray.given(held.weights, "w: weights of today", weights_source(held)),
    )


def _fraction(name: str, heading: str, unit: str = "fraction") -> Label:
    return Label(name, unit, heading)


ONE = ("asset",)
register(
    _explained(
        "ex_ante_volatility",
        EX_ANTE_LABELS["ex_ante_volatility"],
        lambda given: engine.annual_volatility(given.held.portfolio_returns, given.periods),
    ),
    _explained(
        "ex_ante_beta",
        EX_ANTE_LABELS["ex_ante_beta"],
        lambda given: engine.beta(given.held.portfolio_returns, given.benchmark),
    ),
    *(
        _explained(f"ex_ante_{measure}", EX_ANTE_LABELS[f"ex_ante_{measure}"], partial(_loss, measure), TAIL)
        for measure in MEASURES
    ),
    _explained(
        "risk_weight",
        _fraction("Weight in everything owned", "ex-ante-returns"),
        lambda given: given.held.weights[given.place],
        (),
        ONE,
    ),
    _explained(
        "risk_contribution",
        _fraction("Contribution to the volatility", "risk-contributions", "fraction a year"),
        lambda given: given.contributions[given.place],
        DEPENDENCE,
        ONE,
    ),
    _explained(
        "risk_share",
        _fraction("Share of the risk", "risk-contributions"),
        lambda given: given.contributions[given.place] / given.contributions.sum(),
        DEPENDENCE,
        ONE,
    ),
    _explained(
        "risk_volatility",
        _fraction("Volatility of the holdings", "risk-contributions", "fraction a year"),
        lambda given: given.contributions.sum(),
        DEPENDENCE,
    ),
    _explained(
        "diversification_ratio",
        Label("Diversification ratio", "ratio", "risk-contributions"),
        _diversification,
        DEPENDENCE,
    ),
)
