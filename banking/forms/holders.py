"""For whom something is made: oneself, or an organisation into whose books one books."""

from __future__ import annotations

from typing import Any

from django import forms
from django.utils.translation import gettext_lazy as _

from users.models import Organisation, Role, User

OWN = "0"


class HolderField(forms.ChoiceField):
    """The person, or one of the organisations in which they are at least a member."""

    widget = forms.Select(attrs={"class": "form-select"})

    def __init__(self) -> None:
        super().__init__(label=_("Whose"), required=False)

    def offer(self, reader: User) -> None:
        """One query."""
        self.reader = reader
        self.firms = {str(each.pk): each for each in Organisation.objects.where(reader, Role.MEMBER)}
        self.choices = [(OWN, _("My own")), *((pk, str(each)) for pk, each in self.firms.items())]

    def clean(self, value: Any) -> User | Organisation:
        return self.firms.get(super().clean(value) or OWN, self.reader)
