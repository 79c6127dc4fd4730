"""The facts of the books as they are read elsewhere, with every amount recorded: lots, prices, rates, cash, trades."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date
from decimal import Decimal
from typing import Any, cast

from django.db.models import Q

from analytics.explaining import given
from assets.bonds import BondTerms
from assets.models import Asset
from assets.queries import LastBar, Rate, RateTable
from banking.models import CashTransaction
from banking.models.transaction import counted_now
from core.money import total
from portfolios.book.actions import Action
from portfolios.book.ledger import position_of
from portfolios.book.types import Book, BroughtLot, Disposal, Entitlement, Interest, OpenLot
from portfolios.models import Portfolio
from portfolios.queries.actions import with_linked
from portfolios.queries.books import books_of, inputs_of
from portfolios.queries.facts import BookKey
from portfolios.queries.holdings import Held, Holding, HoldingFacts, OwnPrice, holding_facts, holdings_from
from portfolios.queries.reading import Reading, RowT
from portfolios.queries.totals import CashFacts, Totals, cash_facts, totals_from

Source = dict[str, Any]


@dataclass(frozen=True, slots=True)
class RecordedBooks:
    """A portfolio's holdings, closed ones too, and its totals, at the close of a day: every number is recorded."""

    holdings: list[Holding]
    totals: Totals

    def unknown(self, day: date | None) -> str:
        """What to say where an amount is missing."""
        names = ", ".join(held.symbol for held in self.holdings if held.value is None) or "an account"
        return f"There is no price or exchange rate for {names}{f' on {day}' if day else ''}."


def recorded_books(portfolio: Portfolio, day: date | None = None) -> RecordedBooks:
    """The books at the close of ``day`` or now, folded from the facts; at most 20 queries. Raises RateMissing."""
    held = recorded_holdings(portfolio, day)
    cash = _cash(cash_facts([portfolio], day))
    return RecordedBooks(held, totals_from([portfolio], {portfolio.pk: held}, cash)[portfolio.pk])


def recorded_holdings(portfolio: Portfolio, day: date | None) -> list[Holding]:
    """Everything that was ever held, from its lots, disposals and dividends."""
    books = books_of([portfolio], until=day)
    positions = {key: Held(book.position, _oldest(book)) for key, book in books.items()}
    facts = holding_facts([portfolio], positions, day)
    symbols = {pk: asset.symbol for pk, asset in facts.assets.items()}
    recorded = {key: Held(_position(book, symbols[key[1]]), _oldest(book)) for key, book in books.items()}
    return holdings_from(_facts(facts, recorded))[portfolio.pk]


def recorded_holding(portfolio: Portfolio, asset: Asset, day: date | None) -> Holding | None:
    """One asset, from its trades and actions and those that actions link to them; its weight is of what they leave."""
    scope, actions = with_linked([asset.pk], day)
    found = inputs_of([portfolio], asset_ids=scope, until=day, actions=actions, reading=RecordedReading())
    books = {(portfolio.pk, pk): book for pk, book in found[portfolio.pk].folded().items() if pk == asset.pk}
    positions = {key: Held(book.position, _oldest(book)) for key, book in books.items()}
    held = holdings_from(_facts(holding_facts([portfolio], positions, day), positions))[portfolio.pk]
    return held[0] if held else None


def _facts(facts: HoldingFacts, positions: Mapping[BookKey, Held]) -> HoldingFacts:
    for asset in facts.assets.values():
        _record_factor(asset)
    return replace(
        facts,
        positions=positions,
        bars={pk: _bar(bar, facts.assets[pk]) for pk, bar in facts.bars.items()},
        own={key: _own(price, facts.assets[key[1]]) for key, price in facts.own.items()},
        table=recorded_rates(facts.table),
        terms={pk: _terms(terms, facts.assets[pk].symbol) for pk, terms in facts.terms.items()},
    )


def _terms(terms: BondTerms, symbol: str) -> BondTerms:
    """The interest that accrues is 100 × the coupon × a part of a year, which follows from the other terms."""
    source = {"kind": "bond", "symbol": symbol, **{name: str(getattr(terms, name)) for name in TERMS}}
    return replace(terms, coupon=given(terms.coupon, f"{symbol}, coupon a year", source))


def _oldest(book: Book) -> date | None:
    return min((lot.opened_on for lot in book.lots if lot.quantity), default=None)


# --- trades and actions -------------------------------------------------------------------------------------------

