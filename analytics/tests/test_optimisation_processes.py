"""A real worker is killed in the middle of an optimisation: another one computes it, once."""

from __future__ import annotations

import time
from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from django.db.models import F

from activity.models import Job
from analytics.models import OptimisationRun
from analytics.optimiser import Terms
from analytics.services.optimising import request_optimisation
from analytics.tasks import optimisation_wanted, optimise_due
from analytics.tests.candidates import invested
from core.testing import PATIENCE, make_user


def wait_for(condition: Callable[[], bool], seconds: float = PATIENCE) -> None:
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline, f"{OptimisationRun.objects.values()} {Job.objects.values()}"
        time.sleep(0.01)


@pytest.mark.processes
@pytest.mark.django_db(transaction=True)
def test_a_killed_optimisation_is_computed_by_the_next_worker(celery_worker_process: Any) -> None:
    alice = make_user("alice")
    growth = invested(alice)
    terms = Terms(objective="min_cvar", extra=("JPM", "KO"), lookback=60)
    run = request_optimisation(portfolio=growth, actor=alice, terms=terms)
    worker = celery_worker_process(concurrency=1)
    optimisation_wanted(run.pk)
    wait_for(lambda: Job.objects.get().done > 0)
    worker.kill()
    half = Job.objects.get()
    assert 0 < half.done < half.total
    assert OptimisationRun.objects.get().state == "running"

    # So long as its lease runs nobody takes it; a minute later it is lost.
    OptimisationRun.objects.update(lease_until=F("lease_until") - timedelta(minutes=2))
    celery_worker_process(concurrency=1)
    optimise_due()
    optimise_due()
    wait_for(lambda: OptimisationRun.objects.get().state == "done")

    done, job = OptimisationRun.objects.get(), Job.objects.get()
    assert (done.fence, sum(row["weight"] for row in done.result["assets"])) == (2, pytest.approx(1))
    assert (job.state, job.done) == ("done", job.total)
