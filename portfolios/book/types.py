"""What the fold reads and what it gives: trades and actions in, lots, disposals and a position out."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import date, datetime
from decimal import Decimal
from enum import StrEnum
from typing import ClassVar

from core.errors import DomainError
from core.money import total

ZERO = Decimal(0)
ONE = Decimal(1)


class EntryKind(StrEnum):
    BUY = "buy"
    SELL = "sell"
    TRANSFER_IN = "transfer_in"
    TRANSFER_OUT = "transfer_out"


class ActionKind(StrEnum):
    SPLIT = "split"
    REVERSE_SPLIT = "reverse_split"
    STOCK_DIVIDEND = "stock_dividend"
    SPIN_OFF = "spin_off"
    MERGER = "merger"
    SYMBOL_CHANGE = "symbol_change"
    RETURN_OF_CAPITAL = "return_of_capital"
    CASH_DIVIDEND = "cash_dividend"


@dataclass(frozen=True, slots=True)
class BroughtLot:
    """A lot that is transferred, with the opening day and cost that it has on both sides."""

    opened_on: date
    quantity: Decimal
    cost: Decimal  # in the asset's currency
    cost_base: Decimal  # in the base currency, at the opening day's rate


@dataclass(frozen=True, slots=True)
class Pick:
    """The units of one lot that a sale takes by name, in units of the sale's day."""

    opened_by: int
    sequence: int
    quantity: Decimal


@dataclass(frozen=True, slots=True)
class Entry:
    """One trade as the books see it, its amounts already rounded and converted.

    ``amount`` is the cost of a purchase (fee and tax included) or the proceeds of a sale
    (fee and tax taken off) in the asset's currency, ``amount_base`` the same in the base
    currency; a transfer in has its ``lots`` instead. A transfer out whose other leg is known
    has as ``lots`` what arrived there, which must be what leaves. ``rate`` is units of the base
    currency for one of the asset's on that day. ``interest`` is what had accrued on a bond: negative where a
    purchase paid it, positive where a sale brought it.
    """

    by_action: ClassVar[bool] = False

    key: int
    kind: EntryKind
    day: date
    at: datetime
    quantity: Decimal
    amount: Decimal = ZERO
    amount_base: Decimal = ZERO
    rate: Decimal = ONE
    sequence: int = 0
    external_id: str = ""
    place: int = 0  # the order of insertion; a replacement has its original's
    lots: tuple[BroughtLot, ...] = ()
    picks: tuple[Pick, ...] = ()
    interest: Decimal = ZERO
    interest_base: Decimal = ZERO

    @property
    def order(self) -> tuple[date, datetime, int, str, int]:
        return (self.day, self.at, self.sequence, self.external_id, self.place)


@dataclass(frozen=True, slots=True)
class Closing:
    """What an action sells or buys back: amounts as those of an entry."""

    by_action: ClassVar[bool] = True

    key: int
    day: date
    quantity: Decimal
    amount: Decimal
    amount_base: Decimal
    rate: Decimal = ONE


@dataclass(slots=True, unsafe_hash=True)
class OpenLot:
    """Units that came in together: what they were when opened, and what is left of them.

    The fold changes it as units leave; afterwards nothing does. An action, or the pooling of
    the average method, begins the lot's ``opened_…`` figures anew from what is left then: they
    are what its slices are shares of. A short lot owes its units: within the fold all figures
    are positive (cost is what its sale brought); in a book quantities and costs are negative.
    ``actions`` are the corporate actions that its units or basis went through.
    """

    opened_by: int
    sequence: int
    opened_on: date
    opened_quantity: Decimal
    opened_cost: Decimal
    opened_cost_base: Decimal
    quantity: Decimal
    cost: Decimal
    cost_base: Decimal
    actions: tuple[int, ...] = ()

    @property
    def key(self) -> tuple[int, int]:
        """The opening entry and the sequence within it: the same after every rebuild."""
        return (self.opened_by, self.sequence)

    def restate(self, quantity: Decimal, cost: Decimal, cost_base: Decimal) -> None:
        """Begin the lot anew with these figures."""
        self.opened_quantity = self.quantity = quantity
        self.opened_cost = self.cost = cost
        self.opened_cost_base = self.cost_base = cost_base

    def owed(self) -> OpenLot:
        """The same lot as a short one is shown: everything negative."""
        opened = (-self.opened_quantity, -self.opened_cost, -self.opened_cost_base)
        left = (-self.quantity, -self.cost, -self.cost_base) if self.quantity else (ZERO, ZERO, ZERO)
        return OpenLot(self.opened_by, self.sequence, self.opened_on, *opened, *left, self.actions)


@dataclass(frozen=True, slots=True)
class Slice:
    """The part of one lot that is taken. The slices of a lot add up to its cost exactly."""

    lot: OpenLot
    quantity: Decimal
    cost: Decimal
    cost_base: Decimal


