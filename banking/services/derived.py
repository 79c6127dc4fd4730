"""Cash rows that follow from trades and corporate actions: stored, and dropped with what a person set on them kept."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence

from django.db.models import Exists, OuterRef, Q
from django.utils import timezone

from activity.services import record
from banking.models import Account, CashSplit, CashTransaction, ClassifiedBy, Origin
from banking.models.transaction import SET_ASIDE, CashTransactionQuerySet
from core.errors import DomainError

AT_ONCE = 500
FIGURES: tuple[str, ...] = ("account", "booked_on", "amount", "section", "description", "asset")
FIGURES += ("origin_id", "created_by", "replaced_by", "voided_at")
KEPT = ("category", "classified_by")


class SplitOfDerivedRow(DomainError):
    """The cash row of this trade is split, and its parts would not add up any more: take the split back first."""


def derive_cash(
    rows: Sequence[CashTransaction], former: Mapping[int, CashTransaction] | None = None, *, strict: bool = False
) -> None:
    """Store rows that follow from other facts. The caller has bumped their accounts, in its transaction.

    ``former`` are rows that were set aside, by the origin id of the row that each comes back as: with its categories,
    counterparty, tags and parts, and the new figures. Parts that do not add up any more are refused where ``strict``
    (SplitOfDerivedRow), else taken off, which the audit trail says.
    """
    former = former or {}
    fresh = [row for row in rows if row.origin_id not in former]
    CashTransaction.objects.bulk_create(fresh, batch_size=AT_ONCE)
    pairs = [(kept, row) for row in rows if (kept := former.get(row.origin_id or 0))]
    if not pairs:
        return
    _fit_splits(pairs, strict=strict)
    for kept, row in pairs:
        for name in FIGURES:
            setattr(kept, name, getattr(row, name))
        if kept.category and kept.category.section != kept.section:
            kept.category, kept.classified_by = None, ClassifiedBy.NOBODY
    CashTransaction.objects.bulk_update([kept for kept, _ in pairs], [*FIGURES, *KEPT], batch_size=AT_ONCE)


def drop_derived_cash(rows: CashTransactionQuerySet) -> None:
    """Remove derived rows; those that carry what a person or a rule set are set aside, for when their fact is back."""
    rows.exclude(SET_ASIDE).filter(_carrying()).update(voided_at=timezone.now(), replaced_by=None)
    rows.filter(~_carrying()).delete()


def set_aside(accounts: Collection[Account], origin: Origin) -> list[CashTransaction]:
    """The rows of these accounts that wait for their fact; one query."""
    rows = CashTransaction.objects.set_aside().filter(account__in=accounts, origin=origin)
    return list(rows.select_related("category").order_by("pk"))


def _carrying() -> Q:
    tags = CashTransaction.tags.through.objects.filter(cashtransaction=OuterRef("pk"))
    parts = CashSplit.objects.filter(transaction=OuterRef("pk"))
    return Q(category__isnull=False) | Q(counterparty__isnull=False) | Exists(tags) | Exists(parts)


def _fit_splits(pairs: Sequence[tuple[CashTransaction, CashTransaction]], *, strict: bool) -> None:
    """Keep the parts of a split only where they still add up to the row."""
    changed = {kept.pk: kept for kept, row in pairs if (kept.amount, kept.section) != (row.amount, row.section)}
    parts = CashSplit.objects.filter(transaction__in=list(changed))
    split = set(parts.values_list("transaction", flat=True)) if changed else set()
    if split and strict:
        raise SplitOfDerivedRow
    for pk in sorted(split):
        row = changed[pk]
        said = [{"category": each.category.name, "amount": f"{each.amount.normalize():f}"} for each in _parts(row)]
        row.classified_by = ClassifiedBy.NOBODY
        record(actor=None, action="cash.unsplit", subject=row, data={"parts": said})
    CashSplit.objects.filter(transaction__in=split).delete()


def _parts(row: CashTransaction) -> list[CashSplit]:
    return list(row.splits.select_related("category").order_by("pk"))
