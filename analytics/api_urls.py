"""What analytics adds to each portfolio's endpoints. Mounted at `/api/portfolios/` and, short, at `/portfolios/`."""

from django.urls import path

from analytics.api import RiskView, SeriesView

urlpatterns = [
    path("<int:pk>/risk/", RiskView.as_view(), name="portfolio-risk"),
    path("<int:pk>/series/", SeriesView.as_view(), name="portfolio-series"),
]
