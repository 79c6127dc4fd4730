"""What people type to make a scenario of their own."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from django import forms
from django.utils.translation import gettext_lazy as _

from analytics.scenarios import Shock, Target

TARGETS = {
    Target.ASSET: _("Security"),
    Target.SECTOR: _("Sector"),
    Target.CURRENCY: _("Currency"),
    Target.ALL: _("Everything"),
}
CONTROL = {"class": "form-control", "autocomplete": "off"}


class ShockForm(forms.Form):
    """One row of a scenario. A row without a size is left out."""

    target = forms.ChoiceField(
        choices=[(target.value, label) for target, label in TARGETS.items()],
        widget=forms.Select({"class": "form-select"}),
        label=_("What moves"),
    )
    key = forms.CharField(
        max_length=100,
        required=False,
        label=_("Which"),
        widget=forms.TextInput(CONTROL | {"list": "scenario-names", "placeholder": "AAPL, Technology, EUR"}),
    )
    size = forms.FloatField(
        min_value=-100,
        max_value=1000,
        required=False,
        label=_("By, in %"),
        widget=forms.NumberInput(CONTROL | {"step": "0.1", "placeholder": "-30"}),
    )

    @property
    def shock(self) -> Shock | None:
        """What a valid row says."""
        given = self.cleaned_data
        if given.get("size") is None:
            return None
        target = Target(given["target"])
        key = "" if target is Target.ALL else given["key"].strip()
        return Shock(target, key.upper() if target is Target.CURRENCY else key, round(given["size"] / 100, 6))


ShockFormSet: Any = forms.formset_factory(ShockForm, extra=4, max_num=50, absolute_max=50)


class FactorShocksForm(forms.Form):
    """A model and, in percent, what each of its factors returns; one without a number stays."""

    use_required_attribute = False

    def __init__(self, models: Mapping[str, str], factors: Mapping[str, str], data: Any = None) -> None:
        """``models`` and ``factors`` are keys with their names."""
        super().__init__(data, auto_id="factors-%s")
        self.keys = tuple(factors)
        self.fields["model"] = forms.ChoiceField(
            choices=list(models.items()), widget=forms.Select({"class": "form-select"})
        )
        for key, name in factors.items():
            self.fields[f"f_{key}"] = forms.FloatField(
                min_value=-100,
                max_value=1000,
                required=False,
                label=_("%(name)s, in %%") % {"name": name},
                widget=forms.NumberInput(CONTROL | {"step": "0.1", "placeholder": "-10"}),
            )

    @property
    def moves(self) -> dict[str, float]:
        """The returns, as fractions, of the factors that a valid form names."""
        given = {key: self.cleaned_data[f"f_{key}"] for key in self.keys}
        return {key: round(value / 100, 6) for key, value in given.items() if value is not None}


class ScenarioForm(forms.Form):
    name = forms.CharField(label=_("Name"), max_length=100, widget=forms.TextInput(CONTROL))
    description = forms.CharField(
        label=_("Description"), max_length=500, required=False, widget=forms.TextInput(CONTROL)
    )
