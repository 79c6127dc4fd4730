"""The assets that an optimisation chooses among: what is held, and what might be."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date

import numpy as np
from numpy.typing import NDArray

from analytics.engine import FloatArray, Group, Limits, Views
from analytics.optimiser.terms import Reference, Terms, TermsRefused
from core.errors import DomainError


class NoCapitalisation(DomainError):
    """A company's market value is not known, so the market's weights are not either."""


@dataclass(frozen=True, slots=True)
class Candidate:
    """One asset, with what of it is held and what all of it is worth, in the base currency."""

    asset_id: int
    symbol: str
    name: str
    sector: str
    worth: float = 0.0
    capitalisation: float | None = None


@dataclass(frozen=True, eq=False)
class Universe:
    """N candidates with their total returns (T, N) in ``currency`` on every session that they share."""

    as_of: date
    currency: str
    periods: int
    days: NDArray[np.datetime64]
    returns: FloatArray
    candidates: tuple[Candidate, ...]
    cash_weight: float = 0.0
    price_source: str = ""

    @property
    def symbols(self) -> tuple[str, ...]:
        return tuple(candidate.symbol for candidate in self.candidates)

    @property
    def current(self) -> FloatArray | None:
        """Today's weights (N,) of what is invested, without cash; None if nothing is."""
        worth = np.array([candidate.worth for candidate in self.candidates])
        total = float(worth.sum())
        return worth / total if total > 0 else None

    @property
    def sectors(self) -> list[str]:
        return sorted({candidate.sector for candidate in self.candidates})


def limits_of(terms: Terms, universe: Universe, held: FloatArray | None) -> Limits:
    """The limits on the candidates' weights, ``held`` being what the turnover is counted from."""
    place = {symbol: column for column, symbol in enumerate(universe.symbols)}
    lower, upper = (np.full(len(place), side) for side in (terms.lower, terms.upper))
    for limit in terms.assets:
        column = _place(place, limit.asset, "assets")
        lower[column] = lower[column] if limit.lower is None else limit.lower
        upper[column] = upper[column] if limit.upper is None else limit.upper
    turnover = terms.turnover if held is not None else None
    groups = _groups(terms, universe)
    return Limits(lower, upper, groups, held if turnover is not None else None, turnover, universe.symbols)


def _groups(terms: Terms, universe: Universe) -> tuple[Group, ...]:
    groups = []
    for limit in terms.sectors:
        members = tuple(
            column for column, candidate in enumerate(universe.candidates) if candidate.sector == limit.sector
        )
        if not members:
            raise TermsRefused("No asset is in the sector “{sector}”.", sector=limit.sector, field="sectors")
        # Without a side of its own a sector may hold what its assets may.
        low, high = -len(members) * 10.0, len(members) * 10.0
        minimum = low if limit.minimum is None else limit.minimum
        groups.append(Group(limit.sector, members, minimum, high if limit.maximum is None else limit.maximum))
    return tuple(groups)


def views_of(terms: Terms, symbols: Sequence[str]) -> Views:
    """The views as rows over the candidates."""
    place = {symbol: column for column, symbol in enumerate(symbols)}
    rows = np.zeros((len(terms.views), len(symbols)))
    for row, view in zip(rows, terms.views, strict=True):
        row[_place(place, view.asset, "views")] = 1.0
        if view.against:
            row[_place(place, view.against, "views")] = -1.0
    return Views(rows, [view.earns for view in terms.views], [view.confidence for view in terms.views])


def reference_of(market: Reference, universe: Universe) -> FloatArray:
    """The weights (N,) that would be held without views. Raises NoCapitalisation."""
    equal = np.full(len(universe.candidates), 1.0 / len(universe.candidates))
    if market == "equal":
        return equal
    if market == "current":
        held = universe.current
        return equal if held is None else held
    known = [candidate.capitalisation or 0.0 for candidate in universe.candidates]
    unknown = [candidate.symbol for candidate in universe.candidates if not candidate.capitalisation]
    if unknown:
        raise NoCapitalisation("The market value of {unknown} is not known.", unknown=unknown[0], field="market")
    return np.asarray(known) / sum(known)


def _place(place: dict[str, int], symbol: str, field: str) -> int:
    if symbol not in place:
        raise TermsRefused("{symbol} is neither held nor among the further assets.", symbol=symbol, field=field)
    return place[symbol]
