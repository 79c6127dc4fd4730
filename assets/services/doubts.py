"""Live prices that are too far from the last one: noted for staff, who accept or reject their level."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime
from decimal import Decimal
from typing import TYPE_CHECKING

from django.db import transaction
from django.utils import timezone
from django.utils.translation import gettext

from activity.services import record
from assets import quotes
from assets.models import Asset, DoubtfulQuote, DoubtState, Quote
from assets.providers.base import PriceQuote
from assets.quality import LARGE_MOVE, RECENT
from assets.queries import LastBar, last_bars
from assets.services import judging
from assets.services.actions import today_of
from assets.services.quarantine import AlreadyDecided
from core.errors import DomainError
from core.money import multiply

if TYPE_CHECKING:
    from users.models import User


class Overtaken(DomainError):
    """A later close has come since, which every quote is held against; there is nothing to accept any more."""


def known(asset: Asset) -> list[DoubtfulQuote]:
    """What was noted about ``asset``, the newest first; one query."""
    return list(DoubtfulQuote.objects.filter(asset=asset).order_by("-at", "-pk"))


def level(asset: Asset, noted: Iterable[DoubtfulQuote], provider: str, now: datetime) -> LastBar | None:
    """The price that staff accepted after the last close, or the quote that followed it, as a price of now: what a
    quote of ``provider`` is held against instead of that close. No query where nothing was accepted, else three.
    """
    accepted = next((doubt for doubt in noted if doubt.state == DoubtState.ACCEPTED), None)
    if accepted is None or _overtaken(asset, accepted, now):
        return None
    last = LastBar(asset.pk, today_of(asset, accepted.at), accepted.price, accepted.provider)
    since = Quote.objects.filter(asset=asset, at__gte=accepted.at, fetched_at__gt=accepted.decided_at).first()
    if since and since.price and since.at:
        last = LastBar(asset.pk, today_of(asset, since.at), since.price, since.source)
    if not judging.comparable(last, provider):
        return None
    today = today_of(asset, now)
    return judging.brought(last, judging.steps_of([asset.pk], until=today).get(asset.pk, ()), today)


def admits(asset_id: int, *, price: Decimal, at: datetime, provider: str, previous: LastBar, now: datetime) -> bool:
    """Whether a price too far from ``previous`` is near one that staff has accepted since; if not, it is noted.

    For whoever reads a stream: one call for a tick that ``assets.quotes.believable`` refuses.
    """
    asset = Asset.objects.select_related("exchange").get(pk=asset_id)
    accepted = level(asset, known(asset), provider, now)
    if accepted and quotes.believable(accepted.close, price):
        return True
    note(asset, price=price, at=at, provider=provider, previous=accepted or previous, now=now)
    return False


@transaction.atomic
def note(asset: Asset, *, price: Decimal, at: datetime, provider: str, previous: LastBar, now: datetime) -> None:
    """Let staff know of a price that was refused. The same one again, or one near it, makes no second row.

    What is no price at all is passed over.
    """
    kept, against = quotes.storable(price), quotes.storable(previous.close)
    if kept is None or against is None:
        return
    said = {"price": kept, "at": at, "previous": against, "previous_day": previous.day, "last_seen": now}
    doubt, new = DoubtfulQuote.objects.select_for_update().get_or_create(
        asset=asset, provider=provider, defaults=said | {"first_seen": now}
    )
    if new:
        return
    if doubt.state == DoubtState.REJECTED and _same_level(doubt.price, kept):
        said = {"last_seen": now}  # measured by the rejected price, however slowly the provider drifts away from it
    elif doubt.state != DoubtState.OPEN:
        said |= {"state": DoubtState.OPEN, "first_seen": now, "decided_by": None, "decided_at": None}
    DoubtfulQuote.objects.filter(pk=doubt.pk).update(**said)


def settle(noted: Iterable[DoubtfulQuote], provider: str) -> None:
    """The provider says what can be believed: nobody has to decide any more about what it said before."""
    for doubt in noted:
        if doubt.provider == provider and doubt.state == DoubtState.OPEN:
            DoubtfulQuote.objects.open().filter(pk=doubt.pk).update(state=DoubtState.PASSED)


@transaction.atomic
def accept_quote(*, doubt: DoubtfulQuote, actor: User, now: datetime | None = None) -> DoubtfulQuote:
    """Show the price at once, and hold quotes against it until the next close. Other providers' prices near it are
    accepted with it. Raises AlreadyDecided, Overtaken.
    """
    now = now or timezone.now()
    doubt = _open(doubt)
    if _overtaken(doubt.asset, doubt, now):
        raise Overtaken
    for other in DoubtfulQuote.objects.open().filter(asset=doubt.asset_id).exclude(pk=doubt.pk):
        if _same_level(doubt.price, other.price):
            _decide(other, DoubtState.ACCEPTED, actor, now)
    _decide(doubt, DoubtState.ACCEPTED, actor, now)
    shown = PriceQuote(doubt.asset.symbol, doubt.price, doubt.at)
    quotes.put(doubt.asset_id, shown, source=doubt.provider, now=doubt.last_seen)
    return doubt


@transaction.atomic
def reject_quote(*, doubt: DoubtfulQuote, actor: User, now: datetime | None = None) -> DoubtfulQuote:
    """Go on refusing it, without asking again until the provider says something else. Raises AlreadyDecided."""
    doubt = _open(doubt)
    _decide(doubt, DoubtState.REJECTED, actor, now or timezone.now())
    return doubt


def _overtaken(asset: Asset, doubt: DoubtfulQuote, now: datetime) -> bool:
    """Whether a later close says more than the price of ``doubt``, or it is too old to say anything."""
    if now - doubt.at > RECENT:
        return True
    bar = last_bars([asset.pk]).get(asset.pk)
    calendar = asset.exchange.calendar if asset.exchange else ""
    return bar is not None and quotes.closed_at(calendar, bar.day) >= doubt.at


def _same_level(one: Decimal, other: Decimal) -> bool:
    return abs(one - other) <= multiply(one, LARGE_MOVE)


def _open(doubt: DoubtfulQuote) -> DoubtfulQuote:
    locked = DoubtfulQuote.objects.select_for_update(of=("self",)).select_related("asset__exchange").get(pk=doubt.pk)
    if locked.state != DoubtState.OPEN:
        raise AlreadyDecided(gettext("This price is %(state)s.") % {"state": locked.get_state_display().lower()})
    return locked


def _decide(doubt: DoubtfulQuote, state: DoubtState, actor: User, now: datetime) -> None:
    doubt.state, doubt.decided_by, doubt.decided_at = state, actor, now
    doubt.save(update_fields=["state", "decided_by", "decided_at"])
    data = {"provider": doubt.provider, "price": str(doubt.price.normalize()), "at": doubt.at.isoformat()}
    record(actor=actor, action=f"quote.{state}", subject=doubt, data={"asset": doubt.asset.symbol} | data)
