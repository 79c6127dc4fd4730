"""How a risk flag's figures are written: fractions as percent, amounts in the account's currency, days as days."""

from __future__ import annotations

from typing import Any

from django import template

from analytics.models import FlagKind, RiskFlag
from portfolios.templatetags.money import amount, percent, ratio

register = template.Library()

FRACTIONS = {FlagKind.CONCENTRATION, FlagKind.DRAWDOWN, FlagKind.VALUE_AT_RISK}
WORDS = {
    "total_value": "of a total of {} {currency}",
    "asset": "{}",
    "mean": "usual payment {}",
    "payments": "from {} payments of a year",
    "description": "“{}”",
    "booked_on": "on {}",
    "last_booked_on": "last row on {}",
    "balance": "balance {}",
    "stated": "the statement says {}",
    "booked": "the books {}",
    "day": "at the close of {}",
    "observations": "from {} returns",
}


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
    figures: dict[str, Any] = {"currency": "", **flag.figures}
    if figures.get("mean") not in (None, ""):
        figures["mean"] = ratio(figures["mean"])
    parts = [
        words.format(figures[name], **figures) for name, words in WORDS.items() if figures.get(name) not in (None, "")
    ]
    return ", ".join(parts)


def _written(flag: RiskFlag, value: float) -> str:
    if flag.kind in FRACTIONS:
        return percent(value)
    if flag.kind == FlagKind.LEVERAGE:
        return f"{ratio(value)} ×"
    if flag.kind == FlagKind.DORMANT:
        return f"{ratio(value, 0)} days"
    return f"{amount(value, flag.account.currency)} {flag.account.currency}" if flag.account else ratio(value)
