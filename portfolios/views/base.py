"""What every page of a portfolio begins with: the caller's portfolios, which of them is shown, and which rows."""

from __future__ import annotations

from collections.abc import Sequence
from functools import cached_property
from typing import Any, cast

from django.conf import settings
from django.core.exceptions import PermissionDenied
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import render
from django.urls import reverse
from django.views import View

from core.web import Right
from portfolios.models import Portfolio
from portfolios.models.portfolio import PortfolioQuerySet
from users.models import BOOKING, MANAGING, User


def visible(request: HttpRequest) -> PortfolioQuerySet:
    """With what the picker says of each: whose it is, and what the person is to it."""
    user = cast("User", request.user)
    found = Portfolio.objects.visible_to(user).with_roles(user)
    return found.select_related("benchmark", "owner", "organisation")


def chosen(choices: Sequence[Portfolio], request: HttpRequest) -> Portfolio:
    """The one that ``?portfolio=<id>`` names, else the first. Raises Http404 where there is no such portfolio."""
    wanted = request.GET.get("portfolio")
    for portfolio in choices:
        if wanted is None or str(portfolio.pk) == wanted:
            return portfolio
    raise Http404


def page_of(request: HttpRequest) -> dict[str, Any]:
    """What the picker of portfolios needs: ``portfolios`` and ``portfolio``, which is None for somebody without any."""
    return _picked(request, list(visible(request)))


def _picked(request: HttpRequest, choices: list[Portfolio]) -> dict[str, Any]:
    nothing = not choices and "portfolio" not in request.GET
    portfolio = None if nothing else chosen(choices, request)
    role = portfolio.role_for(cast("User", request.user)) if portfolio else ""
    return {"portfolios": choices, "portfolio": portfolio} | rights_of(role)


def rights_of(role: str) -> dict[str, Any]:
    """What the templates ask before they offer something: ``role``, ``may_book`` and ``may_manage``."""
    return {"role": role, "may_book": role in BOOKING, "may_manage": role in MANAGING}


def welcome(request: HttpRequest, section: str) -> HttpResponse:
    """The page of somebody without a portfolio."""
    return render(request, "portfolios/welcome.html", {"section": section, "demo": settings.DEMO})


def page_with(request: HttpRequest, right: Right) -> dict[str, Any]:
    """As ``page_of``, of the portfolios to which the person has ``right``.

    Raises PermissionDenied where they see the one that is named, or only such, and have no such right to it.
    """
    user, roles = cast("User", request.user), MANAGING if right is Right.MANAGE else BOOKING
    seen = list(visible(request))
    choices = [portfolio for portfolio in seen if portfolio.role_for(user) in roles]
    if seen and (not choices or "portfolio" in request.GET):
        require(chosen(seen, request), user, right)
    return _picked(request, choices)


class ManagedPage(View):
    """A page about one portfolio, ``?portfolio=``, of those that the person may set up."""

    @cached_property
    def page(self) -> dict[str, Any]:
        return page_with(self.request, Right.MANAGE)

    @property
    def portfolio(self) -> Portfolio:
        found: Portfolio | None = self.page["portfolio"]
        if found is None:
            raise Http404
        return found


def require(portfolio: Portfolio, user: User, right: Right) -> None:
    """Raise PermissionDenied if ``user``, who sees the portfolio, has no such right to it."""
    if portfolio.role_for(user) not in (MANAGING if right is Right.MANAGE else BOOKING):
        raise PermissionDenied(right.refusal)


def after_booking(portfolio: Portfolio) -> str:
    """Where a booking leads to: the portfolio's transactions."""
    return f"{reverse('transactions')}?portfolio={portfolio.pk}"
