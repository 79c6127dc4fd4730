"""The pages of banking."""

from __future__ import annotations

from django.urls import URLPattern, path

from banking.views.accounts import account_list
from banking.views.sections import banking

urlpatterns: list[URLPattern] = [
    path("banking/", banking, name="banking"),
    path("banking/accounts/", account_list, name="banking-accounts"),
]
