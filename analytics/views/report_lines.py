"""Reports as lines of CSV files: numbers with all digits, days ISO, words of people harmless in a spreadsheet."""

from __future__ import annotations

from collections.abc import Iterator
from decimal import Decimal

from analytics.queries.statement import Statement
from analytics.sheets.booked import in_parts
from core.api import plain
from core.web import text_cell
from portfolios.queries.income import Earnings
from portfolios.queries.transactions import Row

STATEMENT_HEAD = (
    *("section", "key", "day", "asset", "name", "quantity", "price", "price_currency"),
    *("fee", "tax", "amount", "currency", "realised_gain", "gain_currency"),
)
INCOME_HEAD = ("day", "kind", "asset", "name", "gross", "withheld", "net", "currency", "correction")
Cells = dict[str, str]


def statement_lines(found: Statement) -> Iterator[list[str]]:
    """Sections: summary (its lines add up), returns (fractions), holding, result and transaction."""
    for cells in (*_summary(found), *_returns(found), *_holdings(found), *_results(found)):
        yield _line(cells)
    for part in in_parts(found.found):
        for row in part:
            yield _line({"section": "transaction"} | _booked(row, found.portfolio.base_currency))


def _line(cells: Cells) -> list[str]:
    return [cells.get(name, "") for name in STATEMENT_HEAD]


def _summary(found: Statement) -> Iterator[Cells]:
    lines, base = found.lines, found.portfolio.base_currency
    told = [("opening_value", lines.start_value), *lines.lines.items(), ("closing_value", lines.end_value)]
    for key, amount in told:
        day = found.opened if key == "opening_value" else found.end
        yield _summed("summary", key, amount, base) | {"day": day.isoformat()}
    yield _summed("within_gains", "trade_fees", found.costs.fees, base)
    yield _summed("within_gains", "trade_taxes", found.costs.taxes, base)


def _summed(section: str, key: str, amount: Decimal, base: str) -> Cells:
    return {"section": section, "key": key, "amount": plain(amount), "currency": base}


def _returns(found: Statement) -> Iterator[Cells]:
    other = found.benchmark
    rates = {
        "time_weighted": found.time_weighted.value,
        "money_weighted": found.money_weighted.value,
        "benchmark_time_weighted": float(other.growth) if other and other.growth is not None else None,
        "benchmark_money_weighted": found.benchmark_money_weighted.value,
    }
    for key, value in rates.items():
        yield {"section": "return", "key": key, "amount": "" if value is None else repr(value)}


def _holdings(found: Statement) -> Iterator[Cells]:
    base = found.portfolio.base_currency
    for held in found.holdings:
        yield {
            "section": "holding",
            "day": found.end.isoformat(),
            "asset": text_cell(held.symbol),
            "name": text_cell(held.name),
            "quantity": plain(held.quantity),
            "price": "" if held.price is None else plain(held.price),
            "price_currency": text_cell(held.price_unit),
            "amount": "" if held.value is None else plain(held.value),
            "currency": base,
        }
    yield _summed("holding", "cash", found.exact.end.totals.cash, base)
    yield _summed("holding", "receivables", found.exact.end.totals.receivables, base)


def _results(found: Statement) -> Iterator[Cells]:
    names = ("start_value", "paid", "income", "realised_gain", "unrealised_change", "end_value", "gain")
    for held in found.exact.holdings:
        asset = {"asset": text_cell(held.symbol), "name": text_cell(held.name)}
        for name in names:
            yield _summed("result", name, getattr(held, name), found.portfolio.base_currency) | asset


def _booked(row: Row, base: str) -> Cells:
    if row.trade:
        trade = row.trade
        return {
            "key": trade.kind,
            "day": trade.day.isoformat(),
            "asset": text_cell(trade.asset.symbol),
            "name": text_cell(trade.asset.name),
            "quantity": plain(trade.quantity),
            "price": plain(trade.stated_price),
            "price_currency": text_cell(trade.price_currency),
            "fee": plain(trade.fee),
            "tax": plain(trade.tax),
            "amount": plain(trade.net),
            "currency": trade.currency,
            "realised_gain": "" if row.gain is None else plain(row.gain),
            "gain_currency": "" if row.gain is None else base,
        }
    if row.cash is None:
        return {}
    return {
        "key": f"{row.cash.section} ({row.cash.origin})",
        "day": row.cash.booked_on.isoformat(),
        "asset": text_cell(row.cash.asset.symbol) if row.cash.asset else "",
        "name": text_cell(row.cash.description),
        "amount": plain(row.cash.amount),
        "currency": row.cash.account.currency,
    }


def income_lines(found: Earnings, base: str) -> Iterator[list[str]]:
    """One line for each earning; a correction has no gross amount and only changes the tax."""
    for row in found.rows:
        asset = found.assets[row.asset_id] if row.asset_id else None
        yield [
            row.day.isoformat(),
            row.kind,
            text_cell(asset.symbol) if asset else "",
            text_cell(asset.name) if asset else "",
            *(plain(each) for each in (row.amount, row.withheld, row.amount - row.withheld)),
            base,
            "yes" if row.correction else "",
        ]
