"""What there is to flag, over all portfolios and accounts. A fixed number of queries for each chunk."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import date, timedelta
from decimal import Decimal
from math import isfinite
from typing import Any

from django.conf import settings
from django.db.models import (
    Avg,
    Count,
    Exists,
    F,
    FloatField,
    Max,
    OuterRef,
    Q,
    QuerySet,
    Subquery,
)
from django.db.models.functions import Cast

from analytics.flags import Finding, Limits, Outflows, Position, concentrated, leverage
from analytics.models import FlagKind, Snapshot
from analytics.packing import history
from banking.models import MAY_OWE, Account, AccountKind, BalanceAssertion, CashTransaction, Origin, Transfer
from banking.models.transaction import CashTransactionQuerySet
from banking.queries import checked
from banking.queries.balances import balances_on
from portfolios.models import Portfolio
from portfolios.queries import holdings, totals_of_all

CHUNK = 500
RECENT = timedelta(days=30)  # payments that are looked at
PAST = timedelta(days=365)  # before them: what they are held against


def limits() -> Limits:
    return Limits(
        concentration=settings.FLAG_CONCENTRATION,
        drawdown=settings.FLAG_DRAWDOWN,
        value_at_risk=settings.FLAG_VALUE_AT_RISK,
        deviations=settings.FLAG_OUTFLOW_DEVIATIONS,
        dormant_days=settings.FLAG_DORMANT_DAYS,
    )


def portfolio_findings(portfolios: Sequence[Portfolio], today: date, limit: Limits) -> Iterator[Finding]:
    """Of a chunk of portfolios, from their holdings and newest snapshots."""
    held = holdings(portfolios)
    totals = totals_of_all(portfolios, held)
    for portfolio in portfolios:
        positions = [Position(row.symbol, row.value) for row in held[portfolio.pk] if row.value]
        yield from _of_positions(portfolio, positions, totals[portfolio.pk].total_value, today, limit)
    newest = Snapshot.objects.filter(portfolio=OuterRef("portfolio")).order_by("-as_of").values("as_of")[:1]
    for snapshot in Snapshot.objects.filter(portfolio__in=portfolios, as_of=Subquery(newest)):
        yield from _of_snapshot(snapshot, limit)


def _of_positions(
    portfolio: Portfolio, positions: Sequence[Position], total: Decimal, today: date, limit: Limits
) -> Iterator[Finding]:
    worth = {"total_value": f"{total:f}", "currency": portfolio.base_currency}
    for position, share in concentrated(positions, total, limit.concentration):
        figures = worth | {"asset": position.symbol, "value": f"{position.value:f}"}
        yield Finding(
            FlagKind.CONCENTRATION,
            today,
            share,
            limit.concentration,
            portfolio=portfolio.pk,
            about=position.symbol,
            figures=figures,
        )
    multiple = leverage(positions, total)
    if multiple is not None:
        yield Finding(FlagKind.LEVERAGE, today, multiple, 1.0, portfolio=portfolio.pk, figures=worth)


def _of_snapshot(snapshot: Snapshot, limit: Limits) -> Iterator[Finding]:
    """The fall is the deepest of the last year, or since inception where that is shorter."""
    block = [(snapshot.periods, snapshot.period_layout)] if snapshot.periods is not None else []
    falls = [float(history(block, period, "max_drawdown")[0]) for period in ("year", "inception") if block]
    deepest = next((fall for fall in falls if isfinite(fall)), None)
    subject: dict[str, Any] = {"portfolio": snapshot.portfolio_id, "figures": _seen(snapshot)}
    if deepest is not None and -deepest > limit.drawdown:
        yield Finding(FlagKind.DRAWDOWN, snapshot.as_of, -deepest, limit.drawdown, **subject)
    at_risk = snapshot.value_at_risk
    if at_risk is not None and at_risk > limit.value_at_risk:
        yield Finding(FlagKind.VALUE_AT_RISK, snapshot.as_of, at_risk, limit.value_at_risk, **subject)


def _seen(snapshot: Snapshot) -> dict[str, Any]:
    value = None if snapshot.total_value is None else f"{snapshot.total_value:f}"
    return {"total_value": value, "currency": snapshot.currency, "observations": snapshot.observations}


def account_findings(today: date, limit: Limits) -> Iterator[Finding]:
    """Of all accounts; 8 queries."""
    accounts = Account.objects.filter(closed_on__isnull=True)
    yield from _overdrawn(accounts, today)
    yield from _dormant(accounts, today, limit)
    yield from _unusual(accounts, today, limit)
    yield from _disagreeing()


def _overdrawn(accounts: QuerySet[Account], today: date) -> Iterator[Finding]:
    own = accounts.exclude(kind__in=MAY_OWE)
    currencies = dict(own.values_list("pk", "currency"))
    for pk, [balance] in balances_on(own, [today]).items():
        if balance < 0:
            figures = {"balance": f"{balance:f}", "currency": currencies[pk]}
            yield Finding(FlagKind.OVERDRAWN, today, float(balance), 0.0, account=pk, figures=figures)


def _dormant(accounts: QuerySet[Account], today: date, limit: Limits) -> Iterator[Finding]:
    """Accounts with money in them that nobody has moved for long."""
    idle = accounts.filter(kind__in=(AccountKind.CHECKING, AccountKind.SAVINGS, AccountKind.CASH, AccountKind.EXPENSE))
    since = today - timedelta(days=limit.dormant_days)
    moved = CashTransaction.objects.standing().filter(account=OuterRef("pk"))
    idle = idle.filter(Exists(moved), ~Exists(moved.filter(booked_on__gt=since)))
    newest = Max("transactions__booked_on", filter=Q(transactions__voided_at__isnull=True))
    last = dict(idle.annotate(last=newest).values_list("pk", "last"))
    for pk, [balance] in balances_on(idle, [today]).items():
        if balance and pk in last:
            figures = {"last_booked_on": last[pk].isoformat(), "balance": f"{balance:f}"}
            days = (today - last[pk]).days
            yield Finding(FlagKind.DORMANT, today, days, limit.dormant_days, account=pk, figures=figures)


def _unusual(accounts: QuerySet[Account], today: date, limit: Limits) -> Iterator[Finding]:
    """Payments of the last 30 days beyond what the account's year before them makes usual."""
    recent = _payments(accounts).filter(booked_on__gt=today - RECENT, booked_on__lte=today)
    before = _payments(accounts).filter(booked_on__gt=today - RECENT - PAST, booked_on__lte=today - RECENT)
    paid = Cast(F("amount"), FloatField())
    sums = (
        before.order_by()
        .values_list("account")
        .annotate(payments=Count("pk"), mean=Avg(-paid), mean_square=Avg(paid * paid))
    )
    usual = {account: Outflows._make(found) for account, *found in sums}
    rows = recent.values_list("pk", "account", "amount", "booked_on", "description").order_by("pk")
    for pk, account, amount, day, description in rows.iterator():
        past = usual.get(account)
        most = past.limit(limit.deviations) if past else None
        if past and most is not None and -amount > most:
            figures = {
                "amount": f"{amount:f}",
                "booked_on": day.isoformat(),
                "description": description,
                "mean": past.mean,
                "deviation": past.deviation,
                "payments": past.payments,
            }
            kind = FlagKind.OUTFLOW
            yield Finding(kind, day, float(-amount), most, account=account, about=str(pk), figures=figures)


def _payments(accounts: QuerySet[Account]) -> CashTransactionQuerySet:
    """What left accounts, but not to another account of the same holder."""
    ends = Transfer.objects.filter(sent=OuterRef("pk"))
    same = Q(received__account__owner=F("sent__account__owner")) | Q(
        received__account__organisation=F("sent__account__organisation")
    )
    rows = CashTransaction.objects.standing().filter(account__in=accounts, amount__lt=0, origin=Origin.ENTRY)
    return rows.exclude(Exists(ends.filter(same)))


def _disagreeing() -> Iterator[Finding]:
    for row in checked(BalanceAssertion.objects.standing()):
        if row.difference:
            stated, booked, day = row.assertion.balance, row.booked, row.assertion.day
            figures = {"stated": f"{stated:f}", "booked": f"{booked:f}", "day": day.isoformat()}
            account, about = row.assertion.account_id, str(row.assertion.pk)
            off = float(-row.difference)
            yield Finding(FlagKind.ASSERTION, day, off, 0.0, account=account, about=about, figures=figures)
