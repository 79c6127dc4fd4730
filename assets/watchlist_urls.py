"""Watchlists over HTTP. Mounted at `/api/watchlists/`."""

from __future__ import annotations

from typing import Any

from django.urls import path

from assets.api import WatchlistEntryViewSet, WatchlistViewSet

ONE: dict[str, Any] = {"get": "retrieve", "patch": "partial_update", "delete": "destroy"}
MANY: dict[str, Any] = {"get": "list", "post": "create"}

urlpatterns = [
    path("", WatchlistViewSet.as_view(MANY), name="watchlist-list"),
    path("<int:pk>/", WatchlistViewSet.as_view(ONE), name="watchlist-detail"),
    path("<int:watchlist_id>/entries/", WatchlistEntryViewSet.as_view(MANY), name="entry-list"),
    path("<int:watchlist_id>/entries/<int:pk>/", WatchlistEntryViewSet.as_view(ONE), name="entry-detail"),
]
