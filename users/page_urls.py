"""The pages of organisations, and the day that every page shows."""

from __future__ import annotations

from django.urls import URLPattern, path

from core.web import login_needed
from users.views.day import DayView
from users.views.invitations import InvitationPage
from users.views.organisations import OrganisationsPage
from users.views.people import PeoplePage

urlpatterns: list[URLPattern] = [
    path("day/", login_needed(DayView.as_view()), name="day"),
    path("organisations/", login_needed(OrganisationsPage.as_view()), name="organisations"),
    path("organisation/<int:pk>/people/", login_needed(PeoplePage.as_view()), name="people"),
    path("invitations/<str:secret>/", login_needed(InvitationPage.as_view()), name="invitation"),
]
