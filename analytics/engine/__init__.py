"""The risk engine: return series in, figures out. Pure NumPy and SciPy; no Django, no clock, no I/O.

Every function works along axis 0 of ``(T,)`` or ``(T, N)`` float64 arrays: T sessions, one column a series. Returns are
simple returns per session as fractions (0.01 is 1 %). A figure that does not exist for a series raises
``UndefinedMetric`` when there is one series, and is NaN in its column when there are several, so that one flat
portfolio does not stop the others. The formulas are in ``docs/methods.md``.
"""

from analytics.engine.attribution import BrinsonAttribution, brinson_attribution
from analytics.engine.backtest import (
    Christoffersen,
    LikelihoodRatio,
    TrafficLight,
    basel_traffic_light,
    christoffersen_test,
    exceptions,
    kupiec_test,
)
from analytics.engine.dependence import Estimator, correlation, covariance, risk_contributions
from analytics.engine.drawdown import DrawdownPeriod, drawdown_periods, drawdown_series, max_drawdown, ulcer_index
from analytics.engine.errors import InsufficientData, UndefinedMetric
from analytics.engine.factors import FactorRisk, Regression, factor_regression, factor_risk, return_attribution
from analytics.engine.moments import annual_volatility, downside_risk, skewness, win_rate
from analytics.engine.ratios import (
    alpha,
    beta,
    calmar_ratio,
    expanding_sharpe_ratio,
    sharpe_ratio,
    sortino_ratio,
)
from analytics.engine.relative import (
    down_capture,
    information_ratio,
    r_squared,
    tracking_error,
    treynor_ratio,
    up_capture,
)
from analytics.engine.report import METRICS, metrics, metrics_of_weights, minimum_observations
from analytics.engine.returns import (
    TimeWeightedReturns,
    annual_return,
    cumulative_returns,
    portfolio_returns,
    simple_returns,
    time_weighted_returns,
    total_return,
)
from analytics.engine.rolling import rolling
from analytics.engine.shape import excess_kurtosis, omega_ratio, stability, tail_ratio
from analytics.engine.simulate import simulate
from analytics.engine.stress import StressResult, stress
from analytics.engine.tail import METHODS, expected_shortfall, value_at_risk
from analytics.engine.types import Figure, FloatArray

__all__ = [
    "METHODS",
    "METRICS",
    "BrinsonAttribution",
    "Christoffersen",
    "DrawdownPeriod",
    "Estimator",
    "FactorRisk",
    "Figure",
    "FloatArray",
    "InsufficientData",
    "LikelihoodRatio",
    "Regression",
    "StressResult",
    "TimeWeightedReturns",
    "TrafficLight",
    "UndefinedMetric",
    "alpha",
    "annual_return",
    "annual_volatility",
    "basel_traffic_light",
    "beta",
    "brinson_attribution",
    "calmar_ratio",
    "christoffersen_test",
    "correlation",
    "covariance",
    "cumulative_returns",
    "down_capture",
    "downside_risk",
    "drawdown_periods",
    "drawdown_series",
    "exceptions",
    "excess_kurtosis",
    "expanding_sharpe_ratio",
    "expected_shortfall",
    "factor_regression",
    "factor_risk",
    "information_ratio",
    "kupiec_test",
    "max_drawdown",
    "metrics",
    "metrics_of_weights",
    "minimum_observations",
    "omega_ratio",
    "portfolio_returns",
    "r_squared",
    "return_attribution",
    "risk_contributions",
    "rolling",
    "sharpe_ratio",
    "simple_returns",
    "simulate",
    "skewness",
    "sortino_ratio",
    "stability",
    "stress",
    "tail_ratio",
    "time_weighted_returns",
    "total_return",
    "tracking_error",
    "treynor_ratio",
    "ulcer_index",
    "up_capture",
    "value_at_risk",
    "win_rate",
]
