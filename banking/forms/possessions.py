"""What is typed on the page of possessions."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING, Any

from django import forms
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _

from banking.forms.fields import AmountField, DateField
from banking.models import PossessionKind
from users.models import Organisation, User

if TYPE_CHECKING:
    from django.utils.functional import _StrOrPromise

OWN = "0"


def _text(most: int, **attrs: _StrOrPromise) -> forms.TextInput:
    return forms.TextInput(attrs={"class": "form-control", "autocomplete": "off", "maxlength": str(most)} | attrs)


def _worth() -> forms.TextInput:
    return _text(40, inputmode="decimal", placeholder="250000")


class PossessionForm(forms.Form):
    """A new one with its first value; ``key`` tells a form that is sent twice."""

    name = forms.CharField(label=_("Name"), max_length=100, widget=_text(100, placeholder=_("House in Bern")))
    kind = forms.ChoiceField(
        label=_("Kind"), choices=PossessionKind.choices, widget=forms.Select(attrs={"class": "form-select"})
    )
    value = AmountField(label=_("Worth"), required=False, widget=_worth())
    day = DateField(label=_("Since"), required=False)
    currency = forms.CharField(label=_("Currency"), max_length=3, required=False, widget=_text(3))
    holder = forms.ChoiceField(label=_("Belongs to"), widget=forms.Select(attrs={"class": "form-select"}))
    key = forms.CharField(max_length=64, required=False, widget=forms.HiddenInput)
    use_required_attribute = False

    def __init__(self, data: Any, *, reader: User, firms: Iterable[Organisation], initial: dict[str, Any]) -> None:
        super().__init__(data, auto_id="possession-%s", label_suffix="", initial=initial)
        self.holders: dict[str, User | Organisation] = {OWN: reader, **{str(firm.pk): firm for firm in firms}}
        names = [(pk, gettext("You") if pk == OWN else str(each)) for pk, each in self.holders.items()]
        self.fields["holder"].choices = names  # type: ignore[attr-defined]
        if len(names) == 1:
            self.fields["holder"].required = False
            self.fields["holder"].widget = forms.HiddenInput()

    def terms(self) -> dict[str, Any]:
        given = {name: value for name, value in self.cleaned_data.items() if name != "key"}
        return given | {"holder": self.holders[given["holder"] or OWN], "currency": given["currency"].upper()}


class ValuationForm(forms.Form):
    """Another value of one possession."""

    value = AmountField(label=_("Worth"), widget=_worth())
    day = DateField(label=_("Since"))
    note = forms.CharField(label=_("Note"), max_length=255, required=False, widget=_text(255))
    use_required_attribute = False

    def __init__(self, data: Any = None, *, possession: int, initial: dict[str, Any] | None = None) -> None:
        super().__init__(data, auto_id=f"value-{possession}-%s", label_suffix="", initial=initial)


class NameForm(forms.Form):
    name = forms.CharField(label=_("Name"), max_length=100, widget=_text(100))
    kind = forms.ChoiceField(
        label=_("Kind"), choices=PossessionKind.choices, widget=forms.Select(attrs={"class": "form-select"})
    )
    use_required_attribute = False

    def __init__(self, data: Any = None, *, possession: int, initial: dict[str, Any] | None = None) -> None:
        super().__init__(data, auto_id=f"name-{possession}-%s", label_suffix="", initial=initial)


class DisposalForm(forms.Form):
    disposed_on = DateField(label=_("Sold or given away on"))
    use_required_attribute = False

    def __init__(self, data: Any = None, *, possession: int, initial: dict[str, Any] | None = None) -> None:
        super().__init__(data, auto_id=f"gone-{possession}-%s", label_suffix="", initial=initial)
