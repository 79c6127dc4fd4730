"""The page of what recurs: suggestions, of which some are dismissed."""

from __future__ import annotations

from collections.abc import Callable
from urllib.parse import urlencode

from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.urls import NoReverseMatch, reverse
from django.utils import timezone
from django.views import View
from django.views.decorators.http import require_safe

from banking.queries.recurring import Suggestion, suggestions
from banking.services import recurring as service
from banking.views.base import account_for, caller, editable, private, visible
from banking.views.sections import section_page
from core.api import plain
from core.errors import DomainError
from core.web import Right, login_needed, typable


@require_safe
@login_needed
def recurring_list(request: HttpRequest) -> HttpResponse:
    """What comes again and again in the accounts that the caller sees."""
    found = suggestions(visible(request), timezone.now().date())
    context = section_page("recurring") | {
        "found": [(each, _payment(each)) for each in found if not each.dismissed],
        "dismissed": [each for each in found if each.dismissed],
        "mine": set(editable(request).order_by().values_list("pk", flat=True)),
    }
    return render(request, "banking/recurring.html", context)


class _SuggestionView(View):
    """Hide or show the suggestion ``key`` of an account that the caller books into."""

    http_method_names = ["post", "options"]

    def post(self, request: HttpRequest) -> HttpResponse:
        typed = request.POST.get("account", "")
        if not (typed.isascii() and typed.isdigit() and len(typed) <= 18):
            raise Http404
        account = account_for(request, Right.BOOK, int(typed))
        try:
            self.change()(key=request.POST.get("key", ""), account=account, actor=caller(request))
        except DomainError as error:
            raise Http404 from error
        return redirect("banking-recurring")

    def change(self) -> Callable[..., None]:
        raise NotImplementedError


@private
class DismissView(_SuggestionView):
    def change(self) -> Callable[..., None]:
        return service.dismiss


@private
class RestoreSuggestionView(_SuggestionView):
    def change(self) -> Callable[..., None]:
        return service.restore


def _payment(suggestion: Suggestion) -> str:
    """Where such a payment is scheduled, filled in as far as it is known; empty where there is no such page."""
    found = suggestion.found
    if found.amount > 0:
        return ""
    try:
        page = reverse("banking-pay")
    except NoReverseMatch:
        return ""
    given = {"source": suggestion.account.pk, "name": found.name, "amount": typable(plain(abs(found.amount)))}
    return f"{page}?{urlencode(given)}"
