"""Who belongs to an organisation: roles, invitations, leaving; and the organisation's own settings."""

from __future__ import annotations

from collections.abc import Callable
from functools import cached_property
from typing import Any, cast

from django.contrib import messages
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils import timezone
from django.utils.translation import gettext
from django.views import View

from core.api import PLAIN_INTEGER
from core.errors import DomainError, Forbidden, Gone
from core.web import Right, bad_request, obtain
from users.forms import InvitationForm, OrganisationForm
from users.links import link_of
from users.models import Invitation, Membership, Organisation, Role, User
from users.services.invitations import Sent, invite, withdraw
from users.services.organisations import (
    change_organisation,
    change_role,
    delete_organisation,
    remove_member,
    within_reach,
)


class PeoplePage(View):
    """``/organisation/<id>/people/``. A POST says with ``action`` what to do: see ``actions``."""

    http_method_names = ["get", "head", "post", "options"]

    @property
    def user(self) -> User:
        return cast("User", self.request.user)

    @cached_property
    def organisation(self) -> Organisation:
        known = Organisation.objects.with_role(self.user)
        return obtain(known, self.user, Right.SEE, pk=self.kwargs["pk"])

    @property
    def role(self) -> Role:
        return Role(self.organisation.role)

    def get(self, request: HttpRequest, pk: int) -> HttpResponse:
        return self.shown()

    def post(self, request: HttpRequest, pk: int) -> HttpResponse:
        self.organisation  # noqa: B018  a stranger's is a 404 before anything else
        actions: dict[str, Callable[[], HttpResponse]] = {
            "invite": self.invite,
            "withdraw": self.withdraw,
            "role": self.change_role,
            "remove": self.remove,
            "settings": self.change_settings,
            "delete": self.delete,
        }
        action = actions.get(request.POST.get("action", ""))
        try:
            return action() if action else bad_request(request)
        except Gone as error:
            raise Http404 from error
        except Forbidden as error:
            return self.refused(error, 403)
        except DomainError as error:
            return self.refused(error, 409)

    def invite(self) -> HttpResponse:
        form = InvitationForm(self.request.POST, roles=within_reach(self.role))
        if not within_reach(self.role):
            raise Forbidden(Right.MANAGE.refusal)
        if not form.is_valid():
            return self.shown(invitation_form=form)
        try:
            sent = invite(
                organisation=self.organisation, actor=self.user, link=link_of(self.request), **form.cleaned_data
            )
        except Forbidden:
            raise
        except DomainError as error:
            form.refuse(error)
            return self.shown(invitation_form=form)
        page = self.shown(sent=sent)
        page["Cache-Control"] = "no-store"  # the link is there this once
        return page

    def withdraw(self) -> HttpResponse:
        invitation = self._named("invitation", Invitation.objects.select_related("organisation"), Right.SEE)
        withdraw(invitation=invitation, actor=self.user)
        return self.done(gettext("The invitation of %(email)s is withdrawn.") % {"email": invitation.email})

    def change_role(self) -> HttpResponse:
        member = self._member()
        changed = change_role(membership=member, role=self.request.POST.get("role", ""), actor=self.user)
        return self.done(gettext("%(user)s is %(role)s now.") % {"user": member.user, "role": Role(changed.role).said})

    def remove(self) -> HttpResponse:
        member = self._member()
        remove_member(membership=member, actor=self.user)
        if member.user == self.user:
            messages.success(self.request, gettext("You left %(name)s.") % {"name": self.organisation.name})
            return redirect("organisations")
        return self.done(
            gettext("%(user)s does not belong to %(name)s any more.")
            % {"user": member.user, "name": self.organisation.name}
        )

    def change_settings(self) -> HttpResponse:
        form = OrganisationForm(self.request.POST)
        if self.role != Role.OWNER:
            raise Forbidden(Right.MANAGE.refusal)
        if not form.is_valid():
            return self.shown(settings_form=form)
        try:
            change_organisation(organisation=self.organisation, actor=self.user, **form.cleaned_data)
        except Forbidden:
            raise
        except DomainError as error:
            form.refuse(error)
            return self.shown(settings_form=form)
        return self.done(gettext("The settings are changed."))

    def delete(self) -> HttpResponse:
        delete_organisation(organisation=self.organisation, actor=self.user)
        messages.success(self.request, gettext("%(name)s is deleted.") % {"name": self.organisation.name})
        return redirect("organisations")

    def done(self, said: str) -> HttpResponse:
        messages.success(self.request, said)
        return redirect("people", self.organisation.pk)

    def refused(self, error: DomainError, status: int) -> HttpResponse:
        messages.error(self.request, error.message)
        return self.shown(status=status)

    def shown(
        self,
        *,
        invitation_form: InvitationForm | None = None,
        settings_form: OrganisationForm | None = None,
        sent: Sent | None = None,
        status: int = 200,
    ) -> HttpResponse:
        firm, reach = self.organisation, within_reach(self.role)
        given = {"name": firm.name, "base_currency": firm.base_currency}
        context = {
            "section": "organisations",
            "organisation": firm,
            "role": self.role,
            "members": self._members(reach),
            "roles": reach,
            "is_owner": self.role == Role.OWNER,
            "invitation_form": invitation_form or (InvitationForm(roles=reach) if reach else None),
            "invitations": self._invitations(reach),
            "settings_form": settings_form or OrganisationForm(initial=given),
            "sent": sent,
            "now": timezone.now(),
        }
        return render(self.request, "users/people.html", context, status=status)

    def _members(self, reach: list[Role]) -> list[tuple[Membership, Role, bool]]:
        """Each with the role, and whether the reader may change it."""
        seen = Membership.objects.visible_to(self.user).filter(organisation=self.organisation)
        named = seen.select_related("user").order_by("user__username")
        return [(member, Role(member.role), member.role in reach) for member in named]

    def _invitations(self, reach: list[Role]) -> list[tuple[Invitation, Role, bool]]:
        seen = Invitation.objects.visible_to(self.user).open().filter(organisation=self.organisation)
        found = seen.select_related("invited_by").order_by("-pk")
        return [(invitation, Role(invitation.role), invitation.role in reach) for invitation in found]

    def _member(self) -> Membership:
        return cast("Membership", self._named("member", Membership.objects.select_related("user"), Right.SEE))

    def _named(self, name: str, rows: Any, right: Right) -> Any:
        """The row of this organisation that the form names. Raises Http404."""
        number = self.request.POST.get(name, "")
        if not PLAIN_INTEGER.fullmatch(number):
            raise Http404
        return obtain(rows, self.user, right, pk=int(number), organisation=self.organisation)
