"""International Securities Identification Numbers, ISO 6166."""

from __future__ import annotations

import re

from django.core.exceptions import ValidationError

_SHAPE = re.compile(r"[A-Z]{2}[A-Z0-9]{9}[0-9]")


def is_isin(code: str) -> bool:
    """Whether ``code`` has the shape of an ISIN and its check digit is right (Luhn over base-36 digits)."""
    if not _SHAPE.fullmatch(code):
        return False
    digits = "".join(str(int(character, 36)) for character in code)
    doubled = sum(sum(divmod(int(digit) * 2, 10)) for digit in digits[-2::-2])
    return (doubled + sum(int(digit) for digit in digits[::-2])) % 10 == 0


def validate_isin(code: str) -> None:
    if code and not is_isin(code):
        raise ValidationError(f"“{code}” is not an ISIN: 2 letters, 9 letters or digits, and a check digit.")
