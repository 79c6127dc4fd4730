"""What a trade would do, before it is booked: the fold of the books with the trade in them. Nothing is stored.

It goes the way of booking (``drafting``, the fold, the derived rows and cash) up to the writing, so it refuses what
booking refuses and shows what booking would find.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import date, datetime
from decimal import Decimal

from django.utils import timezone

from assets.models import CorporateAction
from core.money import total
from portfolios.book.types import Book, Departure, OpenLot, Position, Refused
from portfolios.book.value import converted, per_unit, unit_cost
from portfolios.models import Disposal, Entitlement, Portfolio, Trade, TradeKind
from portfolios.queries import conversion_of, with_linked
from portfolios.queries.books import Inputs, inputs_of
from portfolios.queries.facts import TRIAL, Trial
from portfolios.services.cash_preview import CashEffect, cash_effect
from portfolios.services.derivations import check_sizes, derived
from portfolios.services.drafting import Draft, drafted
from portfolios.services.moved import Closer, Moved, moved
from portfolios.services.refusals import broken
from portfolios.services.settlement import check_digits
from portfolios.services.terms import NewTrade
from portfolios.services.trades import LinkedLeg, TradeVoided, linked
from portfolios.services.transfers import arriving_terms, check_ends

POSITION = (
    *("quantity", "cost", "cost_base", "realised_gain", "realised_gain_base"),
    *("income", "income_base", "first_traded_on"),
)


@dataclass(frozen=True, slots=True)
class Preview:
    """What follows from one trade.

    ``trade`` and ``taken`` are rows that are not stored; ``amount`` is the cost or proceeds in the asset's currency,
    ``amount_base`` in the base currency. ``opened`` are the lots that the trade opens, as they are right after it
    (short ones negative), ``pooled`` says that its units joined the average pool instead; ``taken`` is what it closes
    and realises, ``departed`` what leaves with its basis. ``before`` and ``after`` are the whole position, without
    and with the trade, ``then`` the one right after it. ``later`` counts the trades of the asset that come after
    it, ``moved`` are the closings elsewhere that would take other lots.
    """

    trade: Trade
    amount: Decimal
    amount_base: Decimal
    cash: CashEffect | None
    opened: tuple[OpenLot, ...]
    pooled: bool
    taken: tuple[Disposal, ...]
    departed: tuple[Departure, ...]
    before: Position
    then: Position
    after: Position
    later: int
    moved: tuple[Moved, ...]
    long_term_days: int
    arrival: Preview | None = None

    @property
    def gain(self) -> Decimal | None:
        """What is realised, in the asset's currency; None where nothing is closed."""
        return self._sum("gain")

    @property
    def gain_base(self) -> Decimal | None:
        return self._sum("gain_base")

    @property
    def price_gain(self) -> Decimal | None:
        return self._sum("price_gain")

    @property
    def currency_gain(self) -> Decimal | None:
        return self._sum("currency_gain")

    @property
    def average_cost(self) -> Decimal:
        """Of what is held then, per unit as the asset is quoted; 0 when nothing is."""
        return self.average_cost_of(self.after)

    def average_cost_of(self, position: Position) -> Decimal:
        return per_unit(unit_cost(position.cost, position.quantity, self.trade.asset.price_factor))

    def _sum(self, name: str) -> Decimal | None:
        return total(getattr(part, name) for part in self.taken) if self.taken else None


def preview_trade(
    *, portfolio: Portfolio, terms: NewTrade, replacing: Trade | None = None, now: datetime | None = None
) -> Preview:
    """What booking ``terms`` (in place of ``replacing``) would do. Raises what booking raises, with the same fields."""
    if replacing is not None and replacing.voided_at:
        raise TradeVoided
    if replacing is not None and linked(replacing):
        raise LinkedLeg
    draft = drafted(portfolio, [terms], actor=None, now=now or timezone.now(), original=replacing)
    trade = draft.trades[0]
    trade.pk = TRIAL
    trial = Trial(trade, draft.lots, draft.picks, replacing.pk if replacing else None)
    scope, actions = with_linked({trade.asset_id} | ({replacing.asset_id} if replacing else set()))
    inputs = _inputs(portfolio, trial, scope, actions)
    books = _folded(inputs)
    return _shown(portfolio, trial, draft, inputs, books, actions, scope)


