"""Exact sums of rounded products of decimals, made by the database."""

from __future__ import annotations

from decimal import ROUND_HALF_UP, Decimal
from typing import Any

from django.db.backends.base.base import BaseDatabaseWrapper
from django.db.models import Aggregate, Case, IntegerField, TextField, Value, When

from core.fields import SQLITE_DIGITS
from core.money import EXACT, MINOR_UNITS

NAME = "sum_of_rounded"
USUAL = 2  # decimals of most currencies


class SumOfRounded(Aggregate):
    """The sum of products, each rounded to so many decimals, halves away from zero: as text, which keeps every digit.

    ``SumOfRounded(digits, "quantity", "price")``; None for no rows. SQLite multiplies and adds in floats, so there it
    is a function of this program that the database calls (``install``).
    """

    function = NAME
    output_field = TextField()
    arity = None

    def as_postgresql(self, compiler: Any, connection: BaseDatabaseWrapper, **context: Any) -> Any:
        digits, *factors = [compiler.compile(each) for each in self.get_source_expressions() if each is not None]
        product = " * ".join(f"({sql})" for sql, _ in factors)
        given = [value for _, values in (*factors, digits) for value in values]
        return f"SUM(ROUND({product}, ({digits[0]})::integer))::text", given


def minor_digits(column: str) -> Case:
    """The decimals of the currency in ``column``."""
    others = sorted({digits for digits in MINOR_UNITS.values() if digits != USUAL})
    codes = {digits: [code for code, own in MINOR_UNITS.items() if own == digits] for digits in others}
    cases = [When(**{f"{column}__in": codes[digits], "then": Value(digits)}) for digits in others]
    return Case(*cases, default=Value(USUAL), output_field=IntegerField())


class Summed:
    """What SQLite calls with each row: the decimals to keep, then the factors; a NULL among them adds nothing."""

    def __init__(self) -> None:
        self.sum: Decimal | None = None

    def step(self, digits: int, *factors: float | None) -> None:
        product = Decimal(1)
        for factor in factors:
            if factor is None:
                return
            product = EXACT.multiply(product, Decimal(f"{factor:.{SQLITE_DIGITS}g}"))
        rounded = product.quantize(Decimal(1).scaleb(-digits), ROUND_HALF_UP, EXACT)
        self.sum = EXACT.add(self.sum or Decimal(0), rounded)

    def finalize(self) -> str | None:
        return None if self.sum is None else f"{self.sum:f}"


def install(connection: BaseDatabaseWrapper, **_: Any) -> None:
    """For Django's signal ``connection_created``: teach a new connection to SQLite the function."""
    if connection.vendor == "sqlite":
        connection.connection.create_aggregate(NAME, -1, Summed)
