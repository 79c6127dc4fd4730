"""The categories that everybody has, and those that people and organisations add below them or beside."""

from __future__ import annotations

import json
from collections.abc import Collection, Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any

from django.conf import settings
from django.db import transaction
from django.utils.translation import gettext as _

from activity.models import AuditEvent
from activity.services import record
from banking.models import Budget, Category, Section
from banking.models.classification import everybodys
from banking.services.budgets import delete_budget
from banking.services.classification import UnknownCategorySection, called, checked_name, shipped_called
from banking.services.renaming import NameTaken, check_pair, lock, put_in_place, remove, store
from banking.services.rule_changes import lock_holder
from core.errors import DomainError
from users.models import Organisation, User, owned_by

DEEPEST = 4  # a category, and at most three above it
KEPT = object()
Key = tuple[str, str]  # section and name
Known = dict[Key, Category]
Tree = Mapping[str, Any]
TREE = settings.BASE_DIR / "fixtures" / "categories.json"
LATER = "later"  # of the tree's file: what it got since, one tree for each time, with the parents of what is new
OFFERED, NO_ONE = "categories.offered", "None"  # in the audit trail, which remembers it; about no category of its own


class BadParent(DomainError):
    """A category stands below one of its own section that everybody or its owner has."""


class ParentBelowItself(DomainError):
    """A category cannot stand below itself."""


class TooDeep(DomainError):
    """Categories stand at most four deep."""


class SectionsDiffer(DomainError):
    """Both categories are of the same section."""


class EverybodysCategory(DomainError):
    """This category is everybody's: staff look after it."""


@transaction.atomic
def install_categories(path: Path | None = None) -> int:
    """Add what of the tree of ``fixtures/categories.json`` this database was not offered before; returns how many.

    Once staff have changed the tree it is theirs: what they renamed or removed does not come back. What a later version
    of the file has under "later" is offered once, below its parent if that is still everybody's, else at the top; a
    name that everybody has by then is left alone.
    """
    given = json.loads((path or TREE).read_text(encoding="utf-8"))
    editions = [{section: tree for section, tree in given.items() if section != LATER}, *given.get(LATER, [])]
    offered = _offered()
    known = {_key(row.section, row.name): row for row in Category.objects.filter(everybodys())}
    before = {_key(*name) for edition in editions[:offered] for name in _names(edition)}
    count = 0
    for edition in editions[offered:]:
        count += sum(_plant(section, None, tree, known, before) for section, tree in edition.items())
    if offered < len(editions):
        record(actor=None, action=OFFERED, subject=Category(), data={"edition": len(editions), "new": count})
    return count


def _offered() -> int:
    """How many editions of the tree this database was offered: the first was not written down."""
    kind = Category._meta.label_lower  # noqa: SLF001  Django's public name for it
    event = AuditEvent.objects.filter(subject_type=kind, subject_id=NO_ONE, action=OFFERED).order_by("-pk").first()
    return int(event.data["edition"]) if event else int(Category.objects.filter(everybodys()).exists())


def _plant(section: str, parent: Category | None, tree: Tree, known: Known, before: Collection[Key]) -> int:
    """Store those of the names, and of what is below each, that are neither ``known`` nor were offered ``before``."""
    count = 0
    for name, below in tree.items():
        key = _key(section, name)
        if key not in known and key not in before:
            places = {row.pk: row for row in known.values()}
            place = parent if parent and len(_above(parent, places)) < DEEPEST else None
            known[key] = Category.objects.create(section=section, name=name, parent=place)
            count += 1
        count += _plant(section, known.get(key, parent), below, known, before)
    return count


def _names(trees: Mapping[str, Tree]) -> Iterator[Key]:
    """Section and name of all that is in trees by section."""
    for section, tree in trees.items():
        for name, below in tree.items():
            yield section, name
            yield from _names({section: below})


def _key(section: str, name: str) -> Key:
    return section, name.lower()


@transaction.atomic
def create_category(
    *, holder: User | Organisation, section: str, name: str, actor: User | None, parent: Category | None = None
) -> Category:
    """Raises NameNeeded, NameTooLong, NameTaken, UnknownCategorySection, BadParent, TooDeep."""
    if section not in Section.values:
        raise UnknownCategorySection(field="section")
    category = Category(**owned_by(holder), section=section, name=checked_name(Category, name, "name"))
    _set_parent(category, parent, _tree(category))
    _refuse_everybodys_name(category)
    store(category, force_insert=True)
    record(actor=actor, action="category.created", subject=category, data={"name": category.name, "section": section})
    return category


