"""The statement of a period as a sheet: values, lines, returns, a picture, holdings, results and transactions."""

from __future__ import annotations

from datetime import date
from decimal import Decimal
from typing import Any, NamedTuple

import numpy as np
from django.utils.translation import gettext as _

from analytics.charts import Chart, thin, told
from analytics.charts import Line as ChartLine
from analytics.queries.statement import Statement
from analytics.reporting.periods import Period
from analytics.reporting.sheet import Column, Line, Lines, Row, Sheet, Table, steps, ticks
from analytics.sheets import words
from core.money import minor_units
from portfolios.queries.performance import HoldingPerformance
from portfolios.templatetags.money import (
    amount,
    percent,
    quantity,
    signed_amount,
    signed_percent,
    unit_price,
    unit_said,
)

LARGE = 10_000  # amounts beside it have no decimals in a picture


class Gained(NamedTuple):
    """A return of the portfolio beside that of its benchmark."""

    figure: str
    name: str
    meaning: str
    own: words.Written
    benchmark: words.Written


def sheet(found: Statement, period: Period, booked: Table, language: str) -> Sheet:
    """What is printed; ``booked`` are the transactions."""
    picture = value_picture(found)
    sections = [summary(found), returns(found), picture, holdings(found), results(found), booked]
    return Sheet(
        title=_("Statement %(period)s") % {"period": words.period_name(period)},
        subject=words.subject(found.portfolio),
        author=words.holder(found.portfolio),
        facts=facts(found),
        sections=[section for section in sections if section is not None],
        notes=notes(found),
        foot=words.foot(found.end),
        language=language,
        page=_("Page {number} of {count}"),
        missing=_("Characters that this document’s font lacks are shown as □."),
    )


def facts(found: Statement) -> list[tuple[str, str]]:
    portfolio = found.portfolio
    told = [
        (_("Portfolio"), portfolio.name),
        (_("Owner"), words.holder(portfolio)),
        (_("Days"), _("%(start)s – %(end)s") % {"start": words.day(found.start), "end": words.day(found.end)}),
        (
            _("Valued"),
            _("at the close of %(end)s, in %(currency)s")
            % {"end": words.day(found.end), "currency": portfolio.base_currency},
        ),
        (_("Lots"), str(portfolio.get_cost_method_display())),
    ]
    return [*told, *([(_("Benchmark"), str(portfolio.benchmark.name))] if portfolio.benchmark else [])]


def notes(found: Statement) -> list[str]:
    base, costs = found.portfolio.base_currency, found.costs
    said = [
        _(
            "The lines add up to the change of value, each rounded to the currency’s smallest unit; "
            "what rounding leaves over is in the largest."
        ),
        _(
            "The fees (%(fees)s) and taxes (%(taxes)s) of the trades are in the gains: "
            "they raise costs and lower proceeds."
        )
        % {"fees": words.money(costs.fees, base), "taxes": words.money(costs.taxes, base)},
        _(
            "Time-weighted: daily returns, chained, free of the size and time of payments. Money-weighted: the rate at "
            "which all payments grow to the closing value. Ex-post, from the portfolio’s real trades."
        ),
    ]
    if found.portfolio.cash == "untracked":
        said.append(_("Cash is not tracked here, so each purchase counts as a deposit and each sale as a withdrawal."))
    return said


def summary(found: Statement) -> Table:
    base, lines = found.portfolio.base_currency, found.lines
    rows = [
        Row(
            [_("Value at the close of %(day)s") % {"day": words.day(found.opened)}, amount(lines.start_value, base)],
            strong=True,
        )
    ]
    rows += [Row([str(words.LINES[key]), signed_amount(value, base)]) for key, value in found.shown.items()]
    rows.append(
        Row(
            [_("Value at the close of %(day)s") % {"day": words.day(found.end)}, amount(lines.end_value, base)],
            strong=True,
        )
    )
    return Table(_("Why the value changed"), [Column(_("Line"), words=True), Column(base)], rows, split=False)


def gained(found: Statement) -> list[Gained]:
    """Both returns, with what the same payments would have earned in the benchmark."""
    other = found.benchmark
    nothing = _("none: %(reason)s") % {"reason": other.problem} if other and other.problem else "–"
    grown = signed_percent(other.growth) if other and other.growth is not None else nothing
    return [
        Gained(
            "time_weighted_return",
            _("Time-weighted return"),
            _("What one unit of money earned that was there all the time."),
            words.rate(found.time_weighted),
            words.Written(grown),
        ),
        Gained(
            "money_weighted_return",
            _("Money-weighted return"),
            _("What the money earned that was really there, with the times of its payments."),
            words.rate(found.money_weighted),
            words.rate(found.benchmark_money_weighted) if other and other.value is not None else words.Written(nothing),
        ),
    ]


