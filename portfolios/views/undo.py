"""Taking back what was just booked, and taking that back."""

from __future__ import annotations

from collections.abc import Callable
from typing import cast

from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.utils.translation import gettext_lazy as _
from django.views import View

from core.errors import DomainError
from core.web import Right, obtain
from portfolios.models import Trade
from portfolios.services.trades import restore_trade, void_trade
from portfolios.views.base import after_booking
from users.models import User


class UndoView(View):
    """Void a trade."""

    http_method_names = ["post", "options"]
    act: Callable[..., Trade] = staticmethod(void_trade)
    said = _("Taken back: %(what)s.")
    other = "redo"

    def post(self, request: HttpRequest, pk: int) -> HttpResponse:
        user = cast("User", request.user)
        trade = obtain(Trade.objects.select_related("portfolio", "asset"), user, Right.BOOK, pk=pk)
        try:
            self.act(trade=trade, actor=user)
        except DomainError as error:
            messages.error(request, error.message)
        else:
            what = f"{trade.get_kind_display()} {trade.quantity.normalize():f} {trade.asset.symbol}"
            messages.success(request, self.said % {"what": what}, extra_tags=f"{self.other}-{trade.pk}")
        return redirect(after_booking(trade.portfolio))


class RedoView(UndoView):
    """Take the void of a trade back."""

    act: Callable[..., Trade] = staticmethod(restore_trade)
    said = _("Booked again: %(what)s.")
    other = "undo"
