"""What analytics adds to each portfolio's endpoints. Mounted at `/api/portfolios/` and, short, at `/portfolios/`."""

from django.urls import path

from analytics.api import (
    BacktestHistoryView,
    BacktestsView,
    IncomeView,
    PerformanceView,
    RiskView,
    SeriesView,
    TaxReportView,
    ValueAtRiskView,
)

urlpatterns = [
    path("<int:pk>/income/", IncomeView.as_view(), name="portfolio-income"),
    path("<int:pk>/performance/", PerformanceView.as_view(), name="portfolio-performance"),
    path("<int:pk>/risk/", RiskView.as_view(), name="portfolio-risk"),
    path("<int:pk>/series/", SeriesView.as_view(), name="portfolio-series"),
    path("<int:pk>/tax-report/", TaxReportView.as_view(), name="portfolio-tax-report"),
    path("<int:pk>/value-at-risk/", ValueAtRiskView.as_view(), name="portfolio-value-at-risk"),
    path("<int:pk>/value-at-risk/backtests/", BacktestsView.as_view(), name="portfolio-backtests"),
    path("<int:pk>/value-at-risk/backtests/history/", BacktestHistoryView.as_view(), name="portfolio-backtest-history"),
]
