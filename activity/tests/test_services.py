"""The audit trail and the life of a job."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from django.test import Client

from activity.models import AuditEvent, IdempotencyKey, Job, JobState
from activity.services import advance_job, finish_job, record, start_job
from core.testing import client_of

if TYPE_CHECKING:  # activity lies below users
    from users.models import User


def test_an_event_names_its_subject(alice: User) -> None:
    event = record(actor=alice, action="profile.changed", subject=alice, data={"fields": ["email"]})
    assert (event.subject_type, event.subject_id) == ("users.user", str(alice.pk))
    assert list(AuditEvent.objects.visible_to(alice)) == [event]


def test_events_are_seen_by_their_actor_and_administrators(alice: User, bob: User, carol: User) -> None:
    record(actor=alice, action="a", subject=alice)
    record(actor=None, action="b", subject=alice)
    assert [AuditEvent.objects.visible_to(user).count() for user in (alice, bob, carol)] == [1, 0, 2]


def test_a_job_counts_its_steps_and_never_beyond_its_total(alice: User) -> None:
    job = start_job(owner=alice, kind="import", total=3)
    for by in (1, 1, 5):
        advance_job(job.pk, by)
    job.refresh_from_db()
    assert (job.state, job.done, job.total) == (JobState.RUNNING, 3, 3)


@pytest.mark.parametrize(("error", "state", "done"), [("", "done", 3), ("No prices.", "failed", 1)])
def test_a_job_ends_once(alice: User, error: str, state: str, done: int) -> None:
    job = start_job(owner=alice, kind="import", total=3)
    advance_job(job.pk)
    finish_job(job.pk, result={"rows": 7}, error=error)
    finish_job(job.pk, error="too late")
    advance_job(job.pk)
    job.refresh_from_db()
    assert (job.state, job.done, job.message, job.result) == (state, done, error, {"rows": 7})
    assert job.finished_at is not None


def test_jobs_over_http_are_the_callers(alice: User, bob: User) -> None:
    mine = start_job(owner=alice, kind="import", total=3)
    start_job(owner=bob, kind="import", total=3)
    start_job(owner=None, kind="import", total=3)
    answer = client_of(alice).get("/api/jobs/", {"kind": "import", "state": "running", "ordering": "-created_at"})
    assert [row["id"] for row in answer.json()["results"]] == [str(mine.pk)]
    assert client_of(alice).get(f"/api/jobs/{mine.pk}/").json()["total"] == 3


@pytest.mark.parametrize("query", [{"ordering": "owner__password"}, {"state": "lost"}, {"limit": "all"}])
def test_unknown_filters_and_orders_are_named(alice: User, query: dict[str, str]) -> None:
    answer = client_of(alice).get("/api/jobs/", query)
    assert (answer.status_code, list(answer.json()["errors"])) == (400, list(query))


@pytest.mark.parametrize("model", [AuditEvent, Job, IdempotencyKey])
def test_administrators_read_and_do_not_change(model: type, alice: User, carol: User) -> None:
    record(actor=alice, action="a", subject=alice)
    start_job(owner=alice, kind="import", total=3)
    IdempotencyKey.objects.create(user=alice, key="k", fingerprint="f")
    client, name = Client(), model.__name__.lower()
    client.force_login(carol)
    row = model.objects.get()  # type: ignore[attr-defined]
    listed = client.get(f"/admin/activity/{name}/", {"q": "a"})
    assert listed.status_code == 200
    assert client.get(f"/admin/activity/{name}/{row.pk}/change/").status_code == 200
    for refused in ("add/", f"{row.pk}/delete/"):
        assert client.get(f"/admin/activity/{name}/{refused}").status_code == 403
    assert client.post(f"/admin/activity/{name}/{row.pk}/change/", {"kind": "x"}).status_code == 403
