"""The facts of portfolios, converted to what the fold takes."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from decimal import Decimal
from itertools import chain
from typing import NamedTuple, Protocol

from django.db.models import QuerySet

from assets.queries import RateMissing, RateTable, rates
from portfolios.book.types import BroughtLot, Entry, EntryKind, Pick
from portfolios.book.value import Conversion, conversion, converted, gross_amount, net_amount
from portfolios.models import LotPick, Portfolio, Trade, TransferLot
from portfolios.models.trade import TradeQuerySet
from portfolios.queries.reading import AS_READ, Reading

BookKey = tuple[int, int]  # portfolio id, asset id
TRIAL = 2**62  # the id of a trade that is not stored: after all others in the order of insertion


class TradeRow(NamedTuple):
    """The columns of a trade that the fold needs; a model instance for each would triple the time."""

    pk: int
    portfolio_id: int
    asset_id: int
    asset_currency: str
    price_factor: Decimal
    kind: str
    traded_at: datetime
    day: date
    quantity: Decimal
    price: Decimal
    currency: str
    fee: Decimal
    tax: Decimal
    accrued: Decimal
    exchange_rate: Decimal | None
    external_id: str
    sequence: int
    replaces_id: int | None
    voided_at: datetime | None


OF_ASSET = {"asset_currency": "asset__currency", "price_factor": "asset__price_factor"}
_COLUMNS = [OF_ASSET.get(name, name) for name in TradeRow._fields]


@dataclass(frozen=True, slots=True)
class Trial:
    """A trade as if it were booked, with what it brings or picks, and the one in whose place it goes if any.

    Its id is TRIAL.
    """

    trade: Trade
    lots: Sequence[TransferLot] = ()
    picks: Sequence[LotPick] = ()
    without: int | None = None

    def among(self, rows: Iterable[TradeRow]) -> list[TradeRow]:
        """``rows`` as they would be then."""
        row = TradeRow(*(getattr(self.trade, name) for name in TradeRow._fields))
        return [old._replace(voided_at=old.traded_at) if old.pk == self.without else old for old in rows] + [row]

    def brought(self) -> dict[int, tuple[BroughtLot, ...]]:
        return {
            TRIAL: tuple(BroughtLot(lot.opened_on, lot.quantity, lot.cost, lot.cost_base) for lot in self.lots),
        }

    def picked(self) -> list[PickRow]:
        return [(TRIAL, pick.opened_by_id, pick.sequence, pick.quantity) for pick in self.picks]


@dataclass(frozen=True, slots=True)
class Trials:
    """Several trades as if they were booked one after the other; their ids are TRIAL and those that follow it."""

    trades: Sequence[Trade]
    picks: Sequence[LotPick] = ()

    def among(self, rows: Iterable[TradeRow]) -> list[TradeRow]:
        """``rows`` as they would be then."""
        new = [TradeRow(*(getattr(trade, name) for name in TradeRow._fields)) for trade in self.trades]
        return [*rows, *new]

    def brought(self) -> dict[int, tuple[BroughtLot, ...]]:
        return {}

    def picked(self) -> list[PickRow]:
        return [(pick.trade.pk, pick.opened_by_id, pick.sequence, pick.quantity) for pick in self.picks]


PickRow = tuple[int, int, int, Decimal]  # trade, opening trade, sequence, quantity


def entries_of(
    portfolios: Sequence[Portfolio],
    *,
    asset_ids: Collection[int] | None = None,
    until: date | None = None,
    trial: Trial | Trials | None = None,
    reading: Reading = AS_READ,
) -> dict[BookKey, list[Entry]]:
    """The standing trades of ``portfolios`` by book, unsorted; at most 5 queries, however many there are.

    ``until`` leaves out what happened later; ``trial`` adds trades that are not stored. Raises RateMissing.
    """
    trades = Trade.objects.filter(portfolio__in=portfolios)
    trades = trades.filter(asset__in=asset_ids) if asset_ids is not None else trades
    trades = trades.filter(day__lte=until) if until else trades
    rows = [TradeRow(*values) for values in trades.order_by("pk").values_list(*_COLUMNS)]
    rows = trial.among(rows) if trial else rows
    standing = reading.trades([row for row in rows if row.voided_at is None])
    bases = {portfolio.pk: portfolio.base_currency for portfolio in portfolios}
    table = reading.rates(rates_for(standing, bases))
    places = _places(rows)
    moved_lots = _brought_lots(trades, standing) | _sent_lots(trades, standing)
    lots = reading.brought(moved_lots | (trial.brought() if trial else {}))
    picks = _picks(trades, standing, places, trial.picked() if trial else ())
    books: dict[BookKey, list[Entry]] = defaultdict(list)
    for row in standing:
        moved = (lots.get(row.pk, ()), picks.get(row.pk, ()))
        entry = _entry(row, bases[row.portfolio_id], table, places[row.pk], *moved)
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
    roots = first_versions(portfolio)
    root = roots.get(trade_id, trade_id)
    return sorted({root, trade_id} | {pk for pk, first in roots.items() if first == root})


def first_versions(portfolio: Portfolio) -> dict[int, int]:
    """The ids of trades that were edited, each version's, to that of the first version; one query."""
    links = Trade.objects.filter(portfolio=portfolio, replaces__isnull=False).order_by("pk")
    roots: dict[int, int] = {}
    for pk, original in links.values_list("pk", "replaces_id"):
        roots[pk] = roots.setdefault(original, original)
    return roots


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
    """Transfer in to the lots that it brings."""
    if all(row.kind != EntryKind.TRANSFER_IN for row in rows):
        return {}
    return _lots_by("trade_id", TransferLot.objects.filter(trade__in=trades.standing()))


