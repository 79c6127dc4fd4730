"""What analytics adds to each portfolio's endpoints. Mounted at `/api/portfolios/` and, short, at `/portfolios/`."""

from django.urls import path

from analytics.api import (
    ExplainListView,
    ExplainView,
    IncomeView,
    PerformanceView,
    RiskView,
    SeriesView,
    TaxReportView,
)

urlpatterns = [
    path("<int:pk>/explain/", ExplainListView.as_view(), name="portfolio-explain-list"),
    path("<int:pk>/explain/<slug:figure>/", ExplainView.as_view(), name="portfolio-explain"),
    path("<int:pk>/income/", IncomeView.as_view(), name="portfolio-income"),
    path("<int:pk>/performance/", PerformanceView.as_view(), name="portfolio-performance"),
    path("<int:pk>/risk/", RiskView.as_view(), name="portfolio-risk"),
    path("<int:pk>/series/", SeriesView.as_view(), name="portfolio-series"),
    path("<int:pk>/tax-report/", TaxReportView.as_view(), name="portfolio-tax-report"),
]
