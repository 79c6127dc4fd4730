"""Accounts with what is in them, in their own currency and in another."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from decimal import Decimal

from django.db.models import Max, Min, Sum

from assets.queries import Rate, RateMissing, RateTable, rates
from banking.models import MAY_OWE, Account, AccountKind, CashTransaction
from core.fields import MONEY_SCALE
from core.money import EXACT, multiply, quantise, total
from users.models import Organisation, User

# Less than nothing is what these are for; what an employee has spent is owed by the employer.


@dataclass(frozen=True, slots=True)
class AccountBalance:
    """An account with its balance, and that in the reader's currency; ``worth`` is None without an exchange rate."""

    account: Account
    balance: Decimal
    worth: Decimal | None
    rate: Rate | None

    @property
    def overdrawn(self) -> bool:
        """Whether less than nothing is in an account that is not made to owe."""
        return self.balance < 0 and self.account.kind not in MAY_OWE

    @property
    def converted(self) -> bool:
        """Whether an exchange rate was used."""
        return self.rate is not None


@dataclass(frozen=True, slots=True)
class Total:
    """A sum in one currency. ``missing``: currencies left out for want of a rate; ``oldest``: the oldest rate's day."""

    currency: str
    amount: Decimal
    missing: Sequence[str]
    oldest: date | None


@dataclass(frozen=True, slots=True)
class Holder:
    """A person or an organisation with the accounts that the reader sees of theirs, by kind in the order of kinds."""

    holder: User | Organisation
    kinds: Sequence[tuple[str, Sequence[AccountBalance]]]
    total: Total


def account_balances(
    accounts: Iterable[Account], currency: str = "", as_of: date | None = None
) -> list[AccountBalance]:
    """What is in each account at the close of ``as_of``, or now, also in ``currency`` if given; at most 2 queries."""
    found = list(accounts)
    balances = CashTransaction.objects.filter(account__in=[account.pk for account in found]).balances(as_of)
    day = as_of or date.max
    table = rates({account.currency for account in found}, currency, day) if currency else RateTable()
    return [_stated(account, balances.get(account.pk, Decimal(0)), currency, table, day) for account in found]


def daily_balances(account: Account, start: date, end: date) -> list[tuple[date, Decimal]]:
    """Each day from ``start`` to ``end`` with the balance at its close, in the account's currency; 2 queries."""
    rows = CashTransaction.objects.standing().filter(account=account)
    before = rows.filter(booked_on__lt=start).aggregate(sum=Sum("amount"))["sum"]
    moved = rows.filter(booked_on__range=(start, end)).order_by().values_list("booked_on").annotate(Sum("amount"))
    sums = {day: Decimal(amount).quantize(MONEY_SCALE) for day, amount in moved}
    balance, found = Decimal(before or 0).quantize(MONEY_SCALE), []
    for place in range((end - start).days + 1):
        day = start + timedelta(days=place)
        balance = EXACT.add(balance, sums.get(day, Decimal(0)))
        found.append((day, balance))
    return found


def booked_days(account: Account) -> tuple[date, date] | None:
    """The first and the last day that anything stands on; None for an empty account; one query."""
    span = CashTransaction.objects.standing().filter(account=account).aggregate(Min("booked_on"), Max("booked_on"))
    first, last = span["booked_on__min"], span["booked_on__max"]
    return (first, last) if first else None


def total_of(balances: Iterable[AccountBalance], currency: str) -> Total:
    """Their sum in ``currency``; no query. Empty accounts need no rate."""
    found = [row for row in balances if row.balance]
    days = [row.rate.day for row in found if row.rate]
    missing = sorted({row.account.currency for row in found if row.worth is None})
    amount = total(row.worth for row in found if row.worth is not None)
    return Total(currency, quantise(amount, currency), missing, min(days, default=None))


def by_holder(balances: Sequence[AccountBalance], reader: User) -> list[Holder]:
    """Grouped by whom they belong to: the reader first, organisations before other people; no query."""
    groups: dict[User | Organisation, list[AccountBalance]] = defaultdict(list)
    for row in balances:
        groups[row.account.holder].append(row)
    currency = reader.base_currency
    order = sorted(groups, key=lambda holder: (holder != reader, isinstance(holder, User), str(holder)))
    return [Holder(holder, _kinds(groups[holder]), total_of(groups[holder], currency)) for holder in order]


def _kinds(rows: Sequence[AccountBalance]) -> list[tuple[str, Sequence[AccountBalance]]]:
    found = [(kind.label, [row for row in rows if row.account.kind == kind]) for kind in AccountKind]
    return [(str(label), of_kind) for label, of_kind in found if of_kind]


def _stated(account: Account, balance: Decimal, currency: str, table: RateTable, day: date) -> AccountBalance:
    if account.currency == currency:
        return AccountBalance(account, balance, balance, None)
    try:
        rate = table.rate(account.currency, currency, day)
    except RateMissing:
        return AccountBalance(account, balance, None, None)
    return AccountBalance(account, balance, quantise(multiply(balance, rate.value), currency), rate)
