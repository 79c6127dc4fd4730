"""What was booked in a portfolio: its trades and the cash rows of its accounts as one list, the newest first."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from typing import NamedTuple

from django.db.models import F, Q, QuerySet, Value
from django.utils.text import format_lazy
from django.utils.translation import gettext_lazy as _

from assets.models import Asset
from banking.models import Account, CashTransaction, Origin, Section
from banking.models.transaction import SET_ASIDE, CashTransactionQuerySet
from core.money import total
from portfolios.models import Disposal, Portfolio, PortfolioAccount, Trade, TradeKind
from portfolios.models.trade import TradeQuerySet
from portfolios.queries.facts import lineage

TRADE, CASH = 0, 1  # of one day the trades come first, then the cash that follows from them
KINDS = {
    "trade": _("Trades"),
    **{str(kind.value): format_lazy("– {}", kind.label) for kind in TradeKind},
    "cash": _("Cash"),
    "deposit": _("– Deposits and withdrawals"),
    "income": _("– Income"),
    "expense": _("– Expenses"),
    "settlement": _("– Cash of trades"),
}
CASH_KINDS = {
    "cash": Q(),
    "deposit": Q(origin=Origin.ENTRY, section=Section.TRANSFER),
    "income": Q(section=Section.INCOME),
    "expense": Q(section=Section.EXPENSE),
    "settlement": Q(origin=Origin.TRADE),
}


@dataclass(frozen=True, slots=True)
class Wanted:
    """What the list is narrowed by; what is empty does not count. ``text`` is looked for in what people wrote."""

    kind: str = ""
    asset: str = ""
    account: int | None = None
    start: date | None = None
    end: date | None = None
    text: str = ""
    voided: bool = False
    also: int | None = None  # a trade that is shown though it is voided: it was so just now
    also_cash: int | None = None  # and a cash row


class Key(NamedTuple):
    """Which row: TRADE or CASH, and its id."""

    table: int
    pk: int


@dataclass(frozen=True, slots=True)
class Row:
    """One line of the list: a trade with the gain that it realised (None for what sells nothing), or a cash row."""

    trade: Trade | None = None
    gain: Decimal | None = None
    cash: CashTransaction | None = None

    @property
    def day(self) -> date:
        return self.trade.day if self.trade else self.cash.booked_on  # type: ignore[union-attr]


@dataclass(frozen=True, slots=True)
class Found:
    """The keys of all rows that fit, not read yet, and how many there are of each table."""

    keys: QuerySet[Trade, tuple[date, int, object, int]] | QuerySet[CashTransaction, tuple[date, int, object, int]]
    trades: int
    cash: int
    found_trades: TradeQuerySet
    found_cash: QuerySet[CashTransaction]

    @property
    def count(self) -> int:
        return self.trades + self.cash

    def between(self, first: int, last: int) -> list[Key]:
        """The keys from position ``first`` to before ``last``; one query."""
        return [Key(table, pk) for _, table, _, pk in self.keys[first:last]]

    def oldest(self, most: int | None = None) -> list[Key]:
        """The keys of the ``most`` first rows, or of all, the first one first; one query.

        For whoever reads the whole list: read by position, a long one takes ever longer, and a row that is booked
        meanwhile moves all the others by one.
        """
        return [Key(table, pk) for _, table, _, pk in self.keys.reverse()[:most]]


def transactions(portfolio: Portfolio, wanted: Wanted) -> Found:
    """What fits; 2 queries."""
    trades, cash = _trades(portfolio, wanted), _cash(portfolio, wanted)
    by_trade = trades.order_by().annotate(table=Value(TRADE), moment=F("traded_at"), row=F("pk"))
    by_cash = cash.order_by().annotate(day=F("booked_on"), table=Value(CASH), moment=F("created_at"), row=F("pk"))
    columns = ("day", "table", "moment", "row")
    both = by_trade.values_list(*columns).union(by_cash.values_list(*columns), all=True)
    return Found(both.order_by("-day", "table", "-moment", "-row"), trades.count(), cash.count(), trades, cash)


def _trades(portfolio: Portfolio, wanted: Wanted) -> TradeQuerySet:
    if wanted.kind in CASH_KINDS:
        return Trade.objects.none()
    trades = Trade.objects.filter(portfolio=portfolio)
    if not wanted.voided:
        trades = trades.filter(Q(voided_at__isnull=True) | Q(pk=wanted.also))
    if wanted.kind in TradeKind.values:
        trades = trades.filter(kind=wanted.kind)
    if wanted.text:
        trades = trades.filter(Q(note__icontains=wanted.text) | Q(external_id__icontains=wanted.text))
    return trades.filter(_shared(wanted, "day"))


def _cash(portfolio: Portfolio, wanted: Wanted) -> QuerySet[CashTransaction]:
    if wanted.kind and wanted.kind not in CASH_KINDS:
        return CashTransaction.objects.none()
    rows = _since_joined(portfolio).filter(CASH_KINDS[wanted.kind or "cash"])
    standing = Q(voided_at__isnull=True) | Q(pk=wanted.also_cash)
    rows = rows.exclude(SET_ASIDE) if wanted.voided else rows.filter(standing)
    if wanted.text:
        rows = rows.filter(Q(description__icontains=wanted.text) | Q(external_id__icontains=wanted.text))
    return rows.filter(_shared(wanted, "booked_on"))


def _since_joined(portfolio: Portfolio) -> CashTransactionQuerySet:
    """The rows of its accounts, voided ones too, but for those from before their account joined the portfolio."""
    accounts = PortfolioAccount.objects.filter(portfolio=portfolio).values("account")
    joined = "account__portfolio_link__joined_on"
    since = Q(**{f"{joined}__isnull": True}) | Q(booked_on__gte=F(joined))
    return CashTransaction.objects.filter(since, account__in=accounts)


def _shared(wanted: Wanted, day: str) -> Q:
    """What both tables are narrowed by."""
    given = {"asset__symbol": wanted.asset, "account": wanted.account, f"{day}__gte": wanted.start}
    given[f"{day}__lte"] = wanted.end
    return Q(**{name: value for name, value in given.items() if value not in (None, "")})


def rows_of(keys: Sequence[Key]) -> list[Row]:
    """The rows of ``keys`` in their order; at most 5 queries. Give it some hundreds at once, not thousands."""
    trades = Trade.objects.select_related("asset", "account").prefetch_related("picks__opened_by")
    by_id = trades.in_bulk([key.pk for key in keys if key.table == TRADE])
    gains = realised(by_id)
    cash = CashTransaction.objects.select_related("account", "asset")
    moved = cash.in_bulk([key.pk for key in keys if key.table == CASH])
    found = []
    for key in keys:  # one that went away since its key was read is left out
        if key.table == TRADE and key.pk in by_id:
            found.append(Row(trade=by_id[key.pk], gain=gains.get(key.pk)))
        elif key.table == CASH and key.pk in moved:
            found.append(Row(cash=moved[key.pk]))
    return found


def realised(trade_ids: Collection[int]) -> dict[int, Decimal]:
    """Trade id to the gain that it realised, in the base currency; one query."""
    gains: dict[int, list[Decimal]] = defaultdict(list)
    rows = Disposal.objects.filter(trade__in=list(trade_ids)).order_by()
    for trade_id, proceeds, cost in rows.values_list("trade_id", "proceeds_base", "cost_base"):
        if trade_id is not None:
            gains[trade_id].append(proceeds - cost)
    return {trade_id: total(parts) for trade_id, parts in gains.items()}


def assets_of(portfolio: Portfolio) -> list[Asset]:
    """Every asset that the portfolio has a trade of, or cash from, by symbol; one query."""
    cash = _since_joined(portfolio).filter(asset__isnull=False).order_by()
    paid, traded = cash.values("asset"), portfolio.trades.order_by().values("asset")
    return list(Asset.objects.filter(Q(pk__in=traded) | Q(pk__in=paid)).order_by("symbol"))


def accounts_of(portfolio: Portfolio) -> list[Account]:
    """The accounts that hold the portfolio's cash; one query."""
    links = PortfolioAccount.objects.filter(portfolio=portfolio)
    return list(Account.objects.filter(pk__in=links.values("account")).order_by("name", "pk"))


def versions_of(trade: Trade) -> list[Trade]:
    """The trade, what it replaced and what replaced it, at any distance, the first one first; 2 queries."""
    ids = lineage(trade.portfolio, trade.pk)
    return list(Trade.objects.filter(pk__in=ids).select_related("asset", "created_by", "voided_by").order_by("pk"))


def cash_of(trade: Trade) -> Iterable[CashTransaction]:
    """The cash rows that follow from one trade; one query."""
    return CashTransaction.objects.filter(origin=Origin.TRADE, origin_id=trade.pk).select_related("account")
