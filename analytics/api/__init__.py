from analytics.api.income import IncomeView
from analytics.api.optimise import OptimisationListView, OptimisationRunView
from analytics.api.performance import PerformanceView
from analytics.api.risk import RiskView, SeriesView
from analytics.api.tax import TaxReportView

__all__ = [
    "IncomeView",
    "OptimisationListView",
    "OptimisationRunView",
    "PerformanceView",
    "RiskView",
    "SeriesView",
    "TaxReportView",
]
