"""What rows of accounts and transfers are called in messages, in the reader's language."""

from __future__ import annotations

from django.utils.formats import date_format, number_format
from django.utils.translation import gettext

from banking.models import CashTransaction, Transfer
from core.api import plain


def row_words(row: CashTransaction) -> str:
    """“-1,234.5 on 5 Jan 2024”."""
    return gettext("%(amount)s on %(day)s") % {
        "amount": number_format(plain(row.amount), force_grouping=True),
        "day": date_format(row.booked_on, "SHORT_DATE_FORMAT"),
    }


def transfer_words(transfer: Transfer) -> str:
    """Both of its rows: “-100 on 5 Jan 2024 to 90 on 6 Jan 2024”."""
    rows = {"sent": row_words(transfer.sent), "received": row_words(transfer.received)}
    return gettext("%(sent)s to %(received)s") % rows
