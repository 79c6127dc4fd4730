"""Writing down what happened and how far long work is."""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any
from uuid import UUID

from django.conf import settings
from django.db import DatabaseError, connection
from django.db.models import F, Model
from django.db.models.functions import Least
from django.utils import timezone

from activity.models import AuditEvent, IdempotencyKey, Job, JobState

if TYPE_CHECKING:
    from users.models import User

log = logging.getLogger(__name__)


@contextmanager
def kept_alive(beat: Callable[[], bool], every: timedelta, name: str) -> Iterator[None]:
    """Call ``beat`` from a thread called ``name`` while the body runs, until it says False.

    A database that is busy is written to the log and tried again: a lease outlives several missed beats.
    """
    done = threading.Event()
    thread = threading.Thread(target=_beat, args=(beat, every, done), name=name, daemon=True)
    thread.start()
    try:
        yield
    finally:
        done.set()
        thread.join()


def _beat(beat: Callable[[], bool], every: timedelta, done: threading.Event) -> None:
    try:
        while not done.wait(every.total_seconds()):
            try:
                if not beat():
                    return
            except DatabaseError as error:
                log.warning("%s was not renewed: %s", threading.current_thread().name, error)
    finally:
        connection.close()  # each thread has its own


def record(*, actor: User | None, action: str, subject: Model, data: dict[str, Any] | None = None) -> AuditEvent:
    """Add a line to the audit trail. Call it inside the transaction of the change; no actor means the server."""
    return AuditEvent.objects.create(
        actor=actor,
        action=action,
        subject_type=subject._meta.label_lower,  # noqa: SLF001  Django's public name for it
        subject_id=str(subject.pk),
        data=data or {},
    )


def once(*, user: User, key: str, work: Callable[[], int]) -> tuple[int, bool]:
    """Do ``work`` unless the same ``key`` of ``user`` did it before; returns the id of what it made, and whether now.

    The key is claimed in the transaction of the work: who sends the same key meanwhile waits for its end, and a
    work that fails leaves the key free. Call it in a transaction.
    """
    key = f"once {key}"  # no header Idempotency-Key has a space: what programs send is kept apart
    row, first = IdempotencyKey.objects.get_or_create(user=user, key=key, defaults={"fingerprint": ""})
    if not first:
        return int(row.headers["made"]), False
    made = work()
    row.status, row.headers = 201, {"made": made}
    row.save(update_fields=["status", "headers"])
    return made, True


def forget_keys(now: datetime, *, at_once: int = 1000, batches: int = 50) -> int:
    """Delete the idempotency keys that are older than IDEMPOTENCY_KEY_DAYS, the oldest first; returns how many.

    Each batch is a statement of its own, so that a writer waits for one of them at most; what is left over when the
    batches are used up is for the next time.
    """
    old = IdempotencyKey.objects.filter(created_at__lt=now - settings.IDEMPOTENCY_KEY_LIFE).order_by("created_at", "pk")
    deleted = 0
    for _ in range(batches):
        chosen = list(old.values_list("pk", flat=True)[:at_once])
        deleted += IdempotencyKey.objects.filter(pk__in=chosen).delete()[0] if chosen else 0
        if len(chosen) < at_once:
            break
    return deleted


def start_job(*, owner: User | None, kind: str, total: int) -> Job:
    """A job that runs from now on, with ``total`` steps to do."""
    return Job.objects.create(owner=owner, kind=kind, total=total, state=JobState.RUNNING, started_at=timezone.now())


def plan_job(job_id: UUID, total: int) -> None:
    """Say how many steps a running job has once that is known, none of them done: also when it begins anew."""
    Job.objects.filter(pk=job_id, state=JobState.RUNNING).update(done=0, total=total)


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
