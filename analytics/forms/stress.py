"""What people type to make a scenario of their own."""

from __future__ import annotations

from typing import Any

from django import forms

from analytics.scenarios import Shock, Target

TARGETS = {Target.ASSET: "Security", Target.SECTOR: "Sector", Target.CURRENCY: "Currency", Target.ALL: "Everything"}
CONTROL = {"class": "form-control", "autocomplete": "off"}


class ShockForm(forms.Form):
    """One row of a scenario. A row without a size is left out."""

    target = forms.ChoiceField(
        choices=[(target.value, label) for target, label in TARGETS.items()],
        widget=forms.Select({"class": "form-select"}),
        label="What moves",
    )
    key = forms.CharField(
        max_length=100,
        required=False,
        label="Which",
        widget=forms.TextInput(CONTROL | {"list": "scenario-names", "placeholder": "AAPL, Technology, EUR"}),
    )
    size = forms.FloatField(
        min_value=-100,
        max_value=1000,
        required=False,
        label="By, in %",
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


class ScenarioForm(forms.Form):
    name = forms.CharField(max_length=100, widget=forms.TextInput(CONTROL))
    description = forms.CharField(max_length=500, required=False, widget=forms.TextInput(CONTROL))