@dataclass(frozen=True, slots=True)
class Disposal:
    """What one closing realised on one lot. Amounts without ``_base`` are in the asset's currency.

    For a ``short`` lot the proceeds are those of its sale and the cost is that of buying it
    back. ``quantity`` is 0 where an action pays out gain without taking units.
    """

    closed_by: int
    opened_by: int
    sequence: int
    opened_on: date
    closed_on: date
    quantity: Decimal
    proceeds: Decimal
    cost: Decimal
    proceeds_base: Decimal
    cost_base: Decimal
    price_gain: Decimal  # in the base currency
    by_action: bool = False  # ``closed_by`` is a corporate action and not a trade
    short: bool = False

    @property
    def gain(self) -> Decimal:
        return self.proceeds - self.cost

    @property
    def gain_base(self) -> Decimal:
        return self.proceeds_base - self.cost_base

    @property
    def currency_gain(self) -> Decimal:
        return self.gain_base - self.price_gain


@dataclass(frozen=True, slots=True)
class Departure:
    """The part of one lot that a transfer out took along, with its basis."""

    left_by: int
    opened_by: int
    sequence: int
    opened_on: date
    quantity: Decimal
    cost: Decimal
    cost_base: Decimal


@dataclass(frozen=True, slots=True)
class Entitlement:
    """The cash that a corporate action pays a holder (negative: that a short holder owes), in its own currency.

    ``quantity`` is what was held at the close before. ``income`` is the gross dividend in the
    asset's currency, ``income_base`` in the base currency at the ex-date's rate; 0 for cash that
    is no income but the proceeds of a disposal or returned capital.
    """

    action: int
    quantity: Decimal
    gross: Decimal
    withholding: Decimal
    income: Decimal = ZERO
    income_base: Decimal = ZERO

    @property
    def net(self) -> Decimal:
        return self.gross - self.withholding


@dataclass(frozen=True, slots=True)
class Interest:
    """The interest that had accrued on a bond when it was traded: income of a sale, negative income of a purchase.

    So the next coupon, which is income in full, counts only from the day of the purchase.
    """

    trade: int
    income: Decimal  # in the asset's currency
    income_base: Decimal


@dataclass(frozen=True, slots=True)
class Position:
    """The sum of the lots that are open, and of what was realised and earned so far."""

    quantity: Decimal = ZERO
    cost: Decimal = ZERO
    cost_base: Decimal = ZERO
    realised_gain: Decimal = ZERO
    realised_gain_base: Decimal = ZERO
    income: Decimal = ZERO
    income_base: Decimal = ZERO
    first_traded_on: date | None = None


@dataclass(frozen=True, slots=True)
class Book:
    """Everything that follows from one asset's entries: every lot, used up ones too, in their opening order."""

    lots: tuple[OpenLot, ...] = ()
    disposals: tuple[Disposal, ...] = ()
    departures: tuple[Departure, ...] = ()
    entitlements: tuple[Entitlement, ...] = ()
    interest: tuple[Interest, ...] = ()
    position: Position = field(default_factory=Position)


@dataclass(frozen=True, slots=True)
class Rules:
    """How a portfolio's books are kept: its first cost method, later ones with their first day, short positions."""

    method: str
    changes: tuple[tuple[date, str], ...] = ()  # ascending
    allow_short: bool = False

    def method_on(self, day: date) -> str:
        """The method that holds from the start of ``day``."""
        return next((method for since, method in reversed(self.changes) if since <= day), self.method)


class Refused(DomainError):
    """The books cannot be kept with this trade."""

    def __init__(self, message: str, entry: Entry, *, field: str = "quantity", **values: object) -> None:
        super().__init__(message, field=field, **values)
        self.entry = entry


class ShortSale(Refused):
    """More is sold than is held."""

    def __init__(self, entry: Entry, held: Decimal) -> None:
        super().__init__(
            "{quantity} sold on {day}, but {held} held at that time.",
            entry,
            quantity=plain(entry.quantity),
            day=entry.day,
            held=plain(held),
        )
        self.held = held


class PickUncovered(Refused):
    """A lot that is picked does not hold that much at that time."""

    def __init__(self, entry: Entry, pick: Pick, left: Decimal | None) -> None:
        values = {"day": entry.day, "opened_by": pick.opened_by, "picked": plain(pick.quantity)}
        if left:
            super().__init__(
                "On {day} the lot opened by trade {opened_by} holds {left}, but {picked} is picked.",
                entry,
                field="lots",
                left=plain(left),
                **values,
            )
        else:
            super().__init__(
                "On {day} the lot opened by trade {opened_by} is not open, but {picked} is picked.",
                entry,
                field="lots",
                **values,
            )


class PicksNotAllowed(Refused):
    """Lots are picked by the specific method only."""

    def __init__(self, entry: Entry, method: str) -> None:
        super().__init__(
            "On {day} the cost method is {method}: lots are picked by the specific method only.",
            entry,
            field="lots",
            day=entry.day,
            method=method,
        )


class TransferAltered(Refused):
    """The lots that another portfolio took over would no longer be those that left."""

    def __init__(self, entry: Entry) -> None:
        super().__init__(
            "The transfer of {quantity} on {day} (trade {trade}) would take other lots.",
            entry,
            quantity=plain(entry.quantity),
            day=entry.day,
            trade=entry.key,
        )


def plain(number: Decimal) -> str:
    """Digits without exponent or trailing zeros."""
    return f"{number.normalize():f}"


def added(amounts: Sequence[Decimal]) -> Decimal:
    """The sum in the caller's context; by ``total`` where one of them is witnessed, which is slower."""
    return sum(amounts, ZERO) if {*map(type, amounts)} <= {Decimal} else total(amounts)
