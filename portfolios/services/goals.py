"""Setting a portfolio's goals. They say what is wished for and change nothing in its books."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from typing import TYPE_CHECKING, Any

from django.db import transaction
from django.utils import timezone

from activity.services import once, record
from core.errors import DomainError
from core.fields import MONEY_LIMIT
from core.money import UnknownCurrency, minor_units
from portfolios.models import Goal, Portfolio
from portfolios.services.portfolios import NameRequired, NameTooLong
from portfolios.services.terms import NotPositive, check_not_negative
from portfolios.services.trades import PortfolioGone

if TYPE_CHECKING:
    from users.models import User

LONGEST_NAME = 100
MOST_GOALS = 20
MOST_YEARS = 100


class TooManyGoals(DomainError):
    """A portfolio has at most 20 goals."""


class DueAlready(DomainError):
    """The day by which a goal is to be reached lies ahead."""


class DueTooLate(DomainError):
    """A goal is to be reached within 100 years."""


class StartsTooLate(DomainError):
    """A goal starts before the day by which it is to be reached."""


class GoalGone(DomainError):
    """This goal was deleted meanwhile."""


@dataclass(frozen=True, slots=True)
class GoalTerms:
    """``amount`` in ``currency`` by ``due_on``; ``start_on`` is when the way to it began, where somebody says so."""

    name: str
    amount: Decimal
    currency: str
    due_on: date
    start_on: date | None = None


def checked(terms: GoalTerms, *, today: date, known_due: date | None = None) -> dict[str, Any]:
    """The fields of a goal. A ``known_due`` that stays may have passed. Raises what a goal cannot be."""
    name = terms.name.strip()
    if not name:
        raise NameRequired(field="name")
    if len(name) > LONGEST_NAME:
        raise NameTooLong(field="name")
    try:
        minor_units(terms.currency)
    except UnknownCurrency as error:
        raise UnknownCurrency(error.message, field="currency") from error
    check_not_negative(terms.amount, "amount", decimals=4, limit=MONEY_LIMIT)
    if not terms.amount:
        raise NotPositive(field="amount")
    if terms.due_on <= today and terms.due_on != known_due:
        raise DueAlready(field="due_on")
    if terms.due_on.year > today.year + MOST_YEARS:
        raise DueTooLate(field="due_on")
    if terms.start_on is not None and terms.start_on >= terms.due_on:
        raise StartsTooLate(field="start_on")
    return {
        "name": name,
        "amount": terms.amount,
        "currency": terms.currency,
        "due_on": terms.due_on,
        "start_on": terms.start_on,
    }


@transaction.atomic
def add_goal(*, portfolio: Portfolio, terms: GoalTerms, actor: User) -> Goal:
    """Raises what ``checked`` raises, and TooManyGoals."""
    values = checked(terms, today=timezone.now().date())
    if Portfolio.objects.select_for_update().filter(pk=portfolio.pk).first() is None:
        raise PortfolioGone
    if Goal.objects.filter(portfolio=portfolio).count() >= MOST_GOALS:
        raise TooManyGoals
    goal = Goal.objects.create(portfolio=portfolio, created_by=actor, **values)
    record(actor=actor, action="goal.added", subject=goal, data=_told(goal))
    return goal


@transaction.atomic
def enter_goal(*, portfolio: Portfolio, terms: GoalTerms, actor: User, key: str) -> int:
    """``add_goal`` once for a ``key`` of ``actor``; the id of what it made."""
    return once(user=actor, key=key, work=lambda: add_goal(portfolio=portfolio, terms=terms, actor=actor).pk)[0]


@transaction.atomic
def change_goal(*, goal: Goal, actor: User, **changes: Any) -> Goal:
    """Change fields of ``GoalTerms``; what is left out stays. Raises what ``checked`` raises, and GoalGone."""
    goal = _locked(goal)
    before = {name: getattr(goal, name) for name in GoalTerms.__slots__}
    values = checked(GoalTerms(**before | changes), today=timezone.now().date(), known_due=goal.due_on)
    after = {name: value for name, value in values.items() if value != before[name]}
    if after:
        for name, value in after.items():
            setattr(goal, name, value)
        goal.save(update_fields=list(after))
        data = {name: [str(before[name]), str(value)] for name, value in after.items()}
        record(actor=actor, action="goal.changed", subject=goal, data=data)
    return goal


@transaction.atomic
def delete_goal(*, goal: Goal, actor: User) -> None:
    """Raises GoalGone."""
    goal = _locked(goal)
    record(actor=actor, action="goal.deleted", subject=goal, data=_told(goal))
    goal.delete()


def _locked(goal: Goal) -> Goal:
    found = Goal.objects.select_for_update().filter(pk=goal.pk).first()
    if found is None:
        raise GoalGone
    return found


def _told(goal: Goal) -> dict[str, Any]:
    named = {name: str(getattr(goal, name)) for name in ("name", "amount", "currency", "due_on", "start_on")}
    return {"portfolio": goal.portfolio_id, **named}
