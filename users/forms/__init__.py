"""What people type about organisations."""

from __future__ import annotations

import uuid
from collections.abc import Iterable
from typing import Any

from django import forms
from django.utils.translation import gettext_lazy as _

from core.errors import DomainError
from users.models import Role

CONTROL = {"class": "form-control"}
SELECT = {"class": "form-select"}
LONGEST_ADDRESS = 254


class RefusableForm(forms.Form):
    """A form whose service may refuse it."""

    use_required_attribute = False

    def refuse(self, error: DomainError) -> None:
        """Put what is refused beside the input that it is about."""
        self.add_error(error.field if error.field in self.fields else None, error.message)


class OrganisationForm(RefusableForm):
    name = forms.CharField(
        label=_("Name"), max_length=100, widget=forms.TextInput(CONTROL | {"autocomplete": "organization"})
    )
    base_currency = forms.CharField(
        label=_("Currency"),
        min_length=3,
        max_length=3,
        widget=forms.TextInput(CONTROL | {"autocomplete": "off", "autocapitalize": "characters", "size": 4}),
    )

    def clean_base_currency(self) -> str:
        return str(self.cleaned_data["base_currency"]).upper()


class NewOrganisationForm(OrganisationForm):
    """``key`` tells a form that is sent twice from two organisations of the same name."""

    key = forms.UUIDField(widget=forms.HiddenInput, required=False)

    def __init__(self, data: Any = None, *, currency: str = "") -> None:
        super().__init__(data, initial={"key": uuid.uuid4(), "base_currency": currency})

    @property
    def once_key(self) -> str:
        return f"organisation {self.cleaned_data.get('key') or uuid.uuid4()}"


class InvitationForm(RefusableForm):
    email = forms.CharField(
        label=_("E-mail address"),
        max_length=LONGEST_ADDRESS,
        widget=forms.EmailInput(CONTROL | {"autocomplete": "off"}),
    )
    role = forms.ChoiceField(label=_("Role"), widget=forms.Select(SELECT))

    def __init__(self, data: Any = None, *, roles: Iterable[Role]) -> None:
        super().__init__(data, initial={"role": Role.VIEWER})
        self.fields["role"].choices = [(role.value, role.word) for role in roles]  # type: ignore[attr-defined]
