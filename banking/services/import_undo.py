"""Taking the transactions of a file out of the books again, in one transaction."""

from __future__ import annotations

from django.db import transaction
from django.db.models import Exists, F, Max, Min, OuterRef, Q
from django.utils import timezone

from activity.services import record
from banking.models import CashTransaction, ImportBatch, ImportState, Transfer
from banking.models.transaction import CashTransactionQuerySet
from banking.services.import_booking import MOST_TRIES, lock_accounts, locked_batch, refuse_out_of_reach, roomy
from banking.services.imports import Claim, end
from core.errors import DomainError


class MatchedElsewhere(DomainError):
    """A row of this file is one end of a transfer whose other end did not come with it; take that transfer apart."""


class CorrectedMeanwhile(DomainError):
    """Rows of this file are being corrected; undo it again in a moment."""


def undo(claim: Claim) -> None:
    """Void every row of a booked file in one transaction, with its transfers and with what corrects its rows.

    Raises AccountOutOfReach, MatchedElsewhere, CorrectedMeanwhile, ImportLost.
    """
    rows = _rows(claim.batch_id)
    own = set(rows.order_by().values_list("account", flat=True).distinct())  # a row never leaves its account
    for _ in range(MOST_TRIES):
        with roomy(), transaction.atomic():
            if _undone(claim, rows, own):
                return
    raise CorrectedMeanwhile


def _undone(claim: Claim, rows: CashTransactionQuerySet, own: set[int]) -> bool:
    """False, with nothing changed, if a row was corrected into another account before the locks were ours."""
    batch = locked_batch(claim)
    ids = sorted(own | _others(batch.pk))
    lock_accounts(ids)
    if sorted(own | _others(batch.pk)) != ids:
        transaction.set_rollback(True)
        return False
    refuse_out_of_reach(batch, ids)
    _refuse_matched(batch)
    now = timezone.now()
    _derived(batch.pk).update(voided_at=None)  # they take their place again
    both = (rows, _corrections(batch.pk))
    voided = sum(each.standing().update(voided_at=now, voided_by=batch.owner) for each in both)
    data = {"file": batch.file_name, "voided": voided}
    record(actor=batch.owner, action="import.undone", subject=batch, data=data)
    end(claim, ImportState.UNDONE, undone_at=now)
    return True


def _rows(batch_id: int) -> CashTransactionQuerySet:
    """The rows of the file, to be read as the table has them: by id, and so by account, instead of line by line."""
    span = CashTransaction.objects.filter(batch=batch_id).aggregate(first=Min("pk"), last=Max("pk"))
    within = CashTransaction.objects.filter(pk__gte=span["first"] or 0, pk__lte=span["last"] or 0)
    return within.alias(of_batch=F("batch_id") + 0).filter(of_batch=batch_id)  # which no index has


def _corrections(batch_id: int) -> CashTransactionQuerySet:
    """The rows that were booked in the place of rows of the file."""
    corrections = CashTransaction.objects.filter(original__isnull=False)  # few: they have an index to themselves
    return corrections.alias(of_batch=F("original__batch_id") + 0).filter(of_batch=batch_id)


def _others(batch_id: int) -> set[int]:
    """The accounts, beside those of the file's own rows, of what an undo changes."""
    found: set[int] = set()
    for rows in (_corrections(batch_id), _derived(batch_id)):
        found.update(rows.order_by().values_list("account", flat=True).distinct())
    return found


def _derived(batch_id: int) -> CashTransactionQuerySet:
    """The rows of corporate actions in whose place rows of the file, or corrections of them, stand."""
    of_file = Q(replaced_by__batch=batch_id) | Q(replaced_by__original__batch=batch_id)
    return CashTransaction.objects.filter(of_file, replaced_by__isnull=False)


def _refuse_matched(batch: ImportBatch) -> None:
    ours = CashTransaction.objects.filter(Q(batch=batch) | Q(original__batch=batch))
    sent, received = (Exists(ours.filter(pk=OuterRef(leg))) for leg in ("sent", "received"))
    one_end = Transfer.objects.standing().filter((Q(sent) & ~Q(received)) | (Q(received) & ~Q(sent)))
    legs = ("sent__original", "received__original")
    first = one_end.select_related(*legs).first()
    if first is not None:
        lines = [_line(leg, batch) for leg in (first.sent, first.received)]
        raise MatchedElsewhere(
            "Line {line} is one end of transfer {transfer}, whose other end did not come with this file: void or take "
            "apart that transfer first.",
            line=lines[0] or lines[1],
            transfer=first.pk,
        )


def _line(leg: CashTransaction, batch: ImportBatch) -> int | None:
    """The line of the file that a row came from, or the row that it corrects."""
    row = leg if leg.batch_id == batch.pk else leg.original
    return row.batch_line if row and row.batch_id == batch.pk else None
