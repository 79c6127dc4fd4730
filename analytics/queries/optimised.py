"""The weights that an optimisation of a portfolio found."""

from __future__ import annotations

from decimal import Decimal, InvalidOperation
from typing import Any

from django.apps import apps

from core.errors import DomainError
from core.money import EXACT
from portfolios.models import Portfolio

WEIGHT = Decimal("1e-10")


class RunUnknown(DomainError):
    """This portfolio has no finished optimisation with this number."""


def weights_of_run(portfolio: Portfolio, run_id: int) -> dict[str, Decimal]:
    """Symbol to weight, those of nothing left out; one query. Raises RunUnknown."""
    model = apps.get_app_config("analytics").models.get("optimisationrun")
    if model is None:
        raise RunUnknown(field="run")
    runs: Any = model._default_manager  # noqa: SLF001  Django's documented name
    found = runs.filter(portfolio=portfolio, pk=run_id).values_list("result", flat=True).first()
    try:
        weights = {symbol: Decimal(str(weight)) for symbol, weight in (found or {})["weights"].items()}
    except (KeyError, TypeError, AttributeError, InvalidOperation) as error:
        raise RunUnknown(field="run") from error
    rounded = {symbol: weight.quantize(WEIGHT, context=EXACT) for symbol, weight in weights.items()}
    return {symbol: weight for symbol, weight in rounded.items() if weight}
