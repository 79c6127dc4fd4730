"""Optimisations as background work: asked for, claimed by a worker, computed in steps, and stored once."""

from __future__ import annotations

import logging
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from django.db import transaction
from django.db.models import F
from django.utils import timezone

from activity.models import Job, JobState
from activity.services import advance_job, finish_job, note_job, plan_job, start_job
from analytics.models import OptimisationRun
from analytics.optimiser import MOST_ASSETS, Terms, TermsRefused, checked_terms, outcome, steps
from analytics.queries.universe import further_assets, universe
from analytics.queries.versions import with_versions
from core.errors import DomainError
from portfolios.models import Portfolio
from portfolios.queries.totals import UNCLASSIFIED
from users.models import User

log = logging.getLogger(__name__)
KIND = "optimisation"
LEASE = timedelta(seconds=60)  # renewed with every step, of which the longest takes a few seconds
MOST_UNFINISHED = 5  # of one person
MOST_ATTEMPTS = 3
FAILED = "The optimisation failed unexpectedly; what happened is in the server's log."
LOST = f"Its worker was lost {MOST_ATTEMPTS} times."


class TooManyRuns(DomainError):
    """Several optimisations of yours are under way; wait for one of them to end."""


class RunLost(Exception):
    """Another worker has taken the run over."""


@dataclass(frozen=True, slots=True)
class Claim:
    """The right to write the outcome of one run, for as long as its fence is this one."""

    run_id: int
    fence: int


@transaction.atomic
def request_optimisation(*, portfolio: Portfolio, actor: User, terms: Terms) -> OptimisationRun:
    """Store an optimisation to be run by a worker.

    Raises TermsRefused for terms that make no sense, and TooManyRuns.
    """
    checked_terms(terms)
    if terms.as_of and terms.as_of > timezone.now().date() + timedelta(days=1):  # somewhere it is tomorrow already
        raise TermsRefused("This day has not come yet.", field="as_of")
    if terms.as_of is None:  # what was held on another day is found out by the worker
        _check_names(portfolio, terms)
    # The person's row is the lock: two requests at once are counted one after the other.
    User.objects.select_for_update().get(pk=actor.pk)
    if OptimisationRun.objects.filter(asked_by=actor).unfinished().count() >= MOST_UNFINISHED:
        raise TooManyRuns
    job = start_job(owner=actor, kind=KIND, total=0)
    return OptimisationRun.objects.create(
        portfolio=portfolio, asked_by=actor, job=job, objective=terms.objective, terms=terms.to_json()
    )


def _check_names(portfolio: Portfolio, terms: Terms) -> None:
    """Refuse what names no candidate, while whoever asks is still there; 2 queries."""
    held = portfolio.investments.exclude(quantity=0).values_list("asset__symbol", "asset__sector")
    known = dict(held) | {asset.symbol: asset.sector for asset in further_assets(terms.extra)}
    if not known:
        raise TermsRefused("Nothing is held, and no further asset is named: there is nothing to choose among.")
    if len(known) > MOST_ASSETS:
        raise TermsRefused(
            "At most {most_assets} assets can be optimised together.", most_assets=MOST_ASSETS, field="extra"
        )
    for field, name in terms.named:
        if name not in known:
            raise TermsRefused("{name} is neither held nor among the further assets.", name=name, field=field)
    sectors = {sector or UNCLASSIFIED for sector in known.values()}
    for limit in terms.sectors:
        if limit.sector not in sectors:
            raise TermsRefused("No asset is in the sector “{sector}”.", sector=limit.sector, field="sectors")


def waiting(now: datetime) -> list[int]:
    """The runs that no worker has or that one has lost, the oldest first."""
    return list(OptimisationRun.objects.claimable(now).order_by("pk").values_list("pk", flat=True))


def run_optimisation(run_id: int, *, now: datetime) -> None:
    """Compute a run and store what came out, unless it is over or somebody works on it.

    Safe to call twice or at once: the second finds it claimed. A run whose worker was killed is claimed again once its
    lease has ended, and computed anew.
    """
    claim = _claim(run_id, now)
    if claim is None:
        return
    run = OptimisationRun.objects.select_related("portfolio", "job").get(pk=run_id)
    try:
        if claim.fence > MOST_ATTEMPTS:
            _store(claim, message=LOST)
            return
        _store(claim, found=_computed(claim, run))
    except RunLost:
        log.warning("optimisation %d was taken over; nothing was written", run_id)
    except DomainError as error:
        _store(claim, message=error.message, about=error.field)
    except Exception:
        _store(claim, message=FAILED)
        raise


@transaction.atomic
def _claim(run_id: int, now: datetime) -> Claim | None:
    rows = OptimisationRun.objects.filter(pk=run_id)
    taken = rows.claimable(now).update(state=JobState.RUNNING, fence=F("fence") + 1, lease_until=now + LEASE)
    return Claim(run_id, rows.values_list("fence", flat=True).get()) if taken else None


def _computed(claim: Claim, run: OptimisationRun) -> dict[str, Any]:
    """The result with the versions it was computed from, which are read before everything else."""
    terms = Terms.from_json(run.terms)
    read = _versions(run.portfolio_id)
    job: Job | None = run.job
    if job:
        note_job(job.pk, "Reading the history")
    found = universe(run.portfolio, extra=terms.extra, as_of=terms.as_of)
    if job:
        plan_job(job.pk, steps(terms, found))

    def told(step: str) -> None:
        if not _renewed(claim):
            raise RunLost
        if job:
            advance_job(job.pk)
            note_job(job.pk, f"Done: {step}")

    result = outcome(terms, found, told)
    window = result["window"]
    figures = {"window_start": window["start"], "window_end": window["end"], "observations": window["observations"]}
    return {"result": result, "as_of": found.as_of} | figures | read


def _versions(portfolio_id: int) -> dict[str, int]:
    known: Any = with_versions(Portfolio.objects.filter(pk=portfolio_id)).get()  # annotated
    return {
        "portfolio_version": known.version,
        "accounts_version": known.accounts_version,
        "price_version": known.price_version,
    }


def _renewed(claim: Claim) -> bool:
    """Whether the run is still this worker's."""
    return bool(_of(claim).update(lease_until=timezone.now() + LEASE))


@transaction.atomic
def _store(claim: Claim, *, found: dict[str, Any] | None = None, message: str = "", about: str = "") -> None:
    """End the run and its job together, unless another worker has it by now."""
    state = JobState.DONE if found else JobState.FAILED
    ended = {"state": state, "message": message, "about": about, "lease_until": None, "finished_at": timezone.now()}
    if not _of(claim).update(**ended, **(found or {})):
        log.warning("optimisation %d was taken over; nothing was written", claim.run_id)
        return
    job_id = OptimisationRun.objects.values_list("job_id", flat=True).get(pk=claim.run_id)
    if job_id:
        finish_job(job_id, result={"run": claim.run_id}, error=message)


def _of(claim: Claim) -> Any:
    return OptimisationRun.objects.filter(pk=claim.run_id, fence=claim.fence, state=JobState.RUNNING)
