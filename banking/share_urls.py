"""With whom an account is shared. Mounted at `/api/banking/accounts/<id>/shares/`."""

from __future__ import annotations

from typing import Any

from django.urls import path

from banking.api import AccountSharesViewSet

MANY: dict[str, Any] = {"get": "list", "post": "create"}
ONE: dict[str, Any] = {"patch": "partial_update", "delete": "destroy"}

urlpatterns = [
    path("", AccountSharesViewSet.as_view(MANY), name="account-share-list"),
    path("<int:pk>/", AccountSharesViewSet.as_view(ONE), name="account-share-detail"),
]
