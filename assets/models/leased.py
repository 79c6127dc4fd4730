"""What work that a process holds by a lease has in common."""

from __future__ import annotations

from django.db import models


class Leased(models.Model):
    """A worker holds the row by a lease that it renews.

    ``fence`` grows with each take-over, and a worker whose fence is no longer the row's may not write.
    """

    fence = models.PositiveIntegerField(default=0)
    attempts = models.PositiveIntegerField(default=0)
    lease_until = models.DateTimeField(null=True, blank=True)
    next_attempt_at = models.DateTimeField(null=True, blank=True, help_text="Not tried again before.")
    message = models.TextField(blank=True)
    started_at = models.DateTimeField(null=True, blank=True)
    finished_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        abstract = True
