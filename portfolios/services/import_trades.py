"""Trades of a file: checked as the books would check them, booked together, and taken out again."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any
from zoneinfo import ZoneInfo

from django.conf import settings
from django.core.exceptions import ValidationError
from django.db.models import F, Q

from assets.isin import is_isin
from assets.models import Asset
from assets.services.listing import create_asset, quotation
from banking.models import Account, AccountKind, ImportBatch, ImportName, ImportRow, ImportState, NameKind, Outcome
from banking.services.import_cash import Accounts
from banking.services.import_staging import Names, Staged
from banking.statements.base import Wrong, content_key, shortened
from banking.statements.trades import TradeParser, TradeRow
from core.errors import DomainError
from core.money import UnknownCurrency, major_currency, minor_units
from portfolios.models import Portfolio, Trade, TradeKind
from portfolios.queries.facts import TRIAL
from portfolios.services.batch_preview import preview_trades
from portfolios.services.terms import NewTrade, check
from users.models import User

ZERO = Decimal(0)


class TradeStager:
    """Rows of trades.csv to staged rows."""

    def __init__(self, user: User, places: Sequence[int], names: Names) -> None:
        self._user, self._parser, self._names = user, TradeParser(places), names
        self._accounts = Accounts(user)
        self._instruments = Instruments()
        self._portfolios: dict[int, Portfolio | None] = {}
        self._rows = 0

    def staged(self, cells: Sequence[str]) -> Staged:
        self._rows += 1
        if self._rows > settings.IMPORT_MOST_TRADES:
            raise Wrong(f"a file may have {settings.IMPORT_MOST_TRADES:,} trades; split it")
        row = self._parser.parse(cells)
        account = self._accounts.named(row.account_ref).account
        if self._portfolio(account) is None:
            text = "an account of a portfolio that you may book into; open a portfolio with it first"
            raise Wrong(f"account_ref “{shortened(row.account_ref)}” is not {text}")
        asset = self._instruments.named(row)
        number = None
        if asset.pk is None:
            number = self._names.number(NameKind.INSTRUMENT, None, "", asset.symbol, row.isin, row.currency)
        key = None
        if not row.external_id:
            key = content_key(row.symbol, row.isin, row.time, row.side, row.quantity, row.price, row.fees, row.currency)
        terms = json.dumps({name: getattr(row, name) for name in TradeRow.__slots__} | {"asset": asset.pk})
        day = row.time[:10]
        return account.pk, day, None, row.currency, "", asset.symbol, None, number, "", row.external_id, key, terms

    def _portfolio(self, account: Account) -> Portfolio | None:
        """The one that the account belongs to, if the person may book into it."""
        if account.pk not in self._portfolios:
            mine = Portfolio.objects.editable_by(self._user).filter(portfolio_accounts__account=account)
            brokerage = account.kind == AccountKind.BROKERAGE
            self._portfolios[account.pk] = mine.first() if brokerage else None
        return self._portfolios[account.pk]


class Instruments:
    """Assets by ISIN first, then by symbol; what is missing is described, to be made when the file is booked."""

    def __init__(self) -> None:
        self._known: dict[tuple[str, str, str], Asset] = {}

    def named(self, row: TradeRow) -> Asset:
        key = (row.symbol, row.isin, row.currency)
        if key not in self._known:
            self._known[key] = self._look_up(row)
        return self._known[key]

    def _look_up(self, row: TradeRow) -> Asset:
        if row.isin and not is_isin(row.isin):
            raise Wrong(f"isin “{shortened(row.isin)}” is not an ISIN; its check digit may be wrong")
        found = list(Asset.objects.filter(isin=row.isin).select_related("exchange")) if row.isin else []
        if len(found) > 1:
            found = [asset for asset in found if asset.symbol == row.symbol]
            if not found:
                raise Wrong(f"isin {row.isin} is of several assets, and none has the symbol “{shortened(row.symbol)}”")
        if found:
            return found[0]
        asset = Asset.objects.filter(symbol=row.symbol).select_related("exchange").first() if row.symbol else None
        if asset is None:
            return _described(row)
        if row.isin and asset.isin and asset.isin != row.isin:
            raise Wrong(f"{asset.symbol} has the ISIN {asset.isin}, not {row.isin}")
        return asset


def _described(row: TradeRow) -> Asset:
    """A missing instrument as it would be made. Raises Wrong for what cannot be one."""
    symbol = row.symbol or row.isin
    try:
        minor_units(major_currency(row.currency))
        currency, factor = quotation(row.currency, Decimal(1), "equity")
        asset = Asset(symbol=symbol, name=symbol, currency=currency, price_factor=factor, isin=row.isin)
        asset.clean_fields(exclude=["exchange"])
    except (ValidationError, UnknownCurrency) as error:
        texts = error.messages if isinstance(error, ValidationError) else [error.message]
        raise Wrong(f"“{shortened(symbol)}” is unknown and cannot be added: {' '.join(texts)}") from error
    return asset


@dataclass(slots=True)
class Order:
    """The new trades of one portfolio, with the lines that they come from."""

    portfolio: Portfolio
    lines: list[int] = field(default_factory=list)
    keys: list[int | None] = field(default_factory=list)
    trades: list[NewTrade] = field(default_factory=list)


def orders(batch: ImportBatch, *, make: bool) -> list[Order]:
    """The file's new trades by portfolio, ascending. Missing instruments are made if ``make``, else only imagined."""
    rows = list(ImportRow.objects.filter(batch=batch, outcome=Outcome.NEW).order_by("line"))
    accounts = Account.objects.in_bulk({row.account for row in rows})
    mine: Any = Portfolio.objects.editable_by(batch.owner) if batch.owner else Portfolio.objects.none()
    linked = mine.filter(portfolio_accounts__account__in=accounts).annotate(of=F("portfolio_accounts__account"))
    found = {portfolio.of: portfolio for portfolio in linked}
    assets = _assets(batch, rows, make=make)
    made: dict[int, Order] = {}
    for row in rows:
        portfolio = found.get(row.account or 0)
        if portfolio is None:
            raise AccountLeft(
                "Line {line}: its account is no longer one of a portfolio that you may book into.", line=row.line
            )
        order = made.setdefault(portfolio.pk, Order(portfolio))
        order.lines.append(row.line)
        order.keys.append(row.content_key)
        order.trades.append(_terms(row, accounts[row.account or 0], assets[_key(row)]))
    return [made[pk] for pk in sorted(made)]


