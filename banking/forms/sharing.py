"""With whom something is shared."""

from __future__ import annotations

from typing import Any

from django import forms
from django.utils.translation import gettext_lazy as _

from banking.models import ShareRole
from core.errors import DomainError

SELECT = {"class": "form-select"}
LONGEST_PERSON = 150  # a name to log in with
ROLES = [(ShareRole.VIEWER.value, _("Viewer: sees it")), (ShareRole.EDITOR.value, _("Editor: books into it as well"))]


class ShareForm(forms.Form):
    use_required_attribute = False

    person = forms.CharField(
        label=_("Name that they log in with"),
        max_length=LONGEST_PERSON,
        widget=forms.TextInput({"class": "form-control", "autocomplete": "off", "autocapitalize": "none"}),
    )
    role = forms.ChoiceField(label=_("Role"), choices=ROLES, widget=forms.Select(SELECT))

    def __init__(self, data: Any = None) -> None:
        super().__init__(data, initial={"role": ShareRole.VIEWER.value})

    def refuse(self, error: DomainError) -> None:
        """Put what is refused beside the input that it is about."""
        self.add_error(error.field if error.field in self.fields else None, error.message)
