"""Reads over portfolios: the facts as the fold takes them, holdings, totals, sectors."""

from portfolios.queries.actions import held_assets, with_linked
from portfolios.queries.books import books_of, rules_of
from portfolios.queries.facts import conversion_of, entries_of, lineage, rates_for
from portfolios.queries.holdings import Holding, holdings, valuation_days
from portfolios.queries.totals import Sector, Totals, sectors, totals, totals_of_all

__all__ = [
    "Holding",
    "Sector",
    "Totals",
    "books_of",
    "conversion_of",
    "entries_of",
    "held_assets",
    "holdings",
    "lineage",
    "rates_for",
    "rules_of",
    "sectors",
    "totals",
    "totals_of_all",
    "valuation_days",
    "with_linked",
]
