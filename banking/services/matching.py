"""Making one transfer of two rows that were booked apart, and taking that back."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from datetime import date
from decimal import Decimal
from typing import TYPE_CHECKING, Any

from django.db import transaction
from django.db.models import Q
from django.utils.translation import gettext as _

from activity.services import record
from banking.matching.transfers import Certainty
from banking.models import (
    Account,
    CashTransaction,
    Category,
    ClassifiedBy,
    MatchedBy,
    Origin,
    RefusedMatch,
    Section,
    Transfer,
)
from banking.models.account import AccountQuerySet
from banking.queries.matches import suggestions
from banking.services.transactions import AlreadyVoided, ChangedMeanwhile, DerivedRow
from banking.services.transfers import RateInconsistent, TransferToSelf, rate_of
from core.errors import DomainError
from core.money import EXACT

if TYPE_CHECKING:
    from users.models import User


class NotAgainstEachOther(DomainError):
    """Of two rows that are one transfer, money leaves by the first and arrives by the second."""


class LegAlready(DomainError):
    """This row is a leg of a transfer already."""


class RowIsSplit(DomainError):
    """This row is split over several categories, so it is no transfer; take the split back first."""


class RowOfAsset(DomainError):
    """This row is of a security, or stands for a payment of one, so it is no transfer."""


class NotMatched(DomainError):
    """This transfer was booked as one, not matched: void it instead."""


@transaction.atomic
def match_transfer(
    *, sent: CashTransaction, received: CashTransaction, actor: User | None, by: MatchedBy = MatchedBy.PERSON
) -> Transfer:
    """Make two standing rows of two accounts one transfer; both count as such from now on.

    Their amounts are the same within one currency; in two, the amounts say the rate. ``unmatch_transfer`` gives each
    its section and category back. Raises what is above, TransferToSelf, AlreadyVoided, DerivedRow, RateInconsistent,
    RateNotUsable.
    """
    sent, received = _locked([sent, received])
    rate = _checked(sent, received)
    before = {name: _was(row) for name, row in (("sent", sent), ("received", received))}
    for row in (sent, received):
        kept = row.category if row.category and row.category.section == Section.TRANSFER else None
        _classify(row, Section.TRANSFER, kept, row.classified_by if kept else ClassifiedBy.NOBODY)
    transfer = Transfer.objects.create(
        sent=sent, received=received, rate=rate, matched_by=by, before=before, created_by=actor
    )
    RefusedMatch.objects.filter(sent=sent, received=received).delete()
    data = {"sent": sent.pk, "received": received.pk, "by": by.value}
    record(actor=actor, action="transfer.matched", subject=transfer, data=data)
    return transfer


@transaction.atomic
def unmatch_transfer(*, transfer: Transfer, actor: User | None) -> tuple[CashTransaction, CashTransaction]:
    """Make two rows of a transfer that was matched, which are then not offered again. Raises NotMatched."""
    if not transfer.matched_by:
        raise NotMatched
    sent, received = _locked([transfer.sent, transfer.received])
    current = Transfer.objects.filter(pk=transfer.pk).first()
    if current is None:
        raise ChangedMeanwhile
    data = {"transfer": current.pk, "sent": sent.pk, "received": received.pk, "rate": f"{current.rate:f}"}
    record(actor=actor, action="transfer.unmatched", subject=current, data=data)
    for name, row in (("sent", sent), ("received", received)):
        _as_before(row, current.before.get(name, {}))
    current.delete()
    RefusedMatch.objects.get_or_create(sent=sent, received=received, defaults={"created_by": actor})
    return sent, received


@transaction.atomic
def refuse_match(*, sent: CashTransaction, received: CashTransaction, actor: User | None) -> None:
    """Say that two rows are no transfer, so that they are not offered again."""
    _, made = RefusedMatch.objects.get_or_create(sent=sent, received=received, defaults={"created_by": actor})
    if made:
        record(actor=actor, action="transfer.refused", subject=sent, data={"sent": sent.pk, "received": received.pk})


def match_unique(
    *, accounts: AccountQuerySet, since: date, actor: User | None, rows: Collection[int] | None = None
) -> list[Transfer]:
    """Match every pair of these accounts' rows since a day of which neither fits another row.

    With ``rows``, those of an import, only pairs of which one is among them. A pair that changed meanwhile is left.
    """
    made = []
    for pair in suggestions(accounts, since):
        ids = {pair.sent.id, pair.received.id}
        if pair.certainty != Certainty.UNIQUE or (rows is not None and ids.isdisjoint(rows)):
            continue
        two = CashTransaction.objects.in_bulk(ids)
        try:
            made.append(
                match_transfer(sent=two[pair.sent.id], received=two[pair.received.id], actor=actor, by=MatchedBy.RULE)
            )
        except (DomainError, KeyError):
            continue
    return made


def _locked(rows: Sequence[CashTransaction]) -> list[CashTransaction]:
    """The rows as they are once their accounts are locked."""
    Account.objects.filter(pk__in=[row.account_id for row in rows]).bump()
    found = CashTransaction.objects.select_related("account", "category").in_bulk([row.pk for row in rows])
    if len(found) < len({row.pk for row in rows}):
        raise ChangedMeanwhile
    return [found[row.pk] for row in rows]


def _checked(sent: CashTransaction, received: CashTransaction) -> Decimal:
    """The rate of the two rows, if they can be one transfer."""
    if sent.account_id == received.account_id:
        raise TransferToSelf(field="received")
    if sent.amount >= 0 or received.amount <= 0:
        raise NotAgainstEachOther(field="received")
    for name, row in (("sent", sent), ("received", received)):
        _check_row(row, name)
    if sent.account.currency != received.account.currency:
        return rate_of(-sent.amount, received.amount)
    if EXACT.add(sent.amount, received.amount):
        raise RateInconsistent(
            _("Both accounts are in one currency, so the amounts would be the same."), field="received"
        )
    return Decimal(1)


def _check_row(row: CashTransaction, name: str) -> None:
    if row.origin != Origin.ENTRY:
        raise DerivedRow(field=name)
    if row.voided_at:
        raise AlreadyVoided(field=name)
    if Transfer.objects.filter(Q(sent=row) | Q(received=row)).exists():
        raise LegAlready(field=name)
    if row.splits.exists():
        raise RowIsSplit(field=name)
    if row.asset_id or row.replaces.exists():
        raise RowOfAsset(field=name)


def _was(row: CashTransaction) -> dict[str, Any]:
    return {"section": row.section, "category": row.category_id, "classified_by": row.classified_by}


def _as_before(row: CashTransaction, was: dict[str, Any]) -> None:
    """What the row was, as far as its category is still there and of that section."""
    section = Section(was.get("section", Section.TRANSFER))
    known = Category.objects.filter(pk=int(was["category"]), section=section) if was.get("category") else None
    category = known.first() if known is not None else None
    by = ClassifiedBy(was.get("classified_by", "")) if category else ClassifiedBy.NOBODY
    _classify(row, section, category, by)


def _classify(row: CashTransaction, section: str, category: Category | None, by: str) -> None:
    row.section, row.category, row.classified_by = section, category, by
    row.save(update_fields=["section", "category", "classified_by"])
