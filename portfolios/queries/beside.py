"""What a list of holdings tells of their assets beside the books: the country, and how the price moved of late."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from datetime import date

from assets.models import CompanyProfile
from assets.trends import Trend, trends

UNKNOWN = "Unknown"


@dataclass(frozen=True, slots=True)
class Beside:
    """``country`` is that of the company, as its profile says."""

    country: str = UNKNOWN
    trend: Trend | None = None


def beside(asset_ids: Collection[int], as_of: date | None = None) -> dict[int, Beside]:
    """By asset id; 2 queries, and those of a price panel that lags. ``as_of`` is that of the prices alone."""
    moved = trends(asset_ids, as_of)
    profiles = CompanyProfile.objects.filter(pk__in=list(asset_ids)).exclude(country="")
    countries = dict(profiles.values_list("pk", "country"))
    return {asset_id: Beside(countries.get(asset_id, UNKNOWN), moved.get(asset_id)) for asset_id in asset_ids}
