"""When corporate actions are fetched and booked. What is due is read from the database."""

from __future__ import annotations

from datetime import date

from celery import shared_task
from django.utils import timezone

from assets.models import Exchange, WatchlistEntry
from assets.services import nightly, notices
from portfolios.queries import held_assets
from portfolios.services.coupons import propose_payments
from portfolios.services.proposals import apply_due


@shared_task(name="portfolios.fetch_actions")
def fetch_actions() -> None:
    """Queue the markets whose corporate actions have not been asked for this night."""
    for night in nightly.due_nights(notices.JOB, timezone.now()):
        fetch_market_actions.apply_async((night.market, night.day.isoformat()), expires=300)


@shared_task(name="portfolios.fetch_market_actions")
def fetch_market_actions(market: str, night: str) -> None:
    """Ask the feeds about the assets of one market that somebody holds or watches, once a night."""
    day, now = date.fromisoformat(night), timezone.now()
    watched = WatchlistEntry.objects.order_by().values_list("asset", flat=True).distinct()
    notices.fetch_night(Exchange.objects.get(pk=market), day, held_assets().union(watched), now=now)


@shared_task(name="portfolios.apply_actions")
def apply_actions() -> None:
    """Book the accepted actions whose ex-date has come."""
    apply_due(timezone.now())


@shared_task(name="portfolios.propose_coupons")
def propose_coupons() -> None:
    """Propose the coupons and redemptions of held bonds that have come due; those that are known stay as they are."""
    propose_payments(timezone.now())
