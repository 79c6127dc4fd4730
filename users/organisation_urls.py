"""Organisations over HTTP. Mounted at `/api/organisations/`."""

from __future__ import annotations

from typing import Any

from django.urls import path

from users.api import InvitationViewSet, MemberViewSet, OrganisationViewSet

MANY: dict[str, Any] = {"get": "list", "post": "create"}
ONE: dict[str, Any] = {"get": "retrieve", "patch": "partial_update", "delete": "destroy"}
VOID: dict[str, Any] = {"delete": "destroy"}

urlpatterns = [
    path("", OrganisationViewSet.as_view(MANY), name="organisation-list"),
    path("<int:pk>/", OrganisationViewSet.as_view(ONE), name="organisation-detail"),
    path("<int:organisation_id>/members/", MemberViewSet.as_view({"get": "list"}), name="member-list"),
    path("<int:organisation_id>/members/<int:pk>/", MemberViewSet.as_view(ONE), name="member-detail"),
    path("<int:organisation_id>/invitations/", InvitationViewSet.as_view(MANY), name="invitation-list"),
    path("<int:organisation_id>/invitations/<int:pk>/", InvitationViewSet.as_view(VOID), name="invitation-detail"),
]
