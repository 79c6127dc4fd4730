"""What every figure is, in one sentence each, for the card that static/definitions.js shows beside a link."""

from __future__ import annotations

from typing import Any

from django.http import HttpRequest, JsonResponse
from django.utils.translation import gettext as _
from django.views.decorators.cache import cache_control
from django.views.decorators.http import require_safe
from django.views.decorators.vary import vary_on_headers

from analytics.definitions import BASES, FIGURES, METHODS, UNITS, Definition
from analytics.queries.explain import FIGURES as EXPLAINED
from core.web import login_needed

KEPT_FOR = 3600  # seconds


@require_safe
@login_needed
@cache_control(private=True, max_age=KEPT_FOR)
@vary_on_headers("Cookie", "Accept-Language")
def definitions(request: HttpRequest) -> JsonResponse:
    """``figures`` by the key of their explanation, ``methods`` by their heading; ``words`` that the card adds."""
    figures = {
        key: _told(Definition(FIGURES[key], figure.unit, figure.basis))
        for key, figure in EXPLAINED.items()
        if key in FIGURES
    }
    words = {
        "of": _("as of %s"),
        "now": _("at the last known prices"),
        "click": _("Open it for the formula and what it is computed from."),
        "tap": _("Tap again for the formula and what it is computed from."),
    }
    bases = {key: str(text) for key, text in BASES.items()}
    methods = {heading: _told(definition) for heading, definition in METHODS.items()}
    return JsonResponse({"figures": figures, "methods": methods, "words": words, "bases": bases})


def _told(definition: Definition) -> dict[str, Any]:
    return {
        "text": str(definition.text),
        "unit": str(UNITS.get(definition.unit, "")),
        "basis": definition.basis,
    }
