"""Reports as PDF: a short one at once, a long one by a worker, stored for a week for who asked for it."""

from __future__ import annotations

import logging
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from django.db import OperationalError, transaction
from django.db.models import F
from django.utils import timezone, translation

from activity.models import JobState
from activity.services import advance_job, finish_job, note_job, plan_job, start_job
from analytics.models import ReportFile, ReportKind
from analytics.models.report import ReportFileQuerySet
from analytics.queries.statement import statement
from analytics.reporting.pdf import pdf
from analytics.reporting.periods import Period
from analytics.reporting.sheet import Sheet
from analytics.sheets import booked, income, tax
from analytics.sheets import statement as statements
from core.errors import DomainError
from portfolios.models import Portfolio
from portfolios.queries.income import earnings
from portfolios.queries.tax import tax_report
from portfolios.queries.transactions import Wanted, transactions
from users.models import User

log = logging.getLogger(__name__)
JOB_KIND = "report"
KEPT = timedelta(days=7)
LONG_ROWS = 2000  # about two seconds of drawing
LONG_DAYS = 5 * 366
LEASE = timedelta(seconds=120)  # renewed while it is read and drawn
PAGES_AT_ONCE = 20  # after so many the lease is renewed
MOST_UNFINISHED = 3  # of one person
MOST_KEPT = 20  # of one person; the oldest go first
MOST_ATTEMPTS = 3
FAILED = "The report failed unexpectedly; what happened is in the server's log."
DELETED = "It was deleted before it was made."
LOST = f"It was begun {MOST_ATTEMPTS} times and never came to its end."


class TooManyReports(DomainError):
    """Several reports of yours are being made; wait for one of them to end."""


class ReportLost(Exception):
    """Another worker has taken the report over."""


@dataclass(frozen=True, slots=True)
class Asked:
    """Which report, over which days, in which language."""

    kind: ReportKind
    portfolio: Portfolio
    period: Period
    language: str

    @property
    def rows(self) -> int:
        """How many rows its longest table has; at most 2 queries."""
        start, end = self.period.start, self.period.end
        if self.kind == ReportKind.STATEMENT:
            return transactions(self.portfolio, Wanted(start=start, end=end)).count
        return tax.rows_of(self.portfolio, start.year, end) if self.kind == ReportKind.TAX else 0

    @property
    def is_long(self) -> bool:
        """Whether a worker makes it."""
        return self.period.days > LONG_DAYS or self.rows > LONG_ROWS


class Progress:
    """Told how far a report is; this one tells nobody."""

    def plan(self, steps: int) -> None:
        """So many steps there are."""

    def step(self, done: str) -> None:
        """One more is done."""

    def page(self, number: int) -> None:
        """A page was laid out."""


NOBODY = Progress()


def made(asked: Asked, progress: Progress = NOBODY) -> bytes:
    """The report as a PDF. Raises NothingBooked, PeriodTurned, ValueUnknown and RateMissing."""
    with translation.override(asked.language):
        found = _SHEETS[asked.kind](asked, progress)
        progress.step("figures")
        return pdf(found, drawn=progress.page)


def _statement(asked: Asked, progress: Progress) -> Sheet:
    found = statement(asked.portfolio, asked.period.start, asked.period.end)
    progress.plan(booked.reads(found.found) + 2)

    def read() -> None:
        progress.step("transactions")

    rows = booked.booked_table(found.found, asked.portfolio, read=read)
    return statements.sheet(found, asked.period, rows, asked.language)


def _income(asked: Asked, progress: Progress) -> Sheet:
    progress.plan(2)
    found = earnings(asked.portfolio, asked.period.start, asked.period.end)
    return income.sheet(found, asked.portfolio, asked.period, asked.language)


def _tax(asked: Asked, progress: Progress) -> Sheet:
    progress.plan(2)
    found = tax_report(asked.portfolio, asked.period.start.year, asked.period.end)
    return tax.sheet(found, asked.period, asked.language)


_SHEETS: dict[str, Callable[[Asked, Progress], Sheet]] = {
    ReportKind.STATEMENT: _statement,
    ReportKind.INCOME: _income,
    ReportKind.TAX: _tax,
}


# --- long ones ----------------------------------------------------------------------------------------------------


@transaction.atomic
def request_report(*, asked: Asked, actor: User) -> ReportFile:
    """Store a report to be made by a worker; one that is under way is not made twice. Raises TooManyReports."""
    # The person's row is the lock: two requests at once are counted one after the other.
    User.objects.select_for_update().get(pk=actor.pk)
    period = asked.period
    terms = {
        "kind": asked.kind,
        "portfolio": asked.portfolio,
        "start": period.start,
        "end": period.end,
        "period": period.kind,
        "whole": period.whole,
        "language": asked.language,
    }
    waiting = ReportFile.objects.filter(owner=actor).unfinished()
    if same := waiting.filter(**terms).defer("content").first():
        return same
    if waiting.count() >= MOST_UNFINISHED:
        raise TooManyReports
    own = ReportFile.objects.filter(owner=actor)
    kept = list(own.order_by("-pk").values_list("pk", flat=True)[: MOST_KEPT - 1])
    _forget(own.exclude(pk__in=kept))
    return ReportFile.objects.create(owner=actor, job=start_job(owner=actor, kind=JOB_KIND, total=0), **terms)


