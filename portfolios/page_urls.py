"""The pages of portfolios."""

from __future__ import annotations

from django.urls import URLPattern, path

from portfolios.views.holdings import holding_list
from portfolios.views.trade import restore_page, trade_page, void_page
from portfolios.views.transactions import transaction_list

urlpatterns: list[URLPattern] = [
    path("holdings/", holding_list, name="holdings"),
    path("transactions/", transaction_list, name="transactions"),
    path("transactions/<int:pk>/", trade_page, name="trade-page"),
    path("transactions/<int:pk>/void/", void_page, name="trade-void-page"),
    path("transactions/<int:pk>/restore/", restore_page, name="trade-restore-page"),
]
