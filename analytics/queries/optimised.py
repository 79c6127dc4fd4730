"""The weights that an optimisation of a portfolio found."""

from __future__ import annotations

from collections.abc import Mapping
from decimal import ROUND_FLOOR, Decimal, InvalidOperation

from activity.models import JobState
from analytics.models import OptimisationRun
from core.errors import DomainError
from core.money import EXACT, divide, total
from portfolios.models import Portfolio

WEIGHT = Decimal("1e-10")
MOST = Decimal("1.01")
MOST_RUNS = 20


class RunUnknown(DomainError):
    """This portfolio has no finished optimisation with this number."""


def weights_of_run(portfolio: Portfolio, run_id: int) -> dict[str, Decimal]:
    """Symbol to its share of what is invested, those of nothing left out; one query. Raises RunUnknown."""
    runs = OptimisationRun.objects.filter(portfolio=portfolio, pk=run_id)
    found = runs.values_list("result", flat=True).first()
    try:
        weights = {symbol: Decimal(str(weight)) for symbol, weight in (found or {})["weights"].items()}
    except (KeyError, TypeError, AttributeError, InvalidOperation) as error:
        raise RunUnknown(field="run") from error
    if not all(weight.is_finite() for weight in weights.values()):
        raise RunUnknown(field="run")
    return {symbol: weight for symbol, weight in _within_one(weights).items() if weight}


def finished_runs(portfolio: Portfolio) -> list[OptimisationRun]:
    """The newest optimisations that found weights; one query."""
    runs = OptimisationRun.objects.filter(portfolio=portfolio, state=JobState.DONE).defer("result", "terms")
    return list(runs.order_by("-pk")[:MOST_RUNS])


def _within_one(weights: Mapping[str, Decimal]) -> dict[str, Decimal]:
    """``weights`` with 10 decimals; where rounding made them add up to a little more than 1, they add up to 1."""
    added = total(weights.values())
    whole = added if 1 < added < MOST else Decimal(1)
    return {
        symbol: divide(weight, whole).quantize(WEIGHT, rounding=ROUND_FLOOR, context=EXACT)
        for symbol, weight in weights.items()
    }
