from users.api.fields import OrganisationField
from users.api.logins import ProfileView, RefreshView, RevokeView, TicketView, TokenView
from users.api.organisations import AcceptInvitationView, InvitationViewSet, MemberViewSet, OrganisationViewSet

__all__ = [
    "AcceptInvitationView",
    "InvitationViewSet",
    "MemberViewSet",
    "OrganisationField",
    "OrganisationViewSet",
    "ProfileView",
    "RefreshView",
    "RevokeView",
    "TicketView",
    "TokenView",
]
