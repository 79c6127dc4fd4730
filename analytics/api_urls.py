"""What analytics adds to each portfolio's endpoints. Mounted at `/api/portfolios/` and, short, at `/portfolios/`."""

from django.urls import path

from analytics import api

urlpatterns = [
    path("<int:pk>/calendar/", api.CalendarView.as_view(), name="portfolio-calendar"),
    path("<int:pk>/contributions/", api.ContributionsView.as_view(), name="portfolio-contributions"),
    path("<int:pk>/correlation/", api.CorrelationView.as_view(), name="portfolio-correlation"),
    path("<int:pk>/drawdowns/", api.DrawdownsView.as_view(), name="portfolio-drawdowns"),
    path("<int:pk>/explain/", api.ExplainListView.as_view(), name="portfolio-explain-list"),
    path("<int:pk>/explain/<slug:figure>/", api.ExplainView.as_view(), name="portfolio-explain"),
    path("<int:pk>/factors/", api.PortfolioFactorsView.as_view(), name="portfolio-factors"),
    path("<int:pk>/income/", api.IncomeView.as_view(), name="portfolio-income"),
    path("<int:pk>/optimise/", api.OptimisationListView.as_view(), name="portfolio-optimise"),
    path("<int:pk>/optimise/<int:run>/", api.OptimisationRunView.as_view(), name="portfolio-optimisation"),
    path("<int:pk>/performance/", api.PerformanceView.as_view(), name="portfolio-performance"),
    path("<int:pk>/periods/", api.PeriodsView.as_view(), name="portfolio-periods"),
    path("<int:pk>/periods/history/", api.FigureHistoryView.as_view(), name="portfolio-figure-history"),
    path("<int:pk>/risk/", api.RiskView.as_view(), name="portfolio-risk"),
    path("<int:pk>/rolling/", api.RollingView.as_view(), name="portfolio-rolling"),
    path("<int:pk>/series/", api.SeriesView.as_view(), name="portfolio-series"),
    path("<int:pk>/statement/", api.StatementView.as_view(), name="portfolio-statement"),
    path("<int:pk>/stress/", api.StressView.as_view(), name="portfolio-stress"),
    path("<int:pk>/tax-report/", api.TaxReportView.as_view(), name="portfolio-tax-report"),
    path("<int:pk>/value-at-risk/", api.ValueAtRiskView.as_view(), name="portfolio-value-at-risk"),
    path("<int:pk>/value-at-risk/backtests/", api.BacktestsView.as_view(), name="portfolio-backtests"),
    path(
        "<int:pk>/value-at-risk/backtests/history/",
        api.BacktestHistoryView.as_view(),
        name="portfolio-backtest-history",
    ),
    path("<int:portfolio_id>/rebalance/", api.RebalanceViewSet.as_view({"post": "create"}), name="portfolio-rebalance"),
    path(
        "<int:portfolio_id>/rebalance/proposals/",
        api.RebalanceProposalViewSet.as_view({"get": "list"}),
        name="rebalance-list",
    ),
    path(
        "<int:portfolio_id>/rebalance/proposals/<int:pk>/",
        api.RebalanceProposalViewSet.as_view({"get": "retrieve", "delete": "destroy"}),
        name="rebalance-detail",
    ),
    path(
        "<int:portfolio_id>/rebalance/proposals/<int:pk>/book/",
        api.RebalanceProposalViewSet.as_view({"post": "book"}),
        name="rebalance-book",
    ),
    path(
        "<int:portfolio_id>/rebalance/proposals/<int:pk>/undo/",
        api.RebalanceProposalViewSet.as_view({"post": "undo"}),
        name="rebalance-undo",
    ),
]
