"""Currencies and rounding. Money is Decimal; it is rounded only where it moves."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from decimal import ROUND_HALF_UP, Context, Decimal, Overflow
from typing import Any

from core.errors import DomainError

EXACT = Context(prec=50, traps=[Overflow])

# ISO 4217 minor units; a code that is not listed here or below is not a currency.
_NO_DECIMALS = "BIF CLP DJF GNF ISK JPY KMF KRW PYG RWF UGX VND VUV XAF XOF XPF"
_THREE_DECIMALS = "BHD IQD JOD KWD LYD OMR TND"
_TWO_DECIMALS = (
    "AED AFN ALL AMD ANG AOA ARS AUD AWG AZN BAM BBD BDT BGN BMD BND BOB BRL BSD BTN BWP BYN BZD CAD CDF CHF CNY COP "
    "CRC CUP CVE CZK DKK DOP DZD EGP ERN ETB EUR FJD FKP GBP GEL GHS GIP GMD GTQ GYD HKD HNL HTG HUF IDR ILS INR IRR "
    "JMD KES KGS KHR KPW KYD KZT LAK LBP LKR LRD LSL MAD MDL MGA MKD MMK MNT MOP MRU MUR MVR MWK MXN MYR MZN NAD NGN "
    "NIO NOK NPR NZD PAB PEN PGK PHP PKR PLN QAR RON RSD RUB SAR SBD SCR SDG SEK SGD SHP SLE SOS SRD SSP STN SVC SYP "
    "SZL THB TJS TMT TOP TRY TTD TWD TZS UAH USD UYU UZS VED VES WST XCD YER ZAR ZMW"
)
MINOR_UNITS: dict[str, int] = {
    **dict.fromkeys(_NO_DECIMALS.split(), 0),
    **dict.fromkeys(_TWO_DECIMALS.split(), 2),
    **dict.fromkeys(_THREE_DECIMALS.split(), 3),
}


# Prices of some exchanges are in hundredths of the currency that is paid: code, as some sources write it, to ISO code.
MINOR_CURRENCIES = {"GBX": "GBP", "ZAC": "ZAR", "ILA": "ILS"}
MINOR_SPELLINGS = {"GBp": "GBX", "ZAc": "ZAC", "ILa": "ILA"}
HUNDREDTH = Decimal("0.01")


class UnknownCurrency(DomainError):
    """This is not the ISO 4217 code of a currency in use."""


def major_currency(code: str) -> str:
    """The currency that is paid where prices are in ``code``: GBP for GBX and GBp, every other code itself."""
    return MINOR_CURRENCIES.get(MINOR_SPELLINGS.get(code, code), code)


def minor_currency(currency: str) -> str:
    """The code of the hundredths of ``currency`` in which prices are quoted: GBX for GBP; empty where there is none."""
    return next((minor for minor, major in MINOR_CURRENCIES.items() if major == currency), "")


def minor_units(currency: str) -> int:
    """Decimals of a currency's smallest unit: 2 for USD, 0 for JPY, 3 for BHD."""
    try:
        return MINOR_UNITS[currency]
    except KeyError:
        if major_currency(currency) != currency:
            raise UnknownCurrency(
                "“{currency}” is for prices alone: an amount is in {major}.",
                currency=currency,
                major=major_currency(currency),
            ) from None
        raise UnknownCurrency(
            "“{currency}” is not the ISO 4217 code of a currency in use.", currency=currency
        ) from None


def quantise(amount: Decimal, currency: str) -> Decimal:
    """``amount`` rounded to the currency's minor unit, halves away from zero."""
    unit = Decimal(1).scaleb(-minor_units(currency))
    return amount.quantize(unit, rounding=ROUND_HALF_UP, context=EXACT)


class Witnessed(Decimal):
    """A Decimal that keeps a record of what is done with it; a subclass says how."""

    def witness(self, operation: str, operands: Sequence[Decimal], value: Decimal, **options: Any) -> Decimal:
        """``value``, which ``operation`` made of ``operands``, as one that is witnessed, too."""
        raise NotImplementedError


def kept(operation: str, operands: Sequence[Decimal], value: Decimal, **options: Any) -> Decimal:
    """``value``; witnessed if one of the operands that ``operation`` made it of is."""
    for operand in operands:
        if type(operand) is not Decimal and isinstance(operand, Witnessed):
            return operand.witness(operation, operands, value, **options)
    return value


def multiply(*factors: Decimal) -> Decimal:
    """The product of ``factors`` with 50 digits, whatever the caller's context."""
    product = Decimal(1)
    for factor in factors:
        product = EXACT.multiply(product, factor)
    return kept("multiply", factors, product)


def divide(dividend: Decimal, divisor: Decimal) -> Decimal:
    """The quotient with 50 digits, whatever the caller's context."""
    return kept("divide", (dividend, divisor), EXACT.divide(dividend, divisor))


def subtract(amount: Decimal, less: Decimal) -> Decimal:
    """``amount`` − ``less`` with 50 digits, whatever the caller's context."""
    return kept("subtract", (amount, less), EXACT.subtract(amount, less))


def total(amounts: Iterable[Decimal]) -> Decimal:
    """The sum of ``amounts`` with 50 digits; 0 for none."""
    result, summands = Decimal(0), tuple(amounts)
    for amount in summands:
        result = EXACT.add(result, amount)
    return kept("sum", summands, result)


def significant_digits(value: Decimal) -> int:
    """How many digits ``value`` needs once trailing zeros are dropped: 4 for 0.120300."""
    return len(value.normalize(EXACT).as_tuple().digits)


def has_digits(value: Decimal, limit: int) -> bool:
    """Whether ``value`` needs at most ``limit`` significant digits."""
    # It has no more than it has characters, which is known in a fifth of the time.
    return len(str(value)) <= limit or significant_digits(value) <= limit
