"""Keeping watchlists: a list's row is locked first, so that its entries stay numbered without gaps."""

from __future__ import annotations

from collections.abc import Sequence
from decimal import Decimal
from typing import TYPE_CHECKING

from django.conf import settings
from django.contrib.auth import get_user_model
from django.db import transaction
from django.utils.translation import gettext

from activity.services import record
from assets.models import Asset, Watchlist, WatchlistEntry
from core.errors import DomainError, Gone

if TYPE_CHECKING:
    from users.models import User


class NameTaken(DomainError):
    """You have a watchlist of this name already."""


class TooManyWatchlists(DomainError):
    """You have as many watchlists as one person may have."""


class TooManyEntries(DomainError):
    """There are as many assets in this watchlist as there may be."""


class TargetNotPositive(DomainError):
    """A target price is more than 0."""


class AlreadyListed(DomainError):
    """This asset is in the watchlist already."""


@transaction.atomic
def create_watchlist(*, owner: User, name: str) -> Watchlist:
    """Raises NameTaken, TooManyWatchlists, Django's ValidationError."""
    get_user_model().objects.select_for_update().get(pk=owner.pk)  # of two at once the second sees the first's list
    if Watchlist.objects.filter(owner=owner).count() >= settings.WATCHLISTS_PER_PERSON:
        raise TooManyWatchlists(
            "You have {watchlists_per_person} watchlists, and no more are allowed.",
            watchlists_per_person=settings.WATCHLISTS_PER_PERSON,
        )
    watchlist = Watchlist(owner=owner, name=_free_name(owner, name))
    watchlist.full_clean()
    watchlist.save(force_insert=True)
    record(actor=owner, action="watchlist.created", subject=watchlist, data={"name": watchlist.name})
    return watchlist


@transaction.atomic
def rename_watchlist(*, watchlist: Watchlist, name: str, actor: User) -> Watchlist:
    """Raises NameTaken, Gone, Django's ValidationError."""
    get_user_model().objects.select_for_update().get(pk=watchlist.owner_id)
    found = _locked(watchlist)
    if name != found.name:
        found.name = _free_name(found.owner, name)
        found.full_clean()
        found.save(update_fields=["name"])
        record(actor=actor, action="watchlist.renamed", subject=found, data={"name": found.name})
    return found


@transaction.atomic
def delete_watchlist(*, watchlist: Watchlist, actor: User) -> None:
    """With all of its entries. Raises Gone."""
    found = _locked(watchlist)
    record(actor=actor, action="watchlist.deleted", subject=found, data={"name": found.name})
    found.delete()


@transaction.atomic
def add_entry(
    *, watchlist: Watchlist, asset: Asset, note: str = "", target_price: Decimal | None = None
) -> WatchlistEntry:
    """Put an asset at the end of a list.

    Raises AlreadyListed, TooManyEntries, TargetNotPositive, Gone, Django's ValidationError.
    """
    _require_positive(target_price)
    entries = WatchlistEntry.objects.filter(watchlist=_locked(watchlist))
    if entries.filter(asset=asset).exists():
        raise AlreadyListed("{symbol} is in this watchlist already.", symbol=asset.symbol, field="asset")
    count = entries.count()
    if count >= settings.WATCHLIST_ENTRIES:
        raise TooManyEntries(
            "There are {watchlist_entries} assets in this watchlist, and no more are allowed.",
            watchlist_entries=settings.WATCHLIST_ENTRIES,
        )
    entry = WatchlistEntry(watchlist=watchlist, asset=asset, note=note, target_price=target_price, position=count)
    entry.full_clean()
    entry.save(force_insert=True)
    return entry


@transaction.atomic
def change_entry(
    *,
    entry: WatchlistEntry,
    note: str | None = None,
    target_price: Decimal | None = None,
    drop_target: bool = False,
    position: int | None = None,
) -> WatchlistEntry:
    """Change what is given; ``drop_target`` takes the target price away, ``position`` moves it there, at most to the
    end. Raises TargetNotPositive, Gone, Django's ValidationError.
    """
    _require_positive(target_price)
    found = _locked_entry(entry)
    if note is not None:
        found.note = note
    if target_price is not None or drop_target:
        found.target_price = target_price
    found.full_clean()
    found.save(update_fields=["note", "target_price"])
    if position is not None:
        _move(found, position)
    return found


@transaction.atomic
def remove_entry(*, entry: WatchlistEntry) -> None:
    """Take an asset out of its list. Raises Gone."""
    found = _locked_entry(entry)
    watchlist = found.watchlist_id
    found.delete()
    _number(_order(watchlist))


def _require_positive(target_price: Decimal | None) -> None:
    if target_price is not None and target_price <= 0:
        raise TargetNotPositive(field="target_price")


def _free_name(owner: User, name: str) -> str:
    if Watchlist.objects.filter(owner=owner, name=name).exists():
        raise NameTaken("You have a watchlist “{name}” already.", name=name, field="name")
    return name


def _locked(watchlist: Watchlist) -> Watchlist:
    found = Watchlist.objects.select_for_update(of=("self",)).filter(pk=watchlist.pk).first()
    if found is None:
        raise Gone(gettext("This watchlist was deleted meanwhile."))
    return found


def _locked_entry(entry: WatchlistEntry) -> WatchlistEntry:
    _locked(entry.watchlist)
    found = WatchlistEntry.objects.select_related("asset", "watchlist").filter(pk=entry.pk).first()
    if found is None:
        raise Gone(gettext("This entry was removed meanwhile."))
    return found


def _order(watchlist_id: int) -> list[WatchlistEntry]:
    return list(WatchlistEntry.objects.filter(watchlist=watchlist_id).order_by("position", "pk"))


def _move(entry: WatchlistEntry, position: int) -> None:
    others = [other for other in _order(entry.watchlist_id) if other.pk != entry.pk]
    place = max(0, min(position, len(others)))
    entry.position = place
    _number([*others[:place], entry, *others[place:]])


def _number(entries: Sequence[WatchlistEntry]) -> None:
    for place, entry in enumerate(entries):
        entry.position = place
    WatchlistEntry.objects.bulk_update(entries, ["position"])
