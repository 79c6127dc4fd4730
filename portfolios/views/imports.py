"""Pages for files that are booked: drop one, see what is in it and what is wrong, book it, take it out again."""

from __future__ import annotations

from typing import Any, cast

from django import forms
from django.conf import settings
from django.contrib import messages
from django.core.paginator import Paginator
from django.http import HttpRequest, HttpResponse
from django.http.response import HttpResponseBase
from django.shortcuts import get_object_or_404, redirect, render
from django.template.defaultfilters import filesizeformat
from django.urls import reverse
from django.utils.translation import gettext_lazy as _
from django.views import View
from django.views.decorators.http import require_safe
from django_htmx.http import HttpResponseClientRedirect

from banking.models import Account, ImportBatch, ImportKind, ImportName, ImportRow, ImportState, NameKind, Outcome
from banking.services.import_mapping import MARKS, ORDERS
from banking.services.imports import discard, receive, request_commit, request_undo
from core.errors import DomainError
from core.web import bad_request, csv_answer, text_cell
from portfolios.services.importing import KINDS
from portfolios.tasks import import_wanted
from users.models import User

PER_PAGE = 50
SHOWN = 20
ERROR_COLUMNS = ("line", "error", "raw")
SEPARATORS = {",": _("commas"), ";": _("semicolons"), "\t": _("tabs")}


class FilesInput(forms.ClearableFileInput):
    allow_multiple_selected = True


class FilesField(forms.FileField):
    """One file or several, each of them checked."""

    def clean(self, data: Any, initial: Any = None) -> Any:
        files = data if isinstance(data, list | tuple) else [data]
        return [self._checked(each, initial) for each in files or [None]]

    def _checked(self, upload: Any, initial: Any) -> Any:
        found = super().clean(upload, initial)
        if found.size > settings.IMPORT_MOST_BYTES:
            most = filesizeformat(settings.IMPORT_MOST_BYTES)
            raise forms.ValidationError(
                _("%(name)s is larger than %(most)s."), params={"name": found.name, "most": most}
            )
        return found


class UploadForm(forms.Form):
    file = FilesField(label=_("Files"), allow_empty_file=True, max_length=1_000, widget=FilesInput)


class ImportListPage(View):
    """``/imports/``: a place to drop a file, and those that were uploaded before."""

    http_method_names = ["get", "head", "post", "options"]

    def get(self, request: HttpRequest) -> HttpResponse:
        return self.shown(request, UploadForm())

    def post(self, request: HttpRequest) -> HttpResponse:
        form, actor = UploadForm(request.POST, request.FILES), cast("User", request.user)
        if not form.is_valid():
            return self.shown(request, form, 422)
        batches = []
        for upload in form.cleaned_data["file"]:
            try:
                batches.append(receive(actor=actor, file_name=upload.name, pieces=upload.chunks(), asks=True))
            except DomainError as error:
                form.add_error("file", f"{upload.name}: {error.message}")
                return self.shown(request, form, 422)
            import_wanted(batches[-1].pk)
        return redirect("import-page", pk=batches[0].pk) if len(batches) == 1 else redirect("imports")

    def shown(self, request: HttpRequest, form: UploadForm, status: int = 200) -> HttpResponse:
        found = ImportBatch.objects.visible_to(request.user).select_related("job").defer("head", "mapping")
        page = Paginator(found, PER_PAGE).get_page(request.GET.get("page"))
        busy = any(batch.unfinished for batch in page)
        context = {"form": form, "page": page, "section": "imports", "columns": KINDS, "busy": busy}
        part = getattr(request, "htmx", False) and request.method == "GET"
        name = "portfolios/_import_list.html" if part else "portfolios/imports.html"
        return render(request, name, context, status=status)


