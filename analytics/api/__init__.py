from analytics.api.bonds import BondFiguresView
from analytics.api.dependence import ContributionsView, CorrelationView
from analytics.api.income import IncomeView
from analytics.api.performance import PerformanceView
from analytics.api.rebalancing import RebalanceProposalViewSet, RebalanceViewSet
from analytics.api.risk import RiskView, SeriesView
from analytics.api.stress import ScenarioViewSet, StressView, StressWindowViewSet
from analytics.api.tax import TaxReportView
from analytics.api.value_at_risk import BacktestHistoryView, BacktestsView, ValueAtRiskView

__all__ = [
    "BacktestHistoryView",
    "BacktestsView",
    "BondFiguresView",
    "ContributionsView",
    "CorrelationView",
    "IncomeView",
    "PerformanceView",
    "RebalanceProposalViewSet",
    "RebalanceViewSet",
    "RiskView",
    "ScenarioViewSet",
    "SeriesView",
    "StressView",
    "StressWindowViewSet",
    "TaxReportView",
    "ValueAtRiskView",
]
