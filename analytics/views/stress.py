"""Stress tests: windows of history, a fall of the benchmark, and a person's own scenarios."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from decimal import Decimal
from typing import Any, cast

from django import forms
from django.contrib import messages
from django.core.exceptions import ValidationError
from django.db.models import QuerySet
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.urls import reverse
from django.utils.decorators import method_decorator
from django.utils.translation import gettext_lazy as _
from django.views import View
from django.views.decorators.http import require_safe

from analytics import charts
from analytics.forms.stress import FactorShocksForm, ScenarioForm, ShockFormSet
from analytics.models import Scenario, StressWindow
from analytics.queries.factors import Choice, choices, chosen, factor_sets
from analytics.queries.stress import Bench, bench, under_factors
from analytics.scenarios import Effect, Outcome, Source, lines
from analytics.services.scenarios import change_scenario, create_scenario, delete_scenario
from analytics.sheets.words import day
from analytics.views.factors import label_of, value_of
from analytics.views.sections import section_page
from analytics.wording import factor_worded, worded
from core.errors import DomainError, Gone
from core.web import bad_request, login_needed
from portfolios.models import Portfolio
from portfolios.templatetags.money import signed_percent
from portfolios.views.base import welcome
from users.models import User

FALLS = (-0.1, -0.2, -0.3, -0.4)
SOURCES = {
    Source.PRICES: _("its own prices"),
    Source.RATE: _("the exchange rate"),
    Source.BETA: _("its beta to the benchmark"),
    Source.SCENARIO: _("the scenario"),
    Source.FACTORS: _("its factors"),
    Source.NONE: _("not known, taken as unmoved"),
}
private: Any = method_decorator(cast("Any", login_needed), name="dispatch")


@dataclass(frozen=True, slots=True)
class Row:
    """One scenario of the table. ``key`` names it in ``?show=``; ``problem`` says why it has no outcome.

    ``figure`` and ``terms`` are what its explanation is asked with.
    """

    key: str
    name: str
    detail: str
    outcome: Outcome | None
    problem: str = ""
    amount: Decimal | None = None
    bar: charts.SideBar | None = None
    scenario: Scenario | None = None
    notes: tuple[str, ...] = ()
    figure: str = ""
    terms: Mapping[str, Any] = field(default_factory=dict)

    @property
    def figures(self) -> dict[str, str]:
        """The figures of a holding."""
        return {name: f"{self.figure}_{name}" for name in ("return", "contribution")}


@require_safe
@login_needed
def stress(request: HttpRequest) -> HttpResponse:
    """Every scenario for one portfolio, and of the one that ``?show=`` names what happens to each holding."""
    page = section_page(request, "stress")
    if page["portfolio"] is None:
        return welcome(request, "analytics")
    edited = _edited(request)
    return _page(request, page, ScenarioForm(prefix="scenario"), ShockFormSet(prefix="shock"), edited)


def _page(
    request: HttpRequest, page: dict[str, Any], form: forms.Form, shocks: Any, edited: Scenario | None
) -> HttpResponse:
    if edited is not None and not form.is_bound:
        form, shocks = _filled(edited)
    context = page | {"form": form, "shocks": shocks, "edited": edited} | _results(request, page)
    return render(request, "analytics/stress.html", context)


def _results(request: HttpRequest, page: dict[str, Any]) -> dict[str, Any]:
    try:
        tested = bench(page["portfolio"], page["past"])
    except DomainError as error:
        return {"problem": error.message}
    own = Scenario.objects.visible_to(_caller(request)).prefetch_related("shocks__asset")
    groups = [
        (str(_("History")), _histories(tested)),
        (str(_("The benchmark falls")), _falls(tested, page["portfolio"])),
        (str(_("Your scenarios")), [_own(tested, scenario) for scenario in own]),
    ]
    drawn = _drawn(tested, groups)
    every = [row for _, rows in drawn for row in rows if row.outcome]
    wanted = request.GET.get("show", "")
    factors, moved = _factors(request, page)
    shown = moved or next((row for row in every if row.key == wanted), every[0] if every else None)
    return {
        "tested": tested,
        "groups": drawn,
        "factors": factors,
        "chosen": shown,
        "effects": _effects(tested, shown),
        "names": _names(tested),
    }


def _histories(tested: Bench) -> list[Row]:
    found = tested.every(list(StressWindow.objects.all()))
    return [
        Row(
            window.key,
            worded(window.name),
            f"{day(window.start)} – {day(window.end)}. {worded(window.description)}",
            outcome,
            figure="stress_window",
            terms={"scenario": window.key},
        )
        for window, outcome in found
    ]


def _falls(tested: Bench, portfolio: Portfolio) -> list[Row]:
    rows = []
    for fall in FALLS if portfolio.benchmark else ():
        name, key = f"{portfolio.benchmark} {signed_percent(fall, 0)}", f"benchmark{int(fall * 100)}"
        try:
            detail, outcome = str(_("passed on through each holding’s beta")), tested.with_benchmark(fall)
            rows.append(Row(key, name, detail, outcome, figure="stress_benchmark", terms={"move": fall}))
        except DomainError as error:
            rows.append(Row(key, name, "", None, error.message))
    return rows


def _own(tested: Bench, scenario: Scenario) -> Row:
    key = f"own{scenario.pk}"
    try:
        outcome, terms = tested.under(scenario), {"scenario": scenario.pk}
        return Row(
            key, scenario.name, scenario.description, outcome, scenario=scenario, figure="stress_scenario", terms=terms
        )
    except DomainError as error:
        return Row(key, scenario.name, scenario.description, None, error.message, scenario=scenario)


def _factors(request: HttpRequest, page: dict[str, Any]) -> tuple[FactorShocksForm | None, Row | None]:
    """The form for shocks of factors, None where no factor set is loaded, and what those that it holds do.

    ``?show=factors&model=ff3.us&f_mkt_rf=-20``: a model, alone or with its set, and percentages.
    """
    every = {value_of(choice): choice for choice in choices(list(factor_sets()))}
    if not every:
        return None, None
    asked = request.GET.get("model", "")
    named = next((value for value, choice in every.items() if asked in (value, choice.key)), asked)
    choice = every.get(named) or chosen("", list(every.values()))[0]
    form = _factor_form(request, every, choice, named)
    if not form.is_valid() or not form.moves:
        return form, None
    try:
        moves, model, factor_set = form.moves, choice.key, choice.factor_set.key
        found = under_factors(page["portfolio"], moves, model=model, factor_set=factor_set, as_of=page["past"])
    except DomainError as error:
        form.add_error(None, error.message)
        return form, None
    worth, name = found.held.amount(found.outcome.total), found.name.replace("-", "−")
    terms = {"model": model, "set": factor_set, "factors": ",".join(f"{key}:{move}" for key, move in moves.items())}
    row = Row("factors", name, "", found.outcome, amount=worth, notes=(*found.notes,))
    return form, replace(row, figure="stress_factors", terms=terms)


def _factor_form(request: HttpRequest, every: Mapping[str, Choice], choice: Choice, named: str) -> FactorShocksForm:
    """Empty unless shocks of factors are asked for."""
    models = {value: worded(label_of(offered)) for value, offered in every.items()}
    factors = {factor.key: factor_worded(factor.name) for factor in choice.factors}
    given = request.GET.dict() | {"model": named or value_of(choice)} if request.GET.get("show") == "factors" else None
    form = FactorShocksForm(models, factors, given)
    form.initial["model"] = value_of(choice)
    return form


def _drawn(tested: Bench, groups: Sequence[tuple[str, list[Row]]]) -> list[tuple[str, list[Row]]]:
    """The rows with their amounts, and bars on one scale."""
    totals = [row.outcome.total if row.outcome else 0.0 for _, rows in groups for row in rows]
    bars = iter(charts.side_bars(totals))
    return [
        (name, [replace(row, bar=next(bars), amount=_amount(tested, row)) for row in rows]) for name, rows in groups
    ]


def _amount(tested: Bench, row: Row) -> Decimal | None:
    return None if row.outcome is None else tested.held.amount(row.outcome.total)


def _effects(tested: Bench, chosen: Row | None) -> list[tuple[Effect, Decimal, str]]:
    """Each holding's effect, its amount and where its return comes from, the largest loss first."""
    if chosen is None or chosen.outcome is None:
        return []
    ordered = sorted(chosen.outcome.effects, key=lambda effect: effect.contribution)
    return [(effect, tested.held.amount(effect.contribution), str(SOURCES[effect.source])) for effect in ordered]


