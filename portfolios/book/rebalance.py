"""From target weights to trades in units that can be traded: each security is bought or sold once, or left alone.

Wanted values (``allocation``) become quantities in steps of the lot size; fees come out of the cash; where rounding or
a fee would leave cash below zero, purchases are cut, and if that is not enough a little more is sold.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field, replace
from decimal import ROUND_CEILING, ROUND_HALF_UP, Decimal, localcontext

from core.errors import DomainError
from core.money import divide, multiply, quantise, total
from portfolios.book.allocation import Bands, Mode, bought_values, sold_values, wanted_values
from portfolios.book.types import ONE, ZERO, EntryKind, OpenLot
from portfolios.book.value import books_context, cash_amount, converted, gross_amount, market_value

FEE_ROUNDS = 6  # fees shrink what there is to spread by less each time


class CashShort(DomainError):
    """The sales bring less than is needed: the trades would leave cash below zero."""


@dataclass(frozen=True, slots=True)
class Fees:
    """What a trade costs: ``flat`` in the base currency and a ``fraction`` of its gross amount."""

    flat: Decimal = ZERO
    fraction: Decimal = ZERO


@dataclass(frozen=True, slots=True)
class Security:
    """What is held of a security, or may be bought, and its target.

    ``price`` as it is quoted, × ``factor`` in ``currency``; ``rate`` is units of the base currency for one of that.
    ``accrued`` is the interest of a bond that is paid beside the price, as that is quoted. ``step`` is the smallest
    number of units that is traded; ``lots`` are the open ones in their opening order.
    """

    key: int
    symbol: str
    currency: str
    price: Decimal
    factor: Decimal
    rate: Decimal
    quantity: Decimal
    target: Decimal
    step: Decimal = ONE
    lots: tuple[OpenLot, ...] = ()
    accrued: Decimal = ZERO

    @property
    def unit_value(self) -> Decimal:
        """What a unit is worth in the base currency."""
        return multiply(self.price + self.accrued, self.factor, self.rate)

    def value_in(self, base: str) -> Decimal:
        return market_value(self.quantity, self.price + self.accrued, self.rate, base, self.factor)


@dataclass(frozen=True, slots=True)
class Order:
    """Units of one security to buy or sell. Amounts in the trade's currency, ``cash`` signed in the base currency.

    ``accrued`` is the interest of a bond that is paid beside the gross amount.
    """

    security: Security
    kind: EntryKind
    quantity: Decimal
    gross: Decimal
    fee: Decimal
    cash: Decimal
    accrued: Decimal = ZERO

    @property
    def signed(self) -> Decimal:
        return self.quantity if self.kind == EntryKind.BUY else -self.quantity

    @property
    def is_buy(self) -> bool:
        return self.kind == EntryKind.BUY


@dataclass(frozen=True, slots=True)
class Options:
    """How to rebalance.

    ``amount`` is paid in (contribution or full) or out (withdrawal), in the base currency. Trades of less than
    ``minimum`` are not made. ``use_cash``: a contribution is invested together with the cash that is free already.
    """

    mode: Mode = Mode.FULL
    amount: Decimal = ZERO
    bands: Bands = field(default_factory=Bands)
    minimum: Decimal = ZERO
    fees: Fees = field(default_factory=Fees)
    use_cash: bool = True

    @property
    def flow(self) -> Decimal:
        """What comes in from outside; negative where it goes out."""
        return -self.amount if self.mode == Mode.WITHDRAWAL else self.amount


@dataclass(frozen=True, slots=True)
class Plan:
    """The orders, sales first, and the cash before them (with what is paid in or out) and after them."""

    orders: tuple[Order, ...]
    cash_before: Decimal
    cash_after: Decimal

    @property
    def turnover(self) -> Decimal:
        """The sum of what is bought and sold, in the base currency, fees not counted."""
        return total(multiply(order.gross, order.security.rate) for order in self.orders)


def rebalance(securities: Sequence[Security], cash: Decimal, base: str, options: Options) -> Plan:
    """The trades that bring ``securities`` and ``cash`` (in ``base``) to their targets.

    Targets add up to at most 1; the rest is the target of cash. Cash is never left below zero; where it begins there
    and nothing may be sold it stays as it is. Raises NothingToRebalance, CashShort.
    """
    with localcontext(books_context()):
        return _Planner(securities, cash + options.flow, base, options).plan()


@dataclass(frozen=True, slots=True)
class _Planner:
    securities: Sequence[Security]
    cash: Decimal
    base: str
    options: Options

    def plan(self) -> Plan:
        fees, orders = ZERO, list[Order]()
        for _ in range(FEE_ROUNDS):
            wanted = self._wanted(fees)
            orders = self._orders(wanted)
            due = total(multiply(order.fee, order.security.rate) for order in orders)
            if due == fees or due >= self._whole:  # fees that eat up the whole: what cannot be paid is cut below
                break
            fees = due
        orders = self._afforded(orders, dict(zip((one.key for one in self.securities), wanted, strict=True)))
        orders.sort(key=lambda order: (order.is_buy, order.security.symbol))
        return Plan(tuple(orders), self.cash, self.cash + _moved(orders))

    @property
    def floor(self) -> Decimal:
        """The least that cash may be afterwards."""
        if self.options.mode == Mode.CONTRIBUTION:
            return self.cash - self._budget
        return ZERO

    @property
    def _budget(self) -> Decimal:
        """What a contribution may spend, fees included."""
        free = self.cash if self.options.use_cash else min(self.cash, self.options.amount)
        reserve = self.cash - multiply(ONE - total(one.target for one in self.securities), self._whole)
        return max(min(free, reserve), ZERO)

    @property
    def _whole(self) -> Decimal:
        return total(one.value_in(self.base) for one in self.securities) + self.cash

    def _wanted(self, fees: Decimal) -> tuple[Decimal, ...]:
        values = [one.value_in(self.base) for one in self.securities]
        weights, cash = [one.target for one in self.securities], self.cash - fees
        if self.options.mode == Mode.CONTRIBUTION:
            return bought_values(values, weights, cash, max(self._budget - fees, ZERO))
        if self.options.mode == Mode.WITHDRAWAL:
            return sold_values(values, weights, cash)
        return wanted_values(values, weights, cash, self.options.bands)

    def _orders(self, wanted: Iterable[Decimal]) -> list[Order]:
        made = (self._order(one, value) for one, value in zip(self.securities, wanted, strict=True))
        return [order for order in made if order is not None]

    def _order(self, one: Security, wanted: Decimal) -> Order | None:
        if not one.unit_value:
            return None  # what is worth nothing has no number of units that would be worth something
        held = one.value_in(self.base)
        if wanted == held and self._stays(one):
            return None
        if not wanted:
            return self._sized(one, -one.quantity)
        units = divide(wanted - held, one.unit_value)
        quantity = _stepped(units, one.step, ROUND_HALF_UP)
        return self._sized(one, max(quantity, -one.quantity) if one.quantity > 0 else quantity)

    def _stays(self, one: Security) -> bool:
        """Whether what is worth less than a cent stays: nothing is wanted of it because nothing is what it counts."""
        return bool(one.target) or self.options.mode == Mode.CONTRIBUTION

    def _sized(self, one: Security, signed: Decimal) -> Order | None:
        """The order for ``signed`` units, None where it is too small to be made or costs more than it brings."""
        if not signed:
            return None
        kind, quantity = (EntryKind.BUY if signed > 0 else EntryKind.SELL), abs(signed)
        gross = gross_amount(quantity, one.price, one.currency, one.factor)
        fee = self._fee(gross, one)
        too_small = converted(gross, one.rate, self.base) < self.options.minimum
        if too_small or (kind == EntryKind.SELL and gross <= fee):
            return None
        accrued = gross_amount(quantity, one.accrued, one.currency, one.factor)
        cash = converted(cash_amount(kind, gross, fee, ZERO, accrued), one.rate, self.base)
        return Order(one, kind, quantity, gross, fee, cash, accrued)

    def _fee(self, gross: Decimal, one: Security) -> Decimal:
        flat = divide(self.options.fees.flat, one.rate)
        return quantise(flat + multiply(gross, self.options.fees.fraction), one.currency)

    def _afforded(self, orders: list[Order], wanted: dict[int, Decimal]) -> list[Order]:
        """``orders`` with purchases cut, and if need be sales enlarged, until cash stays above its floor."""
        orders = self._unrounded(orders, wanted)
        orders = self._cut(orders)
        if self._lacking(orders) > 0 and self.options.mode != Mode.CONTRIBUTION:
            orders = self._sold_more(orders, wanted)
        return orders

    def _lacking(self, orders: Iterable[Order]) -> Decimal:
        return self.floor - self.cash - _moved(orders)

    def _unrounded(self, orders: list[Order], wanted: dict[int, Decimal]) -> list[Order]:
        """A step less of what was rounded up, what was rounded up most first."""

        def excess(order: Order) -> Decimal:
            one = order.security
            return multiply(one.quantity + order.quantity, one.unit_value) - wanted[one.key]

        for order in sorted((order for order in orders if order.is_buy), key=excess, reverse=True):
            if self._lacking(orders) <= 0 or excess(order) <= 0:
                break
            orders = self._changed(orders, order, order.quantity - order.security.step)
        return orders

    def _cut(self, orders: list[Order]) -> list[Order]:
        """Less of the largest purchases."""
        for order in sorted((order for order in orders if order.is_buy), key=lambda order: order.cash):
            lacking = self._lacking(orders)
            if lacking <= 0:
                break
            one = order.security
            units = _stepped(divide(lacking, one.unit_value), one.step, ROUND_CEILING)
            orders = self._changed(orders, order, order.quantity - min(units, order.quantity))
        return orders

    def _sold_more(self, orders: list[Order], wanted: dict[int, Decimal]) -> list[Order]:
        """More of what is sold already, then of what lies furthest above what is wanted."""
        sold = {order.security.key: order for order in orders if not order.is_buy}
        bought = {order.security.key for order in orders if order.is_buy}
        left = [one for one in self.securities if one.quantity > 0 and one.key not in bought]
        for one in sorted(left, key=lambda one: (one.key not in sold, wanted[one.key] - one.value_in(self.base))):
            if self._lacking(orders) <= 0:
                break
            orders = self._enlarged(orders, one, sold.get(one.key))
        if self._lacking(orders) > 0:
            raise CashShort
        return orders

    def _enlarged(self, orders: list[Order], one: Security, before: Order | None) -> list[Order]:
        """``orders`` with as many more units of ``one`` sold as are needed, or all of them."""
        others = [order for order in orders if order is not before]
        net = multiply(one.unit_value, ONE - self.options.fees.fraction)
        if net <= 0:
            return orders
        need = self._lacking(orders) + (ZERO if before else self.options.fees.flat)
        units = (before.quantity if before else ZERO) + _stepped(divide(need, net), one.step, ROUND_CEILING)
        units = max(units, _stepped(divide(self.options.minimum, one.unit_value), one.step, ROUND_CEILING))
        for quantity in (units, units + one.step):  # amounts are rounded to cents
            order = self._sized(one, -min(quantity, one.quantity))
            made = [*others, order] if order else orders
            if self._lacking(made) <= 0:
                break
        return made

    def _changed(self, orders: list[Order], order: Order, quantity: Decimal) -> list[Order]:
        """``orders`` with another quantity of one; without it where that is too small."""
        smaller = self._sized(order.security, max(quantity, ZERO))
        kept = [smaller if other is order else other for other in orders]
        return [other for other in kept if other is not None]


def _moved(orders: Iterable[Order]) -> Decimal:
    return total(order.cash for order in orders)


def _stepped(units: Decimal, step: Decimal, rounding: str) -> Decimal:
    """``units`` to a multiple of ``step``."""
    return multiply(divide(units, step).to_integral_value(rounding=rounding), step)


def after(security: Security, orders: Iterable[Order]) -> Security:
    """``security`` as it is held once ``orders`` are made."""
    moved = total(order.signed for order in orders if order.security.key == security.key)
    return replace(security, quantity=security.quantity + moved)
