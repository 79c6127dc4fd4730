"""What categories, counterparties and tags share: names that are taken, locks, and one in the place of another."""

from __future__ import annotations

from typing import Any

from django.db import IntegrityError, models, transaction
from django.db.models.deletion import ProtectedError, RestrictedError
from django.utils.translation import gettext as _

from core.errors import DomainError, Gone

Row = Any  # a category, a counterparty or a tag


class NameTaken(DomainError):
    """There is one of this name already."""


class StillUsed(DomainError):
    """Something refers to it, voided rows included: merge it into another one instead."""


class MergeWithItself(DomainError):
    """It is merged into another one, not into itself."""


class OfAnotherOwner(DomainError):
    """Both belong to the same person or organisation."""


def store(row: Row, **options: Any) -> None:
    """Save it; the database decides whether its name is taken, so that two at once cannot both have it."""
    try:
        with transaction.atomic():
            row.save(**options)
    except IntegrityError as error:
        raise NameTaken(field="name") from error


def lock(*rows: Row) -> list[Row]:
    """The rows as they are now, locked in ascending order. Raises Gone."""
    model = type(rows[0])
    wanted = sorted({row.pk for row in rows})
    found = {row.pk: row for row in model.objects.select_for_update(of=("self",)).filter(pk__in=wanted).order_by("pk")}
    if len(found) < len(wanted):
        raise Gone(_("This was deleted meanwhile."))
    return [found[row.pk] for row in rows]


def check_pair(source: Row, target: Row) -> None:
    """Refuse to merge what cannot stand for each other. Raises MergeWithItself, OfAnotherOwner."""
    if source.pk == target.pk:
        raise MergeWithItself(field="into")
    if not source.belongs_with(target) and not getattr(target, "is_everybodys", False):
        raise OfAnotherOwner(field="into")


def put_in_place(source: Row, target: Row) -> dict[str, int]:
    """Let everything that refers to ``source`` refer to ``target``; model names to how many rows did.

    It follows the models' own relations, so that none is forgotten that a later one adds.
    """
    counts: dict[str, int] = {}
    for relation in source._meta.get_fields(include_hidden=True):  # noqa: SLF001  Django's documented name
        if isinstance(relation, models.ManyToManyRel):
            continue  # its rows in between have a relation of their own
        if isinstance(relation, models.ManyToOneRel):
            name = relation.related_model._meta.model_name  # noqa: SLF001  the same
            counts[str(name)] = _repoint(relation, source, target)
    return {name: count for name, count in counts.items() if count}


def _repoint(relation: models.ManyToOneRel, source: Row, target: Row) -> int:
    model: Any = relation.related_model
    column, rows = relation.field.name, model._base_manager  # noqa: SLF001  without the filters of a manager
    mine = rows.filter(**{column: source})
    options = model._meta  # noqa: SLF001  Django's documented name
    if options.auto_created:  # rows of a many-to-many relation, which may hold each pair once
        [other] = [each.name for each in options.fields if each.is_relation and each.name != column]
        there = rows.filter(**{column: target}).values(other)
        count = mine.count()
        mine.filter(**{f"{other}__in": there}).delete()
        rows.filter(**{column: source}).update(**{column: target})
        return int(count)
    return int(mine.update(**{column: target}))


def remove(row: Row) -> None:
    """Delete what nothing refers to. Raises StillUsed."""
    try:
        with transaction.atomic():
            row.delete()
    except (ProtectedError, RestrictedError, IntegrityError) as error:
        raise StillUsed from error
