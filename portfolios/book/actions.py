"""What corporate actions do to a holder's lots, at the start of the ex-date and before that day's trades.

Every rule works on longs and shorts alike: within a ledger both have positive figures, and who
is short owes what a holder gets.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from datetime import date
from decimal import ROUND_HALF_UP, Decimal

from core.money import EXACT, divide, multiply, quantise
from portfolios.book.ledger import Ledger, disposal, disposals, joined
from portfolios.book.lots import OpenLots, cut
from portfolios.book.types import ONE, ZERO, ActionKind, Closing, Disposal, Entitlement, OpenLot, Slice, added
from portfolios.book.value import PRICE_SCALE, converted, scaled, share

# On one day dividends look at the units before a split; what a merger takes away comes last.
RANKS = {
    ActionKind.CASH_DIVIDEND: 0,
    ActionKind.RETURN_OF_CAPITAL: 1,
    ActionKind.SPIN_OFF: 2,
    ActionKind.STOCK_DIVIDEND: 3,
    ActionKind.SPLIT: 3,
    ActionKind.REVERSE_SPLIT: 3,
    ActionKind.MERGER: 4,
    ActionKind.SYMBOL_CHANGE: 5,
}


@dataclass(frozen=True, slots=True)
class Action:
    """One corporate action as the books of one portfolio see it.

    ``ratio`` new units come for ``per`` old ones. ``cash`` and ``cash_in_lieu`` are per unit in
    ``currency``, ``target_price`` in the target's. The rates are those of the ex-date: ``to_asset``
    and ``to_base`` for one of ``currency``; ``asset_to_base``; ``asset_to_target``.
    """

    key: int
    kind: ActionKind
    day: date
    asset: int
    currency: str
    asset_currency: str
    base: str
    ratio: Decimal = ONE
    per: Decimal = ONE
    cash: Decimal = ZERO
    withholding_rate: Decimal = ZERO
    target: int | None = None
    target_currency: str = ""
    target_price: Decimal = ZERO
    basis_share: Decimal = ZERO
    cash_in_lieu: Decimal | None = None  # None: fractions are kept
    to_asset: Decimal = ONE
    to_base: Decimal = ONE
    asset_to_base: Decimal = ONE
    asset_to_target: Decimal = ONE

    @property
    def order(self) -> tuple[date, int, int]:
        return (self.day, RANKS[self.kind], self.key)

    def cash_for(self, quantity: Decimal, per_unit: Decimal) -> Decimal:
        """What ``quantity`` units get, in the action's currency, rounded to its minor unit."""
        return quantise(multiply(quantity, per_unit), self.currency)

    def closing(self, quantity: Decimal, cash: Decimal) -> Closing:
        """The sale of ``quantity`` units of the asset for ``cash`` in the action's currency."""
        amounts = (converted(cash, self.to_asset, self.asset_currency), converted(cash, self.to_base, self.base))
        return Closing(self.key, self.day, quantity, *amounts, self.asset_to_base)

    def target_closing(self, quantity: Decimal, cash: Decimal) -> Closing:
        """The sale of ``quantity`` units of the target for ``cash`` in the action's currency."""
        to_target = multiply(self.to_asset, self.asset_to_target)
        amounts = (converted(cash, to_target, self.target_currency), converted(cash, self.to_base, self.base))
        return Closing(self.key, self.day, quantity, *amounts, divide(self.asset_to_base, self.asset_to_target))


LedgerOf = Callable[[int], Ledger]


def apply(action: Action, ledger_of: LedgerOf) -> None:
    """Apply ``action`` to the ledger of its asset, and to that of its target where units come in there."""
    ledger = ledger_of(action.asset)
    held = ledger.held
    if not held or action.kind == ActionKind.SYMBOL_CHANGE:
        return
    if action.kind == ActionKind.CASH_DIVIDEND:
        ledger.entitlements.append(_dividend(action, held))
        return
    paid = EFFECTS[action.kind](action, ledger, ledger_of)
    if paid:
        ledger.entitlements.append(Entitlement(action.key, held, paid, ZERO))


def _dividend(action: Action, held: Decimal) -> Entitlement:
    gross = action.cash_for(held, action.cash)
    withheld = quantise(multiply(gross, action.withholding_rate), action.currency)
    income = converted(gross, action.to_asset, action.asset_currency)
    return Entitlement(action.key, held, gross, withheld, income, converted(gross, action.to_base, action.base))


