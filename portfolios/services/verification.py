"""Whether the books are what they promise, over the whole database. Reads only; every finding names ids."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

from django.db.models import Count, F, Q, QuerySet

from assets.queries import RateMissing
from banking.models import CashTransaction, Origin
from banking.services.verification import cash_findings
from core.errors import DomainError
from core.money import total
from portfolios.book.types import Book
from portfolios.models import (
    Departure,
    Disposal,
    Investment,
    Lot,
    PaymentMatch,
    Portfolio,
    Trade,
    TradeKind,
    TransferLot,
)
from portfolios.queries import books_of
from portfolios.services.cash_checks import cash_of_portfolio, stray_cash
from portfolios.services.derivations import TABLES, Table

TRANSFERS = (TradeKind.TRANSFER_IN, TradeKind.TRANSFER_OUT)
OF_LOTS = ("quantity", "cost", "cost_base")
OF_DISPOSALS = (("realised_gain", "gain"), ("realised_gain_base", "gain_base"))


@dataclass(frozen=True, slots=True)
class Finding:
    """One promise that is broken: which one, where, and by what."""

    promise: str
    where: str
    what: str

    def __str__(self) -> str:
        return f"{self.promise}: {self.where}: {self.what}"


def findings() -> Iterator[Finding]:
    """Everything that is wrong, portfolio by portfolio, then what crosses them."""
    for portfolio in Portfolio.objects.order_by("pk"):
        yield from of_portfolio(portfolio)
    yield from (Finding(*found) for found in (*stray_cash(), *cash_findings()))
    yield from _transfers()
    yield from _unique()


def of_portfolio(portfolio: Portfolio) -> Iterator[Finding]:
    """What is wrong with one portfolio's derived rows."""
    where = f"portfolio {portfolio.pk}"
    try:
        folded = books_of([portfolio])
    except RateMissing as error:
        yield Finding("no foreign currency without a rate", where, error.message)
        return
    except DomainError as error:
        yield Finding("lots follow from the trades", where, error.message)
        return
    books = {asset_id: book for (_, asset_id), book in folded.items()}
    for table in TABLES:
        yield from _as_folded(portfolio, table, books)
    yield from _holdings(portfolio)
    yield from _disposed(portfolio)
    yield from (Finding(*found) for found in cash_of_portfolio(portfolio))


def _as_folded(portfolio: Portfolio, table: Table, books: dict[int, Book]) -> Iterator[Finding]:
    """Stored rows of one derived table against those that the facts give."""
    promise = f"{table.model._meta.verbose_name_raw}s follow from the trades"  # noqa: SLF001  Django's documented name
    width = len(table.key)
    wanted = {row[:width]: row[width:] for asset_id, book in books.items() for row in table.rows(asset_id, book)}
    stored = table.model._default_manager.filter(portfolio=portfolio).order_by()  # noqa: SLF001
    seen = set()
    for pk, *values in stored.values_list("pk", *table.key, *table.columns):
        key, found = tuple(values[:width]), tuple(values[width:])
        seen.add(key)
        where = f"portfolio {portfolio.pk}, {table.model._meta.model_name} {pk}"  # noqa: SLF001
        if key not in wanted:
            yield Finding(promise, where, "nothing gives this row")
        elif wanted[key] != found:
            yield Finding(promise, where, _difference(table, found, wanted[key]))
    for key in wanted.keys() - seen:
        named = ", ".join(f"{name} {value}" for name, value in zip(table.key, key, strict=True) if value is not None)
        yield Finding(promise, f"portfolio {portfolio.pk}", f"the row of {named} is missing")


def _difference(table: Table, found: tuple[Any, ...], wanted: tuple[Any, ...]) -> str:
    pairs = zip(table.columns, found, wanted, strict=True)
    return "; ".join(f"{name} is {had}, not {should}" for name, had, should in pairs if had != should)


def _holdings(portfolio: Portfolio) -> Iterator[Finding]:
    """Each investment against the sum of its lots and of its disposals, without the fold."""
    lots: dict[int, list[Lot]] = defaultdict(list)
    for lot in Lot.objects.filter(portfolio=portfolio):
        lots[lot.asset_id].append(lot)
    disposals: dict[int, list[Disposal]] = defaultdict(list)
    for made in Disposal.objects.filter(portfolio=portfolio):
        disposals[made.asset_id].append(made)
    for held in Investment.objects.filter(portfolio=portfolio):
        found = {name: total(getattr(lot, name) for lot in lots[held.asset_id]) for name in OF_LOTS}
        found |= {name: total(getattr(made, of) for made in disposals[held.asset_id]) for name, of in OF_DISPOSALS}
        for name, summed in found.items():
            if summed != getattr(held, name):
                where = f"portfolio {portfolio.pk}, investment {held.pk}"
                what = f"{name} is {getattr(held, name)}, its lots and disposals have {summed}"
                yield Finding("holdings equal their lots", where, what)


