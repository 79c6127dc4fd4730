"""What lists are narrowed by: the query string as checked values.

A value that is none is told beside its field, and otherwise answered like an empty one.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import date
from typing import TYPE_CHECKING, Any

from django import forms
from django.core.exceptions import ValidationError
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from core.api import ISO_DATE
from users.day import EARLIEST, EARLIEST_ZONE

if TYPE_CHECKING:
    from django.utils.functional import _StrOrPromise

LONGEST_TEXT = 100
Choices = Iterable[tuple[str, "_StrOrPromise"]]


class DayField(forms.DateField):
    """A day that has begun somewhere, written YYYY-MM-DD, as a date picker sends it."""

    widget = forms.DateInput(attrs={"type": "date", "class": "form-control"}, format="%Y-%m-%d")
    default_error_messages = {"invalid": _("Write a day, such as 2024-05-31.")}

    def __init__(self, **options: Any) -> None:
        super().__init__(required=False, input_formats=["%Y-%m-%d"], **options)

    def bound_data(self, data: Any, initial: Any) -> Any:
        """What no day is, a date picker could not show either, and would complain about."""
        return data if ISO_DATE.fullmatch(data or "") else ""

    def clean(self, value: Any) -> date | None:
        day: date | None = super().clean(value)
        if day and day > (timezone.now() + EARLIEST_ZONE).date():
            raise ValidationError(_("This day is in the future."))
        if day and day < EARLIEST:
            raise ValidationError(_("Nothing is known before %(year)s.") % {"year": EARLIEST.year})
        return day


class Filter(forms.Form):
    """A form of optional fields that is never refused as a whole."""

    use_required_attribute = False

    def __init__(self, query: Mapping[str, Any]) -> None:
        super().__init__(query, auto_id="filter-%s", label_suffix="")
        self._choose()
        self.full_clean()

    def _choose(self) -> None:
        """Fill in the choices that depend on what there is."""

    def value(self, name: str) -> Any:
        """The checked value; None or empty where nothing, or nothing that fits, was given."""
        return self.cleaned_data.get(name)

    @property
    def narrows(self) -> bool:
        """Whether anything but the order and the valuation day is asked for."""
        kept = {"sort", "as_of"}
        return any(value not in (None, "", False) for name, value in self.cleaned_data.items() if name not in kept)


def choice_field(label: _StrOrPromise, choices: Choices = ()) -> forms.ChoiceField:
    widget = forms.Select(attrs={"class": "form-select"})
    return forms.ChoiceField(label=label, choices=list(choices), required=False, widget=widget)


def text_field(where: _StrOrPromise) -> forms.CharField:
    """``where`` says what is searched."""
    shown = {"class": "form-control", "type": "search", "autocomplete": "off", "placeholder": where}
    widget = forms.TextInput(attrs=shown)
    return forms.CharField(label=_("Search"), required=False, max_length=LONGEST_TEXT, widget=widget)
