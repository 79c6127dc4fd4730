"""What people change about themselves: who they are, how pages are written for them, and their password."""

from __future__ import annotations

from functools import cache
from typing import Any

from django import forms
from django.conf import settings
from django.contrib.auth.forms import PasswordChangeForm
from django.core.exceptions import ValidationError
from django.utils.translation import gettext_lazy as _

from users.forms import CONTROL, LONGEST_ADDRESS, SELECT, RefusableForm
from users.models import User, known_zones, validate_currency

LONGEST_NAME = 150


@cache
def time_zones() -> list[tuple[str, str]]:
    """UTC, then the zones by region and city."""
    places = sorted(name for name in known_zones() if "/" in name and not name.startswith(("Etc/", "SystemV/")))
    return [("UTC", "UTC"), *((name, name.replace("_", " ")) for name in places)]


def focus_first_mistake(form: forms.BaseForm) -> None:
    """Let the browser go to the first input that is wrong."""
    for name in form.fields:
        if name in form.errors:
            form.fields[name].widget.attrs["autofocus"] = True
            return


class ProfileForm(RefusableForm):
    first_name = forms.CharField(
        label=_("First name"),
        max_length=LONGEST_NAME,
        required=False,
        widget=forms.TextInput(CONTROL | {"autocomplete": "given-name"}),
    )
    last_name = forms.CharField(
        label=_("Last name"),
        max_length=LONGEST_NAME,
        required=False,
        widget=forms.TextInput(CONTROL | {"autocomplete": "family-name"}),
    )
    email = forms.EmailField(
        label=_("E-mail address"),
        max_length=LONGEST_ADDRESS,
        required=False,
        widget=forms.EmailInput(CONTROL | {"autocomplete": "email"}),
    )


class DisplayForm(RefusableForm):
    base_currency = forms.CharField(
        label=_("Base currency"),
        max_length=3,
        help_text=_("In which sums over everything are shown; each portfolio keeps its own."),
        widget=forms.TextInput(CONTROL | {"autocomplete": "off", "autocapitalize": "characters", "size": 4}),
    )
    locale = forms.ChoiceField(
        label=_("Language and numbers"),
        required=False,
        help_text=_("In which language pages speak, and how they write numbers and days."),
        widget=forms.Select(SELECT),
    )
    time_zone = forms.ChoiceField(
        label=_("Time zone"),
        help_text=_("Of the times on pages, and of the day on which something is entered."),
        widget=forms.Select(SELECT),
    )

    def __init__(self, data: Any = None, *, user: User) -> None:
        shown = {name: getattr(user, name) for name in ("base_currency", "locale", "time_zone")}
        super().__init__(data, initial=shown)
        self._offer("locale", [("", _("As the browser asks")), *settings.LANGUAGES])
        zones = time_zones()
        known = user.time_zone in dict(zones)
        self._offer("time_zone", zones if known else [(user.time_zone, user.time_zone), *zones])

    def _offer(self, name: str, choices: list[tuple[Any, Any]]) -> None:
        self.fields[name].choices = choices  # type: ignore[attr-defined]

    def clean_base_currency(self) -> str:
        code = str(self.cleaned_data["base_currency"]).upper()
        validate_currency(code)
        return code


class NewPasswordForm(PasswordChangeForm):
    """The old password and the new one twice; the validators of the settings say what a password needs."""

    use_required_attribute = False

    def __init__(self, user: User, data: Any = None) -> None:
        super().__init__(user, data)
        for field in self.fields.values():
            field.widget.attrs |= {"class": "form-control", "maxlength": 1000}
            field.widget.attrs.pop("autofocus", None)  # the page does not begin here

    def clean(self) -> dict[str, Any]:
        cleaned: dict[str, Any] = super().clean() or {}
        if cleaned.get("new_password1") and cleaned["new_password1"] == cleaned.get("old_password"):
            raise ValidationError({"new_password1": _("This is the password that you have.")})
        return cleaned
