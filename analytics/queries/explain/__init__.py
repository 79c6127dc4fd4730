"""How each figure of a portfolio comes about: computed as everywhere, on inputs that record what is done with them."""

from analytics.queries.explain import (  # noqa: F401  they fill the register
    books,
    dependence,
    drawdowns,
    ex_ante,
    factors,
    holding,
    optimiser,
    performance,
    ratios,
    stress,
)
from analytics.queries.explain.register import (
    FIGURES,
    MOST_HOLDINGS,
    MOST_ID,
    MOST_PLACES,
    NEEDED,
    PERIODS,
    Explained,
    Explanation,
    Question,
    explain,
)

__all__ = [
    "FIGURES",
    "MOST_HOLDINGS",
    "MOST_ID",
    "MOST_PLACES",
    "NEEDED",
    "PERIODS",
    "Explained",
    "Explanation",
    "Question",
    "explain",
]
