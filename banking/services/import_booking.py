"""Booking the transactions of a file in one transaction."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence
from contextlib import contextmanager, nullcontext
from datetime import datetime
from typing import Any, NamedTuple

from django.db import connection, transaction
from django.db.models import Choices, F, Max, Model
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
from banking.services.import_cash import Holders, account_ids, half_known, holders_of, in_lists
from banking.services.import_known import mark_known
from banking.services.import_names import resolve
from banking.services.import_owners import strangers
from banking.services.import_rules import classify
from banking.services.imports import Claim, end, of, renew
from banking.services.transactions import AccountClosed
from banking.services.transfers import rate_of
from core import bulk
from core.errors import DomainError
from core.fields import MONEY_SCALE

MOST_TRIES = 3  # to compare the file with the books without holding a lock
CACHE_MB = 64  # of SQLite's pages while a million rows are indexed
INDEXED_AFTER = 20_000  # new rows, from which on SQLite sorts indexes anew, unless there are more rows than these
SORTED = "import_sorted"  # SQLite's copy of the new rows, of this connection only


class AccountOutOfReach(DomainError):
    """You may no longer book into one of the accounts of this file."""


class HalfThere(DomainError):
    """One row of a transfer of this file was booked by somebody else meanwhile, without the other."""


class RowsLost(DomainError):
    """Rows of the file are missing; upload it again."""


class Unacquainted(DomainError):
    """A transfer of this file goes between two owners, and one does not know the other."""


class _Booked(Exception):
    """Something was booked into the accounts since the file was compared with them."""


class _Ready(NamedTuple):
    """What of a file is known before a lock is held: its rows, whose accounts it is for, and if currencies differ."""

    new: int
    known: int
    holders: Holders
    one_currency: bool


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
            with sorted_rows(claim.batch_id) as new, roomy():
                ready = _ready(claim.batch_id, ids, new)
                with transaction.atomic():
                    _book(claim, ids, ready, wait=attempt == MOST_TRIES)
        except _Booked:
            continue
        return


def _ready(batch_id: int, ids: Sequence[int], new: int) -> _Ready:
    """Raises Unacquainted."""
    holders = holders_of(batch_id, ids)  # before the data, so that a doubt means one look too many
    _refuse_strangers(batch_id, ids)
    rows = ImportRow.objects.filter(batch=batch_id).exclude(transfer_group="").order_by()
    currencies = rows.values_list("currency", flat=True).distinct()[:2]
    return _Ready(new, _known(batch_id), holders, len(currencies) < 2)


def _known(batch_id: int) -> int:
    return ImportRow.objects.filter(batch=batch_id, outcome=Outcome.KNOWN).count()


def _book(claim: Claim, ids: Sequence[int], ready: _Ready, *, wait: bool) -> None:
    batch = locked_batch(claim)
    moved = lock_accounts(ids) != batch.versions
    if moved:
        if not wait:
            raise _Booked
        mark_known(claim)  # others have to wait: they never let us compare in peace
        ready = ready._replace(new=_sort(batch.pk), known=_known(batch.pk))
        _refuse_halves(batch.pk)
    _check_accounts(batch, ids)
    if moved or holders_of(batch.pk, ids) != ready.holders:
        _refuse_strangers(batch.pk, ids)
    resolve(batch.pk, make=True)
    now = timezone.now()
    if ready.new + ready.known != batch.rows or _fill(batch, now, ready.new) != ready.new:
        raise RowsLost
    classify(claim, ids)
    transfers = _pair(batch, now, one_currency=ready.one_currency)
    counts: dict[str, Any] = {"new": ready.new, "known": ready.known, "transfers": transfers}
    record(actor=batch.owner, action="import.committed", subject=batch, data={"file": batch.file_name} | counts)
    end(claim, ImportState.COMMITTED, committed_at=now, **counts)


def locked_batch(claim: Claim) -> ImportBatch:
    renew(claim)
    found = of(claim).select_for_update(of=("self",)).select_related("owner").first()
    if found is None or found.owner is None:
        raise AccountOutOfReach
    batch: ImportBatch = found
    return batch


def lock_accounts(ids: Sequence[int]) -> int:
    """Take the accounts' locks in ascending order and move their versions; returns what these were together."""
    before = 0
    for part in in_lists(ids):
        rows = Account.objects.filter(pk__in=part)
        before += sum(rows.order_by("pk").select_for_update().values_list("version", flat=True))
        rows.update(version=F("version") + 1)
    return before


