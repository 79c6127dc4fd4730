"""Booking the transactions of a file in one transaction, and taking them out again."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from datetime import datetime
from typing import Any

from django.db import connection, transaction
from django.db.models import Exists, F, OuterRef, Q
from django.utils import timezone

from activity.services import record
from banking.models import (
    Account,
    CashTransaction,
    ClassifiedBy,
    ImportBatch,
    ImportRow,
    ImportState,
    Origin,
    Outcome,
    Transfer,
)
from banking.services.import_cash import account_ids, half_known, in_lists
from banking.services.import_known import mark_known
from banking.services.import_names import resolve
from banking.services.imports import Claim, end, of, renew
from banking.services.transactions import AccountClosed
from banking.services.transfers import rate_of
from core import bulk
from core.errors import DomainError
from core.fields import MONEY_SCALE

MOST_TRIES = 3  # to compare the file with the books without holding a lock
CACHE_MB = 96  # of SQLite's pages while a million rows are indexed


class AccountOutOfReach(DomainError):
    """You may no longer book into one of the accounts of this file."""


class HalfThere(DomainError):
    """One row of a transfer of this file was booked by somebody else meanwhile, without the other."""


class RowsLost(DomainError):
    """Rows of the file are missing; upload it again."""


class MatchedElsewhere(DomainError):
    """A row of this file is one end of a transfer whose other end did not come with it; take that transfer apart."""


class _Booked(Exception):
    """Something was booked into the accounts since the file was compared with them."""


def versions_of(ids: Sequence[int]) -> int:
    """The versions of accounts together: it moves with every booking into one of them."""
    return sum(sum(Account.objects.filter(pk__in=part).values_list("version", flat=True)) for part in in_lists(ids))


def compare(claim: Claim, ids: Sequence[int]) -> None:
    """Mark what is in the books already, and note as of which versions of the accounts that is so."""
    versions = versions_of(ids)  # before the data, so that a doubt means one comparison too many
    mark_known(claim)
    of(claim).update(versions=versions)


def commit(claim: Claim) -> None:
    """Book every new row of a checked file, or none. Raises a DomainError that says why not, ImportLost."""
    ids = account_ids(claim.batch_id)
    for attempt in range(MOST_TRIES + 1):
        if ImportBatch.objects.get(pk=claim.batch_id).versions != versions_of(ids):
            compare(claim, ids)
            _refuse_halves(claim.batch_id)
        try:
            with _roomy(), transaction.atomic():
                _book(claim, ids, wait=attempt == MOST_TRIES)
        except _Booked:
            continue
        return


def _book(claim: Claim, ids: Sequence[int], *, wait: bool) -> None:
    batch = _locked(claim)
    if _lock_accounts(ids) != batch.versions:
        if not wait:
            raise _Booked
        mark_known(claim)  # others have to wait: they never let us compare in peace
        _refuse_halves(batch.pk)
    _check_accounts(batch, ids)
    resolve(batch.pk, make=True)
    now = timezone.now()
    new = ImportRow.objects.filter(batch=batch, outcome=Outcome.NEW).count()
    if _insert(batch, now) != new:
        raise RowsLost
    transfers = _pair(batch, now)
    known = batch.rows - new
    counts: dict[str, Any] = {"new": new, "known": known, "transfers": transfers}
    record(actor=batch.owner, action="import.committed", subject=batch, data={"file": batch.file_name} | counts)
    end(claim, ImportState.COMMITTED, committed_at=now, **counts)


def _locked(claim: Claim) -> ImportBatch:
    renew(claim)
    found = of(claim).select_for_update(of=("self",)).select_related("owner").first()
    if found is None or found.owner is None:
        raise AccountOutOfReach
    batch: ImportBatch = found
    return batch


def _lock_accounts(ids: Sequence[int]) -> int:
    """Take the accounts' locks in ascending order and move their versions; returns what these were together."""
    before = 0
    for part in in_lists(ids):
        rows = Account.objects.filter(pk__in=part)
        before += sum(rows.order_by("pk").select_for_update().values_list("version", flat=True))
        rows.update(version=F("version") + 1)
    return before


def _check_accounts(batch: ImportBatch, ids: Sequence[int]) -> None:
    allowed = 0
    for part in in_lists(ids):
        accounts = Account.objects.filter(pk__in=part)
        allowed += accounts.editable_by(batch.owner).count() if batch.owner else 0
        for pk, name, closed in accounts.filter(closed_on__isnull=False).values_list("pk", "name", "closed_on"):
            if ImportRow.objects.filter(batch=batch, outcome="new", account=pk, booked_on__gte=closed).exists():
                raise AccountClosed(f"{name} is closed since {closed}.")
    if allowed != len(ids):
        raise AccountOutOfReach


def _refuse_halves(batch_id: int) -> None:
    for line, text in half_known(batch_id):
        raise HalfThere(f"Line {line}: {text}.")


