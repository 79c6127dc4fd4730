"""The bar of a drift: how far a weight lies from its target, and the band in which it may."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

from django import template

register = template.Library()

FULL = 0.2  # a drift of twenty percentage points fills its half of the bar


@register.inclusion_tag("portfolios/_drift_bar.html")
def drift_bar(drift: Decimal | None, threshold: Decimal | None) -> dict[str, Any]:
    """Left of the middle below the target, right of it above; the lighter part is the band. In units of 200 by 8."""
    length = _scaled(drift)
    band = _scaled(threshold)
    return {
        "start": f"{min(length, 0.0):.2f}",
        "length": f"{abs(length):.2f}",
        "band_start": f"{-band:.2f}",
        "band": f"{2 * band:.2f}",
        "outside": abs(length) > band,
    }


def _scaled(share: Decimal | None) -> float:
    return max(-100.0, min(100.0, float(share or 0) / FULL * 100))
