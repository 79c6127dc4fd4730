"""Reads over portfolios: the facts as the fold takes them, holdings, totals, sectors."""

from portfolios.queries.facts import conversion_of, entries_of, lineage, rates_for
from portfolios.queries.holdings import Holding, holdings, valuation_days
from portfolios.queries.totals import Sector, Totals, sectors, totals, totals_of_all

__all__ = [
    "Holding",
    "Sector",
    "Totals",
    "conversion_of",
    "entries_of",
    "holdings",
    "lineage",
    "rates_for",
    "sectors",
    "totals",
    "totals_of_all",
    "valuation_days",
]
