"""Which kept proposals stand on prices that have moved since."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import NamedTuple

from django.db.models import Q

from analytics.models import RebalanceProposal, RebalanceState
from assets.models import Asset, AssetType
from assets.queries import PIVOTS


class _Price(NamedTuple):
    kind: str
    currency: str
    version: int


def mark_moved_prices(proposals: Iterable[RebalanceProposal]) -> None:
    """Set ``prices_moved``: since it was kept, a price of what it weighs has moved, or a rate of that; one query.

    Once it is booked, taken back or discarded its prices do not matter.
    """
    saved: list[RebalanceProposal] = []
    for proposal in proposals:
        proposal.prices_moved = False
        if proposal.state == RebalanceState.SAVED:
            saved.append(proposal)
    prices = _prices(saved) if saved else {}
    for proposal in saved:
        read = proposal.symbols | _pairs(proposal, prices)
        versions = (prices[symbol].version for symbol in read if symbol in prices)
        proposal.prices_moved = any(version > proposal.price_version for version in versions)


def _prices(proposals: Iterable[RebalanceProposal]) -> dict[str, _Price]:
    """Symbol to the price of each security that the proposals weigh, and of the rates that one of them may miss."""
    symbols = {symbol for proposal in proposals for symbol in proposal.symbols}
    rates = Q(type=AssetType.FX, price_version__gt=min(proposal.price_version for proposal in proposals))
    rows = Asset.objects.filter(Q(symbol__in=symbols) | rates).order_by()
    return {row[0]: _Price(*row[1:]) for row in rows.values_list("symbol", "type", "currency", "price_version")}


def _pairs(proposal: RebalanceProposal, prices: Mapping[str, _Price]) -> set[str]:
    """The rates that its values may follow from; none where all is in its own currency."""
    codes = {prices[symbol].currency for symbol in proposal.symbols if symbol in prices} | {proposal.currency}
    if len(codes) == 1:
        return set()
    codes.update(PIVOTS)
    pairs = (symbol for symbol, price in prices.items() if price.kind == AssetType.FX)
    return {pair for pair in pairs if {pair[:3], pair[3:]} <= codes}
