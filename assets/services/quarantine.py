"""Bars that are not believed: keeping them, and what a person decides about them."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import date, datetime
from decimal import Decimal
from typing import TYPE_CHECKING

from django.db import transaction
from django.db.models import Exists, OuterRef
from django.utils import timezone
from django.utils.translation import gettext

from activity.services import record
from assets import quality
from assets.models import (
    Asset,
    DoubtReason,
    HistoricValue,
    IngestionRun,
    PriceClock,
    QuarantinedBar,
    QuarantineState,
    RunState,
)
from assets.models.quarantine import digest_of
from assets.providers.base import Bar
from assets.services import judging
from assets.services.actions import adjust_closes
from assets.services.due import JOB
from assets.services.history import FIGURES, store_bars
from core.errors import DomainError

if TYPE_CHECKING:
    from users.models import User

LONGEST_FIGURE = 40
Doubted = tuple[int, str, quality.Doubt[Bar]]
"""Asset id, provider, and the doubt."""


class AlreadyDecided(DomainError):
    """Somebody has decided about this bar already."""


class NotAcceptable(DomainError):
    """This can never be a price; it can only be rejected."""


@transaction.atomic
def keep(doubts: Iterable[Doubted], *, now: datetime) -> int:
    """Put doubtful bars aside; returns how many are new. One that is known is seen again, and stays as decided."""
    given = dict(map(_row, doubts))
    if not given:
        return 0
    known = QuarantinedBar.objects.filter(asset__in={key[0] for key in given}, day__in={key[1] for key in given})
    seen = {
        (bar.asset_id, bar.day, bar.provider, bar.digest): bar.pk
        for bar in known
        if (bar.asset_id, bar.day, bar.provider, bar.digest) in given
    }
    QuarantinedBar.objects.filter(pk__in=seen.values()).update(last_seen=now)
    new = [_kept(key, doubt, now) for key, doubt in given.items() if key not in seen]
    QuarantinedBar.objects.bulk_create(new, ignore_conflicts=True)
    return len(new)


def settled(asset_ids: Iterable[int], day: date) -> set[int]:
    """The assets whose bar of ``day`` was rejected, with none that waits for a decision; one query."""
    bars = QuarantinedBar.objects.filter(asset__in=list(asset_ids), day=day)
    waiting = bars.filter(asset=OuterRef("asset"), state=QuarantineState.OPEN)
    rejected = bars.filter(~Exists(waiting), state=QuarantineState.REJECTED)
    return set(rejected.values_list("asset", flat=True))


@transaction.atomic
def accept(*, bar: QuarantinedBar, actor: User) -> QuarantinedBar:
    """Make the bar the current one. Other open bars of that day are rejected, and later ones judged anew.

    Raises AlreadyDecided, NotAcceptable.
    """
    PriceClock.tick()  # first, as everybody who writes prices does
    bar = _open(bar)
    if bar.reason not in quality.DECIDABLE or quality.malformed(as_bar(bar)):
        raise NotAcceptable
    _store(bar)
    now = timezone.now()
    _decide(bar, QuarantineState.ACCEPTED, actor, now)
    QuarantinedBar.objects.open().filter(asset=bar.asset, day=bar.day).update(
        state=QuarantineState.REJECTED, decided_by=actor, decided_at=now
    )
    judge_anew(bar.asset, now=now)
    return bar


@transaction.atomic
def reject(*, bar: QuarantinedBar, actor: User) -> QuarantinedBar:
    """Leave the bar out for good: given again, it is not raised again. Raises AlreadyDecided."""
    bar = _open(bar)
    _decide(bar, QuarantineState.REJECTED, actor, timezone.now())
    return bar


@transaction.atomic
def judge_anew(asset: Asset, *, now: datetime) -> int:
    """Store the open jumps of ``asset`` that are none any more, oldest first; returns how many.

    After a corporate action was recorded, or a bar before them accepted. Call it where the price clock is held.
    """
    done = 0
    for bar in QuarantinedBar.objects.open().filter(asset=asset, reason=DoubtReason.JUMP).order_by("day", "pk"):
        there = HistoricValue.objects.filter(asset=asset, day=bar.day).exists()
        if there or _refusal(bar, now):
            continue
        _store(bar)
        _decide(bar, QuarantineState.ACCEPTED, None, now)
        done += 1
    return done


def as_bar(kept: QuarantinedBar) -> Bar:
    """The bar as it was given. Very long figures come back shortened."""
    given = {name: Decimal(text) for name, text in kept.figures.items()}
    return Bar(
        kept.asset.symbol,
        kept.day,
        given["close"],
        open=given.get("open"),
        high=given.get("high"),
        low=given.get("low"),
        adjusted_close=given.get("adjusted_close"),
        volume=given.get("volume"),
    )


def _refusal(kept: QuarantinedBar, now: datetime) -> quality.Refusal | None:
    previous = judging.previous_closes([kept.asset_id], kept.day)
    last = previous.get(kept.asset_id)
    symbol = kept.asset.symbol
    comparable = last is not None and judging.comparable(last, kept.provider)
    expected = quality.Expectation(
        symbols={symbol},
        day=kept.day,
        today=now.date(),
        previous={symbol: (last.day, last.close)} if last and comparable else {},
        disputed={symbol} if judging.disputed(previous, kept.day) else frozenset(),
    )
    return quality.refusal(as_bar(kept), expected)


def _row(doubted: Doubted) -> tuple[tuple[int, date, str, str], quality.Doubt[Bar]]:
    asset_id, provider, doubt = doubted
    return (asset_id, doubt.bar.day, provider, digest_of(_figures(doubt.bar))), doubt


def _figures(bar: Bar) -> dict[str, str]:
    given = {name: getattr(bar, name) for name in FIGURES}
    return {name: _text(value) for name, value in given.items() if value is not None}


def _text(value: Decimal) -> str:
    text = str(value)
    return text if len(text) <= LONGEST_FIGURE else f"{value:.15E}"[:LONGEST_FIGURE]


def _kept(key: tuple[int, date, str, str], doubt: quality.Doubt[Bar], now: datetime) -> QuarantinedBar:
    asset_id, day, provider, digest = key
    return QuarantinedBar(
        asset_id=asset_id,
        day=day,
        provider=provider,
        digest=digest,
        figures=_figures(doubt.bar),
        reason=doubt.refusal.reason,
        text=doubt.refusal.text[:500],
        first_seen=now,
        last_seen=now,
    )


def _open(bar: QuarantinedBar) -> QuarantinedBar:
    locked = QuarantinedBar.objects.select_for_update(of=("self",)).select_related("asset").get(pk=bar.pk)
    if locked.state != QuarantineState.OPEN:
        raise AlreadyDecided(gettext("This bar was %(state)s already.") % {"state": locked.get_state_display().lower()})
    return locked


def _store(bar: QuarantinedBar) -> None:
    changed = store_bars([(bar.asset_id, as_bar(bar))], source=bar.provider, over_manual=True)
    if changed:
        adjust_closes(bar.asset, PriceClock.read())


def _decide(bar: QuarantinedBar, state: QuarantineState, actor: User | None, now: datetime) -> None:
    bar.state, bar.decided_by, bar.decided_at = state, actor, now
    bar.save(update_fields=["state", "decided_by", "decided_at"])
    runs = IngestionRun.objects.filter(job=JOB, market=bar.asset.exchange_id, day=bar.day, state=RunState.INCOMPLETE)
    runs.update(next_attempt_at=now)  # it may be complete now
    data = {"asset": bar.asset.symbol, "day": bar.day.isoformat(), "provider": bar.provider, "reason": bar.reason}
    record(actor=actor, action=f"quarantine.{state}", subject=bar, data=data | {"figures": bar.figures})
