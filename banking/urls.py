"""What stands below one account or possession in the API."""

from __future__ import annotations

from django.urls import path

from banking.api import AssertionViewSet, ValuationViewSet

ASSERTIONS = "accounts/<int:account_id>/assertions/"
VALUATIONS = "possessions/<int:possession_id>/valuations/"

urlpatterns = [
    path(ASSERTIONS, AssertionViewSet.as_view({"get": "list", "post": "create"}), name="assertion-list"),
    path(
        f"{ASSERTIONS}<int:pk>/",
        AssertionViewSet.as_view({"get": "retrieve", "delete": "destroy"}),
        name="assertion-detail",
    ),
    path(f"{ASSERTIONS}<int:pk>/restore/", AssertionViewSet.as_view({"post": "restore"}), name="assertion-restore"),
    path(VALUATIONS, ValuationViewSet.as_view({"get": "list", "post": "create"}), name="valuation-list"),
    path(
        f"{VALUATIONS}<int:pk>/",
        ValuationViewSet.as_view({"get": "retrieve", "delete": "destroy"}),
        name="valuation-detail",
    ),
]
