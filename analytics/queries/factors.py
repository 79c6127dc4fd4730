"""Factor sets, and what they say of a portfolio."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from datetime import date, timedelta
from typing import Any

import numpy as np
from django.db.models import F, OuterRef, Prefetch, QuerySet, Subquery

from analytics.exposure import Exposure
from analytics.factor_models import (
    DEFAULT_ORDER,
    MODELS,
    Analysis,
    FactorSeries,
    Sample,
    TooLittleOverlap,
    analyse,
    overlap,
)
from analytics.factor_models import Portfolio as Parts
from analytics.models import Factor, FactorReturn, FactorSet
from analytics.performance import series_of
from analytics.queries.exposure import exposure
from analytics.queries.facts import inputs
from analytics.queries.remembered import remembered
from analytics.queries.series import price_source
from analytics.wording import Worded
from core.arrays import EpochDay, records
from core.errors import DomainError
from portfolios.models import Portfolio

EX_ANTE, EX_POST = "ex-ante", "ex-post"
BASES = {EX_ANTE: "Today's holdings", EX_POST: "The portfolio's own returns"}
ROW = np.dtype([("day", np.int64), ("factor", np.int64), ("value", np.float64)])
DAY = np.dtype([("day", np.int64)])
BEHIND = {"daily": 10, "weekly": 17, "monthly": 62}  # days between the last period and today that are no delay
A_MONTH = timedelta(days=31)
FREQUENCIES = ("daily", "weekly", "monthly")  # the more returns a year, the better


class NoSuchModel(DomainError):
    """There is no such factor model."""


class NoFactorSet(DomainError):
    """No factor set with returns is loaded that has the factors of this model."""


class NoReturns(DomainError):
    """The portfolio has no returns of its own yet."""


@dataclass(frozen=True, slots=True)
class Choice:
    """A model over one set: which of its factors explain, in their order, and which is the risk-free rate."""

    key: str
    name: str
    factor_set: FactorSet
    factors: tuple[Factor, ...]
    rate: Factor | None


@dataclass(frozen=True, eq=False)
class FactorReport:
    """The analysis of a portfolio by a model. ``exposure`` is what is held, None ex post."""

    choice: Choice
    basis: str
    as_of: date
    price_source: str
    analysis: Analysis
    exposure: Exposure | None

    def notes(self, portfolio: Portfolio) -> list[str]:
        """What a reader should know of the figures."""
        currency, base = self.choice.factor_set.currency, portfolio.base_currency
        said = []
        if currency and currency != base:
            said.append(f"The factors are returns in {currency}, the portfolio's are in {base}.")
        if self.choice.rate is None:
            said.append("The factor set has no risk-free rate: returns are explained as they are.")
        end = self.analysis.sample.ends[-1].item()
        if (self.as_of - end).days > BEHIND[self.choice.factor_set.frequency]:
            said.append(f"The factor set has nothing after {end}: what happened since is not in the figures.")
        if self.analysis.sample.left_out:
            said.append(
                "Periods with an unknown factor or return are left out: what happened in them is not in the figures."
            )
        if self.analysis.total is None:
            said.append("The return is not attributed, because one period lost everything.")
        if self.analysis.rolling is None:
            said.append("There are too few periods for a window that moves.")
        return said


def factor_sets(among: QuerySet[FactorSet] | None = None) -> QuerySet[FactorSet]:
    """Sets, all or those given, with their factors in order, each with its ``first`` and ``last`` day; 2 queries."""
    days = FactorReturn.objects.filter(factor=OuterRef("pk")).values("day")
    ends = {"first": Subquery(days.order_by("day")[:1]), "last": Subquery(days.order_by("-day")[:1])}
    factors = Factor.objects.annotate(**ends).order_by("position")
    found = FactorSet.objects.all() if among is None else among
    return found.prefetch_related(Prefetch("factors", queryset=factors)).order_by("key")


def span_of(factors: Iterable[Factor]) -> tuple[date | None, date | None]:
    """The first and the last period of which any of ``factors``, as ``factor_sets`` gives them, has a return."""
    known = [(factor.first, factor.last) for factor in factors if factor.first is not None]  # type: ignore[attr-defined]
    return (min(first for first, _ in known), max(last for _, last in known)) if known else (None, None)


def choices(sets: Sequence[FactorSet]) -> list[Choice]:
    """Every model that a loaded set with returns can serve: the usual ones by its factors, and the set as it is."""
    loaded = [found for found in sets if span_of(found.factors.all())[1]]
    usual = [choice for model in DEFAULT_ORDER for found in loaded if (choice := _usual(model, found))]
    own = [choice for found in loaded if (choice := _own(found))]
    return usual + own


def _usual(model: str, factor_set: FactorSet) -> Choice | None:
    wanted, known = MODELS[model], {factor.key: factor for factor in factor_set.factors.all()}
    if any(key not in known or known[key].risk_free for key in wanted.factors):
        return None
    factors = tuple(known[key] for key in wanted.factors)
    return Choice(model, wanted.name, factor_set, factors, _rate(factor_set))


def _own(factor_set: FactorSet) -> Choice | None:
    factors = tuple(factor for factor in factor_set.factors.all() if not factor.risk_free)
    return Choice(factor_set.key, factor_set.name, factor_set, factors, _rate(factor_set)) if factors else None


def _rate(factor_set: FactorSet) -> Factor | None:
    return next((factor for factor in factor_set.factors.all() if factor.risk_free), None)


def chosen(model: str, every: Sequence[Choice], factor_set: str = "") -> list[Choice]:
    """What ``model`` may mean, the best first: a usual model, or a set's key or id; by the newest set without a name.

    ``factor_set`` (key or id) says over which set. Raises NoSuchModel for a name that nothing has, NoFactorSet where
    nothing that is loaded can serve it.
    """
    if not every:
        raise NoFactorSet("No factor set with returns is loaded.", field="model")
    among = [choice for choice in every if not factor_set or factor_set in _names(choice.factor_set)]
    if not among:
        raise NoFactorSet(
            "No factor set with returns is called “{factor_set}”.", factor_set=factor_set[:40], field="set"
        )
    if not model:
        return _newest(among)
    found = [choice for choice in among if model in (choice.key, _own_id(choice))]
    if found:
        return sorted(found, key=_preference)
    if model not in MODELS:
        raise NoSuchModel(
            "There is no model or factor set with returns called “{model}”.", model=model[:40], field="model"
        )
    factors = ", ".join(MODELS[model].factors)
    raise NoFactorSet("No factor set is loaded with returns of {factors}.", factors=factors, field="model")


def _newest(every: Sequence[Choice]) -> list[Choice]:
    """The richest model of the set whose returns go on longest."""
    last = max(_last(choice) for choice in every)
    return [next(choice for choice in every if _last(choice) == last)]


def _own_id(choice: Choice) -> str:
    return str(choice.factor_set.pk) if choice.key == choice.factor_set.key else ""


def _names(factor_set: FactorSet) -> tuple[str, str]:
    return factor_set.key, str(factor_set.pk)


def _last(choice: Choice) -> date:
    return span_of(choice.factors)[1] or date.min


def _preference(choice: Choice) -> tuple[int, int]:
    return FREQUENCIES.index(choice.factor_set.frequency), -_last(choice).toordinal()


def factor_report(
    portfolio: Portfolio,
    *,
    model: str = "",
    factor_set: str = "",
    basis: str = EX_ANTE,
    as_of: date | None = None,
    window: int | None = None,
    rolling: int | None = None,
    span: str = "year",
    every: Sequence[Choice] | None = None,
) -> FactorReport:
    """What a factor model says of a portfolio: of today's holdings, or ex post of its own returns.

    Where several sets can serve the model it is the first that has enough periods with the portfolio in common, more
    frequent returns before others. ``every`` is what ``choices`` gives, where the caller has it. Raises NoSuchModel,
    NoFactorSet, TooLittleOverlap, WindowTooShort, NothingHeld, NoWeights, ShortHistory, NoReturns or UndefinedMetric.
    At most 6 queries for each set that is tried beside those of ``exposure`` or ``series``, and one for the cache.
    """
    wanted = chosen(model, choices(list(factor_sets())) if every is None else every, factor_set)

    def compute() -> FactorReport:
        return _report(portfolio, wanted, basis, as_of, window, rolling, span)

    sets = tuple(_version(choice) for choice in wanted)
    found = remembered(portfolio, "factors", (sets, basis, as_of, window, rolling, span), compute)
    # The choice as it is now: a set may have got another name since.
    now = next(choice for choice in wanted if _version(choice) == _version(found.choice))
    return replace(found, choice=now)


def _version(choice: Choice) -> tuple[Any, ...]:
    """What the figures follow from: the model, its set as it was last loaded, and its factors."""
    own, rate = choice.factor_set, choice.rate
    columns = tuple((factor.pk, factor.key) for factor in choice.factors)
    return choice.key, own.pk, own.version, own.frequency, columns, rate.pk if rate else None


def _report(
    portfolio: Portfolio,
    wanted: Sequence[Choice],
    basis: str,
    as_of: date | None,
    window: int | None,
    rolling: int | None,
    span: str,
) -> FactorReport:
    held = exposure(portfolio, as_of=as_of) if basis == EX_ANTE else None
    parts = _today(held) if held else _own_returns(portfolio, as_of)
    choice, sample = _first_that_fits(wanted, parts, window)
    return FactorReport(
        choice=choice,
        basis=basis,
        as_of=held.as_of if held else as_of or parts.days[-1].item(),
        price_source=held.price_source if held else price_source(portfolio),
        analysis=analyse(sample, rolling=rolling, span=span, by_holding=held is not None),
        exposure=held,
    )


def _first_that_fits(wanted: Sequence[Choice], parts: Parts, window: int | None) -> tuple[Choice, Sample]:
    refused: list[TooLittleOverlap] = []
    for choice in wanted:
        try:
            return choice, overlap(parts, _series(choice, *parts.days[[0, -1]].tolist()), window)
        except TooLittleOverlap as error:
            refused.append(error)
    raise max(refused, key=lambda error: error.got)


def _today(held: Exposure) -> Parts:
    """What is held with its weights, and cash as one more part, which earns nothing."""
    cash = np.zeros((held.observations, 1))
    weights = np.append(held.weights, held.cash_weight)
    return Parts(held.days, np.hstack([held.returns, cash]), weights, np.ones(held.observations, bool))


def _own_returns(portfolio: Portfolio, as_of: date | None) -> Parts:
    [whole] = series_of(inputs([portfolio.pk], as_of=as_of))
    earned = np.flatnonzero(whole.valid[0])
    if not len(earned):
        reason = whole.problems[0] or "nothing was held at the close of any session"
        raise NoReturns("The portfolio has no returns of its own: {reason}.", reason=Worded(reason))
    shown = slice(int(earned[0]), int(earned[-1]) + 1)
    returns = np.where(whole.valid[0], whole.returns[0], 0.0)[shown, np.newaxis]
    return Parts(whole.grid.days[shown], returns, np.ones(1), whole.valid[0][shown])


def _series(choice: Choice, start: date, end: date) -> FactorSeries:
    """The returns of a model's factors from before ``start`` to the end of the period that runs on ``end``; 2 queries.

    NaN where one is not known: what the set has of other factors alone is a period too.
    """
    columns = [*choice.factors, *([choice.rate] if choice.rate else [])]
    near = FactorReturn.objects.between(start - A_MONTH, end + A_MONTH).order_by()
    rows = near.filter(factor__in=columns).values_list(EpochDay(F("day")), "factor_id", "value")
    every = near.filter(factor__factor_set=choice.factor_set).values_list(EpochDay(F("day"))).distinct()
    found = records(rows, ROW)
    ends = np.unique(records(every, DAY)["day"])
    values = np.full((len(ends), len(columns)), np.nan)
    order = {factor.pk: column for column, factor in enumerate(columns)}
    place = np.searchsorted(ends, found["day"])
    values[place, [order[pk] for pk in found["factor"].tolist()]] = found["value"]
    count = len(choice.factors)
    first, last = span_of(columns)
    return FactorSeries(
        name=choice.factor_set.name,
        frequency=choice.factor_set.frequency,
        keys=tuple(factor.key for factor in choice.factors),
        ends=ends.astype("datetime64[D]"),
        values=values[:, :count],
        rate=values[:, count] if choice.rate else None,
        first=first,
        last=last,
    )
