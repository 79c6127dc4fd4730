"""Budgets with what was spent on them, in their currency, by month."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from typing import Any, NamedTuple

from django.db.models import Q, Sum
from django.db.models.functions import TruncMonth

from assets.queries import RateMissing, RateTable, rates
from banking.budgeting import MonthOfBudget, Plan, after, first_day, last_day, mean_spent, month_of
from banking.models import Budget, CashSplit, CashTransaction, Category, Section
from banking.models.classification import everybodys
from banking.queries.transactions import below
from core.fields import MONEY_SCALE
from core.money import EXACT, multiply, quantise, total
from users.models import Organisation, User

PROPOSED_FROM = 6  # months
MOST_PROPOSED = 8
Holder = tuple[int | None, int | None]


class Moved(NamedTuple):
    """What was spent on one category in one month and currency from one holder's accounts; negative came back."""

    holder: Holder
    category: int
    month: date
    currency: str
    amount: Decimal


@dataclass(frozen=True, slots=True)
class BudgetMonth:
    """A budget in one month. ``missing``: currencies that were spent and left out for want of an exchange rate."""

    budget: Budget
    figures: MonthOfBudget
    missing: Sequence[str]
    within: Budget | None  # the budget of a category above it, in which this one counts, too

    @property
    def bar(self) -> int:
        """How much of its bar is full, in percent: all of it where nothing is available."""
        used = self.figures.used
        return 100 if used is None else int(min(max(used, Decimal(0)), Decimal(1)) * 100)

    @property
    def marker(self) -> int:
        """Where in the bar the time that has passed stands, in percent."""
        return int(self.figures.share * 100)


@dataclass(frozen=True, slots=True)
class BudgetTotal:
    """The sum of the budgets in one currency, those within another one left out."""

    currency: str
    available: Decimal
    spent: Decimal
    left: Decimal


@dataclass(frozen=True, slots=True)
class Proposal:
    """A category without a budget, and what was spent on it in a mean month, in its holder's currency."""

    category: Category
    amount: Decimal
    currency: str


def budget_months(budgets: Iterable[Budget], month: date, today: date) -> list[BudgetMonth]:
    """Those of ``budgets`` that count in the month that begins on ``month``; at most 4 queries.

    A budget counts the rows and parts of rows until ``today`` of its category and all below, in all accounts of its
    owner but those that are spent for an employer. Amounts in other currencies are converted at the last rate of their
    month, or of today.
    """
    found = [budget for budget in budgets if _plan(budget).counts_in(month)]
    if not found:
        return []
    every = list(_tree(_holder(budget) for budget in found))
    trees = {budget.pk: set(below(budget.category_id, every)) for budget in found}
    first = min(budget.first_month if budget.carries_over else month for budget in found)
    last = min(last_day(month), today)
    moved = _moved({_holder(each) for each in found}, set().union(*trees.values()), first, last)
    codes = {each.currency for each in moved} | {each.currency for each in found}
    table = rates(codes, found[0].currency)
    return [_stated(budget, moved, trees, table, month, today, found) for budget in found]


def totals(found: Iterable[BudgetMonth]) -> list[BudgetTotal]:
    """The sums by currency; no query."""
    groups: dict[str, list[MonthOfBudget]] = defaultdict(list)
    for each in found:
        if each.within is None:
            groups[each.budget.currency].append(each.figures)
    return [
        BudgetTotal(
            currency,
            total(each.available for each in group),
            total(each.spent for each in group),
            total(each.left for each in group),
        )
        for currency, group in sorted(groups.items())
    ]


def proposals(holder: User | Organisation, today: date) -> list[Proposal]:
    """The categories on which most was spent in the last 6 whole months and that no budget covers; 5 queries."""
    this_month = first_day(today)
    first, key = after(this_month, -PROPOSED_FROM), _key(holder)
    every = {each.pk: each for each in _tree([key])}
    budgets = Budget.objects.of(holder).in_month(this_month).values_list("category", flat=True)
    covered = {pk for category in budgets for pk in below(category, every.values())}
    wanted = {pk for pk, each in every.items() if each.section == Section.EXPENSE} - covered
    moved, currency = _moved({key}, wanted, first, last_day(after(this_month, -1))), holder.base_currency
    table = rates({each.currency for each in moved}, currency)
    spent: dict[int, list[Decimal]] = defaultdict(list)
    for each in moved:
        amount = _converted(each, currency, table, today)
        if amount is not None:
            spent[each.category].append(amount)
    means = {pk: quantise(mean_spent(amounts, PROPOSED_FROM), currency) for pk, amounts in spent.items()}
    order = sorted((pk for pk, mean in means.items() if mean > 0), key=lambda pk: -means[pk])
    return [Proposal(every[pk], means[pk], currency) for pk in order[:MOST_PROPOSED]]


