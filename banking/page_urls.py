"""The pages of accounts."""

from __future__ import annotations

from django.urls import URLPattern, path

from banking.views.sharing import AccountSharingPage
from core.web import login_needed

urlpatterns: list[URLPattern] = [
    path("banking/accounts/<int:pk>/sharing/", login_needed(AccountSharingPage.as_view()), name="account-sharing"),
]
