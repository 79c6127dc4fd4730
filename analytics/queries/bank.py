"""Sums over everybody, for the bank's report, and the report for its page."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator
from datetime import date, datetime, timedelta
from decimal import Decimal
from typing import NamedTuple

from django.conf import settings
from django.db.models import CharField, Count, QuerySet
from django.db.models.functions import Coalesce

from analytics.models import BankReport, HolderFigures
from analytics.queries.backtests import last_time
from analytics.queries.flows import UNCATEGORISED, flows
from analytics.queries.net_worth import Holder, Scope
from banking.models import Account, CashTransaction, Category, Possession
from portfolios.book.performance import months_before
from portfolios.models import Portfolio
from users.models import Organisation, User

MONTHS = 13
TOGETHER = 250  # people or organisations that are summed at once


def month_ends(today: date, count: int = MONTHS) -> list[date]:
    """The last day of the ``count`` - 1 months before that of ``today``, then ``today``."""
    days, first = [today], today.replace(day=1)
    for _ in range(count - 1):
        days.append(first - timedelta(days=1))
        first = days[-1].replace(day=1)
    return days[::-1]


def year_to(today: date) -> list[date]:
    """The same day a year before, the last day of each month since, but not of that one, and ``today``."""
    return [months_before(today, MONTHS - 1), *month_ends(today)[1:]]


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


def everybody() -> list[Holder]:
    """The people who can log in, and all organisations; 2 queries."""
    people = User.objects.filter(is_active=True).order_by("pk").values_list("pk", flat=True)
    firms = Organisation.objects.order_by("pk").values_list("pk", flat=True)
    return [*(Holder(pk, None) for pk in people), *(Holder(None, pk) for pk in firms)]


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
    names = dict(Category.objects.values_list("pk", "name"))
    sums: dict[tuple[str, str, str], Decimal] = defaultdict(Decimal)
    for row in flows(rows, since, until, currency).rows:
        sums[row.month, row.section, names.get(row.category or 0, UNCATEGORISED)] += row.amount
    return [CategoryMonth(*key, value) for key, value in sorted(sums.items())]


def newest_report(until: date | None = None) -> BankReport | None:
    """The last one that was computed; with ``until`` the one of the last day up to it."""
    if until is None:
        return BankReport.objects.order_by("-computed_at").first()
    return BankReport.objects.filter(as_of__lte=until).order_by("-as_of", "-computed_at").first()


def holders(report: BankReport, search: str = "") -> QuerySet[HolderFigures]:
    """The people and organisations of a report, with ``name``; those whose name holds ``search``."""
    named = Coalesce("owner__username", "organisation__name", output_field=CharField())
    rows = report.holders.select_related("owner", "organisation").annotate(name=named)
    return rows.filter(name__icontains=search) if search else rows
