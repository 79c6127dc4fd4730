"""What a change of a trade means for its other terms."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

from assets.queries import bond_terms
from portfolios.book.value import gross_amount
from portfolios.models import LotPick, Trade, TradeKind, TransferLot
from portfolios.services.terms import TAKING, NewLot, NewPick, NewTrade

ACCRUED_TERMS = ("asset", "kind", "quantity", "day", "trade_currency")
LOT_TERMS = ("asset", "quantity", "price", "traded_at", "currency", "exchange_rate")


def terms_of(trade: Trade, lots: Sequence[TransferLot] = (), picks: Sequence[LotPick] = ()) -> NewTrade:
    """The terms that a stored trade was booked on."""
    terms = NewTrade(
        asset=trade.asset,
        kind=TradeKind(trade.kind),
        quantity=trade.quantity,
        traded_at=trade.traded_at,
        price=trade.stated_price,
        currency=trade.price_currency,
        fee=trade.fee,
        tax=trade.tax,
        exchange_rate=trade.exchange_rate,
        account=trade.account,
        external_id=trade.external_id,
        note=trade.note,
        lots=tuple(NewLot(lot.opened_on, lot.quantity, lot.cost, lot.cost_base) for lot in lots),
        picks=tuple(NewPick(pick.opened_by_id, pick.quantity, pick.sequence) for pick in picks),
    )
    return replace(terms, accrued=trade.accrued) if terms.accrues else terms


def changed(before: NewTrade, changes: dict[str, Any]) -> NewTrade:
    """``before`` with ``changes``; what only made sense with an old value does not outlive it."""
    changes = changes | {name: tuple(changes[name]) for name in ("lots", "picks") if name in changes}
    after = replace(before, **changes)
    if after.asset != before.asset and "currency" not in changes:
        after = replace(after, currency=None)
    if after.trade_currency != before.trade_currency and "exchange_rate" not in changes:
        after = replace(after, exchange_rate=None)
    if ("accrued" not in changes and _accrues_anew(before, after)) or not (after.accrues or after.accrued):
        after = replace(after, accrued=None)
    if "picks" not in changes and (after.kind not in TAKING or after.asset != before.asset):
        after = replace(after, picks=())
    lots_follow = after.kind != TradeKind.TRANSFER_IN or (_revalued(before, after) and _one_lot_at_price(before))
    return replace(after, lots=()) if lots_follow and "lots" not in changes else after


def _accrues_anew(before: NewTrade, after: NewTrade) -> bool:
    """Whether a term changed that the interest depends on; what was stated of a bond without terms is all there is.

    At most one query.
    """
    if all(getattr(before, name) == getattr(after, name) for name in ACCRUED_TERMS):
        return False
    return after.asset != before.asset or not after.accrues or after.asset.pk in bond_terms([after.asset])


def _revalued(before: NewTrade, after: NewTrade) -> bool:
    """Whether a term changed that the cost of a lot at the transfer's price depends on."""
    return any(getattr(before, name) != getattr(after, name) for name in LOT_TERMS)


def _one_lot_at_price(terms: NewTrade) -> bool:
    """Whether the transfer's only lot says nothing that its day, quantity and price do not say."""
    if len(terms.lots) != 1 or terms.price is None or terms.trade_currency != terms.asset.currency:
        return False
    gross = gross_amount(terms.quantity, terms.price, terms.trade_currency, terms.price_factor)
    lot = terms.lots[0]
    return lot.opened_on == terms.day and lot.cost == gross


def stated_lots(terms: NewTrade) -> NewTrade:
    """``terms`` without the lot that only says what its day, quantity and price say: nobody stated it."""
    implied = _one_lot_at_price(terms) and terms.lots[0].cost_base in (None, terms.lots[0].cost)
    return replace(terms, lots=()) if implied else terms
