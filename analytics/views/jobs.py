"""Work that takes long, found again: what is under way, how far it is, and the way to what came of it."""

from __future__ import annotations

from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass
from typing import Any, cast

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.urls import reverse
from django.utils.functional import Promise
from django.utils.translation import gettext_lazy as _
from django.views.decorators.http import require_safe

from activity.models import Job
from analytics.queries.jobs import Subject, Subjects, files_of, histories_of, optimisations_of, reports_of
from core.web import choice, login_needed, paging
from users.models import User

PAGE_SIZE = 30


@dataclass(frozen=True, slots=True)
class Kind:
    """A kind of work: its name, what each job of it is about, and the page of that (with its id, if ``subjects``)."""

    name: str | Promise
    url_name: str = ""
    subjects: Callable[[Collection[Job], User], Subjects] | None = None
    staff_only: bool = False  # who is no staff has no such page


KINDS = {
    "import": Kind(_("Import"), "import-page", files_of),
    "optimisation": Kind(_("Optimisation"), "optimisation-run", optimisations_of),
    "report": Kind(_("Report"), "report-file", reports_of),
    "backfill": Kind(_("Price history"), "admin:assets_asset_change", histories_of, staff_only=True),
    "bank report": Kind(_("Report about the bank"), "bank", staff_only=True),
    "recompute": Kind(_("Value and risk computed anew"), "admin:analytics_snapshot_changelist", staff_only=True),
}


@dataclass(frozen=True, slots=True)
class Work:
    """A job as it is listed; ``url`` is empty where it has no page."""

    job: Job
    name: str | Promise
    about: str
    url: str


@require_safe
@login_needed
def job_list(request: HttpRequest) -> HttpResponse:
    """``/jobs/?whose=``: everything long that the person asked for, or for staff the server's own, the newest first."""
    user = cast("User", request.user)
    whose = choice(request, "whose", ("server",) if user.is_staff else (), "")
    jobs = Job.objects.of_server(user) if whose else Job.objects.of(user)
    pages = paging(request, jobs.count(), PAGE_SIZE)
    shown = list(jobs.order_by("-created_at", "-pk")[pages.start : pages.stop])
    context = {
        "section": "jobs",
        "works": works_of(shown, user),
        "pages": pages,
        "whose": whose,
        "busy": any(job.under_way for job in shown),
        "path": reverse("jobs"),
    }
    part = getattr(request, "htmx", False)
    return render(request, "analytics/_jobs.html" if part else "analytics/jobs.html", context)


@require_safe
@login_needed
def jobs_under_way(request: HttpRequest) -> HttpResponse:
    """What the header asks for once a page is shown: how much of the person's is under way."""
    count = Job.objects.of(cast("User", request.user)).under_way().count()
    return render(request, "analytics/_jobs_under_way.html", {"count": count})


def works_of(jobs: Sequence[Job], reader: User) -> list[Work]:
    """The jobs with what they are about; one query for each kind that has a page of its own."""
    subjects: Subjects = {}
    for name, kind in KINDS.items():
        of_kind = [job for job in jobs if job.kind == name]
        if of_kind and kind.subjects:
            subjects |= kind.subjects(of_kind, reader)
    return [_work(job, subjects.get(job.pk), reader) for job in jobs]


def _work(job: Job, subject: Subject | None, reader: User) -> Work:
    kind = KINDS.get(job.kind) or Kind(job.kind.capitalize())
    return Work(job, kind.name, subject.words if subject else "", _url(kind, subject, reader))


def _url(kind: Kind, subject: Subject | None, reader: User) -> str:
    if not kind.url_name or (kind.staff_only and not reader.is_staff) or (kind.subjects and subject is None):
        return ""
    args: list[Any] = [subject.pk] if subject else []
    return reverse(kind.url_name, args=args)