def _names(tested: Bench) -> list[str]:
    """What a shock may be aimed at, for the fields' suggestions."""
    positions = tested.held.positions
    symbols = [position.symbol for position in positions]
    sectors = sorted({position.sector for position in positions if position.sector})
    currencies = sorted({line.currency for line in lines(tested.held)} | {tested.held.currency})
    return [*symbols, *sectors, *currencies]


@private
class ScenariosView(View):
    """A POST makes a scenario of the caller's own."""

    def post(self, request: HttpRequest) -> HttpResponse:
        return _save(request, None)


@private
class ScenarioView(View):
    """What is done with one scenario: ``action`` is "change" or "delete"."""

    def post(self, request: HttpRequest, pk: int) -> HttpResponse:
        scenario = get_object_or_404(_editable(request), pk=pk)
        match request.POST.get("action", "change"):
            case "delete":
                _or_404(scenario, request)
                messages.success(request, _("“%(name)s” was deleted.") % {"name": scenario.name})
                return redirect(_back(request))
            case "change":
                return _save(request, scenario)
        return bad_request(request)


def _save(request: HttpRequest, scenario: Scenario | None) -> HttpResponse:
    """Store what was typed, or show it again with what is wrong."""
    form, shocks = ScenarioForm(request.POST, prefix="scenario"), ShockFormSet(request.POST, prefix="shock")
    if form.is_valid() and shocks.is_valid():
        given = [row.shock for row in shocks if row.shock is not None]
        try:
            saved = _stored(request, scenario, form.cleaned_data | {"shocks": given})
        except Gone as error:
            raise Http404 from error
        except DomainError as error:
            form.add_error(error.field if error.field in form.fields else None, error.message)
        except ValidationError as error:
            form.add_error(None, [*error.messages])
        else:
            messages.success(request, _("“%(name)s” is saved.") % {"name": saved.name})
            return redirect(f"{_back(request)}&show=own{saved.pk}#stress-holdings")
    page = section_page(request, "stress")
    if page["portfolio"] is None:
        return welcome(request, "analytics")
    return _page(request, page, form, shocks, scenario)