def _split(action: Action, ledger: Ledger, ledger_of: LedgerOf) -> Decimal:
    return _multiply(action, ledger, action.ratio)


def _stock_dividend(action: Action, ledger: Ledger, ledger_of: LedgerOf) -> Decimal:
    return _multiply(action, ledger, action.per + action.ratio)


def _multiply(action: Action, ledger: Ledger, ratio: Decimal) -> Decimal:
    """Every lot has ``ratio`` units for ``per``; its basis stays. Returns the cash paid for fractions."""
    paid = ZERO
    for side, short in ledger.sides():
        lots = list(side.open())
        for lot, units in zip(lots, spread(lots, ratio, action.per), strict=True):
            lot.restate(units, lot.cost, lot.cost_base)
            lot.actions += (action.key,)
        side.reorder()
        fraction = side.held % 1
        if action.cash_in_lieu is not None and fraction:
            cash = action.cash_for(fraction, action.cash_in_lieu)
            ledger.disposals += disposals(action.closing(fraction, cash), side.take(fraction), short=short)
            paid += -cash if short else cash
    return paid


def _spin_off(action: Action, ledger: Ledger, ledger_of: LedgerOf) -> Decimal:
    """A stated share of each lot's basis moves to new units of the target, which keep the opening day."""
    paid = ZERO
    for side, short in ledger.sides():
        lots = list(side.open())
        units = spread(lots, action.ratio, action.per)
        children = [_child(action, lot, number) for lot, number in zip(lots, units, strict=True)]
        side.reorder()
        paid += _arrive(action, ledger_of, children, short=short)
    return paid


def _child(action: Action, lot: OpenLot, units: Decimal) -> OpenLot:
    cost = scaled(multiply(lot.cost, action.basis_share))
    cost_base = scaled(multiply(lot.cost_base, action.basis_share))
    lot.restate(lot.quantity, lot.cost - cost, lot.cost_base - cost_base)
    lot.actions += (action.key,)
    return _moved(action, lot, units, cost, cost_base)


def _moved(action: Action, lot: OpenLot, units: Decimal, cost: Decimal, cost_base: Decimal) -> OpenLot:
    """A lot of the target that has this basis of ``lot``, its opening fact and its day."""
    whole = (units, scaled(multiply(cost, action.asset_to_target)), cost_base)
    return OpenLot(lot.opened_by, lot.sequence, lot.opened_on, *whole, *whole, lot.actions)


def _merger(action: Action, ledger: Ledger, ledger_of: LedgerOf) -> Decimal:
    paid = ZERO
    for side, short in ledger.sides():
        if not side.held:
            continue
        cash = action.cash_for(side.held, action.cash)
        closing = action.closing(side.held, cash)
        paid += -cash if short else cash
        if action.target is None:
            ledger.disposals += disposals(closing, side.take(side.held), short=short)
            continue
        children = _exchanged(action, ledger, side, closing, short=short)
        paid += _arrive(action, ledger_of, children, short=short)
    return paid


def _exchanged(action: Action, ledger: Ledger, side: OpenLots, closing: Closing, *, short: bool) -> list[OpenLot]:
    """The lots of the target that the lots of ``side`` become; the cash beside them is realised as gain first."""
    lots = list(side.open())
    children = []
    units = spread(lots, action.ratio, action.per)
    for lot, number, (cash, cash_base) in zip(lots, units, portions(lots, closing), strict=True):
        lot.actions += (action.key,)
        if cash:
            part = _recognised(action, lot, number, cash)
            ledger.disposals.append(disposal(closing, part, cash, cash_base, short=short))
            lot.cost, lot.cost_base = lot.cost - part.cost, lot.cost_base - part.cost_base
        children.append(_moved(action, lot, number, lot.cost, lot.cost_base))
        lot.quantity = lot.cost = lot.cost_base = ZERO
    side.reorder()
    return children


def _recognised(action: Action, lot: OpenLot, units: Decimal, cash: Decimal) -> Slice:
    """The cost that ``cash`` uses up: gain = min(cash, total gain), never a loss; the rest of the cost is carried over.

    The new basis is then cost − cash + gain. Source: US Internal Revenue Code § 356(a), 358(a).
    """
    stock = divide(multiply(units, action.target_price), action.asset_to_target)
    gain = min(cash, max(ZERO, scaled(cash + stock - lot.cost)))
    used = cash - gain
    return Slice(lot, ZERO, used, share(lot.cost_base, used, lot.cost))


