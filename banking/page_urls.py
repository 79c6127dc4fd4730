"""The pages of banking."""

from __future__ import annotations

from django.urls import URLPattern, path

from banking.views.account import AccountEditPage, AccountPage, AssertionActions, NewAccountPage
from banking.views.accounts import account_list
from banking.views.deposits import DepositCancelPage, DepositListPage, DepositPreviewPart
from banking.views.named import (
    CategoryList,
    CategoryPage,
    CounterpartyList,
    CounterpartyPage,
    TagList,
    TagPage,
)
from banking.views.sections import banking

urlpatterns: list[URLPattern] = [
    path("banking/", banking, name="banking"),
    path("banking/accounts/", account_list, name="banking-accounts"),
    path("banking/accounts/new/", NewAccountPage.as_view(), name="banking-account-new"),
    path("banking/accounts/<int:pk>/", AccountPage.as_view(), name="banking-account"),
    path("banking/accounts/<int:pk>/edit/", AccountEditPage.as_view(), name="banking-account-edit"),
    path("banking/assertions/<int:pk>/", AssertionActions.as_view(), name="banking-assertion"),
    path("banking/categories/", CategoryList.as_view(), name="banking-categories"),
    path("banking/categories/<int:pk>/", CategoryPage.as_view(), name="banking-category"),
    path("banking/counterparties/", CounterpartyList.as_view(), name="banking-counterparties"),
    path("banking/counterparties/<int:pk>/", CounterpartyPage.as_view(), name="banking-counterparty"),
    path("banking/tags/", TagList.as_view(), name="banking-tags"),
    path("banking/tags/<int:pk>/", TagPage.as_view(), name="banking-tag"),
    path("banking/deposits/", DepositListPage.as_view(), name="banking-deposits"),
    path("banking/deposits/preview/", DepositPreviewPart.as_view(), name="banking-deposit-preview"),
    path("banking/deposits/<int:pk>/cancel/", DepositCancelPage.as_view(), name="banking-deposit-cancel"),
]
