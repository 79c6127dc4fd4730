"""Watchlists: assets that somebody keeps an eye on."""

from __future__ import annotations

from typing import TYPE_CHECKING

from django.conf import settings
from django.db import models
from django.db.models import Q

from assets.models.asset import Asset
from core.fields import QUANTITY_LIMIT, QuantityField

if TYPE_CHECKING:
    from users.models import User


class WatchlistQuerySet(models.QuerySet["Watchlist"]):
    def visible_to(self, user: User) -> WatchlistQuerySet:
        return self.filter(owner=user) if user.is_authenticated else self.none()

    def editable_by(self, user: User) -> WatchlistQuerySet:
        return self.visible_to(user)


class Watchlist(models.Model):
    """A named list of one person's."""

    owner = models.ForeignKey(settings.AUTH_USER_MODEL, models.CASCADE, related_name="watchlists")
    name = models.CharField(max_length=100)
    created_at = models.DateTimeField(auto_now_add=True)

    objects = WatchlistQuerySet.as_manager()

    class Meta:
        ordering = ["name", "pk"]
        constraints = [
            models.UniqueConstraint(fields=["owner", "name"], name="watchlist_name_once_per_owner"),
            models.CheckConstraint(condition=~Q(name=""), name="watchlist_has_name"),
        ]

    def __str__(self) -> str:
        return self.name


class WatchlistEntryQuerySet(models.QuerySet["WatchlistEntry"]):
    def visible_to(self, user: User) -> WatchlistEntryQuerySet:
        return self.filter(watchlist__in=Watchlist.objects.visible_to(user))

    def editable_by(self, user: User) -> WatchlistEntryQuerySet:
        return self.filter(watchlist__in=Watchlist.objects.editable_by(user))


class WatchlistEntry(models.Model):
    """One asset of a list, with what its owner noted. ``position`` counts from 0 without gaps."""

    watchlist = models.ForeignKey(Watchlist, models.CASCADE, related_name="entries")
    asset = models.ForeignKey(Asset, models.CASCADE, related_name="+")
    note = models.CharField(max_length=500, blank=True)
    target_price = QuantityField(
        null=True, blank=True, help_text="Per unit, as the asset is quoted: in pence where its prices are."
    )
    position = models.PositiveIntegerField()
    created_at = models.DateTimeField(auto_now_add=True)

    objects = WatchlistEntryQuerySet.as_manager()

    class Meta:
        ordering = ["watchlist", "position", "pk"]
        verbose_name_plural = "watchlist entries"
        constraints = [
            models.UniqueConstraint(fields=["watchlist", "asset"], name="watchlist_asset_once"),
            models.CheckConstraint(
                condition=Q(target_price__gt=0, target_price__lt=QUANTITY_LIMIT) | Q(target_price__isnull=True),
                name="watchlist_target_positive",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.asset_id} in {self.watchlist_id}"
