"""Decimal columns that keep every digit or refuse the value: money, prices, quantities."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

from django.db import models
from django.db.backends.base.base import BaseDatabaseWrapper

from core.errors import DomainError
from core.money import significant_digits

SQLITE_DIGITS = 15


class TooManyDigits(DomainError):
    """The embedded database keeps 15 significant digits; use PostgreSQL for longer numbers."""


class ExactDecimalField(models.DecimalField):
    """A DecimalField that never stores a rounded number: SQLite keeps decimals as floats."""

    def get_db_prep_save(self, value: Any, connection: BaseDatabaseWrapper) -> Any:
        if connection.vendor == "sqlite" and isinstance(value, Decimal) and significant_digits(value) > SQLITE_DIGITS:
            raise TooManyDigits(
                f"{value.normalize():f} has more than {SQLITE_DIGITS} significant digits, which is all that the "
                "embedded database keeps; use PostgreSQL for longer numbers.",
                field=self.name,
            )
        return super().get_db_prep_save(value, connection)


class MoneyField(ExactDecimalField):
    """An amount in a currency that another column names: up to 15 digits before the point, 4 after."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **{"max_digits": 19, "decimal_places": 4} | kwargs)


class QuantityField(ExactDecimalField):
    """A number of units, a price per unit or a rate: up to 18 digits before the point, 10 after."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **{"max_digits": 28, "decimal_places": 10} | kwargs)


# CHECK (price > 0) accepts NaN on PostgreSQL, so every range has an upper bound too.
MONEY_LIMIT = Decimal(10) ** 15
MONEY_SCALE = Decimal("0.0001")
QUANTITY_LIMIT = Decimal(10) ** 18


def within(limit: Decimal, *columns: str) -> models.Q:
    """The condition that each of ``columns`` lies between −limit and limit, which neither NaN nor infinity does."""
    condition = models.Q()
    for column in columns:
        condition &= models.Q(**{f"{column}__gt": -limit, f"{column}__lt": limit})
    return condition