def _stated(
    budget: Budget,
    moved: Iterable[Moved],
    trees: dict[int, set[int]],
    table: RateTable,
    month: date,
    today: date,
    others: Iterable[Budget],
) -> BudgetMonth:
    spent: dict[date, Decimal] = defaultdict(Decimal)
    missing = set()
    for each in moved:
        if each.holder != _holder(budget) or each.category not in trees[budget.pk]:
            continue
        amount = _converted(each, budget.currency, table, today)
        if amount is None:
            missing.add(each.currency)
        else:
            spent[each.month] = EXACT.add(spent[each.month], amount)
    within = next((other for other in others if _covers(other, budget, trees)), None)
    return BudgetMonth(budget, month_of(_plan(budget), spent, month, today), sorted(missing), within)


def _covers(other: Budget, budget: Budget, trees: dict[int, set[int]]) -> bool:
    above = other.category_id != budget.category_id and budget.category_id in trees[other.pk]
    return above and _holder(other) == _holder(budget)


def _moved(holders: Collection[Holder], categories: Collection[int], first: date, last: date) -> list[Moved]:
    """Sums by holder, category, month and currency of whole rows and of parts; 2 queries."""
    rows = CashTransaction.objects.standing().filter(_of(holders), category__in=categories)
    parts = CashSplit.objects.filter(
        _of(holders, "transaction__"), category__in=categories, transaction__voided_at__isnull=True
    )
    return _sums(rows, "", first, last) + _sums(parts, "transaction__", first, last)


def _sums(rows: Any, path: str, first: date, last: date) -> list[Moved]:
    account = f"{path}account__"
    found = rows.filter(**{f"{path}booked_on__gte": first, f"{path}booked_on__lte": last}).order_by()
    keys = (f"{account}owner", f"{account}organisation", "category", "month", f"{account}currency")
    sums = found.annotate(month=TruncMonth(f"{path}booked_on")).values_list(*keys).annotate(Sum("amount"))
    return [
        # SQLite sums as float: bring the sum back to the column's scale.
        Moved((owner, firm), category, month, currency, -Decimal(amount).quantize(MONEY_SCALE, context=EXACT))
        for owner, firm, category, month, currency, amount in sums
    ]


def _of(holders: Collection[Holder], path: str = "") -> Q:
    people, firms = {owner for owner, _ in holders if owner}, {firm for _, firm in holders if firm}
    theirs = Q(**{f"{path}account__owner__in": people, f"{path}account__employer__isnull": True})
    return theirs | Q(**{f"{path}account__organisation__in": firms})


def _tree(holders: Iterable[Holder]) -> Any:
    wanted = set(holders)
    people, firms = {owner for owner, _ in wanted if owner}, {firm for _, firm in wanted if firm}
    return Category.objects.filter(everybodys() | Q(owner__in=people) | Q(organisation__in=firms)).order_by()


def _converted(moved: Moved, currency: str, table: RateTable, today: date) -> Decimal | None:
    if moved.currency == currency:
        return moved.amount
    try:
        rate = table.rate(moved.currency, currency, min(last_day(moved.month), today))
    except RateMissing:
        return None
    return quantise(multiply(moved.amount, rate.value), currency)


def _plan(budget: Budget) -> Plan:
    return Plan(budget.amount, budget.currency, budget.first_month, budget.last_month, budget.carries_over)


def _holder(budget: Budget) -> Holder:
    return (budget.owner_id, budget.organisation_id)


def _key(holder: User | Organisation) -> Holder:
    return (None, holder.pk) if isinstance(holder, Organisation) else (holder.pk, None)
