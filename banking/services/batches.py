"""Booking many cash rows and transfers at once, by the rules of one: all of them or none."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from typing import TYPE_CHECKING

from django.db import transaction
from django.utils.translation import gettext as _

from activity.services import record
from banking.models import (
    Account,
    CashTransaction,
    Category,
    ClassifiedBy,
    Counterparty,
    Section,
    Transfer,
)
from banking.services.transactions import (
    AccountClosed,
    DuplicateCash,
    UnknownSection,
    check_amount,
    check_classification,
)
from banking.services.transfers import TransferNotPositive, TransferToAnother, TransferToSelf

if TYPE_CHECKING:
    from users.models import User

BATCH = 1000


@dataclass(frozen=True, slots=True)
class NewCash:
    """One signed amount in its account's currency."""

    account: Account
    amount: Decimal
    booked_on: date
    section: Section
    description: str = ""
    category: Category | None = None
    counterparty: Counterparty | None = None
    external_id: str = ""


@dataclass(frozen=True, slots=True)
class NewTransfer:
    """Both legs of a movement in one currency. ``sent.amount`` is negative, ``received.amount`` the same, positive."""

    sent: NewCash
    received: NewCash


@transaction.atomic
def book_many(
    *, rows: Sequence[NewCash] = (), transfers: Sequence[NewTransfer] = (), actor: User | None, classified_by: str
) -> int:
    """Book cash rows and transfers in one transaction; returns how many rows were made.

    ``classified_by`` says who chose the categories. Raises what ``book_cash`` and ``book_transfer`` raise.
    """
    legs = [leg for transfer in transfers for leg in (transfer.sent, transfer.received)]
    every = [*legs, *rows]
    Account.objects.filter(pk__in={row.account.pk for row in every}).bump()
    closed = dict(Account.objects.filter(pk__in={row.account.pk for row in every}).values_list("pk", "closed_on"))
    for row in every:
        _check(row, closed[row.account.pk])
    for transfer in transfers:
        _check_transfer(transfer)
    _refuse_known(every)
    made = CashTransaction.objects.bulk_create([_row(row, actor, classified_by) for row in every], batch_size=BATCH)
    pairs = zip(made[: len(legs) : 2], made[1 : len(legs) : 2], strict=True)
    Transfer.objects.bulk_create(
        [Transfer(sent=sent, received=received, rate=Decimal(1), created_by=actor) for sent, received in pairs],
        batch_size=BATCH,
    )
    if every:
        data = {"rows": len(every), "transfers": len(transfers)}
        record(actor=actor, action="cash.booked_many", subject=every[0].account, data=data)
    return len(made)


def _check(row: NewCash, closed_on: date | None) -> None:
    check_amount(row.amount, row.account.currency)
    if row.section not in Section.values:
        raise UnknownSection(field="section")
    if closed_on and row.booked_on >= closed_on:
        raise AccountClosed(_("The account is closed since %(day)s.") % {"day": closed_on}, field="booked_on")
    check_classification(row.account, row.section, row.category, row.counterparty)


def _check_transfer(transfer: NewTransfer) -> None:
    sent, received = transfer.sent, transfer.received
    if sent.account.pk == received.account.pk:
        raise TransferToSelf(field="target")
    if not (sent.account.belongs_with(received.account) or received.account.receives):
        raise TransferToAnother(field="target")
    one_currency = sent.account.currency == received.account.currency
    if sent.amount >= 0 or not one_currency or sent.amount + received.amount or sent.booked_on != received.booked_on:
        raise TransferNotPositive(
            _("What leaves one account arrives at the other, on the same day and in one currency.")
        )


def _refuse_known(rows: Iterable[NewCash]) -> None:
    """Refuse external ids that an account has already, or that come twice."""
    wanted = Counter((row.account.pk, row.external_id) for row in rows if row.external_id)
    if twice := [key for key, count in wanted.items() if count > 1]:
        raise DuplicateCash(_("“%(id)s” comes twice.") % {"id": twice[0][1]}, field="external_id")
    standing = CashTransaction.objects.standing().filter(account__in={pk for pk, _ in wanted}).exclude(external_id="")
    known = set(standing.values_list("account", "external_id")) if wanted else set()
    if found := wanted.keys() & known:
        raise DuplicateCash(_("The account has a row “%(id)s” already.") % {"id": min(found)[1]}, field="external_id")


def _row(row: NewCash, actor: User | None, classified_by: str) -> CashTransaction:
    return CashTransaction(
        account=row.account,
        booked_on=row.booked_on,
        amount=row.amount,
        section=row.section,
        description=row.description,
        category=row.category,
        classified_by=classified_by if row.category else ClassifiedBy.NOBODY,
        counterparty=row.counterparty,
        external_id=row.external_id,
        created_by=actor,
    )
