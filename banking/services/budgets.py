"""Keeping budgets: one at a time for each category of an owner."""

from __future__ import annotations

from datetime import date
from decimal import Decimal
from typing import Any

from django.db import transaction
from django.db.models import Q
from django.utils.translation import gettext as _

from activity.services import record
from banking.budgeting import first_day
from banking.models import Budget, Category, Section
from banking.services.rule_changes import lock_holder
from banking.services.transactions import CategoryOfAnother, SectionOfAnother
from core.errors import DomainError, Gone
from core.fields import MONEY_LIMIT
from core.money import minor_units, quantise
from users.models import Organisation, User, owned_by

EARLIEST, LATEST = date(1970, 1, 1), date(2200, 1, 1)
CHANGEABLE = ("amount", "first_month", "last_month", "carries_over")


class BudgetNotMoney(DomainError):
    """A budget is an amount above 0, in whole minor units of its currency."""


class BudgetTaken(DomainError):
    """There is a budget for this category in these months already: change that, or end it before."""


class BadMonths(DomainError):
    """A budget's months lie between 1970 and 2200, and the last is not before the first."""


@transaction.atomic
def create_budget(
    *,
    holder: User | Organisation,
    category: Category,
    amount: Decimal,
    first_month: date,
    actor: User | None,
    currency: str = "",
    last_month: date | None = None,
    carries_over: bool = False,
) -> Budget:
    """A budget in ``currency``, the holder's own when empty, for whole months, each named by any of its days.

    Raises BudgetNotMoney, BudgetTaken, BadMonths, CategoryOfAnother, SectionOfAnother, UnknownCurrency.
    """
    lock_holder(holder)
    budget = Budget(
        **owned_by(holder),
        category=category,
        amount=amount,
        currency=currency or holder.base_currency,
        first_month=first_day(first_month),
        last_month=last_month and first_day(last_month),
        carries_over=carries_over,
    )
    _check(budget)
    budget.save(force_insert=True)
    record(actor=actor, action="budget.created", subject=budget, data=_said(budget))
    return budget


@transaction.atomic
def change_budget(*, budget: Budget, actor: User | None, **changes: Any) -> Budget:
    """Change amount, months or ``carries_over``, for all its months. Raises Gone and what ``create_budget`` raises."""
    budget = _locked(budget)
    before = _said(budget)
    for name, value in changes.items():
        setattr(budget, name, first_day(value) if isinstance(value, date) else value)
    if (after := _said(budget)) == before:
        return budget
    _check(budget)
    budget.save(update_fields=CHANGEABLE)
    record(actor=actor, action="budget.changed", subject=budget, data={"from": before, "to": after})
    return budget


@transaction.atomic
def delete_budget(*, budget: Budget, actor: User | None) -> None:
    """Raises Gone."""
    budget = _locked(budget)
    record(actor=actor, action="budget.deleted", subject=budget, data=_said(budget))
    budget.delete()


def _locked(budget: Budget) -> Budget:
    lock_holder(budget.holder)
    whole = Budget.objects.select_related("category", "owner", "organisation")
    found: Budget | None = whole.filter(pk=budget.pk).first()
    if found is None:
        raise Gone(_("This budget was deleted meanwhile."))
    return found


def _check(budget: Budget) -> None:
    digits, amount = minor_units(budget.currency), budget.amount
    if not amount.is_finite() or not 0 < amount < MONEY_LIMIT or quantise(amount, budget.currency) != amount:
        raise BudgetNotMoney(
            _("A budget is an amount above 0 with at most %(number)s decimals.") % {"number": digits}, field="amount"
        )
    category = budget.category
    if not (category.is_everybodys or category.belongs_with(budget)):
        raise CategoryOfAnother(_("A budget is for a category of its owner."), field="category")
    if category.section != Section.EXPENSE:
        raise SectionOfAnother(_("A budget is for a category of expenses."), field="category")
    _check_months(budget)


def _check_months(budget: Budget) -> None:
    first, last = budget.first_month, budget.last_month
    if not EARLIEST <= first < LATEST:
        raise BadMonths(field="first_month")
    if last and not first <= last < LATEST:
        raise BadMonths(field="last_month")
    others = Budget.objects.belonging_with(budget).filter(category=budget.category).exclude(pk=budget.pk)
    others = others.filter(Q(last_month__isnull=True) | Q(last_month__gte=first))
    if (others.filter(first_month__lte=last) if last else others).exists():
        raise BudgetTaken(field="category")


def _said(budget: Budget) -> dict[str, Any]:
    """The budget, for the audit trail."""
    return {
        "category": budget.category_id,
        "amount": f"{budget.amount:f}",
        "currency": budget.currency,
        "first_month": budget.first_month.isoformat(),
        "last_month": budget.last_month.isoformat() if budget.last_month else None,
        "carries_over": budget.carries_over,
    }
