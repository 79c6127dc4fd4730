"""What moved a portfolio's value between two days: its trades and its cash, each in the base currency."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from typing import Any, NamedTuple

from django.db.models import OuterRef, Q, Subquery

from assets.bonds import accrued
from assets.models import ActionKind, AssetType, HistoricValue
from assets.queries import RateTable, carried_close, rates, splits_of, terms_by_asset
from banking.models import Origin, Section
from core.money import multiply, subtract, total
from portfolios.book.performance import BalanceChange
from portfolios.book.types import EntryKind
from portfolios.book.value import converted, gross_amount, market_value, net_amount
from portfolios.models import Departure, Entitlement, PaymentMatch, Portfolio, TransferLot
from portfolios.queries.accounts import CashAccount, brought, own_rows
from portfolios.queries.facts import OF_ASSET, conversion_of

ZERO = Decimal(0)
TRANSFERS = (EntryKind.TRANSFER_IN, EntryKind.TRANSFER_OUT)


@dataclass(frozen=True, slots=True)
class Movement:
    """What one trade did to its asset, in the base currency.

    ``amount`` is what was paid for it (negative: what it brought), or a transfer's market value at that day's close,
    negative if it left. ``interest`` is what was paid beside it for what had accrued on a bond (negative: brought).
    ``basis`` is the cost of the lots that a transfer moved, with the same sign.
    """

    day: date
    asset_id: int
    amount: Decimal
    transfer: bool = False
    basis: Decimal = ZERO
    interest: Decimal = ZERO

    @property
    def settled(self) -> Decimal:
        """What was paid for it in all."""
        return total([self.amount, self.interest]) if self.interest else self.amount


@dataclass(frozen=True, slots=True)
class CashMove:
    """One cash row of the portfolio's accounts with the base currency's rate of its day."""

    account_id: int
    currency: str
    section: str
    origin: str
    asset_id: int | None
    change: BalanceChange
    internal: bool = False  # one leg of a transfer between two accounts of the portfolio
    pays: int | None = None  # the action whose dividend this entered row is the payment of
    row_id: int | None = None  # None for the balance that an account brought

    @property
    def base(self) -> Decimal:
        return multiply(self.change.amount, self.change.rate)

    @property
    def external(self) -> bool:
        """A deposit or withdrawal: it crosses the portfolio's border."""
        return self.origin == Origin.ENTRY and self.section == Section.TRANSFER and not self.internal


class Due(NamedTuple):
    """Cash that a corporate action pays: a receivable from the ex-date until it is paid. Own currency, but for
    ``income_base``, the gross dividend in the base currency at the ex-date's rate."""

    action_id: int
    asset_id: int
    ex_date: date
    paid_on: date
    currency: str
    gross: Decimal
    withheld: Decimal
    income_base: Decimal
    kind: str

    @property
    def net(self) -> Decimal:
        return self.gross - self.withheld

    @property
    def dividend(self) -> bool:
        """Income; any other cash is the proceeds of a disposal or returned capital."""
        return self.kind == ActionKind.CASH_DIVIDEND

    def beyond(self, move: CashMove, base: str, table: RateTable) -> Decimal:
        """What ``move``, its payment, brought beside the net amount, in the base currency: tax not withheld, or more.

        On an account in another currency that part is not known, so what is nearer to it of net and gross was paid.
        """
        rate = rate_on(self.currency, base, move.change.day, table)
        if move.currency == self.currency:
            paid = move.change.amount
        else:
            apart = {abs(subtract(move.base, multiply(amount, rate))): amount for amount in (self.gross, self.net)}
            paid = apart[min(apart)]
        return multiply(subtract(paid, self.net), rate)

    def base(self, amount: Decimal, day: date, base: str, table: RateTable) -> Decimal:
        """``amount`` of its currency at the rate of ``day``, in whole minor units. Raises RateMissing."""
        return converted(amount, rate_on(self.currency, base, day, table), base)


class Flow(NamedTuple):
    """What crossed the portfolio's border on a day, in the base currency; positive when it came in."""

    day: date
    amount: Decimal


