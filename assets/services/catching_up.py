"""After a long time without the server: the missed days, by one question for each asset where that is less."""

from __future__ import annotations

import logging
from collections.abc import Collection, Iterable, Sequence
from datetime import date, datetime

from django.db.models import QuerySet

from assets.models import Asset, Backfill, Exchange, HistoricValue
from assets.models.backfill import UNFINISHED
from assets.providers.base import Capability
from assets.services.backfill import request_backfill
from assets.services.due import MarketDay
from assets.services.sources import Source, configured
from core.errors import DomainError

log = logging.getLogger(__name__)
MANY = 10  # missed days of an asset; fewer are fetched night by night


def by_night(due: Sequence[MarketDay], now: datetime) -> list[MarketDay]:
    """Those of ``due`` (oldest first) that are to be fetched day by day now.

    Where a market's first provider is asked symbol by symbol, an asset that lacks MANY days gets a backfill of them,
    once; until those are over, their days wait. Afterwards they have their bars, and take no further call.
    """
    days: dict[str, list[date]] = {}
    for item in due:
        days.setdefault(item.market, []).append(item.day)
    waiting = {market: _waiting(market, missed, now) for market, missed in days.items() if len(missed) >= MANY}
    return [item for item in due if item.day not in waiting.get(item.market, ())]


def _waiting(code: str, missed: Sequence[date], now: datetime) -> set[date]:
    market = Exchange.objects.get(pk=code)
    if not _one_by_one(configured(market)):
        return set()
    for asset in market.assets.traded_on(missed[0]).select_related("exchange"):
        _request(asset, missed, now)
    under_way = Backfill.objects.filter(asset__exchange=market, state__in=UNFINISHED)
    return _covered(missed, under_way)


def _one_by_one(chain: Sequence[Source]) -> bool:
    return bool(chain) and chain[0].offers(Capability.HISTORY) and not hasattr(chain[0].adapter, Capability.BARS)


def _request(asset: Asset, missed: Sequence[date], now: datetime) -> None:
    """Ask for the history that lacks, unless that was asked for before, however it went."""
    there = HistoricValue.objects.filter(asset=asset, day__gte=missed[0]).values_list("day", flat=True)
    asked = _covered(missed, Backfill.objects.filter(asset=asset, end__gte=missed[0]))
    lacking = sorted(_without(missed, {*there} | asked))
    if len(lacking) < MANY:
        return
    try:
        request_backfill(asset=asset, actor=None, now=now, start=lacking[0])
        log.info("%s: %d missed days are fetched as a history", asset, len(lacking))
    except DomainError as error:
        log.warning("%s: the missed days are fetched one by one: %s", asset, error)


def _covered(days: Iterable[date], backfills: QuerySet[Backfill]) -> set[date]:
    spans = list(backfills.values_list("start", "end"))
    return {day for day in days if any(start <= day <= end for start, end in spans)}


def _without(days: Iterable[date], others: Collection[date]) -> set[date]:
    return {day for day in days if day not in others}
