"""What long work is about, and what came out of it: one query for each kind of work."""

from __future__ import annotations

from collections.abc import Collection
from typing import Any, NamedTuple
from uuid import UUID

from django.db.models import Q
from django.utils.formats import date_format

from activity.models import Job
from analytics.models import OptimisationRun, ReportFile
from assets.models import Backfill
from banking.models import ImportBatch
from users.models import User


class Subject(NamedTuple):
    """What a piece of work is about in words, and the id of the row whose page shows what came of it."""

    words: str
    pk: int | str


Subjects = dict[UUID, Subject]


def files_of(jobs: Collection[Job], reader: User) -> Subjects:
    """The file of each import. A file is checked, booked and undone by a job each, of which it knows the last."""
    named = {job.pk: job.result.get("import") for job in jobs}
    ids = [pk for pk in named.values() if isinstance(pk, int)]
    found = ImportBatch.objects.visible_to(reader).filter(Q(job__in=list(named)) | Q(pk__in=ids))
    rows = list(found.order_by().values_list("pk", "job", "file_name"))
    by_job: dict[Any, Subject] = {job: Subject(name, pk) for pk, job, name in rows}
    by_id: dict[Any, Subject] = {pk: Subject(name, pk) for pk, _, name in rows}
    subjects = {pk: by_job.get(pk) or by_id.get(batch) for pk, batch in named.items()}
    return {pk: subject for pk, subject in subjects.items() if subject}


def optimisations_of(jobs: Collection[Job], reader: User) -> Subjects:
    """The optimisation of each job, by its portfolio."""
    runs = OptimisationRun.objects.visible_to(reader).filter(job__in=[job.pk for job in jobs])
    rows = runs.order_by().values_list("job", "pk", "portfolio__name")
    return {job: Subject(name, pk) for job, pk, name in rows if job}


def reports_of(jobs: Collection[Job], reader: User) -> Subjects:
    """The report of each job: which one, its portfolio and its days."""
    rows = ReportFile.objects.visible_to(reader).filter(job__in=[job.pk for job in jobs]).order_by()
    rows = rows.only("kind", "start", "end", "job", "portfolio__name").select_related("portfolio")
    return {row.job_id: Subject(_named(row), row.pk) for row in rows if row.job_id}


def _named(row: ReportFile) -> str:
    return f"{row.get_kind_display()}, {row.portfolio.name}, {date_format(row.start)} – {date_format(row.end)}"


def histories_of(jobs: Collection[Job], reader: User) -> Subjects:
    """The asset whose history each job fetches."""
    rows = Backfill.objects.filter(job__in=[job.pk for job in jobs]).order_by()
    return {job: Subject(symbol, pk) for job, pk, symbol in rows.values_list("job", "asset", "asset__symbol") if job}
