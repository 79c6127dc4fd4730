"""When term deposits are paid back and schedules run. What is due is read from the database."""

from __future__ import annotations

from celery import shared_task
from django.utils import timezone

from banking.services.deposits import settle_due
from banking.services.standing_orders import run_due


@shared_task(name="banking.settle_deposits")
def settle_deposits() -> None:
    """Pay back the deposits whose day has come."""
    settle_due(timezone.now())


@shared_task(name="banking.run_schedules")
def run_schedules() -> None:
    """Pay what people have scheduled. A doubled tick finds nothing due."""
    run_due(timezone.now())
