"""Looking for missing sessions each night, and asking for a few of them again."""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections.abc import Iterable
from datetime import date, datetime, timedelta

from django.conf import settings
from django.db import transaction
from django.db.models import Count, Max, Min, Q
from django.utils import timezone

from assets import sessions
from assets.gaps import Span, gaps
from assets.models import Asset, Exchange, HistoricValue, IngestionRun, PriceGap
from assets.services import nightly, past, quarantine
from assets.services.asking import NobodyAnswers, NobodyKnows

JOB = "gap_repair"
FIRST_WAIT, LONGEST_WAIT = timedelta(days=1), timedelta(days=64)


def repair_night(market: Exchange, night: date, *, now: datetime) -> IngestionRun | None:
    """Find the gaps of a market's assets and ask for GAP_REPAIR_CALLS of them, once a night."""
    return nightly.do(JOB, market, night, lambda _: _repair(market, now), now=now)


@transaction.atomic
def find_gaps(market: Exchange) -> int:
    """Bring PriceGap of the market's assets in line with their bars; returns how many gaps there are.

    What was tried for a gap that is still the same is kept. Only assets with fewer bars than sessions are looked at.
    """
    found = {(asset_id, span.start, span.end): span for asset_id, span in _gaps_of(market)}
    for known in PriceGap.objects.filter(asset__exchange=market):
        if found.pop((known.asset_id, known.start, known.end), None) is None:
            known.delete()
    PriceGap.objects.bulk_create(
        PriceGap(asset_id=asset_id, start=span.start, end=span.end, sessions=span.sessions)
        for (asset_id, _, _), span in found.items()
    )
    return PriceGap.objects.filter(asset__exchange=market).count()


def gaps_of(asset: Asset) -> list[Span]:
    """The spans of sessions without a bar of one asset, as they are now; nothing where no exchange is known."""
    days = list(HistoricValue.objects.filter(asset=asset).order_by("day").values_list("day", flat=True))
    if not days or asset.exchange is None:
        return []
    return gaps(sessions.sessions(asset.exchange.calendar, days[0], days[-1]), days)


def _gaps_of(market: Exchange) -> Iterable[tuple[int, Span]]:
    counted = HistoricValue.objects.filter(asset__exchange=market).order_by().values("asset")
    spans = list(counted.annotate(bars=Count("pk"), first=Min("day"), last=Max("day")))
    if not spans:
        return
    every = sessions.sessions(market.calendar, min(s["first"] for s in spans), max(s["last"] for s in spans))
    for row in spans:
        within = every[bisect_left(every, row["first"]) : bisect_right(every, row["last"])]
        if row["bars"] < len(within):
            days = HistoricValue.objects.filter(asset=row["asset"]).values_list("day", flat=True)
            yield from ((row["asset"], span) for span in gaps(within, set(days)))


def _repair(market: Exchange, now: datetime) -> nightly.Outcome:
    count = find_gaps(market)
    due = PriceGap.objects.filter(Q(next_try_at=None) | Q(next_try_at__lte=now), asset__exchange=market)
    chosen = list(due.select_related("asset__exchange").order_by("tries", "-end", "pk")[: settings.GAP_REPAIR_CALLS])
    closed = 0
    for gap in chosen:
        try:
            closed += _ask_again(gap, now)
        except NobodyAnswers as error:
            reason = {gap.asset.symbol: str(error)}
            return nightly.Outcome(str(error), count, closed, missing=reason, retry_after=error.retry_after)
    return nightly.Outcome(f"{count} gaps; {len(chosen)} were asked for, {closed} of them closed.", count, closed)


def _ask_again(gap: PriceGap, now: datetime) -> bool:
    """One call for a gap and the days beside it, which show whether the answer means the same prices."""
    asset, start, end = gap.asset, gap.start - past.MARGIN, gap.end + past.MARGIN
    try:
        reply = past.fetch(asset, start, end)
    except NobodyKnows as error:
        return _note(gap, error.message, now)
    with transaction.atomic():
        found = past.judge(asset, reply, start, min(end, now.date() - timedelta(days=1)), today=now.date())
        _, doubts = past.write(asset, found, only=set(_sessions(asset, gap)))
        quarantine.keep(doubts, now=timezone.now())
        there = HistoricValue.objects.filter(asset=asset, day__gte=gap.start, day__lte=gap.end).count()
        if there >= gap.sessions:
            gap.delete()
            return True
        lacking = f"{gap.sessions - there} of {gap.sessions} sessions are still missing"
        return _note(gap, f"{reply.provider}: {found.restated or lacking}", now)


def _sessions(asset: Asset, gap: PriceGap) -> list[date]:
    return sessions.sessions(asset.exchange.calendar, gap.start, gap.end) if asset.exchange else []


def _note(gap: PriceGap, message: str, now: datetime) -> bool:
    wait = min(FIRST_WAIT * (1 << min(gap.tries, 10)), LONGEST_WAIT)
    gap.tries, gap.next_try_at, gap.message = gap.tries + 1, now + wait, message[:500]
    gap.save()
    return False
