"""Which rows of a file are in the books already, so that a file which is read again adds nothing.

A row with an external id is there if its account has one with that id. Rows without one are counted: of three that say
the same, those are new that are more than the books have from earlier files. A row that somebody has voided counts as
there, so that the next file does not bring it back; one whose whole file was undone does not.
"""

from __future__ import annotations

from array import array

from django.db import connection, transaction
from django.db.models import Exists, OuterRef, Q, QuerySet

from banking.models import CashTransaction, ImportRow, ImportState, Outcome
from banking.services.imports import Claim, renew

AT_ONCE = 10_000
LISTED = 500

# The rows of a file that say the same as another, numbered, beside how many of them the books have.
COUNTED = """
SELECT numbered.id FROM (
    SELECT r.id, ROW_NUMBER() OVER (PARTITION BY r.account, r.content_key ORDER BY r.line) AS number, (
        SELECT COUNT(*) FROM banking_cashtransaction c LEFT JOIN banking_importbatch b ON b.id = c.batch_id
        WHERE c.account_id = r.account AND c.content_key = r.content_key AND c.content_key IS NOT NULL
        AND c.booked_on = r.booked_on AND c.description = r.description
        AND (c.voided_at IS NULL OR b.state IS NULL OR b.state <> %s)
    ) AS there
    FROM banking_importrow r WHERE r.batch_id = %s AND r.content_key IS NOT NULL
) numbered WHERE numbered.number <= numbered.there
"""


def mark_known(claim: Claim) -> int:
    """Mark the rows that are in the books, and no others; returns how many. Each write is short."""
    batch_id = claim.batch_id
    _reset(claim)
    ids = array("q", _by_external_id(batch_id).values_list("pk", flat=True).iterator(chunk_size=AT_ONCE))
    with connection.cursor() as cursor:
        cursor.execute(COUNTED, [ImportState.UNDONE, batch_id])
        while found := cursor.fetchmany(AT_ONCE):
            ids.extend(row[0] for row in found)
    for start in range(0, len(ids), AT_ONCE):
        with transaction.atomic():
            renew(claim)
            for part in range(start, min(start + AT_ONCE, len(ids)), LISTED):
                ImportRow.objects.filter(pk__in=list(ids[part : part + LISTED])).update(outcome=Outcome.KNOWN)
    return len(ids)


def _reset(claim: Claim) -> None:
    """Take earlier marks back."""
    marked = ImportRow.objects.filter(batch=claim.batch_id, outcome=Outcome.KNOWN)
    ids = array("q", marked.values_list("pk", flat=True).iterator(chunk_size=AT_ONCE))
    for start in range(0, len(ids), LISTED):
        ImportRow.objects.filter(pk__in=list(ids[start : start + LISTED])).update(outcome=Outcome.NEW)


def _by_external_id(batch_id: int) -> QuerySet[ImportRow]:
    rows = ImportRow.objects.filter(batch=batch_id).exclude(external_id="").order_by()
    same = CashTransaction.objects.filter(
        ~Q(external_id=""), account=OuterRef("account"), external_id=OuterRef("external_id")
    )
    still = Q(batch__isnull=True) | ~Q(batch__state=ImportState.UNDONE)
    corrects = Q(original__batch__state=ImportState.UNDONE)  # a row of such a file
    standing = same.filter(voided_at__isnull=True)
    voided = same.filter(still, voided_at__isnull=False).exclude(corrects)
    return rows.filter(Exists(standing) | Exists(voided))
