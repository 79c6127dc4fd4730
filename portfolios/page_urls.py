"""The pages of portfolios."""

from __future__ import annotations

from django.urls import URLPattern, path

from portfolios.views.proposals import proposals

urlpatterns: list[URLPattern] = [
    path("market/actions/", proposals, name="proposals"),
]
