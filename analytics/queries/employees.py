"""What employees spend for their organisation, by employee and category."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from decimal import Decimal

from django.utils.translation import gettext

from analytics.queries.flows import ZERO, Flow, flows
from banking.models import Account, CashTransaction, Category, Section
from banking.queries import AccountBalance, account_balances
from core.money import total
from users.models import Organisation, User


@dataclass(frozen=True, slots=True)
class Spending:
    """One employee's expenses by category name, the largest first, in the organisation's currency.

    ``owed`` is what was spent and not repaid yet, of all time: less than nothing where money was advanced. None where
    an account's currency has no exchange rate.
    """

    employee: User
    accounts: Sequence[AccountBalance]
    categories: Sequence[tuple[str, Decimal]]
    owed: Decimal | None

    @property
    def spent(self) -> Decimal:
        return total(amount for _, amount in self.categories)


@dataclass(frozen=True, slots=True)
class Expenses:
    """Every employee's; ``categories`` sums them by name. ``missing``: what is left out for want of a rate."""

    currency: str
    rows: Sequence[Spending]
    categories: Sequence[tuple[str, Decimal]]
    missing: Sequence[str]

    @property
    def spent(self) -> Decimal:
        return total(row.spent for row in self.rows)

    @property
    def owed(self) -> Decimal:
        return total(row.owed for row in self.rows if row.owed is not None)


def expenses(organisation: Organisation, since: date, until: date) -> Expenses:
    """What the people of ``organisation`` spent for it from ``since`` to ``until``; 7 queries at most."""
    currency = organisation.base_currency
    accounts = list(Account.objects.expenses_of(organisation).select_related("owner"))
    rows = CashTransaction.objects.filter(account__in=accounts)
    found = flows(rows, since, until, currency, by_account=True)
    spent = [row for row in found.rows if row.section == Section.EXPENSE]
    names = dict(Category.objects.filter(pk__in={row.category for row in spent}).values_list("pk", "name"))
    held: dict[User, list[AccountBalance]] = defaultdict(list)
    for balance in account_balances(accounts, currency, until):
        if balance.account.owner:
            held[balance.account.owner].append(balance)
    people = [_of(person, balances, spent, names) for person, balances in held.items()]
    people.sort(key=lambda row: (-row.spent, row.employee.username))
    return Expenses(currency, people, _by_name(spent, names), found.missing)


def _of(person: User, balances: list[AccountBalance], spent: Sequence[Flow], names: dict[int, str]) -> Spending:
    mine = {balance.account.pk for balance in balances}
    worths = [ZERO if not balance.balance else balance.worth for balance in balances]
    owed = None if None in worths else -total(worth for worth in worths if worth is not None)
    return Spending(person, balances, _by_name([row for row in spent if row.account in mine], names), owed)


def _by_name(spent: Sequence[Flow], names: dict[int, str]) -> list[tuple[str, Decimal]]:
    """Categories of one name are one: each employee has their own."""
    sums: dict[str, Decimal] = defaultdict(Decimal)
    unsorted = gettext("Not categorised")
    for row in spent:
        sums[names.get(row.category or 0, unsorted)] -= row.amount
    return sorted(sums.items(), key=lambda item: (-abs(item[1]), item[0]))
