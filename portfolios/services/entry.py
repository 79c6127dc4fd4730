"""A trade that is entered on a page: booked once, however often the form is sent."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace
from typing import TYPE_CHECKING

from django.db import transaction

from activity.services import once
from portfolios.models import Portfolio, Trade
from portfolios.queries.pickable import openers_now
from portfolios.services.amendments import stated_lots, terms_of
from portfolios.services.preview import Preview, preview_trade, preview_transfer
from portfolios.services.terms import NewPick, NewTrade
from portfolios.services.trades import book_trade, replace_trade
from portfolios.services.transfers import transfer_securities

if TYPE_CHECKING:
    from users.models import User


@transaction.atomic
def enter_trade(
    *,
    portfolio: Portfolio,
    terms: NewTrade,
    actor: User,
    key: str,
    target: Portfolio | None = None,
    original: Trade | None = None,
) -> tuple[Trade, bool]:
    """Book ``terms``, move them to ``target``, or put them in the place of ``original``; whether it happened now.

    A second call with the same ``key`` returns the first one's trade, and ``original`` itself comes back where
    nothing is changed. Raises what booking raises.
    """

    def work() -> int:
        return _booked(portfolio, terms, actor, target, original).pk

    made, first = once(user=actor, key=key, work=work)
    return Trade.objects.select_related("asset", "portfolio").get(pk=made), first


def _booked(
    portfolio: Portfolio, terms: NewTrade, actor: User, target: Portfolio | None, original: Trade | None
) -> Trade:
    given = {name: getattr(terms, name) for name in NewTrade.__dataclass_fields__}
    if original is not None:
        if _in_order(terms) == _in_order(stated_terms(original)):
            return original
        return replace_trade(trade=original, actor=actor, **given)
    if target is not None:
        wanted = ("asset", "quantity", "traded_at", "price", "picks", "note")
        return transfer_securities(
            source=portfolio, target=target, actor=actor, **{name: given[name] for name in wanted}
        )
    return book_trade(portfolio=portfolio, actor=actor, **given)


def stated_terms(trade: Trade) -> NewTrade:
    """The terms of a stored trade as its form shows them; at most 3 queries.

    A pick names the trade that opens its lot by now, and a lot has one cost where there is one currency.
    """
    terms = terms_of(trade, list(trade.transfer_lots.order_by("sequence")), list(trade.picks.order_by("pk")))
    if terms.asset.currency == trade.portfolio.base_currency:
        terms = replace(terms, lots=tuple(replace(lot, cost_base=None) for lot in terms.lots))
    return stated_lots(replace(terms, picks=_picks_now(trade, terms.picks)))


def _picks_now(trade: Trade, picks: Iterable[NewPick]) -> tuple[NewPick, ...]:
    """``picks`` by the trades that stand; what was picked of a trade and of its replacement is of one lot."""
    picks = tuple(picks)
    openers = openers_now(trade.portfolio, trade.asset, {pick.opened_by for pick in picks})
    taken: dict[tuple[int, int], NewPick] = {}
    for pick in picks:
        key = (openers[pick.opened_by], pick.sequence)
        before = taken[key].quantity if key in taken else 0
        taken[key] = NewPick(key[0], pick.quantity + before, pick.sequence)
    return tuple(taken.values())


def _in_order(terms: NewTrade) -> NewTrade:
    """``terms`` with the picks by lot: the order in which they were written says nothing."""
    return replace(terms, picks=tuple(sorted(terms.picks, key=lambda pick: (pick.opened_by, pick.sequence))))


def foresee(
    *, portfolio: Portfolio, terms: NewTrade, target: Portfolio | None = None, original: Trade | None = None
) -> Preview:
    """What ``enter_trade`` would do. Nothing is stored; raises what it raises."""
    if target is not None:
        return preview_transfer(source=portfolio, target=target, terms=terms)
    return preview_trade(portfolio=portfolio, terms=terms, replacing=original)
