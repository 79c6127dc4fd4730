"""From terms to rows: the unit price and lots of a transfer, and the cash that a trade moves."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Iterable, Mapping, Sequence
from datetime import date
from decimal import Decimal

from django.db import connection
from django.db.models import Model
from django.utils import translation
from django.utils.translation import gettext

from assets.bonds import BondTerms, accrued
from assets.queries import RateMissing, RateTable, carried, last_bars, rates
from banking.models import Account, CashTransaction, Origin, Section
from banking.services.derived import derive_cash, drop_derived_cash, set_aside
from core.errors import DomainError
from core.fields import MONEY_LIMIT, ExactDecimalField
from core.money import EXACT, multiply, quantise, total
from portfolios.book.value import converted, per_unit, unit_cost
from portfolios.models import CashSetting, LotPick, Portfolio, Trade, TradeKind, TransferLot
from portfolios.queries import conversion_of, first_versions, own_prices
from portfolios.services.terms import TRANSFERS, NewLot, NewPick, NewTrade, PriceRequired


class AccountNotOfPortfolio(DomainError):
    """This account does not hold the portfolio's cash."""


class AccountJoinedLater(DomainError):
    """The account joined the portfolio after the day of the trade."""


class NoCashAccount(DomainError):
    """The portfolio's cash is tracked, but it has no account in this or its base currency on that day."""


class PickUnknown(DomainError):
    """There is no trade with this id that opened a lot of the portfolio."""


class PickOfAnotherAsset(DomainError):
    """The lot that is picked is of another asset."""


class AmountTooLarge(DomainError):
    """The amount is larger than the books keep."""


def accounts_of(portfolio: Portfolio) -> list[Account]:
    """The accounts that hold the portfolio's cash, each with its ``portfolio_link``, the first one first; one query."""
    links = portfolio.portfolio_accounts.select_related("account").order_by("pk")
    return [link.account for link in links]


def account_for(trade: NewTrade, portfolio: Portfolio, accounts: Sequence[Account]) -> Account | None:
    """The account whose cash the trade moves: the one it names, else one in its currency, else in the base currency."""
    if trade.account is not None:
        found = {account.pk: account for account in accounts}.get(trade.account.pk)
        if found is None:
            raise AccountNotOfPortfolio(field="account")
        if not found.portfolio_link.held_on(trade.day):
            message = gettext("The account joined the portfolio on %(joined_on)s, after the trade.") % {
                "joined_on": found.portfolio_link.joined_on
            }
            raise AccountJoinedLater(message, field="account")
        return found
    if portfolio.cash != CashSetting.TRACKED or trade.kind in TRANSFERS:
        return None
    return default_account(trade.trade_currency, trade.day, portfolio, accounts)


def default_account(currency: str, day: date, portfolio: Portfolio, accounts: Sequence[Account]) -> Account:
    """The first account in ``currency`` that is the portfolio's on ``day``, else in the base currency."""
    for wanted in (currency, portfolio.base_currency):
        for account in accounts:
            if account.currency == wanted and account.portfolio_link.held_on(day):
                return account
    codes = f"{currency} or {portfolio.base_currency}" if currency != portfolio.base_currency else currency
    message = gettext("The portfolio's cash is tracked, but on %(day)s it has no account in %(codes)s.") % {
        "day": day,
        "codes": codes,
    }
    raise NoCashAccount(message, field="account")


def rates_of(trades: Iterable[NewTrade], accounts: Iterable[Account], base: str) -> RateTable:
    """The exchange rates that these trades and accounts need; at most one query."""
    codes = {account.currency for account in accounts}
    for trade in trades:
        codes |= {trade.trade_currency, trade.asset.currency}
    return rates(codes, base)


def market_prices(portfolio: Portfolio, trades: Sequence[NewTrade]) -> dict[tuple[int, date], Decimal]:
    """(asset id, day) to the price then, for the transfers that state none: the last close, else what leaves is worth.

    That is the portfolio's own last price in the asset's currency. At most 4 queries for each day.
    """
    wanted: dict[date, set[int]] = defaultdict(set)
    leaving: dict[date, set[int]] = defaultdict(set)
    for trade in trades:
        if trade.price is None:
            wanted[trade.day].add(trade.asset.pk)
        if trade.price is None and trade.kind == TradeKind.TRANSFER_OUT:
            leaving[trade.day].add(trade.asset.pk)
    prices: dict[tuple[int, date], Decimal] = {}
    for day, assets in wanted.items():
        bars = last_bars(assets, day)
        own = own_prices([portfolio], leaving[day] - bars.keys(), day)
        bars |= {key[1]: price.bar for key, price in own.items() if price.currency == price.asset_currency}
        prices |= {(asset_id, day): per_unit(bar.close) for asset_id, bar in carried(bars, day).items()}
    return prices


