"""The target weights that hold now."""

from __future__ import annotations

from portfolios.models import Portfolio, TargetSet


def targets_of(portfolio: Portfolio) -> TargetSet | None:
    """The newest set with its weights and their assets; None before the first one. 2 queries."""
    return (
        TargetSet.objects.filter(portfolio=portfolio)
        .prefetch_related("weights__asset__exchange")
        .select_related("created_by")
        .order_by("-pk")
        .first()
    )
