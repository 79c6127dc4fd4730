"""The form of a goal."""

from __future__ import annotations

import uuid
from typing import Any

from django import forms
from django.utils.translation import gettext_lazy as _

from banking.forms.fields import CONTROL, AmountField, DateField
from core.errors import DomainError
from portfolios.forms.trade import once_key
from portfolios.models import Goal, Portfolio
from portfolios.services.goals import LONGEST_NAME, GoalTerms

NAMES = ("name", "amount", "currency", "due_on", "start_on")


class GoalForm(forms.Form):
    """What a portfolio shall be worth one day; ``terms`` are what the services take."""

    use_required_attribute = False

    name = forms.CharField(label=_("Name"), max_length=LONGEST_NAME, widget=forms.TextInput(CONTROL))
    amount = AmountField(label=_("Target"))
    currency = forms.CharField(
        label=_("Currency"),
        min_length=3,
        max_length=3,
        widget=forms.TextInput(CONTROL | {"size": 4, "autocapitalize": "characters"}),
    )
    due_on = DateField(label=_("To be reached by"))
    start_on = DateField(label=_("Since"), required=False, help_text=_("Shows how much of the time has passed, too."))
    key = forms.UUIDField(widget=forms.HiddenInput, required=False)

    def __init__(self, data: Any = None, *, portfolio: Portfolio, goal: Goal | None = None) -> None:
        shown = {name: getattr(goal, name) for name in NAMES} if goal else {"currency": portfolio.base_currency}
        super().__init__(data, initial={**shown, "key": uuid.uuid4()})

    def clean_currency(self) -> str:
        return str(self.cleaned_data["currency"]).upper()

    def terms(self) -> dict[str, Any]:
        return {name: self.cleaned_data[name] for name in NAMES}

    def goal_terms(self) -> GoalTerms:
        return GoalTerms(**self.terms())

    @property
    def once_key(self) -> str:
        said = [(name, text) for name, text in self.data.items() if name in NAMES]
        return once_key(self.cleaned_data.get("key"), said)

    def refuse(self, error: DomainError) -> None:
        """Put what is refused beside the input that it is about."""
        self.add_error(error.field if error.field in self.fields else None, error.message)
