"""What a factor model says: exposures with their errors, risk and return by factor, and the part of each holding."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import cached_property
from math import isfinite
from typing import Any

import numpy as np

from analytics import engine
from analytics.engine.factors import FactorRisk, Regression
from analytics.engine.recording import RecordedArray
from analytics.factor_models import Sample
from analytics.factor_models.analysis import HoldingRisk, annual, holding_risk, linked, specific_variance
from analytics.factor_models.overlap import PERIODS
from analytics.queries.explain.ex_ante import place_of, weights_source
from analytics.queries.explain.register import Explained, NoFigure, Question, Result, register
from analytics.queries.factors import EX_ANTE, FactorReport, choices, factor_report, factor_sets
from analytics.queries.stress import UnknownFactor
from core.errors import DomainError

OWN_RETURNS = "the portfolio's own returns are of what it held at the time"
LOST = "one period lost everything; what came before or after it cannot be added up"
COMPOUNDED = "the returns of the sessions from … to, compounded"
CASH, RISK_FREE, SPECIFIC, TOTAL = "Cash", "risk_free", "specific", "total"


class NoSuchYear(DomainError):
    """The model has no period in this year."""


@dataclass(frozen=True, eq=False)
class Model:
    """A model with its sample recorded; what follows from it is worked out when it is read."""

    report: FactorReport
    sample: Sample
    question: Question

    @cached_property
    def periods(self) -> Any:
        source = {"kind": "convention", "what": f"{self.sample.frequency} periods of a year"}
        return RecordedArray.given(PERIODS[self.sample.frequency], "periods a year", source)

    @cached_property
    def fit(self) -> Regression:
        return engine.factor_regression(self.sample.returns, self.sample.factors, self.sample.rate)

    @cached_property
    def covariance(self) -> Any:
        return engine.covariance(self.sample.factors, periods=self.periods)

    @cached_property
    def risk(self) -> FactorRisk:
        return engine.factor_risk(self.fit.betas, self.covariance, specific_variance(self.fit, self.periods))

    @property
    def factor(self) -> int:
        """The place of the factor that is asked for. Raises UnknownFactor."""
        return self.place(())

    def place(self, more: tuple[str, ...]) -> int:
        """The same among the factors and, after them, ``more``."""
        known = [*(factor.key for factor in self.report.choice.factors), *more]
        if self.question.factor not in known:
            raise UnknownFactor(
                "There is no “{factor}” in {model}; it has {known}.",
                field="factor",
                factor=self.question.factor[:40],
                model=self.report.choice.name,
                known=", ".join(known),
            )
        return known.index(self.question.factor)

    @property
    def asset(self) -> int:
        """The place of the holding that is asked for."""
        if self.report.exposure is None:
            raise NoFigure(OWN_RETURNS)
        return place_of(self.report.exposure, self.question.asset)

    @property
    def by_holding(self) -> HoldingRisk:
        return holding_risk(self.sample, self.fit, self.covariance, self.risk.volatility)


def _model(question: Question) -> Model:
    """As many queries as ``factor_report``."""
    every = choices(list(factor_sets()))
    if not every:
        raise NoFigure("no factor set with returns is loaded")
    report = factor_report(
        question.portfolio,
        model=question.model,
        factor_set=question.set,
        basis=question.basis,
        as_of=question.as_of,
        window=question.window,
        every=every,
    )
    return Model(report, _recorded(report), question)


def _recorded(report: FactorReport) -> Sample:
    """The sample with returns of the parts (P, N), weights (N,), factors (P, K) and the rate (P,) as inputs."""
    sample, choice = report.analysis.sample, report.choice
    span = {"from": np.datetime_as_string(sample.starts).tolist(), "days": np.datetime_as_string(sample.ends).tolist()}
    of_set = {"set": choice.factor_set.key, "frequency": sample.frequency, "version": choice.factor_set.version}
    keys = ", ".join(factor.key for factor in choice.factors)
    of_factors = {"kind": "factors", "series": keys, "formula": COMPOUNDED, **of_set, **span}
    rate: Any = np.zeros(len(sample.rate))
    if choice.rate is not None:
        of_rate = {"kind": "factors", "symbol": choice.rate.key, "formula": COMPOUNDED, **of_set, **span}
        rate = RecordedArray.given(sample.rate, "rf: risk-free rate of each period", of_rate)
    return replace(
        sample,
        parts=RecordedArray.given(sample.parts, "r: returns of each period", _of_parts(report) | span),
        weights=_weights(report),
        factors=RecordedArray.given(sample.factors, "f: returns of the factors", of_factors),
        rate=rate,
    )


def _of_parts(report: FactorReport) -> dict[str, Any]:
    held = report.exposure
    if held is None:
        return {"kind": "own returns", "series": "portfolio", "formula": f"time-weighted, {COMPOUNDED}"}
    names = [*(position.symbol for position in held.positions), CASH]
    return {"kind": "holdings", "series": ", ".join(names), "price": "adjusted close", "formula": COMPOUNDED}


def _weights(report: FactorReport) -> Any:
    held, weights = report.exposure, report.analysis.sample.weights
    if held is None:
        return RecordedArray.given(weights, "w: all of it", {"kind": "convention", "what": "one portfolio"})
    source, day = weights_source(held), held.as_of.isoformat()
    cash = held.total_value - sum(position.value for position in held.positions)
    of_parts = {
        "symbol": [*source["symbol"], CASH],
        "worth": [*source["worth"], str(cash)],
        "price_day": [*source["price_day"], day],
    }
    return RecordedArray.given(weights, "w: weights of today", source | of_parts)


# --- what is read from it -----------------------------------------------------------------------------------------


def _annual_alpha(model: Model) -> Any:
    found = annual(model.fit.alpha, model.periods)  # type: ignore[arg-type]  # one number each
    if found is None:
        raise NoFigure("a year of it is beyond what a number can hold")
    return found


def _contribution(model: Model) -> Any:
    place = model.place((SPECIFIC,))
    risk = model.risk
    return risk.contributions[place] if place < len(risk.contributions) else risk.specific_contribution


def _return(model: Model) -> Any:
    """A source's part of the return of a year or of all periods, or that return itself."""
    sample = model.sample
    if (sample.returns <= -1.0).any():
        raise NoFigure(LOST)
    place = model.place((RISK_FREE, SPECIFIC, TOTAL))
    places, count = _places(model), len(model.report.choice.factors)
    returns = sample.returns[places]
    if place == count + 2:
        return np.prod(1.0 + returns) - 1.0
    parts = engine.return_attribution(sample.returns, sample.factors, model.fit.betas, sample.rate)
    columns = [*range(1, count + 1), 0, count + 1]  # of the factors, the rate, and what is specific
    return linked(parts[places], returns)[columns[place]]


