"""Hundreds of choices as markup, which a template would write a dozen steps for each of."""

from __future__ import annotations

from collections.abc import Iterable
from html import escape  # what Django's own does, without the parts that are of no use for plain text

from django import template
from django.utils.safestring import SafeString, mark_safe

from banking.models import Counterparty, Tag

register = template.Library()


@register.simple_tag
def options(choices: Iterable[tuple[str, str]], picked: str) -> SafeString:
    """The choices of a select, ``(value, label)`` each; the one whose value is ``picked`` is selected."""
    rows = ((escape(str(value)), " selected" if value == picked else "", escape(str(name))) for value, name in choices)
    return mark_safe("".join(f'<option value="{value}"{chosen}>{name}</option>' for value, chosen, name in rows))  # noqa: S308


@register.simple_tag
def names(rows: Iterable[Counterparty | Tag]) -> SafeString:
    """What a datalist offers: the names of ``rows``."""
    return mark_safe("".join(f'<option value="{escape(row.name)}"></option>' for row in rows))  # noqa: S308
