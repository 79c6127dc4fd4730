"""The pages of categories, counterparties and tags: a list with a form for a new one, and a page of each."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from django import forms
from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _
from django.views import View

from banking.forms.named import (
    CategoryForm,
    CounterpartyForm,
    MergeForm,
    NameFilter,
    NewCategoryForm,
    NewCounterpartyForm,
    NewTagForm,
    TagForm,
)
from banking.models import Category, Counterparty, Section, Tag
from banking.queries import category_uses, counterparty_uses, tag_uses
from banking.services.categories import change_category, create_category, delete_category, merge_category
from banking.services.counterparties import (
    change_counterparty,
    create_counterparty,
    create_tag,
    delete_named,
    merge_into,
    rename_tag,
)
from banking.views.base import caller, private, tried, visible
from banking.views.sections import section_page
from core.errors import DomainError
from core.web import Right, bad_request, obtain, paging

if TYPE_CHECKING:
    from django.utils.functional import _StrOrPromise

PAGE = 50


@dataclass(frozen=True, slots=True)
class Kind:
    """What one of the three is, and what its services are. ``page`` is the URL of one, ``pages`` that of all.

    ``adds`` heads the form of a new one; ``rows`` is what many are called within a sentence.
    """

    key: str
    word: str
    model: Any
    uses: Callable[..., Mapping[int, int]]
    new_form: Any
    form: Any
    create: Callable[..., Any]
    change: Callable[..., Any]
    merge: Callable[..., dict[str, int]]
    delete: Callable[..., None]
    tells: _StrOrPromise
    adds: _StrOrPromise
    rows: _StrOrPromise

    @property
    def page(self) -> str:
        return f"banking-{self.word}"

    @property
    def pages(self) -> str:
        return f"banking-{self.key}"


def _delete_category(*, row: Category, actor: Any) -> None:
    delete_category(category=row, actor=actor)


CATEGORIES = Kind(
    "categories",
    "category",
    Category,
    category_uses,
    NewCategoryForm,
    CategoryForm,
    create_category,
    lambda row, **terms: change_category(category=row, **terms),
    merge_category,
    _delete_category,
    _("What cash is for. Everybody begins with the same ones; add your own below them or beside."),
    _("New category"),
    _("categories"),
)
COUNTERPARTIES = Kind(
    "counterparties",
    "counterparty",
    Counterparty,
    counterparty_uses,
    NewCounterpartyForm,
    CounterpartyForm,
    create_counterparty,
    lambda row, **terms: change_counterparty(counterparty=row, **terms),
    merge_into,
    delete_named,
    _("Whom cash comes from and goes to. One whose IBAN or handle is of this server is internal."),
    _("New counterparty"),
    _("counterparties"),
)
TAGS = Kind(
    "tags",
    "tag",
    Tag,
    tag_uses,
    NewTagForm,
    TagForm,
    create_tag,
    lambda row, **terms: rename_tag(tag=row, **terms),
    merge_into,
    delete_named,
    _("Words that mark rows of any category, such as a journey."),
    _("New tag"),
    _("tags"),
)


class NamedList(View):
    """All of a kind that the caller sees: ``?q=&page=``; a POST makes one."""

    kind: Kind

    def get(self, request: HttpRequest) -> HttpResponse:
        return self.shown(request, self.new_form(request))

    def post(self, request: HttpRequest) -> HttpResponse:
        form, user = self.new_form(request, request.POST), caller(request)
        made = tried(form, lambda: self.kind.create(actor=user, **form.terms())) if form.is_valid() else None
        if made is None:
            return self.shown(request, form)
        messages.success(request, gettext("%(name)s was added.") % {"name": made.name})
        return redirect(self.kind.pages)

    def new_form(self, request: HttpRequest, data: Any = None) -> Any:
        rows = Category.objects.visible_to(caller(request)).by_label() if self.kind is CATEGORIES else ()
        return self.kind.new_form(data, user=caller(request), rows=rows)

    def shown(self, request: HttpRequest, form: forms.Form) -> HttpResponse:
        found = self.kind.model.objects.visible_to(caller(request)).select_related("owner", "organisation")
        context = section_page(self.kind.key) | {"kind": self.kind, "form": form}
        return render(request, "banking/named_list.html", context | self.listed(request, found))

    def listed(self, request: HttpRequest, found: Any) -> dict[str, Any]:
        """One page of those whose name has the words that are looked for."""
        search = NameFilter(request.GET)
        wanted = search.value("q")
        found = found.filter(name__icontains=wanted) if wanted else found
        pages = paging(request, found.count(), PAGE)
        rows = list(found[pages.start : pages.stop])
        used = self.kind.uses(visible(request), [row.pk for row in rows])
        return {
            "groups": [("", [(row, 0, used.get(row.pk, 0)) for row in rows])],
            "search": search,
            "pages": pages,
            "changeable": _changeable(self.kind, request, rows),
        }


@private
class CategoryList(NamedList):
    kind = CATEGORIES

    def listed(self, request: HttpRequest, found: Any) -> dict[str, Any]:
        """The whole tree, by section."""
        rows = found.by_label()
        used = category_uses(visible(request), [row.pk for row in rows])
        groups = []
        for section in Section:
            tree = list(in_tree([row for row in rows if row.section == section]))
            groups.append((str(section.label), [(row, depth, used.get(row.pk, 0)) for row, depth in tree]))
        return {"groups": groups, "changeable": _changeable(self.kind, request, rows)}


@private
class CounterpartyList(NamedList):
    kind = COUNTERPARTIES


@private
class TagList(NamedList):
    kind = TAGS


class NamedPage(View):
    """One that the caller may change; a POST does what its ``action`` says: change, merge or delete."""

    kind: Kind

    def get(self, request: HttpRequest, pk: int) -> HttpResponse:
        return self.shown(request, self.found(request, pk))

    def post(self, request: HttpRequest, pk: int) -> HttpResponse:
        row = self.found(request, pk)
        actions = {"change": self._change, "merge": self._merge, "delete": self._delete}
        action = actions.get(request.POST.get("action", ""))
        return action(request, row) if action else bad_request(request)

    def found(self, request: HttpRequest, pk: int) -> Any:
        rows = self.kind.model.objects.select_related("owner", "organisation")
        return obtain(rows, caller(request), Right.BOOK, pk=pk)

    def _change(self, request: HttpRequest, row: Any) -> HttpResponse:
        user, form = caller(request), self.kind.form(request.POST, row=row, rows=self.beside(row))
        if form.is_valid() and tried(form, lambda: self.kind.change(row, actor=user, **form.changes())):
            messages.success(request, gettext("%(name)s was changed.") % {"name": form.cleaned_data["name"]})
            return redirect(self.kind.pages)
        return self.shown(request, row, form=form)

    def _merge(self, request: HttpRequest, row: Any) -> HttpResponse:
        """First asked, with what will change; then done."""
        user, form = caller(request), MergeForm(request.POST, others=self.beside(row))
        if form.is_valid():
            target = form.cleaned_data["into"]
            if request.POST.get("sure") != "yes":
                return self.shown(request, row, merge_form=form, merge_into=target)
            counts: dict[str, int] = {}
            if tried(form, lambda: [counts.update(self.kind.merge(source=row, target=target, actor=user))]):
                names = {"name": row.name, "target": target.label}
                said = gettext("%(target)s stands for %(name)s now.") % names
                kept = gettext("%(target)s keeps its own budget.") % names if "budgets_deleted" in counts else ""
                messages.success(request, f"{said} {kept}".strip())
                return redirect(self.kind.pages)
        return self.shown(request, row, merge_form=form)

    def _delete(self, request: HttpRequest, row: Any) -> HttpResponse:
        name = row.name
        try:
            self.kind.delete(row=row, actor=caller(request))
        except DomainError as error:
            messages.error(request, error.message)
            return redirect(self.kind.page, row.pk)
        messages.success(request, gettext("%(name)s was deleted.") % {"name": name})
        return redirect(self.kind.pages)

    def beside(self, row: Any) -> list[Any]:
        """Those that may stand in its place: of the same owner, and of its section where it has one."""
        rows = self.kind.model.objects.all()
        if self.kind is CATEGORIES:
            every = rows.for_books_of(row).filter(section=row.section).by_label()  # told apart from it, too
            return [each for each in every if each.pk != row.pk]
        return list(rows.belonging_with(row).exclude(pk=row.pk))

    def shown(self, request: HttpRequest, row: Any, **given: Any) -> HttpResponse:
        others = self.beside(row)
        context = section_page(self.kind.key) | {
            "kind": self.kind,
            "row": row,
            "uses": self.kind.uses(visible(request), [row.pk]).get(row.pk, 0),
            "below": row.children.count() if self.kind is CATEGORIES else 0,
            "form": self.kind.form(row=row, rows=others),
            "merge_form": MergeForm(others=others),
        }
        return render(request, "banking/named.html", context | given)


@private
class CategoryPage(NamedPage):
    kind = CATEGORIES


@private
class CounterpartyPage(NamedPage):
    kind = COUNTERPARTIES


@private
class TagPage(NamedPage):
    kind = TAGS


def in_tree(rows: Iterable[Category]) -> Iterator[tuple[Category, int]]:
    """Each category with how many are above it, in the order of the tree; one whose parent is not seen is on top."""
    known = {row.pk: row for row in rows}
    below: dict[int | None, list[Category]] = defaultdict(list)
    for row in known.values():
        below[row.parent_id if row.parent_id in known else None].append(row)
    yield from _below(below, None, 0)


def _below(
    below: Mapping[int | None, list[Category]], parent: int | None, depth: int
) -> Iterator[tuple[Category, int]]:
    for row in below.get(parent, []):
        yield row, depth
        yield from _below(below, row.pk, depth + 1)


def _changeable(kind: Kind, request: HttpRequest, rows: list[Any]) -> set[int]:
    own = kind.model.objects.editable_by(caller(request)).filter(pk__in=[row.pk for row in rows])
    return set(own.values_list("pk", flat=True))
