"""Texts of payments as words that can be compared."""

from __future__ import annotations

import re
import unicodedata

WORD = re.compile(r"[^\W\d_]+|\d+")  # letters or digits: "REWE1234" is two words


def words(text: str) -> tuple[str, ...]:
    """The words of ``text`` without case, accents and punctuation: ("cafe", "24") for "Café-24"."""
    return tuple(WORD.findall(folded(text)))


def folded(text: str) -> str:
    """``text`` without case and accents. Source: Unicode Standard, 3.13 (case folding) and UAX #15 (NFKD)."""
    if text.isascii():
        return text.lower()
    parts = unicodedata.normalize("NFKD", unicodedata.normalize("NFKD", text).casefold())
    return "".join(part for part in parts if not unicodedata.combining(part))


def lasting(text: str) -> str:
    """What of a description stays the same from one payment to the next: its words of letters, without numbers."""
    return " ".join(word for word in words(text) if not word[0].isdigit())
