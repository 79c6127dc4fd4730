"""A cash row as the list shows it: its words in the reader's language, put together once and not step by step."""

from __future__ import annotations

from collections.abc import Container, Sequence
from datetime import date
from itertools import groupby
from typing import NamedTuple

from django.urls import reverse
from django.utils.translation import gettext as _

from banking.models import CashTransaction, Category, Origin, Tag
from banking.queries.transactions import CashRow


class Mark(NamedTuple):
    """A word beside a row; a ``strong`` one says that the row counts no more."""

    text: str
    strong: bool = False


class ShownRow(NamedTuple):
    """``may``: the reader changes it, in place unless it is ``fixed``: voided, or split into parts.

    ``title`` says whom it went to or where it came from, else the same as ``what``; ``below`` is what was written of it
    where the title does not say so.
    """

    row: CashTransaction
    may: bool
    fixed: bool
    category: Category | None
    url: str
    change_url: str
    what: str
    title: str
    below: str
    marks: Sequence[Mark]
    tags: Sequence[Tag]


def by_day(rows: Sequence[CashRow], known: Container[int], mine: Container[int]) -> list[tuple[date, list[ShownRow]]]:
    """The rows of each day, in their order. ``known`` are the accounts one sees, ``mine`` those that one changes."""
    days = groupby(rows, key=lambda found: found.row.booked_on)
    return [(day, [_shown(each, known, mine) for each in found]) for day, found in days]


def _shown(found: CashRow, known: Container[int], mine: Container[int]) -> ShownRow:
    row = found.row
    what = row.description or row.get_section_display()
    told = str(row.counterparty or "") or _transfer(found, known)
    return ShownRow(
        row,
        row.account_id in mine,
        row.voided_at is not None or bool(row.splits.all()),
        row.category,
        reverse("banking-transaction", args=[row.pk]),
        reverse("banking-transaction-category", args=[row.pk]),
        what,
        told or what,
        row.description if told else "",
        _marks(row),
        list(row.tags.all()),
    )


def _transfer(found: CashRow, known: Container[int]) -> str:
    """Where a leg of a transfer comes from or goes to; empty for another row."""
    if found.transfer is None:
        return ""
    came = found.row.amount > 0
    if found.other is None or found.other.account_id not in known:
        return _("Transfer from another account") if came else _("Transfer to another account")
    named = {"account": found.other.account.name}
    return (_("Transfer from %(account)s") if came else _("Transfer to %(account)s")) % named


def _marks(row: CashTransaction) -> list[Mark]:
    marks = [Mark(_("voided"), strong=True)] if row.voided_at else []
    if row.origin != Origin.ENTRY:
        marks.append(Mark(row.get_origin_display()))
    return [*marks, Mark(_("corrected"))] if row.original_id else marks
