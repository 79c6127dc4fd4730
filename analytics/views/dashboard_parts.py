"""What the cards of the Dashboard show, of one portfolio or of all that a person sees together."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from functools import cached_property
from typing import Any

from django.db.models import Q, QuerySet
from django.http import HttpRequest
from django.utils import timezone
from django.utils.translation import gettext_lazy as _
from django.utils.translation import pgettext_lazy

from analytics import charts, queries
from analytics.models import FlagKind, RiskFlag, Snapshot
from analytics.packing import LAYOUTS
from analytics.period_returns import PeriodReturn, fall_of, period_returns
from analytics.queries.daily import Daily, daily, daily_together, stored_periods
from analytics.queries.periods import stored_report
from analytics.wording import chart_worded, worded
from assets.queries import rates
from banking.models import Account
from core.money import minor_units
from core.web import choice
from portfolios.models import Portfolio, PortfolioAccount
from portfolios.queries import Holding, holdings
from portfolios.queries.allocation import DIMENSIONS, Allocation, Convert, Parts, converter, parts_of
from portfolios.queries.day_moves import DayMove, best_and_worst, day_change, day_moves
from portfolios.queries.holdings import latest_rate
from portfolios.queries.totals import CashFacts, Totals, cash_facts, totals_from, totals_together
from portfolios.queries.upcoming_income import sum_of, upcoming_income
from users.models import User

SHAPES = {"donut": _("Donut"), "treemap": _("Treemap")}
LARGEST = 10  # holdings that are shown; the page of holdings has them all
SHOWN_FLAGS = 10
COLOURS = 12  # of slices; a later one has the colour of an earlier
PERIOD_NAMES = {
    "day": _("1 day"),
    "week": _("1 week"),
    "month": _("1 month"),
    "quarter": _("3 months"),
    "ytd": pgettext_lazy("narrow column", "Year to date"),
    "year": _("1 year"),
    "three_years": _("3 years"),
    "five_years": _("5 years"),
    "inception": _("Since inception"),
}
TITLES = {
    "value": _("Value over time"),
    "return": _("Time-weighted return"),
    "drawdown": _("Loss from the highest close"),
}
ANCHORS = {"value": "the-same-money-in-the-benchmark", "return": "time-weighted-return", "drawdown": "max-drawdown"}
# Where somebody looks further, by the kind of a flag about a portfolio.
FLAG_PAGES = {
    FlagKind.CONCENTRATION: "holdings",
    FlagKind.LEVERAGE: "holdings",
    FlagKind.DRAWDOWN: "analytics-history",
    FlagKind.VALUE_AT_RISK: "analytics-var",
}


@dataclass(frozen=True)
class Shown:
    """Which portfolios a dashboard is of: ``one``, or all of ``portfolios`` together in ``currency``.

    ``day`` is the past day at whose close they are shown, None for now. What is read is read once.
    """

    portfolios: Sequence[Portfolio]
    one: Portfolio | None
    currency: str
    day: date | None

    @property
    def key(self) -> str:
        """What ``?portfolio=`` names it by."""
        return str(self.one.pk) if self.one else "all"

    @cached_property
    def every(self) -> dict[int, list[Holding]]:
        """Portfolio id to its holdings, those that were sold included."""
        return holdings(self.portfolios, self.day, include_closed=True)

    @cached_property
    def held(self) -> list[Holding]:
        return [row for portfolio in self.portfolios for row in self.every[portfolio.pk] if row.quantity]

    @cached_property
    def cash(self) -> CashFacts:
        return cash_facts(self.portfolios, self.day)

    @cached_property
    def totals_by_portfolio(self) -> dict[int, Totals]:
        return totals_from(self.portfolios, self.every, self.cash)

    @cached_property
    def totals(self) -> Totals:
        if self.one:
            return self.totals_by_portfolio[self.one.pk]
        return totals_together(self.totals_by_portfolio.values(), self.currency, self.convert)

    @cached_property
    def convert(self) -> Convert:
        """From the portfolios' base currencies; no query where they are the one of the answer."""
        bases = {portfolio.base_currency for portfolio in self.portfolios}
        table = rates(bases, self.currency, self.day or date.max)
        return converter(lambda base: latest_rate(table, base, self.currency, self.day), self.currency)

    @cached_property
    def daily(self) -> Daily:
        if self.one:
            return daily(self.one, as_of=self.day)
        return daily_together(self.portfolios, self.currency, as_of=self.day)

    @cached_property
    def closes(self) -> date | None:
        """The day of the newest price among what is held."""
        return max((row.price_day for row in self.held if row.price_day), default=None)

    @cached_property
    def moves(self) -> list[DayMove]:
        """Each holding's move on the day of the newest price, what was sold then too, in the currency of the answer."""
        if self.closes is None:
            return []
        bases = {portfolio.pk: portfolio.base_currency for portfolio in self.portfolios}
        every = [row for rows in self.every.values() for row in rows]
        found = day_moves(every, bases, self.closes, as_of=self.day)
        return [moved for move in found if (moved := self._converted(move)) is not None]

    def _converted(self, move: DayMove) -> DayMove | None:
        before, amount = self.convert(move.before, move.currency), self.convert(move.amount, move.currency)
        if before is None or amount is None:
            return None
        return DayMove(move.holding, self.currency, before, amount)

    @cached_property
    def parts(self) -> Parts:
        return parts_of(self.portfolios, self.held, self.cash, self.currency, self.convert)


