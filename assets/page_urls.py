"""The pages of market data."""

from __future__ import annotations

from django.urls import path

from assets.views.providers import providers

urlpatterns = [
    path("market/providers/", providers, name="providers"),
]
