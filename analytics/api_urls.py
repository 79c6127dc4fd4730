"""What analytics adds to each portfolio's endpoints. Mounted at `/api/portfolios/` and, short, at `/portfolios/`."""

from django.urls import path

from analytics.api import (
    CalendarView,
    DrawdownsView,
    FigureHistoryView,
    IncomeView,
    PerformanceView,
    PeriodsView,
    RiskView,
    RollingView,
    SeriesView,
    TaxReportView,
)

urlpatterns = [
    path("<int:pk>/calendar/", CalendarView.as_view(), name="portfolio-calendar"),
    path("<int:pk>/drawdowns/", DrawdownsView.as_view(), name="portfolio-drawdowns"),
    path("<int:pk>/income/", IncomeView.as_view(), name="portfolio-income"),
    path("<int:pk>/performance/", PerformanceView.as_view(), name="portfolio-performance"),
    path("<int:pk>/periods/", PeriodsView.as_view(), name="portfolio-periods"),
    path("<int:pk>/periods/history/", FigureHistoryView.as_view(), name="portfolio-figure-history"),
    path("<int:pk>/risk/", RiskView.as_view(), name="portfolio-risk"),
    path("<int:pk>/rolling/", RollingView.as_view(), name="portfolio-rolling"),
    path("<int:pk>/series/", SeriesView.as_view(), name="portfolio-series"),
    path("<int:pk>/tax-report/", TaxReportView.as_view(), name="portfolio-tax-report"),
]
