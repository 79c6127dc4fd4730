"""Correcting a row that was booked by hand: it is voided, and its replacement booked in its place."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from django.db import transaction
from django.db.models import Q

from banking.models import (
    CashSplit,
    CashTransaction,
    ClassifiedBy,
    Origin,
    Section,
    TermDeposit,
    Transfer,
)
from banking.services.transactions import (
    AlreadyVoided,
    DerivedRow,
    book_cash,
    lock_with,
    void_cash,
)
from core.errors import DomainError

if TYPE_CHECKING:
    from users.models import User

FACTS = ("account", "amount", "booked_on", "section", "description", "asset", "external_id")
CLASSIFIED = ("category", "counterparty", "tags")


class LegOfTransfer(DomainError):
    """This row is one leg of a transfer: void it, which voids both legs, and book the transfer anew."""


class PaymentOfDividend(DomainError):
    """This row is matched as the payment of a dividend: part the two first, or void it and book it anew."""


class RowOfDeposit(DomainError):
    """This row is the interest of a term deposit."""


class SplitOfAmount(DomainError):
    """The row is split, and its parts would not add up any more: take the split back first."""


@transaction.atomic
def correct_cash(*, row: CashTransaction, actor: User | None, **changes: Any) -> CashTransaction:
    """Void a row and book it anew with ``changes``, fields of ``book_cash``. ``restore_cash`` on the row undoes it.

    Without a change the row itself is returned and nothing is booked. A category goes when the section changes,
    unless another is given. Raises AlreadyVoided, DerivedRow, LegOfTransfer, PaymentOfDividend, RowOfDeposit,
    SplitOfAmount, ChangedMeanwhile, and what ``book_cash`` raises.
    """
    target = changes.get("account")
    lock_with(row, *([target] if target else []))
    row = CashTransaction.objects.select_related("account", "category", "counterparty", "asset").get(pk=row.pk)
    _check(row)
    before = {name: getattr(row, name) for name in FACTS + CLASSIFIED[:2]} | {"tags": list(row.tags.all())}
    after = before | changes
    if _same(before, after):
        return row
    splits = list(row.splits.all())
    if splits and any(before[name] != after[name] for name in ("amount", "section", "account")):
        raise SplitOfAmount(field="amount")
    if "category" not in changes and after["section"] != before["section"]:
        after["category"] = None
    void_cash(row=row, actor=actor)
    new = book_cash(
        **after | {"section": Section(after["section"])},
        classified_by=ClassifiedBy.PERSON if "category" in changes else ClassifiedBy(row.classified_by),
        original=row if row.original_id is None else row.original,
        actor=actor,
        by_rules=False,  # what the row was left without stays away
    )
    _carry(splits, new, row)
    return new


def _check(row: CashTransaction) -> None:
    if row.voided_at:
        raise AlreadyVoided
    if row.origin != Origin.ENTRY:
        raise DerivedRow
    if Transfer.objects.with_leg(row).exists():
        raise LegOfTransfer
    if CashTransaction.objects.filter(replaced_by=row).exists():
        raise PaymentOfDividend
    if TermDeposit.objects.filter(Q(interest=row)).exists():
        raise RowOfDeposit


def _same(before: dict[str, Any], after: dict[str, Any]) -> bool:
    tags = [{tag.pk for tag in state["tags"]} for state in (before, after)]
    return tags[0] == tags[1] and all(before[name] == after[name] for name in after if name != "tags")


def _carry(splits: list[CashSplit], new: CashTransaction, row: CashTransaction) -> None:
    """The parts of the row's split, which still add up."""
    if not splits:
        return
    CashSplit.objects.bulk_create(
        CashSplit(transaction=new, category_id=part.category_id, amount=part.amount, note=part.note) for part in splits
    )
    new.category, new.classified_by = None, row.classified_by
    new.save(update_fields=["category", "classified_by"])