def _stored(request: HttpRequest, scenario: Scenario | None, given: dict[str, Any]) -> Scenario:
    if scenario is None:
        return create_scenario(owner=_caller(request), **given)
    return change_scenario(scenario=scenario, actor=_caller(request), **given)


def _or_404(scenario: Scenario, request: HttpRequest) -> None:
    try:
        delete_scenario(scenario=scenario, actor=_caller(request))
    except Gone as error:
        raise Http404 from error


def _back(request: HttpRequest) -> str:
    portfolio = section_page(request, "stress")["portfolio"]
    return f"{reverse('analytics-stress')}?portfolio={portfolio.pk if portfolio else ''}"


def _edited(request: HttpRequest) -> Scenario | None:
    """The scenario that ``?edit=<id>`` names. Raises Http404."""
    wanted = request.GET.get("edit")
    if wanted is None:
        return None
    for scenario in _editable(request).prefetch_related("shocks__asset"):
        if str(scenario.pk) == wanted:
            return scenario
    raise Http404


def _filled(scenario: Scenario) -> tuple[forms.Form, Any]:
    form = ScenarioForm(prefix="scenario", initial={"name": scenario.name, "description": scenario.description})
    rows = [{"target": row.target, "key": row.name, "size": round(row.size * 100, 4)} for row in scenario.shocks.all()]
    return form, ShockFormSet(prefix="shock", initial=rows)


def _editable(request: HttpRequest) -> QuerySet[Scenario]:
    return Scenario.objects.editable_by(_caller(request))


def _caller(request: HttpRequest) -> User:
    return cast("User", request.user)
