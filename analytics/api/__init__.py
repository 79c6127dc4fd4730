from analytics.api.bank import BankReportView, RiskFlagViewSet
from analytics.api.bonds import BondFiguresView
from analytics.api.dependence import ContributionsView, CorrelationView
from analytics.api.explain import ExplainListView, ExplainView
from analytics.api.factor_model import PortfolioFactorsView
from analytics.api.factors import FactorSetViewSet
from analytics.api.history import CalendarView, DrawdownsView, RollingView
from analytics.api.income import IncomeView
from analytics.api.net_worth import NetWorthView
from analytics.api.optimise import OptimisationListView, OptimisationRunView
from analytics.api.performance import PerformanceView
from analytics.api.periods import FigureHistoryView, PeriodsView
from analytics.api.rebalancing import RebalanceProposalViewSet, RebalanceViewSet
from analytics.api.risk import RiskView, SeriesView
from analytics.api.statement import StatementView
from analytics.api.stress import ScenarioViewSet, StressView, StressWindowViewSet
from analytics.api.tax import TaxReportView
from analytics.api.value_at_risk import BacktestHistoryView, BacktestsView, ValueAtRiskView

__all__ = [
    "BacktestHistoryView",
    "BacktestsView",
    "BankReportView",
    "BondFiguresView",
    "CalendarView",
    "ContributionsView",
    "CorrelationView",
    "DrawdownsView",
    "ExplainListView",
    "ExplainView",
    "FactorSetViewSet",
    "FigureHistoryView",
    "IncomeView",
    "NetWorthView",
    "OptimisationListView",
    "OptimisationRunView",
    "PerformanceView",
    "PeriodsView",
    "PortfolioFactorsView",
    "RebalanceProposalViewSet",
    "RebalanceViewSet",
    "RiskFlagViewSet",
    "RiskView",
    "RollingView",
    "ScenarioViewSet",
    "SeriesView",
    "StatementView",
    "StressView",
    "StressWindowViewSet",
    "TaxReportView",
    "ValueAtRiskView",
]
