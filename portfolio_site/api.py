"""Every endpoint under `/api/`, the portfolios' short path, and the documentation."""

from __future__ import annotations

from csp.constants import SELF, UNSAFE_INLINE
from csp.decorators import csp_update
from django.urls import URLPattern, URLResolver, include, path
from django.views.generic import RedirectView
from drf_spectacular.utils import extend_schema
from drf_spectacular.views import SpectacularAPIView, SpectacularSwaggerSplitView
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.reverse import reverse
from rest_framework.routers import SimpleRouter
from rest_framework.views import APIView

from activity.api import JobViewSet
from analytics.api import (
    BankReportView,
    BondFiguresView,
    FactorSetViewSet,
    NetWorthView,
    RiskFlagViewSet,
    StressWindowViewSet,
)
from assets.api import (
    AssetViewSet,
    BondView,
    DoubtfulQuoteViewSet,
    PriceListPreviewView,
    PriceListView,
    ProfileViewSet,
    ProviderKeyView,
    ProvidersView,
    QuarantineViewSet,
    QuoteViewSet,
)
from banking.api import (
    AccountViewSet,
    BudgetViewSet,
    CategoryViewSet,
    CounterpartyViewSet,
    PossessionViewSet,
    RecategorisationViewSet,
    RecurringViewSet,
    RuleViewSet,
    ScheduleViewSet,
    TagViewSet,
    TermDepositViewSet,
    TransactionViewSet,
    TransferViewSet,
)
from portfolios.api import ActionProposalViewSet, ImportMissingView, ImportRowsView, ImportViewSet
from users.api import AcceptInvitationView, ProfileView, RefreshView, RevokeView, TicketView, TokenView

router = SimpleRouter()
router.register("assets", AssetViewSet, basename="asset")
router.register("market/quarantine/live-prices", DoubtfulQuoteViewSet, basename="doubtful-quote")
router.register("market/quarantine", QuarantineViewSet, basename="quarantine")
router.register("market/action-proposals", ActionProposalViewSet, basename="proposal")
router.register("stress-windows", StressWindowViewSet, basename="stress-window")
router.register("factors", FactorSetViewSet, basename="factor-set")
router.register("banking/accounts", AccountViewSet, basename="account")
router.register("banking/categories", CategoryViewSet, basename="category")
router.register("banking/counterparties", CounterpartyViewSet, basename="counterparty")
router.register("banking/tags", TagViewSet, basename="tag")
router.register("banking/deposits", TermDepositViewSet, basename="deposit")
router.register("risk-flags", RiskFlagViewSet, basename="risk-flag")
router.register("banking/transactions", TransactionViewSet, basename="cash")
router.register("banking/recategorisations", RecategorisationViewSet, basename="recategorisation")
router.register("banking/possessions", PossessionViewSet, basename="possession")
router.register("banking/transfers", TransferViewSet, basename="transfer")
router.register("banking/schedules", ScheduleViewSet, basename="schedule")
router.register("imports", ImportViewSet, basename="import")
router.register("banking/rules", RuleViewSet, basename="rule")
router.register("banking/budgets", BudgetViewSet, basename="budget")
router.register("banking/recurring", RecurringViewSet, basename="recurring")
router.register("jobs", JobViewSet, basename="job")

# Swagger UI ships one <style> element; scripts stay under the strict policy.
docs = csp_update({"style-src": [SELF, UNSAFE_INLINE]})(SpectacularSwaggerSplitView.as_view(template_name="docs.html"))


BEGINNINGS = {
    "portfolios": "portfolio-list",
    "assets": "asset-list",
    "watchlists": "watchlist-list",
    "scenarios": "scenario-list",
    "stress windows": "stress-window-list",
    "factors": "factor-set-list",
    "accounts": "account-list",
    "categories": "category-list",
    "counterparties": "counterparty-list",
    "tags": "tag-list",
    "cash": "cash-list",
    "term deposits": "deposit-list",
    "possessions": "possession-list",
    "net worth": "net-worth",
    "risk flags": "risk-flag-list",
    "transfers": "transfer-list",
    "scheduled payments": "schedule-list",
    "organisations": "organisation-list",
    "imports": "import-list",
    "rules": "rule-list",
    "budgets": "budget-list",
    "recurring payments": "recurring-list",
    "jobs": "job-list",
    "profile": "profile",
    "schema": "schema",
    "docs": "docs",
}
PORTFOLIO_URLS = ("portfolios.urls", "analytics.api_urls")


class ApiRoot(APIView):
    """Where to begin."""

    @extend_schema(exclude=True)
    def get(self, request: Request) -> Response:
        return Response({title: reverse(name, request=request) for title, name in BEGINNINGS.items()})


urlpatterns: list[URLPattern | URLResolver] = [
    path("docs", docs, name="docs"),
    path("docs/", RedirectView.as_view(pattern_name="docs")),
    path("api/", ApiRoot.as_view(), name="api-root"),
    path("api/schema/", SpectacularAPIView.as_view(), name="schema"),
    path("api/auth/token", TokenView.as_view(), name="token"),
    path("api/auth/token/refresh", RefreshView.as_view(), name="token-refresh"),
    path("api/auth/token/revoke", RevokeView.as_view(), name="token-revoke"),
    path("api/live/ticket/", TicketView.as_view(), name="live-ticket"),
    path("api/users/me/", ProfileView.as_view(), name="profile"),
    path("api/bank/report/", BankReportView.as_view(), name="bank-report"),
    path("api/organisations/", include("users.organisation_urls")),
    path("api/invitations/accept/", AcceptInvitationView.as_view(), name="invitation-accept"),
    path("api/banking/accounts/<int:account_id>/shares/", include("banking.share_urls")),
    path("api/net-worth/", NetWorthView.as_view(), name="net-worth"),
    path("api/dashboard/", include("analytics.dashboard_urls")),
    path("api/scenarios/", include("analytics.scenario_urls")),
    path("api/watchlists/", include("assets.watchlist_urls")),
    path("api/market/quotes/", QuoteViewSet.as_view({"get": "list"}), name="quote-list"),
    path("api/market/quotes/<path:symbol>/", QuoteViewSet.as_view({"get": "retrieve"}), name="quote-detail"),
    path("api/market/profiles/<path:symbol>/", ProfileViewSet.as_view({"get": "retrieve"}), name="profile-detail"),
    path("api/market/prices/", PriceListView.as_view(), name="price-list"),
    path("api/market/prices/preview/", PriceListPreviewView.as_view(), name="price-list-preview"),
    path("api/market/providers/", ProvidersView.as_view(), name="provider-list"),
    path("api/market/providers/<str:provider>/key/", ProviderKeyView.as_view(), name="provider-key"),
    path("api/assets/<path:symbol>/actions/", include("portfolios.action_urls")),  # before the symbols with a slash
    path("api/assets/<path:symbol>/bond/figures/", BondFiguresView.as_view(), name="bond-figures"),
    path("api/assets/<path:symbol>/bond/", BondView.as_view(), name="bond"),
    path("api/banking/", include("banking.urls")),
    path("api/imports/<int:pk>/rows/", ImportRowsView.as_view(), name="import-rows"),
    path("api/imports/<int:pk>/missing/", ImportMissingView.as_view(), name="import-missing"),
    path("api/", include(router.urls)),
    path("api/portfolios/", include("portfolios.urls")),
    path("api/portfolios/", include("analytics.api_urls")),
    path("portfolios/", include("portfolios.urls")),  # the documented short path; links name this one
    path("portfolios/", include("analytics.api_urls")),
]
