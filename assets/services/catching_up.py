"""After a long time without the server: the missed days, by one question for each asset where that is less."""

from __future__ import annotations

import logging
from collections import Counter, defaultdict
from collections.abc import Mapping, Sequence
from datetime import date, datetime, timedelta

from django.db.models import Q

from assets.models import Asset, Backfill, BackfillState, Exchange, HistoricValue
from assets.models.backfill import UNFINISHED
from assets.providers.base import Capability
from assets.services.backfill import request_backfill
from assets.services.due import MarketDay
from assets.services.sources import Source, configured, in_order
from core.errors import DomainError

log = logging.getLogger(__name__)
MANY = 10  # missed days of an asset; fewer are fetched night by night
PATIENCE = timedelta(hours=1)  # with a history that was asked for; its days are then fetched night by night


def by_night(due: Sequence[MarketDay], now: datetime) -> list[MarketDay]:
    """Those of ``due`` (oldest first) that are to be fetched day by day now.

    Where a market's first provider is asked symbol by symbol, an asset that lacks MANY days gets a backfill of them,
    once. A day waits for those that are under way, PATIENCE at most, while they are of most assets that lack its bar.
    Who has its bar takes no further call.
    """
    days: dict[str, list[date]] = {}
    for item in due:
        days.setdefault(item.market, []).append(item.day)
    waiting = {market: _waiting(market, missed, now) for market, missed in days.items() if len(missed) >= MANY}
    return [item for item in due if item.day not in waiting.get(item.market, ())]


def _waiting(code: str, missed: Sequence[date], now: datetime) -> set[date]:
    """The days that wait; as many queries however many assets there are, but for each history that is asked for."""
    market = Exchange.objects.get(pk=code)
    chain = configured(market)
    if not _one_by_one(chain):
        return set()
    backfills = _backfills(market, missed[0])
    lacked, awaited = Counter[date](), Counter[date]()
    for asset, days in _lacking(market, missed).items():
        asked = backfills.get(asset.pk, [])
        asked = asked + _request(asset, days, asked, chain, now)
        lacked.update(days)
        awaited.update(day for day in days if any(_brings(backfill, day, now) for backfill in asked))
    return {day for day, count in awaited.items() if 2 * count > lacked[day]}


def _one_by_one(chain: Sequence[Source]) -> bool:
    return bool(chain) and chain[0].offers(Capability.HISTORY) and not hasattr(chain[0].adapter, Capability.BARS)


def _backfills(market: Exchange, since: date) -> Mapping[int, list[Backfill]]:
    """By asset: those that reach into the days from ``since`` on, however they went, and those under way."""
    found: dict[int, list[Backfill]] = defaultdict(list)
    concerned = Backfill.objects.filter(Q(end__gte=since) | Q(state__in=UNFINISHED), asset__exchange=market)
    for backfill in concerned.select_related("job"):
        found[backfill.asset_id].append(backfill)
    return found


def _lacking(market: Exchange, missed: Sequence[date]) -> dict[Asset, list[date]]:
    """The assets that were traded on days of ``missed`` and have no bar of them, with those days, oldest first."""
    there = HistoricValue.objects.filter(asset__exchange=market, day__range=(missed[0], missed[-1]))
    known = set(there.values_list("asset", "day"))
    return {
        asset: [day for day in missed if day <= (asset.delisted_on or day) and (asset.pk, day) not in known]
        for asset in market.assets.traded_on(missed[0]).select_related("exchange")
    }


def _request(
    asset: Asset, days: Sequence[date], asked: Sequence[Backfill], chain: Sequence[Source], now: datetime
) -> list[Backfill]:
    """Ask for the history that lacks, unless that was asked for before, however it went, or nobody has it."""
    lacking = [day for day in days if not any(backfill.start <= day <= backfill.end for backfill in asked)]
    if len(lacking) < MANY or any(backfill.state in UNFINISHED for backfill in asked):
        return []
    if not any(source.offers(Capability.HISTORY) and source.suits(asset) for source in in_order(chain, asset)):
        return []
    try:
        backfill = request_backfill(asset=asset, actor=None, now=now, start=lacking[0])
    except DomainError as error:
        log.warning("%s: the missed days are fetched one by one: %s", asset, error)
        return []
    log.info("%s: %d missed days are fetched as a history", asset, len(lacking))
    return [backfill]


def _brings(backfill: Backfill, day: date, now: datetime) -> bool:
    """Whether a backfill that is running, or was queued just now, has that day still to come."""
    soon = backfill.next_attempt_at is None or backfill.next_attempt_at <= now
    active = backfill.state == BackfillState.RUNNING or (backfill.state == BackfillState.PENDING and soon)
    fresh = backfill.job is not None and backfill.job.created_at > now - PATIENCE
    left = backfill.reached is None or day < backfill.reached
    return active and fresh and left and backfill.start <= day <= backfill.end
