"""When corporate actions are fetched and booked. What is due is read from the database."""

from __future__ import annotations

from datetime import date
from functools import partial

from celery import shared_task
from django.db import transaction
from django.utils import timezone

from assets.models import Exchange, WatchlistEntry
from assets.services import nightly, notices
from banking.services.imports import tidy, waiting
from portfolios.queries import held_assets
from portfolios.services.coupons import propose_payments
from portfolios.services.importing import run
from portfolios.services.proposals import apply_due

EXPIRES = 30  # the tick's period: what no worker took until then is found and sent again


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


@shared_task(name="portfolios.imports_due")
def imports_due() -> None:
    """Queue the files that no worker has, or that a worker has lost. A doubled tick does no harm."""
    for batch_id in waiting(timezone.now()):
        run_import.apply_async((batch_id,), expires=EXPIRES)
    tidy(timezone.now())


@shared_task(name="portfolios.run_import")
def run_import(batch_id: int) -> None:
    """Check, book or undo one file, unless somebody does."""
    run(batch_id, now=timezone.now())


def import_wanted(batch_id: int) -> None:
    """Have a worker begin at once, when the file is stored. Without a broker the next tick finds it."""
    transaction.on_commit(partial(run_import.delay, batch_id), robust=True)
