"""What a page about one person's or one organisation's money shows: net worth, income and expense, what is where."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from decimal import Decimal
from typing import TYPE_CHECKING, Any, NamedTuple
from urllib.parse import urlencode

import numpy as np
from django.db.models import Q
from django.http import HttpRequest
from django.utils import timezone
from django.utils.translation import gettext, pgettext, pgettext_lazy
from django.utils.translation import gettext_lazy as _

from analytics import charts
from analytics.models import RiskFlag
from analytics.queries.bank import month_ends
from analytics.queries.flows import (
    CategorySum,
    Flows,
    Month,
    by_month,
    cash_of,
    category_tree,
    flows,
    month_end,
    month_of,
    together,
)
from analytics.queries.net_worth import Item, NetWorth, Part, Scope, known_since, scope_of, shown_until, worth_of
from banking.models import Account, Category, Schedule, Section
from banking.models.classification import everybodys, tell_apart
from banking.queries import AccountBalance, account_balances
from banking.queries.upcoming import Upcoming, upcoming
from core.money import minor_units
from core.web import choice
from portfolios.book.performance import months_before
from portfolios.models import CashSetting, PortfolioAccount
from users.day import day_shown
from users.models import Organisation, User, owned_by

if TYPE_CHECKING:
    from django.utils.functional import _StrOrPromise

PARTS = {
    "cash": pgettext_lazy("net worth", "Cash"),
    "investments": _("Investments"),
    "possessions": _("Possessions"),
    "debts": _("Debts"),
}
ROLES = ("part-2", "part-3", "part-4", "part-5")
SPANS = {"1y": _("1 year"), "3y": _("3 years"), "5y": _("5 years"), "all": _("All")}
MONTHS_OF = {"1y": 12, "3y": 36, "5y": 60}
YEAR = 12
MOST_MONTHS = 360  # of “All”: what is drawn and summed for one page
COMING = timedelta(days=30)
TRANSACTIONS = "/banking/transactions/"
SHOWN_FLAGS = 20


class Change(NamedTuple):
    """What net worth has changed by since a day, as an amount and as a fraction of what there was."""

    label: _StrOrPromise
    since: date
    amount: Decimal
    fraction: Decimal | None


class Link(NamedTuple):
    """One of several choices of the page."""

    label: _StrOrPromise
    url: str
    chosen: bool


class MonthRow(NamedTuple):
    key: str
    first: date
    figures: Month
    income: charts.Bar
    expense: charts.Bar
    url: str


class CategoryRow(NamedTuple):
    """``amount`` is positive for what its section is of: income that came in, expense that went out."""

    name: str
    level: int
    amount: Decimal
    bar: charts.SideBar
    url: str


class AccountRow(NamedTuple):
    """``portfolio`` names the one that counts the account's cash as its own."""

    balance: AccountBalance
    portfolio: str
    url: str


@dataclass(frozen=True, slots=True)
class Asked:
    """Whose page it is, and which day, span and month of it; ``given`` are the query's values that links keep."""

    holder: User | Organisation
    past: date | None
    as_of: date
    span: str
    month: str
    given: Mapping[str, str]

    @property
    def currency(self) -> str:
        return self.holder.base_currency

    @property
    def months(self) -> list[str]:
        return [month_of(months_before(self.as_of.replace(day=1), back)) for back in range(YEAR - 1, -1, -1)]

    @property
    def of_a_past_day(self) -> bool:
        return self.past is not None

    def url(self, **changes: str) -> str:
        """The same page with other choices; an empty value takes one back."""
        query = {name: value for name, value in ({**self.given} | changes).items() if value}
        return f"?{urlencode(query)}"


def asked(request: HttpRequest, holder: User | Organisation, *names: str, known: Scope | None = None) -> Asked:
    """``?span=&month=``; the day is the one shown, for now the last one that anything is known of.

    ``known``: what is on the page, where that is more than the holder's own. ``names``: what else links keep.
    """
    past = day_shown(request)
    as_of = past or shown_until(known or scope_of(holder), timezone.now().date())
    given = {name: request.GET[name] for name in ("span", "month", *names) if request.GET.get(name)}
    found = Asked(holder, past, as_of, choice(request, "span", SPANS, "1y"), "", given)
    month = choice(request, "month", found.months, "")
    return Asked(holder, past, as_of, found.span, month, given)