def headline(shown: Shown) -> dict[str, Any]:
    """The totals and the day's change."""
    change = None if shown.closes is None else day_change(shown.moves, shown.closes)
    return {"totals": shown.totals, "day_change": change, "closes": shown.closes}


def movers(shown: Shown) -> dict[str, Any]:
    gains, losses = best_and_worst(shown.moves)
    return {"gains": gains, "losses": losses, "closes": shown.closes}


@dataclass(frozen=True, slots=True)
class PeriodRow:
    """A period's returns; ``figure`` explains the portfolio's, by ``terms`` (of the address)."""

    name: str
    returns: PeriodReturn
    figure: str
    terms: Mapping[str, Any]


def returns(shown: Shown, snapshot: Snapshot | None = None, *, stale: bool = False) -> dict[str, Any]:
    """By period, of one portfolio as they are stored; how far it is below its highest close; why there are none.

    ``snapshot`` is the portfolio's newest, ``stale`` whether it does not show what is so.
    """
    past, stored = shown.daily.past, None
    report = _report(shown, snapshot, stale=stale)
    if report is not None:
        stored = stored_periods(report)
    rows = [
        PeriodRow(str(PERIOD_NAMES[row.key]), row, *_explained(row, shown.day)) for row in period_returns(past, stored)
    ]
    return {
        "rows": rows,
        "benchmark": shown.one.benchmark if shown.one else None,
        "fall": fall_of(past),
        "problem": past.problem,
        "stale": report is not None and report.stale,
    }


def _report(shown: Shown, snapshot: Snapshot | None, *, stale: bool) -> queries.PeriodReport | None:
    if shown.one is None:
        return None
    if shown.day is None and snapshot is not None and snapshot.period_layout in LAYOUTS:
        return stored_report(snapshot, late=stale)
    return queries.period_report(shown.one, as_of=shown.day)


def _explained(row: PeriodReturn, day: date | None) -> tuple[str, dict[str, Any]]:
    figure = "annual_return" if row.annualised else "total_return"
    if row.key in ("day", "week"):  # from the close before the first session
        return figure, {"start": date.fromordinal(row.start.toordinal() - 1), "as_of": row.end}
    return figure, {"period": row.key, "as_of": day}


