"""The pages of banking: which there are, and what each of them begins with."""

from __future__ import annotations

from typing import Any, NamedTuple

from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.views.decorators.http import require_safe

from core.web import login_needed


class Section(NamedTuple):
    """A page of banking. ``url_name`` is that of its URL; ``title`` its tab and its heading."""

    key: str
    title: str
    url_name: str


SECTIONS = (
    Section("accounts", "Accounts", "banking-accounts"),
    Section("transactions", "Transactions", "banking-transactions"),
    Section("budgets", "Budgets", "banking-budgets"),
    Section("recurring", "Recurring", "banking-recurring"),
    Section("rules", "Rules", "banking-rules"),
)


@require_safe
@login_needed
def banking(request: HttpRequest) -> HttpResponse:
    """The first page of banking."""
    return redirect(SECTIONS[0].url_name)


def section_page(key: str) -> dict[str, Any]:
    """What the page ``key`` begins with: the entry of the navigation, and the tabs."""
    [shown] = [section for section in SECTIONS if section.key == key]
    return {"section": "banking", "sections": SECTIONS, "shown": shown}
