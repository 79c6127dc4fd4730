"""Fetching a market's day: one row for each, which says who works on it and how it went."""

from __future__ import annotations

from datetime import datetime

from django.db import models
from django.db.models import Q
from django.utils.translation import gettext_lazy as _

from assets.models.asset import Exchange
from assets.models.leased import Leased


class RunState(models.TextChoices):
    PENDING = "pending", _("Pending")
    RUNNING = "running", _("Running")
    COMPLETE = "complete", _("Complete")
    INCOMPLETE = "incomplete", _("Incomplete")


class IngestionRunQuerySet(models.QuerySet["IngestionRun"]):
    def claimable(self, now: datetime, providers: str) -> IngestionRunQuerySet:
        """Runs that a worker may take: new ones, those whose wait is over, those that a dead worker left.

        An incomplete run is also taken when the ``providers`` that can be asked are not those of its last attempt,
        and one that had no provider at all is taken only then.
        """
        waited = Q(next_attempt_at__lte=now)
        return self.filter(
            Q(Q(next_attempt_at=None) | waited, state=RunState.PENDING)
            | Q(waited | ~Q(providers=providers), state=RunState.INCOMPLETE)
            | Q(state=RunState.RUNNING, lease_until__lt=now)
        )

    def unfinished(self, now: datetime) -> IngestionRunQuerySet:
        """Runs that a person may start again, however long they should wait: not complete, and nobody works on it."""
        return self.filter(
            Q(state__in=[RunState.PENDING, RunState.INCOMPLETE]) | Q(state=RunState.RUNNING, lease_until__lt=now)
        )


class IngestionRun(Leased):
    """The work of fetching one market's day. It is complete only when every asset has its bar, or a rejected one."""

    job = models.CharField(max_length=32, default="daily_bars")
    market = models.ForeignKey(Exchange, models.PROTECT, related_name="runs")
    day = models.DateField()
    state = models.CharField(max_length=10, choices=RunState, default=RunState.PENDING)
    providers = models.CharField(max_length=200, blank=True, help_text="The providers that the last attempt could ask.")
    expected = models.PositiveIntegerField(default=0, help_text="Assets that should have a bar that day.")
    stored = models.PositiveIntegerField(default=0)
    refused = models.PositiveIntegerField(default=0)
    missing = models.JSONField(default=dict, blank=True, help_text="Symbol to the reason why it has no bar.")

    objects = IngestionRunQuerySet.as_manager()

    class Meta:
        ordering = ["-day", "market"]
        constraints = [
            models.UniqueConstraint(fields=["job", "market", "day"], name="run_once_per_job_market_and_day"),
            models.CheckConstraint(condition=Q(state__in=RunState.values), name="run_state_known"),
        ]
        indexes = [models.Index(fields=["state", "lease_until"], name="run_state_lease")]

    def __str__(self) -> str:
        return f"{self.market_id} {self.day} {self.get_state_display().lower()}"
