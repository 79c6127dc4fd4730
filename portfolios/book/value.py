"""Amounts: what a trade costs or brings, shares of an amount, conversion, market value, weights."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from decimal import ROUND_FLOOR, ROUND_HALF_UP, Context, Decimal, DivisionByZero, InvalidOperation

from core.money import EXACT, divide, kept, multiply, quantise, total
from portfolios.book.types import EntryKind

# Slices of a cost and gains are kept to the money columns' scale; only a trade's own amounts are rounded to cents.
SCALE = Decimal("0.0001")
PRICE_SCALE = Decimal("0.0000000001")
WEIGHT_DIGITS = 10
ONE = Decimal(1)


def books_context() -> Context:
    """50 digits; an undefined result stops the fold instead of going on as NaN."""
    context = EXACT.copy()
    context.traps[InvalidOperation] = context.traps[DivisionByZero] = True
    return context


def gross_amount(quantity: Decimal, price: Decimal, currency: str, factor: Decimal = ONE) -> Decimal:
    """quantity × price × price factor, rounded to the minor unit of ``currency``."""
    return quantise(multiply(quantity, price, factor), currency)


def net_amount(kind: EntryKind, gross: Decimal, fee: Decimal, tax: Decimal) -> Decimal:
    """A purchase's cost or a sale's proceeds: fee and tax add to the one and reduce the other."""
    costs = total([fee, tax])
    return gross - costs if kind == EntryKind.SELL else gross + costs


def cash_amount(kind: EntryKind, gross: Decimal, fee: Decimal, tax: Decimal, accrued: Decimal = Decimal(0)) -> Decimal:
    """The signed cash that a trade moves, in its own currency, accrued interest with it; a transfer moves none."""
    if kind in (EntryKind.TRANSFER_IN, EntryKind.TRANSFER_OUT):
        return Decimal(0)
    net = net_amount(kind, gross, fee, tax) + accrued
    return net if kind == EntryKind.SELL else -net


def share(amount: Decimal, part: Decimal, whole: Decimal) -> Decimal:
    """``amount`` × ``part`` / ``whole`` to 4 decimals; the whole share is ``amount`` itself, no share is 0."""
    if part == whole:
        return amount
    if not part:
        return Decimal(0)
    if type(amount) is type(part) is type(whole) is Decimal:  # as in every fold but one that is explained
        return EXACT.divide(EXACT.multiply(amount, part), whole).quantize(SCALE, ROUND_HALF_UP, EXACT)
    return divide(multiply(amount, part), whole).quantize(SCALE, ROUND_HALF_UP, EXACT)


def scaled(amount: Decimal) -> Decimal:
    """``amount`` to 4 decimals, halves away from zero."""
    return amount.quantize(SCALE, ROUND_HALF_UP, EXACT)


def unit_cost(cost: Decimal, quantity: Decimal, factor: Decimal = ONE) -> Decimal:
    """What a unit cost, as its asset is quoted, unrounded: beside a price in pence in pence. 0 for no units."""
    return divide(cost, multiply(quantity, factor)) if quantity else Decimal(0)


def per_unit(price: Decimal) -> Decimal:
    """A computed price per unit, to the 10 decimals that prices have."""
    return price.quantize(PRICE_SCALE, rounding=ROUND_HALF_UP, context=EXACT)


@dataclass(frozen=True, slots=True)
class Conversion:
    """The rates of one trade: from its currency to the asset's and to the base currency, and between those two."""

    to_asset: Decimal = ONE
    to_base: Decimal = ONE
    asset_to_base: Decimal = ONE


def conversion(
    currency: str, asset: str, base: str, *, broker_rate: Decimal | None, rate: Callable[[str, str], Decimal]
) -> Conversion:
    """The rates for a trade in ``currency`` of an asset in ``asset`` held in a portfolio in ``base``.

    ``broker_rate`` is units of the base currency for one of the trade's; where it is None,
    ``rate(source, target)`` gives the day's. It is only called for two different currencies.
    """

    def days(source: str, target: str) -> Decimal:
        return ONE if source == target else rate(source, target)

    to_base = broker_rate if broker_rate is not None else days(currency, base)
    to_asset = to_base if asset == base else days(currency, asset)
    return Conversion(to_asset, to_base, ONE if asset == base else divide(to_base, to_asset))


def converted(amount: Decimal, rate: Decimal, currency: str) -> Decimal:
    """``amount`` × ``rate``, rounded to the minor unit of ``currency``; unchanged at a rate of 1."""
    return amount if rate == ONE else quantise(multiply(amount, rate), currency)


def market_value(quantity: Decimal, price: Decimal, rate: Decimal, currency: str, factor: Decimal = ONE) -> Decimal:
    """quantity × price × price factor × rate in the base ``currency``, rounded to its minor unit."""
    return quantise(multiply(quantity, price, factor, rate), currency)


def weights(values: Sequence[Decimal]) -> list[Decimal] | None:
    """Each value's share of their sum with 10 decimals; they add up to exactly 1.

    The parts that rounding down leaves over go to the largest remainders (Hamilton's method).
    None when the sum is not positive. ``values`` must not be negative.
    """
    whole = total(values)
    if whole <= 0:
        return None
    unit = Decimal(10) ** WEIGHT_DIGITS
    exact = [divide(multiply(value, unit), whole) for value in values]
    parts = [int(value.to_integral_value(rounding=ROUND_FLOOR)) for value in exact]
    by_remainder = sorted(range(len(values)), key=lambda i: (parts[i] - exact[i], i))
    for i in by_remainder[: int(unit) - sum(parts)]:
        parts[i] += 1
    shares = [Decimal(part).scaleb(-WEIGHT_DIGITS) for part in parts]
    return [kept("share_of_sum", values, share, place=place) for place, share in enumerate(shares)]
