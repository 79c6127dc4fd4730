"""A person's own stress scenarios over HTTP. Mounted at `/api/scenarios/`."""

from __future__ import annotations

from typing import Any

from django.urls import path

from analytics.api import ScenarioViewSet

ONE: dict[str, Any] = {"get": "retrieve", "patch": "partial_update", "delete": "destroy"}
MANY: dict[str, Any] = {"get": "list", "post": "create"}

urlpatterns = [
    path("", ScenarioViewSet.as_view(MANY), name="scenario-list"),
    path("<int:pk>/", ScenarioViewSet.as_view(ONE), name="scenario-detail"),
]
