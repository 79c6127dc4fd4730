"""The page of one figure: its formula, the steps that lead to it, and the inputs that they begin with."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from decimal import Context, Decimal, InvalidOperation
from typing import Any, NamedTuple
from urllib.parse import urlencode

import numpy as np
from django import forms
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import render
from django.urls import reverse
from django.utils.translation import gettext_lazy as _
from django.utils.translation import pgettext
from django.views.decorators.http import require_safe

from analytics.dependence import ESTIMATORS
from analytics.ex_ante import METHOD_LABELS
from analytics.exposure import MIN_SESSIONS
from analytics.queries.explain import (
    FIGURES,
    MOST_HOLDINGS,
    MOST_ID,
    MOST_PLACES,
    PERIODS,
    Explained,
    Explanation,
    Question,
    explain,
)
from analytics.queries.explain.document import told
from analytics.queries.factors import BASES
from analytics.wording import (
    day_worded,
    formula_worded,
    input_worded,
    later,
    operation_worded,
    step_worded,
    worded,
)
from banking.forms.filters import DayField, Filter
from core.errors import DomainError
from core.web import login_needed, typable
from portfolios.book.types import plain
from portfolios.models import Portfolio
from portfolios.views.base import page_of
from users.day import day_shown

SHOWN = 40  # steps and single inputs from either end; all of them are in the files
ENDS = 5  # rows of a column from either end
DIGITS, MOST_DIGITS = 10, 20
SHORT = Context(prec=DIGITS)
INFIX = {"add": "+", "subtract": "−", "multiply": "×", "divide": "÷", "power": "^", "and": "and", "or": "or"}
INFIX |= {"greater": ">", "greater_equal": "≥", "less": "<", "less_equal": "≤", "equal": "=", "dot": "·"}


def _choice(label: Any, choices: Iterable[tuple[str, Any]]) -> forms.ChoiceField:
    select = forms.Select(attrs={"class": "form-select"})
    return forms.ChoiceField(label=label, required=False, choices=list(choices), widget=select)


def _later(texts: Mapping[Any, str]) -> list[tuple[str, Any]]:
    return [(key, later(text)) for key, text in texts.items()]


def _whole(least: int, most: int) -> forms.IntegerField:
    return forms.IntegerField(required=False, min_value=least, max_value=most, widget=forms.HiddenInput)


def _text(longest: int) -> forms.CharField:
    return forms.CharField(required=False, max_length=longest, widget=forms.HiddenInput)


class ExplainForm(Filter):
    as_of = DayField(label=_("As of the close of"))
    start = DayField(label=_("From the close of"))
    period = _choice(_("Period"), [("", _("Since inception")), *_later(PERIODS)])
    asset = _text(32)
    level = forms.DecimalField(
        required=False, min_value=Decimal("0.5"), max_value=Decimal("0.999"), max_digits=6, widget=forms.HiddenInput
    )
    horizon = _whole(1, 252)
    method = _choice(_("Method"), [(key, later(label.name)) for key, label in METHOD_LABELS.items()])
    estimator = _choice(_("Covariance"), _later(ESTIMATORS))
    window = _whole(MIN_SESSIONS, 5000)
    other = _text(32)
    limit = _whole(1, MOST_HOLDINGS)
    place = _whole(1, MOST_PLACES)
    scenario = _text(40)
    move = forms.DecimalField(
        required=False, min_value=Decimal(-1), max_value=Decimal(10), max_digits=6, widget=forms.HiddenInput
    )
    factors = _text(200)
    model = _text(40)
    set = _text(40)
    basis = _choice(_("Returns"), _later(BASES))
    factor = _text(40)
    year = _whole(1900, 9999)
    run = _whole(1, MOST_ID)

    def asked(self, taken: Sequence[str]) -> dict[str, Any]:
        """What was given of what the figure takes, as the API has it."""
        given = {name: self.value(name) for name in taken}
        if given.get("start") and given.get("period"):
            given["start"] = None
        return {name: value for name, value in given.items() if value not in (None, "")}


@require_safe
@login_needed
def explain_page(request: HttpRequest, figure: str) -> HttpResponse:
    """How one figure of ``?portfolio=`` comes about; the rest of the query is that of the API."""
    page = page_of(request)
    portfolio, found = page["portfolio"], FIGURES.get(figure)
    if portfolio is None or found is None:
        raise Http404
    form = ExplainForm(_query(request))
    asked = form.asked([*found.takes, *found.asks])
    if any(name not in asked for name in found.asks):
        raise Http404
    question = Question.of(portfolio, asked | {"asker": request.user})
    try:
        document = told(explain(found, question), question)
    except DomainError as error:
        document = told(_nothing(found, error), question)
    inputs = _inputs(document["inputs"], portfolio)
    query = urlencode({name: str(value) for name, value in asked.items()})
    context = {
        "section": "",
        "figure": document,
        "terms": dict(_terms(document["parameters"])),
        "form": form,
        "fields": [form[name] for name in found.takes if not form[name].is_hidden],
        "hidden": [form[name] for name in (*found.takes, *found.asks) if form[name].is_hidden],
        "steps": _ends(_lines(document["steps"])),
        "singles": _ends([each for each in inputs if not each.rows]),
        "columns": [each for each in inputs if each.rows],
        "api": reverse("portfolio-explain", args=[portfolio.pk, figure]),
        "query": query,
        "shown": shortened(document["value"]),
        "unit": {"money": portfolio.base_currency, "ratio": "", "price": "", "day": ""}.get(found.unit, found.unit),
    }
    return render(request, "analytics/explain.html", page | context)


def _query(request: HttpRequest) -> Mapping[str, Any]:
    """The query, with the day shown where it names none."""
    day = day_shown(request, chooses=False)
    given = {name: request.GET[name] for name in request.GET}
    return given if day is None or given.get("as_of") else given | {"as_of": day.isoformat()}


def _terms(parameters: Mapping[str, Any]) -> Iterator[tuple[str, Any]]:
    """What the figure was asked with, by the names of the form."""
    for name, value in parameters.items():
        names = dict(getattr(ExplainForm.base_fields[name], "choices", ()))
        label = str(ExplainForm.base_fields[name].label or pgettext("asked", name.title()))
        yield label, names.get(value, shortened(value) if isinstance(value, int | float) else value)


def _nothing(figure: Explained, error: DomainError) -> Explanation:
    return Explanation(figure, None, None, error.message)


# --- the derivation -----------------------------------------------------------------------------------------------


class Token(NamedTuple):
    """A piece of a formula: words, or the name of an input or step, which is a link to it."""

    text: str
    ref: bool = False


@dataclass(frozen=True, slots=True)
class Line:
    """One step as a person reads it. ``part`` is told where another one begins."""

    id: str
    part: str
    tokens: Sequence[Token]
    value: str


def _lines(steps: Sequence[Mapping[str, Any]]) -> list[Line]:
    lines, part = [], ""
    for step in steps:
        told_part = step_worded(step["part"]) if step["part"] != part else ""
        part = step["part"]
        lines.append(Line(step["id"], told_part, list(_tokens(step)), _value_of(step)))
    return lines


def _tokens(step: Mapping[str, Any]) -> Iterator[Token]:
    sign = INFIX.get(step["operation"])
    arguments = [list(_argument(each)) for each in step["arguments"]]
    if sign and len(arguments) > 1:
        for place, argument in enumerate(arguments):
            yield from ([Token(f" {operation_worded(sign)} ")] if place else [])
            yield from argument
        return
    yield Token(f"{operation_worded(step['operation'])}(")
    for place, argument in enumerate(arguments):
        yield from ([Token(", ")] if place else [])
        yield from argument
    for name, value in step["options"].items():
        if name != "axis":  # there is one column
            yield Token(f", {operation_worded(name)} ")
            yield from _argument(value)
    yield Token(")")


def _argument(value: Any) -> Iterator[Token]:
    if isinstance(value, dict) and "ref" in value:
        yield Token(value["ref"], ref=True)
    elif isinstance(value, dict):
        yield Token(" ".join(f"{operation_worded(name)} {each}" for name, each in value.items() if each is not None))
    elif isinstance(value, list) and len(value) > ENDS:
        yield Token(_("%(count)s values") % {"count": len(value)})
    elif isinstance(value, list):
        yield from (token for each in value for token in (*_argument(each), Token(" ")))
    else:
        yield Token(shortened(value))


def _value_of(step: Mapping[str, Any]) -> str:
    if step["value"] is None:
        return _numbers(step["shape"])
    shape = np.shape(step["value"]) if isinstance(step["value"], list) else ()
    return _numbers(shape) if shape else shortened(step["value"])


def _numbers(shape: Sequence[int]) -> str:
    return _("%(count)s numbers") % {"count": " × ".join(map(str, shape))}


def shortened(value: Any) -> str:
    """A number with as many digits as a person reads; what is none as it is."""
    if isinstance(value, bool) or value is None:
        return operation_worded(str(value).lower())
    if isinstance(value, str):
        try:
            value = Decimal(value)
        except InvalidOperation:
            return day_worded(value)
        return typable(plain(value if len(value.as_tuple().digits) <= MOST_DIGITS else SHORT.plus(value)))
    return typable(f"{value:.{DIGITS}g}") if isinstance(value, float) else str(value)


# --- the inputs ---------------------------------------------------------------------------------------------------


class Cell(NamedTuple):
    text: str
    url: str = ""


@dataclass(frozen=True, slots=True)
class Given:
    """A single input, or a column of them by its ends: ``rows`` below ``head``."""

    id: str
    name: str
    value: str
    source: str
    url: str
    formula: str = ""
    head: Sequence[str] = ()
    rows: Sequence[Sequence[Cell]] = ()
    left_out: int = 0


def _inputs(inputs: Sequence[Mapping[str, Any]], portfolio: Portfolio) -> list[Given]:
    return [
        _column(given, portfolio) if isinstance(given["value"], list) else _single(given, portfolio) for given in inputs
    ]


def _single(given: Mapping[str, Any], portfolio: Portfolio) -> Given:
    source = given["source"]
    words = [worded(source["kind"])]
    words += [
        f"{worded(name)} {source[name]}" for name in ("symbol", "trade", "action", "id", "account") if source.get(name)
    ]
    words += [worded(day_worded(str(source[name]))) for name in ("day", "what") if source.get(name)]
    if source.get("source"):
        known = {"source": worded(source["source"]), "version": source["version"]}
        words.append(_("from %(source)s, price version %(version)s") % known)
    return Given(
        given["id"], input_worded(given["name"]), shortened(given["value"]), ", ".join(words), _url(source, portfolio)
    )


def _url(source: Mapping[str, Any], portfolio: Portfolio) -> str:
    """Where the source stands: the trade, or the bar of that day."""
    trade = source.get("lot") or source.get("trade")
    if trade:
        return reverse("trade-page", args=[trade])
    if source.get("run"):
        return reverse("optimisation-run", args=[source["run"]])
    if source["kind"] in ("price", "rate"):
        day = urlencode({"start": source["day"], "end": source["day"]})
        return f"{reverse('asset-history', args=[source['symbol']])}?{day}"
    if source.get("symbol"):
        return f"{reverse('holding', args=[source['symbol']])}?portfolio={portfolio.pk}"
    return ""


def _column(given: Mapping[str, Any], portfolio: Portfolio) -> Given:
    source, values = given["source"], given["value"]
    columns = {name: column for name, column in source.items() if isinstance(column, list)} | {"value ": values}
    places = range(len(values))
    shown = [*places] if len(values) <= 2 * ENDS else [*places[:ENDS], *places[-ENDS:]]
    rows = [[_cell(name, column[place], source, portfolio) for name, column in columns.items()] for place in shown]
    head = [worded(name.replace("_", " ")) for name in columns]
    head[-1] = input_worded(given["name"]).partition(":")[0]
    words = ", ".join(
        worded(source[name]) for name in ("kind", "symbol", "series", "price") if isinstance(source.get(name), str)
    )
    left_out, formula = len(values) - len(shown), formula_worded(source.get("formula", ""), source)
    return Given(
        given["id"], input_worded(given["name"]), _numbers([len(values)]), words, "", formula, head, rows, left_out
    )


EACH = {"days": ("each_value", "as_of"), "symbol": ("each_asset", "asset")}


def _cell(name: str, value: Any, source: Mapping[str, Any], portfolio: Portfolio) -> Cell:
    """A number of a column; its day, or its asset, leads to how the value of it comes about, where that is a figure."""
    figure, term = EACH.get(name, ("", ""))
    url = ""
    if source.get(figure):
        query = {"portfolio": portfolio.pk, term: value, **source.get("with", {})}
        url = f"{reverse('explain', args=[source[figure]])}?{urlencode(query)}"
    return Cell(", ".join(map(shortened, value)) if isinstance(value, list) else shortened(value), url)


def _ends(rows: Sequence[Any]) -> tuple[list[Any], int, list[Any]]:
    """The first and the last of many rows, and how many lie between them."""
    if len(rows) <= 2 * SHOWN:
        return list(rows), 0, []
    return list(rows[:SHOWN]), len(rows) - 2 * SHOWN, list(rows[-SHOWN:])
