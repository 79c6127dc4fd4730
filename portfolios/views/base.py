"""What every page of a portfolio begins with: the caller's portfolios, and which of them is shown."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, cast

from django.http import Http404, HttpRequest

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
