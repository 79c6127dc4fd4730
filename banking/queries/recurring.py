"""What recurs in accounts, looked for in the last 25 months: two years' payments, and the one before."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import date

from django.db.models import Q

from banking.budgeting import after, first_day
from banking.matching.recurring import Payment, Recurrence, recurring
from banking.models import Account, CashTransaction, DismissedRecurrence, Section

MONTHS = 25
MOST_ROWS = 50_000  # the newest ones; who has more than 2,000 rows a month is looked at over a shorter time
COLUMNS = ("id", "account", "booked_on", "amount", "description", "counterparty", "counterparty__name")


@dataclass(frozen=True, slots=True)
class Suggestion:
    """A recurrence in ``account``, and whether its owner dismissed it."""

    found: Recurrence
    account: Account
    dismissed: bool


def suggestions(accounts: Iterable[Account], today: date) -> list[Suggestion]:
    """What recurs in ``accounts``, income and expenses, transfers left out; the dearest first. 2 queries."""
    known = {account.pk: account for account in accounts}
    rows = CashTransaction.objects.standing().filter(
        account__in=list(known), booked_on__gte=after(first_day(today), -MONTHS), booked_on__lte=today
    )
    newest = rows.exclude(section=Section.TRANSFER).order_by("-booked_on", "-pk").values_list(*COLUMNS)[:MOST_ROWS]
    payments = [
        Payment(row, account, day, amount, text, counterparty, name or "")
        for row, account, day, amount, text, counterparty, name in newest
    ]
    hidden = _dismissed(known.values())
    return [
        Suggestion(each, account, (account.owner_id, account.organisation_id, each.key) in hidden)
        for each in recurring(payments, today)
        if (account := known[each.account])
    ]


def _dismissed(accounts: Iterable[Account]) -> set[tuple[int | None, int | None, str]]:
    wanted: Sequence[Account] = list(accounts)
    people = {account.owner_id for account in wanted if account.owner_id}
    firms = {account.organisation_id for account in wanted if account.organisation_id}
    rows = DismissedRecurrence.objects.filter(Q(owner__in=people) | Q(organisation__in=firms))
    return set(rows.order_by().values_list("owner", "organisation", "key"))
