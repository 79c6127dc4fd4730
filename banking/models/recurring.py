"""Payments that look as if they came again and again, and are none."""

from __future__ import annotations

from django.db import models
from django.db.models import Q

from users.models import Owned, OwnedQuerySet, one_owner


class DismissedRecurrence(Owned):
    """A suggestion that its owner does not want to see any more. ``key`` is that of ``banking.matching.recurring``."""

    key = models.CharField(max_length=64)
    created_at = models.DateTimeField(auto_now_add=True)

    objects = OwnedQuerySet.as_manager()

    class Meta:
        ordering = ["pk"]
        constraints = [
            one_owner("dismissed_one_owner"),
            models.CheckConstraint(condition=~Q(key=""), name="dismissed_has_key"),
            models.UniqueConstraint(
                fields=["owner", "key"], condition=Q(owner__isnull=False), name="dismissed_once_per_person"
            ),
            models.UniqueConstraint(
                fields=["organisation", "key"], condition=Q(organisation__isnull=False), name="dismissed_once_per_firm"
            ),
        ]

    def __str__(self) -> str:
        return self.key
