"""An explanation as plain data, the same for the API, the page and the file."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from analytics.queries.explain.register import FIGURES, Explained, Explanation, Question
from analytics.queries.methods import formula, row_of

COLUMN_NAMES = ("id", "name", "day", "value")


def told(found: Explanation, question: Question) -> dict[str, Any]:
    """The whole of it; without a figure ``value`` and ``result`` are None and ``problem`` says why."""
    figure, result, trace = found.figure, found.result, found.trace
    window = None
    if result is not None and result.end is not None:
        window = {"start": result.start, "end": result.end, "observations": result.observations}
    return {
        "portfolio": question.portfolio.pk,
        **listed(figure),
        "basis": (result.basis if result else None) or figure.basis,
        "asset": question.asset if "asset" in figure.asks else None,
        "currency": question.portfolio.base_currency,
        "as_of": result.as_of if result else question.as_of,
        "window": window,
        "parameters": dict(result.parameters) if result else {},
        "formula": _formula(figure, question),
        "value": trace.value if trace else None,
        "problem": found.problem or None,
        "inputs": trace.inputs if trace else [],
        "steps": trace.steps if trace else [],
        "result": trace.result if trace else None,
    }


def _formula(figure: Explained, question: Question) -> str:
    """That of its heading, and of the method that is asked for."""
    of_method = row_of(figure.heading, question.method) if "method" in figure.takes else ""
    return "\n".join(part for part in (formula(figure.heading), of_method) if part)


def listed(figure: Explained) -> dict[str, Any]:
    """What a figure is, without its value."""
    return {
        "figure": figure.key,
        "label": figure.label,
        "unit": figure.unit,
        "basis": figure.basis,
        "heading": figure.heading,
        "takes": [*figure.takes, *figure.asks],
        "asks": list(figure.asks),
    }


def every_figure() -> list[dict[str, Any]]:
    return [listed(figure) for figure in FIGURES.values()]


def rows_of(inputs: list[dict[str, Any]]) -> Iterator[list[Any]]:
    """The inputs as lines of a table with their names above: one for each number, those of a column each on its day."""
    lines = [line for given in inputs for line in _lines(given)]
    names = dict.fromkeys(name for line in lines for name in line)
    columns = [*COLUMN_NAMES, *(name for name in names if name not in COLUMN_NAMES)]
    yield columns
    for line in lines:
        yield [line.get(name, "") for name in columns]


def _lines(given: Mapping[str, Any]) -> Iterator[dict[str, Any]]:
    source, named = given["source"], {"id": given["id"], "name": given["name"]}
    if not isinstance(given["value"], list):
        yield named | source | {"value": given["value"]}
        return
    columns = {name: column for name, column in source.items() if isinstance(column, list)}
    alike = {name: value for name, value in source.items() if not isinstance(value, list | dict)}
    for place, value in enumerate(given["value"]):
        line = {"day" if name == "days" else name: column[place] for name, column in columns.items()}
        yield named | alike | line | _numbers(value, source)


def _numbers(value: Any, source: Mapping[str, Any]) -> dict[str, Any]:
    """A number of a column; of several columns side by side one for each of their names."""
    return dict(zip(source["series"].split(", "), value, strict=True)) if isinstance(value, list) else {"value": value}
