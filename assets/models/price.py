"""Daily prices, what they replaced, and the clock that tells readers of a change."""

from __future__ import annotations

from typing import TYPE_CHECKING

from django.db import models
from django.db.models import F, Q

from assets.models.asset import Asset
from core.fields import QUANTITY_LIMIT, QuantityField

if TYPE_CHECKING:
    from users.models import User


class PriceClock(models.Model):
    """One row whose number every change of prices moves.

    Whoever writes prices moves the clock first and holds its row until commit, so
    versions become visible in their order: a reader who has seen version 7 has seen
    every change up to 7.
    """

    id = models.PositiveSmallIntegerField(primary_key=True, default=1, editable=False)
    version = models.PositiveBigIntegerField(default=0)

    class Meta:
        constraints = [models.CheckConstraint(condition=Q(id=1), name="price_clock_is_one_row")]

    def __str__(self) -> str:
        return f"price version {self.version}"

    @classmethod
    def read(cls) -> int:
        return cls.objects.values_list("version", flat=True).filter(pk=1).first() or 0

    @classmethod
    def tick(cls) -> int:
        """Move the clock and return its new number. Call it inside the transaction of the change."""
        cls.objects.get_or_create(pk=1)
        cls.objects.filter(pk=1).update(version=F("version") + 1)
        return cls.read()


class BarColumns(models.Model):
    """The figures of one asset on one day, in the asset's currency per unit."""

    day = models.DateField()
    open = QuantityField(null=True, blank=True)
    high = QuantityField(null=True, blank=True)
    low = QuantityField(null=True, blank=True)
    close = QuantityField()
    adjusted_close = QuantityField(null=True, blank=True)
    volume = QuantityField(null=True, blank=True)
    source = models.CharField(max_length=32, help_text="The provider that the bar came from.")
    version = models.PositiveBigIntegerField(default=0, editable=False, help_text="The price clock of the write.")
    recorded_at = models.DateTimeField(
        null=True, blank=True, editable=False, help_text="Since when it is known; empty: before this was written down."
    )

    class Meta:
        abstract = True


def _bounded(field: str, name: str) -> models.CheckConstraint:
    within = Q(**{f"{field}__gt": 0, f"{field}__lt": QUANTITY_LIMIT})
    return models.CheckConstraint(condition=within | Q(**{f"{field}__isnull": True}), name=f"bar_{name}_positive")


class HistoricValueQuerySet(models.QuerySet["HistoricValue"]):
    def visible_to(self, user: User) -> HistoricValueQuerySet:
        return self.filter(asset__in=Asset.objects.visible_to(user))


class HistoricValue(BarColumns):
    """The current bar of one asset on one day, prices as traded unless the asset's price basis says otherwise."""

    asset = models.ForeignKey(Asset, models.PROTECT, related_name="history")

    objects = HistoricValueQuerySet.as_manager()

    class Meta:
        ordering = ["asset", "day"]
        constraints = [
            models.UniqueConstraint(fields=["asset", "day"], name="bar_once_per_asset_and_day"),
            *(_bounded(field, field) for field in ("open", "high", "low", "close", "adjusted_close")),
            models.CheckConstraint(
                condition=Q(volume__gte=0, volume__lt=QUANTITY_LIMIT) | Q(volume__isnull=True),
                name="bar_volume_not_negative",
            ),
        ]
        indexes = [
            models.Index(fields=["day"], name="bar_day"),
            models.Index(fields=["version"], name="bar_version"),
        ]

    def __str__(self) -> str:
        return f"{self.asset_id} {self.day} {self.close.normalize():f}"


class PriceRevision(BarColumns):
    """A bar as it was before a provider restated it. Never edited."""

    asset = models.ForeignKey(Asset, models.PROTECT, related_name="price_revisions")
    replaced_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        ordering = ["asset", "day", "replaced_at"]
        indexes = [models.Index(fields=["asset", "day"], name="price_revision_asset_day")]

    def __str__(self) -> str:
        return f"{self.asset_id} {self.day} {self.close.normalize():f} until {self.replaced_at:%Y-%m-%d %H:%M}"
