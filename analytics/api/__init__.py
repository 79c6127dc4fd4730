from analytics.api.income import IncomeView
from analytics.api.performance import PerformanceView
from analytics.api.risk import RiskView, SeriesView
from analytics.api.tax import TaxReportView
from analytics.api.value_at_risk import BacktestHistoryView, BacktestsView, ValueAtRiskView

__all__ = [
    "BacktestHistoryView",
    "BacktestsView",
    "IncomeView",
    "PerformanceView",
    "RiskView",
    "SeriesView",
    "TaxReportView",
    "ValueAtRiskView",
]