def _check_accounts(batch: ImportBatch, ids: Sequence[int]) -> None:
    refuse_out_of_reach(batch, ids)
    for part in in_lists(ids):
        accounts = Account.objects.filter(pk__in=part)
        for pk, name, closed in accounts.filter(closed_on__isnull=False).values_list("pk", "name", "closed_on"):
            if ImportRow.objects.filter(batch=batch, outcome="new", account=pk, booked_on__gte=closed).exists():
                raise AccountClosed("{name} is closed since {closed}.", name=name, closed=closed)


def refuse_out_of_reach(batch: ImportBatch, ids: Sequence[int]) -> None:
    """Refuse a file into whose accounts its owner may no longer book. Raises AccountOutOfReach."""
    accounts = Account.objects.editable_by(batch.owner) if batch.owner else Account.objects.none()
    if sum(accounts.filter(pk__in=part).count() for part in in_lists(ids)) != len(ids):
        raise AccountOutOfReach


def _refuse_halves(batch_id: int) -> None:
    for line, text in half_known(batch_id):
        raise HalfThere("Line {line}: {reason}.", line=line, reason=text)


def _refuse_strangers(batch_id: int, ids: Sequence[int]) -> None:
    for line, text in strangers(batch_id, ids):
        raise Unacquainted("Line {line}: {reason}.", line=line, reason=text)


@contextmanager
def sorted_rows(batch_id: int) -> Iterator[int]:
    """Have the new rows ready by account and day, before a lock is held; how many they are.

    So nearly every index of the books grows at one end of each account, which takes half the time of growing anywhere.
    SQLite sorts them into a table of this connection; PostgreSQL's locks are the rows' own, and it sorts as it books.
    """
    new = _sort(batch_id)
    try:
        yield new
    finally:
        _forget_sorted()


def _sort(batch_id: int) -> int:
    if connection.vendor != "sqlite":
        return ImportRow.objects.filter(batch=batch_id, outcome=Outcome.NEW).count()
    _forget_sorted()
    with connection.cursor() as cursor:
        # The names are this module's own; values are parameters.
        cursor.execute(
            f"CREATE TEMP TABLE {SORTED} AS SELECT {', '.join(STAGED)} FROM banking_importrow"  # noqa: S608
            " WHERE batch_id = %s AND outcome = 'new' ORDER BY account, booked_on, line",
            [batch_id],
        )
        return int(cursor.execute(f"SELECT COUNT(*) FROM temp.{SORTED}").fetchone()[0])  # noqa: S608


def _forget_sorted() -> None:
    if connection.vendor == "sqlite":
        with connection.cursor() as cursor:
            cursor.execute(f"DROP TABLE IF EXISTS temp.{SORTED}")


def _fill(batch: ImportBatch, now: datetime, new: int) -> int:
    """Copy the new rows into the books; returns how many. Where they are the most of them, indexes wait for the end."""
    last = CashTransaction.objects.aggregate(last=Max("pk"))["last"] or 0  # nothing counts as fast
    with bulk.indexed_after(CashTransaction) if new >= max(last, INDEXED_AFTER) else nullcontext():
        return _insert(batch, now)


