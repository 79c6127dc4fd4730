"""Booking, voiding, restoring and replacing trades: each one transaction that ends with the books in line."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from datetime import datetime
from decimal import Decimal
from typing import TYPE_CHECKING, Any

from django.db import transaction
from django.utils import timezone

from activity.services import record
from assets.models import Asset
from banking.models import Account
from core.errors import DomainError, Gone
from portfolios.book.types import Refused
from portfolios.models import LotPick, Portfolio, Trade, TradeKind, TransferLot
from portfolios.queries import lineage
from portfolios.services.amendments import changed, terms_of
from portfolios.services.derivations import refold
from portfolios.services.drafting import (
    DuplicateTrade,
    Place,
    accounts_concerned,
    at_top,
    drafted,
    refuse_duplicates,
    standing_ids,
)
from portfolios.services.refusals import BreaksLaterTrade, broken
from portfolios.services.settlement import book_trade_cash, drop_trade_cash, rates_of
from portfolios.services.terms import NewLot, NewPick, NewTrade

if TYPE_CHECKING:
    from users.models import User

__all__ = ["BreaksLaterTrade", "DuplicateTrade", "NewLot", "NewPick", "NewTrade"]
__all__ += ["book_trade", "book_trades", "replace_trade", "restore_trade", "void_trade", "void_trades"]


AT_ONCE = 500


class PortfolioGone(Gone):
    """The portfolio was deleted in the meantime."""


class LinkedLeg(DomainError):
    """This is one leg of a transfer between two portfolios: void it, which voids both, and book it anew."""


class TradeVoided(DomainError):
    """This trade is voided already."""


class TradeStands(DomainError):
    """This trade is not voided."""


def book_trade(
    *,
    portfolio: Portfolio,
    asset: Asset,
    kind: TradeKind,
    quantity: Decimal,
    price: Decimal | None,
    traded_at: datetime,
    actor: User | None,
    currency: str | None = None,
    fee: Decimal | int = 0,
    tax: Decimal | int = 0,
    accrued: Decimal | None = None,
    exchange_rate: Decimal | None = None,
    account: Account | None = None,
    external_id: str = "",
    note: str = "",
    lots: Sequence[NewLot] = (),
    picks: Sequence[NewPick] = (),
    now: datetime | None = None,
) -> Trade:
    """Book one trade and everything that follows from it, or nothing.

    Raises a DomainError that names the field: for the terms see ``terms.check``; ShortSale when
    more is sold than held then, BreaksLaterTrade when a later sale would be left without its
    units, PickUncovered, PickOfAnotherAsset, RateMissing, DuplicateTrade, AccountNotOfPortfolio.
    """
    new = NewTrade(
        asset=asset,
        kind=kind,
        quantity=quantity,
        traded_at=traded_at,
        price=price,
        currency=currency,
        fee=Decimal(fee),
        tax=Decimal(tax),
        accrued=accrued,
        exchange_rate=exchange_rate,
        account=account,
        external_id=external_id,
        note=note,
        lots=lots,
        picks=picks,
    )
    with transaction.atomic():
        return book(locked(portfolio), [new], actor=actor, now=now)[0]


@transaction.atomic
def book_trades(
    *, portfolio: Portfolio, trades: Sequence[NewTrade], actor: User | None, now: datetime | None = None
) -> list[Trade]:
    """Book many trades at once, all or none, and return the new ones.

    A trade whose external id stands already is skipped, so a repeated import adds nothing.
    An error's field begins with the trade's position among ``trades``.
    """
    portfolio = locked(portfolio)
    known = standing_ids(portfolio, [trade.external_id for trade in trades])
    new = [(position, trade) for position, trade in enumerate(trades) if trade.external_id not in known]
    if not new:
        return []
    places = [position for position, _ in new]
    return book(
        portfolio,
        [trade for _, trade in new],
        actor=actor,
        now=now,
        where=lambda position: f"trades.{places[position]}.",
    )


@transaction.atomic
def void_trade(*, trade: Trade, actor: User | None) -> Trade:
    """Take a trade out of the books. It stays in the history; ``restore_trade`` takes this back."""
    legs = _locked_legs(trade)
    trade = legs[0]
    if trade.voided_at:
        raise TradeVoided
    _void([leg.pk for leg in legs], actor)
    for leg in sorted(legs, key=lambda leg: leg.kind == TradeKind.TRANSFER_OUT):  # what arrived goes back first
        _refold(leg.portfolio, {leg.asset_id}, {})
        record(actor=actor, action="trade.voided", subject=leg, data=_summary(leg))
    return _fresh(trade)


@transaction.atomic
def void_trades(*, portfolio: Portfolio, trades: Iterable[Trade], actor: User | None) -> int:
    """Take many trades of one portfolio out of the books, all or none; those that are voided stay so.

    Returns how many were voided. Raises BreaksLaterTrade and the like if a later fact depends on one.
    """
    portfolio = locked(portfolio)
    standing = [trade for trade in trades if not trade.voided_at]
    _lock(accounts_concerned(portfolio, ()))
    ids = [trade.pk for trade in standing]
    for start in range(0, len(ids), AT_ONCE):
        _void(ids[start : start + AT_ONCE], actor)
    if standing:
        _refold(portfolio, {trade.asset_id for trade in standing}, {})
        record(actor=actor, action="trades.voided", subject=portfolio, data={"trades": ids})
    return len(ids)


@transaction.atomic
def restore_trade(*, trade: Trade, actor: User | None) -> Trade:
    """Take the void of a trade back. What stands in its place by then is voided with the same stroke."""
    legs = _locked_legs(trade)
    trade, portfolio = legs[0], legs[0].portfolio
    if not trade.voided_at:
        raise TradeStands
    if len(legs) > 1:
        return _restore_transfer(legs, actor)
    instead = list(Trade.objects.standing().filter(pk__in=lineage(portfolio, trade.pk)).select_related("asset"))
    accounts = accounts_concerned(portfolio, ())
    _lock(accounts)
    _void([other.pk for other in instead], actor)
    refuse_duplicates(portfolio, [trade.external_id])
    Trade.objects.filter(pk=trade.pk).update(voided_at=None, voided_by=None)
    table = rates_of([terms_of(trade)], accounts, portfolio.base_currency)
    book_trade_cash(portfolio, [trade], accounts, table, strict=bool(instead))
    _refold(portfolio, {trade.asset_id, *(other.asset_id for other in instead)}, {trade.pk: ""})
    record(actor=actor, action="trade.restored", subject=trade, data=_summary(trade))
    return _fresh(trade)


def linked(trade: Trade) -> Trade | None:
    """The other leg of a transfer between two portfolios, if the trade is one."""
    if trade.kind == TradeKind.TRANSFER_IN:
        return trade.source
    return Trade.objects.filter(source=trade).first() if trade.kind == TradeKind.TRANSFER_OUT else None


def _locked_legs(trade: Trade) -> list[Trade]:
    """The trade, and the other leg of its transfer if it has one, with their portfolios and then accounts locked."""
    other = linked(trade)
    legs = [trade, other] if other else [trade]
    portfolios = {pk: locked(Portfolio(pk=pk)) for pk in sorted({leg.portfolio_id for leg in legs})}
    legs = [_fresh(leg) for leg in legs]
    _lock(account for portfolio in portfolios.values() for account in accounts_concerned(portfolio, ()))
    return legs


def _restore_transfer(legs: Sequence[Trade], actor: User | None) -> Trade:
    """Take the void of both legs back: the lots leave first, then arrive."""
    Trade.objects.filter(pk__in=[leg.pk for leg in legs]).update(voided_at=None, voided_by=None)
    for leg in sorted(legs, key=lambda leg: leg.kind != TradeKind.TRANSFER_OUT):
        _refold(leg.portfolio, {leg.asset_id}, {})
        record(actor=actor, action="trade.restored", subject=leg, data=_summary(leg))
    return _fresh(legs[0])


@transaction.atomic
def replace_trade(*, trade: Trade, actor: User | None, now: datetime | None = None, **changes: Any) -> Trade:
    """Void a trade and book it anew with ``changes`` (fields of NewTrade), at its old place in the order.

    Without a change the trade itself is returned and nothing is booked.
    """
    portfolio = locked(trade.portfolio)
    trade = _fresh(trade)
    if trade.voided_at:
        raise TradeVoided
    if linked(trade):
        raise LinkedLeg
    before = terms_of(trade, list(trade.transfer_lots.order_by("sequence")), list(trade.picks.order_by("pk")))
    after = changed(before, changes)
    if after == before:
        return trade
    _lock(accounts_concerned(portfolio, ()))
    _void([trade.pk], actor)
    return book(portfolio, [after], actor=actor, now=now, original=trade)[0]


def book(
    portfolio: Portfolio,
    new: Sequence[NewTrade],
    *,
    actor: User | None,
    now: datetime | None = None,
    where: Place = at_top,
    original: Trade | None = None,
) -> list[Trade]:
    """Book ``new`` into a locked portfolio, inside the caller's transaction.

    ``where`` gives what precedes the field's name in an error about the trade at a position.
    """
    made = drafted(portfolio, new, actor=actor, now=now or timezone.now(), where=where, original=original)
    trades = made.trades
    _lock(made.accounts)
    Trade.objects.bulk_create(trades, batch_size=500)
    TransferLot.objects.bulk_create(made.lots, batch_size=500)
    LotPick.objects.bulk_create(made.picks, batch_size=500)
    book_trade_cash(portfolio, trades, made.accounts, made.rates, strict=original is not None)
    also = {original.asset_id} if original else set()
    places = {trade.pk: where(position) for position, trade in enumerate(trades)}
    _refold(portfolio, also | {trade.asset_id for trade in trades}, places)
    _record_booking(portfolio, trades, actor, original)
    return trades


def locked(portfolio: Portfolio) -> Portfolio:
    """Lock the portfolio's row, move its version, and read it anew. The first statement of whoever books."""
    Portfolio.objects.filter(pk=portfolio.pk).bump()
    found = Portfolio.objects.filter(pk=portfolio.pk).first()
    if found is None:
        raise PortfolioGone
    return found


