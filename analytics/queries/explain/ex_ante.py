"""What today's weights have in store: the engine's functions on the returns of what is held, weighted as it is now."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from analytics import engine
from analytics.engine import InsufficientData
from analytics.engine.recording import RecordedArray
from analytics.engine.tail import full_tail
from analytics.exposure import MIN_SESSIONS, Exposure
from analytics.queries.explain.register import Explained, Question, Result, register
from analytics.queries.exposure import exposure


@dataclass(frozen=True, slots=True)
class Given:
    """The recorded inputs of an ex-ante figure: ``returns`` (T,) are those of today's weights, held unchanged."""

    returns: Any
    periods: Any
    level: Any
    horizon: Any


Call = Callable[[Given], Any]


def _explained(key: str, label: str, unit: str, heading: str, call: Call, *, tail: bool = False) -> Explained:
    def compute(question: Question) -> Result:
        held = exposure(question.portfolio, as_of=question.as_of)
        needed = max(MIN_SESSIONS, full_tail(question.level)) if tail else MIN_SESSIONS
        if held.observations < needed:
            raise InsufficientData(needed, held.observations)
        asked = (("level", question.level), ("horizon", question.horizon)) if tail else ()
        return Result(call(_given(held, question)), held.as_of, held.start, held.end, held.observations, asked)

    takes = ("as_of", "level", "horizon") if tail else ("as_of",)
    return Explained(key, label, unit, "ex-ante", heading, compute, takes)


def _given(held: Exposure, question: Question) -> Given:
    """Returns of the holdings (T, N) and weights (N,) as inputs, and what the product makes of them."""
    symbols = [position.symbol for position in held.positions]
    of_weights = {
        "kind": "weights",
        "symbol": symbols,
        "worth": [str(position.value) for position in held.positions],
        "price_day": [position.price_day.isoformat() for position in held.positions],
        "total_value": str(held.total_value),
        "formula": "worth / total_value",
    }
    days = np.datetime_as_string(held.days).tolist()
    of_returns = {"kind": "holdings", "days": days, "series": ", ".join(symbols), "price": "adjusted close"}
    recorded = replace(
        held,
        returns=RecordedArray.given(held.returns, "r: daily returns of the holdings", of_returns),
        weights=RecordedArray.given(held.weights, "w: weights of today", of_weights),
    )
    return Given(
        recorded.portfolio_returns,
        RecordedArray.given(held.periods, "periods a year", {"kind": "convention", "what": "a year"}),
        RecordedArray.given(question.level, "level", {"kind": "parameter"}),
        RecordedArray.given(question.horizon, "horizon in sessions", {"kind": "parameter"}),
    )


register(
    _explained(
        "ex_ante_volatility",
        "Volatility, a year",
        "fraction a year",
        "annual-volatility",
        lambda given: engine.annual_volatility(given.returns, given.periods),
    ),
    _explained(
        "ex_ante_value_at_risk",
        "Value at risk",
        "fraction",
        "value-at-risk",
        lambda given: engine.value_at_risk(given.returns, given.level, given.horizon),
        tail=True,
    ),
    _explained(
        "ex_ante_expected_shortfall",
        "Expected shortfall",
        "fraction",
        "expected-shortfall",
        lambda given: engine.expected_shortfall(given.returns, given.level, given.horizon),
        tail=True,
    ),
)