def _insert(batch: ImportBatch, now: datetime) -> int:
    """Copy the new rows into the books in one statement, those of a day in the order of the file; returns how many."""
    taken = {name: f"r.{name}" for name in ("booked_on", "section", "description", "external_id", "content_key")}
    taken |= {"account_id": "r.account", "amount": "r.units / 10000.0", "batch_line": "r.line"}
    taken |= {"category_id": "c.found", "counterparty_id": "p.found"}
    by = f"CASE WHEN c.found IS NULL THEN '{ClassifiedBy.NOBODY}' ELSE '{ClassifiedBy.IMPORT}' END"
    taken["classified_by"] = by
    constants: dict[str, Any] = {"origin": Origin.ENTRY, "created_at": now}
    constants |= {"created_by_id": batch.owner_id, "batch_id": batch.pk}
    columns, selected, values = _columns(CashTransaction, taken, constants)
    # The names are this module's and the models' own; values are parameters.
    source, order = f"temp.{SORTED} r", "r.rowid"
    if connection.vendor != "sqlite":
        source, order = "banking_importrow r", "r.account, r.booked_on, r.line"
    statement = f"""
        INSERT INTO banking_cashtransaction ({columns})
        WITH names AS MATERIALIZED (SELECT number, found FROM banking_importname WHERE batch_id = %s)
        SELECT {selected} FROM {source}
        LEFT JOIN names c ON c.number = r.category LEFT JOIN names p ON p.number = r.counterparty
        WHERE r.batch_id = %s AND r.outcome = 'new' AND (r.category IS NULL OR c.found IS NOT NULL)
        AND (r.counterparty IS NULL OR p.found IS NOT NULL) ORDER BY {order}
    """  # noqa: S608
    with connection.cursor() as cursor:
        cursor.execute(statement, [batch.pk, *values, batch.pk])
        return int(cursor.rowcount)


STAGED = (
    *("batch_id", "line", "outcome", "account", "booked_on", "units", "section", "description", "category"),
    *("counterparty", "external_id", "content_key"),
)
LEGS = """
FROM banking_importrow x JOIN banking_importrow y ON y.batch_id = x.batch_id AND y.transfer_group = x.transfer_group
JOIN banking_cashtransaction s ON s.batch_id = x.batch_id AND s.batch_line = x.line
JOIN banking_cashtransaction t ON t.batch_id = y.batch_id AND t.batch_line = y.line
WHERE x.batch_id = %s AND NOT (x.transfer_group = '') AND NOT (y.transfer_group = '')
AND x.outcome = 'new' AND x.units < 0 AND y.units > 0
"""
ACROSS = f"SELECT s.id, t.id, x.units, y.units {LEGS} AND x.currency <> y.currency ORDER BY x.line"


def _pair(batch: ImportBatch, now: datetime, *, one_currency: bool) -> int:
    """Join the two legs of each transfer; returns how many there are. With ``one_currency`` none has a rate."""
    constants = {"created_by_id": batch.owner_id, "created_at": now}
    columns, selected, values = _columns(Transfer, {"sent_id": "s.id", "received_id": "t.id", "rate": "1"}, constants)
    # The names are this module's and the models' own; values are parameters.
    within = f"INSERT INTO banking_transfer ({columns}) SELECT {selected} {LEGS} AND x.currency = y.currency"
    with connection.cursor() as cursor:
        cursor.execute(f"{within} ORDER BY x.line", [*values, batch.pk])
        paired = int(cursor.rowcount)
        if one_currency:
            return paired
        cursor.execute(ACROSS, [batch.pk])
        found = cursor.fetchall()
    same = constants | _defaults(Transfer, {"sent_id", "received_id", "rate", *constants})
    rows = (
        (sent, received, rate_of(-left * MONEY_SCALE, arrived * MONEY_SCALE), *same.values())
        for sent, received, left, arrived in found
    )
    return paired + bulk.insert(Transfer, ("sent_id", "received_id", "rate", *same), rows)


def _columns(model: type[Model], taken: Mapping[str, str], constants: Mapping[str, Any]) -> tuple[str, str, list[Any]]:
    """(columns, what is selected into them, its parameters): expressions, constants, and the model's own defaults."""
    fields = {field.attname: field for field in model._meta.concrete_fields}  # noqa: SLF001  Django's name
    given = {**constants, **_defaults(model, {*taken, *constants})}
    columns = ", ".join(connection.ops.quote_name(str(fields[name].column)) for name in (*taken, *given))
    values = [fields[name].get_db_prep_save(value, connection) for name, value in given.items()]
    return columns, ", ".join([*taken.values(), *["%s"] * len(values)]), values


def _defaults(model: type[Model], named: Collection[str]) -> dict[str, Any]:
    """The defaults of the columns that may not be empty, without ``named``: no database has them by itself."""
    fields = model._meta.concrete_fields  # noqa: SLF001  Django's name
    needed = (field for field in fields if field.attname not in named and not field.null and not field.primary_key)
    defaults = ((field.attname, field.get_default()) for field in needed)
    return {name: value.value if isinstance(value, Choices) else value for name, value in defaults}


@contextmanager
def roomy() -> Iterator[None]:
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
