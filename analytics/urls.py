"""The pages of analytics."""

from django.urls import path

from analytics.views.dashboard import dashboard, methods, risk_card, value_card
from analytics.views.explain import explain_page
from analytics.views.holding import holding
from analytics.views.risk import risk
from analytics.views.sections import analytics
from analytics.views.tax import reports, tax_report_page

urlpatterns = [
    path("", dashboard, name="dashboard"),
    path("cards/<int:portfolio_id>/risk/", risk_card, name="risk-card"),
    path("cards/<int:portfolio_id>/value/", value_card, name="value-card"),
    path("analytics/", analytics, name="analytics"),
    path("analytics/risk/", risk, name="analytics-risk"),
    path("explain/<slug:figure>/", explain_page, name="explain"),
    path("holdings/<path:symbol>/", holding, name="holding"),
    path("reports/", reports, name="reports"),
    path("reports/tax/", tax_report_page, name="tax-report-page"),
    path("methods/", methods, name="methods"),
]
