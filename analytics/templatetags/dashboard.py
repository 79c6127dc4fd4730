"""How the Dashboard writes differences of returns."""

from __future__ import annotations

from django import template

from portfolios.templatetags.money import MISSING, signed_percent

register = template.Library()


@register.filter
def points(value: float | None, digits: int = 2) -> str:
    """``+0.40 pp`` from the difference of fractions 0.004: percentage points are no percentage."""
    return MISSING if value is None else signed_percent(value, digits).removesuffix("%").rstrip() + " pp"
