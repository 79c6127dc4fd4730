"""Optimisations that somebody asked for: on which terms, how far they are, and what came out."""

from __future__ import annotations

from datetime import datetime
from typing import TYPE_CHECKING

from django.conf import settings
from django.db import models
from django.db.models import Q

from activity.models import Job, JobState
from portfolios.models import Portfolio

if TYPE_CHECKING:
    from users.models import User

UNFINISHED = (JobState.QUEUED, JobState.RUNNING)


class OptimisationRunQuerySet(models.QuerySet["OptimisationRun"]):
    def visible_to(self, user: User) -> OptimisationRunQuerySet:
        return self.filter(portfolio__in=Portfolio.objects.visible_to(user))

    def editable_by(self, user: User) -> OptimisationRunQuerySet:
        return self.filter(portfolio__in=Portfolio.objects.editable_by(user))

    def unfinished(self) -> OptimisationRunQuerySet:
        return self.filter(state__in=UNFINISHED)

    def claimable(self, now: datetime) -> OptimisationRunQuerySet:
        """Those that a worker may take: new ones, and those that a dead worker left."""
        return self.filter(Q(state=JobState.QUEUED) | Q(state=JobState.RUNNING, lease_until__lt=now))


class OptimisationRun(models.Model):
    """One optimisation of one portfolio. Its terms and its result never change; another question is another run.

    A worker holds it by a lease that it renews with every step; ``fence`` grows with each take-over, and a worker whose
    fence is no longer the row's may not write.
    """

    portfolio = models.ForeignKey(Portfolio, models.CASCADE, related_name="optimisation_runs")
    asked_by = models.ForeignKey(settings.AUTH_USER_MODEL, models.SET_NULL, null=True, blank=True, related_name="+")
    job = models.OneToOneField(Job, models.SET_NULL, null=True, blank=True, related_name="+")
    objective = models.CharField(max_length=32, help_text="Of the terms.")
    terms = models.JSONField(help_text="What was asked for; see analytics/optimiser/terms.py.")
    state = models.CharField(max_length=8, choices=JobState, default=JobState.QUEUED)
    message = models.TextField(blank=True, help_text="Why there is no result.")
    about = models.CharField(max_length=32, blank=True, help_text="The term that the message is about.")
    result = models.JSONField(default=dict, blank=True)
    as_of = models.DateField(null=True, blank=True, help_text="The day whose holdings it began with.")
    window_start = models.DateField(null=True, blank=True)
    window_end = models.DateField(null=True, blank=True)
    observations = models.PositiveIntegerField(default=0)
    portfolio_version = models.PositiveBigIntegerField(null=True, blank=True, help_text="Read before the data.")
    accounts_version = models.PositiveBigIntegerField(null=True, blank=True, help_text="Read before the data.")
    price_version = models.PositiveBigIntegerField(null=True, blank=True, help_text="Read before the data.")
    fence = models.PositiveIntegerField(default=0)
    lease_until = models.DateTimeField(null=True, blank=True)
    created_at = models.DateTimeField(auto_now_add=True)
    finished_at = models.DateTimeField(null=True, blank=True)

    objects = OptimisationRunQuerySet.as_manager()

    class Meta:
        ordering = ["-pk"]
        constraints = [
            models.CheckConstraint(condition=Q(state__in=JobState.values), name="optimisation_state_known"),
        ]
        indexes = [models.Index(fields=["state", "lease_until"], name="optimisation_state_lease")]

    def __str__(self) -> str:
        return f"{self.objective} of {self.portfolio_id} {self.get_state_display().lower()}"

    @property
    def unfinished(self) -> bool:
        return self.state in UNFINISHED
