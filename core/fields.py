"""What columns hold: decimals that keep every digit or refuse the value, and secrets that are sealed."""

from __future__ import annotations

import secrets
from decimal import Decimal
from typing import Any

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF
from django.conf import settings
from django.db import models
from django.db.backends.base.base import BaseDatabaseWrapper

from core.errors import DomainError
from core.money import has_digits

SQLITE_DIGITS = 15


class TooManyDigits(DomainError):
    """The embedded database keeps 15 significant digits; use PostgreSQL for longer numbers."""


class ExactDecimalField(models.DecimalField):
    """A DecimalField that never stores a rounded number: SQLite keeps decimals as floats."""

    def get_db_prep_save(self, value: Any, connection: BaseDatabaseWrapper) -> Any:
        if connection.vendor == "sqlite" and isinstance(value, Decimal) and not has_digits(value, SQLITE_DIGITS):
            raise TooManyDigits(
                "{value:f} has more than {sqlite_digits} significant digits, "
                "which is all that the embedded database keeps; use PostgreSQL for longer numbers.",
                value=value.normalize(),
                sqlite_digits=SQLITE_DIGITS,
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


SEAL_VERSION = b"\x01"  # AES-256-GCM; the key by HKDF-SHA256; 12 bytes of nonce, then the text and its 16 bytes of tag
NONCE_BYTES = 12


class SealBroken(DomainError):
    """A stored secret cannot be read: it was sealed with another DATA_KEY or SECRET_KEY, or changed. Enter it again."""


def seal(text: str, *, row: str) -> bytes:
    """``text`` encrypted for one row, which ``row`` names ("assets.providerkey:polygon"); elsewhere it does not open.

    NIST SP 800-38D (GCM) with a random nonce; RFC 5869 (HKDF) makes the key from DATA_KEY, or SECRET_KEY without one.
    """
    nonce = secrets.token_bytes(NONCE_BYTES)
    return SEAL_VERSION + nonce + AESGCM(_data_key()).encrypt(nonce, text.encode(), SEAL_VERSION + row.encode())


def unseal(sealed: bytes, *, row: str) -> str:
    """The text that was sealed for ``row``. Raises SealBroken."""
    version, nonce, rest = sealed[:1], sealed[1 : 1 + NONCE_BYTES], sealed[1 + NONCE_BYTES :]
    if version != SEAL_VERSION:
        raise SealBroken
    try:
        return AESGCM(_data_key()).decrypt(nonce, rest, version + row.encode()).decode()
    except (InvalidTag, ValueError) as error:
        raise SealBroken from error


def _data_key() -> bytes:
    secret = settings.DATA_KEY or settings.SECRET_KEY
    return HKDF(algorithm=SHA256(), length=32, salt=None, info=b"portfolio server: sealed columns").derive(
        secret.encode()
    )
