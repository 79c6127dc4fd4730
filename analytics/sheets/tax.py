"""The tax report of a year as a sheet."""

from __future__ import annotations

from datetime import date

from django.utils.translation import gettext as _

from analytics.reporting.periods import Period
from analytics.reporting.sheet import Bars, Column, Row, Sheet, Table, steps
from analytics.sheets import words
from portfolios.models import Disposal, Portfolio
from portfolios.queries.tax import LONG, SHORT, TaxReport, TaxTotal
from portfolios.templatetags.money import amount, quantity, signed_amount


def sheet(report: TaxReport, period: Period, language: str) -> Sheet:
    """``period`` is the year, or what is over of it."""
    portfolio, base = report.portfolio, report.portfolio.base_currency
    return Sheet(
        title=_("Tax report %(year)s") % {"year": words.period_name(period)},
        subject=words.subject(portfolio),
        author=words.holder(portfolio),
        facts=[
            (_("Portfolio"), portfolio.name),
            (_("Owner"), words.holder(portfolio)),
            (_("Year"), str(report.year)),
            (_("Currency"), base),
            (_("Lots"), str(portfolio.get_cost_method_display())),
        ],
        sections=[_totals(report), _months(report), _disposals(report)],
        notes=[
            _(
                "No tax advice: terms are counted from the day on which a lot was opened, long when it was held "
                "for more than %(days)s days."
            )
            % {"days": portfolio.long_term_days},
            _(
                "Gain = proceeds − cost, each at the exchange rate of its own day; the currency gain is the part "
                "that changes of rates made."
            ),
        ],
        foot=words.foot(period.end),
        language=language,
        page=_("Page {number} of {count}"),
        missing=_("Characters that this document’s font lacks are shown as □."),
    )


def _totals(report: TaxReport) -> Table:
    base = report.portfolio.base_currency
    figures = (
        _("Disposals"),
        _("Proceeds"),
        _("Cost"),
        _("Gains"),
        _("Losses"),
        _("Of the price"),
        _("Of the currency"),
        _("Gain"),
    )
    terms = [(_("Short term"), report.of_term(SHORT)), (_("Long term"), report.of_term(LONG))]
    rows = [Row([name, *_sums(sums, base)]) for name, sums in terms]
    rows.append(Row([_("Total"), *_sums(report.total, base)], strong=True))
    columns = [Column(_("Term"), words=True), *map(Column, figures)]
    return Table(_("What was realised"), columns, rows, _("In %(currency)s") % {"currency": base}, split=False)


def _sums(sums: TaxTotal, base: str) -> list[str]:
    signed = (sums.gains, sums.losses, sums.price_gain, sums.currency_gain, sums.gain)
    written = [signed_amount(each, base) for each in signed]
    return [str(sums.disposals), amount(sums.proceeds, base), amount(sums.cost, base), *written]


def _months(report: TaxReport) -> Bars:
    base = report.portfolio.base_currency
    values = [float(gain) for gain in report.by_month]
    sentence = _("In all %(amount)s.") % {"amount": words.money(report.total.gain, base)}
    levels = [(each, words.level(each, base)) for each in steps([0.0, *values])]
    return Bars(_("Gain by month, in %(currency)s") % {"currency": base}, words.month_names(), values, levels, sentence)


def _disposals(report: TaxReport) -> Table:
    base = report.portfolio.base_currency
    columns = [
        *(Column(_("Opened"), words=True), Column(_("Closed"), words=True)),
        *map(Column, (_("Days"), _("Quantity"), _("Proceeds"), _("Cost"), _("Of the currency"), _("Gain"))),
    ]
    rows = []
    for asset in report.by_asset:
        name = f"{asset.asset.symbol} {asset.asset.name}".strip()
        head = [name, "", "", "", amount(asset.total.proceeds, base), amount(asset.total.cost, base)]
        rows.append(
            Row(
                [*head, *(signed_amount(each, base) for each in (asset.total.currency_gain, asset.total.gain))],
                strong=True,
            )
        )
        rows += [Row(_cells(disposal, base)) for disposal in asset.disposals]
    return Table(_("Disposals"), columns, rows, _("In %(currency)s") % {"currency": base}, _("Nothing was sold."))


def _cells(disposal: Disposal, base: str) -> list[str]:
    return [
        words.short_day(disposal.opened_on),
        words.short_day(disposal.closed_on),
        str(disposal.holding_days),
        quantity(disposal.quantity),
        amount(disposal.proceeds_base, base),
        amount(disposal.cost_base, base),
        *(signed_amount(each, base) for each in (disposal.currency_gain, disposal.gain_base)),
    ]


def rows_of(portfolio: Portfolio, year: int, until: date) -> int:
    """How many disposals the report of a year has up to that day; one query."""
    return Disposal.objects.filter(portfolio=portfolio, closed_on__year=year, closed_on__lte=until).count()
