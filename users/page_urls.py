"""The pages of organisations, of the person's settings, and the day that every page shows."""

from __future__ import annotations

from django.urls import URLPattern, path

from core.web import login_needed
from users.views.day import DayView
from users.views.invitations import InvitationPage
from users.views.organisations import OrganisationsPage
from users.views.people import PeoplePage
from users.views.settings import DisplayPage, ProfilePage, SecurityPage

urlpatterns: list[URLPattern] = [
    path("day/", login_needed(DayView.as_view()), name="day"),
    path("settings/", login_needed(ProfilePage.as_view()), name="settings"),
    path("settings/display/", login_needed(DisplayPage.as_view()), name="settings-display"),
    path("settings/security/", login_needed(SecurityPage.as_view()), name="settings-security"),
    path("organisations/", login_needed(OrganisationsPage.as_view()), name="organisations"),
    path("organisation/<int:pk>/people/", login_needed(PeoplePage.as_view()), name="people"),
    path("invitations/<str:secret>/", login_needed(InvitationPage.as_view()), name="invitation"),
]
