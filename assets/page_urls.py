"""The pages of market data."""

from __future__ import annotations

from django.urls import path

from assets.views.prices import prices
from assets.views.providers import providers
from assets.views.quarantine import quarantine
from assets.views.watchlists import EntryView, WatchlistsView, WatchlistView

urlpatterns = [
    path("market/prices/", prices, name="prices"),
    path("market/providers/", providers, name="providers"),
    path("market/quarantine/", quarantine, name="quarantine"),
    path("watchlist/", WatchlistsView.as_view(), name="watchlists"),
    path("watchlist/<int:watchlist_id>/", WatchlistView.as_view(), name="watchlist"),
    path(
        "watchlist/<int:watchlist_id>/entries/<int:entry_id>/",
        EntryView.as_view(),
        name="watchlist-entry",
    ),
]
