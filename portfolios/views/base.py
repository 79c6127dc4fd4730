"""What every page of a portfolio begins with: the caller's portfolios, and which of them is shown."""

from __future__ import annotations

from collections.abc import Sequence
from functools import wraps
from typing import Any, cast

from django.core.exceptions import PermissionDenied
from django.http import Http404, HttpRequest
from django.http.response import HttpResponseBase
from django.urls import NoReverseMatch, reverse

from core.web import View, login_needed
from portfolios.models import Portfolio
from portfolios.models.portfolio import PortfolioQuerySet
from users.models import User


def visible(request: HttpRequest) -> PortfolioQuerySet:
    return Portfolio.objects.visible_to(cast("User", request.user)).select_related("benchmark")


def chosen(choices: Sequence[Portfolio], request: HttpRequest) -> Portfolio:
    """The one that ``?portfolio=<id>`` names, else the first. Raises Http404 where there is no such portfolio."""
    wanted = request.GET.get("portfolio")
    for portfolio in choices:
        if wanted is None or str(portfolio.pk) == wanted:
            return portfolio
    raise Http404


def page_of(request: HttpRequest) -> dict[str, Any]:
    """What the picker of portfolios needs: ``portfolios`` and ``portfolio``, which is None for somebody without any."""
    choices = list(visible(request))
    nothing = not choices and "portfolio" not in request.GET
    return {"portfolios": choices, "portfolio": None if nothing else chosen(choices, request)}


def editable(request: HttpRequest) -> PortfolioQuerySet:
    return Portfolio.objects.editable_by(cast("User", request.user)).select_related("benchmark")


def entry_page_of(request: HttpRequest) -> dict[str, Any]:
    """As ``page_of``, of the portfolios that the person may book into."""
    choices = list(editable(request))
    nothing = not choices and "portfolio" not in request.GET
    return {"portfolios": choices, "portfolio": None if nothing else chosen(choices, request)}


def after_booking(portfolio: Portfolio) -> str:
    """Where a booking leads to: the portfolio's transactions, or the Dashboard where there is no such page."""
    try:
        page = reverse("transactions")
    except NoReverseMatch:
        page = reverse("dashboard")
    return f"{page}?portfolio={portfolio.pk}"


def staff_only(view: View) -> View:
    """For staff who have logged in; anybody else who has is answered 403, as the API answers."""

    @wraps(view)
    def guarded(request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponseBase:
        if not cast("User", request.user).is_staff:
            raise PermissionDenied
        return view(request, *args, **kwargs)

    return login_needed(guarded)
