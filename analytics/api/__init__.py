from analytics.api.dependence import ContributionsView, CorrelationView
from analytics.api.income import IncomeView
from analytics.api.performance import PerformanceView
from analytics.api.risk import RiskView, SeriesView
from analytics.api.stress import ScenarioViewSet, StressView, StressWindowViewSet
from analytics.api.tax import TaxReportView

__all__ = [
    "ContributionsView",
    "CorrelationView",
    "IncomeView",
    "PerformanceView",
    "RiskView",
    "ScenarioViewSet",
    "SeriesView",
    "StressView",
    "StressWindowViewSet",
    "TaxReportView",
]
