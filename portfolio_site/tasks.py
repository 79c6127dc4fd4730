"""Housekeeping of the server itself."""

from celery import shared_task
from django.utils import timezone

from portfolio_site.health import note_heartbeat


@shared_task(name="portfolio_site.heartbeat")
def heartbeat() -> None:
    """Sent by beat, run by a worker: its trace says that both are alive."""
    note_heartbeat(timezone.now())
