"""The pages of Analytics: which there are, and what each of them begins with."""

from __future__ import annotations

from typing import Any, NamedTuple

from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.urls import reverse
from django.utils.translation import gettext_lazy as _
from django.views.decorators.http import require_safe

from core.web import login_needed
from portfolios.views.base import page_of
from users.day import day_shown


class Section(NamedTuple):
    """A page of Analytics. ``url_name`` is that of its URL; ``title`` its tab and its heading."""

    key: str
    title: Any  # a text or a lazy one
    url_name: str


SECTIONS = (
    Section("risk", _("Risk"), "analytics-risk"),
    Section("history", _("History"), "analytics-history"),
    Section("var", _("Value at risk"), "analytics-var"),
    Section("factors", _("Factors"), "analytics-factors"),
    Section("stress", _("Stress tests"), "analytics-stress"),
    Section("correlation", _("Correlation"), "analytics-correlation"),
    Section("optimiser", _("Optimiser"), "analytics-optimiser"),
    Section("rebalancing", _("Rebalancing"), "analytics-rebalancing"),
)


@require_safe
@login_needed
def analytics(request: HttpRequest) -> HttpResponse:
    """The first page of Analytics."""
    query = request.GET.urlencode()
    return redirect(reverse(SECTIONS[0].url_name) + (f"?{query}" if query else ""))


def section_page(request: HttpRequest, key: str) -> dict[str, Any]:
    """What the page ``key`` begins with: the picker of portfolios, the tabs, and the day shown.

    ``portfolio`` is None for somebody without any, ``past`` None for now.
    """
    [shown] = [section for section in SECTIONS if section.key == key]
    page = {"section": "analytics", "sections": SECTIONS, "shown": shown}
    return page_of(request) | page | {"past": day_shown(request)}
