"""Fetching one asset's past, and what is known to be missing in it."""

from __future__ import annotations

from datetime import datetime
from typing import TYPE_CHECKING

from django.db import models
from django.db.models import Q
from django.utils.translation import gettext_lazy as _

from activity.models import Job
from assets.models.asset import Asset
from assets.models.leased import Leased

if TYPE_CHECKING:
    from users.models import User


class BackfillState(models.TextChoices):
    PENDING = "pending", _("Pending")
    RUNNING = "running", _("Running")
    COMPLETE = "complete", _("Complete")
    FAILED = "failed", _("Failed")


UNFINISHED = (BackfillState.PENDING, BackfillState.RUNNING)


class BackfillQuerySet(models.QuerySet["Backfill"]):
    def claimable(self, now: datetime) -> BackfillQuerySet:
        """Those that a worker may take: new ones, those whose wait is over, those that a dead worker left."""
        waited = Q(next_attempt_at=None) | Q(next_attempt_at__lte=now)
        return self.filter(Q(waited, state=BackfillState.PENDING) | Q(state=BackfillState.RUNNING, lease_until__lt=now))


class Backfill(Leased):
    """The work of fetching an asset's history from ``start`` to ``end``, in pieces, newest first.

    What is from ``reached`` on is stored; a worker that takes it over goes on before that day.
    """

    asset = models.ForeignKey(Asset, models.CASCADE, related_name="backfills")
    job = models.OneToOneField(Job, models.SET_NULL, null=True, blank=True, related_name="+")
    start = models.DateField()
    end = models.DateField()
    reached = models.DateField(null=True, blank=True, help_text="The earliest day that was asked for.")
    stored = models.PositiveIntegerField(default=0, help_text="Bars that were new or changed.")
    refused = models.PositiveIntegerField(default=0)
    state = models.CharField(max_length=10, choices=BackfillState, default=BackfillState.PENDING)

    objects = BackfillQuerySet.as_manager()

    class Meta:
        ordering = ["-pk"]
        constraints = [
            models.CheckConstraint(condition=Q(state__in=BackfillState.values), name="backfill_state_known"),
            models.CheckConstraint(condition=Q(start__lte=models.F("end")), name="backfill_starts_before_its_end"),
            models.UniqueConstraint(
                fields=["asset"], condition=Q(state__in=UNFINISHED), name="backfill_one_at_a_time_per_asset"
            ),
        ]
        indexes = [models.Index(fields=["state", "next_attempt_at"], name="backfill_state_next")]

    def __str__(self) -> str:
        return f"{self.asset_id} {self.start} to {self.end} {self.get_state_display().lower()}"


class PriceGapQuerySet(models.QuerySet["PriceGap"]):
    def visible_to(self, user: User) -> PriceGapQuerySet:
        return self.filter(asset__in=Asset.objects.visible_to(user))


class PriceGap(models.Model):
    """Sessions in a row for which an asset has no bar, and how often its providers were asked for them.

    Derived from bars and calendar each night, but for the tries.
    """

    asset = models.ForeignKey(Asset, models.CASCADE, related_name="gaps")
    start = models.DateField()
    end = models.DateField()
    sessions = models.PositiveIntegerField()
    tries = models.PositiveIntegerField(default=0)
    next_try_at = models.DateTimeField(null=True, blank=True, help_text="Its providers are not asked again before.")
    message = models.CharField(max_length=500, blank=True)
    found_at = models.DateTimeField(auto_now_add=True)

    objects = PriceGapQuerySet.as_manager()

    class Meta:
        ordering = ["asset", "start"]
        constraints = [
            models.UniqueConstraint(fields=["asset", "start", "end"], name="gap_once_per_asset_and_span"),
        ]
        indexes = [models.Index(fields=["next_try_at"], name="gap_next_try")]

    def __str__(self) -> str:
        return f"{self.asset_id} {self.start} to {self.end}"