TRADED = {"quantity": "quantity", "price": "price", "fee": "fee", "tax": "tax", "exchange_rate": "broker's rate"}
TRADED |= {"price_factor": "price factor", "close": "last close of that day"}
TRADED |= {"interest": "accrued interest of that day", "accrued": "accrued interest"}
UNTOLD = ("interest", "accrued")  # of what is no bond
TERMS = ("issued", "matures", "frequency", "day_count")
ACTED = ("ratio", "per", "cash", "withholding_rate", "target_price", "basis_share", "cash_in_lieu")


class RecordedReading(Reading):
    """Trades, transferred lots, corporate actions and rates as they are read, every amount recorded."""

    def trades(self, rows: list[RowT]) -> list[RowT]:
        assets = {row.asset_id for row in cast("list[Any]", rows)}
        symbols = dict(Asset.objects.filter(pk__in=assets).values_list("pk", "symbol")) if assets else {}
        return [_trade(row, symbols) for row in rows]

    def brought(self, lots: dict[int, tuple[BroughtLot, ...]]) -> dict[int, tuple[BroughtLot, ...]]:
        return {trade: tuple(_brought(lot, trade) for lot in found) for trade, found in lots.items()}

    def actions(self, actions: list[Action]) -> list[Action]:
        return [_action(action) for action in actions]

    def rates(self, table: RateTable) -> RateTable:
        return recorded_rates(table)


def _trade(row: Any, symbols: Mapping[int, str]) -> Any:
    symbol, day = symbols[row.asset_id], row.day.isoformat()
    source = {"kind": "trade", "trade": row.pk, "symbol": symbol, "day": day}
    columns = {name: getattr(row, name, None) for name in TRADED}
    told = {
        name: given(value, f"{symbol}, {row.kind.replace('_', ' ')} of {day}: {TRADED[name]}", source)
        for name, value in columns.items()
        if value is not None and not (name == "price_factor" and value == 1) and (value or name not in UNTOLD)
    }
    return row._replace(**told)


def _brought(lot: BroughtLot, trade: int) -> BroughtLot:
    source = {"kind": "transferred lot", "trade": trade, "day": lot.opened_on.isoformat()}
    what = f"lot of {lot.opened_on} of transfer {trade}"
    made: BroughtLot = _all(lot, ("quantity", "cost", "cost_base"), what, source)
    return made


def _action(action: Action) -> Action:
    """Its terms; its rates come from the table, which is recorded."""
    source = {"kind": "action", "action": action.key, "day": action.day.isoformat()}
    terms = {name: getattr(action, name) for name in ACTED}
    what = f"{action.kind.value.replace('_', ' ')} of {action.day}"
    told = {name: given(value, f"{what}: {name.replace('_', ' ')}", source) for name, value in terms.items() if value}
    return replace(action, **cast("dict[str, Any]", told))


# --- lots, disposals, dividends -----------------------------------------------------------------------------------


def _position(book: Book, symbol: str) -> Any:
    return position_of(
        [_lot(lot, symbol) for lot in book.lots if lot.quantity],
        [_disposal(made, symbol) for made in book.disposals],
        [
            *(_entitlement(due, symbol) for due in book.entitlements if due.income),
            *(_interest(each, symbol) for each in book.interest),
        ],
        book.position.first_traded_on,
    )


def _all(record: Any, columns: Sequence[str], what: str, source: Source) -> Any:
    """``record`` with these columns recorded."""
    told = {name: given(getattr(record, name), f"{what}: {LABELS[name]}", source) for name in columns}
    return replace(record, **told)


LABELS = {
    "quantity": "quantity",
    "cost": "cost in the asset's currency",
    "cost_base": "cost",
    "proceeds": "proceeds in the asset's currency",
    "proceeds_base": "proceeds",
    "income": "gross dividend in the asset's currency",
    "income_base": "gross dividend",
}


def _lot(lot: OpenLot, symbol: str) -> OpenLot:
    source = {
        "kind": "lot",
        "symbol": symbol,
        "trade": lot.opened_by,
        "sequence": lot.sequence,
        "day": lot.opened_on.isoformat(),
    }
    what = f"{symbol}, lot of {lot.opened_on}"
    made: OpenLot = _all(lot, ("quantity", "cost", "cost_base"), what, source)
    return made


