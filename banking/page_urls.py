"""The pages of banking."""

from __future__ import annotations

from django.urls import URLPattern, path

from banking.views.accounts import account_list
from banking.views.payment import PaymentPreviewPart, PaymentView
from banking.views.schedules import ScheduleView, schedule_list
from banking.views.sections import banking
from banking.views.transfers import MatchesView, TransferView, transfer_list

urlpatterns: list[URLPattern] = [
    path("banking/", banking, name="banking"),
    path("banking/accounts/", account_list, name="banking-accounts"),
    path("banking/transfers/", transfer_list, name="banking-transfers"),
    path("banking/transfers/new/", PaymentView.as_view(), name="banking-pay"),
    path("banking/transfers/new/preview/", PaymentPreviewPart.as_view(), name="banking-pay-preview"),
    path("banking/transfers/matches/", MatchesView.as_view(), name="banking-matches"),
    path("banking/transfers/<int:pk>/", TransferView.as_view(), name="banking-transfer"),
    path("banking/schedules/", schedule_list, name="banking-schedules"),
    path("banking/schedules/<int:pk>/", ScheduleView.as_view(), name="banking-schedule"),
]