class AccountLeft(DomainError):
    """An account of the file is no longer one of a portfolio that you may book into."""


def _key(row: ImportRow) -> tuple[str, int]:
    asset = (row.terms or {}).get("asset")
    return ("asset", asset) if asset else ("name", row.counterparty or 0)


def _assets(batch: ImportBatch, rows: Sequence[ImportRow], *, make: bool) -> dict[tuple[str, int], Asset]:
    """What each row is of: ("asset", id) or ("name", number of the file's) to the asset."""
    ids = {key[1] for key in map(_key, rows) if key[0] == "asset"}
    found = {("asset", pk): asset for pk, asset in Asset.objects.select_related("exchange").in_bulk(ids).items()}
    wanted = {key[1] for key in map(_key, rows) if key[0] == "name"}
    for name in ImportName.objects.filter(batch=batch, kind=NameKind.INSTRUMENT, number__in=wanted):
        found["name", name.number] = _instrument(batch, name, make=make)
    return found


def _instrument(batch: ImportBatch, name: ImportName, *, make: bool) -> Asset:
    same = Asset.objects.filter(Q(symbol=name.name) | (Q(isin=name.code) & ~Q(isin=""))).select_related("exchange")
    if known := same.order_by("pk").first():  # somebody added it meanwhile
        return known
    currency, factor = quotation(name.currency, Decimal(1), "equity")
    values: dict[str, Any] = {"symbol": name.name, "name": name.name, "currency": currency, "isin": name.code}
    if make:
        return create_asset(actor=batch.owner, price_factor=factor, **values)
    return Asset(pk=TRIAL + name.number, price_factor=factor, **values)


