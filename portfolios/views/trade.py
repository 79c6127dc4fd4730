"""One trade with its history, and taking it out of the books and back."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, cast

from django.http import HttpRequest, HttpResponse, QueryDict
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils.translation import gettext_lazy as _
from django.views.decorators.http import require_http_methods, require_safe

from core.errors import DomainError
from core.web import Right, login_needed, obtain
from portfolios.models import Disposal, Lot, Trade
from portfolios.queries.transactions import cash_of, realised, versions_of
from portfolios.services.trades import linked, restore_trade, void_trade
from portfolios.views.base import rights_of, visible
from portfolios.views.transactions import list_page
from users.models import User

if TYPE_CHECKING:
    from django.utils.functional import _StrOrPromise

MOST_LOTS = 100


@dataclass(frozen=True, slots=True)
class Change:
    """One thing that can be done to a trade, and the words for it."""

    verb: _StrOrPromise
    url_name: str
    service: Callable[..., Trade]
    applies: Callable[[Trade], bool]
    otherwise: _StrOrPromise
    restores: bool = False


VOID = Change(
    _("Void"), "trade-void-page", void_trade, lambda trade: not trade.voided_at, _("This trade is voided already.")
)
RESTORE = Change(
    _("Restore"),
    "trade-restore-page",
    restore_trade,
    lambda trade: bool(trade.voided_at),
    _("This trade is not voided."),
    restores=True,
)


@require_safe
@login_needed
def trade_page(request: HttpRequest, pk: int) -> HttpResponse:
    """What was booked, by whom and when, what followed from it, what it replaced and what replaced it."""
    return _page(request, _trade(request, pk, Right.SEE))


@require_http_methods(["GET", "HEAD", "POST"])
@login_needed
def void_page(request: HttpRequest, pk: int) -> HttpResponse:
    return _change(request, pk, VOID)


@require_http_methods(["GET", "HEAD", "POST"])
@login_needed
def restore_page(request: HttpRequest, pk: int) -> HttpResponse:
    return _change(request, pk, RESTORE)


def _trade(request: HttpRequest, pk: int, right: Right) -> Trade:
    joined = ("asset__exchange", "account", "portfolio__benchmark", "created_by", "voided_by", "replaces", "source")
    return obtain(Trade.objects.select_related(*joined), request.user, right, pk=pk)


def _page(request: HttpRequest, trade: Trade, *, refusal: str = "", status: int = 200) -> HttpResponse:
    versions = versions_of(trade)
    context = _around(request, trade) | {
        "versions": versions,
        "newest": next((version for version in reversed(versions) if not version.voided_at), None),
        "cash": cash_of(trade),
        "picks": trade.picks.select_related("opened_by").order_by("pk"),
        "brought": trade.transfer_lots.order_by("sequence")[:MOST_LOTS],
        "opened": Lot.objects.filter(opened_by=trade).select_related("asset").order_by("asset", "sequence")[:MOST_LOTS],
        "disposals": Disposal.objects.filter(trade=trade).select_related("asset", "portfolio")[:MOST_LOTS],
        "gain": realised([trade.pk]).get(trade.pk),
        "refusal": refusal,
    }
    return render(request, "portfolios/trade.html", context, status=status)


def _around(request: HttpRequest, trade: Trade) -> dict[str, Any]:
    """What every page about one trade shows beside it."""
    portfolios = list(visible(request))
    known = {portfolio.pk: portfolio for portfolio in portfolios}
    shown = known.get(trade.portfolio_id, trade.portfolio)
    return rights_of(shown.role_for(cast("User", request.user))) | {
        "portfolios": portfolios,
        "portfolio": trade.portfolio,
        "picker_path": reverse("transactions"),
        "section": "transactions",
        "trade": trade,
        "other_leg": linked(trade),
    }


def _change(request: HttpRequest, pk: int, change: Change) -> HttpResponse:
    """Ask whether it is meant; by POST do it and go back to where the question was asked."""
    trade = _trade(request, pk, Right.BOOK)
    if request.method != "POST":
        return _question(request, trade, change)
    back = request.POST.get("back")
    try:
        change.service(trade=trade, actor=request.user)
    except DomainError as error:
        return _refusal(request, trade, back, error.message)
    if back is None:
        return redirect("trade-page", pk)
    return redirect(f"{reverse('transactions')}?{_query(trade, back).urlencode()}#trade-{pk}")


def _question(request: HttpRequest, trade: Trade, change: Change) -> HttpResponse:
    back = request.GET.get("back")
    context = _around(request, trade) | {
        "change": change,
        "possible": change.applies(trade),
        "back": back,
        "back_query": None if back is None else _query(trade, back),
    }
    part = getattr(request, "htmx", False)
    return render(request, "portfolios/_confirm.html" if part else "portfolios/confirm.html", context)


def _refusal(request: HttpRequest, trade: Trade, back: str | None, message: str) -> HttpResponse:
    """The page that the change was asked for on, with the reason; a part of it for htmx, which takes no 409."""
    status = 200 if getattr(request, "htmx", False) else 409
    if back is None:
        return _page(request, trade, refusal=message, status=status)
    request.GET = _query(trade, back)  # type: ignore[assignment]
    return list_page(request, refused={trade.pk: message}, status=status)


def _query(trade: Trade, back: str) -> QueryDict:
    """The query of the list that the reader came from, with this trade in it whether voided or not."""
    query = QueryDict(back, mutable=True)
    query["portfolio"], query["changed"] = str(trade.portfolio_id), str(trade.pk)
    return query
