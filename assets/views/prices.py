"""The staff's page for prices that nobody delivers: one at a time, or a list."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, cast

from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils import timezone
from django.utils.translation import gettext
from django.views.decorators.http import require_http_methods

from assets.forms.prices import PriceForm, PriceListForm
from assets.models import HistoricValue
from assets.services.history import MANUAL
from assets.services.manual_prices import UnlikelyPrice, enter_list, enter_price, preview
from core.errors import DomainError
from core.web import bad_request, staff_needed

if TYPE_CHECKING:
    from users.models import User

SHOWN, LATEST = 20, 10


@staff_needed
@require_http_methods(["GET", "HEAD", "POST"])
def prices(request: HttpRequest) -> HttpResponse:
    """A POST says by ``action`` what it is: a "price", a list to "preview", or one to "store"."""
    if request.method != "POST":
        return _page(request)
    actions = {"price": _enter, "preview": _preview, "store": _store}
    action = actions.get(request.POST.get("action", ""))
    return action(request) if action else bad_request(request)


def _page(request: HttpRequest, status: int = 200, **context: Any) -> HttpResponse:
    entered = HistoricValue.objects.filter(source=MANUAL).select_related("asset").order_by("-version", "-day")
    shown = {"section": "prices", "form": PriceForm(), "list_form": PriceListForm(), "entered": entered[:LATEST]}
    return render(request, "assets/prices.html", shown | context, status=status)


def _enter(request: HttpRequest) -> HttpResponse:
    form = PriceForm(request.POST)
    if not form.is_valid():
        return _page(request, 422, form=form)
    asset, given = form.cleaned_data["symbol"], form.cleaned_data
    try:
        bar = enter_price(
            asset=asset,
            day=given["day"],
            figures=form.figures,
            actor=cast("User", request.user),
            confirmed=given["confirmed"],
        )
    except DomainError as error:
        form.add_error(error.field if error.field in form.fields else None, error.message)
        return _page(request, 422, form=form, to_confirm=isinstance(error, UnlikelyPrice))
    messages.success(
        request,
        gettext("%(asset)s on %(day)s is %(close)s %(currency)s.")
        % {
            "asset": asset,
            "day": bar.day,
            "close": f"{bar.close.normalize():f}",
            "currency": asset.quote_currency,
        },
    )
    return redirect("prices")


def _preview(request: HttpRequest) -> HttpResponse:
    form = PriceListForm(request.POST, request.FILES)
    if not form.is_valid():
        return _page(request, 422, list_form=form)
    return _show(request, form.cleaned_data["file"])


def _show(request: HttpRequest, content: bytes) -> HttpResponse:
    found = preview(content, now=timezone.now())
    context = {
        "section": "prices",
        "found": found,
        "rows": found.rows[:SHOWN],
        "text": "" if found.problems else content.decode("utf-8-sig"),
    }
    return render(request, "assets/price_list.html", context, status=422 if found.problems else 200)


def _store(request: HttpRequest) -> HttpResponse:
    content = request.POST.get("text", "").encode("utf-8", "replace")
    try:
        changed = enter_list(
            content=content, actor=cast("User", request.user), confirmed=request.POST.get("confirmed") == "on"
        )
    except DomainError as error:
        messages.error(request, error.message)
        return _show(request, content)
    messages.success(request, gettext("%(number)s prices were stored or changed.") % {"number": changed})
    return redirect("prices")