def value_chart(shown: Shown, request: HttpRequest) -> dict[str, Any] | None:
    """What the card over time shows, or None without a close of what was held."""
    series = shown.daily.values
    if not len(series.days):
        return None
    view, span = choice(request, "view", charts.VIEWS, "value"), choice(request, "span", charts.SPANS, "max")
    benchmark = shown.one.benchmark.name if shown.one and shown.one.benchmark else ""
    digits = minor_units(shown.currency)
    chart = charts.draw(series, view, span, benchmark=benchmark, currency=shown.currency, digits=digits)
    return chart_worded(charts.told(chart)) | {
        "title": TITLES[view],
        "anchor": ANCHORS[view],
        "view": view,
        "views": {key: worded(name) for key, name in charts.VIEWS.items()},
        "span": span,
        "spans": {key: worded(name) for key, name in charts.SPANS.items()},
    }


def allocation(shown: Shown, request: HttpRequest) -> dict[str, Any]:
    """``?by=`` a key of ``DIMENSIONS``, ``?shape=`` one of ``SHAPES``."""
    by, shape = choice(request, "by", DIMENSIONS, "class"), choice(request, "shape", SHAPES, "donut")
    found = shown.parts.by(by)
    roles = [f"part-{place % COLOURS + 1}" if each.known else "part-unknown" for place, each in enumerate(found.slices)]
    arcs: Sequence[charts.Arc | None] = charts.ring([float(max(each.value, Decimal(0))) for each in found.slices])
    return {
        "by": by,
        "dimensions": DIMENSIONS,
        "shape": shape,
        "shapes": SHAPES,
        "slices": list(zip(found.slices, roles, arcs or [None] * len(roles), strict=True)),
        "total": found.total,
        "missing": found.missing,
        "negative": any(part.value < 0 for each in found.slices for part in each.parts),
        "json": _tree(found, roles, shown.currency) if shape == "treemap" else None,
    }


def _tree(found: Allocation, roles: Sequence[str], currency: str) -> dict[str, Any]:
    """What static/treemap.js draws: slices with their parts, as far as they are positive."""
    slices = [
        {
            "name": each.label or str(_("Not known")),
            "role": role,
            "parts": [{"name": part.name, "value": float(part.value)} for part in each.parts if part.value > 0],
        }
        for each, role in zip(found.slices, roles, strict=True)
        if each.value > 0
    ]
    return {"kind": "tree", "currency": currency, "digits": minor_units(currency), "slices": slices}


def income(shown: Shown, reader: User) -> dict[str, Any]:
    """The payments, their sum, and what of it is not confirmed (a sum is None where a rate is missing)."""
    today = timezone.now().date()
    payments = upcoming_income(shown.portfolios, shown.held, shown.currency, today, reader=reader)
    open_ones = [payment for payment in payments if not payment.confirmed]
    return {"payments": payments, "sum": sum_of(payments), "unconfirmed": sum_of(open_ones) if open_ones else None}


@dataclass(frozen=True, slots=True)
class FlagRow:
    """An open flag, and the page where somebody looks further: its name, for ``portfolio`` or ``account``."""

    flag: RiskFlag
    page: str
    portfolio: int | None
    account: int | None


def flags(shown: Shown, reader: User) -> list[FlagRow]:
    """The newest ten open flags of the portfolios and of their accounts that ``reader`` sees; one query, 2 with a flag
    of an account among them: only then it counts which of them are seen."""
    accounts = PortfolioAccount.objects.filter(portfolio__in=shown.portfolios).values("account")
    rows = _open_flags(shown, accounts)
    if any(flag.account_id for flag in rows):
        rows = _open_flags(shown, Account.objects.visible_to(reader).filter(pk__in=accounts).values("pk"))
    return [
        FlagRow(flag, FLAG_PAGES.get(FlagKind(flag.kind), "analytics-risk"), flag.portfolio_id, flag.account_id)
        for flag in rows
    ]


def _open_flags(shown: Shown, accounts: QuerySet[Any, Any]) -> list[RiskFlag]:
    about = Q(portfolio__in=shown.portfolios) | Q(account__in=accounts)
    rows = RiskFlag.objects.open().lasting().filter(about).select_related("portfolio", "account")
    return list(rows[:SHOWN_FLAGS])
