"""What the names in a rule stand for among its owner's categories, counterparties and tags."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from typing import Any

from banking.models import Category, Counterparty, Rule, Section, Tag
from banking.services.classification import called, category_called, category_named, counterparty_named, tags_named
from core.errors import DomainError
from users.models import Organisation, Owned, User, owned_by

NEW = -1  # the id of what would be made


class SectionNeeded(DomainError):
    """There is no category of this name, or more than one: say of which section it is."""


def with_names(
    values: Mapping[str, Any], *, holder: User | Organisation, make: bool, kept: Rule | None = None
) -> dict[str, Any]:
    """``values`` of a rule with categories, counterparties and tags where there are names.

    Those that are missing are made, or with ``make`` False imagined: they have no id of the database. What the rule
    ``kept`` names stays where its name does. Raises SectionNeeded, NameNeeded, NameTooLong.
    """
    books, found = Rule(**owned_by(holder)), dict(values)
    if isinstance(found.get("category"), str):
        before = kept.category if kept else None
        section = found.get("section") or _section_of(found["category"], books, before)
        category = category_named if make else _imagined_category
        found["category"] = category(found["category"], section, books=books, kept=[before])
    for name in ("counterparty", "set_counterparty"):
        if isinstance(found.get(name), str):
            party = counterparty_named if make else _imagined_counterparty
            found[name] = party(found[name], books=books, kept=getattr(kept, name, None))
    if "tags" in found:
        found["tags"] = (tags_named if make else _imagined_tags)(found["tags"], books=books)
    return found


def _section_of(name: str, books: Owned, before: Category | None) -> str:
    """The one section that has a category of this name; that of the one ``before``, if it is called so."""
    if before and category_called(name, before.section, books=books, kept=[before]) == before:
        return before.section
    sections = {section for section in Section.values if category_called(name, section, books=books)}
    if len(sections) != 1:
        raise SectionNeeded(field="section")
    return sections.pop()


def _imagined_category(name: str, section: str, *, books: Owned, kept: Collection[Category | None]) -> Category:
    name = " ".join(name.split())
    made = Category(pk=NEW, **_belongs(books), section=section if section in Section.values else "", name=name)
    return category_called(name, section, books=books, kept=kept) or made


def _imagined_counterparty(name: str, *, books: Owned, kept: Counterparty | None) -> Counterparty:
    name = " ".join(name.split())
    known = called(Counterparty.objects.belonging_with(books), name).order_by("pk")
    found: Counterparty | None = known.filter(pk=kept.pk).first() if kept else None
    found = found or known.filter(iban="").first() or known.first()
    return found or Counterparty(pk=NEW, **_belongs(books), name=name)


def _imagined_tags(names: Iterable[str], *, books: Owned) -> list[Tag]:
    known = {tag.name.lower(): tag for tag in Tag.objects.belonging_with(books)}
    wanted = {" ".join(name.split()).lower(): " ".join(name.split()) for name in names}
    made = (Tag(pk=NEW - place, **_belongs(books), name=name) for place, name in enumerate(wanted.values()))
    return [known.get(lower, new) for lower, new in zip(wanted, made, strict=True)]


def _belongs(books: Owned) -> dict[str, Any]:
    return {"owner_id": books.owner_id, "organisation_id": books.organisation_id}
