"""One asset's past as a provider tells it: what of it is to be believed beside what is stored."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass, field, replace
from datetime import date, timedelta

from assets import quality, sessions
from assets.models import Asset, HistoricValue, PriceClock
from assets.providers.base import Bar, Capability
from assets.queries import SIMULATED, LastBar, last_bars
from assets.restatement import Restatement, restatement
from assets.services import judging
from assets.services.actions import adjust_closes
from assets.services.asking import Reply, ask
from assets.services.history import store_bars
from assets.services.quarantine import Doubted

MARGIN = quality.RECENT  # of stored bars beside the asked span, to compare with


@dataclass(slots=True)
class Past:
    """The good bars of an answer, the doubtful ones, and whether all of it is of another kind than what is stored."""

    provider: str
    good: list[Bar] = field(default_factory=list)
    doubts: list[quality.Doubt[Bar]] = field(default_factory=list)
    restated: Restatement | None = None


def fetch(asset: Asset, start: date, end: date) -> Reply[list[Bar]]:
    """What the first provider that answers has from ``start`` to ``end``, by our symbol.

    Not to be called in a transaction. Raises NobodyKnows, NobodyAnswers.
    """
    reply = ask(Capability.HISTORY, asset, lambda adapter, symbol: _by(symbol, adapter.history(symbol, start, end)))
    return Reply([replace(bar, symbol=asset.symbol) for bar in reply.value], reply.provider)


def _by(symbol: str, bars: Iterable[Bar]) -> list[Bar]:
    return [bar for bar in bars if bar.symbol == symbol]


def judge(asset: Asset, reply: Reply[list[Bar]], start: date, end: date, *, today: date) -> Past:
    """Sort an answer about ``start`` to ``end``, day by day, each against the last close before it that is believed.

    When many of its closes are one ratio times the stored ones, its source has adjusted them, and nothing is good.
    """
    past, given = Past(reply.provider), _by_day(reply.value)
    stored = {day: bar for day, bar in _stored(asset, start, end).items() if judging.comparable(bar, reply.provider)}
    alone = {day: bars[0].close for day, bars in given.items() if len(bars) == 1}
    past.restated = restatement({day: bar.close for day, bar in stored.items()}, alone)
    if past.restated:
        newest = given[past.restated.end][0]
        past.doubts = [quality.Doubt(newest, quality.Refusal(quality.Reason.RESTATED, str(past.restated)))]
        return past
    steps = judging.steps_of([asset.pk], until=today).get(asset.pk, ())
    open_days = _sessions(asset, start, end)
    known = _last_stored(asset, start, reply.provider) | stored
    for day in sorted(given):
        same = len(given[day]) == 1 and day in stored and stored[day].close == given[day][0].close
        last = None if same else _last_before(known, day)
        bound = judging.brought(last, steps, day) if last else None
        expected = quality.Expectation(
            symbols={asset.symbol},
            day=min(max(day, start), end),
            today=today,
            session=open_days is None or day in open_days,
            previous={asset.symbol: (bound.day, bound.close)} if bound else {},
        )
        verdict = quality.judge(given[day], expected)
        past.good += verdict.accepted
        past.doubts += verdict.doubts
        for bar in verdict.accepted:
            known[day] = LastBar(asset.pk, day, bar.close, reply.provider)
    return past


def write(asset: Asset, past: Past, *, only: Collection[date] | None = None) -> tuple[int, list[Doubted]]:
    """Store what is good and new, or of ``only`` these days; returns how many bars changed, and the doubts to keep.

    A stored bar gives way to one of the same provider, and a simulated one to a market's. Call it in a transaction.
    """
    sources = dict(
        HistoricValue.objects.filter(asset=asset, day__in=[bar.day for bar in past.good]).values_list("day", "source")
    )
    mine = [bar for bar in past.good if _gives_way(sources.get(bar.day), past.provider)]
    chosen = [bar for bar in mine if only is None or bar.day in only]
    changed = store_bars([(asset.pk, bar) for bar in chosen], source=past.provider)
    if changed:
        adjust_closes(asset, PriceClock.read())
    there = set(HistoricValue.objects.filter(asset=asset).values_list("day", flat=True)) if past.doubts else set()
    doubts = [doubt for doubt in past.doubts if past.restated or doubt.bar.day not in there]
    doubts = [doubt for doubt in doubts if past.restated or only is None or doubt.bar.day in only]
    return changed, [(asset.pk, past.provider, doubt) for doubt in doubts]


def _gives_way(source: str | None, provider: str) -> bool:
    return source in (None, provider) or (source == SIMULATED and provider != SIMULATED)


def _by_day(bars: Iterable[Bar]) -> dict[date, list[Bar]]:
    found: dict[date, list[Bar]] = {}
    for bar in bars:
        found.setdefault(bar.day, []).append(bar)
    return found


def _stored(asset: Asset, start: date, end: date) -> dict[date, LastBar]:
    rows = HistoricValue.objects.filter(asset=asset, day__gte=start - MARGIN, day__lte=end + MARGIN)
    return {row[1]: LastBar(*row) for row in rows.order_by("day").values_list("asset_id", "day", "close", "source")}


def _sessions(asset: Asset, start: date, end: date) -> set[date] | None:
    """The days on which its exchange trades; None where nobody knows."""
    return set(sessions.sessions(asset.exchange.calendar, start, end)) if asset.exchange else None


def _last_stored(asset: Asset, start: date, provider: str) -> dict[date, LastBar]:
    """The last comparable bar before those beside the span, however old."""
    found = last_bars([asset.pk], start - MARGIN - timedelta(days=1))
    return {bar.day: bar for bar in found.values() if judging.comparable(bar, provider)}


def _last_before(known: Mapping[date, LastBar], day: date) -> LastBar | None:
    """The newest of ``known`` in the days before; quality.judge knows what an old one says."""
    for age in range(1, quality.RECENT.days + 1):
        if bar := known.get(day - timedelta(days=age)):
            return bar
    newest = max((each for each in known if each < day), default=None)
    return known[newest] if newest else None
