"""The page behind the link of an invitation."""

from __future__ import annotations

from typing import Any, cast

from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils.translation import gettext
from django.views import View

from core.errors import DomainError
from core.web import bad_request
from users.models import Role, User
from users.services.invitations import InvitationUnknown, MemberAlready, accept, decline, opened


class InvitationPage(View):
    """``/invitations/<secret>/``: what it is about; a POST says with ``action`` "accept" or "decline"."""

    http_method_names = ["get", "head", "post", "options"]

    def dispatch(self, request: HttpRequest, *args: Any, **kwargs: Any) -> Any:
        answer = super().dispatch(request, *args, **kwargs)
        answer["Cache-Control"] = "no-store"
        answer["Referrer-Policy"] = "no-referrer"  # the address is the secret
        return answer

    def get(self, request: HttpRequest, secret: str) -> HttpResponse:
        try:
            invitation = opened(secret)
        except DomainError as error:
            return self.useless(error)
        member = invitation.organisation.memberships.filter(user=cast("User", request.user)).first()
        context = {"invitation": invitation, "role": Role(invitation.role), "member": member}
        return render(request, "users/invitation.html", context)

    def post(self, request: HttpRequest, secret: str) -> HttpResponse:
        user = cast("User", request.user)
        try:
            match request.POST.get("action", ""):
                case "accept":
                    member = accept(secret=secret, user=user)
                    messages.success(
                        request, gettext("You belong to %(name)s now.") % {"name": member.organisation.name}
                    )
                    return redirect("people", member.organisation_id)
                case "decline":
                    firm = decline(secret=secret, user=user)
                    messages.success(request, gettext("You declined the invitation to %(name)s.") % {"name": firm.name})
                    return redirect("organisations")
        except MemberAlready:
            return redirect("people", opened(secret).organisation_id)
        except DomainError as error:
            return self.useless(error)
        return bad_request(request)

    def useless(self, error: DomainError) -> HttpResponse:
        """Say why the link leads nowhere: 404 for one that never did, 410 for one that did."""
        status = 404 if isinstance(error, InvitationUnknown) else 410
        return render(self.request, "users/invitation_useless.html", {"reason": error.message}, status=status)
