"""Whom people and organisations pay and are paid by, and the words that they mark rows with."""

from __future__ import annotations

from typing import Any

from django.db import transaction

from activity.services import record
from banking.models import Counterparty, Tag
from banking.services.accounts import clean_iban
from banking.services.classification import account_that_receives, checked_name
from banking.services.renaming import check_pair, lock, put_in_place, remove, store
from users.models import Organisation, User, owned_by


@transaction.atomic
def create_counterparty(*, holder: User | Organisation, name: str, actor: User | None, iban: str = "") -> Counterparty:
    """It is internal where an account of this server receives under its IBAN or handle.

    Raises NameNeeded, NameTooLong, NameTaken, BadIban, AliasTooLong.
    """
    iban = clean_iban(iban)
    row = Counterparty(**owned_by(holder), name=checked_name(Counterparty, name, "name"), iban=iban)
    row.account = account_that_receives(iban)
    store(row, force_insert=True)
    record(actor=actor, action="counterparty.created", subject=row, data={"name": row.name, "iban": iban})
    return row


@transaction.atomic
def change_counterparty(
    *, counterparty: Counterparty, actor: User | None, name: str | None = None, iban: str | None = None
) -> Counterparty:
    """Raises what ``create_counterparty`` raises, Gone."""
    row: Counterparty = lock(counterparty)[0]
    before = {"name": row.name, "iban": row.iban}
    if name is not None:
        row.name = checked_name(Counterparty, name, "name")
    if iban is not None:
        row.iban = clean_iban(iban)
        row.account = account_that_receives(row.iban)
    store(row, update_fields=["name", "iban", "account"])
    after = {"name": row.name, "iban": row.iban}
    if after != before:
        record(actor=actor, action="counterparty.changed", subject=row, data={"from": before, "to": after})
    return row


@transaction.atomic
def create_tag(*, holder: User | Organisation, name: str, actor: User | None) -> Tag:
    """Raises NameNeeded, NameTooLong, NameTaken."""
    row = Tag(**owned_by(holder), name=checked_name(Tag, name, "name"))
    store(row, force_insert=True)
    record(actor=actor, action="tag.created", subject=row, data={"name": row.name})
    return row


@transaction.atomic
def rename_tag(*, tag: Tag, name: str, actor: User | None) -> Tag:
    """Raises NameNeeded, NameTooLong, NameTaken, Gone."""
    row: Tag = lock(tag)[0]
    before, row.name = row.name, checked_name(Tag, name, "name")
    store(row, update_fields=["name"])
    if row.name != before:
        record(actor=actor, action="tag.renamed", subject=row, data={"from": before, "to": row.name})
    return row


@transaction.atomic
def merge_into(*, source: Any, target: Any, actor: User | None) -> dict[str, int]:
    """Put one counterparty or tag wherever another of the same owner stands, and delete that.

    Returns model names to how many rows were changed. Raises MergeWithItself, OfAnotherOwner, Gone.
    """
    check_pair(source, target)
    source, target = lock(source, target)
    counts = put_in_place(source, target)
    data = {"name": source.name, "into": target.pk, "changed": counts}
    record(actor=actor, action=f"{source._meta.model_name}.merged", subject=source, data=data)  # noqa: SLF001
    source.delete()
    return counts


@transaction.atomic
def delete_named(*, row: Any, actor: User | None) -> None:
    """Delete a counterparty that no row has, or a tag, which is taken off its rows. Raises StillUsed, Gone."""
    [row] = lock(row)
    record(actor=actor, action=f"{row._meta.model_name}.deleted", subject=row, data={"name": row.name})  # noqa: SLF001
    remove(row)
