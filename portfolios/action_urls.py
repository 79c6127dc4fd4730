"""The corporate actions of an asset, whose books are the portfolios'. Mounted at `/api/assets/<symbol>/actions/`."""

from __future__ import annotations

from django.urls import path

from portfolios.api import CorporateActionViewSet

urlpatterns = [
    path("", CorporateActionViewSet.as_view({"get": "list", "post": "create"}), name="action-list"),
    path("<int:pk>/", CorporateActionViewSet.as_view({"get": "retrieve", "delete": "destroy"}), name="action-detail"),
    path("<int:pk>/restore/", CorporateActionViewSet.as_view({"post": "restore"}), name="action-restore"),
]