def worth_context(page: Asked) -> dict[str, Any]:
    """Everything of the page; a fixed number of queries."""
    worth = worth_of(page.holder, _days(page), page.currency)
    cash = flows(cash_of(page.holder), date.fromisoformat(f"{page.months[0]}-01"), page.as_of, page.currency)
    return {
        "page": page,
        "currency": page.currency,
        "day": page.as_of,
        **_worth(page, worth),
        **_flows(page, cash),
        "accounts": _accounts(page),
        "coming": _coming(page),
        "flags": _flags(page),
        "missing": sorted({*worth.missing, *cash.missing}),
    }


def worth_chart(title: _StrOrPromise, worth: NetWorth) -> dict[str, Any]:
    values = {part.value: np.array([float(amount) for amount in worth.parts[part]]) for part in Part}
    total = np.array([float(amount) for amount in worth.totals])
    return parts_chart(title, np.array(worth.days, "datetime64[D]"), total, values, worth.currency)


def parts_chart(
    title: _StrOrPromise,
    days: charts.DayArray,
    total: charts.FloatArray,
    parts: dict[str, charts.FloatArray],
    currency: str,
) -> dict[str, Any]:
    """The whole as an area, and each part that is not nothing as a line."""
    lines = [charts.Line(gettext("Net worth"), "portfolio", total, area=True)]
    lines += [
        charts.Line(str(PARTS[part]), role, values)
        for (part, values), role in zip(parts.items(), ROLES, strict=True)
        if values.any()
    ]
    chart = charts.Chart(days, lines, "money", currency, digits=minor_units(currency), scale=False)
    rows = charts.table_rows(chart)
    return {
        "title": title,
        "first": rows[-1][0],
        "last": rows[0][0],
        "lines": lines,
        "unit": chart.unit,
        "currency": currency,
        "digits": chart.digits,
        "json": charts.chart_json(chart),
        "rows": rows,
    }


def transactions_url(holder: User | Organisation | None = None, **query: object) -> str:
    """The list of cash rows, narrowed; with ``holder`` to what is theirs."""
    whose = {} if holder is None else {"organisation": holder.pk if isinstance(holder, Organisation) else 0}
    return f"{TRANSACTIONS}?{urlencode(whose | query)}"


def _days(page: Asked) -> list[date]:
    """The month ends of the span, the day itself, and the same day a month and a year before."""
    months = MONTHS_OF.get(page.span) or _months_since(known_since(scope_of(page.holder), page.as_of), page.as_of)
    return sorted({*month_ends(page.as_of, months + 1), *_compared(page.as_of).values()})


def _months_since(first: date, last: date) -> int:
    return min(max((last.year - first.year) * 12 + last.month - first.month + 1, YEAR), MOST_MONTHS)


def _compared(day: date) -> dict[str, date]:
    return {
        pgettext("net worth", "In a month"): months_before(day, 1),
        pgettext("net worth", "In a year"): months_before(day, YEAR),
    }


def _worth(page: Asked, worth: NetWorth) -> dict[str, Any]:
    totals = dict(zip(worth.days, worth.totals, strict=True))
    now = totals[page.as_of]
    changes = [
        Change(label, day, now - totals[day], (now - totals[day]) / totals[day] if totals[day] > 0 else None)
        for label, day in _compared(page.as_of).items()
    ]
    return {
        "worth_now": now,
        "changes": changes,
        "parts": [(PARTS[part], worth.parts[part][-1]) for part in Part],
        "chart": worth_chart(gettext("Net worth over time"), _at_month_ends(worth)),
        "spans": [Link(label, page.url(span=key), key == page.span) for key, label in SPANS.items()],
        "invested": _of_part(worth, Part.INVESTMENTS),
        "possessions": [row for row in _of_part(worth, Part.POSSESSIONS) if row[1] != 0],
        "empty": not worth.items,
    }


def _at_month_ends(worth: NetWorth) -> NetWorth:
    """Without the days that are there to be compared with."""
    kept = [place for place, day in enumerate(worth.days) if day == month_end(month_of(day)) or day == worth.days[-1]]
    parts = {part: [amounts[place] for place in kept] for part, amounts in worth.parts.items()}
    return NetWorth(worth.currency, [worth.days[place] for place in kept], parts)


def _of_part(worth: NetWorth, part: Part) -> list[tuple[Item, Decimal | None]]:
    return [(item, amounts[-1]) for item, amounts in worth.items if item.part == part]


