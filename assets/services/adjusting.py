"""Keeping adjusted closes what raw closes and standing actions give."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from datetime import date
from decimal import Decimal

from django.db.models import Max, Q

from assets.adjustment import adjusted
from assets.models import Asset, CorporateAction, HistoricValue, PriceBasis
from core import bulk

ONE = Decimal(1)
BEGINNING = date.min


def derived_from(asset_ids: Collection[int] | None) -> dict[int, date]:
    """Of ``asset_ids`` (None: of all), those whose adjusted closes are derived, with the last ex-date; one query.

    They are where closes are as traded and the asset ever had an action; elsewhere they are the source's own.
    """
    actions = CorporateAction.objects.filter(asset__price_basis=PriceBasis.RAW).order_by()
    actions = actions if asset_ids is None else actions.filter(asset__in=asset_ids)
    last = actions.values("asset").annotate(last=Max("ex_date", filter=Q(voided_at__isnull=True)))
    return {asset_id: day or BEGINNING for asset_id, day in last.values_list("asset", "last")}


def adjust_closes(asset: Asset, version: int) -> int:
    """Derive the adjusted closes of ``asset`` anew, if they are derived at all; returns how many changed.

    The caller has moved the price clock to ``version`` in its transaction, which keeps other writers away.
    """
    if asset.pk not in derived_from([asset.pk]):
        return 0
    bars = list(
        HistoricValue.objects.filter(asset=asset)
        .order_by("day")
        .values_list("day", "close", "adjusted_close", "source")
    )
    standing = CorporateAction.objects.standing().filter(asset=asset).select_related("asset")
    values = adjusted([bar[:2] for bar in bars], [action.step for action in standing.order_by("pk")])
    rows = [
        (asset.pk, day, close, source, value, version)
        for (day, close, stored, source), value in zip(bars, values, strict=True)
        if stored != value
    ]
    columns = ("asset", "day", "close", "source", "adjusted_close", "version")
    if rows:
        bulk.upsert(HistoricValue, columns, rows, unique=("asset", "day"))
    return len(rows)


def adjust_after(changed: Mapping[int, date], last_ex_dates: Mapping[int, date], version: int) -> None:
    """Derive anew the closes of assets of which a bar before the last ex-date changed (asset id to the first such day).

    A later bar is its own adjusted close and concerns no other.
    """
    concerned = [asset_id for asset_id, day in changed.items() if day < last_ex_dates.get(asset_id, BEGINNING)]
    for asset in Asset.objects.filter(pk__in=concerned).order_by("pk"):
        adjust_closes(asset, version)
