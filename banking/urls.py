"""What stands below one account in the API."""

from __future__ import annotations

from django.urls import path

from banking.api import AssertionViewSet

ASSERTIONS = "accounts/<int:account_id>/assertions/"

urlpatterns = [
    path(ASSERTIONS, AssertionViewSet.as_view({"get": "list", "post": "create"}), name="assertion-list"),
    path(
        f"{ASSERTIONS}<int:pk>/",
        AssertionViewSet.as_view({"get": "retrieve", "delete": "destroy"}),
        name="assertion-detail",
    ),
    path(f"{ASSERTIONS}<int:pk>/restore/", AssertionViewSet.as_view({"post": "restore"}), name="assertion-restore"),
]
