"""The words that reports share: names of periods and lines, and how days, amounts and returns are written."""

from __future__ import annotations

from datetime import date
from decimal import Decimal

from django.utils.formats import date_format, number_format
from django.utils.functional import Promise
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy as lazy

from analytics.queries.performance import Rate
from analytics.reporting.periods import RECENT, Period
from core.money import minor_units
from portfolios.models import Portfolio
from portfolios.templatetags.money import amount, signed_percent

LINES: dict[str, Promise] = {
    "deposits": lazy("Deposits"),
    "withdrawals": lazy("Withdrawals"),
    "realised_gains": lazy("Realised gains"),
    "unrealised_gains": lazy("Change in unrealised gains"),
    "unrealised_in": lazy("Unrealised gains that came in with transferred securities"),
    "unrealised_out": lazy("Unrealised gains that left with transferred securities"),
    "income": lazy("Income"),
    "expenses": lazy("Fees and expenses outside trades"),
    "taxes": lazy("Taxes withheld"),
    "currency_effect": lazy("Currency effect on cash"),
}
# What each line means, in one sentence, and the figure that explains it further where there is one.
MEANINGS: dict[str, Promise] = {
    "deposits": lazy("Money and securities that came in from outside; without tracked cash each purchase counts."),
    "withdrawals": lazy("Money and securities that went out; without tracked cash each sale counts."),
    "realised_gains": lazy("Proceeds less cost of what was sold, after the fees and taxes of the trades."),
    "unrealised_gains": lazy("By how much the gain of what is still held grew."),
    "unrealised_in": lazy("Taken off, because it was earned before the securities came in."),
    "unrealised_out": lazy("Added back, because it left with the securities."),
    "income": lazy("Dividends, coupons and interest, gross, on the day on which they were earned."),
    "expenses": lazy("Fees and other expenses that were booked as cash, beside those of trades."),
    "taxes": lazy("What was kept back of dividends and coupons."),
    "currency_effect": lazy("What changes of exchange rates did to foreign cash and to what is owed."),
}
RECENT_NAMES: dict[str, Promise] = {
    "last-month": lazy("Last month"),
    "month": lazy("This month so far"),
    "last-quarter": lazy("Last quarter"),
    "quarter": lazy("This quarter so far"),
    "last-year": lazy("Last year"),
    "year": lazy("This year so far"),
}
assert set(RECENT_NAMES) == set(RECENT)  # noqa: S101  one name for each


def period_name(period: Period) -> str:
    """``October 2026``, ``Q3 2026``, ``2026``, or both days; with its end where it is not over yet."""
    if period.kind == "own":
        return _("%(start)s – %(end)s") % {"start": day(period.start), "end": day(period.end)}
    name = _whole_name(period)
    if period.whole and period.kind != "all":
        return name
    return _("%(name)s, until %(end)s") % {"name": name, "end": day(period.end)}


def _whole_name(period: Period) -> str:
    if period.kind == "month":
        return date_format(period.start, "YEAR_MONTH_FORMAT")
    if period.kind == "quarter":
        return _("Q%(quarter)s %(year)s") % {"quarter": period.quarter, "year": period.start.year}
    return _("All time") if period.kind == "all" else str(period.start.year)


def day(value: date) -> str:
    return date_format(value, "DATE_FORMAT")


def short_day(value: date) -> str:
    return date_format(value, "SHORT_DATE_FORMAT")


def month_names() -> list[str]:
    """The short names of the twelve months."""
    return [date_format(date(2000, month, 1), "M") for month in range(1, 13)]


def money(value: Decimal, currency: str) -> str:
    """``1,234.50 EUR``"""
    return f"{amount(value, currency)} {currency}"


def level(value: float, currency: str) -> str:
    """At an axis: without decimals from 10 on."""
    digits = 0 if abs(value) >= 10 or not value else minor_units(currency)
    return number_format(value, digits, use_l10n=True, force_grouping=True).replace("-", "−")


def rate(found: Rate) -> str:
    """A return, with what it is a year where it is of more; or why there is none."""
    if found.value is None:
        return _("none: %(reason)s") % {"reason": found.problem} if found.problem else "–"
    whole = signed_percent(found.value)
    if found.annual is None:
        return whole
    return _("%(whole)s (%(annual)s a year)") % {"whole": whole, "annual": signed_percent(found.annual)}


def subject(portfolio: Portfolio) -> str:
    """Whose portfolio it is."""
    return _("%(portfolio)s, of %(holder)s") % {"portfolio": portfolio.name, "holder": holder(portfolio)}


def holder(portfolio: Portfolio) -> str:
    """The full name of a person who gave one."""
    found = portfolio.holder
    full: str = getattr(found, "get_full_name", str)()
    return full or str(found)


def foot(end: date) -> str:
    return _("Portfolio server · as of the close of %(day)s") % {"day": day(end)}
