"""What analytics adds to each portfolio's endpoints. Mounted at `/api/portfolios/` and, short, at `/portfolios/`."""

from django.urls import path

from analytics.api import (
    IncomeView,
    PerformanceView,
    RebalanceProposalViewSet,
    RebalanceViewSet,
    RiskView,
    SeriesView,
    TaxReportView,
)

urlpatterns = [
    path("<int:pk>/income/", IncomeView.as_view(), name="portfolio-income"),
    path("<int:pk>/performance/", PerformanceView.as_view(), name="portfolio-performance"),
    path("<int:portfolio_id>/rebalance/", RebalanceViewSet.as_view({"post": "create"}), name="portfolio-rebalance"),
    path(
        "<int:portfolio_id>/rebalance/proposals/",
        RebalanceProposalViewSet.as_view({"get": "list"}),
        name="rebalance-list",
    ),
    path(
        "<int:portfolio_id>/rebalance/proposals/<int:pk>/",
        RebalanceProposalViewSet.as_view({"get": "retrieve", "delete": "destroy"}),
        name="rebalance-detail",
    ),
    path(
        "<int:portfolio_id>/rebalance/proposals/<int:pk>/book/",
        RebalanceProposalViewSet.as_view({"post": "book"}),
        name="rebalance-book",
    ),
    path(
        "<int:portfolio_id>/rebalance/proposals/<int:pk>/undo/",
        RebalanceProposalViewSet.as_view({"post": "undo"}),
        name="rebalance-undo",
    ),
    path("<int:pk>/risk/", RiskView.as_view(), name="portfolio-risk"),
    path("<int:pk>/series/", SeriesView.as_view(), name="portfolio-series"),
    path("<int:pk>/tax-report/", TaxReportView.as_view(), name="portfolio-tax-report"),
]
