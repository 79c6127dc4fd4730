"""Sums over everybody, for the bank's report, and the report for its page."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator
from datetime import date, datetime, timedelta
from decimal import Decimal
from typing import Any, NamedTuple

from django.conf import settings
from django.db.models import CharField, Count, F, Q, QuerySet, Sum
from django.db.models.functions import Cast, Coalesce, Substr

from analytics.models import BankReport, HolderFigures
from analytics.queries.backtests import last_time
from analytics.queries.net_worth import Holder, Scope
from assets.queries import RateMissing, rates
from banking.models import Account, CashSplit, CashTransaction, Category, Possession, Section
from core.fields import MONEY_SCALE
from core.money import multiply, quantise
from portfolios.models import Portfolio
from users.models import Organisation, User

MONTHS = 13
TOGETHER = 250  # people or organisations that are summed at once
UNCATEGORISED = "Not categorised"


def month_ends(today: date, count: int = MONTHS) -> list[date]:
    """The last day of the ``count`` - 1 months before that of ``today``, then ``today``."""
    days, first = [today], today.replace(day=1)
    for _ in range(count - 1):
        days.append(first - timedelta(days=1))
        first = days[-1].replace(day=1)
    return days[::-1]


def report_due(now: datetime) -> bool:
    newest = BankReport.objects.order_by("-computed_at").values_list("computed_at", flat=True).first()
    return newest is None or newest < last_time(settings.BANK_REPORT_AT, now)


def scopes() -> Iterator[Scope]:
    """Everybody's things, of some people or organisations at a time."""
    for column, model in (("owner", User), ("organisation", Organisation)):
        ids = list(model.objects.order_by("pk").values_list("pk", flat=True))
        for start in range(0, len(ids), TOGETHER):
            chosen = {f"{column}__in": ids[start : start + TOGETHER]}
            yield Scope(
                Account.objects.filter(**chosen),
                Portfolio.objects.filter(**chosen),
                Possession.objects.filter(**chosen),
            )


def counts(model: type[Account | Portfolio]) -> dict[Holder, int]:
    """How many each holder has; one query."""
    rows = model.objects.order_by().values_list("owner", "organisation").annotate(Count("pk"))
    return {Holder(owner, firm): count for owner, firm, count in rows}


class CategoryMonth(NamedTuple):
    """What came in or went out for one thing in one month, "2026-11"."""

    month: str
    section: str
    category: str
    amount: Decimal


def by_category(rows: QuerySet[CashTransaction], since: date, until: date, currency: str) -> list[CategoryMonth]:
    """Income and expense of ``rows`` by month and category, converted at the month's end; 4 queries.

    What has no exchange rate is left out.
    """
    flowing = Q(section__in=(Section.INCOME, Section.EXPENSE), booked_on__gte=since, booked_on__lte=until)
    chosen = rows.filter(flowing, voided_at__isnull=True)
    whole = _grouped(chosen.filter(splits__isnull=True), "", "section", "category")
    parts = CashSplit.objects.filter(transaction__in=chosen)
    split = _grouped(parts, "transaction__", "transaction__section", "category")
    names = dict(Category.objects.values_list("pk", "name"))
    found = [*whole, *split]
    table = rates({row[3] for row in found}, currency)
    sums: dict[tuple[str, str, str], Decimal] = defaultdict(Decimal)
    for month, section, category, code, amount in found:
        try:
            rate = table.rate(code, currency, min(until, _end(month))).value
        except RateMissing:
            continue
        value = multiply(Decimal(amount).quantize(MONEY_SCALE), rate)
        sums[month, section, names.get(category, UNCATEGORISED)] += value
    return [CategoryMonth(*key, quantise(value, currency)) for key, value in sorted(sums.items())]


def _grouped(rows: QuerySet[Any], path: str, section: str, category: str) -> list[tuple[Any, ...]]:
    month = Substr(Cast(f"{path}booked_on", CharField()), 1, 7)
    grouped = rows.order_by().annotate(month=month, code=F(f"{path}account__currency"))
    return list(grouped.values_list("month", section, category, "code").annotate(Sum("amount")))


def _end(month: str) -> date:
    first = date.fromisoformat(f"{month}-01")
    return (first.replace(day=28) + timedelta(days=4)).replace(day=1) - timedelta(days=1)


def newest_report() -> BankReport | None:
    return BankReport.objects.order_by("-computed_at").first()


def holders(report: BankReport, search: str = "") -> QuerySet[HolderFigures]:
    """The people and organisations of a report, with ``name``; those whose name holds ``search``."""
    named = Coalesce("owner__username", "organisation__name", output_field=CharField())
    rows = report.holders.select_related("owner", "organisation").annotate(name=named)
    return rows.filter(name__icontains=search) if search else rows
