"""The staff's page of bars and live prices that are not believed, and of days without any."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import timedelta
from decimal import Decimal
from typing import TYPE_CHECKING, cast

from django.contrib import messages
from django.core.paginator import Paginator
from django.db.models import Q
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.utils.translation import gettext
from django.views.decorators.http import require_http_methods

from assets.models import DoubtfulQuote, HistoricValue, PriceGap, QuarantinedBar, QuarantineState
from assets.services.doubts import accept_quote, reject_quote
from assets.services.quarantine import accept, reject
from assets.sparkline import Sparkline, sparkline
from core.api import PLAIN_INTEGER
from core.errors import DomainError
from core.web import bad_request, staff_needed

if TYPE_CHECKING:
    from users.models import User

A_PAGE, DECIDED, GAPS, QUOTES = 20, 10, 50, 50
BEFORE = timedelta(days=45)  # of closes that the picture shows
DECISIONS = {"accept": accept, "reject": reject}
QUOTE_DECISIONS = {"accept": accept_quote, "reject": reject_quote}


@dataclass(frozen=True, slots=True)
class Doubtful:
    """A bar with the picture of the closes before it, and the last of them."""

    bar: QuarantinedBar
    picture: Sparkline | None
    last: HistoricValue | None


@staff_needed
@require_http_methods(["GET", "HEAD", "POST"])
def quarantine(request: HttpRequest) -> HttpResponse:
    """A POST names a ``bar`` or a ``quote`` and what to do: ``action`` is "accept" or "reject"."""
    if request.method == "POST":
        return _decide_quote(request) if "quote" in request.POST else _decide(request)
    waiting = QuarantinedBar.objects.open().select_related("asset")
    page = Paginator(waiting, A_PAGE).get_page(request.GET.get("page"))
    decided = QuarantinedBar.objects.exclude(state=QuarantineState.OPEN).select_related("asset", "decided_by")
    gaps = PriceGap.objects.select_related("asset").order_by("-end", "asset__symbol")
    quotes = DoubtfulQuote.objects.open().select_related("asset")
    context = {
        "section": "quarantine",
        "quotes": list(quotes[:QUOTES]),
        "quotes_count": quotes.count(),
        "page": page,
        "doubts": _with_pictures(list(page)),
        "decided": decided.order_by("-decided_at", "-pk")[:DECIDED],
        "gaps": list(gaps[:GAPS]),
        "shown_gaps": GAPS,
    }
    return render(request, "assets/quarantine.html", context)


def _decide(request: HttpRequest) -> HttpResponse:
    name, number = request.POST.get("action", ""), request.POST.get("bar", "")
    if name not in DECISIONS or not PLAIN_INTEGER.fullmatch(number):
        return bad_request(request)
    user = cast("User", request.user)
    bar = get_object_or_404(QuarantinedBar.objects.visible_to(user).select_related("asset"), pk=int(number))
    try:
        decided = DECISIONS[name](bar=bar, actor=user)
        messages.success(
            request,
            gettext("%(asset)s on %(day)s was %(state)s.")
            % {"asset": bar.asset, "day": bar.day, "state": decided.get_state_display().lower()},
        )
    except DomainError as error:
        messages.error(request, f"{bar.asset} on {bar.day}: {error.message}")
    return redirect("quarantine")


def _decide_quote(request: HttpRequest) -> HttpResponse:
    name, number = request.POST.get("action", ""), request.POST.get("quote", "")
    if name not in QUOTE_DECISIONS or not PLAIN_INTEGER.fullmatch(number):
        return bad_request(request)
    user = cast("User", request.user)
    known = DoubtfulQuote.objects.visible_to(user).select_related("asset")
    doubt = get_object_or_404(known, pk=int(number))
    said = gettext("The price of %(asset)s from %(provider)s") % {"asset": doubt.asset, "provider": doubt.provider}
    try:
        decided = QUOTE_DECISIONS[name](doubt=doubt, actor=user)
        messages.success(
            request, gettext("%(said)s was %(state)s.") % {"said": said, "state": decided.get_state_display().lower()}
        )
    except DomainError as error:
        messages.error(request, f"{said}: {error.message}")
    return redirect("quarantine")


def _with_pictures(bars: Sequence[QuarantinedBar]) -> list[Doubtful]:
    """Each bar with its picture; one query for all."""
    near = Q(pk__in=[])
    for bar in bars:
        near |= Q(asset=bar.asset_id, day__lt=bar.day, day__gte=bar.day - BEFORE)
    closes = list(HistoricValue.objects.filter(near).order_by("day")) if bars else []
    return [_drawn(bar, [row for row in closes if row.asset_id == bar.asset_id and _is_near(row, bar)]) for bar in bars]


def _is_near(row: HistoricValue, bar: QuarantinedBar) -> bool:
    return bar.day - BEFORE <= row.day < bar.day


def _drawn(bar: QuarantinedBar, closes: Sequence[HistoricValue]) -> Doubtful:
    picture = sparkline([row.close for row in closes], Decimal(bar.figures["close"]))
    return Doubtful(bar, picture, closes[-1] if closes else None)
