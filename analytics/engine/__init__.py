"""The risk engine: return series in, figures out. Pure NumPy and SciPy; no Django, no clock, no I/O.

Every function works along axis 0 of ``(T,)`` or ``(T, N)`` float64 arrays: T sessions, one column a series. Returns are
simple returns per session as fractions (0.01 is 1 %). A figure that does not exist for a series raises
``UndefinedMetric`` when there is one series, and is NaN in its column when there are several, so that one flat
portfolio does not stop the others. The formulas are in ``docs/methods.md``.
"""

from analytics.engine.drawdown import drawdown_series, max_drawdown
from analytics.engine.errors import InsufficientData, UndefinedMetric
from analytics.engine.moments import annual_volatility, downside_risk, skewness, win_rate
from analytics.engine.ratios import (
    alpha,
    beta,
    calmar_ratio,
    expanding_sharpe_ratio,
    sharpe_ratio,
    sortino_ratio,
)
from analytics.engine.report import METRICS, metrics, metrics_of_weights, minimum_observations
from analytics.engine.returns import (
    TimeWeightedReturns,
    annual_return,
    cumulative_returns,
    portfolio_returns,
    simple_returns,
    time_weighted_returns,
)
from analytics.engine.tail import expected_shortfall, value_at_risk
from analytics.engine.types import Figure, FloatArray

__all__ = [
    "METRICS",
    "Figure",
    "FloatArray",
    "InsufficientData",
    "TimeWeightedReturns",
    "UndefinedMetric",
    "alpha",
    "annual_return",
    "annual_volatility",
    "beta",
    "calmar_ratio",
    "cumulative_returns",
    "downside_risk",
    "drawdown_series",
    "expanding_sharpe_ratio",
    "expected_shortfall",
    "max_drawdown",
    "metrics",
    "metrics_of_weights",
    "minimum_observations",
    "portfolio_returns",
    "sharpe_ratio",
    "simple_returns",
    "skewness",
    "sortino_ratio",
    "time_weighted_returns",
    "value_at_risk",
    "win_rate",
]
