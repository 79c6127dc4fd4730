"""The page of value at risk: what may be lost, by method and level, and how such forecasts did before."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from typing import Any

import numpy as np
from django import forms
from django.conf import settings
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, render
from django.utils.formats import get_format
from django.utils.translation import gettext_lazy as _
from django.utils.translation import ngettext
from django.views.decorators.http import require_safe

from analytics import charts, queries
from analytics.engine import METHODS
from analytics.ex_ante import METHOD_LABELS, Loss
from analytics.exposure import amount_of
from analytics.models import Basis, VarBacktest
from analytics.queries import ExAnte, ForecastSeries, StoredBacktests
from analytics.views.sections import section_page
from analytics.wording import worded
from banking.forms.filters import Filter
from core.errors import DomainError
from core.web import localised, login_needed
from portfolios.models import Portfolio
from portfolios.templatetags.money import percent
from portfolios.views.base import visible, welcome

BASES = {str(Basis.EX_ANTE): _("Ex-ante: today’s weights"), str(Basis.EX_POST): _("Ex-post: own returns")}


def _select(label: Any) -> forms.ChoiceField:
    return forms.ChoiceField(label=label, required=False, widget=forms.Select(attrs={"class": "form-select"}))


class VarFilter(Filter):
    """``?horizon=&window=&method=&level=&days=&basis=``; what is none of the choices is answered like the first."""

    horizon = _select(_("Horizon"))
    window = _select(_("Losses from"))
    method = _select(_("Backtest of"))
    level = _select(_("Level"))
    days = _select(_("Over"))
    basis = _select(_("Returns"))

    def _choose(self) -> None:
        """The first of each is what is shown unless another is asked for."""
        self._set("horizon", [(str(each), sessions_text(each)) for each in settings.VAR_HORIZONS])
        whole = ("", str(_("The whole history")))
        self._set(
            "window",
            [
                whole,
                (
                    str(settings.VAR_WINDOW),
                    _("The last %(count)s sessions, as tested") % {"count": settings.VAR_WINDOW},
                ),
            ],
        )
        self._set("method", [(method, worded(METHOD_LABELS[method].name)) for method in METHODS])
        self._set("level", [(f"{level:g}", level_text(level)) for level in reversed(settings.VAR_LEVELS)])
        self._set("days", [(str(days), sessions_text(days)) for days in settings.VAR_BACKTEST_DAYS])
        self._set("basis", BASES.items())

    def _set(self, name: str, choices: Iterable[tuple[str, Any]]) -> None:
        field = self.fields[name]
        field.choices = list(choices)  # type: ignore[attr-defined]
        if self.data.get(name) not in dict(field.choices):  # type: ignore[attr-defined]
            self.data = {**self.data, name: field.choices[0][0]}  # type: ignore[attr-defined]


def sessions_text(count: int) -> str:
    return ngettext("%(count)s session", "%(count)s sessions", count) % {"count": count}


def level_text(level: float) -> str:
    return localised(f"{level:.5%}".rstrip("0%").rstrip(".")) + get_format("PERCENT_SIGN")


@require_safe
@login_needed
def value_at_risk(request: HttpRequest) -> HttpResponse:
    """``?portfolio=`` and the choices of ``VarFilter``, of the day shown."""
    page = section_page(request, "var")
    if page["portfolio"] is None:
        return welcome(request, "analytics")
    context = page | _figures(page["portfolio"], page["past"], request.GET.dict())
    return render(request, "analytics/value_at_risk.html", context)


@require_safe
@login_needed
def var_card(request: HttpRequest, portfolio_id: int) -> HttpResponse:
    """The part of the page that follows the choices."""
    portfolio = get_object_or_404(visible(request), pk=portfolio_id)
    past = section_page(request, "var")["past"]
    context = _figures(portfolio, past, request.GET.dict()) | {"portfolio": portfolio, "past": past}
    return render(request, "analytics/_var_figures.html", context)


def _figures(portfolio: Portfolio, past: date | None, query: Mapping[str, Any]) -> dict[str, Any]:
    form = VarFilter(query)
    horizon, window = int(form.value("horizon")), form.value("window")
    found = queries.value_at_risk(
        portfolio,
        methods=METHODS,
        levels=settings.VAR_LEVELS,
        horizons=[horizon],
        as_of=past,
        window=int(window) if window else None,
    )
    stored = queries.stored_backtests(portfolio, as_of=past)
    chosen = Chosen.of(form)
    return {
        "form": form,
        "chosen": chosen,
        "chosen_window": window,
        "horizon": sessions_text(horizon),
        "found": found,
        "rows": list(_rows(found, stored, chosen)),
        "stored": stored,
        "tests": [_Test.of(row) for row in stored.rows if chosen.fits(row)],
        "forecasts": _forecasts(portfolio, chosen, past, found),
        "nights": queries.backtest_history(portfolio, as_of=past, **chosen.asked())[-charts.TABLE_ROWS :][::-1],
        "window": settings.VAR_WINDOW,
    }


@dataclass(frozen=True, slots=True)
class Chosen:
    """Which backtest is shown from near."""

    method: Any  # one of METHODS
    level: float
    days: int
    basis: str

    @classmethod
    def of(cls, form: VarFilter) -> Chosen:
        return cls(form.value("method"), float(form.value("level")), int(form.value("days")), form.value("basis"))

    def asked(self) -> dict[str, Any]:
        return {"basis": self.basis, "method": self.method, "level": self.level, "days": self.days}

    def fits(self, row: VarBacktest) -> bool:
        """Whether a backtest is of the same level, length and basis, whatever its method."""
        return (row.basis, row.days, float(row.level)) == (self.basis, self.days, self.level)

    @property
    def name(self) -> str:
        return worded(METHOD_LABELS[self.method].name)

    @property
    def level_text(self) -> str:
        return level_text(self.level)

    @property
    def basis_text(self) -> str:
        return str(BASES[self.basis])


@dataclass(frozen=True, slots=True)
class _Test:
    """A stored backtest: its method's name, and each test's name, ratio and p-value."""

    row: VarBacktest
    name: str
    verdicts: tuple[tuple[str, float | None, float | None], ...]

    @classmethod
    def of(cls, row: VarBacktest) -> _Test:
        label = worded(METHOD_LABELS[row.method].name)  # type: ignore[index]  # held by the column's constraint
        tests = (("Kupiec", "kupiec"), (_("Independence"), "independence"), (_("Joint"), "joint"))
        found = ((str(name), getattr(row, f"{key}_statistic"), getattr(row, f"{key}_p_value")) for name, key in tests)
        return cls(row, label, tuple(found))


@dataclass(frozen=True, slots=True)
class _Row:
    """One method at one level: its losses with their amounts, and its backtest of the chosen length, if it has one."""

    name: str
    level: str
    loss: Loss
    amount: Decimal | None
    shortfall_amount: Decimal | None
    test: _Test | None


def _rows(found: ExAnte, stored: StoredBacktests, chosen: Chosen) -> Iterator[_Row]:
    """Each method at each level; none without an exposure."""
    tests = {
        (row.method, float(row.level)): _Test.of(row)
        for row in stored.rows
        if (row.basis, row.days) == (chosen.basis, chosen.days)
    }
    held = found.exposure
    for loss in found.losses if held else ():
        value, currency = held.total_value, held.currency  # type: ignore[union-attr]  # there is one in here
        yield _Row(
            worded(METHOD_LABELS[loss.method].name),
            level_text(loss.level),
            loss,
            amount_of(loss.value_at_risk, value, currency),
            amount_of(loss.expected_shortfall, value, currency),
            tests.get((loss.method, loss.level)),
        )


def _forecasts(portfolio: Portfolio, chosen: Chosen, past: date | None, found: ExAnte) -> dict[str, Any]:
    """Each day's return against the forecast for it, as a chart, a table and a list of exceptions; or the reason."""
    if chosen.basis == Basis.EX_ANTE and found.exposure is None:
        return {"problem": found.problem}
    try:
        series = queries.forecast_series(portfolio, as_of=past, held=found.exposure, **chosen.asked())
    except DomainError as error:
        return {"problem": str(error)}
    chart = charts.Chart(
        series.days,
        [
            charts.Line(str(_("Return of the day")), "portfolio", series.returns),
            charts.Line(str(_("Forecast: minus value at risk")), "loss", -series.forecasts),
        ],
        "fraction",
        portfolio.base_currency,
        scale=False,
    )
    exceeded = list(_exceeded(series, found, chosen))
    marks = [
        charts.Mark(day, "exception", _("Exception  −%(loss)s") % {"loss": percent(loss)})
        for day, _forecast, loss, _amount in exceeded
    ]
    return charts.told(chart, marks) | {
        "exceeded": exceeded[::-1],
        "expected": chosen.days * (1 - chosen.level),
        "worst": max((row[2] for row in exceeded), default=None),
    }


def _exceeded(
    series: ForecastSeries, found: ExAnte, chosen: Chosen
) -> Iterator[tuple[date, float, float, Decimal | None]]:
    """Day, forecast, loss, and what that loss is of today's value where the weights are today's."""
    held = found.exposure if chosen.basis == Basis.EX_ANTE else None
    for place in np.flatnonzero(series.exceeded):
        loss = float(-series.returns[place])
        amount = amount_of(loss, held.total_value, held.currency) if held else None
        yield series.days[place].item(), float(series.forecasts[place]), loss, amount