def _sent_lots(trades: TradeQuerySet, rows: Iterable[TradeRow]) -> dict[int, tuple[BroughtLot, ...]]:
    """Transfer out to the lots that another portfolio took over, where that is known."""
    if all(row.kind != EntryKind.TRANSFER_OUT for row in rows):
        return {}
    arrived = TransferLot.objects.filter(trade__source__in=trades.standing(), trade__voided_at__isnull=True)
    return _lots_by("trade__source_id", arrived)


def _lots_by(owner: str, lots: QuerySet[TransferLot]) -> dict[int, tuple[BroughtLot, ...]]:
    found: dict[int, tuple[BroughtLot, ...]] = defaultdict(tuple)
    rows = lots.order_by("trade", "sequence").values_list(owner, "opened_on", "quantity", "cost", "cost_base")
    for trade_id, opened_on, quantity, cost, cost_base in rows:
        found[trade_id] += (BroughtLot(opened_on, quantity, cost, cost_base),)
    return found


def _picks(
    trades: TradeQuerySet, rows: Sequence[TradeRow], places: Mapping[int, int], more: Iterable[PickRow]
) -> dict[int, tuple[Pick, ...]]:
    """Trade id to the lots that it picks. A pick of a trade that was replaced means the replacement's lot."""
    standing = {places[row.pk]: row.pk for row in rows}
    found: dict[int, tuple[Pick, ...]] = defaultdict(tuple)
    picks = LotPick.objects.filter(trade__in=trades.standing()).order_by("trade", "pk")
    stored = picks.values_list("trade_id", "opened_by", "sequence", "quantity")
    for trade_id, opened_by, sequence, quantity in chain(stored, more):
        opener = standing.get(places.get(opened_by, opened_by), opened_by)
        found[trade_id] += (Pick(opener, sequence, quantity),)
    return found


def _entry(
    row: TradeRow,
    base: str,
    table: RateTable,
    place: int,
    lots: tuple[BroughtLot, ...],
    picks: tuple[Pick, ...],
) -> Entry:
    kind = EntryKind(row.kind)
    moved = kind in (EntryKind.TRANSFER_IN, EntryKind.TRANSFER_OUT)
    rates_of_day = Conversion() if moved else conversion_of(row, base, table)
    net = net_amount(kind, gross_amount(row.quantity, row.price, row.currency, row.price_factor), row.fee, row.tax)
    interest = -row.accrued if kind == EntryKind.BUY else row.accrued
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
        picks=picks,
        interest=converted(interest, rates_of_day.to_asset, row.asset_currency) if interest else interest,
        interest_base=converted(interest, rates_of_day.to_base, base) if interest else interest,
    )