def _disposed(portfolio: Portfolio) -> Iterator[Finding]:
    """The quantities that left lots by a trade against the trade's own."""
    taken: dict[int, list[Decimal]] = defaultdict(list)
    for model in (Disposal, Departure):
        rows = model.objects.filter(portfolio=portfolio, trade__kind__in=[TradeKind.SELL, TradeKind.TRANSFER_OUT])
        for trade_id, quantity in rows.order_by().values_list("trade_id", "quantity"):
            taken[trade_id].append(quantity)
    out = portfolio.trades.standing().filter(kind__in=[TradeKind.SELL, TradeKind.TRANSFER_OUT])
    for trade_id, quantity in out.order_by().values_list("pk", "quantity"):
        slices = total(taken[trade_id])
        short = portfolio.allow_short and slices < quantity  # the rest opened a short lot
        if slices != quantity and not short:
            where = f"portfolio {portfolio.pk}, trade {trade_id}"
            yield Finding("slices add up", where, f"{quantity} left, its slices are {slices}")


# --- facts --------------------------------------------------------------------------------------------------------


def _transfers() -> Iterator[Finding]:
    """Transfers have both legs or none, and bring the lots that left."""
    promise = "transfers are whole"
    moved = Trade.objects.standing().filter(kind__in=TRANSFERS)
    for trade in moved.filter(kind=TradeKind.TRANSFER_IN).select_related("source").order_by("pk"):
        where = f"portfolio {trade.portfolio_id}, trade {trade.pk}"
        brought = total(TransferLot.objects.filter(trade=trade).values_list("quantity", flat=True))
        if brought != trade.quantity:
            yield Finding(promise, where, f"{trade.quantity} came in, its lots hold {brought}")
        if trade.source is not None:
            yield from _legs(trade, trade.source, where)
    broken = moved.filter(kind=TradeKind.TRANSFER_OUT, arrival__voided_at__isnull=False, arrival__isnull=False)
    for trade in broken.order_by("pk"):
        yield Finding(promise, f"portfolio {trade.portfolio_id}, trade {trade.pk}", "the leg that arrives is voided")


def _legs(arrival: Trade, left: Trade, where: str) -> Iterator[Finding]:
    if left.voided_at or left.kind != TradeKind.TRANSFER_OUT:
        yield Finding("transfers are whole", where, f"the leg that left, trade {left.pk}, does not stand")
    elif (left.asset_id, left.quantity) != (arrival.asset_id, arrival.quantity):
        yield Finding("transfers are whole", where, f"trade {left.pk} is of {left.quantity}, not {arrival.quantity}")
    else:
        columns = ("opened_on", "quantity", "cost")
        came = list(TransferLot.objects.filter(trade=arrival).order_by("sequence").values_list(*columns))
        went = list(Departure.objects.filter(trade=left).order_by("pk").values_list(*columns))
        if came != went:
            yield Finding("transfers are whole", where, f"its lots are not those that left by trade {left.pk}")


def _unique() -> Iterator[Finding]:
    """Facts that stand twice: the same external id in one portfolio or account, two replacements of one trade."""
    standing = Trade.objects.standing()
    yield from _twice(standing.exclude(external_id=""), "portfolio", "external_id")
    yield from _twice(standing.filter(replaces__isnull=False), "portfolio", "replaces")
    cash = CashTransaction.objects.standing()
    yield from _twice(cash.exclude(external_id=""), "account", "external_id")
    yield from _twice(cash.filter(origin=Origin.TRADE), "origin", "origin_id")
    yield from _twice(PaymentMatch.objects.standing(), "portfolio", "action")
    yield from _twice(PaymentMatch.objects.standing(), "portfolio", "row")
    both = standing.filter(Q(replaces__isnull=False), replaces__voided_at=None)
    for pk, original in both.order_by("pk").values_list("pk", F("replaces_id")):
        yield Finding("every fact is there once", f"trade {pk}", f"trade {original}, which it replaces, stands as well")


def _twice(rows: QuerySet[Any], scope: str, name: str) -> Iterator[Finding]:
    counted = rows.order_by().values_list(scope, name).annotate(times=Count("pk")).filter(times__gt=1)
    for within, value, times in counted:
        kind = rows.model._meta.model_name  # noqa: SLF001  Django's documented name
        ids = rows.filter(**{scope: within, name: value}).order_by("pk").values_list("pk", flat=True)
        where = f"{kind} {', '.join(map(str, ids))}"
        yield Finding("every fact is there once", where, f"{name} {value} stands {times} times in {scope} {within}")
