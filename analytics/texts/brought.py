"""What the product brings along, stored in English: stretches of history, factors, and where they are from."""

from __future__ import annotations

from django.utils.translation import gettext_noop as N_  # noqa: N812  the name that catalogues are gathered by

# Those of fixtures/stress_windows.json.
WINDOWS = (
    N_("Black Monday 1987"),
    N_("The largest fall of share prices in one day"),
    N_("Dot-com bust 2000–2002"),
    N_("From the peak of technology shares to the trough"),
    N_("Financial crisis 2007–2009"),
    N_("From the peak of US shares to the trough"),
    N_("Lehman autumn 2008"),
    N_("The weeks after the bank's collapse"),
    N_("Euro debt crisis 2011"),
    N_("Doubts about the debt of European states"),
    N_("Summer of 2015"),
    N_("The renminbi is devalued, and shares fall for a week"),
    N_("Autumn of 2018"),
    N_("Rising rates and a trade dispute"),
    N_("Pandemic 2020"),
    N_("The fastest fall of US shares into a bear market"),
    N_("Inflation and rates 2022"),
    N_("Shares and bonds fall together"),
)
# Of fixtures/factors.json.
FACTOR_SETS = (
    N_("Style ETFs over the S&P 500"),
    N_("The S&P 500 price index and what five style ETFs earned beyond it, each day."),
    N_("Closes of the ETFs and of the index in closes.csv.gz"),
    N_("United States"),
    N_("Low volatility"),
    N_("The S&P 500 price index, without dividends."),
    N_("US factors, monthly"),
    N_("Market, size, value, momentum and the risk-free rate of the United States, 1949 to March 2017."),
    N_("The data sets of linearmodels 7.1 (NCSA)"),
)
# Of fixtures/exchanges.json; the others are names.
EXCHANGES = (N_("United States, all exchanges"),)
FROM_FILES = (N_("%(symbol)s over the S&P 500."),)
