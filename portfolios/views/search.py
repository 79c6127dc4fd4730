"""The search: a page that works without scripts, and the list that opens below the field while one types."""

from __future__ import annotations

from typing import cast

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.utils.translation import gettext_lazy as _
from django.views.decorators.http import require_safe

from banking.forms.filters import Filter, text_field
from core.web import login_needed, paging
from portfolios.queries.search import assets_like, own, priced
from users.models import User

PAGE_SIZE = 20
SUGGESTED = 8


class SearchFilter(Filter):
    """``?q=``"""

    q = text_field(_("Symbol, name or ISIN"))

    @property
    def text(self) -> str:
        return (self.value("q") or "").strip()


@require_safe
@login_needed
def search(request: HttpRequest) -> HttpResponse:
    """Securities by symbol, name or ISIN, ``PAGE_SIZE`` to a page, and one's own portfolios and accounts by name."""
    form, user = SearchFilter(request.GET), cast("User", request.user)
    found = assets_like(user, form.text)
    pages = paging(request, found.count(), PAGE_SIZE)
    context = {
        "form": form,
        "text": form.text,
        "searched": form.text,  # in the header
        "pages": pages,
        "assets": priced(found, pages.start, pages.stop),
        "own": own(user, form.text),
    }
    return render(request, "portfolios/search.html", context)


@require_safe
@login_needed
def search_list(request: HttpRequest) -> HttpResponse:
    """The first ``SUGGESTED`` securities, and one's own, as links; nothing for nothing."""
    text, user = SearchFilter(request.GET).text, cast("User", request.user)
    context = {"text": text, "assets": assets_like(user, text)[:SUGGESTED], "own": own(user, text)}
    return render(request, "portfolios/_search_list.html", context)
