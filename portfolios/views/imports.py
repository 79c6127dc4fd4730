"""Pages for files that are booked: drop one, see what is in it and what is wrong, book it, take it out again."""

from __future__ import annotations

from typing import Any, cast

from django import forms
from django.conf import settings
from django.contrib import messages
from django.core.paginator import Paginator
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.views import View

from banking.models import Account, ImportBatch, ImportKind, ImportName, ImportRow, ImportState, NameKind, Outcome
from banking.services.imports import discard, receive, request_commit, request_undo
from core.errors import DomainError
from core.web import bad_request
from portfolios.services.importing import KINDS
from portfolios.tasks import import_wanted
from users.models import User

PER_PAGE = 50
SHOWN = 20


class UploadForm(forms.Form):
    file = forms.FileField(label="CSV file", allow_empty_file=True, max_length=1_000)

    def clean_file(self) -> Any:
        upload = self.cleaned_data["file"]
        if upload.size > settings.IMPORT_MOST_BYTES:
            raise forms.ValidationError(f"The file is larger than {settings.IMPORT_MOST_BYTES:,} bytes.")
        return upload


class ImportListPage(View):
    """``/imports/``: a place to drop a file, and those that were uploaded before."""

    http_method_names = ["get", "head", "post", "options"]

    def get(self, request: HttpRequest) -> HttpResponse:
        return self.shown(request, UploadForm())

    def post(self, request: HttpRequest) -> HttpResponse:
        form, actor = UploadForm(request.POST, request.FILES), cast("User", request.user)
        if not form.is_valid():
            return self.shown(request, form, 422)
        upload = form.cleaned_data["file"]
        try:
            batch = receive(actor=actor, file_name=upload.name, pieces=upload.chunks())
        except DomainError as error:
            form.add_error("file", error.message)
            return self.shown(request, form, 422)
        import_wanted(batch.pk)
        return redirect("import-page", pk=batch.pk)

    def shown(self, request: HttpRequest, form: UploadForm, status: int = 200) -> HttpResponse:
        found = ImportBatch.objects.visible_to(request.user).select_related("job")
        page = Paginator(found, PER_PAGE).get_page(request.GET.get("page"))
        context = {"form": form, "page": page, "section": "imports", "columns": KINDS}
        return render(request, "portfolios/imports.html", context, status=status)


class ImportPage(View):
    """``/imports/<id>/``: one file; while it is under way the page asks for itself again."""

    http_method_names = ["get", "head", "post", "options"]

    def get(self, request: HttpRequest, pk: int) -> HttpResponse:
        context = _context(self.found(request, pk), cast("User", request.user))
        part = getattr(request, "htmx", False)
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
            messages.success(request, f"{batch.file_name} was deleted; nothing of it was booked.")
            return redirect("imports")
        import_wanted(pk)
        return redirect("import-page", pk=pk)

    @staticmethod
    def found(request: HttpRequest, pk: int) -> ImportBatch:
        return get_object_or_404(ImportBatch.objects.visible_to(request.user).select_related("job"), pk=pk)


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
        "percent": 100 * batch.job.done // batch.job.total if batch.job and batch.job.total else None,
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
