"""What a list of holdings tells of their assets beside the books: the country, and how the price moved of late."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from datetime import date

from assets.queries import countries
from assets.trends import Trend, trends

UNKNOWN = "Unknown"


@dataclass(frozen=True, slots=True)
class Beside:
    """``country`` is that of the company, or the one that the ISIN names."""

    country: str = UNKNOWN
    trend: Trend | None = None


def beside(asset_ids: Collection[int], as_of: date | None = None) -> dict[int, Beside]:
    """By asset id; 2 queries, and those of a price panel that lags. ``as_of`` is that of the prices alone."""
    moved = trends(asset_ids, as_of)
    named = countries(asset_ids)
    return {asset_id: Beside(named.get(asset_id) or UNKNOWN, moved.get(asset_id)) for asset_id in asset_ids}
