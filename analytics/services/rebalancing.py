"""Keeping proposals of trades, booking them whole, and taking that back."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from decimal import Decimal
from typing import TYPE_CHECKING, Any

from django.db import transaction
from django.utils import timezone

from activity.services import record
from analytics.models import RebalanceProposal, RebalanceState
from analytics.proposed import as_json, as_values, from_json
from analytics.queries.proposals import mark_moved_prices
from assets.models import Asset, PriceClock
from banking.models import Account
from core.errors import DomainError
from core.money import total
from portfolios.models import CashSetting, Disposal, Portfolio, Trade, TradeKind
from portfolios.services.cash_boxes import cash_boxes
from portfolios.services.rebalancing import Request, propose
from portfolios.services.terms import NewPick, NewTrade
from portfolios.services.trades import book_trades, void_trade

if TYPE_CHECKING:
    from users.models import User

SUMS = ("turnover", "fees", "gain_short", "gain_long", "tax", "cash_after")


class BookChanged(DomainError):
    """The book has changed since this was proposed: work it out anew."""


class NothingProposed(DomainError):
    """This proposal has no trades to book."""


class CashMissing(DomainError):
    """The accounts do not hold the cash that the trades need."""


class ProposalBooked(DomainError):
    """This proposal is booked: take it back instead."""


class ProposalDiscarded(DomainError):
    """This proposal was discarded."""


class ProposalTakenBack(DomainError):
    """The trades of this proposal were taken back: it stays as their record, neither booked again nor discarded."""


class PricesMoved(DomainError):
    """Prices have moved since this was proposed: work it out anew, or accept that it is booked at its own prices."""


class ProposalNotBooked(DomainError):
    """This proposal is not booked."""


def preview_rebalance(*, portfolio: Portfolio, request: Request, now: datetime | None = None) -> dict[str, Any]:
    """What ``propose`` finds, as plain values (see ``analytics.proposed``). Nothing is stored."""
    return as_values(propose(portfolio=portfolio, request=request, now=now))


def save_proposal(
    *, portfolio: Portfolio, request: Request, actor: User | None, now: datetime | None = None
) -> RebalanceProposal:
    """Keep what is proposed now. Raises what ``propose`` raises."""
    portfolio.refresh_from_db(fields=["version"])  # before anything that it stands for is read
    clock = PriceClock.read()
    found = preview_rebalance(portfolio=portfolio, request=request, now=now)
    with transaction.atomic():
        proposal = RebalanceProposal.objects.create(
            portfolio=portfolio,
            as_of=found["as_of"],
            portfolio_version=found["versions"]["portfolio"],
            price_version=clock,
            currency=found["currency"],
            result=as_json(found),
            created_by=actor,
            **{name: found[name] for name in SUMS},
        )
        record(actor=actor, action="rebalancing.saved", subject=proposal, data=_summary(proposal))
    return proposal


@transaction.atomic
def book_proposal(
    *, proposal: RebalanceProposal, actor: User | None, accept_prices: bool = False, now: datetime | None = None
) -> tuple[RebalanceProposal, list[Trade]]:
    """Book all trades of a proposal, or none; a second call books nothing and returns the same trades.

    Raises BookChanged unless the books are those that it was worked out from, PricesMoved where the prices are others
    and that is not accepted, CashMissing where the tracked accounts do not hold what it needs, NothingProposed,
    ProposalDiscarded, ProposalTakenBack, and what booking raises.
    """
    portfolio, proposal = _locked(proposal)
    if proposal.state == RebalanceState.BOOKED:
        return proposal, trades_of(proposal)
    _check_saved(proposal)
    found = from_json(proposal.result)
    terms = _terms(proposal, found["trades"])
    if not terms:
        raise NothingProposed
    mark_moved_prices([proposal])
    if proposal.prices_moved and not accept_prices:
        raise PricesMoved(field="accept_prices")
    _check_cash(portfolio, found)
    trades = book_trades(portfolio=portfolio, trades=terms, actor=actor, now=now)
    if len(trades) != len(terms) or _predicted(found["trades"]) != _taken(trades):
        raise BookChanged
    _decide(proposal, RebalanceState.BOOKED, actor)
    data = _summary(proposal) | {"trades": [trade.pk for trade in trades], "prices_moved": proposal.prices_moved}
    record(actor=actor, action="rebalancing.booked", subject=proposal, data=data)
    return proposal, trades


@transaction.atomic
def take_back_proposal(*, proposal: RebalanceProposal, actor: User | None) -> RebalanceProposal:
    """Void every trade of a booked proposal that still stands, the last first.

    Raises ProposalNotBooked, and what voiding raises where a later trade needs one of them.
    """
    _, proposal = _locked(proposal)
    if proposal.state == RebalanceState.TAKEN_BACK:
        return proposal
    if proposal.state != RebalanceState.BOOKED:
        raise ProposalNotBooked
    standing = [trade for trade in trades_of(proposal) if trade.voided_at is None]
    for trade in reversed(standing):
        void_trade(trade=trade, actor=actor)
    _decide(proposal, RebalanceState.TAKEN_BACK, actor)
    data = {"trades": [trade.pk for trade in standing]}
    record(actor=actor, action="rebalancing.taken_back", subject=proposal, data=data)
    return proposal


@transaction.atomic
def discard_proposal(*, proposal: RebalanceProposal, actor: User | None) -> None:
    """Put a proposal aside; it stays in the database. Raises ProposalBooked, ProposalTakenBack."""
    _, proposal = _locked(proposal)
    if proposal.state == RebalanceState.BOOKED:
        raise ProposalBooked
    if proposal.state == RebalanceState.TAKEN_BACK:
        raise ProposalTakenBack
    if proposal.state != RebalanceState.DISCARDED:
        _decide(proposal, RebalanceState.DISCARDED, actor)
        record(actor=actor, action="rebalancing.discarded", subject=proposal, data=_summary(proposal))


def trades_of(proposal: RebalanceProposal) -> list[Trade]:
    """The trades that a proposal became, those since voided or replaced too; one query, none before it is booked."""
    if proposal.state not in (RebalanceState.BOOKED, RebalanceState.TAKEN_BACK):
        return []
    ids = [_external_id(proposal, place) for place in range(len(proposal.result["trades"]))]
    found = Trade.objects.filter(portfolio=proposal.portfolio_id, external_id__in=ids)
    return list(found.select_related("asset", "portfolio").order_by("pk"))


def _locked(proposal: RebalanceProposal) -> tuple[Portfolio, RebalanceProposal]:
    """Portfolio first, as everywhere. A version does not move before something is booked."""
    portfolio = Portfolio.objects.select_for_update().get(pk=proposal.portfolio_id)
    found = RebalanceProposal.objects.select_for_update().get(pk=proposal.pk)
    found.portfolio = portfolio
    return portfolio, found


def _check_saved(proposal: RebalanceProposal) -> None:
    """Refuse one that was decided on, or whose books are others now."""
    if proposal.state == RebalanceState.DISCARDED:
        raise ProposalDiscarded
    if proposal.state == RebalanceState.TAKEN_BACK:
        raise ProposalTakenBack
    if proposal.book_changed:
        raise BookChanged


def _external_id(proposal: RebalanceProposal, place: int) -> str:
    return f"rebalancing-{proposal.pk}-{place:04}"


def _terms(proposal: RebalanceProposal, rows: Sequence[dict[str, Any]]) -> list[NewTrade]:
    """The trades as they were proposed; 2 queries."""
    assets = Asset.objects.select_related("exchange").in_bulk({row["asset"] for row in rows}, field_name="symbol")
    accounts = Account.objects.in_bulk({row["account"] for row in rows if row["account"]})
    if any(row["asset"] not in assets or (row["account"] and row["account"] not in accounts) for row in rows):
        raise BookChanged
    return [
        NewTrade(
            asset=assets[row["asset"]],
            kind=TradeKind(row["kind"]),
            quantity=row["quantity"],
            traded_at=row["traded_at"],
            price=row["price"],
            currency=row["price_currency"],
            fee=row["fee"],
            accrued=row.get("accrued") or None,
            exchange_rate=row["exchange_rate"],
            account=accounts[row["account"]] if row["account"] else None,
            external_id=_external_id(proposal, place),
            note=f"Rebalancing, proposal {proposal.pk}",
            picks=tuple(NewPick(**pick) for pick in row["picked"]),
        )
        for place, row in enumerate(rows)
    ]


def _check_cash(portfolio: Portfolio, found: dict[str, Any]) -> None:
    """Cash may have been paid in or out since: it must still be enough for the trades."""
    moved = found["cash_after"] - found["cash_before"]
    if portfolio.cash != CashSetting.TRACKED or moved >= 0:
        return
    held = total(box.value for box in cash_boxes(portfolio))
    if held + moved < 0:
        raise CashMissing(
            "The trades need {needed:f} {currency}, but the accounts hold {held:f}.",
            needed=-moved,
            currency=portfolio.base_currency,
            held=held,
        )


def _predicted(rows: Sequence[dict[str, Any]]) -> list[tuple[Any, ...]]:
    """(place of the trade, its lot, what is taken of it and for how much) of each lot that was foreseen."""
    return sorted(
        (place, lot["opened_by"], lot["sequence"], lot["short"], lot["quantity"], lot["proceeds"], lot["cost"])
        for place, row in enumerate(rows)
        for lot in row["lots"]
    )


def _taken(trades: Sequence[Trade]) -> list[tuple[Any, ...]]:
    places = {trade.pk: place for place, trade in enumerate(trades)}
    columns = ("opened_by_id", "sequence", "short", "quantity", "proceeds_base", "cost_base")
    rows = Disposal.objects.filter(trade__in=places).order_by().values_list("trade_id", *columns)
    return sorted((places[row[0]], *row[1:]) for row in rows)


def _decide(proposal: RebalanceProposal, state: RebalanceState, actor: User | None) -> None:
    proposal.state, proposal.decided_by, proposal.decided_at = state, actor, timezone.now()
    proposal.save(update_fields=["state", "decided_by", "decided_at"])


def _summary(proposal: RebalanceProposal) -> dict[str, Any]:
    figures: dict[str, Decimal | None] = {name: getattr(proposal, name) for name in SUMS}
    return {"portfolio": proposal.portfolio_id, "trades": len(proposal.result["trades"]), **as_json(figures)}
