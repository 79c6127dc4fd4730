"""Factor models of portfolios: returns brought to a factor set's periods, exposures, risk and attribution. Pure."""

from analytics.factor_models.analysis import Analysis, Attributed, HoldingRisk, analyse
from analytics.factor_models.models import DEFAULT_ORDER, MODELS, Model
from analytics.factor_models.overlap import (
    NEEDED,
    PERIODS,
    FactorSeries,
    Portfolio,
    Sample,
    TooLittleOverlap,
    overlap,
)

__all__ = [
    "DEFAULT_ORDER",
    "MODELS",
    "NEEDED",
    "PERIODS",
    "Analysis",
    "Attributed",
    "FactorSeries",
    "HoldingRisk",
    "Model",
    "Portfolio",
    "Sample",
    "TooLittleOverlap",
    "analyse",
    "overlap",
]
