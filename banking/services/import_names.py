"""What the names of a file stand for: categories and counterparties that are there, and those that are made."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

from django.conf import settings

from banking.models import Account, Category, Counterparty, ImportBatch, ImportName, NameKind
from banking.services.import_staging import NAME_COLUMNS
from banking.shipped import called_in
from core import bulk

Holder = tuple[int | None, int | None]  # owner, organisation
AT_ONCE = 1_000


def resolve(batch_id: int, *, make: bool = False) -> None:
    """Look up what the file's categories and counterparties are; make the missing ones if ``make``, in a transaction.

    What the product ships is known by its name in the language of whoever imports the file, too, or where they have
    chosen none, in each that the server speaks. A fixed number of queries for each holder of the books, and for a
    thousand new names.
    """
    names = list(ImportName.objects.filter(batch=batch_id).exclude(kind=NameKind.INSTRUMENT).order_by("number"))
    holders = {(name.owner_id, name.organisation_id) for name in names}
    languages = _languages(batch_id)
    known: dict[Holder, _Known] = {holder: _Known(holder, languages) for holder in holders}
    changed = []
    for name in names:
        found = known[name.owner_id, name.organisation_id].find(name, make=make)
        if found != name.found:
            changed.append((name, found))
    for books in known.values():
        books.store()
    rows = [(name, found.pk if isinstance(found, Category | Counterparty) else found) for name, found in changed]
    _note(rows)


def _note(rows: Iterable[tuple[ImportName, int | None]]) -> None:
    values = [(*(getattr(name, _column(field)) for field in NAME_COLUMNS[:-1]), found) for name, found in rows]
    if values:
        bulk.upsert(ImportName, NAME_COLUMNS, values, unique=("batch", "number"))


def _column(field: str) -> str:
    return f"{field}_id" if field in ("batch", "owner", "organisation") else field


def _languages(batch_id: int) -> list[str]:
    every = [code for code, _ in settings.LANGUAGES]
    locale = ImportBatch.objects.values_list("owner__locale", flat=True).get(pk=batch_id)
    return [locale] if locale in every else every


class _Known:
    """The categories and counterparties of one holder, with those that are being made."""

    def __init__(self, holder: Holder, languages: Sequence[str]) -> None:
        self._columns = {"owner_id": holder[0], "organisation_id": holder[1]}
        self._categories: dict[tuple[str, str], Any] = {}
        self._by_both: dict[tuple[str, str], Any] = {}
        self._by_code: dict[str, Any] = {}
        self._by_name: dict[str, Any] = {}
        self._made: list[Category | Counterparty] = []
        books = Account(**self._columns)
        own = {"owner": holder[0], "organisation": holder[1]}
        categories = sorted(Category.objects.for_books_of(books), key=lambda row: (row.is_everybodys, row.pk))
        for category in categories:  # one's own before everybody's
            self._categories.setdefault((category.section, category.name.lower()), category.pk)
        for language in languages:
            for category in categories:
                if category.is_everybodys:
                    said = called_in(language, category.name)
                    self._categories.setdefault((category.section, said.lower()), category.pk)
        rows = Counterparty.objects.filter(**own).order_by("pk").values_list("pk", "name", "iban")
        for pk, name, code in rows.iterator(chunk_size=AT_ONCE):
            self._remember(pk, name, code)

    def find(self, name: ImportName, *, make: bool) -> Any:
        """The id of what ``name`` stands for, a row that will be stored, or None."""
        if name.kind == NameKind.CATEGORY:
            return self._category(name, make=make)
        lower = name.name.lower()
        found = self._by_both.get((lower, name.code)) or (self._by_code.get(name.code) if name.code else None)
        if found is None and not name.code:
            found = self._by_name.get(lower)
        if found is None and make:
            found = Counterparty(**self._columns, name=name.name, iban=name.code)
            self._made.append(found)
            self._remember(found, name.name, name.code)
        return found

    def store(self) -> None:
        """Store what was made; a counterparty stands for the account that receives under its IBAN or handle."""
        counterparties = [row for row in self._made if isinstance(row, Counterparty)]
        codes = sorted({row.iban for row in counterparties if row.iban})
        receiving: dict[str, int] = {}
        for start in range(0, len(codes), AT_ONCE):
            accounts = Account.objects.filter(receives=True, iban__in=codes[start : start + AT_ONCE])
            receiving |= dict(accounts.values_list("iban", "pk"))
        for row in counterparties:
            row.account_id = receiving.get(row.iban) if row.iban else None
        Counterparty.objects.bulk_create(counterparties, batch_size=AT_ONCE)
        Category.objects.bulk_create([row for row in self._made if isinstance(row, Category)], batch_size=AT_ONCE)

    def _category(self, name: ImportName, *, make: bool) -> Any:
        key = (name.section, name.name.lower())
        if key not in self._categories and make:
            made = Category(**self._columns, section=name.section, name=name.name)
            self._made.append(made)
            self._categories[key] = made
        return self._categories.get(key)

    def _remember(self, found: Any, name: str, code: str) -> None:
        self._by_both.setdefault((name.lower(), code), found)
        self._by_name.setdefault(name.lower(), found)
        if code:
            self._by_code.setdefault(code, found)
