from analytics.api.dependence import ContributionsView, CorrelationView
from analytics.api.factor_model import PortfolioFactorsView
from analytics.api.factors import FactorSetViewSet
from analytics.api.income import IncomeView
from analytics.api.optimise import OptimisationListView, OptimisationRunView
from analytics.api.performance import PerformanceView
from analytics.api.rebalancing import RebalanceProposalViewSet, RebalanceViewSet
from analytics.api.risk import RiskView, SeriesView
from analytics.api.stress import ScenarioViewSet, StressView, StressWindowViewSet
from analytics.api.tax import TaxReportView
from analytics.api.value_at_risk import BacktestHistoryView, BacktestsView, ValueAtRiskView

__all__ = [
    "BacktestHistoryView",
    "BacktestsView",
    "ContributionsView",
    "CorrelationView",
    "FactorSetViewSet",
    "IncomeView",
    "OptimisationListView",
    "OptimisationRunView",
    "PerformanceView",
    "PortfolioFactorsView",
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
