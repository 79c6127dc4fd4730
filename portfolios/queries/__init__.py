"""Reads over portfolios: the facts as the fold takes them, holdings, totals, sectors."""

from portfolios.queries.actions import held_assets, with_linked
from portfolios.queries.books import books_of, rules_of
from portfolios.queries.facts import conversion_of, entries_of, first_versions, lineage, rates_for
from portfolios.queries.holdings import Holding, holdings, known_until, own_prices, valuation_days
from portfolios.queries.lots import lots_on
from portfolios.queries.totals import (
    Amount,
    Sector,
    Totals,
    beside_holdings,
    overdrawn,
    sectors,
    totals,
    totals_of_all,
    win_rate,
)

__all__ = [
    "Amount",
    "Holding",
    "Sector",
    "Totals",
    "beside_holdings",
    "books_of",
    "conversion_of",
    "entries_of",
    "first_versions",
    "held_assets",
    "holdings",
    "known_until",
    "lineage",
    "lots_on",
    "overdrawn",
    "own_prices",
    "rates_for",
    "rules_of",
    "sectors",
    "totals",
    "totals_of_all",
    "valuation_days",
    "win_rate",
    "with_linked",
]
