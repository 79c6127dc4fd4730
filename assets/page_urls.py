"""The pages of market data."""

from __future__ import annotations

from django.urls import path

from assets.views.prices import prices
from assets.views.providers import providers
from assets.views.quarantine import quarantine

urlpatterns = [
    path("market/prices/", prices, name="prices"),
    path("market/providers/", providers, name="providers"),
    path("market/quarantine/", quarantine, name="quarantine"),
]
