"""A row of the list of transactions as a line of a CSV file."""

from __future__ import annotations

from decimal import Decimal

from banking.models import CashTransaction
from core.api import plain
from core.web import text_cell
from portfolios.models import Trade
from portfolios.queries.transactions import Row

HEAD = (
    *("day", "record", "id", "kind", "asset", "quantity", "price", "price_currency"),
    *("currency", "gross", "fee", "tax", "net", "accrued"),
    *("exchange_rate", "realised_gain", "gain_currency", "cash_amount", "account", "note", "external_id"),
    *("traded_at", "voided_at"),
)


def line(row: Row, base: str) -> list[str]:
    """One cell for each name of HEAD; ``base`` is the currency of the gain. Numbers with all digits, days ISO."""
    cells = _trade(row.trade, row.gain, base) if row.trade else _cash(row.cash) if row.cash else {}
    return [cells.get(name, "") for name in HEAD]


def _trade(trade: Trade, gain: Decimal | None, base: str) -> dict[str, str]:
    return {
        "day": trade.day.isoformat(),
        "record": "trade",
        "id": str(trade.pk),
        "kind": trade.kind,
        "asset": text_cell(trade.asset.symbol),
        "quantity": plain(trade.quantity),
        "price": plain(trade.stated_price),
        "price_currency": trade.price_currency,
        "currency": trade.currency,
        "gross": plain(trade.gross),
        "fee": plain(trade.fee),
        "tax": plain(trade.tax),
        "net": plain(trade.net),
        "accrued": plain(trade.accrued) if trade.accrued else "",
        "exchange_rate": plain(trade.exchange_rate) if trade.exchange_rate else "",
        "realised_gain": "" if gain is None else plain(gain),
        "gain_currency": "" if gain is None else base,
        "account": text_cell(trade.account.name) if trade.account else "",
        "note": text_cell(trade.note),
        "external_id": text_cell(trade.external_id),
        "traded_at": trade.traded_at.isoformat(),
        "voided_at": trade.voided_at.isoformat() if trade.voided_at else "",
    }


def _cash(row: CashTransaction) -> dict[str, str]:
    return {
        "day": row.booked_on.isoformat(),
        "record": "cash",
        "id": str(row.pk),
        "kind": f"{row.section} ({row.origin})",
        "asset": text_cell(row.asset.symbol) if row.asset else "",
        "currency": row.account.currency,
        "cash_amount": plain(row.amount),
        "account": text_cell(row.account.name),
        "note": text_cell(row.description),
        "external_id": text_cell(row.external_id),
        "voided_at": row.voided_at.isoformat() if row.voided_at else "",
    }