def _return_of_capital(action: Action, ledger: Ledger, ledger_of: LedgerOf) -> Decimal:
    """Each lot's cost falls by its part of the cash, to 0 at least; what exceeds it is gain."""
    paid = ZERO
    for side, short in ledger.sides():
        if not side.held:
            continue
        lots = list(side.open())
        cash = action.cash_for(side.held, action.cash)
        closing = action.closing(side.held, cash)
        for lot, (amount, amount_base) in zip(lots, portions(lots, closing), strict=True):
            back, back_base = min(amount, max(lot.cost, ZERO)), min(amount_base, max(lot.cost_base, ZERO))
            if (amount, amount_base) != (back, back_base):
                nothing = Slice(lot, ZERO, ZERO, ZERO)
                gains = (amount - back, amount_base - back_base)
                ledger.disposals.append(disposal(closing, nothing, *gains, short=short))
            lot.restate(lot.quantity, lot.cost - back, lot.cost_base - back_base)
            lot.actions += (action.key,)
        side.reorder()
        paid += -cash if short else cash
    return paid


def _arrive(action: Action, ledger_of: LedgerOf, lots: Sequence[OpenLot], *, short: bool) -> Decimal:
    """Bring ``lots`` into the target's ledger; returns the cash paid for the fraction of a unit, if that is paid."""
    if not lots or action.target is None:
        return ZERO
    ledger = ledger_of(action.target)
    ledger.since = ledger.since or action.day
    came = OpenLots(ledger.longs.method)
    for lot in lots:
        came.add(lot)
    paid, fraction = ZERO, came.held % 1
    if action.cash_in_lieu is not None and fraction:
        paid = action.cash_for(fraction, action.cash_in_lieu)
        ledger.disposals += disposals(action.target_closing(fraction, paid), came.take(fraction), short=short)
    ledger.disposals += joined(made for lot in came.open() for made in _settle(action, ledger, lot, short=short))
    return -paid if short else paid


def _settle(action: Action, ledger: Ledger, lot: OpenLot, *, short: bool) -> list[Disposal]:
    """Add ``lot`` to its side; units of the other side are closed with it first, at its cost, which is returned."""
    mine, other = (ledger.shorts, ledger.longs) if short else (ledger.longs, ledger.shorts)
    made, back = [], min(lot.quantity, other.held)
    if back:
        part = cut(lot, back)
        rate = divide(action.asset_to_base, action.asset_to_target)
        closing = Closing(action.key, action.day, back, part.cost, part.cost_base, rate)
        made = disposals(closing, other.take(back), short=not short)
    if lot.quantity:
        lot.restate(lot.quantity, lot.cost, lot.cost_base)
        lot.sequence = mine.free_sequence(lot.key)
        mine.add(lot)
    return made


def spread(lots: Iterable[OpenLot], ratio: Decimal, per: Decimal) -> list[Decimal]:
    """Each lot's units × ``ratio`` / ``per`` to 10 decimals, so that they add up to the rounded whole.

    No lot ends with nothing: below the smallest unit it keeps that.
    """
    before, so_far, units = ZERO, ZERO, []
    for lot in lots:
        before += lot.quantity
        after = divide(multiply(before, ratio), per).quantize(PRICE_SCALE, ROUND_HALF_UP, context=EXACT)
        units.append(max(after - so_far, PRICE_SCALE))
        so_far += units[-1]
    return units


def portions(lots: Sequence[OpenLot], closing: Closing) -> list[tuple[Decimal, Decimal]]:
    """Each lot's part of the closing's amounts by its units; the last takes the remainder."""
    parts, left = [], added([lot.quantity for lot in lots])
    whole, amount, base = left, closing.amount, closing.amount_base
    for lot in lots:
        left -= lot.quantity
        rest, rest_base = share(closing.amount, left, whole), share(closing.amount_base, left, whole)
        parts.append((amount - rest, base - rest_base))
        amount, base = rest, rest_base
    return parts


EFFECTS: dict[ActionKind, Callable[[Action, Ledger, LedgerOf], Decimal]] = {
    ActionKind.SPLIT: _split,
    ActionKind.REVERSE_SPLIT: _split,
    ActionKind.STOCK_DIVIDEND: _stock_dividend,
    ActionKind.SPIN_OFF: _spin_off,
    ActionKind.MERGER: _merger,
    ActionKind.RETURN_OF_CAPITAL: _return_of_capital,
}
