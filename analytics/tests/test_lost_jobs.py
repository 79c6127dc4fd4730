"""Work that nobody will end any more: deleted reports and portfolios, lost messages, a database that was busy."""

from __future__ import annotations

from datetime import date, timedelta
from typing import Any

import pytest
from django.db import OperationalError, connection
from django.utils import timezone

from activity.models import Job, JobState
from activity.services import start_job
from analytics.models import OptimisationRun, ReportFile, ReportKind
from analytics.optimiser import Terms
from analytics.reporting.periods import Period
from analytics.services import bank, recomputing, reports
from analytics.services.lost_jobs import GONE, LOST, end_lost_jobs
from analytics.services.reports import Asked, forget_reports, request_report, run_report, waiting_reports
from analytics.tasks import forget_old_reports
from assets.tests.factories import make_asset, make_bars
from portfolios.models import Portfolio
from portfolios.services.portfolios import delete_portfolio
from portfolios.tests.factories import buy, make_portfolio
from users.models import User

ALL = Period("own", date(2010, 1, 1), date(2024, 3, 31))


@pytest.fixture
def portfolio(alice: User) -> Portfolio:
    asset = make_asset("SAP")
    make_bars(asset, {date(2024, 1, 2): 100, date(2024, 3, 1): 110})
    portfolio = make_portfolio(alice)
    buy(portfolio, asset, 10, 100, "2024-01-02")
    return portfolio


def asked(portfolio: Portfolio) -> ReportFile:
    wanted = Asked(ReportKind.STATEMENT, portfolio, ALL, "en")
    return request_report(asked=wanted, actor=User.objects.get(username="alice"))


def states() -> dict[Any, tuple[str, str]]:
    return {job.pk: (job.state, job.message) for job in Job.objects.all()}


def test_with_its_portfolio_a_report_goes_and_its_job_ends(portfolio: Portfolio, alice: User) -> None:
    gone = asked(portfolio).job_id
    terms = Terms().to_json()
    job = start_job(owner=alice, kind="optimisation", total=0)
    OptimisationRun.objects.create(portfolio=portfolio, asked_by=alice, job=job, objective="hrp", terms=terms)
    kept = asked(make_portfolio(alice, "Other")).job_id
    delete_portfolio(portfolio=portfolio, actor=alice)
    assert not ReportFile.objects.filter(job=gone).exists()
    forget_old_reports()
    running = (JobState.RUNNING, "")
    assert states() == {gone: (JobState.FAILED, GONE), job.pk: (JobState.FAILED, GONE), kept: running}
    assert end_lost_jobs(timezone.now()) == 0


def test_a_report_that_is_forgotten_unmade_ends_its_job(portfolio: Portfolio, alice: User) -> None:
    unmade, made = asked(portfolio), asked(make_portfolio(alice, "Other"))
    run_report(made.pk, now=timezone.now())
    ended = states()[made.job_id]
    assert forget_reports(timezone.now() + timedelta(days=8)) == 2
    assert states() == {unmade.job_id: (JobState.FAILED, reports.DELETED), made.job_id: ended}


@pytest.mark.parametrize("kind", [recomputing.KIND, bank.KIND])
def test_a_job_whose_messages_are_lost_ends_after_a_day(carol: User, kind: str) -> None:
    lost, others = start_job(owner=carol, kind=kind, total=3), start_job(owner=carol, kind="import", total=3)
    assert end_lost_jobs(timezone.now() + timedelta(hours=23)) == 0
    assert end_lost_jobs(timezone.now() + timedelta(hours=25)) == 1
    assert states() == {lost.pk: (JobState.FAILED, LOST), others.pk: (JobState.RUNNING, "")}


class Busy:
    """A database that refuses to read trades, so many times."""

    def __init__(self, times: int) -> None:
        self.left = times

    def __call__(self, execute: Any, sql: str, params: Any, many: bool, context: Any) -> Any:
        if self.left and "portfolios_trade" in sql and sql.startswith("SELECT"):
            self.left -= 1
            raise OperationalError("database is locked")
        return execute(sql, params, many, context)


def test_a_report_that_met_a_busy_database_is_made_by_the_next_worker(portfolio: Portfolio) -> None:
    found, now = asked(portfolio), timezone.now()
    with connection.execute_wrapper(Busy(1)):
        run_report(found.pk, now=now)
        found.refresh_from_db()
        assert (found.state, found.lease_until, found.message) == (JobState.QUEUED, None, "")
        assert states()[found.job_id] == (JobState.RUNNING, "")
        assert waiting_reports(now) == [found.pk]
        run_report(found.pk, now=now)
    found.refresh_from_db()
    assert (found.state, found.fence) == (JobState.DONE, 2)
    assert states()[found.job_id][0] == JobState.DONE


def test_a_report_that_meets_a_busy_database_again_and_again_ends(portfolio: Portfolio) -> None:
    found, now = asked(portfolio), timezone.now()
    with connection.execute_wrapper(Busy(1000)):
        for _ in range(reports.MOST_ATTEMPTS + 1):
            run_report(found.pk, now=now)
    found.refresh_from_db()
    assert (found.state, found.message) == (JobState.FAILED, reports.LOST)
    assert states()[found.job_id] == (JobState.FAILED, reports.LOST)
