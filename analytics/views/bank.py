"""The bank administrator's pages: everybody's money, read only. Each look at somebody is written down."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from typing import Any, cast

import numpy as np
from django.contrib import messages
from django.core.paginator import Paginator
from django.db.models import Model, OuterRef, QuerySet, Subquery
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.utils import timezone
from django.utils.translation import gettext_lazy as _
from django.views.decorators.http import require_http_methods, require_safe

from analytics import charts
from analytics.models import BankReport, FlagKind, FlagState, RiskFlag, Snapshot
from analytics.queries.bank import holders, newest_report, year_to
from analytics.queries.net_worth import Part, Scope, known_until, net_worth, total_of
from analytics.services.bank import ask_report, look, look_at
from analytics.services.flags import decide
from analytics.tasks import report_wanted
from analytics.views.worth import PARTS, parts_chart, worth_chart
from banking.models import Account, CashTransaction, Possession, Section
from core.api import PLAIN_INTEGER
from core.errors import DomainError
from core.web import bad_request, only_for
from portfolios.models import Portfolio
from users.day import day_shown
from users.models import OVERSEER, Membership, Organisation, Role, User

A_PAGE, FLAGS, LATEST, TOP = 50, 8, 30, 10
ORDERS = {
    "-total": _("Largest first"),
    "total": _("Smallest first"),
    "name": _("By name"),
    "debts": _("Most debts first"),
}


overseer_needed = only_for(lambda user: bool(user.has_perm(OVERSEER)))  # who may look at everybody's money


@dataclass(frozen=True, slots=True)
class TopCategory:
    """What came in or went out for one thing in the report's months, and how that compares with the largest."""

    section: str
    category: str
    amount: Decimal
    bar: charts.SideBar


@overseer_needed
@require_http_methods(["GET", "HEAD", "POST"])
def overview(request: HttpRequest) -> HttpResponse:
    """Totals, growth, top categories, flags, and everybody by name or worth. A POST has the report computed anew."""
    if request.method == "POST":
        return _compute(request)
    day = day_shown(request)
    report = newest_report(day)
    open_flags = _flags(request).lasting().open().seen_by(day)
    context: dict[str, Any] = {
        "bank_section": "overview",
        "report": report,
        "flags": list(open_flags[:FLAGS]),
        "flag_count": open_flags.count(),
    }
    if report:
        page = _page(request, report)
        context |= {"page": page, "search": request.GET.get("q", ""), "order": _order(request), "orders": ORDERS}
        context |= {"chart": _months_chart(report), "change": _change(report), "categories": _top(report)}
        shown = [*page.object_list, *(flag.subject for flag in context["flags"])]
        look_at(shown, actor=cast("User", request.user), subject=report, page="overview")
    return render(request, "bank/overview.html", context)


@overseer_needed
@require_safe
def person(request: HttpRequest, pk: int) -> HttpResponse:
    """One person's accounts, portfolios and flags."""
    subject = get_object_or_404(User, pk=pk)
    memberships = Membership.objects.filter(user=subject).select_related("organisation")
    return _holder(request, subject, {"owner": subject}, {"memberships": _with_roles(memberships)})


@overseer_needed
@require_safe
def organisation(request: HttpRequest, pk: int) -> HttpResponse:
    """One organisation's."""
    subject = get_object_or_404(Organisation, pk=pk)
    members = Membership.objects.filter(organisation=subject).select_related("user")
    return _holder(request, subject, {"organisation": subject}, {"members": _with_roles(members)})


@overseer_needed
@require_http_methods(["GET", "HEAD", "POST"])
def flags(request: HttpRequest) -> HttpResponse:
    """Every flag; ``?state=`` and ``?kind=`` choose. A POST names a ``flag`` and says its ``state`` and ``note``."""
    if request.method == "POST":
        return _decide(request)
    state = request.GET.get("state", FlagState.OPEN.value)
    kind = request.GET.get("kind", "")
    rows = _flags(request)
    rows = rows.filter(state=state) if state in FlagState.values else rows
    rows = rows.filter(kind=kind) if kind in FlagKind.values else rows
    page = Paginator(rows, A_PAGE).get_page(request.GET.get("page"))
    report = newest_report()
    look_at([flag.subject for flag in page], actor=cast("User", request.user), subject=report, page="flags")
    context = {"page": page, "state": state, "kind": kind, "states": FlagState.choices, "kinds": FlagKind.choices}
    return render(request, "bank/flags.html", context | {"bank_section": "flags", "report": report})


def _decide(request: HttpRequest) -> HttpResponse:
    user, number = cast("User", request.user), request.POST.get("flag", "")
    if not PLAIN_INTEGER.fullmatch(number):
        return bad_request(request)
    flag = get_object_or_404(RiskFlag.objects.editable_by(user), pk=int(number))
    try:
        decide(flag=flag, state=request.POST.get("state", ""), note=request.POST.get("note", ""), actor=user)
        messages.success(request, _("The flag was changed."))
    except DomainError as error:
        messages.error(request, error.message)
    return redirect("bank-flags")