def _lock(accounts: Iterable[Account]) -> None:
    if ids := [account.pk for account in accounts]:
        Account.objects.filter(pk__in=ids).bump()


def _fresh(trade: Trade) -> Trade:
    return Trade.objects.select_related("asset__exchange", "account", "portfolio").get(pk=trade.pk)


def _void(trade_ids: Collection[int], actor: User | None) -> None:
    Trade.objects.filter(pk__in=trade_ids).update(voided_at=timezone.now(), voided_by=actor)
    drop_trade_cash(trade_ids)


def _refold(portfolio: Portfolio, asset_ids: Collection[int], new: Mapping[int, str]) -> None:
    """Refold; what fails is a trade among ``new`` (id to place), or a later one left without its units."""
    try:
        refold(portfolio, asset_ids)
    except Refused as error:
        if error.entry.key in new:
            error.field = new[error.entry.key] + error.field
            raise
        raise broken(error) from error


def _summary(trade: Trade) -> dict[str, Any]:
    return {
        "portfolio": trade.portfolio_id,
        "kind": trade.kind,
        "asset": trade.asset.symbol,
        "quantity": f"{trade.quantity.normalize():f}",
        "price": f"{trade.price.normalize():f}",
        "day": trade.day.isoformat(),
    }


def _record_booking(portfolio: Portfolio, trades: Sequence[Trade], actor: User | None, original: Trade | None) -> None:
    """One line for one trade; one line that lists them for many."""
    if len(trades) > 1:
        ids = [trade.pk for trade in trades]
        record(actor=actor, action="trades.booked", subject=portfolio, data={"trades": ids})
        return
    for trade in trades:
        data = _summary(trade) | ({"replaces": original.pk} if original else {})
        record(actor=actor, action="trade.replaced" if original else "trade.booked", subject=trade, data=data)