def preview_transfer(*, source: Portfolio, target: Portfolio, terms: NewTrade, now: datetime | None = None) -> Preview:
    """What moving securities to another portfolio would do on both sides. Raises what ``transfer_securities`` does."""
    check_ends(source, target)
    leaving = preview_trade(portfolio=source, terms=terms, now=now)
    arriving = arriving_terms(leaving.trade, leaving.departed, source, target)
    return replace(leaving, arrival=preview_trade(portfolio=target, terms=arriving, now=now))


def _inputs(portfolio: Portfolio, trial: Trial, scope: Collection[int], actions: Sequence[CorporateAction]) -> Inputs:
    return inputs_of([portfolio], asset_ids=scope, actions=actions, trial=trial)[portfolio.pk]


def _folded(inputs: Inputs) -> dict[int, Book]:
    try:
        books = inputs.folded()
    except Refused as error:
        raise error if error.entry.key == TRIAL else broken(error) from error
    check_sizes(books)
    return books


def _shown(
    portfolio: Portfolio,
    trial: Trial,
    draft: Draft,
    inputs: Inputs,
    books: Mapping[int, Book],
    actions: Sequence[CorporateAction],
    scope: Collection[int],
) -> Preview:
    trade, base = trial.trade, portfolio.base_currency
    entry = next(entry for entry in inputs.entries[trade.asset_id] if entry.key == TRIAL)
    rows = _checked_rows(portfolio, books, actions)
    then = inputs.through(entry).folded()[trade.asset_id]
    rates = conversion_of(trade, base, draft.rates)
    book = books[trade.asset_id]
    return Preview(
        trade=trade,
        amount=converted(trade.net, rates.to_asset, trade.asset.currency),
        amount_base=converted(trade.net, rates.to_base, base),
        cash=cash_effect(portfolio, trial, draft, rows.due, scope),
        opened=tuple(lot for lot in then.lots if lot.opened_by == TRIAL and lot.quantity),
        pooled=_pooled(trade, then),
        taken=tuple(row for row in rows.realised if row.trade_id == TRIAL),
        departed=tuple(left for left in book.departures if left.left_by == TRIAL),
        before=_position_without(portfolio, trade.asset_id),
        then=then.position,
        after=book.position,
        later=sum(1 for other in inputs.entries[trade.asset_id] if other.order > entry.order),
        moved=moved(portfolio, books, scope, _days(inputs, actions), trial.without),
        long_term_days=portfolio.long_term_days,
    )


def _days(inputs: Inputs, actions: Sequence[CorporateAction]) -> dict[Closer, date]:
    """The day of everything that can close a lot."""
    days: dict[Closer, date] = {(None, action.pk): action.ex_date for action in actions}
    return days | {(entry.key, None): entry.day for found in inputs.entries.values() for entry in found}


def _pooled(trade: Trade, then: Book) -> bool:
    """Whether units came in that neither opened a lot of their own nor only closed shorts."""
    if trade.kind not in (TradeKind.BUY, TradeKind.TRANSFER_IN):
        return False
    closed = sum((made.quantity for made in then.disposals if made.closed_by == TRIAL and made.short), Decimal(0))
    opened = sum((lot.quantity for lot in then.lots if lot.opened_by == TRIAL), Decimal(0))
    return opened + closed < trade.quantity


@dataclass(frozen=True, slots=True)
class Rows:
    """The derived rows that a preview shows or needs, not stored."""

    due: list[Entitlement] = field(default_factory=list)
    realised: list[Disposal] = field(default_factory=list)


def _checked_rows(portfolio: Portfolio, books: Mapping[int, Book], actions: Sequence[CorporateAction]) -> Rows:
    """What follows from ``books``; every row is one that this database keeps whole."""
    found = Rows()
    for _model, rows in derived(portfolio, books, actions):
        for row in rows:
            check_digits(row)
            if isinstance(row, Entitlement):
                found.due.append(row)
            elif isinstance(row, Disposal):
                found.realised.append(row)
    return found


def _position_without(portfolio: Portfolio, asset_id: int) -> Position:
    row = portfolio.investments.filter(asset=asset_id).values_list(*POSITION).first()
    return Position(*row) if row else Position()
