"""Files of both kinds from one step to the next: checked, booked, undone. Each step is safe to repeat."""

from __future__ import annotations

import logging
from datetime import datetime
from typing import Any

from django.db import IntegrityError, OperationalError, transaction
from django.utils import timezone

from activity.services import record
from banking.models import (
    Account,
    ImportBatch,
    ImportKind,
    ImportRow,
    ImportState,
    Outcome,
)
from banking.services import import_booking, import_cash, import_names, import_owners, import_undo
from banking.services.import_cash import CashStager, account_ids
from banking.services.import_mapping import layout_of
from banking.services.import_staging import Names, Reader, begin, mark_wrong, note_format, stage
from banking.services.imports import (
    MOST_ATTEMPTS,
    Claim,
    ImportLost,
    claim,
    clear,
    end,
    kept,
    of,
    release,
    renew,
    shorten,
)
from banking.statements import trades, transactions
from banking.statements.base import Unreadable
from core.errors import DomainError
from portfolios.models import Portfolio, Trade
from portfolios.services import import_trades
from portfolios.services.import_trades import Order, TradeStager, orders, position_of
from portfolios.services.settlement import accounts_of
from portfolios.services.trades import book, locked, void_trades

log = logging.getLogger(__name__)
KINDS = {ImportKind.TRANSACTIONS.value: transactions.COLUMNS, ImportKind.TRADES.value: trades.COLUMNS}
SHOWN = 100  # first rows that are kept of a file that was refused
FAILED = "It failed unexpectedly; what happened is in the server's log."
LOST = f"It was tried {MOST_ATTEMPTS} times, and failed or lost its worker each time."


def run(batch_id: int, *, now: datetime) -> None:
    """Do what is to be done with a file, unless somebody does: check it, book it, or undo it.

    Safe to call twice or at once. A file whose worker was killed is claimed again once its lease has ended: it is then
    checked from its beginning; a booking is one transaction, so it has happened or it has not. One that the database
    refused is claimed again by the next tick, MOST_ATTEMPTS times in all.
    """
    held = claim(batch_id, now)
    if held is None:
        return
    batch = of(held).select_related("owner").get()
    step = {ImportState.COMMITTING: _commit, ImportState.UNDOING: _undo}.get(batch.state, _check)
    try:
        if batch.attempts > MOST_ATTEMPTS:
            _stop(held, batch, LOST)
            return
        with kept(held):
            step(held, batch)
    except ImportLost:
        log.warning("import %d was taken over; nothing was written", batch_id)
        return
    except (DomainError, Unreadable) as error:
        _stop(held, batch, str(error))
    except (IntegrityError, OperationalError):  # somebody made the same name, or the database was busy: tried again
        log.exception("import %d failed, attempt %d of %d", batch_id, batch.attempts, MOST_ATTEMPTS)
        release(held)
        return
    except Exception:
        _stop(held, batch, FAILED)
        raise
    _tidy(held)


def _tidy(held: Claim) -> None:
    """Forget what a file that is settled does not need any more."""
    batch = ImportBatch.objects.filter(pk=held.batch_id).first()
    if batch is None or batch.state in (ImportState.COMMITTED, ImportState.UNDONE):
        clear(held.batch_id)
    elif batch.state == ImportState.FAILED:
        shorten(held, shown=SHOWN)


def _stop(held: Claim, batch: ImportBatch, message: str) -> None:
    """What cannot be booked is refused; what cannot be undone stays in the books."""
    state = ImportState.COMMITTED if batch.state == ImportState.UNDOING else ImportState.FAILED
    try:
        end(held, state, message=message)
    except ImportLost:
        log.warning("import %d was taken over; nothing was written", batch.pk)


# --- checking -----------------------------------------------------------------------------------------------------


def _check(held: Claim, batch: ImportBatch) -> None:
    of(held).update(state=ImportState.CHECKING)
    if batch.owner is None:
        raise import_booking.AccountOutOfReach
    begin(held)
    names = Names(batch.pk)
    reader = Reader(batch.pk)
    layout = layout_of(held, batch, reader.sheet, KINDS)
    if layout is None:
        return
    note_format(held, layout.kind, reader.sheet)
    stager: Any = CashStager if layout.kind == ImportKind.TRANSACTIONS else TradeStager
    tally = stage(held, reader, layout.stager(stager(batch.owner, layout.places, names)), names)
    batch.refresh_from_db()
    wrong = tally.wrong or _judged(held, batch)
    known = ImportRow.objects.filter(batch=batch, outcome=Outcome.KNOWN).count()
    counts: dict[str, Any] = {"rows": tally.rows, "wrong": wrong, "known": known}
    now = timezone.now()
    if wrong:
        message = _refused(wrong, tally.rows)
        end(held, ImportState.FAILED, message=message, checked_at=now, **counts)
        return
    new = tally.rows - known
    pairs = ImportRow.objects.filter(batch=batch, outcome=Outcome.NEW).exclude(transfer_group="").count() // 2
    end(held, ImportState.READY, checked_at=now, new=new, transfers=pairs, **counts)