def _compute(request: HttpRequest) -> HttpResponse:
    """Have the report computed anew by a worker."""
    job = ask_report(cast("User", request.user))
    report_wanted(job.pk)
    messages.success(request, _("The report is being computed; the page shows it when it is there."))
    return redirect("bank")


def _flags(request: HttpRequest) -> Any:
    rows = RiskFlag.objects.visible_to(cast("User", request.user))
    ends = ("portfolio__owner", "portfolio__organisation", "account__owner", "account__organisation", "decided_by")
    return rows.select_related(*ends)


def _order(request: HttpRequest) -> str:
    asked = request.GET.get("order", "")
    return asked if asked in ORDERS else "-total"


def _page(request: HttpRequest, report: BankReport) -> Any:
    rows = holders(report, request.GET.get("q", "").strip()[:100]).order_by(_order(request), "pk")
    return Paginator(rows, A_PAGE).get_page(request.GET.get("page"))


def _holder(request: HttpRequest, subject: Model, own: dict[str, Any], more: dict[str, Any]) -> HttpResponse:
    look(actor=cast("User", request.user), subject=subject, page="holder")
    day, today = day_shown(request), timezone.now().date()
    report = newest_report(day)
    currency = report.currency if report else cast("User", request.user).base_currency
    scope = Scope(*(each.objects.filter(**own) for each in (Account, Portfolio, Possession)))  # type: ignore[arg-type]
    days = year_to(known_until(scope, min(day or today, today)))
    worth = total_of(net_worth(scope, days, currency).values(), days, currency)
    about = {f"{path}__{column}": holder for column, holder in own.items() for path in ("account", "portfolio")}
    mine = [_flags(request).seen_by(day).filter(**{path: holder}) for path, holder in about.items()]
    context = {
        "bank_section": "holder",
        "subject": subject,
        "currency": currency,
        "worth": worth,
        "now": worth.totals[-1],
        "parts": [(PARTS[part], worth.parts[part][-1]) for part in Part],
        "items": [(item, PARTS[item.part], amounts[-1]) for item, amounts in worth.items],
        "chart": worth_chart(str(_("Net worth")), worth),
        "own_portfolios": _with_figures(Portfolio.objects.filter(**own), day),
        "transactions": _latest(own, day),
        "flags": [*mine[0], *mine[1]],
    }
    return render(request, "bank/holder.html", context | more)


def _with_roles(rows: QuerySet[Membership]) -> list[tuple[Membership, Role]]:
    return [(row, Role(row.role)) for row in rows]


def _with_figures(portfolios: Any, until: date | None = None) -> list[tuple[Portfolio, Snapshot | None]]:
    """Each portfolio with its newest snapshot, of ``until`` at the latest; 2 queries."""
    rows, kept = list(portfolios), {} if until is None else {"as_of__lte": until}
    last = Snapshot.objects.filter(portfolio=OuterRef("portfolio"), **kept).order_by("-as_of").values("as_of")[:1]
    shots = Snapshot.objects.filter(portfolio__in=rows, as_of=Subquery(last)).defer("periods", "period_problems")
    newest = {shot.portfolio_id: shot for shot in shots}
    return [(portfolio, newest.get(portfolio.pk)) for portfolio in rows]


def _latest(own: dict[str, Any], until: date | None) -> list[CashTransaction]:
    accounts = Account.objects.filter(**own)
    rows = CashTransaction.objects.standing().filter(account__in=accounts, booked_on__lte=until or date.max)
    return list(rows.select_related("account", "category", "counterparty").order_by("-booked_on", "-pk")[:LATEST])


def _months_chart(report: BankReport) -> dict[str, Any]:
    months = report.months
    values = {part: np.array([float(month[part]) for month in months]) for part in PARTS}
    total = np.array([float(month["total"]) for month in months])
    days = np.array([month["day"] for month in months], "datetime64[D]")
    return parts_chart(str(_("Everybody’s net worth")), days, total, values, report.currency)


def _change(report: BankReport) -> dict[str, Decimal | None]:
    """What came in a month, and in the year, as amounts and fractions of what was there."""
    totals = [Decimal(month["total"]) for month in report.months]
    found: dict[str, Decimal | None] = {"now": totals[-1]}
    for name, before in (("month", totals[-2]), ("year", totals[0])):
        found |= {name: totals[-1] - before, f"{name}_return": (totals[-1] - before) / before if before else None}
    return found


def _top(report: BankReport) -> list[TopCategory]:
    """The categories that moved most, expenses first."""
    sums: dict[tuple[str, str], Decimal] = {}
    for _day, section, category, amount in report.categories:
        sums[section, category] = sums.get((section, category), Decimal(0)) + Decimal(amount)
    found = []
    for section in (Section.EXPENSE, Section.INCOME):
        mine = sorted((item for item in sums.items() if item[0][0] == section), key=lambda item: -abs(item[1]))[:TOP]
        drawn = charts.side_bars([float(abs(amount)) for _, amount in mine])
        found += [TopCategory(key[0], key[1], amount, bar) for (key, amount), bar in zip(mine, drawn, strict=True)]
    return found
