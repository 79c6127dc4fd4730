"""The dashboard endpoints. Mounted at `/api/dashboard/`; each answers with and without a slash at the end."""

from django.urls import re_path

from analytics.api import dashboard as api

SYMBOL = r"(?P<symbol>[A-Za-z0-9.\-=^]+(?:/[A-Za-z0-9.\-=^]+)*)"

urlpatterns = [
    re_path(r"^overview/?$", api.OverviewView.as_view(), name="dashboard-overview"),
    re_path(r"^positions/?$", api.PositionsView.as_view(), name="dashboard-positions"),
    re_path(r"^trades/?$", api.TradesView.as_view(), name="dashboard-trades"),
    re_path(r"^performance/?$", api.HistoryView.as_view(), name="dashboard-performance"),
    re_path(rf"^quote/{SYMBOL}/?$", api.QuoteView.as_view(), name="dashboard-quote"),
    re_path(rf"^profile/{SYMBOL}/?$", api.ProfileView.as_view(), name="dashboard-profile"),
]
