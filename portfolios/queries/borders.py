"""What a portfolio was worth at the close of days, all of it known."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from decimal import Decimal

from core.errors import DomainError
from portfolios.models import Portfolio
from portfolios.queries.holdings import Holding, holdings_on
from portfolios.queries.totals import Totals, totals_on

ZERO = Decimal(0)


class ValueUnknown(DomainError):
    """What was held that day has no price or no exchange rate, so there is no value."""


@dataclass(frozen=True, slots=True)
class Border:
    """A portfolio at the close of ``day``: its holdings, closed ones too, and its totals."""

    day: date
    holdings: Mapping[int, Holding]
    totals: Totals

    @property
    def value(self) -> Decimal:
        return self.totals.total_value

    def value_of(self, asset_id: int) -> Decimal:
        """What is held of an asset, in the base currency; 0 when nothing is."""
        held = self.holdings.get(asset_id)
        return held.value or ZERO if held and held.quantity else ZERO


def borders(portfolio: Portfolio, start: date, end: date) -> tuple[Border, Border]:
    """The portfolio at the close of both days, whose facts are read once. Raises ValueUnknown."""
    held = holdings_on(portfolio, (start, end))
    sums = totals_on(portfolio, held)
    return border_of(start, held[start], sums[start]), border_of(end, held[end], sums[end])


def border_of(day: date, held: Sequence[Holding], sums: Totals) -> Border:
    """The same of given holdings and totals. Raises ValueUnknown."""
    if not sums.complete:
        unknown = ", ".join(holding.symbol for holding in held if holding.value is None)
        if not unknown:
            raise ValueUnknown("On {day} there is no exchange rate for an account, so there is no value.", day=day)
        raise ValueUnknown(
            "On {day} there is no price or exchange rate for {unknown}, so there is no value.", day=day, unknown=unknown
        )
    return Border(day, {holding.asset_id: holding for holding in held}, sums)
