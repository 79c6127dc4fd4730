"""The cash rows of all accounts: listed, entered, classified in place and many at once."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import replace
from datetime import date
from typing import Any
from uuid import uuid4

from django.contrib import messages
from django.db import transaction
from django.http import HttpRequest, HttpResponse, QueryDict
from django.http.response import HttpResponseBase
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils import timezone
from django.utils.translation import gettext as _
from django.utils.translation import ngettext_lazy
from django.views import View
from django.views.decorators.http import require_safe

from activity.services import once
from banking.forms.entry import BulkForm, CashForm, chosen
from banking.forms.transactions import MOST_CHOICES, TransactionFilter
from banking.models import Account, CashTransaction, Category, Counterparty, Recategorisation, Tag
from banking.models.classification import tell_apart
from banking.queries.transactions import CashList, Place, Slice, Wanted, currencies_of, lines, rows_of
from banking.services.classification import category_named, counterparty_named, tags_named
from banking.services.classifying import (
    MOST_ROWS,
    Classification,
    classify,
    lock_accounts_of,
    undo_recategorisation,
)
from banking.services.transactions import book_cash, lock_accounts, restore_many, void_many
from banking.views.base import caller, editable, private, visible
from banking.views.cash_rows import by_day
from banking.views.sections import section_page
from banking.views.transaction_lines import HEAD, line
from core.errors import DomainError
from core.web import Right, csv_answer, localised, login_needed, obtain
from users.day import day_shown

PAGE_SIZE = 50
NAMED = ("pk", "name")  # rows of these two: hundreds of objects take several times as long
COUNTED = 10_000  # a longer list says “more than”, since counting it takes longer than showing it
PLACE = re.compile(r"([0-9]{4}-[0-9]{2}-[0-9]{2})_([0-9]{1,18})")
VOIDED = ngettext_lazy(
    "%(number)s row voided. Tick them to restore them.", "%(number)s rows voided. Tick them to restore them.", "count"
)
RESTORED = ngettext_lazy("%(number)s row restored.", "%(number)s rows restored.", "count")
CLASSIFIED = ngettext_lazy("%(number)s row classified.", "%(number)s rows classified.", "count")
UNDONE = ngettext_lazy("Taken back for %(number)s row.", "Taken back for %(number)s rows.", "count")
KEPT = ngettext_lazy("%(number)s row changed since, and left.", "%(number)s rows changed since, and left.", "count")
MOVES = ("older", "newer", "from", "totals", "format", "changed", "as_of")  # the day is kept already


@require_safe
@login_needed
def transaction_list(request: HttpRequest) -> HttpResponseBase:
    """Rows of the accounts that the caller sees, the newest first; with ``?format=csv`` all of them as a file."""
    if request.GET.get("format") == "csv":
        accounts = list(visible(request))
        form = TransactionFilter(request.GET, caller(request), accounts)
        if not form.errors:  # a file of a filter that is none would hold more than was asked for
            found = CashList(_until(request, form.wanted()))
            return csv_answer(request, "cash.csv", HEAD, (line(each) for each in lines(found)))
    return list_page(request)


def list_page(
    request: HttpRequest, *, entry: CashForm | None = None, bulk: BulkForm | None = None, status: int = 200
) -> HttpResponse:
    """The list that ``request.GET`` describes, with the forms that were sent and what is wrong with them."""
    reader, accounts = caller(request), list(visible(request))
    mine = set(editable(request).order_by().values_list("pk", flat=True))
    form = TransactionFilter(request.GET, reader, accounts)
    offered = offers(request)
    form.offer(offered["categories"], offered["counterparties"], offered["tags"])
    changed = _changed(request)
    found = CashList(_until(request, form.wanted(offered["categories"], changed)))
    part = _part(request, found)
    rows = rows_of(part.ids)
    tell_apart([category for each in rows for category in categories_of(each.row)], offered["categories"])
    count = _count(request, found, part, searched=bool(form.value("q")))
    sums = _sums(request, found, count, accounts)
    context = section_page("transactions") | offered
    context |= {
        "form": form,
        "accounts": accounts,
        "days": by_day(rows, {each.pk for each in accounts}, mine),
        "mine": mine,
        "part": part,
        "count": count,
        "counted": COUNTED,
        "sums": sums,
        "changed": changed,
        "query": _query(request).urlencode(),
        "more_filters": any(form.value(name) or name in form.errors for name in RARE),
        "rare": RARE,
        "entry": entry or _empty_entry(request, [each for each in accounts if each.pk in mine]),
        "bulk": bulk or BulkForm(ids="bulk"),
        "paged": any(name in request.GET for name in ("older", "newer", "from")),
    }
    return render(request, "banking/transactions.html", context, status=status)


def _until(request: HttpRequest, wanted: Wanted) -> Wanted:
    """The same up to the day shown."""
    day = day_shown(request)
    return wanted if day is None else replace(wanted, end=min(wanted.end or day, day))


RARE = ("organisation", "counterparty", "tag", "amount_min", "amount_max", "origin", "uncategorised", "voided")


def offers(request: HttpRequest) -> dict[str, Any]:
    """What categories, counterparties and tags are called that the caller sees; 3 queries."""
    reader = caller(request)
    return {
        "categories": Category.objects.visible_to(reader).by_label(),
        "counterparties": list(Counterparty.objects.visible_to(reader).values_list(*NAMED, named=True)[:MOST_CHOICES]),
        "tags": list(Tag.objects.visible_to(reader).values_list(*NAMED, named=True)[:MOST_CHOICES]),
    }


@private
class EntryView(View):
    """Book a row; a form that is sent twice books once."""

    http_method_names = ["post", "options"]

    def post(self, request: HttpRequest) -> HttpResponse:
        form = CashForm(request.POST, ids="entry", accounts=editable(request))
        row = _book(form, request) if form.is_valid() else None
        request.GET = _back(request)  # type: ignore[assignment]
        if row is None:
            return list_page(request, entry=form, status=400)
        messages.success(request, _("Booked."))
        return redirect(f"{reverse('banking-transactions')}?{_with(request.GET, changed=row)}#cash-{row}")


@private
class BulkView(View):
    """Classify, void or restore the rows that are ticked, or all that the filter finds."""

    http_method_names = ["post", "options"]

    def post(self, request: HttpRequest) -> HttpResponse:
        request.GET = _back(request)  # type: ignore[assignment]
        form = BulkForm(request.POST, ids="bulk")
        act = {"void": self._void, "restore": self._restore}.get(request.POST.get("act", ""), self._classify)
        if form.is_valid():
            try:
                with transaction.atomic():
                    act(request, self._ids(request), form)
            except DomainError as error:
                form.add_error(error.field if error.field in form.fields else None, error.message)
        if form.errors:
            return list_page(request, bulk=form, status=400)
        return redirect(f"{reverse('banking-transactions')}?{_query(request).urlencode()}")

    def _ids(self, request: HttpRequest) -> list[int]:
        accounts = list(editable(request))
        if request.POST.get("all"):
            found = TransactionFilter(request.GET, caller(request), accounts)
            return [] if found.errors else CashList(_until(request, found.wanted())).every(MOST_ROWS + 1)
        mine = CashTransaction.objects.filter(account__in=accounts, pk__in=chosen(request.POST.getlist("ids")))
        return list(mine.order_by("pk").values_list("pk", flat=True))

    def _classify(self, request: HttpRequest, ids: list[int], form: BulkForm) -> None:
        given = form.given()
        if not ids or not given:
            told = _("Say what they become.") if ids else _("Tick some rows, and say what they become.")
            form.add_error(None, told)
            return
        lock_accounts_of(ids)
        act = classify(row_ids=ids, to=classification(given, ids[0]), actor=caller(request))
        say_classified(request, act)

    def _void(self, request: HttpRequest, ids: list[int], form: BulkForm) -> None:
        done = void_many(rows=CashTransaction.objects.filter(pk__in=ids).standing(), actor=caller(request))
        request.GET = _back(request, voided="on")  # type: ignore[assignment]  # where they can be restored
        messages.success(request, _counted(VOIDED, len(done)))

    def _restore(self, request: HttpRequest, ids: list[int], form: BulkForm) -> None:
        rows = CashTransaction.objects.filter(pk__in=ids, voided_at__isnull=False)
        messages.success(request, _counted(RESTORED, len(restore_many(rows=rows, actor=caller(request)))))


@private
class UndoView(View):
    """Take a classification back."""

    http_method_names = ["post", "options"]

    def post(self, request: HttpRequest, pk: int) -> HttpResponse:
        reader = caller(request)
        act = obtain(Recategorisation.objects.all(), reader, Right.BOOK, pk=pk)
        try:
            act = undo_recategorisation(act=act, actor=reader)
        except DomainError as error:
            messages.error(request, error.message)
        else:
            kept = act.count - act.restored
            left = f" {_counted(KEPT, kept)}" if kept else ""
            messages.success(request, _counted(UNDONE, act.restored) + left)
        return redirect("banking-transactions")


def classification(
    given: dict[str, Any], first: int, *, tags_too: bool = False, kept: CashTransaction | None = None
) -> Classification:
    """What names say that rows become, of the owner of the ``first``; the service checks the others."""
    row = CashTransaction.objects.select_related("account").get(pk=first)
    found = named_classes(given, row.account, row.section, kept)
    sets = {name for name in ("category", "counterparty") if name in given} | ({"tags"} if tags_too else set())
    return Classification(frozenset(sets), found.get("category"), found.get("counterparty"), found.get("tags", ()))


def named_classes(
    given: dict[str, Any], account: Account, section: str, kept: CashTransaction | None = None
) -> dict[str, Any]:
    """``given`` with what its names stand for among the account's owner's; new ones are made.

    What the row ``kept`` is classified as stays where its name does.
    """
    found = dict(given)
    category, party = (kept.category, kept.counterparty) if kept else (None, None)
    if given.get("category"):
        found["category"] = category_named(given["category"], section, books=account, kept=[category])
    if given.get("counterparty"):
        found["counterparty"] = counterparty_named(given["counterparty"], books=account, kept=party)
    if "tags" in given:
        found["tags"] = tags_named(given["tags"], books=account)
    return found


def categories_of(row: CashTransaction) -> list[Category | None]:
    """Of the row and of its parts."""
    return [row.category, *(part.category for part in row.splits.all())]


def say_classified(request: HttpRequest, act: Recategorisation) -> None:
    if act.count:
        messages.success(request, _counted(CLASSIFIED, act.count), extra_tags=f"cash-undo-{act.pk}")
    else:
        messages.info(request, _("They were so already: nothing changed."))


def _counted(text: Any, count: int) -> str:
    """``text``, one of those above, about so many rows."""
    return str(text % {"count": count, "number": localised(f"{count:,}")})


def _book(form: CashForm, request: HttpRequest) -> int | None:
    """The id of the row that the form booked, now or when it was sent before; None with the reason in the form."""
    actor, terms = caller(request), form.terms()

    def work() -> int:
        lock_accounts(terms["account"].pk)
        values = named_classes(terms, terms["account"], terms["section"])
        return book_cash(actor=actor, **values).pk

    try:
        with transaction.atomic():
            key = form.cleaned_data["key"]
            return once(user=actor, key=f"cash-{key}", work=work)[0] if key else work()
    except DomainError as error:
        form.add_error(error.field if error.field in form.fields else None, error.message)
    return None


def _empty_entry(request: HttpRequest, accounts: Sequence[Account]) -> CashForm:
    initial = {"booked_on": timezone.now().date(), "key": uuid4().hex, "account": request.GET.get("account")}
    return CashForm(initial=initial, ids="entry", accounts=accounts)


def _part(request: HttpRequest, found: CashList) -> Slice:
    """The rows before or after a place, the oldest, or the newest; what is no place is answered like the last."""
    for name, read in (("older", found.older_than), ("newer", found.newer_than)):
        if match := PLACE.fullmatch(request.GET.get(name, "")):
            try:
                return read(Place(date.fromisoformat(match[1]), int(match[2])), PAGE_SIZE)
            except ValueError:
                break
    return found.oldest(PAGE_SIZE) if request.GET.get("from") == "oldest" else found.newest(PAGE_SIZE)


def _count(request: HttpRequest, found: CashList, part: Slice, *, searched: bool) -> int | None:
    """How many rows fit, or one more than COUNTED; None for a long one of what has a text: all is searched for it."""
    if not searched:
        return found.count_up_to(COUNTED + 1)
    return len(part.ids) if part.newer is None and part.older is None else None


def _sums(request: HttpRequest, found: CashList, count: int | None, accounts: Sequence[Account]) -> Any:
    """Income and expense, or None where the list is long: then the page asks for them once it is shown."""
    quick = count is not None and count <= COUNTED
    return found.sums(currencies_of(accounts)) if quick or request.GET.get("totals") == "all" else None


def _changed(request: HttpRequest) -> list[int]:
    return chosen([request.GET.get("changed", "")])


def _query(request: HttpRequest) -> QueryDict:
    """The query of the list, without the place in it."""
    kept = request.GET.copy()
    for name in MOVES:
        kept.pop(name, None)
    return kept


def _back(request: HttpRequest, **more: str) -> QueryDict:
    """The query of the list that a form was sent from."""
    query = QueryDict(request.POST.get("back", ""), mutable=True)
    for name, value in more.items():
        query[name] = value
    return query


def _with(query: QueryDict, **values: Any) -> str:
    kept = query.copy()
    for name in MOVES:
        kept.pop(name, None)
    for name, value in values.items():
        kept[name] = str(value)
    return kept.urlencode()
