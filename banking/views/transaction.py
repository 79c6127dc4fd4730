"""One cash row: what it was for, what it was before, and what can be done with it."""

from __future__ import annotations

from collections.abc import Callable
from decimal import Decimal
from typing import TYPE_CHECKING, Any

from django.contrib import messages
from django.db import transaction
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _
from django.views import View
from django.views.decorators.http import require_safe

from activity.models import AuditEvent
from banking.forms.entry import CashForm, ClassForm, parts_of
from banking.models import Account, CashTransaction, Category
from banking.models.classification import tell_apart
from banking.queries.transactions import whole, with_other
from banking.services.classification import category_named
from banking.services.classifying import classify
from banking.services.corrections import correct_cash
from banking.services.splits import Part, split_cash, unsplit_cash
from banking.services.transactions import lock_accounts, lock_with, restore_cash, void_cash
from banking.shipped import spoken
from banking.views.base import caller, editable, private, visible
from banking.views.sections import section_page
from banking.views.transactions import categories_of, classification, named_classes, offers, say_classified
from core.api import plain
from core.errors import DomainError
from core.web import Right, login_needed, obtain, typable

if TYPE_CHECKING:
    from django.utils.functional import _StrOrPromise

EMPTY_PARTS = 2  # rows of a split that wait to be filled in
MOST_EVENTS = 200


@require_safe
@login_needed
def transaction_page(request: HttpRequest, pk: int) -> HttpResponse:
    return _page(request, _row(request, Right.SEE, pk))


def _row(request: HttpRequest, right: Right, pk: int) -> CashTransaction:
    rows = whole(CashTransaction.objects.all()).select_related("created_by", "voided_by")
    found: CashTransaction = obtain(rows, caller(request), right, pk=pk)
    return found


def _page(
    request: HttpRequest,
    row: CashTransaction,
    *,
    form: CashForm | None = None,
    parts: list[dict[str, Any]] | None = None,
    refusal: str = "",
    status: int = 200,
) -> HttpResponse:
    accounts, versions = list(visible(request)), list(_versions(request, row))
    mine = list(editable(request))
    may = row.account_id in {each.pk for each in mine}
    found = with_other(row)
    context = section_page("transactions") | offers(request)
    tell_apart(categories_of(row), context["categories"])
    context |= {
        "row": row,
        "transfer": found.transfer,
        "other": found.other if found.other and found.other.account_id in {each.pk for each in accounts} else None,
        "versions": versions,
        "newest": next((each for each in reversed(versions) if not each.voided_at), None),
        "events": _events(versions),
        "may": may,
        "correctable": may and row.origin == "entry" and not row.voided_at and found.transfer is None,
        "form": form or _form(row, mine),
        "parts": parts if parts is not None else _shown(row),
        "refusal": refusal,
    }
    return render(request, "banking/transaction.html", context, status=status)


def _versions(request: HttpRequest, row: CashTransaction) -> Any:
    """The row and what was booked in its place, of accounts that the caller sees, the first one first."""
    versions = CashTransaction.objects.versions_of(row).filter(account__in=visible(request).order_by().values("pk"))
    return versions.select_related("account", "created_by", "voided_by").order_by("pk")


def _events(versions: list[CashTransaction]) -> list[tuple[AuditEvent, list[tuple[str, Decimal, str]]]]:
    """How these rows were split, with what each part was for; who sees a row sees what was done to it."""
    ids = [str(each.pk) for each in versions]
    label = "banking.cashtransaction"
    events = AuditEvent.objects.filter(
        subject_type=label, subject_id__in=ids, action__in=["cash.split", "cash.unsplit"]
    )
    currencies = {str(each.pk): each.account.currency for each in versions}
    newest = events.select_related("actor").order_by("-pk")[:MOST_EVENTS]
    return [(event, _parts(event, currencies[event.subject_id])) for event in newest]


def _parts(event: AuditEvent, currency: str) -> list[tuple[str, Decimal, str]]:
    """What each part was for, a shipped category by its name in the reader's language, with its amount."""
    return [
        (spoken(part["category"]) if part.get("everybodys") else part["category"], Decimal(part["amount"]), currency)
        for part in event.data.get("parts", [])
    ]


def _form(row: CashTransaction, accounts: list[Account]) -> CashForm:
    initial = {
        "account": row.account_id,
        "amount": ("+" if row.amount > 0 else "") + typable(plain(row.amount)),
        **{name: getattr(row, name) for name in ("booked_on", "section", "description", "external_id")},
        "category": row.category.label if row.category else "",
        "counterparty": row.counterparty.name if row.counterparty else "",
        "tags": ", ".join(tag.name for tag in row.tags.all()),
    }
    return CashForm(ids="edit", initial=initial, accounts=accounts)


def _shown(row: CashTransaction) -> list[dict[str, Any]]:
    """The parts of a row's split as they are typed; of a row that is one, its category with all of it."""
    parts = [
        {"typed": typable(plain(part.amount)), "category": part.category.label, "note": part.note}
        for part in row.splits.all()
    ]
    if not parts and row.category:
        parts = [{"typed": typable(plain(row.amount)), "category": row.category.label, "note": ""}]
    return parts + [{"typed": "", "category": "", "note": ""}] * EMPTY_PARTS


