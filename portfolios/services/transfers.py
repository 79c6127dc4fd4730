"""Moving securities between two portfolios: two linked legs, booked together or not at all."""

from __future__ import annotations

from datetime import datetime
from decimal import Decimal
from typing import TYPE_CHECKING

from django.db import transaction

from assets.models import Asset
from core.errors import DomainError
from portfolios.book.types import Departure as Departed
from portfolios.models import Departure, Portfolio, Trade, TradeKind
from portfolios.services.terms import NewLot, NewPick, NewTrade
from portfolios.services.trades import book, locked

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from users.models import User


class SamePortfolio(DomainError):
    """The securities are in this portfolio already."""


class PortfolioOfAnother(DomainError):
    """The other portfolio belongs to somebody else."""


def check_ends(source: Portfolio, target: Portfolio) -> None:
    if source.pk == target.pk:
        raise SamePortfolio(field="target")
    if not source.belongs_with(target):
        raise PortfolioOfAnother(field="target")


def arriving_terms(
    left: Trade, parts: Iterable[Departure | Departed], source: Portfolio, target: Portfolio
) -> NewTrade:
    """The leg that arrives, of what ``left`` took along; its lots keep opening day and cost."""
    same_base = source.base_currency == target.base_currency
    lots = tuple(
        NewLot(part.opened_on, part.quantity, part.cost, part.cost_base if same_base else None) for part in parts
    )
    terms = (left.asset, TradeKind.TRANSFER_IN, left.quantity, left.traded_at, left.price)
    return NewTrade(*terms, note=left.note, lots=lots)


@transaction.atomic
def transfer_securities(
    *,
    source: Portfolio,
    target: Portfolio,
    asset: Asset,
    quantity: Decimal,
    traded_at: datetime,
    actor: User | None,
    price: Decimal | None = None,
    picks: Sequence[NewPick] = (),
    note: str = "",
    now: datetime | None = None,
) -> Trade:
    """Move units of ``asset`` with their lots, which keep opening day and cost; returns the leg that leaves.

    ``price`` is the market value of a unit on that day, the last known close when left out.
    Raises ShortSale, PickUncovered, SamePortfolio, PortfolioOfAnother, and what booking raises.
    """
    check_ends(source, target)
    portfolios = {pk: locked(Portfolio(pk=pk)) for pk in sorted((source.pk, target.pk))}
    source, target = portfolios[source.pk], portfolios[target.pk]
    terms = NewTrade(asset, TradeKind.TRANSFER_OUT, quantity, traded_at, price, note=note, picks=picks)
    left = book(source, [terms], actor=actor, now=now)[0]
    arriving = arriving_terms(left, left.departures.order_by("pk"), source, target)
    arrived = book(target, [arriving], actor=actor, now=now)[0]
    Trade.objects.filter(pk=arrived.pk).update(source=left)
    return left
