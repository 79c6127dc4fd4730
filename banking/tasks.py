"""When term deposits are paid back. What is due is read from the database."""

from __future__ import annotations

from celery import shared_task
from django.utils import timezone

from banking.services.deposits import settle_due


@shared_task(name="banking.settle_deposits")
def settle_deposits() -> None:
    """Pay back the deposits whose day has come."""
    settle_due(timezone.now())
