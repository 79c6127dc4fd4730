from analytics.api.factor_model import PortfolioFactorsView
from analytics.api.factors import FactorSetViewSet
from analytics.api.income import IncomeView
from analytics.api.performance import PerformanceView
from analytics.api.risk import RiskView, SeriesView
from analytics.api.tax import TaxReportView

__all__ = [
    "FactorSetViewSet",
    "IncomeView",
    "PerformanceView",
    "PortfolioFactorsView",
    "RiskView",
    "SeriesView",
    "TaxReportView",
]
