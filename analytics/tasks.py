"""When portfolios are recomputed, and what is worth retrying. How it is done is in services.py."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial
from typing import Any
from uuid import UUID

from celery import shared_task
from django.db import OperationalError, transaction
from django.utils import timezone

from activity.services import advance_job
from analytics import queries, services
from analytics.queries.bank import report_due
from analytics.services.bank import compute_report
from analytics.services.lost_jobs import end_lost_jobs
from analytics.services.optimising import run_optimisation, waiting
from analytics.services.reports import forget_reports, run_report, waiting_reports

CHUNK = 1000  # portfolios a message: about half a second of work, 100 MB
TESTED_CHUNK = 100  # portfolios whose value at risk is tested by one message: two seconds of work, 25 MB of returns
TESTED_EXPIRES = 300
AT_ONCE = 100  # optimisations of one tick; the next tick finds the rest
EXPIRES = 30  # the tick's period: what no worker took until then is found and sent again
RETRIED: dict[str, Any] = {
    "autoretry_for": (OperationalError,),
    "retry_backoff": 1,
    "retry_backoff_max": 60,
    "retry_jitter": True,
    "max_retries": 5,
}


@shared_task(name="analytics.refresh_stale")
def refresh_stale() -> None:
    """Queue every portfolio whose trades, cash, prices or rates are newer than its snapshot.

    Beat calls this every 30 seconds. What is stale is read from the database, so a lost message costs one period, and
    a doubled one nothing: whoever comes second finds nothing stale.
    """
    for ids in services.chunks(queries.stale_portfolio_ids(), CHUNK):
        recompute.apply_async((ids,), expires=EXPIRES)


@shared_task(name="analytics.recompute", **RETRIED)
def recompute(portfolio_ids: Sequence[int], job_id: str | None = None) -> None:
    """Bring snapshots up to date; for a job, compute all of them and count them as done."""
    services.recompute(portfolio_ids, only_stale=job_id is None)
    if job_id is not None:
        advance_job(UUID(job_id), len(portfolio_ids))
        services.finish_if_done(UUID(job_id))


@shared_task(name="analytics.backtest_due")
def backtest_due() -> None:
    """Queue every portfolio whose value at risk is to be tested this night, because something has changed.

    Beat calls this every 5 minutes; as with ``refresh_stale``, the database says what is due.
    """
    for ids in services.chunks(queries.backtests_due_ids(timezone.now()), TESTED_CHUNK):
        backtest.apply_async((ids,), expires=TESTED_EXPIRES)


@shared_task(name="analytics.backtest", **RETRIED)
def backtest(portfolio_ids: Sequence[int]) -> None:
    """Test the value at risk of those that are still due."""
    services.backtest(portfolio_ids)


@shared_task(name="analytics.bank_report_due")
def bank_report_due() -> None:
    """Have the bank's report of this night computed, unless it has been. Beat calls this every 5 minutes."""
    if report_due(timezone.now()):
        bank_report.apply_async(expires=TESTED_EXPIRES)


@shared_task(name="analytics.bank_report", **RETRIED)
def bank_report(job_id: str | None = None) -> None:
    """Compute the bank's report: for a job, or if it is still due."""
    if job_id is not None or report_due(timezone.now()):
        compute_report(timezone.now(), UUID(job_id) if job_id else None)


def report_wanted(job_id: UUID) -> None:
    """Have a worker begin at once, when the job is stored."""
    transaction.on_commit(partial(bank_report.delay, str(job_id)), robust=True)


@shared_task(name="analytics.optimise_due")
def optimise_due() -> None:
    """Queue the optimisations that no worker has, or that a worker has lost. A doubled tick does no harm."""
    for run_id in waiting(timezone.now())[:AT_ONCE]:
        optimise.apply_async((run_id,), expires=EXPIRES)


@shared_task(name="analytics.optimise")
def optimise(run_id: int) -> None:
    """Run one optimisation, unless it is over or somebody does."""
    run_optimisation(run_id, now=timezone.now())


def optimisation_wanted(run_id: int) -> None:
    """Have a worker begin at once, when the run is stored. Without a broker the next tick finds it."""
    transaction.on_commit(partial(optimise.delay, run_id), robust=True)


@shared_task(name="analytics.reports_due")
def reports_due() -> None:
    """Queue the long reports that no worker has, or that a worker has lost. A doubled tick does no harm."""
    for report_id in waiting_reports(timezone.now())[:AT_ONCE]:
        make_report.apply_async((report_id,), expires=EXPIRES)


@shared_task(name="analytics.make_report")
def make_report(report_id: int) -> None:
    """Make one long report, unless it is over or somebody does."""
    run_report(report_id, now=timezone.now())


def report_file_wanted(report_id: int) -> None:
    """Have a worker begin at once, when the request is stored. Without a broker the next tick finds it."""
    transaction.on_commit(partial(make_report.delay, report_id), robust=True)


@shared_task(name="analytics.forget_reports")
def forget_old_reports() -> None:
    """Delete the files of long reports that are a week old, and end jobs that nobody else will. Beat calls this each
    hour.
    """
    forget_reports(timezone.now())
    end_lost_jobs(timezone.now())
