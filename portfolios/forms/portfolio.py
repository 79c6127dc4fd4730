"""The form of a new portfolio."""

from __future__ import annotations

import uuid
from collections.abc import Mapping
from typing import Any

from django import forms
from django.utils.translation import gettext_lazy as _

from assets.forms.fields import AssetField
from core.errors import DomainError
from core.money import MINOR_UNITS
from portfolios.forms.fields import CASH_CHOICES
from portfolios.forms.trade import field_class, once_key
from portfolios.models import CashSetting, CostMethod
from users.models import Organisation, User

OWN = "0"
CURRENCIES = [(code, code) for code in sorted(MINOR_UNITS)]
FIELDS = ("name", "base_currency", "cost_method", "cash", "benchmark", "holder")


class PortfolioForm(forms.Form):
    """``holder`` is there for who manages an organisation: the portfolio is then theirs or its."""

    name = forms.CharField(label=_("Name"), max_length=100, strip=True)
    base_currency = forms.ChoiceField(label=_("Base currency"), choices=CURRENCIES)
    cost_method = forms.ChoiceField(label=_("Cost method"), choices=CostMethod.choices)
    cash = forms.ChoiceField(label=_("Cash"), choices=CASH_CHOICES)
    benchmark = AssetField(label=_("Benchmark"), required=False)
    holder = forms.ChoiceField(label=_("Whose"), required=False)
    key = forms.UUIDField(widget=forms.HiddenInput, required=False)

    def __init__(self, data: Mapping[str, Any] | None = None, *, user: User) -> None:
        first = {"key": uuid.uuid4(), "base_currency": user.base_currency, "cash": CashSetting.TRACKED}
        super().__init__(data, initial=first, use_required_attribute=False)
        self.user = user
        self.firms = {str(each.pk): each for each in Organisation.objects.managed_by(user)}
        if self.firms:
            whose: Any = self.fields["holder"]
            whose.choices = [(OWN, _("My own")), *((pk, str(firm)) for pk, firm in self.firms.items())]
        else:
            del self.fields["holder"]
        benchmark: Any = self.fields["benchmark"]
        benchmark.user = user
        for name, known in self.fields.items():
            known.widget.attrs |= {"aria-describedby": f"hint-{name} error-{name}", "class": field_class(known)}

    @property
    def owner(self) -> User | Organisation:
        return self.firms.get(self.cleaned_data.get("holder") or OWN, self.user)

    def terms(self) -> dict[str, Any]:
        return {name: self.cleaned_data[name] for name in FIELDS if name != "holder"}

    @property
    def once_key(self) -> str:
        said = [(name, text) for name, text in self.data.items() if name in FIELDS]
        return once_key(self.cleaned_data.get("key"), said)

    def refuse(self, error: DomainError) -> None:
        """Put what is refused beside the input that it is about."""
        self.add_error(error.field if error.field in self.fields else None, error.message)

    @property
    def general(self) -> list[str]:
        return [str(text) for text in self.non_field_errors()] if self.is_bound else []
