"""The staff's page of factor sets: which are loaded, and files of returns to load, with a look at them before."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, cast

from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils.translation import gettext as _
from django.views.decorators.http import require_http_methods

from analytics.forms.factors import LoadForm, StoreForm, UploadForm, packed, words_of
from analytics.models import FactorSet
from analytics.queries import factors as queries
from analytics.services.factors import load_files, preview_files
from analytics.wording import worded
from core.errors import DomainError
from core.web import bad_request, staff_needed

if TYPE_CHECKING:
    from users.models import User

SHOWN = 12  # rows of the file


@staff_needed
@require_http_methods(["GET", "HEAD", "POST"])
def factor_sets(request: HttpRequest) -> HttpResponse:
    """A POST says by ``action`` what it is: a file to "preview", or one to "store"."""
    if request.method != "POST":
        return _page(request, UploadForm())
    actions = {"preview": _preview, "store": _store}
    action = actions.get(request.POST.get("action", ""))
    return action(request) if action else bad_request(request)


def _page(request: HttpRequest, form: LoadForm, status: int = 200) -> HttpResponse:
    visible = FactorSet.objects.visible_to(cast("User", request.user))
    sets = [(found, *queries.span_of(found.factors.all())) for found in queries.factor_sets(visible)]
    context = {"section": "factors", "form": form, "sets": sets}
    return render(request, "analytics/factor_sets.html", context, status=status)


def _preview(request: HttpRequest) -> HttpResponse:
    form = UploadForm(request.POST, request.FILES)
    if not form.is_valid():
        return _page(request, form, 422)
    content = form.cleaned_data["file"]
    given: dict[str, Any] = {"percent": form.percent, "new_factors": form.cleaned_data["new_factors"]}
    try:
        table, loaded = preview_files(new=form.new, contents=[content], **given)
    except DomainError as error:
        _blame(form, error)
        return _page(request, form, 422)
    context = {
        "section": "factors",
        "form": StoreForm(words_of(form) | {"packed": packed(content)}),
        "known": FactorSet.objects.filter(key=form.cleaned_data["key"]).first(),
        "key": form.cleaned_data["key"],
        "table": table,
        "loaded": loaded,
        "frequency_text": worded(table.frequency),
        "rows": [*table.rows[: SHOWN // 2], *table.rows[SHOWN // 2 :][-SHOWN // 2 :]],
    }
    return render(request, "analytics/factor_file.html", context)


def _store(request: HttpRequest) -> HttpResponse:
    form = StoreForm(request.POST)
    if not form.is_valid():
        return _page(request, UploadForm(request.POST), 422)
    try:
        made, loaded = load_files(
            new=form.new,
            contents=[form.cleaned_data["packed"]],
            actor=cast("User", request.user),
            percent=form.percent,
            new_factors=form.cleaned_data["new_factors"],
        )
    except DomainError as error:
        messages.error(request, error.message)
        return redirect("factor-sets")
    messages.success(
        request,
        _("%(name)s: %(added)s returns are new, %(changed)s changed, %(unchanged)s the same.")
        % {"name": made.name, "added": loaded.added, "changed": loaded.changed, "unchanged": loaded.unchanged},
    )
    return redirect("factor-sets")


def _blame(form: LoadForm, error: DomainError) -> None:
    form.add_error(error.field if error.field in form.fields else None, error.message)
