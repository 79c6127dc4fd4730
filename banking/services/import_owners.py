"""Transfers of a file that go between two owners: an expense of the one and income of the other, as payments are."""

from __future__ import annotations

from array import array
from collections import defaultdict
from collections.abc import Iterator, Sequence
from itertools import chain
from typing import NamedTuple

from django.db import connection, transaction
from django.db.models import Max

from banking.models import ImportName, ImportRow, NameKind, Section
from banking.services.import_cash import holders_of, in_lists, unacquainted
from banking.services.imports import Claim, renew

AT_ONCE = 10_000
LISTED = 500

# The two rows of each new transfer of a file, the one that pays first.
PAIRS = """
FROM banking_importrow x JOIN banking_importrow y ON y.batch_id = x.batch_id AND y.transfer_group = x.transfer_group
JOIN banking_account a ON a.id = x.account JOIN banking_account b ON b.id = y.account
LEFT JOIN banking_importname n ON n.batch_id = x.batch_id AND n.number = x.category
WHERE x.batch_id = %s AND NOT (x.transfer_group = '') AND NOT (y.transfer_group = '')
AND x.outcome = 'new' AND x.units < 0 AND y.units > 0
"""
APART = """(COALESCE(a.owner_id, 0) <> COALESCE(b.owner_id, 0)
OR COALESCE(a.organisation_id, 0) <> COALESCE(b.organisation_id, 0))"""
# Its category is one of transfers that the payer's books have; a payment's, once settled, is one of expenses.
STAYS = "(n.found IS NOT NULL AND n.section = 'transfer')"
PAID = f"SELECT x.id, y.id, x.category, y.category {PAIRS} AND {APART} AND NOT {STAYS}"
CHANGED = f"""
SELECT x.line {PAIRS} AND NOT (x.section = CASE WHEN {APART} AND NOT {STAYS} THEN 'expense' ELSE 'transfer' END)
ORDER BY x.line LIMIT 1
"""


class _Kind(NamedTuple):
    """What rows become: of this section, their category being the number of a name of the file."""

    section: Section
    category: int | None


def settle(claim: Claim) -> int:
    """Make the rows of transfers between two owners expense and income; returns how many transfers those are.

    As with a payment, the payer's category decides: one that its books have as a category of transfers leaves the two a
    transfer. Call it once the names of a checked file are looked up, and look those up anew that this adds. Writes are
    short.
    """
    if len(holders_of(claim.batch_id)) < 2:
        return 0
    found = _paid(claim.batch_id)
    names = _renamed(claim.batch_id, set(found))
    for kind, ids in found.items():
        values = {"section": kind.section, "category": names.get(kind)}
        for start in range(0, len(ids), AT_ONCE):
            with transaction.atomic():
                renew(claim)
                for part in range(start, min(start + AT_ONCE, len(ids)), LISTED):
                    ImportRow.objects.filter(pk__in=list(ids[part : part + LISTED])).update(**values)
    _forget(claim.batch_id, sorted({kind.category for kind in found if kind.category is not None}))
    return sum(len(ids) for kind, ids in found.items() if kind.section == Section.EXPENSE)


def strangers(batch_id: int, ids: Sequence[int]) -> Iterator[tuple[int, str]]:
    """(line, what is wrong) of transfers that cannot be booked, since accounts of the file changed owners."""
    yield from chain(unacquainted(batch_id, ids), _changed(batch_id))


def _paid(batch_id: int) -> dict[_Kind, array[int]]:
    """The rows of transfers between two owners by what they become."""
    found: dict[_Kind, array[int]] = defaultdict(lambda: array("q"))
    with connection.cursor() as cursor:
        cursor.execute(PAID, [batch_id])
        while pairs := cursor.fetchmany(AT_ONCE):
            for sent, received, of_sent, of_received in pairs:
                found[_Kind(Section.EXPENSE, of_sent)].append(sent)
                found[_Kind(Section.INCOME, of_received)].append(received)
    return dict(found)


def _renamed(batch_id: int, kinds: set[_Kind]) -> dict[_Kind, int]:
    """The number of each category of the file once it is of the other section; made if the file has none."""
    every = ImportName.objects.filter(batch=batch_id)
    known = {_key(name, name.section): name.number for name in every.filter(kind=NameKind.CATEGORY)}
    olds = {name.number: name for name in every.filter(kind=NameKind.CATEGORY)}
    number, names, made = every.aggregate(last=Max("number"))["last"] or 0, {}, []
    for kind in sorted(each for each in kinds if each.category is not None):
        old = olds[kind.category or 0]
        key = _key(old, kind.section)
        if key not in known:
            number += 1
            known[key] = number
            owner = {"owner_id": old.owner_id, "organisation_id": old.organisation_id}
            values = {"batch_id": batch_id, "number": number, "kind": old.kind, "section": kind.section}
            made.append(ImportName(**owner, **values, name=old.name))
        names[kind] = known[key]
    ImportName.objects.bulk_create(made, batch_size=LISTED)
    return names


def _key(name: ImportName, section: str) -> tuple[int | None, int | None, str, str]:
    return name.owner_id, name.organisation_id, str(section), name.name.lower()


def _forget(batch_id: int, numbers: list[int]) -> None:
    """Remove those of these names that no row of the file has any more."""
    for part in in_lists(numbers):
        rows = ImportRow.objects.filter(batch=batch_id, category__in=part).order_by()
        used = set(rows.values_list("category", flat=True).distinct())
        ImportName.objects.filter(batch=batch_id, number__in=set(part) - used).delete()


def _changed(batch_id: int) -> Iterator[tuple[int, str]]:
    with connection.cursor() as cursor:
        cursor.execute(CHANGED, [batch_id])
        for (line,) in cursor.fetchall():
            yield line, "an account of this transfer changed its owner meanwhile; upload the file again"