def _terms(row: ImportRow, account: Account, asset: Asset) -> NewTrade:
    given = row.terms or {}
    at = datetime.fromisoformat(given["time"])
    if at.tzinfo is None:  # the clock of the exchange, whose day counts
        at = at.replace(tzinfo=ZoneInfo(asset.exchange.time_zone) if asset.exchange else UTC)
    return NewTrade(
        asset=asset,
        kind=TradeKind(given["side"]),
        quantity=Decimal(given["quantity"]),
        price=Decimal(given["price"]),
        traded_at=at.astimezone(UTC),
        currency=given["currency"],
        fee=Decimal(given["fees"]),
        account=account,
        external_id=row.external_id,
    )


def known_lines(batch: ImportBatch) -> list[int]:
    """The lines that are in the books already: by external id in the portfolio, else by content, counted."""
    rows = ImportRow.objects.filter(batch=batch).exclude(outcome=Outcome.WRONG).order_by("line")
    links: dict[int, int] = dict(
        Portfolio.objects.filter(portfolio_accounts__account__in=rows.order_by().values("account")).values_list(
            "portfolio_accounts__account", "pk"
        )
    )
    there = Trade.objects.filter(portfolio__in=set(links.values())).filter(_still_there())
    ids = set(there.exclude(external_id="").values_list("portfolio", "external_id"))
    counts: dict[tuple[int, int], int] = {}
    for portfolio, key in there.exclude(content_key=None).values_list("portfolio", "content_key"):
        counts[portfolio, key or 0] = counts.get((portfolio, key or 0), 0) + 1
    lines = []
    for row in rows:
        portfolio = links.get(row.account or 0, 0)
        place: tuple[int, int] = (portfolio, row.content_key or 0)
        if row.external_id and (portfolio, row.external_id) in ids:
            lines.append(row.line)
        elif row.content_key is not None and counts.get(place):
            counts[place] -= 1
            lines.append(row.line)
    return lines


def _still_there() -> Q:
    """Standing trades, and voided ones whose file was not undone."""
    return Q(voided_at__isnull=True) | Q(batch__isnull=True) | ~Q(batch__state=ImportState.UNDONE)


def faults(batch: ImportBatch, now: datetime) -> Iterator[tuple[int, str]]:
    """(line, what is wrong): each trade by itself, then what the books say about all of them together."""
    wrong = list(_doubled(batch))
    made = orders(batch, make=False)
    for order in made:
        for line, trade in zip(order.lines, order.trades, strict=True):
            try:
                check(trade, base=order.portfolio.base_currency, now=now)
            except DomainError as error:
                wrong.append((line, _named(error)))
    if not wrong:
        wrong = [found for order in made if (found := _refused(order, now))]
    yield from wrong


def _doubled(batch: ImportBatch) -> Iterator[tuple[int, str]]:
    first: dict[tuple[int | None, str], int] = {}
    rows = ImportRow.objects.filter(batch=batch).exclude(external_id="").order_by("line")
    for line, account, external_id in rows.values_list("line", "account", "external_id"):
        known = first.setdefault((account, external_id), line)
        if known != line:
            yield line, f"external_id “{external_id}” stands in line {known} already"


def _refused(order: Order, now: datetime) -> tuple[int, str] | None:
    try:
        preview_trades(order.portfolio, order.trades, now)
    except DomainError as error:
        return order.lines[position_of(error)], _named(error)
    return None


def position_of(error: DomainError) -> int:
    """Which of several trades an error is about; the first for one that names none."""
    parts = error.field.split(".")
    return int(parts[1]) if len(parts) > 2 and parts[0] == "trades" and parts[1].isdigit() else 0


COLUMN = {"quantity": "qty", "fee": "fees", "traded_at": "trade_time", "asset": "symbol", "account": "account_ref"}


def _named(error: DomainError) -> str:
    name = error.field.rsplit(".", 1)[-1]
    return f"{COLUMN.get(name, name)}: {error.message}" if name else error.message
