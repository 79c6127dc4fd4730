"""The risk engine: return series in, figures out. Pure NumPy and SciPy; no Django, no clock, no I/O.

Every function works along axis 0 of ``(T,)`` or ``(T, N)`` float64 arrays: T sessions, one column a series. Returns are
simple returns per session as fractions (0.01 is 1 %). A figure that does not exist for a series raises
``UndefinedMetric`` when there is one series, and is NaN in its column when there are several, so that one flat
portfolio does not stop the others. The formulas are in ``docs/methods.md``.
"""

from analytics.engine.attribution import BrinsonAttribution, brinson_attribution
from analytics.engine.backtest import (
    Christoffersen,
    CoverageTests,
    LikelihoodRatio,
    TrafficLight,
    basel_traffic_light,
    christoffersen_test,
    coverage_tests,
    exceptions,
    kupiec_test,
)
from analytics.engine.black_litterman import ContradictoryViews, Views, equilibrium, posterior
from analytics.engine.bonds import BondFigures, bond_figures, bond_price, bond_yield
from analytics.engine.dependence import Estimator, correlation, covariance, risk_contributions
from analytics.engine.drawdown import DrawdownPeriod, drawdown_periods, drawdown_series, max_drawdown, ulcer_index
from analytics.engine.errors import InsufficientData, UndefinedMetric
from analytics.engine.factors import FactorRisk, Regression, factor_regression, factor_risk, return_attribution
from analytics.engine.forecasts import loss_forecasts
from analytics.engine.hierarchy import hierarchical_risk_parity
from analytics.engine.limits import Constraint, Group, Infeasible, Limits, WeightsDoNotAddUp
from analytics.engine.moments import annual_volatility, best_day, downside_risk, skewness, win_rate, worst_day
from analytics.engine.optimise import (
    OBJECTIVES,
    Frontier,
    Objective,
    Optimum,
    SingularCovariance,
    efficient_frontier,
    optimise,
)
from analytics.engine.programs import NoSolution
from analytics.engine.ratios import alpha, beta, calmar_ratio, expanding_sharpe_ratio, sharpe_ratio, sortino_ratio
from analytics.engine.relative import (
    down_capture,
    information_ratio,
    r_squared,
    tracking_error,
    treynor_ratio,
    up_capture,
)
from analytics.engine.report import FURTHER, METRICS, metrics, metrics_of_weights, minimum_observations
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
from analytics.engine.tail import METHODS, Method, expected_shortfall, value_at_risk
from analytics.engine.types import Figure, FloatArray
from analytics.engine.walk_forward import Track, WalkForward, rebalancings, walk_forward

__all__ = [
    "FURTHER",
    "METHODS",
    "METRICS",
    "OBJECTIVES",
    "BondFigures",
    "BrinsonAttribution",
    "Christoffersen",
    "Constraint",
    "ContradictoryViews",
    "CoverageTests",
    "DrawdownPeriod",
    "Estimator",
    "FactorRisk",
    "Figure",
    "FloatArray",
    "Frontier",
    "Group",
    "Infeasible",
    "InsufficientData",
    "LikelihoodRatio",
    "Limits",
    "Method",
    "NoSolution",
    "Objective",
    "Optimum",
    "Regression",
    "SingularCovariance",
    "StressResult",
    "TimeWeightedReturns",
    "Track",
    "TrafficLight",
    "UndefinedMetric",
    "Views",
    "WalkForward",
    "WeightsDoNotAddUp",
    "alpha",
    "annual_return",
    "annual_volatility",
    "basel_traffic_light",
    "best_day",
    "beta",
    "bond_figures",
    "bond_price",
    "bond_yield",
    "brinson_attribution",
    "calmar_ratio",
    "christoffersen_test",
    "correlation",
    "covariance",
    "coverage_tests",
    "cumulative_returns",
    "down_capture",
    "downside_risk",
    "drawdown_periods",
    "drawdown_series",
    "efficient_frontier",
    "equilibrium",
    "exceptions",
    "excess_kurtosis",
    "expanding_sharpe_ratio",
    "expected_shortfall",
    "factor_regression",
    "factor_risk",
    "hierarchical_risk_parity",
    "information_ratio",
    "kupiec_test",
    "loss_forecasts",
    "max_drawdown",
    "metrics",
    "metrics_of_weights",
    "minimum_observations",
    "omega_ratio",
    "optimise",
    "portfolio_returns",
    "posterior",
    "r_squared",
    "rebalancings",
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
    "walk_forward",
    "win_rate",
    "worst_day",
]
