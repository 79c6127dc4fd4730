"""A person's settings: who they are, how pages are written for them, and who is logged in as them."""

from __future__ import annotations

from decimal import Decimal
from typing import Any, cast
from uuid import UUID

from django.conf import settings
from django.contrib import messages
from django.contrib.auth import update_session_auth_hash
from django.core.exceptions import ValidationError
from django.forms import BaseForm
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils import timezone, translation
from django.utils.translation import gettext as _
from django.utils.translation import ngettext
from django.views import View

from core.web import Right, bad_request, obtain
from users import services
from users.forms.settings import DisplayForm, NewPasswordForm, ProfileForm, focus_first_mistake
from users.models import TokenFamily, User

SAMPLE = Decimal("-1234.5")


class SettingsPage(View):
    """One tab of the settings. A POST stores its form."""

    http_method_names = ["get", "head", "post", "options"]
    tab: str
    url_name: str

    @property
    def user(self) -> User:
        return cast("User", self.request.user)

    def form(self, data: Any = None) -> ProfileForm | DisplayForm:
        raise NotImplementedError

    def get(self, request: HttpRequest) -> HttpResponse:
        return self.shown(self.form())

    def post(self, request: HttpRequest) -> HttpResponse:
        form = self.form(request.POST)
        if not form.is_valid():
            return self.shown(form)
        changes = {name: value for name, value in form.cleaned_data.items() if value != getattr(self.user, name)}
        try:
            if changes:
                services.change_profile(user=User.objects.get(pk=self.user.pk), changes=changes)
        except ValidationError as error:
            for name, said in error.message_dict.items():
                form.add_error(name if name in form.fields else None, said)
            return self.shown(form)
        with translation.override(changes.get("locale") or translation.get_language()):
            messages.success(request, _("Your settings are stored."))
        return redirect(self.url_name)

    def shown(self, form: BaseForm, **more: Any) -> HttpResponse:
        if form.is_bound and form.errors:
            focus_first_mistake(form)
        context = {"section": "settings", "tab": self.tab, "form": form} | more
        return render(self.request, f"users/settings_{self.tab}.html", context)


class ProfilePage(SettingsPage):
    """``/settings/``"""

    tab, url_name = "profile", "settings"

    def form(self, data: Any = None) -> ProfileForm:
        names = ("first_name", "last_name", "email")
        return ProfileForm(data, initial={name: getattr(self.user, name) for name in names})


class DisplayPage(SettingsPage):
    """``/settings/display/``"""

    tab, url_name = "display", "settings-display"

    def form(self, data: Any = None) -> DisplayForm:
        return DisplayForm(data, user=self.user)

    def shown(self, form: BaseForm, **more: Any) -> HttpResponse:
        return super().shown(form, sample=SAMPLE, now=timezone.now(), **more)


class SecurityPage(SettingsPage):
    """``/settings/security/``: a POST says with ``action`` "password", "end" (one login) or "end-all"."""

    tab, url_name = "security", "settings-security"

    def get(self, request: HttpRequest) -> HttpResponse:
        return self.seen(NewPasswordForm(self.user))

    def post(self, request: HttpRequest) -> HttpResponse:
        match request.POST.get("action", ""):
            case "password":
                return self.change_password()
            case "end":
                return self.end_one()
            case "end-all":
                ended = services.end_logins(user=self.user)
                said = ngettext("%(count)s login is ended.", "%(count)s logins are ended.", ended)
                messages.success(request, said % {"count": ended})
                return redirect(self.url_name)
        return bad_request(request)

    def change_password(self) -> HttpResponse:
        form = NewPasswordForm(self.user, self.request.POST)
        if not form.is_valid():
            return self.seen(form)
        services.change_password(user=self.user, password=form.cleaned_data["new_password1"])
        update_session_auth_hash(self.request, self.user)  # this browser stays logged in
        messages.success(self.request, _("Your password is changed. Every other login is ended."))
        return redirect(self.url_name)

    def end_one(self) -> HttpResponse:
        try:
            family = UUID(self.request.POST.get("login", ""))
        except ValueError as error:
            raise Http404 from error
        services.end_login(family=obtain(TokenFamily.objects.all(), self.user, Right.BOOK, pk=family).pk)
        messages.success(self.request, _("The login is ended."))
        return redirect(self.url_name)

    def seen(self, form: NewPasswordForm) -> HttpResponse:
        logins = TokenFamily.objects.visible_to(self.user).standing(timezone.now()).order_by("-created_at")
        minutes = int(settings.AXES_COOLOFF_TIME.total_seconds()) // 60
        answer = self.shown(form, logins=logins, failures=settings.AXES_FAILURE_LIMIT, minutes=minutes)
        answer["Cache-Control"] = "no-store"
        return answer