class TradeRow(NamedTuple):
    """The columns of a trade that its amount follows from."""

    pk: int
    asset_id: int
    asset_currency: str
    price_factor: Decimal
    kind: str
    day: date
    quantity: Decimal
    price: Decimal
    currency: str
    fee: Decimal
    tax: Decimal
    accrued: Decimal
    exchange_rate: Decimal | None
    close: Decimal | None  # the asset's last one, as a price of that day
    interest: Decimal  # of a bond that was transferred: what had accrued by that day, as it is quoted

    @property
    def entry_kind(self) -> EntryKind:
        return EntryKind(self.kind)


def trade_rows(portfolio: Portfolio, start: date, end: date) -> list[TradeRow]:
    """The standing trades after ``start`` up to ``end``; one query; 2 more where securities were transferred, and
    another one where these were bonds."""
    bars = HistoricValue.objects.filter(asset=OuterRef("asset"), day__lte=OuterRef("day")).order_by("-day")
    trades = portfolio.trades.standing().filter(day__gt=start, day__lte=end)
    columns = [OF_ASSET.get(name, name) for name in TradeRow._fields if name not in ("close", "interest")]
    every = [TradeRow._make([*row, None, ZERO]) for row in trades.values_list(*columns)]
    plain = [row for row in every if row.kind not in TRANSFERS]
    if len(plain) == len(every):
        return plain
    moved = trades.filter(kind__in=TRANSFERS).annotate(
        market=Subquery(bars.values("close")[:1]), market_day=Subquery(bars.values("day")[:1])
    )
    return plain + _at_market(list(moved.values_list(*columns, "market", "market_day", "asset__type")))


def accrued_rows(portfolio: Portfolio, start: date, end: date) -> list[TradeRow]:
    """Those of them that paid or brought accrued interest; one query."""
    trades = portfolio.trades.standing().filter(day__gt=start, day__lte=end, accrued__gt=0).order_by("day", "pk")
    columns = [OF_ASSET.get(name, name) for name in TradeRow._fields if name not in ("close", "interest")]
    return [TradeRow._make([*row, None, ZERO]) for row in trades.values_list(*columns)]


def _at_market(moved: Sequence[tuple[Any, ...]]) -> list[TradeRow]:
    """Transfers with their asset's last close, divided by the ratios of the splits between its day and theirs."""
    bonds = {row[1] for row in moved if row[-1] == AssetType.BOND}
    terms = terms_by_asset(bonds) if bonds else {}
    found = [
        (TradeRow._make([*row[:-2], accrued(terms[row[1]], row[5]) if row[1] in terms else ZERO]), row[-2])
        for row in moved
    ]
    splits = splits_of({row.asset_id for row, _ in found}) if found else {}
    return [
        row
        if row.close is None
        else row._replace(close=carried_close(row.close, of, splits.get(row.asset_id, ()), row.day))
        for row, of in found
    ]


def dues_of(portfolio: Portfolio, start: date, end: date) -> list[Due]:
    """What corporate actions owed at the close of ``start`` or came to owe until ``end``; one query."""
    found = Entitlement.objects.with_paid_on().filter(portfolio=portfolio, ex_date__lte=end)
    rows = found.exclude(Q(ex_date__lte=start) & Q(paid_on__lte=start)).order_by("ex_date", "pk")
    columns = ("action_id", "asset_id", "ex_date", "paid_on", "currency", "gross", "withholding", "income_base")
    return [Due._make(row) for row in rows.values_list(*columns, "action__kind")]


def rates_of(
    portfolio: Portfolio, rows: Iterable[TradeRow], accounts: Mapping[int, CashAccount], dues: Iterable[Due] = ()
) -> RateTable:
    """The exchange rates that these trades, accounts and dues need; at most one query."""
    codes = {
        portfolio.base_currency,
        *(account.currency for account in accounts.values()),
        *(due.currency for due in dues),
    }
    for row in rows:
        codes |= {row.currency, row.asset_currency}
    return rates(codes, min(codes))


def movements_of(
    portfolio: Portfolio, rows: Sequence[TradeRow], table: RateTable, bases: Mapping[int, Decimal]
) -> list[Movement]:
    """What each trade did to its asset, given the ``transferred_bases``. Raises RateMissing."""
    return [_movement(row, portfolio.base_currency, table, bases) for row in rows]