def _disposal(made: Disposal, symbol: str) -> Disposal:
    source = {
        "kind": "disposal",
        "symbol": symbol,
        "action" if made.by_action else "trade": made.closed_by,
        "lot": made.opened_by,
        "sequence": made.sequence,
        "day": made.closed_on.isoformat(),
    }
    what = f"{symbol}, disposal of {made.closed_on} of the lot of {made.opened_on}"
    closed: Disposal = _all(made, ("proceeds", "cost", "proceeds_base", "cost_base"), what, source)
    return closed


def _entitlement(due: Entitlement, symbol: str) -> Entitlement:
    source = {"kind": "dividend", "symbol": symbol, "action": due.action}
    earned: Entitlement = _all(due, ("income", "income_base"), f"{symbol}, dividend {due.action}", source)
    return earned


def _interest(each: Interest, symbol: str) -> Interest:
    source = {"kind": "trade", "symbol": symbol, "trade": each.trade}
    name = f"{symbol}, accrued interest of trade {each.trade}, negative where it was paid"
    income = given(each.income, f"{name}, in the asset's currency", source)
    return replace(each, income=income, income_base=given(each.income_base, name, source))


# --- prices and rates ---------------------------------------------------------------------------------------------


def _record_factor(asset: Asset) -> None:
    """What a unit costs at a price of 1 is shown where it is not 1. The instance is of this computation alone."""
    if asset.price_factor != 1:
        source = {"kind": "asset", "symbol": asset.symbol}
        asset.price_factor = given(asset.price_factor, f"{asset.symbol}, price factor", source)


def _bar(bar: LastBar, asset: Asset) -> LastBar:
    source = {"kind": "price", "symbol": asset.symbol, "day": bar.day.isoformat()}
    return replace(bar, close=given(bar.close, f"{asset.symbol}, close of {bar.day}", source))


def _own(price: OwnPrice, asset: Asset) -> OwnPrice:
    bar = price.bar
    source = {"kind": "trade", "symbol": asset.symbol, "trade": price.trade_id, "day": bar.day.isoformat()}
    close = given(bar.close, f"{asset.symbol}, price of the own trade of {bar.day}", source)
    return price._replace(bar=replace(bar, close=close))


class _RecordedRates(RateTable):
    """The same rates, each of them an input that is given once."""

    def _last(self, pair: str, day: date) -> Rate | None:
        found = super()._last(pair, day)
        if found is None:
            return None
        known: dict[tuple[str, date], Decimal] = self.__dict__.setdefault("known", {})
        if (pair, found.day) not in known:
            source = {"kind": "rate", "symbol": pair, "day": found.day.isoformat()}
            name = f"{pair[3:]} for 1 {pair[:3]} on {found.day}"
            known[pair, found.day] = given(found.value, name, source)
        return Rate(known[pair, found.day], found.day)


def recorded_rates(table: RateTable) -> RateTable:
    return _RecordedRates(table.pairs)


# --- cash ---------------------------------------------------------------------------------------------------------


def _cash(facts: CashFacts) -> CashFacts:
    accounts = [account.account_id for account in facts.accounts]
    owed = [
        row._replace(
            gross=given(row.gross, f"dividend {row.action_id}: gross", _of_action(row.action_id)),
            withheld=given(row.withheld, f"dividend {row.action_id}: withheld", _of_action(row.action_id)),
        )
        for row in facts.owed
    ]
    balances = recorded_balances(accounts, facts.as_of)
    return replace(facts, balances=balances, owed=owed, table=recorded_rates(facts.table))


def _of_action(pk: int) -> Source:
    return {"kind": "dividend", "action": pk}


def recorded_balances(accounts: Iterable[int], day: date | None) -> dict[int, Decimal]:
    """Account id to its balance as ``balances`` has it, from its rows; one query at most."""
    wanted = list(accounts)
    rows = CashTransaction.objects.standing().filter(Q(booked_on__lte=day) if day else counted_now())
    columns = ("account_id", "pk", "booked_on", "amount")
    found: dict[int, list[Decimal]] = {}
    chosen = rows.filter(account__in=wanted).order_by("booked_on", "pk").values_list(*columns) if wanted else ()
    for account, pk, booked_on, amount in chosen:
        found.setdefault(account, []).append(recorded_row(amount, pk, account, booked_on))
    return {account: total(amounts) for account, amounts in found.items()}


def recorded_row(amount: Decimal, pk: int | None, account: int, day: date) -> Decimal:
    source = {"kind": "cash", "id": pk, "account": account, "day": day.isoformat()}
    name = f"cash row {pk} of {day}" if pk is not None else f"balance that account {account} brought on {day}"
    return given(amount, name, source)