@transaction.atomic
def change_category(*, category: Category, actor: User | None, name: str = "", parent: Any = KEPT) -> Category:
    """Rename a category, or move it with all below it under ``parent``; None moves it to the top of its section.

    Raises what ``create_category`` raises, EverybodysCategory, ParentBelowItself, Gone.
    """
    tree = _tree(category)
    [category] = lock(category)
    _refuse_everybodys(category)
    before = {"name": category.name, "parent": category.parent_id}
    if name:
        had, category.name = category.name, checked_name(Category, name, "name")
        if category.name.lower() != had.lower():  # what it was called stays, whatever that is in the reader's language
            _refuse_everybodys_name(category)
    if parent is not KEPT:
        _set_parent(category, parent, tree)
    store(category, update_fields=["name", "parent"])
    after = {"name": category.name, "parent": category.parent_id}
    if after != before:
        record(actor=actor, action="category.changed", subject=category, data={"from": before, "to": after})
    return category


@transaction.atomic
def merge_category(*, source: Category, target: Category, actor: User | None) -> dict[str, int]:
    """Put ``target`` wherever ``source`` stands, rows, parts of rows and the categories below it, and delete it.

    A budget goes along, unless ``target`` has one in some of its months: then that one stays and it is deleted.
    Returns model names to how many rows were changed, and under "budgets_deleted" how many budgets were. Raises
    EverybodysCategory, MergeWithItself, OfAnotherOwner, SectionsDiffer, ParentBelowItself, TooDeep, Gone.
    """
    _refuse_everybodys(source)
    lock_holder(source.holder)  # before any category, as whoever changes a budget does
    tree = _tree(source)
    check_pair(source, target)
    source, target = lock(source, target)
    if source.section != target.section:
        raise SectionsDiffer(field="into")
    if source.pk in _above(target, tree):
        raise ParentBelowItself(_("The other category stands below this one: move it out first."), field="into")
    if len(_above(target, tree)) + _height(source, tree) > DEEPEST + 1:
        raise TooDeep(field="into")
    dropped = _drop_budgets(source, target, actor)
    counts = put_in_place(source, target) | ({"budgets_deleted": dropped} if dropped else {})
    data = {"name": source.name, "into": target.pk, "changed": counts}
    record(actor=actor, action="category.merged", subject=source, data=data)
    source.delete()
    return counts


@transaction.atomic
def delete_category(*, category: Category, actor: User | None) -> None:
    """Raises StillUsed, EverybodysCategory, Gone."""
    [category] = lock(category)
    _refuse_everybodys(category)
    record(actor=actor, action="category.deleted", subject=category, data={"name": category.name})
    remove(category)


def _drop_budgets(source: Category, target: Category, actor: User | None) -> int:
    """Delete the budgets of ``source`` for whose months ``target`` has one: a month has one budget for a category."""
    theirs = list(Budget.objects.belonging_with(source).filter(category=target))
    dropped = [
        budget for budget in Budget.objects.filter(category=source) if any(budget.overlaps(other) for other in theirs)
    ]
    for budget in dropped:
        delete_budget(budget=budget, actor=actor)
    return len(dropped)


def check_place(category: Category, parent: Category | None) -> None:
    """Refuse what ``change_category`` would refuse of a new parent."""
    _set_parent(category, parent, _tree(category))


def _refuse_everybodys(category: Category) -> None:
    if category.is_everybodys:
        raise EverybodysCategory


def _refuse_everybodys_name(category: Category) -> None:
    same = called(Category.objects.filter(everybodys()), category.name).filter(section=category.section)
    if same.exists() or shipped_called(category.name, category.section):
        raise NameTaken(_("Everybody has a category of this name already."), field="name")


def _tree(category: Category) -> dict[int, Category]:
    """Every category that this one may stand below or above, its owner's locked: two moves cannot make a circle."""
    with transaction.atomic():
        own = Category.objects.belonging_with(category).select_for_update(of=("self",)).order_by("pk")
        return {row.pk: row for row in (*own, *Category.objects.filter(everybodys()))}


def _set_parent(category: Category, parent: Category | None, tree: Mapping[int, Category]) -> None:
    if parent and (parent.pk not in tree or parent.section != category.section):
        raise BadParent(field="parent")
    above = _above(parent, tree) if parent else []
    if category.pk and category.pk in above:
        raise ParentBelowItself(field="parent")
    if len(above) + (_height(category, tree) if category.pk else 1) > DEEPEST:
        raise TooDeep(field="parent")
    category.parent = parent


def _above(category: Category, tree: Mapping[int, Category]) -> list[int]:
    """Its own id and those above it."""
    found: list[int] = []
    at: int | None = category.pk
    while at is not None and at not in found:
        found.append(at)
        at = tree[at].parent_id
    return found


def _height(category: Category, tree: Mapping[int, Category]) -> int:
    """How many levels it and what stands below it take."""
    below: Iterable[Category] = [row for row in tree.values() if row.parent_id == category.pk]
    return 1 + max((_height(row, tree) for row in below), default=0)