def _insert(batch: ImportBatch, now: datetime) -> int:
    """Copy the new rows into the books in one statement, in the order of the file; returns how many."""
    fields = {field.attname: field for field in CashTransaction._meta.concrete_fields}  # noqa: SLF001  Django's name
    taken = {name: f"r.{name}" for name in ("booked_on", "section", "description", "external_id", "content_key")}
    taken |= {"account_id": "a.id", "amount": "r.units / 10000.0", "batch_line": "r.line"}
    taken |= {"category_id": "c.found", "counterparty_id": "p.found"}
    by = f"CASE WHEN c.found IS NULL THEN '{ClassifiedBy.NOBODY}' ELSE '{ClassifiedBy.IMPORT}' END"
    taken["classified_by"] = by
    constants: dict[str, Any] = {"origin": Origin.ENTRY, "created_at": now}
    constants |= {"created_by_id": batch.owner_id, "batch_id": batch.pk}
    for name, field in fields.items():
        if name not in taken and name not in constants and not field.null and not field.primary_key:
            constants[name] = field.get_default()
    columns = ", ".join(connection.ops.quote_name(str(fields[name].column)) for name in (*taken, *constants))
    values = [fields[name].get_db_prep_save(value, connection) for name, value in constants.items()]
    selected = ", ".join([*taken.values(), *["%s"] * len(values)])
    # The names are this module's and the models' own; values are parameters.
    statement = f"""
        INSERT INTO banking_cashtransaction ({columns}) SELECT {selected} FROM banking_importrow r
        JOIN banking_account a ON a.id = r.account
        LEFT JOIN banking_importname c ON c.batch_id = r.batch_id AND c.number = r.category
        LEFT JOIN banking_importname p ON p.batch_id = r.batch_id AND p.number = r.counterparty
        WHERE r.batch_id = %s AND r.outcome = 'new' AND (r.category IS NULL OR c.found IS NOT NULL)
        AND (r.counterparty IS NULL OR p.found IS NOT NULL) ORDER BY r.line
    """  # noqa: S608
    with connection.cursor() as cursor:
        cursor.execute(statement, [*values, batch.pk])
        return int(cursor.rowcount)


LEGS = """
FROM banking_importrow x JOIN banking_importrow y ON y.batch_id = x.batch_id AND y.transfer_group = x.transfer_group
JOIN banking_cashtransaction s ON s.batch_id = x.batch_id AND s.batch_line = x.line
JOIN banking_cashtransaction t ON t.batch_id = y.batch_id AND t.batch_line = y.line
WHERE x.batch_id = %s AND NOT (x.transfer_group = '') AND NOT (y.transfer_group = '')
AND x.outcome = 'new' AND x.units < 0 AND y.units > 0
"""
WITHIN = f"""
INSERT INTO banking_transfer (sent_id, received_id, rate, created_by_id, created_at)
SELECT s.id, t.id, 1, %s, %s {LEGS} AND x.currency = y.currency ORDER BY x.line
"""
ACROSS = f"SELECT s.id, t.id, x.units, y.units {LEGS} AND x.currency <> y.currency ORDER BY x.line"


def _pair(batch: ImportBatch, now: datetime) -> int:
    """Join the two legs of each transfer; returns how many there are."""
    at = Transfer._meta.get_field("created_at").get_db_prep_save(now, connection)  # noqa: SLF001  Django's name
    with connection.cursor() as cursor:
        cursor.execute(WITHIN, [batch.owner_id, at, batch.pk])
        paired = int(cursor.rowcount)
        cursor.execute(ACROSS, [batch.pk])
        found = cursor.fetchall()
    rows = (
        (sent, received, rate_of(-left * MONEY_SCALE, arrived * MONEY_SCALE), batch.owner_id, now)
        for sent, received, left, arrived in found
    )
    return paired + bulk.insert(Transfer, ("sent", "received", "rate", "created_by", "created_at"), rows)


def undo(claim: Claim) -> None:
    """Void every row of a booked file in one transaction, with its transfers. Raises MatchedElsewhere, ImportLost."""
    ids = sorted(
        CashTransaction.objects.filter(batch=claim.batch_id).order_by().values_list("account", flat=True).distinct()
    )
    with _roomy(), transaction.atomic():
        batch = _locked(claim)
        _lock_accounts(ids)
        _refuse_matched(batch)
        now = timezone.now()
        rows = CashTransaction.objects.filter(batch=batch)
        if CashTransaction.objects.filter(replaced_by__batch=batch).exists():  # derived rows take their place again
            CashTransaction.objects.filter(replaced_by__in=rows.values("pk")).update(voided_at=None)
        voided = rows.filter(voided_at__isnull=True).update(voided_at=now, voided_by=batch.owner)
        data = {"file": batch.file_name, "voided": voided}
        record(actor=batch.owner, action="import.undone", subject=batch, data=data)
        end(claim, ImportState.UNDONE, undone_at=now)


def _refuse_matched(batch: ImportBatch) -> None:
    of_batch = CashTransaction.objects.filter(batch=batch)
    sent, received = (Exists(of_batch.filter(pk=OuterRef(leg))) for leg in ("sent", "received"))
    one_end = Transfer.objects.standing().filter((Q(sent) & ~Q(received)) | (Q(received) & ~Q(sent)))
    first = one_end.filter(Q(sent__batch=batch) | Q(received__batch=batch)).select_related("sent", "received").first()
    if first is not None:
        leg = first.sent if first.sent.batch_id == batch.pk else first.received
        raise MatchedElsewhere(
            f"Line {leg.batch_line} is one end of transfer {first.pk}, whose other end did not come with this file: "
            "void or take apart that transfer first."
        )


@contextmanager
def _roomy() -> Iterator[None]:
    """Have SQLite write many rows fast, so that its one write lock is held for seconds.

    A larger cache of pages; and no second look at what the staging table's own constraints and the joins of the
    statement have made sure of: that amounts are finite, sections known, and that what a row refers to is there.
    """
    if connection.vendor != "sqlite":
        yield
        return
    with connection.constraint_checks_disabled(), connection.cursor() as cursor:
        cursor.execute(f"PRAGMA cache_size = -{CACHE_MB * 1024}")
        cursor.execute("PRAGMA ignore_check_constraints = ON")
        try:
            yield
        finally:
            cursor.execute("PRAGMA ignore_check_constraints = OFF")
            cursor.execute("PRAGMA cache_size = -2000")
