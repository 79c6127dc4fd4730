"""What the names in a rule stand for among its owner's categories, counterparties and tags."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from banking.models import Category, Counterparty, Rule, Section, Tag
from banking.services.classification import category_named, counterparty_named, shipped_called, tags_named
from core.errors import DomainError
from users.models import Organisation, Owned, User, owned_by

NEW = -1  # the id of what would be made


class SectionNeeded(DomainError):
    """There is no category of this name, or more than one: say of which section it is."""


def with_names(values: Mapping[str, Any], *, holder: User | Organisation, make: bool) -> dict[str, Any]:
    """``values`` of a rule with categories, counterparties and tags where there are names.

    Those that are missing are made, or with ``make`` False imagined: they have no id of the database. Raises
    SectionNeeded, NameNeeded, NameTooLong.
    """
    books, found = Rule(**owned_by(holder)), dict(values)
    if isinstance(found.get("category"), str):
        section = found.get("section") or _section_of(found["category"], books)
        found["category"] = (category_named if make else _imagined_category)(found["category"], section, books=books)
    for name in ("counterparty", "set_counterparty"):
        if isinstance(found.get(name), str):
            found[name] = (counterparty_named if make else _imagined_counterparty)(found[name], books=books)
    if "tags" in found:
        found["tags"] = (tags_named if make else _imagined_tags)(found["tags"], books=books)
    return found


def _section_of(name: str, books: Owned) -> str:
    known = Category.objects.for_books_of(books).filter(name__iexact=" ".join(name.split()))
    sections = set(known.values_list("section", flat=True))
    if not sections:
        sections = {section for section in Section.values if shipped_called(name, section)}
    if len(sections) != 1:
        raise SectionNeeded(field="section")
    return sections.pop()


def _imagined_category(name: str, section: str, *, books: Owned) -> Category:
    name = " ".join(name.split())
    known = Category.objects.for_books_of(books).filter(section=section, name__iexact=name)
    made = Category(pk=NEW, **_belongs(books), section=section if section in Section.values else "", name=name)
    return known.order_by("owner", "organisation", "pk").first() or shipped_called(name, section) or made


def _imagined_counterparty(name: str, *, books: Owned) -> Counterparty:
    name = " ".join(name.split())
    known = Counterparty.objects.belonging_with(books).filter(name__iexact=name)
    found: Counterparty | None = known.filter(iban="").first() or known.order_by("pk").first()
    return found or Counterparty(pk=NEW, **_belongs(books), name=name)


def _imagined_tags(names: Iterable[str], *, books: Owned) -> list[Tag]:
    known = {tag.name.lower(): tag for tag in Tag.objects.belonging_with(books)}
    wanted = {" ".join(name.split()).lower(): " ".join(name.split()) for name in names}
    made = (Tag(pk=NEW - place, **_belongs(books), name=name) for place, name in enumerate(wanted.values()))
    return [known.get(lower, new) for lower, new in zip(wanted, made, strict=True)]


def _belongs(books: Owned) -> dict[str, Any]:
    return {"owner_id": books.owner_id, "organisation_id": books.organisation_id}
