"""The live prices that are kept for a while (INTRADAY_DAYS), by the trading days of their assets."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta, tzinfo
from decimal import Decimal
from zoneinfo import ZoneInfo

from django.db.models import Max, QuerySet, TextField
from django.db.models.functions import Cast, Left

from assets.models import Asset, IntradayValue
from assets.queries import SIMULATED

EARLIEST, LATEST = date(1970, 1, 1), date(9000, 1, 1)  # days whose midnights are instants everywhere
TO_THE_MINUTE = len("2024-01-02 15:30")


@dataclass(frozen=True, slots=True)
class Reading:
    """A price as the asset is quoted, at an instant."""

    at: datetime
    price: Decimal
    source: str

    @property
    def simulated(self) -> bool:
        return self.source == SIMULATED


def zone_of(asset: Asset) -> tzinfo:
    """By whose clock the asset's days begin: its exchange's, else UTC."""
    return ZoneInfo(asset.exchange.time_zone) if asset.exchange else UTC


def span_of(asset: Asset, day: date) -> tuple[datetime, datetime]:
    """The instant at which a day of the asset begins, and that at which the next one does."""
    zone = zone_of(asset)
    return tuple(datetime.combine(each, time.min, zone).astimezone(UTC) for each in (day, day + timedelta(days=1)))  # type: ignore[return-value]


def kept(asset: Asset, *, start: datetime | None = None, until: datetime | None = None) -> QuerySet[IntradayValue]:
    """The prices from ``start`` on and before ``until``, unordered."""
    found = IntradayValue.objects.filter(asset=asset).order_by()
    found = found.filter(at__gte=start) if start else found
    return found.filter(at__lt=until) if until else found


def last_day(asset: Asset, until: date) -> date | None:
    """The last day up to ``until`` of which prices are kept; one query."""
    end = span_of(asset, until)[1] if EARLIEST <= until < LATEST else None
    newest = kept(asset, until=end).aggregate(newest=Max("at"))["newest"]
    return newest.astimezone(zone_of(asset)).date() if newest else None


def by_minute(asset: Asset, day: date) -> list[Reading]:
    """The last price of each minute of a day, the first one first; one query of at most 1,500 rows."""
    start, until = span_of(asset, day)
    found = kept(asset, start=start, until=until)
    # Both databases write an instant alike as far as the minute; to truncate it would take SQLite a call for each row.
    minutes = found.annotate(minute=Left(Cast("at", TextField()), TO_THE_MINUTE)).values("minute")
    newest = minutes.annotate(newest=Max("at")).values("newest")
    rows = IntradayValue.objects.filter(asset=asset, at__in=newest).order_by("at")
    return [Reading(*row) for row in rows.values_list("at", "price", "source")]
