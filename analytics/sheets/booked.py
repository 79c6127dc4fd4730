"""Trades and cash rows as lines of a report."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from decimal import Decimal

from django.utils.translation import gettext as _

from analytics.reporting.sheet import Column, Row, Table
from analytics.sheets import words
from banking.models import CashTransaction, Origin, Section
from portfolios.models import Portfolio, Trade
from portfolios.queries.transactions import Found, rows_of
from portfolios.queries.transactions import Row as Booked
from portfolios.templatetags.money import amount, quantity, signed_amount, unit_price

AT_ONCE = 500  # rows that are read together


def booked_table(
    found: Found, portfolio: Portfolio, *, most: int | None = None, read: Callable[[], None] | None = None
) -> Table:
    """The transactions, the first one first, at most so many; ``read`` is called after each AT_ONCE of them."""
    columns = [
        *(Column(_("Day"), words=True), Column(_("Transaction"), words=True)),
        *map(Column, (_("Quantity"), _("Price"), _("Fee and tax"), _("Amount"), _("Realised gain"))),
    ]
    rows = list(_rows(found, portfolio, most, read))
    note = _("Realised gains in %(currency)s. Trades, and the cash that moved.") % {"currency": portfolio.base_currency}
    return Table(_("Transactions"), columns, rows, note, _("Nothing was booked in these days."))


def reads(found: Found) -> int:
    """How often ``read`` is called when all rows are read."""
    return -(-found.count // AT_ONCE)


def in_parts(found: Found, most: int | None = None) -> Iterator[list[Booked]]:
    """The rows that there are now, the first one first, AT_ONCE of them together."""
    keys = found.oldest(most) if found.count else []
    for start in range(0, len(keys), AT_ONCE):
        yield rows_of(keys[start : start + AT_ONCE])


def _rows(found: Found, portfolio: Portfolio, most: int | None, read: Callable[[], None] | None) -> Iterator[Row]:
    for part in in_parts(found, most):
        for row in part:
            yield _row(row, portfolio.base_currency)
        if read:
            read()


def _row(row: Booked, base: str) -> Row:
    if row.trade:
        return _trade(row.trade, row.gain, base)
    return _cash(row.cash) if row.cash else Row([""] * 7)


def _trade(trade: Trade, gain: Decimal | None, base: str) -> Row:
    costs = trade.fee + trade.tax
    cells = [
        words.short_day(trade.day),
        f"{trade.get_kind_display()} {trade.asset.symbol} {trade.asset.name}".strip(),
        quantity(trade.quantity),
        unit_price(trade.stated_price, trade.currency),
        amount(costs, trade.currency) if costs else "",
        words.money(trade.net, trade.currency),
        "" if gain is None else signed_amount(gain, base),
    ]
    return Row(cells, asset=trade.asset.symbol)


def _cash(row: CashTransaction) -> Row:
    what = " ".join(filter(None, (cash_kind(row), row.asset.symbol if row.asset else "", row.description)))
    moved = f"{signed_amount(row.amount, row.account.currency)} {row.account.currency}"
    return Row([words.short_day(row.booked_on), f"{what} · {row.account.name}", "", "", "", moved, ""])


def cash_kind(row: CashTransaction) -> str:
    """What kind of cash it is, for people."""
    if row.origin == Origin.TRADE:
        return _("Cash of a trade")
    if row.origin == Origin.ACTION:
        return _("Dividend") if row.section == Section.INCOME else _("Corporate action")
    if row.section == Section.TRANSFER:
        return _("Deposit") if row.amount > 0 else _("Withdrawal")
    return str(row.get_section_display())
