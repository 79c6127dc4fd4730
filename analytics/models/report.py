"""Long reports that somebody had made: how far they are, and the file until it is forgotten."""

from __future__ import annotations

from datetime import datetime
from typing import TYPE_CHECKING

from django.conf import settings
from django.db import models
from django.db.models import F, Q
from django.utils.translation import gettext_lazy as _

from activity.models import Job, JobState
from analytics.models.optimisation import UNFINISHED
from portfolios.models import Portfolio

if TYPE_CHECKING:
    from django.contrib.auth.models import AnonymousUser

    from users.models import User


class ReportKind(models.TextChoices):
    STATEMENT = "statement", _("Statement")
    INCOME = "income", _("Income")
    TAX = "tax", _("Tax report")


class ReportFileQuerySet(models.QuerySet["ReportFile"]):
    def visible_to(self, user: User | AnonymousUser) -> ReportFileQuerySet:
        """One's own, for as long as one sees the portfolio."""
        if not user.is_authenticated:
            return self.none()
        return self.filter(owner=user, portfolio__in=Portfolio.objects.visible_to(user))

    def unfinished(self) -> ReportFileQuerySet:
        return self.filter(state__in=UNFINISHED)

    def claimable(self, now: datetime) -> ReportFileQuerySet:
        """Those that a worker may take: new ones, and those that a dead worker left."""
        return self.filter(Q(state=JobState.QUEUED) | Q(state=JobState.RUNNING, lease_until__lt=now))


class ReportFile(models.Model):
    """One report of one portfolio as a PDF, made by a worker for who asked for it; nobody else sees it.

    The worker holds it by a lease that it renews; ``fence`` grows with each take-over, and a worker whose fence is no
    longer the row's may not write.
    """

    owner = models.ForeignKey(settings.AUTH_USER_MODEL, models.CASCADE, related_name="+")
    portfolio = models.ForeignKey(Portfolio, models.CASCADE, related_name="+")
    job = models.OneToOneField(Job, models.SET_NULL, null=True, blank=True, related_name="+")
    kind = models.CharField(max_length=9, choices=ReportKind)
    start = models.DateField()
    end = models.DateField()
    period = models.CharField(max_length=5, help_text="What kind of period it is: it names the report.")
    whole = models.BooleanField(default=True, help_text="The period was over when it was asked for.")
    language = models.CharField(max_length=16)
    state = models.CharField(max_length=8, choices=JobState, default=JobState.QUEUED)
    message = models.TextField(blank=True, help_text="Why there is no file.")
    content = models.BinaryField(null=True, editable=False)
    size = models.PositiveIntegerField(default=0, help_text="Of the file, in bytes.")
    fence = models.PositiveIntegerField(default=0)
    lease_until = models.DateTimeField(null=True, blank=True)
    created_at = models.DateTimeField(auto_now_add=True)
    finished_at = models.DateTimeField(null=True, blank=True)

    objects = ReportFileQuerySet.as_manager()

    class Meta:
        ordering = ["-pk"]
        constraints = [
            models.CheckConstraint(condition=Q(kind__in=ReportKind.values), name="report_kind_known"),
            models.CheckConstraint(condition=Q(state__in=JobState.values), name="report_state_known"),
            models.CheckConstraint(condition=Q(end__gte=F("start")), name="report_has_days"),
        ]
        indexes = [
            models.Index(fields=["state", "lease_until"], name="report_state_lease"),
            models.Index(fields=["created_at"], name="report_created"),
        ]

    def __str__(self) -> str:
        return f"{self.get_kind_display()} of {self.portfolio_id}, {self.start} to {self.end}"

    @property
    def unfinished(self) -> bool:
        return self.state in UNFINISHED

    @property
    def file_name(self) -> str:
        """As it is saved: without anything that a person wrote."""
        return f"{self.kind}-{self.portfolio_id}-{self.start}-{self.end}.pdf"
