"""The page of factor models: exposures, how they move, and where risk and return come from."""

from __future__ import annotations

from collections.abc import Mapping
from math import isfinite
from typing import Any

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.utils.translation import gettext_lazy as _
from django.views.decorators.http import require_safe

from analytics import charts
from analytics.factor_charts import rolling_chart, whiskers
from analytics.factor_models.analysis import Attributed
from analytics.queries.factors import BASES, EX_ANTE, Choice, FactorReport, choices, factor_report, factor_sets
from analytics.views.sections import section_page
from analytics.wording import factor_worded, worded
from core.errors import DomainError
from core.web import login_needed
from portfolios.models import Portfolio
from portfolios.views.base import welcome

FREQUENCIES = {"daily": "days", "weekly": "weeks", "monthly": "months"}
CASH = _("Cash")


@require_safe
@login_needed
def factors(request: HttpRequest) -> HttpResponse:
    """``?model=`` a model and the set that serves it ("ff3.us_monthly"), ``?basis=`` ex-ante or ex-post."""
    page = section_page(request, "factors")
    portfolio = page["portfolio"]
    if portfolio is None:
        return welcome(request, "analytics")
    every = {value_of(choice): choice for choice in choices(list(factor_sets()))}
    basis = request.GET.get("basis", "")
    asked = {
        "models": {value: label_of(choice) for value, choice in every.items()},
        "bases": {key: worded(name) for key, name in BASES.items()},
        "basis": basis if basis in BASES else EX_ANTE,
        "model": request.GET.get("model", ""),
    }
    if every:
        asked |= _report(portfolio, asked, every, page["past"])
    return render(request, "analytics/factors.html", page | asked)


def value_of(choice: Choice) -> str:
    """What names a model over its set in a query: "ff3.us_monthly"."""
    return f"{choice.key}.{choice.factor_set.key}"


def label_of(choice: Choice) -> str:
    """What a person reads of a model over its set."""
    own = choice.key == choice.factor_set.key
    return choice.name if own else f"{choice.name} ({choice.factor_set.name})"


def _report(portfolio: Portfolio, asked: Mapping[str, Any], every: Mapping[str, Choice], as_of: Any) -> dict[str, Any]:
    """The figures, or why there are none. A model that is not offered is answered like none."""
    model, _, factor_set = asked["model"].partition(".") if asked["model"] in every else ("", "", "")
    try:
        report = factor_report(
            portfolio,
            model=model,
            factor_set=factor_set,
            basis=asked["basis"],
            as_of=as_of,
            every=list(every.values()),
        )
    except DomainError as error:
        return {"problem": error.message}
    named = {"model": value_of(report.choice), "report": report, "notes": report.notes(portfolio)}
    terms = {"model": report.choice.key, "set": report.choice.factor_set.key, "basis": report.basis}
    return named | {"terms": terms} | _figures(report)


def _figures(report: FactorReport) -> dict[str, Any]:
    found, fit = report.analysis, report.analysis.regression
    factors_of = report.choice.factors
    errors = fit.beta_errors.tolist()
    rows = zip(
        factors_of,
        fit.betas.tolist(),
        errors,
        map(_known, fit.beta_t.tolist()),
        map(_known, fit.beta_p.tolist()),
        whiskers(fit.betas.tolist(), errors),
        strict=True,
    )
    parts = zip(factors_of, found.risk.contributions.tolist(), strict=True)
    return {
        "found": found,
        "fit": fit,
        "unit": worded(FREQUENCIES[found.sample.frequency]),
        "first": found.sample.starts[0].item(),
        "last": found.sample.ends[-1].item(),
        "exposures": list(rows),
        "alpha_t": _known(float(fit.alpha_t)),
        "contributions": [(factor, part, part / found.risk.volatility) for factor, part in parts],
        "specific_share": found.risk.specific / found.risk.total,
        "factor_share": found.risk.factor / found.risk.total,
        "spans": [_span(report, span) for span in reversed(found.spans)],
        "whole": None if found.total is None else _parts(report, found.total),
        "chart": _rolling(report),
        "holdings": _holdings(report),
    }


def _span(report: FactorReport, span: Attributed) -> dict[str, Any]:
    return {"start": span.start, "end": span.end, "year": span.end.year, "parts": _parts(report, span)}


def _parts(report: FactorReport, span: Attributed) -> list[tuple[str, float]]:
    """The return and its parts, each with what names its source in an explanation."""
    factors_of = zip((factor.key for factor in report.choice.factors), span.factors, strict=True)
    rate = [("risk_free", span.risk_free)] if report.choice.rate else []
    return [("total", span.total), *factors_of, *rate, ("specific", span.specific)]


def _known(value: float) -> float | None:
    return value if isfinite(value) else None


def _rolling(report: FactorReport) -> dict[str, Any] | None:
    rolling = report.analysis.rolling
    if rolling is None:
        return None
    chart = rolling_chart(rolling, [factor_worded(factor.name) for factor in report.choice.factors])
    return charts.told(chart) | {
        "named": [*zip(chart.lines, (factor.key for factor in report.choice.factors), strict=True)],
        "window": rolling.window,
    }


def _holdings(report: FactorReport) -> list[tuple[Any, ...]]:
    """(symbol, name, weight, exposures, R², factor and specific contribution, both) of each, the riskiest first."""
    risk = report.analysis.holdings
    if risk is None or report.exposure is None:
        return []
    named = [(held.symbol, held.name) for held in report.exposure.positions] + [("", CASH)]
    columns = zip(
        named,
        risk.weights.tolist(),
        risk.exposures.T.tolist(),
        map(_known, risk.r_squared.tolist()),
        risk.factor.tolist(),
        risk.specific.tolist(),
        strict=True,
    )
    keys = [factor.key for factor in report.choice.factors]
    rows = [
        (*name, weight, list(zip(keys, betas, strict=True)), fit, factor, specific, factor + specific)
        for name, weight, betas, fit, factor, specific in columns
        if name[0] or weight
    ]
    return sorted(rows, key=lambda row: -abs(row[-1]))