def returns(found: Statement) -> Table:
    name = found.portfolio.benchmark.symbol if found.portfolio.benchmark else _("Benchmark")
    columns = [Column(_("Return"), words=True), Column(found.portfolio.name), Column(name)]
    return Table(
        _("Returns"), columns, [Row([row.name, row.own.line, row.benchmark.line]) for row in gained(found)], split=False
    )


def value_chart(found: Statement) -> Chart | None:
    """The value at each close since the opening, and what was paid in by then; None without a day."""
    daily = found.daily
    if not len(daily.days):
        return None
    opening = float(found.lines.start_value)
    days = np.concatenate([[np.datetime64(found.opened)], daily.days]).astype("datetime64[D]")
    values, paid = (np.concatenate([[opening], each]) for each in (daily.values, opening + np.cumsum(daily.flows)))
    digits = 0 if values.max() >= LARGE else minor_units(found.portfolio.base_currency)
    lines = [
        ChartLine(_("Portfolio"), "portfolio", values, area=True),
        ChartLine(_("Opening value and payments"), "benchmark", paid),
    ]
    return Chart(days, lines, "money", found.portfolio.base_currency, digits)


def value_picture(found: Statement) -> Lines | None:
    chart = value_chart(found)
    if chart is None:
        return None
    base = found.portfolio.base_currency
    places = thin(chart.lines[0].values)
    days: list[date] = chart.days[places].tolist()
    lines = [Line(line.name, line.values[places].tolist()) for line in chart.lines]
    sentence = _("From %(first)s at the close of %(start)s to %(last)s at the close of %(end)s.") % {
        "first": words.money(found.lines.start_value, base),
        "start": words.day(found.opened),
        "last": words.money(found.lines.end_value, base),
        "end": words.day(found.end),
    }
    levels = steps([value for line in lines for value in line.values if value is not None])
    title = _("Value, in %(currency)s") % {"currency": base}
    marked = [(each, words.short_day(each)) for each in ticks(days)]
    return Lines(title, days, lines, marked, [(each, words.level(each, base)) for each in levels], sentence)


def holdings(found: Statement) -> Table:
    base = found.portfolio.base_currency
    columns = [
        *(Column(_("Symbol"), words=True), Column(_("Name"), words=True)),
        *map(Column, (_("Quantity"), _("Price"), _("Value"), _("Weight"), _("Unrealised gain"))),
    ]
    rows = [
        Row(
            [
                held.symbol,
                held.name,
                quantity(held.quantity),
                f"{unit_price(held.price, held.currency)} {unit_said(held.price_unit)}",
                amount(held.value, base),
                percent(held.weight),
                signed_amount(held.unrealised_gain, base),
            ],
            asset=held.symbol,
        )
        for held in found.holdings
    ]
    sums = found.exact.end.totals
    beside = [(_("Cash"), sums.cash), (_("Dividends and other amounts that are due"), sums.receivables)]
    rows += [Row([name, "", "", "", amount(value, base), "", ""]) for name, value in beside if value]
    gain = signed_amount(sums.unrealised_gain, base)
    rows.append(Row([_("Total"), "", "", "", amount(sums.total_value, base), "", gain], strong=True))
    title = _("Holdings at the close of %(day)s") % {"day": words.day(found.end)}
    note = _("Values and gains in %(currency)s; weights are of the securities.") % {"currency": base}
    return Table(title, columns, rows, note)


def results(found: Statement) -> Table:
    base = found.portfolio.base_currency
    columns = [
        Column(_("Symbol"), words=True),
        *map(Column, (_("Value at first"), _("Paid for it"), _("Income"), _("Realised"), _("Unrealised"))),
        *map(Column, (_("Value at last"), _("Gain"))),
    ]
    rows = [Row(_result(held, base), asset=held.symbol) for held in found.exact.holdings]
    note = _("In %(currency)s. Gain = value at last − value at first − what was paid for it + income.") % {
        "currency": base
    }
    return Table(_("What each security earned"), columns, rows, note, _("No security was held."))


def _result(held: HoldingPerformance, base: str) -> list[str]:
    changes = (held.paid, held.income, held.realised_gain, held.unrealised_change)
    written = [signed_amount(each, base) for each in changes]
    return [
        held.symbol,
        amount(held.start_value, base),
        *written,
        amount(held.end_value, base),
        signed_amount(held.gain, base),
    ]


class Explained(NamedTuple):
    """A line of the page: what it means, and the figure of /explain/ that says how it comes about."""

    name: str
    meaning: str
    figure: str
    value: Decimal


FIGURES = {"deposits": "net_flows", "withdrawals": "net_flows", "expenses": "costs", "taxes": "costs"}


def explained_lines(found: Statement) -> list[Explained]:
    return [
        Explained(str(words.LINES[key]), str(words.MEANINGS[key]), f"reconciliation_{FIGURES.get(key, key)}", value)
        for key, value in found.shown.items()
    ]


def told_chart(found: Statement) -> dict[str, Any] | None:
    """What the page's chart needs."""
    chart = value_chart(found)
    return told(chart) | {"view": "value"} if chart else None
