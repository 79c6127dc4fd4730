"""How the holdings move together, and who carries the risk."""

from __future__ import annotations

from typing import Any, NamedTuple, cast
from urllib.parse import urlencode

import numpy as np
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.utils.translation import gettext_lazy as _
from django.views.decorators.http import require_safe

from analytics import queries
from analytics.dependence import ESTIMATORS, Contributions, Correlations
from analytics.engine import Estimator
from analytics.exposure import Position
from analytics.views.sections import section_page
from analytics.wording import worded
from core.errors import DomainError
from core.web import choice, login_needed
from portfolios.views.base import welcome

WINDOWS = {"": _("All"), "252": _("1 year"), "756": _("3 years"), "1260": _("5 years")}
SHADES = 5  # steps of colour on each side of zero
SHOWN = 20


class Cell(NamedTuple):
    """A correlation and its shade: "n5" for −1 to "p5" for 1, "none" where there is none.

    ``url`` names the pair in the address of its explanation; "" for what is no pair, or has no correlation.
    """

    value: float | None
    shade: str
    url: str = ""


@require_safe
@login_needed
def dependence(request: HttpRequest) -> HttpResponse:
    """``?estimator=`` a key of ESTIMATORS, ``?window=`` one of WINDOWS."""
    page = section_page(request, "correlation")
    if page["portfolio"] is None:
        return welcome(request, "analytics")
    estimator, window = choice(request, "estimator", ESTIMATORS, "sample"), choice(request, "window", WINDOWS, "")
    estimators = {key: worded(text) for key, text in ESTIMATORS.items()}
    chosen = {"estimators": estimators, "estimator": estimator, "windows": WINDOWS, "window": window}
    try:
        known = queries.dependence(
            page["portfolio"],
            cast("Estimator", estimator),
            SHOWN,
            as_of=page["past"],
            window=int(window) if window else None,
        )
        found = _shown(known.parts, known.related) | {"held": known.held}
    except DomainError as error:
        found = {"problem": error.message}
    return render(request, "analytics/correlation.html", page | chosen | found)


def _shown(parts: Contributions, related: Correlations) -> dict[str, Any]:
    rows = [
        (position, [_cell(value, position, other) for value, other in zip(row, related.positions, strict=True)])
        for position, row in zip(related.positions, related.matrix, strict=True)
    ]
    largest = max((abs(row.share) for row in (*parts.holdings, *parts.sectors)), default=1.0)
    return {
        "parts": parts,
        "related": related,
        "limit": SHOWN,
        "rows": rows,
        "cut": len(parts.holdings) > SHOWN,
        "bars": [
            (_("By holding"), [(row, _width(row.share, largest)) for row in parts.holdings[:SHOWN]]),
            (_("By sector"), [(row, _width(row.share, largest)) for row in parts.sectors]),
        ],
    }


def _width(share: float, largest: float) -> float:
    """Length of a bar out of 100."""
    return round(100 * abs(share) / largest, 2) if largest else 0.0


def _cell(value: np.float64, one: Position, other: Position) -> Cell:
    if np.isnan(value):
        return Cell(None, "none")
    step = round(float(value) * SHADES)
    pair = "" if one == other else urlencode({"asset": one.symbol, "other": other.symbol})
    return Cell(float(value), f"{'n' if step < 0 else 'p'}{abs(step)}", pair)