def unit_price(trade: NewTrade, closes: Mapping[tuple[int, date], Decimal]) -> Decimal:
    """As the asset is quoted: the price stated; for a transfer else the day's price, else its lots' unit cost."""
    if trade.quoted_price is not None:
        return trade.quoted_price
    if trade.trade_currency != trade.asset.currency:  # closes and the costs of lots are in the asset's
        message = gettext("State the price per unit in %(trade_currency)s; closes are in %(currency)s.") % {
            "trade_currency": trade.trade_currency,
            "currency": trade.asset.currency,
        }
        raise PriceRequired(message, field="price")
    close = closes.get((trade.asset.pk, trade.day))
    if close is not None:
        return close
    if trade.kind == TradeKind.TRANSFER_OUT:
        return Decimal(0)  # no market gave a price, and nothing is booked at it
    if not trade.lots:
        message = gettext("There is no close of %(symbol)s on or before %(day)s: state what a unit cost.") % {
            "symbol": trade.asset.symbol,
            "day": trade.day,
        }
        raise PriceRequired(message, field="price")
    return per_unit(unit_cost(total(lot.cost for lot in trade.lots), trade.quantity, trade.asset.price_factor))


def accrued_of(trade: NewTrade, bonds: Mapping[int, BondTerms], table: RateTable) -> Decimal:
    """The interest paid beside the price: what is stated, else what the terms of the bond say of the trade's day."""
    if trade.accrued is not None or trade.asset.pk not in bonds:
        return trade.accrued or Decimal(0)
    own, currency = trade.asset.currency, trade.trade_currency
    interest = accrued(bonds[trade.asset.pk], trade.day)
    try:
        rate = table.rate(own, currency, trade.day).value
    except RateMissing as error:
        raise RateMissing(error.message, field="accrued") from error
    return quantise(multiply(trade.quantity, trade.asset.price_factor, interest, rate), currency)


def transfer_lots(trade: Trade, lots: Sequence[NewLot], base: str, table: RateTable) -> list[TransferLot]:
    """The lots that a transfer in brings; without any stated, one of its day at its price."""
    if trade.kind != TradeKind.TRANSFER_IN:
        return []
    day_rates = conversion_of(trade, base, table)
    if not lots:
        gross = trade.gross
        cost = converted(gross, day_rates.to_asset, trade.asset.currency)
        lots = [NewLot(trade.day, trade.quantity, cost, converted(gross, day_rates.to_base, base))]
    return [
        TransferLot(
            trade=trade,
            sequence=sequence,
            opened_on=lot.opened_on,
            quantity=lot.quantity,
            cost=lot.cost,
            cost_base=bounded(_cost_base(lot, sequence, trade, base, table, day_rates.asset_to_base)),
        )
        for sequence, lot in enumerate(lots)
    ]


def _cost_base(lot: NewLot, sequence: int, trade: Trade, base: str, table: RateTable, day_rate: Decimal) -> Decimal:
    if lot.cost_base is not None:
        return lot.cost_base
    if lot.opened_on == trade.day:
        return converted(lot.cost, day_rate, base)
    try:
        rate = table.rate(trade.asset.currency, base, lot.opened_on).value
    except RateMissing as error:
        raise RateMissing(error.message, field=f"lots.{sequence}.cost_base") from error
    return converted(lot.cost, rate, base)


def lot_picks(
    portfolio: Portfolio, trades: Sequence[tuple[Trade, Sequence[NewPick]]], places: Sequence[str] | None = None
) -> list[LotPick]:
    """The rows of what each trade picks; 2 queries where any picks. Raises PickUnknown, PickOfAnotherAsset.

    ``places`` are what precedes the field's name in an error about each of ``trades``.
    """
    wanted = {pick.opened_by for _, picks in trades for pick in picks}
    if not wanted:
        return []
    known = set(portfolio.trades.filter(pk__in=wanted).values_list("pk", flat=True))
    lots = set(portfolio.lots.filter(opened_by__in=wanted).values_list("opened_by", "asset"))
    for number, (trade, picks) in enumerate(trades):
        for position, pick in enumerate(picks):
            where = f"{places[number] if places else ''}lots.{position}.opened_by"
            if pick.opened_by not in known:
                raise PickUnknown(field=where)
            assets = {asset for opened_by, asset in lots if opened_by == pick.opened_by}
            if assets and trade.asset_id not in assets:
                raise PickOfAnotherAsset(field=where)
    return [
        LotPick(trade=trade, opened_by_id=pick.opened_by, sequence=pick.sequence, quantity=pick.quantity)
        for trade, picks in trades
        for pick in picks
    ]


