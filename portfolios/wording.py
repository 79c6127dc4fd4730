"""What the facts of portfolios are called in messages, in the reader's language."""

from __future__ import annotations

from datetime import date

from django.utils.formats import date_format, number_format
from django.utils.translation import gettext

from assets.models import CorporateAction
from banking.wording import row_words
from core.api import plain
from portfolios.models import CostMethodChange, PaymentMatch, Trade


def trade_words(trade: Trade) -> str:
    """“Buy 1,000 AAPL on 5 Jan 2024”."""
    return gettext("%(kind)s %(quantity)s %(asset)s on %(day)s") % {
        "kind": trade.get_kind_display(),
        "quantity": number_format(plain(trade.quantity), force_grouping=True),
        "asset": trade.asset.symbol,
        "day": _day(trade.day),
    }


def change_words(change: CostMethodChange) -> str:
    """“FIFO from 5 Jan 2024”."""
    return gettext("%(method)s from %(day)s") % {"method": change.get_method_display(), "day": _day(change.day)}


def action_words(action: CorporateAction) -> str:
    """“Split of AAPL, 5 Jan 2024”."""
    words = {"kind": action.get_kind_display(), "symbol": action.asset.symbol, "ex_date": _day(action.ex_date)}
    return gettext("%(kind)s of %(symbol)s, %(ex_date)s") % words


def match_words(match: PaymentMatch) -> str:
    """The row and what it pays: “24 on 9 Jan 2024 for Cash dividend of AAPL, 5 Jan 2024”."""
    words = {"row": row_words(match.row), "action": action_words(match.action)}
    return gettext("%(row)s for %(action)s") % words


def _day(day: date) -> str:
    return date_format(day, "SHORT_DATE_FORMAT")
