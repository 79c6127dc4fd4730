"""The facts of portfolios, converted to what the fold takes."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Iterable, Mapping, Sequence
from datetime import date, datetime
from decimal import Decimal
from typing import NamedTuple, Protocol

from assets.queries import RateMissing, RateTable, rates
from portfolios.book.types import BroughtLot, Entry, EntryKind
from portfolios.book.value import Conversion, conversion, converted, gross_amount, net_amount
from portfolios.models import Portfolio, Trade, TransferLot
from portfolios.models.trade import TradeQuerySet

BookKey = tuple[int, int]  # portfolio id, asset id


class TradeRow(NamedTuple):
    """The columns of a trade that the fold needs; a model instance for each would triple the time."""

    pk: int
    portfolio_id: int
    asset_id: int
    asset_currency: str
    kind: str
    traded_at: datetime
    day: date
    quantity: Decimal
    price: Decimal
    currency: str
    fee: Decimal
    tax: Decimal
    exchange_rate: Decimal | None
    external_id: str
    sequence: int
    replaces_id: int | None
    voided_at: datetime | None


_COLUMNS = [name if name != "asset_currency" else "asset__currency" for name in TradeRow._fields]


def entries_of(
    portfolios: Sequence[Portfolio], *, asset_ids: Collection[int] | None = None, until: date | None = None
) -> dict[BookKey, list[Entry]]:
    """The standing trades of ``portfolios`` by book, unsorted; at most 3 queries, however many there are.

    ``until`` leaves out what happened later. Raises RateMissing.
    """
    trades = Trade.objects.filter(portfolio__in=portfolios)
    trades = trades.filter(asset__in=asset_ids) if asset_ids is not None else trades
    trades = trades.filter(day__lte=until) if until else trades
    rows = [TradeRow(*values) for values in trades.order_by("pk").values_list(*_COLUMNS)]
    standing = [row for row in rows if row.voided_at is None]
    bases = {portfolio.pk: portfolio.base_currency for portfolio in portfolios}
    table = rates_for(standing, bases)
    lots = _brought_lots(trades, standing)
    places = _places(rows)
    books: dict[BookKey, list[Entry]] = defaultdict(list)
    for row in standing:
        entry = _entry(row, bases[row.portfolio_id], table, places[row.pk], lots.get(row.pk, ()))
        books[row.portfolio_id, row.asset_id].append(entry)
    return books


def rates_for(rows: Iterable[TradeRow], bases: Mapping[int, str]) -> RateTable:
    """The exchange rates that the books of ``rows`` need; no query where all is in one currency."""
    codes = set(bases.values())
    for row in rows:
        codes |= {row.currency, row.asset_currency}
    return rates(codes, min(codes)) if codes else RateTable()


class Priced(Protocol):
    """What has to be converted: a stored trade's columns, or a new trade's terms."""

    @property
    def currency(self) -> str: ...
    @property
    def asset_currency(self) -> str: ...
    @property
    def day(self) -> date: ...
    @property
    def exchange_rate(self) -> Decimal | None: ...


def conversion_of(row: Priced, base: str, table: RateTable) -> Conversion:
    """The rates of one trade: the broker's, else those of its day. Raises RateMissing, which names the field."""

    def rate(source: str, target: str) -> Decimal:
        try:
            return table.rate(source, target, row.day).value
        except RateMissing as error:
            raise RateMissing(error.message, field="exchange_rate") from error

    return conversion(row.currency, row.asset_currency, base, broker_rate=row.exchange_rate, rate=rate)


def lineage(portfolio: Portfolio, trade_id: int) -> list[int]:
    """The ids of a trade, of what it replaced and of what replaced it, at any distance; one query."""
    links = Trade.objects.filter(portfolio=portfolio, replaces__isnull=False).order_by("pk")
    roots: dict[int, int] = {}
    for pk, original in links.values_list("pk", "replaces_id"):
        roots[pk] = roots.setdefault(original, original)
    root = roots.get(trade_id, trade_id)
    return sorted({root, trade_id} | {pk for pk, first in roots.items() if first == root})


def _places(rows: Iterable[TradeRow]) -> dict[int, int]:
    """Trade id to its place in the order of insertion; a replacement takes its original's.

    ``rows`` ascend by id and include voided ones, so an original comes before its replacement.
    Only an original in the same book counts: a book's order must not depend on another's rows.
    """
    places: dict[tuple[int, int], int] = {}
    for row in rows:
        places[row.asset_id, row.pk] = places.get((row.asset_id, row.replaces_id or 0), row.pk)
    return {pk: place for (_, pk), place in places.items()}


def _brought_lots(trades: TradeQuerySet, rows: Iterable[TradeRow]) -> dict[int, tuple[BroughtLot, ...]]:
    if all(row.kind != EntryKind.TRANSFER_IN for row in rows):
        return {}
    lots: dict[int, tuple[BroughtLot, ...]] = defaultdict(tuple)
    brought = TransferLot.objects.filter(trade__in=trades.standing()).order_by("trade", "sequence")
    rows_of_lots = brought.values_list("trade_id", "opened_on", "quantity", "cost", "cost_base")
    for trade_id, opened_on, quantity, cost, cost_base in rows_of_lots:
        lots[trade_id] += (BroughtLot(opened_on, quantity, cost, cost_base),)
    return lots


def _entry(row: TradeRow, base: str, table: RateTable, place: int, lots: tuple[BroughtLot, ...]) -> Entry:
    rates_of_day = conversion_of(row, base, table) if row.kind != EntryKind.TRANSFER_IN else Conversion()
    kind = EntryKind(row.kind)
    net = net_amount(kind, gross_amount(row.quantity, row.price, row.currency), row.fee, row.tax)
    return Entry(
        key=row.pk,
        kind=kind,
        day=row.day,
        at=row.traded_at,
        quantity=row.quantity,
        amount=converted(net, rates_of_day.to_asset, row.asset_currency),
        amount_base=converted(net, rates_of_day.to_base, base),
        rate=rates_of_day.asset_to_base,
        sequence=row.sequence,
        external_id=row.external_id,
        place=place,
        lots=lots,
    )
