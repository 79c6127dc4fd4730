"""Jobs that nobody will end any more: what they were about is gone, or so are the messages that had them done."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import TYPE_CHECKING
from uuid import UUID

from django.db.models import Exists, OuterRef

from activity.models import Job
from activity.services import finish_job
from analytics.models import OptimisationRun, ReportFile
from analytics.services import bank, optimising, recomputing, reports

if TYPE_CHECKING:
    from django.db.models import Model

# The row that a worker finds each kind by: it goes away with its portfolio, the job stays with who asked for it.
ROWS: dict[str, type[Model]] = {reports.JOB_KIND: ReportFile, optimising.KIND: OptimisationRun}
# These are known to a message alone, which a broker may lose; they take minutes.
MESSAGES = (recomputing.KIND, bank.KIND)
LONGEST = timedelta(days=1)
GONE = "What it was about was deleted."
LOST = "It did not end within a day: the message that had it done is lost. Ask for it again."


def end_lost_jobs(now: datetime) -> int:
    """End them as failed; returns how many. Safe at any time: a job and its row are stored in one transaction."""
    under_way = Job.objects.under_way().filter(finished_at__isnull=True)
    ended = 0
    for kind, model in ROWS.items():
        row = model._default_manager.filter(job=OuterRef("pk"))  # noqa: SLF001  Django's documented name
        ended += _end(list(under_way.filter(~Exists(row), kind=kind).values_list("pk", flat=True)), GONE)
    lost = under_way.filter(kind__in=MESSAGES, started_at__lt=now - LONGEST)
    return ended + _end(list(lost.values_list("pk", flat=True)), LOST)


def _end(job_ids: list[UUID], error: str) -> int:
    for job_id in job_ids:
        finish_job(job_id, error=error)
    return len(job_ids)
