"""The form of a change of the cost method."""

from __future__ import annotations

import uuid
from collections.abc import Mapping
from typing import Any

from django import forms
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from core.errors import DomainError
from portfolios.forms.rows import DayField
from portfolios.forms.trade import field_class, once_key
from portfolios.models import CostMethod


class MethodForm(forms.Form):
    """From the start of ``day`` on, sales take lots by ``method``."""

    method = forms.ChoiceField(label=_("Method"), choices=CostMethod.choices)
    day = DayField(label=_("From the start of"), widget=forms.DateInput(attrs={"type": "date"}))
    key = forms.UUIDField(widget=forms.HiddenInput, required=False)

    def __init__(self, data: Mapping[str, Any] | None = None) -> None:
        first = {"key": uuid.uuid4(), "day": timezone.now().date().isoformat()}
        super().__init__(data, initial=first, use_required_attribute=False)
        for name, known in self.fields.items():
            known.widget.attrs |= {"aria-describedby": f"hint-{name} error-{name}", "class": field_class(known)}

    def terms(self) -> dict[str, Any]:
        return {name: self.cleaned_data[name] for name in ("method", "day")}

    @property
    def once_key(self) -> str:
        said = [(name, text) for name, text in self.data.items() if name in ("method", "day")]
        return once_key(self.cleaned_data.get("key"), said)

    def refuse(self, error: DomainError) -> None:
        """Put what is refused beside the input that it is about."""
        self.add_error(error.field if error.field in self.fields else None, error.message)

    def said(self) -> list[tuple[str, list[str]]]:
        """Every input's name with what is wrong with it."""
        return [(name, [str(text) for text in self.errors.get(name, [])]) for name in ("method", "day")]

    @property
    def general(self) -> list[str]:
        return [str(text) for text in self.non_field_errors()] if self.is_bound else []
