"""Income and expense by month and category, in one currency."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, timedelta
from decimal import Decimal
from typing import Any, NamedTuple

from django.db.models import CharField, F, Q, QuerySet, Sum
from django.db.models.functions import Cast, Substr
from django.utils.translation import gettext

from assets.queries import RateMissing, rates
from banking.models import Account, CashSplit, CashTransaction, Category, Section
from core.fields import MONEY_SCALE
from core.money import multiply, quantise, total
from users.models import Organisation, User

ZERO = Decimal(0)
UNCATEGORISED = "Not categorised"  # as it is stored and sent to programs


class Flow(NamedTuple):
    """What came in or went out (negative) for one category in one month, "2026-11". Category None: not categorised.

    ``account`` is None where accounts are summed together.
    """

    month: str
    section: str
    category: int | None
    account: int | None
    amount: Decimal


@dataclass(frozen=True, slots=True)
class Flows:
    """Sums in ``currency``; ``missing`` names the months and currencies that are left out for want of a rate."""

    currency: str
    rows: Sequence[Flow]
    missing: Sequence[str]


class Month(NamedTuple):
    """Income and expense of one or more months; each is negative where more was paid back than came in or went out."""

    income: Decimal
    expense: Decimal

    @property
    def saved(self) -> Decimal:
        return self.income - self.expense

    @property
    def rate(self) -> Decimal | None:
        """(income − expense) ÷ income, a fraction; None without income."""
        return self.saved / self.income if self.income > 0 else None


@dataclass(slots=True)
class CategorySum:
    """One category with all below it. ``level`` is its depth in the tree, 0 at the top; ``pk`` 0: not categorised."""

    pk: int
    name: str
    level: int
    amount: Decimal
    below: list[CategorySum] = field(default_factory=list)


def flows(
    rows: QuerySet[CashTransaction], since: date, until: date, currency: str, *, by_account: bool = False
) -> Flows:
    """Income and expense of ``rows`` from ``since`` to ``until``, converted at each month's end; 3 queries.

    Transfers are neither. A row that is split counts by its parts.
    """
    flowing = Q(section__in=(Section.INCOME, Section.EXPENSE), booked_on__gte=since, booked_on__lte=until)
    chosen = rows.filter(flowing, voided_at__isnull=True)
    parts = CashSplit.objects.filter(transaction__in=chosen)
    whole = chosen.filter(splits__isnull=True)
    found = [*_grouped(whole, "", by_account), *_grouped(parts, "transaction__", by_account)]
    table = rates({code for *_, code, _ in found}, currency)
    sums: dict[tuple[str, str, int | None, int | None], Decimal] = defaultdict(Decimal)
    missing: set[str] = set()
    for month, section, category, account, code, amount in found:
        try:
            rate = table.rate(code, currency, min(until, month_end(month))).value
        except RateMissing as error:
            missing.add(f"{month}: {error.message}")
            continue
        sums[month, section, category, account] += multiply(Decimal(amount).quantize(MONEY_SCALE), rate)
    ordered = sorted(sums.items(), key=lambda item: tuple(str(part) for part in item[0]))
    return Flows(currency, [Flow(*key, quantise(value, currency)) for key, value in ordered], sorted(missing))


def _grouped(rows: QuerySet[Any], path: str, by_account: bool) -> list[tuple[Any, ...]]:
    """(month, section, category, account or None, currency, amount) of each."""
    month = Substr(Cast(f"{path}booked_on", CharField()), 1, 7)
    grouped = rows.order_by().annotate(month=month, code=F(f"{path}account__currency"))
    names = ["month", f"{path}section", "category", *([f"{path}account"] if by_account else []), "code"]
    sums = grouped.values_list(*names).annotate(Sum("amount"))
    return [(*row[:3], *(row[3:4] if by_account else (None,)), *row[-2:]) for row in sums]


def cash_of(holder: User | Organisation) -> QuerySet[CashTransaction]:
    """The rows of a holder's own accounts, without what is spent for an employer, as in net worth."""
    accounts = Account.objects.of(holder).filter(employer__isnull=True)
    return CashTransaction.objects.filter(account__in=accounts.values("pk"))


def by_month(found: Iterable[Flow], months: Sequence[str]) -> dict[str, Month]:
    """Each of ``months``, those without any rows too."""
    sums: dict[tuple[str, str], Decimal] = defaultdict(Decimal)
    for row in found:
        sums[row.month, row.section] += row.amount
    return {month: Month(sums[month, Section.INCOME], -sums[month, Section.EXPENSE]) for month in months}


def together(months: Iterable[Month]) -> Month:
    """Several months as one."""
    rows = list(months)
    return Month(total(row.income for row in rows), total(row.expense for row in rows))


def category_tree(found: Iterable[Flow], section: str, known: Mapping[int, Category]) -> list[CategorySum]:
    """What ``found`` has of a section by category: each with all below it, the largest first.

    ``known`` has every category of the rows, and those above them.
    """
    own: dict[int, Decimal] = defaultdict(Decimal)
    for row in found:
        if row.section == section:
            own[row.category or 0] += row.amount
    nodes: dict[int, CategorySum] = {}
    tops: list[CategorySum] = []
    for pk, amount in own.items():
        _hang(pk, amount, known, nodes, tops)
    return _sorted(tops, 0)


def _hang(
    pk: int, amount: Decimal, known: Mapping[int, Category], nodes: dict[int, CategorySum], tops: list[CategorySum]
) -> None:
    """Add an amount to a category and to all above it."""
    below: CategorySum | None = None
    seen: set[int] = set()
    while pk not in seen:
        seen.add(pk)
        category = known.get(pk)
        new = pk not in nodes
        node = nodes.setdefault(
            pk, CategorySum(pk, category.label if category else gettext("Not categorised"), 0, ZERO)
        )
        node.amount += amount
        if below is not None and below not in node.below:
            node.below.append(below)
        if category is None or category.parent_id is None:
            if new:
                tops.append(node)
            return
        below, pk = node, category.parent_id


def _sorted(rows: list[CategorySum], level: int) -> list[CategorySum]:
    """The tree as a list, each followed by those below it."""
    found = []
    for row in sorted(rows, key=lambda each: (-abs(each.amount), each.name)):
        row.level = level
        found += [row, *_sorted(row.below, level + 1)]
    return found


def month_end(month: str) -> date:
    """The last day of "2026-11"."""
    first = date.fromisoformat(f"{month}-01")
    return (first.replace(day=28) + timedelta(days=4)).replace(day=1) - timedelta(days=1)


def month_of(day: date) -> str:
    return f"{day:%Y-%m}"
