"""The way from a number on a page to how it comes about."""

from __future__ import annotations

from datetime import date
from typing import Any
from urllib.parse import quote

from django import template
from django.urls import reverse
from django.utils.html import escape
from django.utils.safestring import SafeString, mark_safe
from django.utils.translation import gettext as _

from analytics.queries.explain import FIGURES
from portfolios.models import Portfolio

register = template.Library()
LINK = '<a class="explained" href="{}" title="{}">{}</a>'


@register.simple_block_tag
def explained(content: str, figure: str, portfolio: Portfolio | None, **asked: Any) -> SafeString:
    """``{% explained "sharpe_ratio" portfolio as_of=past %}1.23{% endexplained %}``: the number as a link.

    Without a portfolio it is the number alone: what several are together has no such page.

    ``asked`` are the parameters of the API (as_of, period, start, asset, level, horizon …), ``terms`` a mapping of more
    of them; empty ones are left out.
    """
    if portfolio is None:
        return mark_safe(content.strip())  # noqa: S308  as below
    # What stands within was rendered, and so escaped, by the template around it.
    url, title = escape(explain_url(figure, portfolio, **asked)), escape(_("How this comes about"))
    return mark_safe(LINK.format(url, title, content.strip()))  # noqa: S308


@register.simple_tag
def explain_url(figure: str, portfolio: Portfolio, **asked: Any) -> str:
    """The address of the figure's page."""
    asked |= asked.pop("terms", None) or {}
    given = [f"&{name}={_plain(value)}" for name, value in asked.items() if value]
    return f"{reverse('explain', args=[figure])}?portfolio={portfolio.pk}{''.join(given)}"


@register.simple_tag
def explain_urls(portfolio: Portfolio, **asked: Any) -> dict[str, str]:
    """By figure the addresses for the rows of a table, to which each row adds ``&asset=``: a tag in each is slow."""
    return {key: explain_url(key, portfolio, **asked) for key, figure in FIGURES.items() if "asset" in figure.asks}


def _plain(value: Any) -> str:
    return value.isoformat() if isinstance(value, date) else quote(str(value), safe="")
