"""Fields that are as strict as the API's: plain numbers, days, and whom something is to belong to."""

from __future__ import annotations

from datetime import date
from decimal import Decimal
from typing import TYPE_CHECKING, Any

from django import forms
from django.core.exceptions import ValidationError
from django.utils.translation import gettext_lazy as _

from core.api import ISO_DATE, PLAIN_DECIMAL, plain
from core.web import plain_number, two_numbers, typable
from users.models import Organisation, Role, User

if TYPE_CHECKING:
    from django.utils.functional import _StrOrPromise

CONTROL = {"class": "form-control", "autocomplete": "off"}
SELECT = {"class": "form-select"}


class PlainDecimalField(forms.Field):
    """A number, exactly as written, in plain digits or as the person's language writes it; None when left out."""

    default_error_messages = {
        "invalid": _("Write a plain number, such as 12.50: digits, at most one point, no exponent.")
    }

    def __init__(self, **kwargs: Any) -> None:
        widget = forms.TextInput(attrs={"inputmode": "decimal", "autocomplete": "off", "maxlength": 64})
        super().__init__(**{"widget": widget} | kwargs)

    def to_python(self, value: Any) -> Decimal | None:
        written = str(value or "").strip()
        if not written:
            return None
        text = plain_number(written)
        if not text:
            raise ValidationError(two_numbers(written), code="ambiguous")
        if not PLAIN_DECIMAL.fullmatch(text):
            raise ValidationError(self.error_messages["invalid"], code="invalid")
        return Decimal(text)

    def prepare_value(self, value: Any) -> Any:
        return typable(plain(value)) if isinstance(value, Decimal) else value


class AmountField(PlainDecimalField):
    """Money as it is written, in a control of the pages of banking."""

    def __init__(self, **options: Any) -> None:
        widget = forms.TextInput(attrs=CONTROL | {"inputmode": "decimal", "maxlength": 64})
        super().__init__(**{"widget": widget} | options)


class DateField(forms.DateField):
    """A day, written YYYY-MM-DD, as a date picker sends it. What may be booked on it, the services say."""

    default_error_messages = {"invalid": _("Write a day, such as 2024-05-31.")}

    def __init__(self, **options: Any) -> None:
        widget = forms.DateInput(attrs={"type": "date", "class": "form-control"}, format="%Y-%m-%d")
        given: dict[str, Any] = {"widget": widget, "input_formats": ["%Y-%m-%d"]}
        super().__init__(**given | options)

    def to_python(self, value: Any) -> date | None:
        if value and not isinstance(value, date) and not ISO_DATE.fullmatch(str(value)):
            raise ValidationError(self.error_messages["invalid"], code="invalid")
        day: date | None = super().to_python(value)
        return day


def text_input(label: _StrOrPromise, longest: int, *, required: bool = True) -> forms.CharField:
    return forms.CharField(label=label, max_length=longest, required=required, widget=forms.TextInput(CONTROL))


class HolderForm(forms.Form):
    """A form that makes something for the person, or for an organisation in which they have a role."""

    role: Role = Role.MEMBER
    holder = forms.ChoiceField(label=_("Belongs to"), required=False, widget=forms.Select(SELECT))
    use_required_attribute = False

    def __init__(self, *args: Any, user: User, **options: Any) -> None:
        super().__init__(*args, **{"label_suffix": ""} | options)
        self.user = user
        self.organisations = {str(each.pk): each for each in Organisation.objects.where(user, self.role)}
        names = [(pk, each.name) for pk, each in self.organisations.items()]
        if names:
            self.fields["holder"].choices = [("", _("You")), *names]  # type: ignore[attr-defined]
        else:
            del self.fields["holder"]

    def terms(self) -> dict[str, Any]:
        """What was entered, with ``holder`` as the person or the organisation."""
        given = dict(self.cleaned_data)
        return given | {"holder": self.organisations.get(given.get("holder", ""), self.user)}
