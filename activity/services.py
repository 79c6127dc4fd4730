"""Writing down what happened and how far long work is."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any
from uuid import UUID

from django.db.models import F, Model
from django.db.models.functions import Least
from django.utils import timezone

from activity.models import AuditEvent, Job, JobState

if TYPE_CHECKING:
    from users.models import User


def record(*, actor: User | None, action: str, subject: Model, data: dict[str, Any] | None = None) -> AuditEvent:
    """Add a line to the audit trail. Call it inside the transaction of the change; no actor means the server."""
    return AuditEvent.objects.create(
        actor=actor,
        action=action,
        subject_type=subject._meta.label_lower,  # noqa: SLF001  Django's public name for it
        subject_id=str(subject.pk),
        data=data or {},
    )


def start_job(*, owner: User | None, kind: str, total: int) -> Job:
    """A job that runs from now on, with ``total`` steps to do."""
    return Job.objects.create(owner=owner, kind=kind, total=total, state=JobState.RUNNING, started_at=timezone.now())


def advance_job(job_id: UUID, by: int = 1) -> None:
    """Count ``by`` more steps as done; a step that is delivered twice never exceeds the total."""
    Job.objects.filter(pk=job_id, state=JobState.RUNNING).update(done=Least(F("done") + by, F("total")))


def note_job(job_id: UUID, message: str) -> None:
    """Say what a running job waits for."""
    Job.objects.filter(pk=job_id, state=JobState.RUNNING).update(message=message)


def finish_job(job_id: UUID, *, result: dict[str, Any] | None = None, error: str = "") -> None:
    """End a running job: failed with ``error``, or done with ``result``. The first end counts."""
    ended = {"message": error, "result": result or {}, "finished_at": timezone.now()}
    if not error:
        ended |= {"done": F("total")}
    state = JobState.FAILED if error else JobState.DONE
    Job.objects.filter(pk=job_id, finished_at__isnull=True).update(state=state, **ended)
