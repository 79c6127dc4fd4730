"""What the pages that book need: numbers as an input takes them, and the way back from what was booked."""

from __future__ import annotations

import re
from decimal import Context, Decimal
from typing import Any

from django import template
from django.contrib.messages.storage.base import Message
from django.urls import reverse
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _

from assets.models import CorporateAction
from core.api import plain
from core.web import localised, typable

register = template.Library()
OFFER = re.compile(r"\b(undo|redo|action-undo|action-redo|cash-undo)-([0-9]{1,18})\b")
LABELS = {"undo": _("Undo"), "redo": _("Book it again"), "action-undo": _("Undo"), "action-redo": _("Apply it again")}
LABELS |= {"cash-undo": _("Undo")}
PAGES = {"undo": "trade-undo", "redo": "trade-redo", "action-undo": "action-page-void"}
PAGES |= {"action-redo": "action-page-restore", "cash-undo": "banking-recategorisation-undo"}


@register.filter
def digits(value: Decimal | None) -> str:
    """``1234.5``: for scripts, which read no language."""
    return "" if value is None else plain(value)


@register.filter(name="typable")
def as_typed(value: Decimal | None) -> str:
    """``1234.5``, or ``1234,5`` to a German: as an input takes it back."""
    return "" if value is None else typable(plain(value))


@register.filter
def rate(value: Decimal) -> str:
    """``0.9123``: an exchange rate to 6 significant digits, which is more than anybody quotes."""
    return localised(plain(value.normalize(Context(prec=6))))


@register.inclusion_tag("portfolios/_offer.html", takes_context=True)
def offer(context: dict[str, Any], message: Message) -> dict[str, Any]:
    """The button that a message carries in its tags, such as “undo-17”; nothing for other messages."""
    found = OFFER.search(message.extra_tags or "")
    if not found:
        return {"url": ""}
    url = reverse(PAGES[found[1]], args=[int(found[2])])
    return {"url": url, "label": LABELS[found[1]], "csrf_token": context.get("csrf_token")}


@register.filter
def terms_said(action: CorporateAction) -> str:
    """What an action says, in one line: “2 for 1”, “0.24 USD a unit, 15% withheld”."""
    said = []
    if action.ratio is not None:
        units = f" {action.target.symbol}" if action.target else ""
        said.append(
            gettext("%(ratio)s%(units)s for %(per)s")
            % {
                "ratio": typable(plain(action.ratio)),
                "units": units,
                "per": typable(plain(action.per or Decimal(1))),
            }
        )
    if action.cash is not None:
        said.append(
            gettext("%(cash)s %(currency)s a unit") % {"cash": typable(plain(action.cash)), "currency": action.currency}
        )
    if action.withholding_rate:
        said.append(gettext("%(percent)s%% withheld") % {"percent": typable(plain(action.withholding_rate * 100))})
    if action.basis_share is not None:
        said.append(gettext("%(percent)s%% of the cost") % {"percent": typable(plain(action.basis_share * 100))})
    if action.cash_in_lieu is not None:
        said.append(
            gettext("fractions paid at %(cash)s %(currency)s")
            % {"cash": typable(plain(action.cash_in_lieu)), "currency": action.currency}
        )
    if action.new_symbol:
        said.append(f"{action.old_symbol} → {action.new_symbol}")
    return ", ".join(said)
