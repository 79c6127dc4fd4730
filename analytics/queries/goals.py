"""How far a portfolio is on the way to its goals."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from math import isfinite

from assets.queries import rates
from core.money import multiply, quantise
from portfolios.book.goals import Progress, progress
from portfolios.models import Goal, Portfolio
from portfolios.queries.holdings import latest_rate

HUNDRED, ZERO = Decimal(100), Decimal(0)


@dataclass(frozen=True, slots=True)
class GoalShown:
    """A goal with the portfolio's value in the goal's currency; None where a price or a rate is not known.

    ``annual_return`` is the portfolio's own measured one, at which the second contribution is.
    """

    goal: Goal
    value: Decimal | None
    progress: Progress | None
    annual_return: float | None

    @property
    def bar(self) -> str:
        """The share that is there as the length of a bar of 100, in plain digits."""
        return f"{_within(self.progress.share if self.progress else ZERO):.2f}"

    @property
    def marker(self) -> str:
        """Where on that bar the time stands; empty without a start."""
        gone = self.progress.elapsed if self.progress else None
        return "" if gone is None else f"{_within(gone):.2f}"


def goals_of(portfolio: Portfolio, value: Decimal | None, annual_return: float | None, today: date) -> list[GoalShown]:
    """The portfolio's goals, the next first, at its ``value`` in its base currency; one query, 2 with other currencies.

    An ``annual_return`` of None, or one of -1 or less, gives no contribution at it.
    """
    goals = list(Goal.objects.filter(portfolio=portfolio))
    base = portfolio.base_currency
    worth = _in_currencies(value, base, goals)
    rate = None if annual_return is None or not isfinite(annual_return) else Decimal(str(annual_return))
    return [
        GoalShown(goal, worth[goal.currency], _progress(goal, worth[goal.currency], rate, today), annual_return)
        for goal in goals
    ]


def _progress(goal: Goal, value: Decimal | None, rate: Decimal | None, today: date) -> Progress | None:
    if value is None:
        return None
    return progress(
        value,
        goal.amount,
        goal.currency,
        today=today,
        due_on=goal.due_on,
        start_on=goal.start_on,
        annual_return=rate,
    )


def _in_currencies(value: Decimal | None, base: str, goals: Sequence[Goal]) -> dict[str, Decimal | None]:
    others = {goal.currency for goal in goals} - {base}
    found: dict[str, Decimal | None] = {base: value}
    table = rates(others, base, date.max)
    for currency in others:
        rate = latest_rate(table, base, currency)
        known = value is not None and rate is not None
        found[currency] = quantise(multiply(value, rate), currency) if known else None  # type: ignore[arg-type]
    return found


def _within(share: Decimal) -> Decimal:
    return HUNDRED * min(Decimal(1), max(ZERO, share))
