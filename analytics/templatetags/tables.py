"""Rows of tables as markup, which a template would write a dozen steps for each cell of."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from datetime import UTC, date, datetime
from html import escape  # what Django's own does, without the parts that are of no use for plain text
from typing import cast

from django import template
from django.urls import reverse
from django.utils.formats import date_format
from django.utils.safestring import SafeString, mark_safe

from analytics.reporting.sheet import Column, Row, Table
from portfolios.models import Portfolio
from portfolios.templatetags.money import ratio, signed_percent

register = template.Library()
Write = Callable[[float | None], str]


@register.simple_tag
def chart_rows(rows: Iterable[tuple[date, Sequence[float | None]]], unit: str, digits: int, clock: bool) -> SafeString:
    """A chart's days (instants, by the ``clock``) with the values of its lines, as it writes its ``unit``."""
    write, told = _writer(unit, digits), _moment if clock else _day
    return mark_safe("".join(_chart_row(told(day), values, write) for day, values in rows))  # noqa: S308


def _writer(unit: str, digits: int) -> Write:
    if unit == "money":
        return lambda value: ratio(value, digits)
    return ratio if unit == "ratio" else signed_percent


def _day(day: date) -> str:
    return date_format(day, "SHORT_DATE_FORMAT")


def _moment(at: date) -> str:
    """In UTC, as the column's head says."""
    at = cast("datetime", at).astimezone(UTC)
    return f"{_day(at)}, {date_format(at, 'H:i:s')}"


def _chart_row(head: str, values: Iterable[float | None], write: Write) -> str:
    cells = "".join(f"<td>{escape(write(value))}</td>" for value in values)
    return f'<tr><th scope="row" class="words">{escape(head)}</th>{cells}</tr>\n'


@register.simple_tag
def sheet_rows(table: Table, portfolio: Portfolio) -> SafeString:
    """The rows of a report's table; the first cell is the head of its row, and leads to the holding it is of."""
    return mark_safe("".join(_sheet_row(table.columns, row, portfolio) for row in table.rows))  # noqa: S308


def _sheet_row(columns: Sequence[Column], row: Row, portfolio: Portfolio) -> str:
    head, *others = row.cells
    cells = "".join(_cell(column, text) for column, text in zip(columns[1:], others, strict=True))
    strong = ' class="report-strong"' if row.strong else ""
    first = f'<th role="rowheader" scope="row" class="words">{_head(head, row, portfolio)}</th>'
    return f'<tr role="row"{strong}>{first}{cells}</tr>\n'


def _head(text: str, row: Row, portfolio: Portfolio) -> str:
    if not row.asset or row.asset != text:
        return escape(text)
    url = f"{reverse('holding', args=[row.asset])}?portfolio={portfolio.pk}"
    return f'<a class="symbol" href="{escape(url)}">{escape(text)}</a>'


def _cell(column: Column, text: str) -> str:
    """A figure names its column, for where the row becomes a card; words do not."""
    kind = ("words wrap long" if column.words else "") + ("" if text else " blank")
    label = "" if column.words else escape(column.title)
    return f'<td role="cell" class="{kind}" data-label="{label}">{escape(text)}</td>'