class RowView(View):
    """What is done to one row that the caller may book; back on its page, or with the reason why not."""

    http_method_names = ["post", "options"]

    def post(self, request: HttpRequest, pk: int) -> HttpResponse:
        row = _row(request, Right.BOOK, pk)
        try:
            with transaction.atomic():
                row = self.act(request, row)
        except DomainError as error:
            return self.refused(request, row, error)
        return redirect("banking-transaction", row.pk)

    def act(self, request: HttpRequest, row: CashTransaction) -> CashTransaction:
        raise NotImplementedError

    def refused(self, request: HttpRequest, row: CashTransaction, error: DomainError) -> HttpResponse:
        return _page(request, _row(request, Right.SEE, row.pk), refusal=error.message, status=409)


def _simple(service: Callable[..., CashTransaction], said: _StrOrPromise) -> type[RowView]:
    """A view that calls ``service`` on the row and says so."""

    class Simple(RowView):
        def act(self, request: HttpRequest, row: CashTransaction) -> CashTransaction:
            done = service(row=row, actor=caller(request))
            messages.success(request, said)
            return done

    return private(Simple)


VoidView = _simple(void_cash, _("Voided: it does not count any more."))
RestoreView = _simple(restore_cash, _("Restored."))
UnsplitView = _simple(unsplit_cash, _("One amount again, without a category."))


@private
class EditView(RowView):
    """Correct a row: its replacement is shown. What it is classified as changes in place."""

    def post(self, request: HttpRequest, pk: int) -> HttpResponse:
        row = _row(request, Right.BOOK, pk)
        form = CashForm(request.POST, ids="edit", accounts=editable(request))
        if form.is_valid():
            try:
                with transaction.atomic():
                    return redirect("banking-transaction", self._correct(request, row, form).pk)
            except DomainError as error:
                form.add_error(error.field if error.field in form.fields else None, error.message)
        return _page(request, _row(request, Right.SEE, pk), form=form, status=400)

    def _correct(self, request: HttpRequest, row: CashTransaction, form: CashForm) -> CashTransaction:
        given = form.terms()
        lock_with(row, given["account"])
        classes = {name: given.pop(name) for name in ("category", "counterparty", "tags")}
        if row.splits.exists():
            classes.pop("category")
        values = named_classes(classes, given["account"], given["section"], row)
        if all(getattr(row, name) == value for name, value in given.items()):
            to = classification(classes, row.pk, tags_too=True, kept=row)
            say_classified(request, classify(row_ids=[row.pk], to=to, actor=caller(request)))
            return row
        kept = {name for name in ("category", "counterparty") if name in values and values[name] == getattr(row, name)}
        changes = {name: value for name, value in values.items() if name not in kept}
        new = correct_cash(row=row, actor=caller(request), **given, **changes)
        messages.success(request, _("Corrected: this row stands in place of the one before."))
        return new


@private
class SplitView(RowView):
    """Say what the parts of the amount were for."""

    def act(self, request: HttpRequest, row: CashTransaction) -> CashTransaction:
        lock_accounts(row.account_id)
        kept = categories_of(row)
        named = [
            Part(
                category_named(part["category"], row.section, books=row.account, kept=kept),
                part["amount"],
                part["note"],
            )
            for part in parts_of(request.POST)
        ]
        messages.success(request, gettext("Split."))
        return split_cash(row=row, parts=named, actor=caller(request))

    def refused(self, request: HttpRequest, row: CashTransaction, error: DomainError) -> HttpResponse:
        list(messages.get_messages(request))  # nothing was done
        place = error.field.split(".")
        where = gettext("Part %(number)s:") % {"number": int(place[1]) + 1} + " " if len(place) == 3 else ""
        row, typed = _row(request, Right.SEE, row.pk), parts_of(request.POST)
        blank = [{"typed": "", "category": "", "note": ""}]
        return _page(request, row, parts=typed + blank, refusal=where + error.message, status=400)


@private
class CategoryView(View):
    """A row's category, changed where it is shown in the list."""

    http_method_names = ["get", "post", "options"]

    def get(self, request: HttpRequest, pk: int) -> HttpResponse:
        row = _row(request, Right.BOOK, pk)
        if not getattr(request, "htmx", False):
            return redirect("banking-transaction", pk)
        return self._part(request, row, editing="leave" not in request.GET)

    def post(self, request: HttpRequest, pk: int) -> HttpResponse:
        row = _row(request, Right.BOOK, pk)
        form, problem, act = ClassForm(request.POST, ids=f"row-{pk}"), "", None
        if not form.is_valid():
            problem = gettext("A category’s name has at most 60 characters.")
        else:
            try:
                with transaction.atomic():
                    lock_accounts(row.account_id)
                    to = classification({"category": form.cleaned_data["category"] or None}, pk, kept=row)
                    act = classify(row_ids=[pk], to=to, actor=caller(request))
            except DomainError as error:
                problem = error.message
        if not getattr(request, "htmx", False):
            if act:
                say_classified(request, act)
            else:
                messages.error(request, problem)
            return redirect(reverse("banking-transactions"))
        row = _row(request, Right.BOOK, pk)
        return self._part(request, row, editing=bool(problem), problem=problem, act=act if act and act.count else None)

    def _part(self, request: HttpRequest, row: CashTransaction, **shown: Any) -> HttpResponse:
        tell_apart(categories_of(row), Category.objects.for_books_of(row.account))
        return render(request, "banking/_cash_category.html", {"row": row, "may": True, "act": None, **shown})
