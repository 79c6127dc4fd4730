"""What is forgotten after a while."""

from __future__ import annotations

from celery import shared_task
from django.utils import timezone

from activity.services import forget_keys


@shared_task(name="activity.forget_keys")
def forget_old_keys() -> None:
    """Delete idempotency keys that nobody will send again. Beat calls this each hour."""
    forget_keys(timezone.now())
