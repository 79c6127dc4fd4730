"""Categories, counterparties and tags by their names, made when they are missing."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from django.db.models.functions import Lower

from banking.models import Account, Category, Counterparty, Section, Tag
from banking.services.accounts import clean_iban
from core.errors import DomainError
from users.models import Owned

LONGEST = {Category: 60, Counterparty: 140, Tag: 40}


class NameTooLong(DomainError):
    """This name is longer than the books keep."""


class NameNeeded(DomainError):
    """A category, counterparty or tag has a name."""


class UnknownCategorySection(DomainError):
    """A category is of income, expense or transfer."""


def category_named(name: str, section: str, *, books: Owned) -> Category:
    """The category of everybody or of the owner of ``books`` with this name in this section; a new one of theirs.

    Upper and lower case are one. ``books`` is an account or a portfolio: what it belongs to, the category belongs to.
    """
    name = _checked(Category, name, "category")
    if section not in Section.values:
        raise UnknownCategorySection(field="section")
    known = Category.objects.for_books_of(books).filter(section=section, name__iexact=name)
    found = known.order_by("owner", "organisation", "pk").first()
    return found or Category.objects.get_or_create(**_belongs(books), section=section, name=name)[0]


def counterparty_named(name: str, *, books: Owned, iban: str = "") -> Counterparty:
    """The counterparty of the owner of ``books`` with this IBAN or handle, else this name; a new one if there is none.

    Its ``account`` is the account of this server that receives under that IBAN or handle, if there is one.
    """
    name = _checked(Counterparty, name, "counterparty")
    iban = clean_iban(iban) if iban else ""
    known = Counterparty.objects.belonging_with(books)
    found = known.filter(name__iexact=name, iban=iban).first() or (known.filter(iban=iban).first() if iban else None)
    if found is None and not iban:
        found = known.filter(name__iexact=name).order_by("pk").first()
    if found is None:
        account = Account.objects.filter(receives=True, iban=iban).first() if iban else None
        found, _ = Counterparty.objects.get_or_create(
            **_belongs(books), name=name, iban=iban, defaults={"account": account}
        )
    return found


def tags_named(names: Iterable[str], *, books: Owned) -> list[Tag]:
    """The tags of the owner of ``books`` with these names, in alphabetical order; missing ones are made."""
    wanted = {name.lower(): name for name in (_checked(Tag, each, "tags") for each in names)}
    known = Tag.objects.belonging_with(books).annotate(lower=Lower("name")).filter(lower__in=list(wanted))
    found: dict[str, Tag] = {tag.name.lower(): tag for tag in known}
    for lower, name in wanted.items():
        if lower not in found:
            found[lower] = Tag.objects.get_or_create(**_belongs(books), name=name)[0]
    return [found[lower] for lower in sorted(found)]


def _belongs(books: Owned) -> dict[str, Any]:
    return {"owner_id": books.owner_id, "organisation_id": books.organisation_id}


def _checked(model: type[Category | Counterparty | Tag], name: str, field: str) -> str:
    name = " ".join(name.split())
    if not name:
        raise NameNeeded(field=field)
    if len(name) > LONGEST[model]:
        raise NameTooLong(f"A name has at most {LONGEST[model]} characters.", field=field)
    return name
