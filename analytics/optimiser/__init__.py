"""An optimisation as somebody asks for it, what it runs on, and its outcome. Pure NumPy; no Django."""

from analytics.optimiser.outcome import outcome, steps
from analytics.optimiser.terms import (
    MARKETS,
    MOST_ASSETS,
    MOST_VIEWS,
    AssetLimit,
    SectorLimit,
    Terms,
    TermsRefused,
    View,
    checked_terms,
)
from analytics.optimiser.universe import Candidate, NoCapitalisation, Universe

__all__ = [
    "MARKETS",
    "MOST_ASSETS",
    "MOST_VIEWS",
    "AssetLimit",
    "Candidate",
    "NoCapitalisation",
    "SectorLimit",
    "Terms",
    "TermsRefused",
    "Universe",
    "View",
    "checked_terms",
    "outcome",
    "steps",
]