def check_amounts(trade: Trade, base: str, table: RateTable) -> None:
    """Refuse a trade whose amount, in any of its currencies, is larger than a money column or has no rate."""
    net, found = trade.net, conversion_of(trade, base, table)
    for amount in (net, converted(net, found.to_asset, trade.asset.currency), converted(net, found.to_base, base)):
        bounded(amount)


def check_digits(row: Model) -> None:
    """Refuse a number that this database would not keep whole, before the row is written among others."""
    for field in row._meta.concrete_fields:  # noqa: SLF001  Django's documented name
        if isinstance(field, ExactDecimalField):
            field.get_db_prep_save(getattr(row, field.attname), connection)


def bounded(amount: Decimal) -> Decimal:
    """``amount`` itself, if a money column holds it. Raises AmountTooLarge."""
    if abs(amount) >= MONEY_LIMIT:
        raise AmountTooLarge(field="price")
    return amount


def book_trade_cash(
    portfolio: Portfolio,
    trades: Sequence[Trade],
    accounts: Sequence[Account],
    table: RateTable,
    *,
    strict: bool = False,
) -> None:
    """Store the cash rows of standing ``trades``, if the portfolio's cash is tracked; the accounts are locked.

    ``strict`` as in ``derive_cash``.
    """
    if portfolio.cash == CashSetting.TRACKED:
        rows = [cash_row(trade, portfolio, accounts, table) for trade in trades]
        store_trade_cash(portfolio, [row for row in rows if row is not None], accounts, strict=strict)


def store_trade_cash(
    portfolio: Portfolio, rows: Sequence[CashTransaction], accounts: Sequence[Account], *, strict: bool = False
) -> None:
    """Store cash rows of trades; what was set on the row of an earlier version of a trade, or its own, comes back."""
    aside = set_aside(accounts, Origin.TRADE)
    firsts = first_versions(portfolio) if aside else {}
    waiting = {firsts.get(row.origin_id or 0, row.origin_id or 0): row for row in aside}
    versions = {row.origin_id or 0: firsts.get(row.origin_id or 0, row.origin_id or 0) for row in rows}
    former = {trade: waiting[first] for trade, first in versions.items() if first in waiting}
    derive_cash(rows, former, strict=strict)


def drop_trade_cash(trade_ids: Collection[int]) -> None:
    drop_derived_cash(CashTransaction.objects.filter(origin=Origin.TRADE, origin_id__in=trade_ids))


def cash_row(
    trade: Trade, portfolio: Portfolio, accounts: Sequence[Account], table: RateTable
) -> CashTransaction | None:
    """The derived cash row of a trade in its account's currency; None where no cash moves."""
    cash = trade.cash
    if not cash:
        return None
    by_id = {account.pk: account for account in accounts}
    account = by_id.get(trade.account_id or 0) or default_account(trade.currency, trade.day, portfolio, accounts)
    amount = quantise(EXACT.multiply(cash, _to_account(trade, account, portfolio, table)), account.currency)
    if not amount:
        return None
    return CashTransaction(
        account=account,
        booked_on=trade.day,
        amount=bounded(amount),
        section=Section.TRANSFER,
        description=_description(trade),
        asset=trade.asset,
        origin=Origin.TRADE,
        origin_id=trade.pk,
        created_by_id=trade.created_by_id,
    )


def _to_account(trade: Trade, account: Account, portfolio: Portfolio, table: RateTable) -> Decimal:
    """Units of the account's currency for one of the trade's: the broker's rate where it applies, else the day's."""
    if account.currency == portfolio.base_currency:
        return conversion_of(trade, portfolio.base_currency, table).to_base
    try:
        return table.rate(trade.currency, account.currency, trade.day).value
    except RateMissing as error:
        raise RateMissing(error.message, field="account") from error


def _description(trade: Trade) -> str:
    """What is stored is in English, in whatever language somebody books."""
    with translation.override(None):
        return f"{trade.get_kind_display()} {trade.quantity.normalize():f} {trade.asset.symbol}"
