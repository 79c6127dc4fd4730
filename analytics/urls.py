"""The pages of analytics."""

from django.urls import path

from analytics.views import bank
from analytics.views.asset import asset_page
from analytics.views.dashboard import allocation_card, dashboard, methods, risk_card, value_card
from analytics.views.definitions import definitions
from analytics.views.dependence import dependence
from analytics.views.explain import explain_page
from analytics.views.factor_sets import factor_sets
from analytics.views.factors import factors
from analytics.views.history import history, rolling_card
from analytics.views.holding import holding
from analytics.views.jobs import job_list, jobs_under_way
from analytics.views.optimiser import OptimiserPage, optimisation_run
from analytics.views.organisation import employee_expenses, organisation
from analytics.views.overview import overview
from analytics.views.rebalancing import (
    ProposalBookPage,
    ProposalDiscardPage,
    ProposalPage,
    ProposalUndoPage,
    RebalancingPage,
    RebalancingPart,
)
from analytics.views.reports import IncomePage, StatementPage, report_download, report_file, reports
from analytics.views.risk import risk, risk_figures
from analytics.views.sections import analytics
from analytics.views.settings import PortfolioSettingsPage
from analytics.views.stress import ScenariosView, ScenarioView, stress
from analytics.views.tax import TaxReportPage
from analytics.views.value_at_risk import value_at_risk, var_card
from core.web import login_needed

urlpatterns = [
    path("", dashboard, name="dashboard"),
    path("cards/<int:portfolio_id>/risk/", risk_card, name="risk-card"),
    path("cards/<int:portfolio_id>/risk-figures/", risk_figures, name="risk-figures"),
    path("cards/<int:portfolio_id>/var/", var_card, name="var-card"),
    path("cards/<int:portfolio_id>/value/", value_card, name="value-card"),
    path("cards/<int:portfolio_id>/allocation/", allocation_card, name="allocation-card"),
    path("cards/all/value/", value_card, name="all-value-card"),
    path("cards/all/allocation/", allocation_card, name="all-allocation-card"),
    path("analytics/", analytics, name="analytics"),
    path("analytics/risk/", risk, name="analytics-risk"),
    path("analytics/stress/", stress, name="analytics-stress"),
    path("analytics/scenarios/", ScenariosView.as_view(), name="scenario-new"),
    path("analytics/scenarios/<int:pk>/", ScenarioView.as_view(), name="scenario-page"),
    path("analytics/correlation/", dependence, name="analytics-correlation"),
    path("analytics/var/", value_at_risk, name="analytics-var"),
    path("analytics/rebalancing/", login_needed(RebalancingPage.as_view()), name="analytics-rebalancing"),
    path("analytics/rebalancing/preview/", login_needed(RebalancingPart.as_view()), name="rebalancing-preview-part"),
    path("analytics/rebalancing/<int:pk>/", login_needed(ProposalPage.as_view()), name="rebalancing-proposal"),
    path(
        "analytics/rebalancing/<int:pk>/book/", login_needed(ProposalBookPage.as_view()), name="rebalancing-book-page"
    ),
    path(
        "analytics/rebalancing/<int:pk>/discard/",
        login_needed(ProposalDiscardPage.as_view()),
        name="rebalancing-discard-page",
    ),
    path(
        "analytics/rebalancing/<int:pk>/undo/", login_needed(ProposalUndoPage.as_view()), name="rebalancing-undo-page"
    ),
    path("analytics/optimiser/", login_needed(OptimiserPage.as_view()), name="analytics-optimiser"),
    path("analytics/optimiser/<int:run>/", optimisation_run, name="optimisation-run"),
    path("analytics/factors/", factors, name="analytics-factors"),
    path("market/factors/", factor_sets, name="factor-sets"),
    path("analytics/history/", history, name="analytics-history"),
    path("cards/<int:portfolio_id>/rolling/", rolling_card, name="rolling-card"),
    path("explain/<slug:figure>/", explain_page, name="explain"),
    path("holdings/<path:symbol>/", holding, name="holding"),
    path("assets/<path:symbol>/", asset_page, name="asset-page"),
    path("reports/", reports, name="reports"),
    path("reports/statement/", login_needed(StatementPage.as_view()), name="statement-page"),
    path("reports/income/", login_needed(IncomePage.as_view()), name="income-page"),
    path("reports/tax/", login_needed(TaxReportPage.as_view()), name="tax-report-page"),
    path("reports/files/<int:pk>/", report_file, name="report-file"),
    path("reports/files/<int:pk>/download/", report_download, name="report-download"),
    path("methods/", methods, name="methods"),
    path("methods/definitions/", definitions, name="definitions"),
    path("settings/portfolio/", login_needed(PortfolioSettingsPage.as_view()), name="portfolio-settings"),
    path("jobs/", job_list, name="jobs"),
    path("jobs/under-way/", jobs_under_way, name="jobs-under-way"),
    path("banking/", overview, name="banking"),
    path("organisation/<int:pk>/", organisation, name="organisation"),
    path("organisation/<int:pk>/expenses/", employee_expenses, name="organisation-expenses"),
    path("bank-admin/", bank.overview, name="bank"),
    path("bank-admin/people/<int:pk>/", bank.person, name="bank-person"),
    path("bank-admin/organisations/<int:pk>/", bank.organisation, name="bank-organisation"),
    path("bank-admin/flags/", bank.flags, name="bank-flags"),
]