def _movement(row: TradeRow, base: str, table: RateTable, bases: Mapping[int, Decimal]) -> Movement:
    if row.kind in TRANSFERS:
        worth, basis = _worth(row, base, table), bases.get(row.pk, ZERO)
        sign = -1 if row.entry_kind == EntryKind.TRANSFER_OUT else 1
        return Movement(row.day, row.asset_id, sign * worth, transfer=True, basis=sign * basis)
    net = net_amount(
        row.entry_kind, gross_amount(row.quantity, row.price, row.currency, row.price_factor), row.fee, row.tax
    )
    rate = conversion_of(row, base, table).to_base
    amount, interest = converted(net, rate, base), converted(row.accrued, rate, base) if row.accrued else ZERO
    if row.entry_kind == EntryKind.SELL:
        return Movement(row.day, row.asset_id, -amount, interest=-interest if interest else ZERO)
    return Movement(row.day, row.asset_id, amount, interest=interest)


def _worth(row: TradeRow, base: str, table: RateTable) -> Decimal:
    """A transfer at market value: that day's last close, or the trade's own price where there was none yet.

    With the interest that had accrued, if it is of a bond.
    """
    price, currency = (row.price, row.currency) if row.close is None else (row.close, row.asset_currency)
    rate = rate_on(currency, base, row.day, table)
    if row.interest:
        price = total([price, multiply(row.interest, rate_on(row.asset_currency, currency, row.day, table))])
    return market_value(row.quantity, price, rate, base, row.price_factor)


def transferred_bases(portfolio: Portfolio, rows: Iterable[TradeRow]) -> dict[int, Decimal]:
    """Trade id to the cost of the lots that it brought or took along, in the base currency; 2 queries.

    None where ``rows`` have no transfer.
    """
    if all(row.kind not in TRANSFERS for row in rows):
        return {}
    bases: dict[int, Decimal] = defaultdict(Decimal)
    brought = TransferLot.objects.filter(trade__portfolio=portfolio).order_by()
    left = Departure.objects.filter(portfolio=portfolio).order_by()
    for lots in (brought, left):
        for trade_id, cost in lots.values_list("trade_id", "cost_base"):
            bases[trade_id] += cost
    return bases


def cash_moves(
    accounts: Mapping[int, CashAccount], start: date, end: date, base: str, table: RateTable
) -> list[CashMove]:
    """The standing rows after ``start`` and what joined with an account, by day; at most 2 queries.

    No query where no cash is tracked.
    """
    if not accounts:
        return []
    matches = PaymentMatch.objects.standing().filter(row=OuterRef("pk"))
    found = own_rows(accounts).filter(booked_on__gt=start, booked_on__lte=end).with_transfer()
    found = found.annotate(pays=Subquery(matches.values("action")[:1])).order_by("booked_on", "pk")
    rows = list(found.values_list(*_CASH))
    legs = Counter((row[6], row[5]) for row in rows if row[6])
    moves = [
        CashMove(
            account,
            accounts[account].currency,
            section,
            origin,
            asset,
            BalanceChange(day, amount, rate_on(accounts[account].currency, base, day, table)),
            # A leg whose other one is of another day, on its way in between, leaves the portfolio and comes back.
            internal=legs[transfer, day] == 2,
            pays=pays,
            row_id=row,
        )
        for account, section, origin, asset, amount, day, transfer, row, pays in rows
    ]
    return sorted([*_joined(accounts, start, end, base, table), *moves], key=lambda move: move.change.day)


def _joined(
    accounts: Mapping[int, CashAccount], start: date, end: date, base: str, table: RateTable
) -> Iterator[CashMove]:
    """What accounts held when they joined: it comes in that day like a deposit."""
    for account_id, balance in brought(accounts).items():
        account = accounts[account_id]
        if account.joined_on and start < account.joined_on <= end:
            rate = rate_on(account.currency, base, account.joined_on, table)
            change = BalanceChange(account.joined_on, balance, rate)
            yield CashMove(account_id, account.currency, Section.TRANSFER, Origin.ENTRY, None, change)


_CASH = ("account_id", "section", "origin", "asset_id", "amount", "booked_on", "transfer_id", "pk", "pays")


def rate_on(currency: str, base: str, day: date, table: RateTable) -> Decimal:
    """Units of the base currency for one of ``currency``, last known on ``day``. Raises RateMissing."""
    return table.rate(currency, base, day).value
