"""Prices as they were known at an instant: what stood then, whatever has been restated since."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date, datetime

from django.db.models import Q

from assets.adjustment import adjusted
from assets.models import Asset, CorporateAction, HistoricValue, PriceBasis, PriceRevision

KnownBar = HistoricValue | PriceRevision


def history_known_at(
    asset: Asset, instant: datetime, *, start: date | None = None, end: date | None = None
) -> list[KnownBar]:
    """The daily bars of ``asset`` that stood at ``instant``, one a day, oldest first; at most three queries.

    A bar stands from the moment it was recorded until another one replaced it. Closes as traded are adjusted here for
    the corporate actions that were recorded by then. What was stored before such moments were written down counts as
    known from the beginning.
    """
    bars = _standing(asset, instant)
    if asset.price_basis == PriceBasis.RAW:
        _adjust(asset, instant, bars)
    return [bar for bar in bars if (start is None or bar.day >= start) and (end is None or bar.day <= end)]


def _standing(asset: Asset, instant: datetime) -> list[KnownBar]:
    recorded = Q(recorded_at__lte=instant) | Q(recorded_at__isnull=True)
    current = HistoricValue.objects.filter(recorded, asset=asset)
    replaced = PriceRevision.objects.filter(recorded, asset=asset, replaced_at__gt=instant).order_by("-replaced_at")
    known: dict[date, KnownBar] = {}
    for bar in current:
        known[bar.day] = bar
    for revision in replaced:  # of two revisions without a beginning, the earlier one comes last and counts
        known[revision.day] = revision
    return [known[day] for day in sorted(known)]


def _adjust(asset: Asset, instant: datetime, bars: Sequence[KnownBar]) -> None:
    """As ``assets.services.actions.adjust_closes`` does it: an asset that never had an action keeps what was given."""
    actions = CorporateAction.objects.filter(asset=asset).select_related("asset").order_by("pk")
    every = list(actions)
    if not every:
        return
    then = [
        action
        for action in every
        if action.created_at <= instant and (action.voided_at is None or action.voided_at > instant)
    ]
    values = adjusted([(bar.day, bar.close) for bar in bars], [action.step for action in then])
    for bar, value in zip(bars, values, strict=True):
        bar.adjusted_close = value