class ImportPage(View):
    """``/imports/<id>/``: one file; while it is under way the page asks for itself again."""

    http_method_names = ["get", "head", "post", "options"]

    def get(self, request: HttpRequest, pk: int) -> HttpResponse:
        batch = self.found(request, pk)
        part = getattr(request, "htmx", False)
        if batch.state == ImportState.MAPPING:
            columns = reverse("import-columns", args=[pk])
            return HttpResponseClientRedirect(columns) if part else redirect(columns)
        context = _context(batch, cast("User", request.user))
        return render(request, "portfolios/_import.html" if part else "portfolios/import.html", context)

    def post(self, request: HttpRequest, pk: int) -> HttpResponse:
        """By ``action``: commit, undo, or delete."""
        batch, actor = self.found(request, pk), cast("User", request.user)
        wanted = request.POST.get("action", "")
        steps: dict[str, Any] = {"commit": request_commit, "undo": request_undo, "delete": discard}
        if wanted not in steps:
            return bad_request(request)
        try:
            steps[wanted](batch=batch, actor=actor)
        except DomainError as error:
            messages.error(request, error.message)
            return redirect("import-page", pk=pk)
        if wanted == "delete":
            messages.success(request, _("%(name)s was deleted; nothing of it was booked.") % {"name": batch.file_name})
            return redirect("imports")
        import_wanted(pk)
        return redirect("import-page", pk=pk)

    @staticmethod
    def found(request: HttpRequest, pk: int) -> ImportBatch:
        return get_object_or_404(ImportBatch.objects.visible_to(request.user).select_related("job"), pk=pk)


@require_safe
def import_errors(request: HttpRequest, pk: int) -> HttpResponseBase:
    """``/imports/<id>/errors/``: the rows with an error as a file: where each is, what is wrong, and the row itself."""
    batch = ImportPage.found(request, pk)
    rows = ImportRow.objects.filter(batch=batch, outcome=Outcome.WRONG).order_by("line")
    lines = ([str(line), text_cell(error), text_cell(raw)] for line, error, raw in rows.values_list(*ERROR_COLUMNS))
    return csv_answer(request, f"import-{batch.pk}-errors.csv", ("line", "error", "row"), lines)


def _context(batch: ImportBatch, user: User) -> dict[str, Any]:
    rows = ImportRow.objects.filter(batch=batch).order_by("line")
    settled = not batch.unfinished
    first = list(rows.exclude(outcome=Outcome.WRONG)[:SHOWN]) if settled else []
    names = dict(ImportName.objects.filter(batch=batch, number__in=_numbers(first)).values_list("number", "name"))
    accounts = Account.objects.visible_to(user).in_bulk({row.account for row in first if row.account})
    missing = ImportName.objects.filter(batch=batch).missing()
    return {
        "batch": batch,
        "section": "imports",
        "wrong": list(rows.filter(outcome=Outcome.WRONG)[:SHOWN]) if settled else [],
        "preview": [_line(row, names, accounts) for row in first],
        "payments": batch.payments() if batch.transfers and batch.state == ImportState.READY else 0,
        "trades": batch.kind == ImportKind.TRADES,
        "missing": [
            (NameKind(kind).label, [name.name for name in missing.filter(kind=kind)[:SHOWN]], count)
            for kind in NameKind.values
            if settled and (count := missing.filter(kind=kind).count())
        ],
        "percent": batch.job.percent if batch.job else None,
        "words": format_words(batch),
    }


def _numbers(rows: list[ImportRow]) -> set[int]:
    return {number for row in rows for number in (row.category, row.counterparty) if number is not None}


def _line(row: ImportRow, names: dict[int, str], accounts: dict[int, Account]) -> dict[str, Any]:
    return {
        "row": row,
        "account": accounts.get(row.account or 0),
        "category": names.get(row.category, "") if row.category is not None else "",
        "counterparty": names.get(row.counterparty, "") if row.counterparty is not None else "",
    }


def format_words(batch: ImportBatch) -> list[str]:
    """What was detected of a file that was read, a sentence each."""
    if not batch.encoding:
        return []
    kind = batch.get_kind_display() or _("Rows with columns of their own")
    separator = SEPARATORS.get(batch.delimiter, batch.delimiter)
    said = [
        _("%(kind)s from a CSV file, its columns between %(separator)s, its characters in %(encoding)s.")
        % {"kind": kind, "separator": separator, "encoding": batch.encoding}
    ]
    if batch.mapping:
        mark, order = MARKS[batch.mapping["decimal"]], ORDERS[batch.mapping["dates"]]
        said.append(_("Decimals follow %(mark)s; days are written like %(day)s.") % {"mark": mark, "day": order})
    return said