def _refused(wrong: int, rows: int) -> str:
    """In English, whoever reads it: pages retell it."""
    if rows == 1:
        return "The only row has an error; nothing is booked."
    return f"{wrong:,} of {rows:,} rows {'has an error' if wrong == 1 else 'have errors'}; nothing is booked."


def _judged(held: Claim, batch: ImportBatch) -> int:
    """What the rows are together, and beside the books; returns how many are wrong."""
    if batch.kind == ImportKind.TRADES:
        _mark_known_trades(held, batch)
        return mark_wrong(batch.pk, list(import_trades.faults(batch, timezone.now())))
    import_names.resolve(batch.pk)
    renew(held)
    if wrong := mark_wrong(batch.pk, list(import_cash.faults(batch.pk))):
        return wrong
    if import_owners.settle(held):
        import_names.resolve(batch.pk)
    import_booking.compare(held, account_ids(batch.pk))
    return mark_wrong(batch.pk, list(import_cash.half_known(batch.pk)))


def _mark_known_trades(held: Claim, batch: ImportBatch) -> None:
    rows = ImportRow.objects.filter(batch=batch)
    rows.filter(outcome=Outcome.KNOWN).update(outcome=Outcome.NEW)
    lines = import_trades.known_lines(batch)
    for start in range(0, len(lines), 500):
        rows.filter(line__in=lines[start : start + 500]).update(outcome=Outcome.KNOWN)


# --- booking ------------------------------------------------------------------------------------------------------


def _commit(held: Claim, batch: ImportBatch) -> None:
    if batch.kind == ImportKind.TRANSACTIONS:
        import_booking.commit(held)
        return
    if ImportRow.objects.filter(batch=batch).count() != batch.rows:
        raise import_booking.RowsLost
    with transaction.atomic():
        _book_trades(held, batch)


def _book_trades(held: Claim, batch: ImportBatch) -> None:
    """All trades of the file in one transaction: portfolios locked first, then their accounts, each ascending."""
    renew(held)
    rows = ImportRow.objects.filter(batch=batch)
    accounts = rows.exclude(outcome=Outcome.WRONG).values("account")
    Portfolio.objects.filter(portfolio_accounts__account__in=accounts).distinct().bump()
    import_booking.refuse_out_of_reach(batch, account_ids(batch.pk))
    _mark_known_trades(held, batch)
    made = orders(batch, make=True)
    _bump_accounts([order.portfolio for order in made])
    for order in made:
        _book(order, batch)
    new = sum(len(order.trades) for order in made)
    counts: dict[str, Any] = {"new": new, "known": batch.rows - new}
    record(actor=batch.owner, action="import.committed", subject=batch, data={"file": batch.file_name} | counts)
    end(held, ImportState.COMMITTED, committed_at=timezone.now(), **counts)


def _bump_accounts(portfolios: list[Portfolio]) -> None:
    ids = [account.pk for portfolio in portfolios for account in accounts_of(portfolio)]
    Account.objects.filter(pk__in=ids).bump()


def _book(order: Order, batch: ImportBatch) -> None:
    portfolio = locked(order.portfolio)
    try:
        booked = book(portfolio, order.trades, actor=batch.owner, where=lambda position: f"trades.{position}.")
    except DomainError as error:
        raise type(error)(f"Line {order.lines[position_of(error)]}: {error.message}") from error
    for trade, line, key in zip(booked, order.lines, order.keys, strict=True):
        trade.batch, trade.batch_line, trade.content_key = batch, line, key
    Trade.objects.bulk_update(booked, ["batch", "batch_line", "content_key"], batch_size=500)


# --- undoing ------------------------------------------------------------------------------------------------------


def _undo(held: Claim, batch: ImportBatch) -> None:
    if batch.kind == ImportKind.TRANSACTIONS:
        import_undo.undo(held)
        return
    with transaction.atomic():
        renew(held)
        ids = sorted(set(batch.trades.values_list("portfolio", flat=True)))
        Portfolio.objects.filter(pk__in=ids).bump()
        portfolios = list(Portfolio.objects.filter(pk__in=ids).order_by("pk"))
        _bump_accounts(portfolios)
        _refuse_out_of_reach(batch, ids)
        for portfolio in portfolios:
            void_trades(portfolio=portfolio, trades=batch.trades.filter(portfolio=portfolio), actor=batch.owner)
        record(actor=batch.owner, action="import.undone", subject=batch, data={"file": batch.file_name})
        end(held, ImportState.UNDONE, undone_at=timezone.now())


def _refuse_out_of_reach(batch: ImportBatch, portfolios: list[int]) -> None:
    """Refuse to take trades out of what the file's owner may no longer book into. Raises AccountOutOfReach."""
    mine = Portfolio.objects.editable_by(batch.owner) if batch.owner else Portfolio.objects.none()
    if mine.filter(pk__in=portfolios).count() < len(portfolios):
        raise import_booking.AccountOutOfReach
    accounts = batch.trades.filter(account__isnull=False).order_by().values_list("account", flat=True).distinct()
    import_booking.refuse_out_of_reach(batch, sorted(accounts))
