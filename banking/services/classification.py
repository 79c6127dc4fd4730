"""Categories, counterparties and tags by their names, made when they are missing."""

from __future__ import annotations

from collections.abc import Collection, Iterable
from typing import Any

from django.db import IntegrityError, transaction
from django.db.models import F, Value
from django.db.models.functions import Lower
from django.utils.translation import gettext as _

from banking.models import Account, Category, Counterparty, Section, Tag
from banking.models.classification import everybodys
from banking.services.accounts import clean_iban
from banking.shipped import stored
from core.errors import DomainError
from users.models import Owned, OwnedQuerySet

LONGEST = {Category: 60, Counterparty: 140, Tag: 40}
OWN_FIRST = (F("owner").desc(nulls_last=True), F("organisation").desc(nulls_last=True), "pk")


class NameTooLong(DomainError):
    """This name is longer than the books keep."""


class NameNeeded(DomainError):
    """A category, counterparty or tag has a name."""


class UnknownCategorySection(DomainError):
    """A category is of income, expense or transfer."""


def category_named(name: str, section: str, *, books: Owned, kept: Collection[Category | None] = ()) -> Category:
    """What ``category_called`` finds, else a new one of the owner of ``books``.

    ``books`` is an account or a portfolio: what it belongs to, the category belongs to.
    """
    name = checked_name(Category, name, "category")
    if section not in Section.values:
        raise UnknownCategorySection(field="section")
    found = category_called(name, section, books=books, kept=kept)
    if found is None:
        known = called(Category.objects.for_books_of(books), name).filter(section=section)
        found = _made(known, Category(**belongs(books), section=section, name=name))
    return found


def category_called(
    name: str, section: str, *, books: Owned, kept: Collection[Category | None] = ()
) -> Category | None:
    """The category of the owner of ``books``, else everybody's, with this name in this section.

    Upper and lower case are one; what the product ships is found by its name in the reader's language, too, unless
    another one is stored so. Of two that are stored so, one of ``kept``, which were there before, stays.
    """
    known = called(Category.objects.for_books_of(books), " ".join(name.split())).filter(section=section)
    same = list(known.order_by(*OWN_FIRST))
    found = [row for row in same if row in kept] or same
    return found[0] if found else shipped_called(name, section)


def shipped_called(name: str, section: str) -> Category | None:
    """Everybody's category of this section that is called so in the reader's language."""
    shipped = stored(name)
    return Category.objects.filter(everybodys(), section=section, name=shipped).first() if shipped else None


def counterparty_named(name: str, *, books: Owned, iban: str = "", kept: Counterparty | None = None) -> Counterparty:
    """The counterparty of the owner of ``books`` with this IBAN or handle, else this name; a new one if there is none.

    Of several with one name, that which was there before, ``kept``, stays. The ``account`` of a new one is the account
    of this server that receives under that IBAN or handle, if there is one.
    """
    name = checked_name(Counterparty, name, "counterparty")
    iban = clean_iban(iban) if iban else ""
    known = Counterparty.objects.belonging_with(books)
    same = called(known, name).filter(iban=iban)
    found = called(known, name).filter(pk=kept.pk).first() if kept else None
    found = found or same.first() or (known.filter(iban=iban).order_by("pk").first() if iban else None)
    if found is None and not iban:
        found = called(known, name).order_by("pk").first()
    return found or _made(
        same, Counterparty(**belongs(books), name=name, iban=iban, account=account_that_receives(iban))
    )


def tags_named(names: Iterable[str], *, books: Owned) -> list[Tag]:
    """The tags of the owner of ``books`` with these names, in alphabetical order; missing ones are made."""
    wanted = {name.lower(): name for name in (checked_name(Tag, each, "tags") for each in names)}
    own = Tag.objects.belonging_with(books)
    found = {tag.name.lower(): tag for tag in own.filter(name__in=wanted.values())}
    for lower, name in wanted.items():
        if lower not in found:
            same = called(own, name)
            found[lower] = same.first() or _made(same, Tag(**belongs(books), name=name))
    return [found[lower] for lower in sorted(found)]


def called(rows: OwnedQuerySet, name: str) -> OwnedQuerySet:
    """Those with this name as the database's constraints compare names, so that what it refuses is found."""
    return rows.annotate(lower=Lower("name")).filter(lower=Lower(Value(name)))


def account_that_receives(iban: str) -> Account | None:
    """The account of this server that people may pay into under this IBAN or alias."""
    return Account.objects.filter(receives=True, iban=iban).first() if iban else None


def belongs(books: Owned) -> dict[str, Any]:
    """The columns of what belongs to the owner of ``books``."""
    return {"owner_id": books.owner_id, "organisation_id": books.organisation_id}


def _made(same: OwnedQuerySet, row: Any) -> Any:
    """``row``, stored; or the one of ``same`` that somebody else has stored since we looked."""
    try:
        with transaction.atomic():
            row.save(force_insert=True)
    except IntegrityError:
        found = same.order_by(*OWN_FIRST).first()
        if found is None:
            raise
        return found
    return row


def checked_name(model: type[Category | Counterparty | Tag], name: str, field: str) -> str:
    """A name with single spaces. Raises NameNeeded, NameTooLong."""
    name = " ".join(name.split())
    if not name:
        raise NameNeeded(field=field)
    if len(name) > LONGEST[model]:
        raise NameTooLong(_("A name has at most %(number)s characters.") % {"number": LONGEST[model]}, field=field)
    return name
