"""The staff's page of providers: how each is doing, trying one out, ending a wait."""

from __future__ import annotations

from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils import timezone
from django.utils.translation import gettext
from django.views.decorators.http import require_http_methods

from assets.providers.base import NAMES, ProviderError
from assets.services import breaker
from assets.services.standing import standings, try_out
from core.errors import DomainError
from core.web import bad_request, staff_needed


@staff_needed
@require_http_methods(["GET", "HEAD", "POST"])
def providers(request: HttpRequest) -> HttpResponse:
    """A POST names a ``provider`` and what to do: ``action`` is "test" or "close"."""
    if request.method == "POST":
        return _act(request)
    return render(request, "assets/providers.html", {"standings": standings(timezone.now()), "section": "providers"})


def _act(request: HttpRequest) -> HttpResponse:
    name, action = request.POST.get("provider", ""), request.POST.get("action", "")
    if name not in NAMES or action not in ("test", "close"):
        return bad_request(request)
    if action == "close":
        breaker.close(name)
        messages.success(request, gettext("%(name)s may be asked again.") % {"name": name})
    else:
        _test(request, name)
    return redirect("providers")


def _test(request: HttpRequest, name: str) -> None:
    try:
        messages.success(request, gettext("%(name)s answers: %(answer)s.") % {"name": name, "answer": try_out(name)})
    except ProviderError as error:
        messages.error(request, f"{error}.")
    except DomainError as error:
        messages.error(request, f"{name}: {error.message}")
