"""What lists need on a page: heads that sort, bars of a share, how long something is held."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date
from decimal import Decimal
from typing import Any

from django import template
from django.utils.timesince import timesince
from django.utils.translation import gettext_lazy as _
from django.utils.translation import ngettext

from banking.models import Section
from portfolios.queries.beside import UNKNOWN
from portfolios.queries.totals import UNCLASSIFIED

register = template.Library()

# What stands for a group that nobody named; the words themselves are keys of addresses and files.
UNNAMED = {UNKNOWN: _("Unknown"), UNCLASSIFIED: _("Unclassified")}
SHORT = 60  # days that are told as days


@register.inclusion_tag("portfolios/_sort_head.html", takes_context=True)
def sort_head(context: dict[str, Any], *columns: str, words: bool = False) -> dict[str, Any]:
    """The head of a column that sorts by its ``columns``: a key and a label, and another pair for what stands below.

    A first click sorts ``words`` upwards and figures downwards, the next one the other way. Needs ``order`` and
    ``request`` in the context.
    """
    links = [_sort_link(context["order"], *pair, words=words) for pair in _pairs(columns)]
    directions = [link["direction"] for link in links if link["direction"]]
    return {"request": context["request"], "links": links, "direction": directions[:1], "words": words}


def _pairs(columns: Sequence[str]) -> list[tuple[str, str]]:
    return list(zip(columns[::2], columns[1::2], strict=True))


def _sort_link(order: str, key: str, label: str, *, words: bool) -> dict[str, str]:
    first, other = (key, f"-{key}") if words else (f"-{key}", key)
    direction = {key: "ascending", f"-{key}": "descending"}.get(order, "")
    return {"label": label, "next": other if order == first else first, "direction": direction}


@register.filter
def group_name(name: str) -> str:
    """A sector or a country in the reader's language where nobody has named one."""
    return str(UNNAMED.get(name, name))


@register.filter
def section_name(section: str) -> str:
    """“Income”, “Expense” or “Transfer” in the reader's language; what is none of them stays."""
    return str(Section(section).label) if section in Section.values else section


@register.filter
def bar_width(share: Decimal | float | None) -> str:
    """The length of a bar of 100 for a share of 1; what is owed has none."""
    return f"{min(max(float(share or 0), 0.0), 1.0) * 100:.2f}"


@register.filter
def held_for(since: date | None, until: date | None) -> str:
    """``12 days``, ``3 years, 2 months``; nothing where a day is not known."""
    if since is None or until is None or since > until:
        return ""
    days = (until - since).days
    if days < SHORT:
        return ngettext("%(count)s day", "%(count)s days", days) % {"count": days}
    return timesince(since, until).replace("\xa0", " ")
