"""Who reads the live prices at the moment, and the ticks that are kept for a while."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Self

from django.db import models
from django.db.models import Q

from assets.models.asset import Asset
from core.fields import QUANTITY_LIMIT, QuantityField

if TYPE_CHECKING:
    from users.models import User


class Streaming(models.Model):
    """One row: the process that reads live prices holds it by a lease, so that there is one in an installation."""

    id = models.PositiveSmallIntegerField(primary_key=True, default=1, editable=False)
    holder = models.CharField(max_length=64, blank=True)
    lease_until = models.DateTimeField(null=True, blank=True)
    source = models.CharField(max_length=32, blank=True, help_text="Where the prices come from now.")
    message = models.CharField(max_length=300, blank=True, help_text="What broke last.")
    watched = models.PositiveIntegerField(default=0, help_text="Assets that somebody looks at.")

    class Meta:
        constraints = [models.CheckConstraint(condition=Q(id=1), name="streaming_is_one_row")]

    def __str__(self) -> str:
        return f"live prices from {self.source or 'nowhere'}"

    @classmethod
    def hold(cls, holder: str, *, now: datetime, life: timedelta, **told: object) -> bool:
        """Take or renew the lease, and write down how it goes; False while another process has it."""
        cls.objects.get_or_create(pk=1)
        free = Q(holder=holder) | Q(lease_until=None) | Q(lease_until__lt=now)
        return bool(cls.objects.filter(free, pk=1).update(holder=holder, lease_until=now + life, **told))

    @classmethod
    def release(cls, holder: str) -> None:
        cls.objects.filter(pk=1, holder=holder).update(lease_until=None, holder="", source="", watched=0)


class IntradayValueQuerySet(models.QuerySet["IntradayValue"]):
    def visible_to(self, user: User) -> Self:
        return self.filter(asset__in=Asset.objects.visible_to(user))


class IntradayValue(models.Model):
    """A price of an asset at an instant of a day, kept for INTRADAY_DAYS."""

    asset = models.ForeignKey(Asset, models.CASCADE, related_name="intraday")
    at = models.DateTimeField()
    price = QuantityField()
    source = models.CharField(max_length=32)

    objects = IntradayValueQuerySet.as_manager()

    class Meta:
        ordering = ["asset", "at"]
        constraints = [
            models.UniqueConstraint(fields=["asset", "at"], name="intraday_once_per_asset_and_instant"),
            models.CheckConstraint(condition=Q(price__gt=0, price__lt=QUANTITY_LIMIT), name="intraday_price_positive"),
        ]
        indexes = [models.Index(fields=["at"], name="intraday_at")]

    def __str__(self) -> str:
        return f"{self.asset_id} {self.price.normalize():f} at {self.at:%Y-%m-%d %H:%M:%S}"