def _flows(page: Asked, cash: Flows) -> dict[str, Any]:
    months = by_month(cash.rows, page.months)
    chosen = [row for row in cash.rows if not page.month or row.month == page.month]
    firm = None if isinstance(page.holder, User) else page.holder
    known = Category.objects.filter(everybodys() | Q(**owned_by(page.holder)))
    shown = known.only("name", "section", "parent", "owner", "organisation")
    categories = {row.pk: row for row in shown} if cash.rows else {}
    tell_apart(categories.values(), categories.values())
    trees = {section: category_tree(chosen, section, categories) for section in (Section.EXPENSE, Section.INCOME)}
    return {
        "month_rows": _month_rows(page, months),
        "year": together(months.values()),
        "flowing": bool(cash.rows),
        "chosen_month": date.fromisoformat(f"{page.month}-01") if page.month else None,
        "year_url": page.url(month=""),
        "categories": [
            (section, months_of(months, page.month, section), category_rows(page, section, tree))
            for section, tree in trees.items()
        ],
        "firm": firm,
    }


def months_of(months: Mapping[str, Month], month: str, section: Section) -> Decimal:
    """The whole of a section in one month, or in all of them."""
    figures = months[month] if month else together(months.values())
    return figures.income if section == Section.INCOME else figures.expense


def _month_rows(page: Asked, months: Mapping[str, Month]) -> list[MonthRow]:
    figures = list(months.values())
    drawn = charts.bars([float(row.income) for row in figures] + [float(row.expense) for row in figures])
    return [
        MonthRow(key, date.fromisoformat(f"{key}-01"), row, drawn[i], drawn[i + len(figures)], page.url(month=key))
        for i, (key, row) in enumerate(months.items())
    ]


def category_rows(page: Asked, section: Section, tree: Sequence[CategorySum]) -> list[CategoryRow]:
    """Each category with its bar beside the others, and the rows that it is the sum of."""
    sign = -1 if section == Section.EXPENSE else 1
    drawn = charts.side_bars([float(sign * row.amount) for row in tree])
    start = f"{page.month or page.months[0]}-01"
    end = min(page.as_of, month_end(page.month)) if page.month else page.as_of
    found = []
    for row, bar in zip(tree, drawn, strict=True):
        which = {"category": row.pk} if row.pk else {"uncategorised": "on"}
        url = transactions_url(page.holder, section=section.value, **which, start=start, end=end)
        found.append(CategoryRow(row.name, row.level, sign * row.amount, bar, url))
    return found


def _accounts(page: Asked) -> list[AccountRow]:
    """Those that are open on the day, or have something in them; 3 queries."""
    rows = Account.objects.of(page.holder).select_related("employer")
    links = PortfolioAccount.objects.filter(account__in=rows, portfolio__cash=CashSetting.TRACKED)
    within = {
        link.account_id: link.portfolio.name
        for link in links.select_related("portfolio")
        if not link.joined_on or link.joined_on <= page.as_of
    }
    balances = account_balances(rows, page.currency, page.as_of)
    return [
        AccountRow(row, within.get(row.account.pk, ""), transactions_url(account=row.account.pk))
        for row in balances
        if row.balance or _is_open(row.account, page.as_of)
    ]


def _is_open(account: Account, day: date) -> bool:
    return (account.opened_on or date.min) <= day < (account.closed_on or date.max)


def _coming(page: Asked) -> list[Upcoming]:
    """What the holder's accounts pay in the next days by themselves; nothing on a past day's page; 2 queries."""
    if page.of_a_past_day:
        return []
    planned = Schedule.objects.whole().active().filter(source__in=Account.objects.of(page.holder).values("pk"))
    return [one for one in upcoming(planned, timezone.now().date() + COMING) if not one.skipped]


def _flags(page: Asked) -> list[RiskFlag]:
    accounts, portfolios = (owned_by(page.holder), owned_by(page.holder))
    mine = Q(**{f"account__{name}": value for name, value in accounts.items()}, account__isnull=False)
    mine |= Q(**{f"portfolio__{name}": value for name, value in portfolios.items()}, portfolio__isnull=False)
    rows = RiskFlag.objects.lasting().open().seen_by(page.past).filter(mine)
    return list(rows.select_related("account", "portfolio")[:SHOWN_FLAGS])