def waiting_reports(now: datetime) -> list[int]:
    """The reports that no worker has or that one has lost, the oldest first."""
    return list(ReportFile.objects.claimable(now).order_by("pk").values_list("pk", flat=True))


def forget_reports(now: datetime) -> int:
    """Delete the reports that are older than KEPT; returns how many. Their jobs stay, without a file."""
    return _forget(ReportFile.objects.filter(created_at__lt=now - KEPT))


@transaction.atomic
def _forget(rows: ReportFileQuerySet) -> int:
    """Delete the reports, and end the jobs of those that nobody has made."""
    jobs = list(rows.unfinished().filter(job__isnull=False).values_list("job", flat=True))
    deleted = rows.delete()[0]
    for job in jobs:
        finish_job(job, error=DELETED)
    return deleted


def run_report(report_id: int, *, now: datetime) -> None:
    """Make a report and store its file, unless it is over or somebody works on it.

    Safe to call twice or at once: the second finds it claimed. A report whose worker was killed is claimed again once
    its lease has ended, and made anew.
    """
    fence = _claim(report_id, now)
    if fence is None:
        return
    found = ReportFile.objects.defer("content").select_related("portfolio__benchmark", "job", "owner").get(pk=report_id)
    try:
        if fence > MOST_ATTEMPTS:
            _store(found, fence, message=LOST)
        elif not ReportFile.objects.visible_to(found.owner).filter(pk=report_id).exists():
            _store(found, fence, message="You do not see this portfolio any more.")
        else:
            _store(found, fence, content=made(_asked(found), _Told(found, fence)))
    except ReportLost:
        log.warning("report %d was taken over; nothing was written", report_id)
    except DomainError as error:
        _store(found, fence, message=error.message)
    except OperationalError:
        # The database was busy or away. If it still is, this fails too, and the report is free when its lease ends.
        log.warning("report %d is left to the next worker", report_id, exc_info=True)
        _of(report_id, fence).update(state=JobState.QUEUED, lease_until=None)
    except Exception:
        _store(found, fence, message=FAILED)
        raise


def _asked(found: ReportFile) -> Asked:
    period = Period(found.period, found.start, found.end, found.whole)  # type: ignore[arg-type]  # as it was stored
    return Asked(ReportKind(found.kind), found.portfolio, period, found.language)


class _Told(Progress):
    """Counts the steps in the report's job and keeps its lease. Raises ReportLost where another worker has it."""

    def __init__(self, found: ReportFile, fence: int) -> None:
        self._found, self._fence = found, fence

    def plan(self, steps: int) -> None:
        self._renew()
        if self._found.job_id:
            plan_job(self._found.job_id, steps)

    def step(self, done: str) -> None:
        self._renew()
        if self._found.job_id:
            advance_job(self._found.job_id)
            note_job(self._found.job_id, f"Done: {done}")

    def page(self, number: int) -> None:
        if number % PAGES_AT_ONCE == 0:
            self._renew()
            if self._found.job_id:
                note_job(self._found.job_id, f"Page {number}")

    def _renew(self) -> None:
        if not _of(self._found.pk, self._fence).update(lease_until=timezone.now() + LEASE):
            raise ReportLost


@transaction.atomic
def _claim(report_id: int, now: datetime) -> int | None:
    """The fence of the right to write; None where it is over or somebody has it."""
    rows = ReportFile.objects.filter(pk=report_id)
    taken = rows.claimable(now).update(state=JobState.RUNNING, fence=F("fence") + 1, lease_until=now + LEASE)
    return rows.values_list("fence", flat=True).get() if taken else None


@transaction.atomic
def _store(found: ReportFile, fence: int, *, content: bytes | None = None, message: str = "") -> None:
    """End the report and its job together, unless another worker has it by now."""
    state = JobState.FAILED if content is None else JobState.DONE
    ended: dict[str, Any] = {"state": state, "message": message, "lease_until": None, "finished_at": timezone.now()}
    if not _of(found.pk, fence).update(**ended, content=content, size=len(content or b"")):
        log.warning("report %d was taken over; nothing was written", found.pk)
        return
    if found.job_id:
        finish_job(found.job_id, result={"report": found.pk}, error=message)


def _of(report_id: int, fence: int) -> Any:
    return ReportFile.objects.filter(pk=report_id, fence=fence, state=JobState.RUNNING)
