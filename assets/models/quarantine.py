"""Bars that are not believed, until a person decides."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from typing import TYPE_CHECKING

from django.conf import settings
from django.db import models
from django.db.models import Q
from django.utils.translation import gettext_lazy as _

from assets.models.asset import Asset
from assets.quality import DECIDABLE

if TYPE_CHECKING:
    from users.models import User


class DoubtReason(models.TextChoices):
    """Codes of ``assets.quality.Reason`` that a person sees."""

    FUTURE = "future", _("In the future")
    NO_SESSION = "no_session", _("The exchange was closed")
    NOT_A_NUMBER = "not_a_number", _("Not a number")
    NOT_POSITIVE = "not_positive", _("Zero or negative")
    TOO_LONG = "too_long", _("Too large, or too many digits")
    INCONSISTENT = "inconsistent", _("High, low and close contradict each other")
    CONTRADICTORY = "contradictory", _("Two different bars for one day")
    JUMP = "jump", _("Jump without a corporate action")
    RESTATED = "restated", _("Adjusted history among closes as traded")


class QuarantineState(models.TextChoices):
    OPEN = "open", _("Open")
    ACCEPTED = "accepted", _("Accepted")
    REJECTED = "rejected", _("Rejected")


class QuarantineQuerySet(models.QuerySet["QuarantinedBar"]):
    def visible_to(self, user: User) -> QuarantineQuerySet:
        """Prices are everybody's, and so are decisions about them: staff's."""
        return self if user.is_staff else self.none()

    def open(self) -> QuarantineQuerySet:
        return self.filter(state=QuarantineState.OPEN)


class QuarantinedBar(models.Model):
    """A bar that quality refused, with its figures as they were given. It never becomes current by itself.

    Once per asset, day, provider and figures: given again it is seen again, and what was decided stays decided.
    """

    asset = models.ForeignKey(Asset, models.PROTECT, related_name="quarantine")
    day = models.DateField()
    provider = models.CharField(max_length=32)
    figures = models.JSONField(help_text="Name to the number as text, such as close to NaN.")
    digest = models.CharField(max_length=64, editable=False, help_text="SHA-256 of the figures.")
    reason = models.CharField(max_length=16, choices=DoubtReason)
    text = models.CharField(max_length=500, help_text="What is wrong, with the numbers.")
    first_seen = models.DateTimeField()
    last_seen = models.DateTimeField()
    state = models.CharField(max_length=8, choices=QuarantineState, default=QuarantineState.OPEN)
    decided_by = models.ForeignKey(
        settings.AUTH_USER_MODEL,
        models.SET_NULL,
        null=True,
        blank=True,
        related_name="+",
        help_text="Empty: the server, when a corporate action or another decision explained the bar.",
    )
    decided_at = models.DateTimeField(null=True, blank=True)

    objects = QuarantineQuerySet.as_manager()

    class Meta:
        ordering = ["-last_seen", "-pk"]
        constraints = [
            models.CheckConstraint(condition=Q(state__in=QuarantineState.values), name="quarantine_state_known"),
            models.CheckConstraint(condition=Q(reason__in=DoubtReason.values), name="quarantine_reason_known"),
            models.CheckConstraint(
                condition=Q(state=QuarantineState.OPEN, decided_at__isnull=True)
                | (~Q(state=QuarantineState.OPEN) & Q(decided_at__isnull=False)),
                name="quarantine_decided_at_a_time",
            ),
            models.UniqueConstraint(
                fields=["asset", "day", "provider", "digest"], name="quarantine_once_per_bar_and_provider"
            ),
        ]
        indexes = [models.Index(fields=["state", "-last_seen"], name="quarantine_state_seen")]

    def __str__(self) -> str:
        return f"{self.asset_id} {self.day} {self.provider}: {self.get_reason_display().lower()}"

    @property
    def can_be_accepted(self) -> bool:
        """Whether a person may store it all the same: never what is no price."""
        return self.state == QuarantineState.OPEN and self.reason in DECIDABLE


def digest_of(figures: Mapping[str, str]) -> str:
    return hashlib.sha256(repr(sorted(figures.items())).encode()).hexdigest()
