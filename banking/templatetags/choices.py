"""Hundreds of choices as markup, which a template would write a dozen steps for each of."""

from __future__ import annotations

from collections.abc import Iterable

from django import template
from django.utils.html import format_html_join
from django.utils.safestring import SafeString

from banking.models import Counterparty, Tag

register = template.Library()


@register.simple_tag
def options(choices: Iterable[tuple[str, str]], picked: str) -> SafeString:
    """The choices of a select, ``(value, label)`` each; the one whose value is ``picked`` is selected."""
    rows = ((value, " selected" if value == picked else "", name) for value, name in choices)
    return format_html_join("", '<option value="{}"{}>{}</option>', rows)


@register.simple_tag
def names(rows: Iterable[Counterparty | Tag]) -> SafeString:
    """What a datalist offers: the names of ``rows``."""
    return format_html_join("", '<option value="{}"></option>', ((row.name,) for row in rows))
