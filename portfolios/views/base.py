"""What every page of a portfolio begins with: the caller's portfolios, which of them is shown, and which rows."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, cast

from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import render
from django.urls import reverse

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
    return _picked(request, visible(request))


def _picked(request: HttpRequest, found: PortfolioQuerySet) -> dict[str, Any]:
    choices = list(found)
    nothing = not choices and "portfolio" not in request.GET
    return {"portfolios": choices, "portfolio": None if nothing else chosen(choices, request)}


def welcome(request: HttpRequest, section: str) -> HttpResponse:
    """The page of somebody without a portfolio."""
    return render(request, "portfolios/welcome.html", {"section": section})


def editable(request: HttpRequest) -> PortfolioQuerySet:
    return Portfolio.objects.editable_by(cast("User", request.user)).select_related("benchmark")


def entry_page_of(request: HttpRequest) -> dict[str, Any]:
    """As ``page_of``, of the portfolios that the person may book into."""
    return _picked(request, editable(request))


def after_booking(portfolio: Portfolio) -> str:
    """Where a booking leads to: the portfolio's transactions."""
    return f"{reverse('transactions')}?portfolio={portfolio.pk}"
