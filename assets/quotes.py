"""The last price of assets: the newest quote or the last close, with its age and source."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from contextlib import suppress
from dataclasses import dataclass, field, replace
from datetime import UTC, date, datetime, time, timedelta
from decimal import Context, Decimal
from functools import lru_cache
from typing import Any
from zoneinfo import ZoneInfo

from django.conf import settings
from django.db.models import F, OuterRef, Q, Subquery

from assets import sessions
from assets.models import Asset, HistoricValue, Quote
from assets.providers.base import PriceQuote
from assets.quality import JUMP
from assets.queries import SIMULATED, Split, carried_close, splits_of
from core.fields import QUANTITY_LIMIT
from core.money import EXACT, divide, multiply

SCALE = Decimal("1e-10")  # of the columns
SHOWN = Context(prec=15)  # digits that every database keeps
FIGURES = ("change", "percent_change", "high", "low", "open", "previous_close")
SIGNED = ("change", "percent_change")
HUNDRED = Decimal(100)


@dataclass(frozen=True, slots=True)
class LastPrice:
    """What one unit of an asset was last worth, as it is quoted, and the trading day's other figures.

    A quote has the instant that its provider gives, and the day that it was then at the exchange; a close is of the end
    of the session of its ``day``. What is not known is None. ``percent_change`` is in percent of the previous close.
    """

    asset_id: int
    price: Decimal
    day: date
    source: str
    change: Decimal | None = None
    percent_change: Decimal | None = None
    high: Decimal | None = None
    low: Decimal | None = None
    open: Decimal | None = None
    previous_close: Decimal | None = None
    quoted_at: datetime | None = None
    fetched_at: datetime | None = None
    calendar: str = ""

    @property
    def is_quote(self) -> bool:
        return self.quoted_at is not None

    @property
    def growth(self) -> Decimal | None:
        """The change as a fraction of the previous close."""
        return None if self.percent_change is None else divide(self.percent_change, HUNDRED)

    @property
    def simulated(self) -> bool:
        return self.source == SIMULATED

    @property
    def at(self) -> datetime:
        """The instant of the price."""
        if self.quoted_at is not None:
            return self.quoted_at
        return closed_at(self.calendar, self.day)

    def overtakes(self, close_of: date) -> bool:
        """Whether the price is not older than the official close of day ``close_of``."""
        return self.at >= closed_at(self.calendar, close_of)

    def age(self, now: datetime) -> timedelta:
        return max(now - self.at, timedelta(0))


@lru_cache(maxsize=4096)
def closed_at(calendar: str, day: date) -> datetime:
    """The end of the session of ``day``; of the day in UTC where there is no calendar, or no session on it."""
    with suppress(sessions.UnknownCalendar):  # a calendar does not know all years
        if calendar and sessions.is_session(calendar, day):
            return sessions.closes_at(calendar, day)
    return datetime.combine(day, time(23, 59, 59), UTC)


@dataclass(frozen=True, slots=True)
class LastPrices:
    """Last prices by asset id, and the assets whose quotes are to be asked for again."""

    by_asset: dict[int, LastPrice] = field(default_factory=dict)
    due: tuple[int, ...] = ()


def get(asset_ids: Collection[int], now: datetime) -> LastPrices:
    """The last price of each asset that has one, however old: its quote, or a close that is newer; 3 queries."""
    splits = splits_of(asset_ids)
    quoted, found = _quoted(asset_ids, splits, now), _closes(asset_ids, splits)
    for pk, quote in quoted.by_asset.items():
        if pk not in found or quote.overtakes(found[pk].day):
            found[pk] = quote
    return LastPrices(found, quoted.due)


def closes(asset_ids: Collection[int], until: date) -> dict[int, LastPrice]:
    """The last close of each asset up to and including ``until``, as a price of that day; 2 queries."""
    return _closes(asset_ids, splits_of(asset_ids), until)


def quoted(asset_ids: Collection[int], now: datetime) -> LastPrices:
    """The quotes alone, for a reader who has the closes; 2 queries. One from before a split is divided by its ratio."""
    return _quoted(asset_ids, splits_of(asset_ids), now)


def put(asset_id: int, quote: PriceQuote, *, source: str, now: datetime) -> bool:
    """Keep a quote; returns False when a newer one stood already, which stays. Its price must be one.

    A figure that the database cannot hold is left out, and what follows from the others is filled in.
    """
    answered = {"source": source, "fetched_at": now, "lease_until": None, "retry_at": None}
    values = _columns(quote) | answered
    rows = Quote.objects.filter(pk=asset_id)
    for _ in range(2):
        if rows.filter(Q(at=None) | Q(at__lte=quote.at)).update(**values):
            return True
        if rows.filter(at__gt=quote.at).update(fetched_at=now, lease_until=None, retry_at=None):
            return False
        # The row may be made meanwhile, and then it says whether this quote is the newer one.
        Quote.objects.bulk_create([Quote(asset_id=asset_id)], ignore_conflicts=True)
    return False  # the row is gone again: its asset was deleted meanwhile


def believable(previous: Decimal | None, price: Decimal) -> bool:
    """Whether a quote of ``price`` can follow ``previous``, a price of now: at most JUMP away, as a close must be.

    Without a previous price nothing speaks against it. Both in the currency in which the asset is quoted.
    """
    if previous is None or previous <= 0:
        return price.is_finite() and price > 0
    return price.is_finite() and price > 0 and abs(price - previous) <= multiply(previous, JUMP)


def storable(value: Decimal | None, *, signed: bool = False) -> Decimal | None:
    """``value`` as a column keeps it, with 15 significant digits; None for what is no number, or not positive."""
    if value is None or not value.is_finite() or abs(value) >= QUANTITY_LIMIT:
        return None
    kept = SHOWN.plus(value).quantize(SCALE, context=EXACT)
    return kept if kept > 0 or signed else None


def _columns(quote: PriceQuote) -> dict[str, Any]:
    values = {name: storable(getattr(quote, name), signed=name in SIGNED) for name in FIGURES}
    price, close = storable(quote.price), values["previous_close"]
    if price is not None and close is not None:
        derived = changes(price, close)
        values |= {name: storable(derived[name], signed=True) for name in SIGNED if values[name] is None}
    return values | {"price": price, "at": quote.at}


def changes(price: Decimal, previous_close: Decimal) -> dict[str, Decimal]:
    """``change`` and ``percent_change`` of a price against the close before."""
    change = price - previous_close
    percent = divide(multiply(change, HUNDRED), previous_close)
    return {"change": change, "percent_change": percent.quantize(SCALE, context=EXACT)}


def _quoted(asset_ids: Collection[int], splits: Mapping[int, list[Split]], now: datetime) -> LastPrices:
    exchange = {"calendar": F("asset__exchange__calendar"), "zone": F("asset__exchange__time_zone")}
    rows = {row.pk: row for row in Quote.objects.filter(pk__in=asset_ids).annotate(**exchange)}
    found = {pk: _carried(_price_of(row, row.at), splits.get(pk, ())) for pk, row in rows.items() if row.at}
    due = [pk for pk in asset_ids if pk not in rows or rows[pk].is_due(now, settings.QUOTE_TTL)]
    return LastPrices(found, tuple(sorted(due)))


def _price_of(row: Quote, at: datetime) -> LastPrice:
    figures: dict[str, Any] = {name: getattr(row, name) for name in FIGURES}
    day = at.astimezone(ZoneInfo(getattr(row, "zone", None) or "UTC")).date()  # the exchange's, as a split's ex-date is
    price = row.price or Decimal(0)  # a constraint keeps the price where there is an instant
    figures |= {"quoted_at": at, "fetched_at": row.fetched_at, "calendar": getattr(row, "calendar", None) or ""}
    return LastPrice(row.pk, price, day, row.source, **figures)


def _carried(quoted: LastPrice, splits: Iterable[Split]) -> LastPrice:
    price = carried_close(quoted.price, quoted.day, splits, date.max)
    if price == quoted.price:
        return quoted
    unknown: dict[str, Any] = dict.fromkeys(FIGURES)
    return replace(quoted, price=price.quantize(SCALE, context=EXACT), **unknown)


def _closes(
    asset_ids: Collection[int], splits: Mapping[int, list[Split]], until: date = date.max
) -> dict[int, LastPrice]:
    """The last bar up to ``until`` of each asset with the close before it, both as prices of that day; one query."""
    last = HistoricValue.objects.filter(asset=OuterRef("pk"), day__lte=until).order_by("-day").values("pk")[:1]
    newest = Asset.objects.filter(pk__in=asset_ids).annotate(last=Subquery(last)).values("last")
    before = HistoricValue.objects.filter(asset=OuterRef("asset"), day__lt=OuterRef("day")).order_by("-day")
    rows = HistoricValue.objects.filter(pk__in=newest).order_by()
    rows = rows.annotate(before=Subquery(before.values("close")[:1]), before_day=Subquery(before.values("day")[:1]))
    columns = ("asset_id", "day", "close", "high", "low", "open", "source", "asset__exchange__calendar")
    return {
        row[0]: _close(row, splits.get(row[0], ()), until) for row in rows.values_list(*columns, "before", "before_day")
    }


def _close(row: tuple[Any, ...], splits: Iterable[Split], until: date) -> LastPrice:
    asset_id, day, close, high, low, opened, source, calendar, before, before_day = row
    price = carried_close(close, day, splits, until).quantize(SCALE, context=EXACT)
    shown: dict[str, Any] = {"calendar": calendar or ""}
    if price == close:
        shown |= {"high": high, "low": low, "open": opened}
    if before is not None:
        previous = carried_close(before, before_day, splits, until).quantize(SCALE, context=EXACT)
        shown |= {"previous_close": previous, **changes(price, previous)}
    return LastPrice(asset_id, price, day, source, **shown)
