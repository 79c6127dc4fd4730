from analytics.api.explain import ExplainListView, ExplainView
from analytics.api.income import IncomeView
from analytics.api.performance import PerformanceView
from analytics.api.risk import RiskView, SeriesView
from analytics.api.tax import TaxReportView

__all__ = [
    "ExplainListView",
    "ExplainView",
    "IncomeView",
    "PerformanceView",
    "RiskView",
    "SeriesView",
    "TaxReportView",
]