def _places(model: Model) -> Any:
    years, year = model.sample.ends.astype("M8[Y]").astype(np.int64) + 1970, model.question.year
    places = np.arange(len(years)) if year is None else np.flatnonzero(years == year)
    if not len(places):
        raise NoSuchYear(field="year")
    return places


def _of_holding(name: str) -> Callable[[Model], Any]:
    return lambda model: getattr(model.by_holding, name)[model.asset]


def _both(model: Model) -> Any:
    found, place = model.by_holding, model.asset
    return found.factor[place] + found.specific[place]


Read = Callable[[Model], Any]
MODEL = ("as_of", "model", "set", "basis", "window")
ONE, HOLDING = ("factor",), ("asset",)
A_YEAR = "fraction a year"
# Key, name, unit, heading, how it is read, what it asks for and what more it takes.
FIGURES: tuple[tuple[str, str, str, str, Read, tuple[str, ...], tuple[str, ...]], ...] = (
    ("exposure", "Exposure to a factor", "ratio", "factor-exposures", lambda m: m.fit.betas[m.factor], ONE, ()),
    (
        *("exposure_error", "Standard error of an exposure", "ratio", "factor-exposures"),
        *(lambda m: m.fit.beta_errors[m.factor], ONE, ()),
    ),
    ("exposure_t", "t of an exposure", "ratio", "factor-exposures", lambda m: m.fit.beta_t[m.factor], ONE, ()),
    ("exposure_p", "p of an exposure", "ratio", "factor-exposures", lambda m: m.fit.beta_p[m.factor], ONE, ()),
    ("r_squared", "R² of the model", "fraction", "factor-exposures", lambda m: m.fit.r_squared, (), ()),
    (
        *("adjusted_r_squared", "Adjusted R² of the model", "fraction", "factor-exposures"),
        *(lambda m: m.fit.adjusted_r_squared, (), ()),
    ),
    ("alpha", "Alpha of the model", A_YEAR, "factor-alpha", _annual_alpha, (), ()),
    ("alpha_t", "t of alpha", "ratio", "factor-alpha", lambda m: m.fit.alpha_t, (), ()),
    ("volatility", "Volatility by the model", A_YEAR, "factor-risk", lambda m: m.risk.volatility, (), ()),
    (
        *("risk_share", "Share of the variance by the factors", "fraction", "factor-risk"),
        *(lambda m: m.risk.factor / m.risk.total, (), ()),
    ),
    (
        *("specific_share", "Specific share of the variance", "fraction", "factor-risk"),
        *(lambda m: m.risk.specific / m.risk.total, (), ()),
    ),
    ("contribution", "Contribution of a factor to the volatility", A_YEAR, "factor-risk", _contribution, ONE, ()),
    (
        *("contribution_share", "Share of a factor in the variance", "fraction", "factor-risk"),
        *(lambda m: _contribution(m) / m.risk.volatility, ONE, ()),
    ),
    ("return", "Return by its source", "fraction", "return-attribution", _return, ONE, ("year",)),
    (
        *("holding_exposure", "Exposure of a holding", "ratio", "risk-by-holding"),
        *(lambda m: m.by_holding.exposures[m.factor][m.asset], (*HOLDING, *ONE), ()),
    ),
    ("holding_r_squared", "R² of a holding", "fraction", "risk-by-holding", _of_holding("r_squared"), HOLDING, ()),
    ("holding_risk", "Risk of a holding by the factors", A_YEAR, "risk-by-holding", _of_holding("factor"), HOLDING, ()),
    (
        *("holding_specific_risk", "Specific risk of a holding", A_YEAR, "risk-by-holding"),
        *(_of_holding("specific"), HOLDING, ()),
    ),
    ("holding_total_risk", "Risk of a holding", A_YEAR, "risk-by-holding", _both, HOLDING, ()),
)


def _figure(
    name: str, label: str, unit: str, heading: str, read: Read, asks: tuple[str, ...], more: tuple[str, ...]
) -> Explained:
    def compute(question: Question) -> Result:
        model = _model(question)
        report, sample, value = model.report, model.sample, read(model)
        if not isfinite(value):
            raise NoFigure("it is not defined")
        choice = report.choice
        terms = dict(figure.terms(question)) | {"model": choice.key, "set": choice.factor_set.key}
        return Result(
            value,
            report.as_of,
            sample.starts[0].item(),
            sample.ends[-1].item(),
            sample.observations,
            tuple(terms.items()),
            "ex-ante" if report.basis == EX_ANTE else "ex-post",
        )

    figure = Explained(f"factor_{name}", label, unit, "ex-ante", heading, compute, (*MODEL, *more), asks)
    return figure


register(*(_figure(*each) for each in FIGURES))
