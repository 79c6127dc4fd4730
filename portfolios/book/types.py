"""What the fold reads and what it gives: trades as entries in, lots, disposals and a position out."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import date, datetime
from decimal import Decimal
from enum import StrEnum

from core.errors import DomainError

ZERO = Decimal(0)


class EntryKind(StrEnum):
    BUY = "buy"
    SELL = "sell"
    TRANSFER_IN = "transfer_in"


@dataclass(frozen=True, slots=True)
class BroughtLot:
    """A lot that a transfer in brings along, with the opening day and cost it had before."""

    opened_on: date
    quantity: Decimal
    cost: Decimal  # in the asset's currency
    cost_base: Decimal  # in the base currency, at the opening day's rate


@dataclass(frozen=True, slots=True)
class Entry:
    """One trade as the books see it, its amounts already rounded and converted.

    ``amount`` is the cost of a purchase (fee and tax included) or the proceeds of a sale
    (fee and tax taken off) in the asset's currency, ``amount_base`` the same in the base
    currency; a transfer has its ``lots`` instead. ``rate`` is units of the base currency
    for one of the asset's on that day.
    """

    key: int
    kind: EntryKind
    day: date
    at: datetime
    quantity: Decimal
    amount: Decimal = ZERO
    amount_base: Decimal = ZERO
    rate: Decimal = Decimal(1)
    sequence: int = 0
    external_id: str = ""
    place: int = 0  # the order of insertion; a replacement has its original's
    lots: tuple[BroughtLot, ...] = ()

    @property
    def order(self) -> tuple[date, datetime, int, str, int]:
        return (self.day, self.at, self.sequence, self.external_id, self.place)


@dataclass(frozen=True, slots=True)
class OpenLot:
    """Units that came in together: what they were when opened, and what is left of them."""

    opened_by: int
    sequence: int
    opened_on: date
    opened_quantity: Decimal
    opened_cost: Decimal
    opened_cost_base: Decimal
    quantity: Decimal
    cost: Decimal
    cost_base: Decimal

    @property
    def key(self) -> tuple[int, int]:
        """The opening entry and the sequence within it: the same after every rebuild."""
        return (self.opened_by, self.sequence)


@dataclass(frozen=True, slots=True)
class Slice:
    """The part of one lot that a sale takes. The slices of a lot add up to its cost exactly."""

    lot: OpenLot
    quantity: Decimal
    cost: Decimal
    cost_base: Decimal


@dataclass(frozen=True, slots=True)
class Disposal:
    """What one sale realised on one lot. Amounts without ``_base`` are in the asset's currency."""

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
class Position:
    """The sum of the lots that are open, and of what was realised so far."""

    quantity: Decimal = ZERO
    cost: Decimal = ZERO
    cost_base: Decimal = ZERO
    realised_gain: Decimal = ZERO
    realised_gain_base: Decimal = ZERO
    first_traded_on: date | None = None


@dataclass(frozen=True, slots=True)
class Book:
    """Everything that follows from one asset's entries: every lot, used up ones too, in their opening order."""

    lots: tuple[OpenLot, ...] = ()
    disposals: tuple[Disposal, ...] = ()
    position: Position = field(default_factory=Position)


class ShortSale(DomainError):
    """More is sold than is held."""

    def __init__(self, entry: Entry, held: Decimal) -> None:
        message = f"{entry.quantity.normalize():f} sold on {entry.day}, but {held.normalize():f} held at that time."
        super().__init__(message, field="quantity")
        self.entry = entry
        self.held = held
