"""Saying which column of a file is which, with its first rows as they would be read."""

from __future__ import annotations

from typing import Any, cast

from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils.translation import gettext as _
from django.views import View
from django_htmx.http import HttpResponseClientRedirect

from banking.models import ImportBatch, ImportKind
from banking.services.import_mapping import DOCUMENTED, first_mapping, tell_columns, tried
from core.errors import DomainError
from core.web import Right, choice, obtain
from portfolios.forms.mapping import LABELS, MappingForm
from portfolios.tasks import import_wanted
from users.models import User


class ImportColumnsPage(View):
    """``/imports/<id>/columns/``: a form that begins with what the names look like; sent, the file is checked by it."""

    http_method_names = ["get", "head", "post", "options"]

    def get(self, request: HttpRequest, pk: int) -> HttpResponse:
        batch = self.found(request, pk)
        if not batch.mappable:
            return redirect("import-page", pk=pk)
        return self.shown(
            request, batch, self.form(request, batch, None, choice(request, "kind", ImportKind.values, ""))
        )

    def post(self, request: HttpRequest, pk: int) -> HttpResponse:
        batch = self.found(request, pk)
        if not batch.mappable:
            messages.error(request, _("The columns of this file cannot be told any more."))
            return redirect("import-page", pk=pk)
        kind = request.POST.get("kind", "")
        kind = kind if kind in ImportKind.values else ""
        other = bool(kind) and kind != request.POST.get(
            "was", kind
        )  # the other kind has other columns: they are guessed anew
        if other and getattr(request, "htmx", False):
            return HttpResponseClientRedirect(f"{reverse('import-columns', args=[pk])}?kind={kind}")
        form = self.form(request, batch, None if other else request.POST, kind)
        if other or request.POST.get("action") == "preview":
            return self.shown(request, batch, form)
        mapping = form.mapping()
        if mapping is None:
            return self.shown(request, batch, form, 422)
        try:
            tell_columns(batch=batch, mapping=mapping, actor=cast("User", request.user))
        except DomainError as error:
            form.add_error(None, error.message)
            return self.shown(request, batch, form, 422)
        import_wanted(pk)
        return redirect("import-page", pk=pk)

    @staticmethod
    def found(request: HttpRequest, pk: int) -> ImportBatch:
        return obtain(ImportBatch.objects.all(), request.user, Right.BOOK, pk=pk)

    @staticmethod
    def form(request: HttpRequest, batch: ImportBatch, data: Any, kind: str) -> MappingForm:
        first = first_mapping(batch, kind)
        return MappingForm(data, batch=batch, user=cast("User", request.user), first=first)

    @staticmethod
    def shown(request: HttpRequest, batch: ImportBatch, form: MappingForm, status: int = 200) -> HttpResponse:
        mapping = form.mapping() if form.is_bound else first_mapping(batch, form.of_kind)
        rows = tried(batch, mapping) if mapping else []
        columns = [name for name in DOCUMENTED[form.of_kind] if any(row.cells.get(name) for row in rows)]
        context = {
            "section": "imports",
            "batch": batch,
            "form": form,
            "heads": [LABELS[name] for name in columns],
            "rows": [(row, [(LABELS[name], row.cells.get(name, "")) for name in columns]) for row in rows],
            "missing": mapping is None,
        }
        part = getattr(request, "htmx", False) and request.POST.get("action") == "preview"
        name = "portfolios/_import_sample.html" if part else "portfolios/import_columns.html"
        return render(request, name, context, status=status)
