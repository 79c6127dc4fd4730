"""One's organisations, and founding one."""

from __future__ import annotations

from typing import cast

from django.contrib import messages
from django.db import transaction
from django.db.models import Count
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils.translation import gettext
from django.views import View

from activity.services import once
from core.errors import DomainError
from users.forms import NewOrganisationForm
from users.models import Organisation, Role, User
from users.services.organisations import create_organisation


class OrganisationsPage(View):
    """``/organisations/``: those that the person belongs to, with the role there. A POST founds another one."""

    http_method_names = ["get", "head", "post", "options"]

    def get(self, request: HttpRequest) -> HttpResponse:
        user = cast("User", request.user)
        return self.shown(NewOrganisationForm(currency=user.base_currency))

    def post(self, request: HttpRequest) -> HttpResponse:
        form, user = NewOrganisationForm(request.POST), cast("User", request.user)
        if not form.is_valid():
            return self.shown(form)
        name, currency = form.cleaned_data["name"], form.cleaned_data["base_currency"]
        try:
            with transaction.atomic():
                pk, first = once(
                    user=user,
                    key=form.once_key,
                    work=lambda: int(create_organisation(name=name, base_currency=currency, actor=user).pk),
                )
        except DomainError as error:
            form.refuse(error)
            return self.shown(form)
        if first:
            messages.success(
                request, gettext("The organisation is founded; you are its owner. Invite the others here.")
            )
        return redirect("people", pk)

    def shown(self, form: NewOrganisationForm) -> HttpResponse:
        user = cast("User", self.request.user)
        found = Organisation.objects.visible_to(user).with_role(user).annotate(members=Count("memberships"))
        rows = [(firm, Role(firm.role)) for firm in found]
        context = {"section": "organisations", "organisations": rows, "form": form}
        return render(self.request, "users/organisations.html", context)
