"""Recomputing portfolios and storing the result: one snapshot for each, never an older one over a newer."""

from __future__ import annotations

import logging
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any
from uuid import UUID

from django.db import DataError, IntegrityError, transaction
from django.db.models import F
from django.utils import timezone

from activity.models import Job
from activity.services import finish_job
from analytics import queries
from analytics.figures import FIGURES, Outcome, since_inception
from analytics.models import Snapshot
from analytics.packing import CURRENT, pack
from analytics.performance import Inputs, PortfolioFacts, Series, series_of
from analytics.queries import Money
from analytics.windows import windows_of
from core import bulk
from core.errors import DomainError
from portfolios.services.payments import match_payments
from portfolios.services.rates import follow_rates

log = logging.getLogger(__name__)

KIND = "recompute"  # of the jobs that have all portfolios computed
VERSIONS = ("portfolio_version", "accounts_version", "price_version")
MONEY = ("market_value", "invested", "cash", "total_value", "realised_gain")
WINDOW = ("window_start", "window_end", "observations")
FIELDS = ("portfolio", "as_of", *VERSIONS, "currency", *MONEY, "benchmark_symbol", *WINDOW, *FIGURES)
PERIODS = ("sessions_a_year", "periods", "period_layout", "period_problems")
COLUMNS = (*FIELDS, "problems", *PERIODS, "computed_at")


@dataclass(frozen=True, slots=True)
class _Result:
    """One portfolio's figures since inception, and those of every period in the order of PERIODS."""

    outcome: Outcome
    periods: tuple[Any, ...]


def recompute(portfolio_ids: Sequence[int], *, only_stale: bool = False) -> int:
    """Compute the figures of portfolios from their facts and store a snapshot of each; returns how many.

    Books whose exchange rates have changed since they were folded are brought in line first, and cash that is the
    payment of a dividend is matched with it.
    Safe to run twice, at once or out of order: the result follows from the facts alone. With ``only_stale``, those
    whose snapshot is up to date are left alone. A portfolio whose facts cannot be computed does not hold up the others.
    """
    try:
        return _recompute(portfolio_ids, only_stale)
    except (ArithmeticError, ValueError, DomainError, DataError, IntegrityError):
        if len(portfolio_ids) <= 1:
            log.exception("portfolio %s cannot be recomputed", *portfolio_ids)
            return 0
        log.warning("a chunk of %d portfolios cannot be recomputed; trying its halves", len(portfolio_ids))
    half = len(portfolio_ids) // 2
    return sum(recompute(part, only_stale=only_stale) for part in (portfolio_ids[:half], portfolio_ids[half:]))


def _recompute(portfolio_ids: Sequence[int], only_stale: bool) -> int:
    at = timezone.now()  # before the facts: what comes due on a later day is then missing from them
    follow_rates(portfolio_ids)
    match_payments(portfolio_ids)
    chunk = queries.inputs(portfolio_ids, only_stale=only_stale)
    if not chunk.portfolios:
        return 0
    results: dict[int, _Result] = {}
    for series in series_of(chunk):
        results |= _results(chunk, series)
    money = queries.money(chunk)
    rows = [
        _row(chunk, portfolio, results[row], money[portfolio.pk], at)
        for row, portfolio in enumerate(chunk.portfolios)
        if portfolio.pk in money  # else it was deleted meanwhile
    ]
    with transaction.atomic():
        bulk.upsert(Snapshot, COLUMNS, rows, unique=("portfolio", "as_of"), newer=VERSIONS)
        _drop_later(chunk, {portfolio: amounts.as_of for portfolio, amounts in money.items()})
    return len(rows)


def _results(chunk: Inputs, series: Series) -> dict[int, _Result]:
    """The results of the portfolios of ``series`` by their place in the chunk."""
    found = windows_of(chunk, series)
    sessions = series.grid.periods
    stored = zip(pack(found), found.problems, strict=True)
    periods = [(sessions, block, CURRENT, problems or None) for block, problems in stored]
    results = map(_Result, since_inception(chunk, series, found), periods)
    return dict(zip(series.rows.tolist(), results, strict=True))


def _row(chunk: Inputs, portfolio: PortfolioFacts, result: _Result, money: Money, at: datetime) -> tuple[Any, ...]:
    """A snapshot's columns in the order of COLUMNS."""
    benchmark = chunk.market.facts[portfolio.benchmark_id].symbol if portfolio.benchmark_id else ""
    versions = (portfolio.portfolio_version, portfolio.accounts_version, portfolio.price_version)
    amounts = (getattr(money, name) for name in MONEY)
    outcome = result.outcome
    figures = (outcome.figures[name] for name in FIGURES)
    window = (outcome.start, outcome.end, outcome.observations)
    problems = money.problems | outcome.problems
    identity = (portfolio.pk, money.as_of, *versions, portfolio.base)
    return (*identity, *amounts, benchmark, *window, *figures, problems, *result.periods, at)


def _drop_later(chunk: Inputs, as_of: dict[int, date]) -> None:
    """Remove snapshots of later days that follow from older facts: their last trade was voided, or the bar was.

    The first version that differs says which are older, as in ``upsert``: one that comes later falls where the account
    or the benchmark that it was read of goes, which moves the portfolio's own.
    """
    later = Snapshot.objects.filter(portfolio__in=as_of, as_of__gt=min(as_of.values(), default=date.max))
    versions = {portfolio.pk: portfolio[1:4] for portfolio in chunk.portfolios}
    outdated = [
        pk
        for pk, portfolio, day, *read in later.values_list("pk", "portfolio_id", "as_of", *VERSIONS)
        if day > as_of[portfolio] and tuple(read) <= versions[portfolio]
    ]
    if outdated:
        Snapshot.objects.filter(pk__in=outdated).delete()


def chunks(portfolio_ids: Sequence[int], size: int) -> Iterator[list[int]]:
    """The ids in portions of ``size``, for a task each."""
    for start in range(0, len(portfolio_ids), size):
        yield list(portfolio_ids[start : start + size])


def finish_if_done(job_id: UUID) -> None:
    """End the job once all of its portfolios are counted."""
    if Job.objects.filter(pk=job_id, done__gte=F("total")).exists():
        finish_job(job_id)
