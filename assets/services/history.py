"""Storing daily bars: the one way in, for ingestion, imports and demonstrations alike."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from datetime import date, datetime
from decimal import Decimal
from itertools import islice

from django.db import transaction
from django.db.models import QuerySet
from django.utils import timezone

from assets.adjustment import as_adjusted
from assets.models import Asset, HistoricValue, PriceClock, PriceRevision
from assets.providers.base import Bar
from assets.services.adjusting import adjust_after, derived_from
from core import bulk
from core.money import EXACT

MANUAL = "manual"  # the source of prices that a person entered
FIGURES = ("open", "high", "low", "close", "adjusted_close", "volume")
SCALE = Decimal("1e-10")  # of the columns
DERIVED = ("adjusted_close",)
MOST_IDS = 500  # above it, asking for the days alone is faster than naming the assets

Key = tuple[int, date]
Figures = tuple[Decimal | None, ...]


@transaction.atomic
def store_bars(bars: Sequence[tuple[int, Bar]], *, source: str, over_manual: bool = False) -> int:
    """Make ``bars`` (asset id, bar) the current ones; returns how many rows that changed.

    A bar that differs from the one that stands, in a figure or in its source, replaces it, and the old one goes
    to the revisions. A bar that is there already changes nothing, and one that says no adjusted close leaves that as it
    is. A price that a person entered stays, whatever a provider says, unless ``over_manual``. Figures are kept with 10
    decimals. Moves the price clock, and the price version of the assets that changed, when anything did. Where
    corporate actions adjust the closes, an adjusted close that the source gives is left aside, and those of earlier
    days are derived anew.

    Raises ValueError when two bars of one asset and day differ, TooManyDigits when the database cannot keep one.
    """
    given = _keyed(bars)
    if not given:
        return 0
    with transaction.atomic():
        version = PriceClock.tick()  # first: it serialises the writers of prices
        standing, now = _standing(given), timezone.now()
        assets = {asset_id for asset_id, _ in given}
        derived = derived_from(assets if len(assets) <= MOST_IDS else None)
        stays = source != MANUAL and not over_manual
        changed = {
            key: figures
            for key, figures in _prepared(given, standing, derived).items()
            if _differs(standing.get(key), figures, source, but=DERIVED if key[0] in derived else ())
            and not (stays and _is_manual(standing.get(key)))
        }
        if not changed:
            transaction.set_rollback(True)  # the clock stands still
            return 0
        _keep_revisions([standing[key] for key in changed if key in standing], now)
        rows = ((*key, *figures, source, version, now) for key, figures in changed.items())
        columns = ("asset", "day", *FIGURES, "source", "version", "recorded_at")
        bulk.upsert(HistoricValue, columns, rows, unique=("asset", "day"))
        _mark({asset_id for asset_id, _ in changed}, version)
        adjust_after(_first_days(changed), derived, version)
    return len(changed)


@transaction.atomic
def move_price_versions(assets: QuerySet[Asset]) -> None:
    """Let readers of these assets' prices read them again: the same bars now mean something else."""
    assets.update(price_version=PriceClock.tick())


def _keyed(bars: Iterable[tuple[int, Bar]]) -> dict[Key, Figures]:
    given: dict[Key, Figures] = {}
    for asset_id, bar in bars:
        figures = tuple(_scaled(getattr(bar, name)) for name in FIGURES)
        if given.setdefault((asset_id, bar.day), figures) != figures:
            raise ValueError(f"Two different bars of {bar.symbol} on {bar.day}")
    return given


def _scaled(value: Decimal | None) -> Decimal | None:
    if value is None or value.as_tuple().exponent >= -10:  # type: ignore[operator]  # NaN is refused by the column
        return value
    return value.quantize(SCALE, context=EXACT)


def _standing(given: dict[Key, Figures]) -> dict[Key, HistoricValue]:
    ids, days = {asset_id for asset_id, _ in given}, [day for _, day in given]
    rows = HistoricValue.objects.filter(day__gte=min(days), day__lte=max(days))
    rows = rows.filter(asset__in=ids) if len(ids) <= MOST_IDS else rows
    return {(row.asset_id, row.day): row for row in rows.order_by().iterator(chunk_size=10_000)}


def _prepared(
    given: Mapping[Key, Figures], standing: Mapping[Key, HistoricValue], derived: Collection[int]
) -> dict[Key, Figures]:
    """``given`` with the adjusted closes that are kept: derived ones from the close, others as they stand or are."""
    return {
        key: _adjusted(figures) if key[0] in derived else _completed(standing.get(key), figures)
        for key, figures in given.items()
    }


def _adjusted(figures: Figures) -> Figures:
    """With the close itself as adjusted close, which holds from the last ex-date on."""
    named = dict(zip(FIGURES, figures, strict=True))
    close = named["close"]
    return tuple((named | {"adjusted_close": close and as_adjusted(close)}).values())


def _completed(standing: HistoricValue | None, figures: Figures) -> Figures:
    """``figures`` with the adjusted close that stands, where they say none and the close is the same."""
    place, close = FIGURES.index("adjusted_close"), FIGURES.index("close")
    if standing is None or figures[place] is not None or standing.close != figures[close]:
        return figures
    return (*figures[:place], standing.adjusted_close, *figures[place + 1 :])


def _is_manual(standing: HistoricValue | None) -> bool:
    return standing is not None and standing.source == MANUAL


def _differs(standing: HistoricValue | None, figures: Figures, source: str, *, but: Collection[str]) -> bool:
    if standing is None or standing.source != source:
        return True
    pairs = zip(FIGURES, figures, strict=True)
    return any(getattr(standing, name) != figure for name, figure in pairs if name not in but)


def _first_days(changed: Iterable[Key]) -> dict[int, date]:
    """Asset id to the first day of it among ``changed``."""
    first: dict[int, date] = {}
    for asset_id, day in changed:
        first[asset_id] = min(day, first.get(asset_id, day))
    return first


def _keep_revisions(replaced: Sequence[HistoricValue], now: datetime) -> None:
    columns = ("asset_id", "day", *FIGURES, "source", "version", "recorded_at")
    rows = ((*(getattr(bar, column) for column in columns), now) for bar in replaced)
    bulk.insert(PriceRevision, ("asset", *columns[1:], "replaced_at"), rows)


def _mark(asset_ids: Iterable[int], version: int) -> None:
    for chunk in _chunks(sorted(asset_ids), 5_000):
        Asset.objects.filter(pk__in=chunk).update(price_version=version)


def _chunks(ids: Sequence[int], size: int) -> Iterator[list[int]]:
    rest = iter(ids)
    while chunk := list(islice(rest, size)):
        yield chunk
