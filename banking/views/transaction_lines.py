"""A cash row as a line of a CSV file."""

from __future__ import annotations

from banking.queries.transactions import CashRow
from core.api import plain
from core.web import text_cell

HEAD = (
    *("day", "id", "account", "currency", "amount", "section", "category", "counterparty", "description", "tags"),
    *("parts", "asset", "origin", "external_id", "transfer", "voided_at"),
)


def line(found: CashRow) -> list[str]:
    """One cell for each name of HEAD. Amounts with all digits, days ISO; the parts of a split in one cell."""
    row = found.row
    parts = [f"{part.category.name} {plain(part.amount)}" for part in row.splits.all()]
    return [
        row.booked_on.isoformat(),
        str(row.pk),
        text_cell(row.account.name),
        row.account.currency,
        plain(row.amount),
        row.section,
        text_cell(row.category.name) if row.category else "",
        text_cell(row.counterparty.name) if row.counterparty else "",
        text_cell(row.description),
        text_cell(", ".join(tag.name for tag in row.tags.all())),
        text_cell("; ".join(parts)),
        text_cell(row.asset.symbol) if row.asset else "",
        row.origin,
        text_cell(row.external_id),
        str(found.transfer or ""),
        row.voided_at.isoformat() if row.voided_at else "",
    ]
