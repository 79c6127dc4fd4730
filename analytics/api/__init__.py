from analytics.api.income import IncomeView
from analytics.api.performance import PerformanceView
from analytics.api.rebalancing import RebalanceProposalViewSet, RebalanceViewSet
from analytics.api.risk import RiskView, SeriesView
from analytics.api.tax import TaxReportView

__all__ = [
    "IncomeView",
    "PerformanceView",
    "RebalanceProposalViewSet",
    "RebalanceViewSet",
    "RiskView",
    "SeriesView",
    "TaxReportView",
]
