"""How a risk flag's figures are written: fractions as percent, amounts in the account's currency, days as days."""

from __future__ import annotations

from datetime import date
from decimal import Decimal
from typing import Any

from django import template
from django.utils.formats import date_format
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _

from analytics.models import FlagKind, RiskFlag
from analytics.queries.flows import UNCATEGORISED
from banking.shipped import spoken
from portfolios.templatetags.money import amount, percent, ratio

register = template.Library()

FRACTIONS = {FlagKind.CONCENTRATION, FlagKind.DRAWDOWN, FlagKind.VALUE_AT_RISK}
WORDS: dict[str, Any] = {
    "total_value": _("of a total of %(figure)s"),
    "asset": "%(figure)s",
    "mean": _("usual payment %(figure)s"),
    "payments": _("from %(figure)s payments of a year"),
    "description": "“%(figure)s”",
    "booked_on": _("on %(figure)s"),
    "last_booked_on": _("last row on %(figure)s"),
    "balance": _("balance %(figure)s"),
    "stated": _("the statement says %(figure)s"),
    "booked": _("the books %(figure)s"),
    "day": _("at the close of %(figure)s"),
    "observations": _("from %(figure)s returns"),
}
AMOUNTS = {"total_value", "mean", "balance", "stated", "booked"}
DAYS = {"booked_on", "last_booked_on", "day"}


@register.filter
def category_name(name: str) -> str:
    """A category's own name; a shipped one's, and what stands for none of them, in the reader's language."""
    return gettext("Not categorised") if name == UNCATEGORISED else spoken(name)


@register.filter
def found(flag: RiskFlag) -> str:
    return _written(flag, flag.measure)


@register.filter
def beyond(flag: RiskFlag) -> str:
    """The limit that it exceeds; nothing where any at all is too much."""
    return _written(flag, flag.limit) if flag.limit else "–"


@register.filter
def told(flag: RiskFlag) -> str:
    """Its figures as a line."""
    figures: dict[str, Any] = flag.figures
    currency = figures.get("currency") or (flag.account.currency if flag.account else "")
    named = ((name, words) for name, words in WORDS.items() if figures.get(name) not in (None, ""))
    return ", ".join(words % {"figure": _figure(name, figures[name], currency)} for name, words in named)


def _figure(name: str, value: Any, currency: str) -> str:
    """A recorded figure as it is read: an amount with its currency, a day in words, else as it is."""
    if name in AMOUNTS:
        return f"{amount(Decimal(str(value)), currency)} {currency}" if currency else ratio(float(value))
    return date_format(date.fromisoformat(value), "SHORT_DATE_FORMAT") if name in DAYS else str(value)


def _written(flag: RiskFlag, value: float) -> str:
    if flag.kind in FRACTIONS:
        return percent(value)
    if flag.kind == FlagKind.LEVERAGE:
        return f"{ratio(value)} ×"
    if flag.kind == FlagKind.DORMANT:
        return _("%(days)s days") % {"days": ratio(value, 0)}
    return f"{amount(value, flag.account.currency)} {flag.account.currency}" if flag.account else ratio(value)
