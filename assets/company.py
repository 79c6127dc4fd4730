"""What several providers say of one company, put together field by field. Pure."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

FIGURES = ("market_cap", "price_earnings", "dividend_yield")
TEXTS = ("name", "country", "currency", "exchange", "industry", "logo", "website")
STANDING = (*(name for name in TEXTS if name != "currency"), "ipo")
"""What does not change from day to day."""
FIELDS = (*TEXTS, "ipo", *FIGURES)
OF_COMPANIES = ("country", "ipo", "market_cap", "industry", "price_earnings")
"""What a fund does not have."""


@dataclass(frozen=True, slots=True)
class Said:
    """One provider's answer: values by name of field, empty or None where it does not know.

    ``locked_logo`` is the address of a logo that is shown only to whoever has a key.
    """

    provider: str
    values: Mapping[str, Any]
    locked_logo: str = ""


@dataclass(frozen=True, slots=True)
class Company:
    """The values of all fields, and field to the provider that it came from; what nobody knows has no source.

    ``logo_locked``: there is only a logo that needs a key.
    """

    values: dict[str, Any] = field(default_factory=dict)
    sources: dict[str, str] = field(default_factory=dict)
    logo_locked: bool = False

    def lacks(self, wanted: Collection[str]) -> bool:
        return any(name not in self.sources or (name == "logo" and self.logo_locked) for name in wanted)


def merged(answers: Sequence[Said], *, paid_in: str, known: Company | None = None) -> Company:
    """Each field from the first of ``answers`` that has it. What none of them has, and does not change from day to day,
    stays as ``known`` from a provider that is not among them.

    ``paid_in`` is the currency of the asset, which an answer without a currency is taken to be in. A market
    capitalisation is taken from an answer in the currency that the profile is in only.
    """
    found = Company({name: answers[0].values.get(name) for name in FIELDS} if answers else {})
    for name in FIELDS:
        said = [answer for answer in answers if answer.values.get(name)]
        if name == "market_cap":
            said = [answer for answer in said if _currency(answer, paid_in) == (found.values["currency"] or paid_in)]
        _take(found, name, ((answer.provider, answer.values[name]) for answer in said))
    silent = {*known.sources.values()} - {answer.provider for answer in answers} if known else set()
    for name in STANDING:
        if known and name not in found.sources and known.sources.get(name) in silent and known.values.get(name):
            _take(found, name, [(known.sources[name], known.values[name])])
    if "logo" in found.sources:
        return found
    _take(found, "logo", ((answer.provider, answer.locked_logo) for answer in answers if answer.locked_logo))
    return replace(found, logo_locked="logo" in found.sources)


def _take(found: Company, name: str, said: Iterable[tuple[str, Any]]) -> None:
    provider, value = next(iter(said), ("", None))
    found.values[name] = value if provider else ("" if name in TEXTS else None)
    if provider:
        found.sources[name] = provider


def _currency(answer: Said, paid_in: str) -> str:
    return answer.values.get("currency") or paid_in
