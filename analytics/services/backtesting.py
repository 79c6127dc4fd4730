"""Testing the value at risk of portfolios against what happened, and storing the result of each night."""

from __future__ import annotations

import logging
from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Any

from django.conf import settings
from django.db import DataError, IntegrityError, transaction
from django.db.models import Exists, OuterRef, Q, QuerySet
from django.db.models.functions import TruncMonth
from django.utils import timezone

from analytics import queries
from analytics.backtests import Backtest, Plan, backtests, refused
from analytics.models import Basis, VarBacktest
from analytics.performance import PortfolioFacts
from analytics.queries.backtests import VERSIONS, BacktestInputs
from core import bulk
from core.errors import DomainError
from portfolios.models import Portfolio

log = logging.getLogger(__name__)

UNIQUE = ("portfolio", "as_of", "basis", "method", "level", "days")
RESULT = ("window", "expected", "exceptions", "zone", "first_day", "last_day", "exceeded", "problem")
TESTS = ("kupiec", "independence", "joint")
STATISTICS = tuple(f"{test}_{part}" for test in TESTS for part in ("statistic", "p_value"))
COLUMNS = (*UNIQUE, *RESULT, *STATISTICS, *VERSIONS, "computed_at")


def backtest(portfolio_ids: Sequence[int], *, only_due: bool = True) -> int:
    """Test the value at risk of portfolios and store the results; returns how many portfolios were tested.

    Safe to run twice, at once or out of order: results of older facts never take the place of newer ones. With
    ``only_due``, those that were tested this night, or of which nothing has changed, are left alone. A portfolio whose
    facts cannot be computed does not hold up the others.
    """
    try:
        return _backtest(portfolio_ids, only_due)
    except (ArithmeticError, ValueError, DomainError, DataError, IntegrityError):
        if len(portfolio_ids) <= 1:
            log.exception("the value at risk of portfolio %s cannot be tested", *portfolio_ids)
            return 0
        log.warning("a chunk of %d portfolios cannot be tested; trying its halves", len(portfolio_ids))
    half = len(portfolio_ids) // 2
    return sum(backtest(part, only_due=only_due) for part in (portfolio_ids[:half], portfolio_ids[half:]))


def _backtest(portfolio_ids: Sequence[int], only_due: bool) -> int:
    at, plan = timezone.now(), queries.plan()
    chosen: QuerySet[Portfolio] = Portfolio.objects.filter(pk__in=portfolio_ids)
    if only_due:
        chosen = queries.backtests_due(at, chosen)
    chunk = queries.backtest_inputs(list(chosen.values_list("pk", flat=True)), longest=plan.longest)
    if not chunk.portfolios:
        return 0
    found = _tested(chunk, plan)
    rows = [
        _row(facts, chunk, basis, result, plan.window, at)
        for facts in chunk.portfolios
        for basis in Basis.values
        for result in found[facts.pk, basis]
    ]
    with transaction.atomic():
        bulk.upsert(VarBacktest, COLUMNS, rows, unique=UNIQUE, newer=VERSIONS)
        _drop_outdated(chunk)
        _thin_out(chunk)
    return len(chunk.portfolios)


def _tested(chunk: BacktestInputs, plan: Plan) -> dict[Any, list[Backtest]]:
    """Portfolio id and basis to each backtest of the plan."""
    found: dict[Any, list[Backtest]] = {}
    found |= {key: refused(plan, problem) for key, problem in chunk.problems.items()}
    for basis in Basis.values:
        found |= backtests({key: returns for key, returns in chunk.histories.items() if key[1] == basis}, plan)
    for facts in chunk.portfolios:
        for basis in Basis.values:  # deleted while it was read
            found.setdefault((facts.pk, basis), [])
    return found


def _row(
    facts: PortfolioFacts, chunk: BacktestInputs, basis: str, result: Backtest, window: int, at: datetime
) -> tuple[Any, ...]:
    """A backtest's columns in the order of COLUMNS."""
    exceeded = [[each.day.isoformat(), each.forecast, each.loss] for each in result.exceeded]
    identity = (facts.pk, chunk.as_of[facts.pk], basis, result.method, str(result.level), result.days)
    span = (result.zone, result.first_day, result.last_day)
    outcome = (window, result.expected, result.exceptions, *span, exceeded, result.problem[:300])
    tests = (result.coverage, result.independence, result.joint)
    statistics = (part for test in tests for part in (test or (None, None)))
    return (*identity, *outcome, *statistics, *facts[1:4], at)


def _drop_outdated(chunk: BacktestInputs) -> None:
    """Remove what would pass for newer than the tests of ``chunk`` although it follows from older facts.

    Of later days: the last trade was voided since, or the bar was. Of the same day: a method, level or length that is
    no more tested.
    """
    versions = {facts.pk: facts[1:4] for facts in chunk.portfolios}
    known = VarBacktest.objects.filter(portfolio__in=versions, as_of__gte=min(chunk.as_of.values()))
    outdated = Q()
    for pk, day, *read in known.order_by().values_list("portfolio_id", "as_of", *VERSIONS).distinct():
        tested, now = chunk.as_of[pk], versions[pk]
        if (day > tested and tuple(read) <= now) or (day == tested and tuple(read) < now):
            outdated |= Q(portfolio=pk, as_of=day, **dict(zip(VERSIONS, read, strict=True)))
    if outdated:
        VarBacktest.objects.filter(outdated).delete()


def _thin_out(chunk: BacktestInputs) -> None:
    """Of the nights before: no lists, and of those before VAR_HISTORY_DAYS the last of each month alone."""
    kept_from = max(chunk.as_of.values()) - timedelta(days=settings.VAR_HISTORY_DAYS)
    known = VarBacktest.objects.filter(portfolio__in=[facts.pk for facts in chunk.portfolios])
    later = VarBacktest.objects.filter(portfolio=OuterRef("portfolio"), as_of__gt=OuterRef("as_of"))
    known.filter(Exists(later), as_of__gte=kept_from).exclude(exceeded=[]).update(exceeded=[])
    old = known.filter(as_of__lt=kept_from)
    same_month = later.annotate(month=TruncMonth("as_of")).filter(month=OuterRef("month"))
    old.annotate(month=TruncMonth("as_of")).filter(Exists(same_month)).delete()
    old.exclude(exceeded=[]).update(exceeded=[])
