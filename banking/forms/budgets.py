"""What is typed on the page of budgets."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date
from decimal import Decimal
from typing import TYPE_CHECKING, Any

from django import forms
from django.utils.translation import gettext_lazy as _

from banking.budgeting import month_named
from banking.forms.entry import AmountField
from banking.forms.holders import HolderField
from banking.models import Budget
from core.api import plain
from core.web import typable
from users.models import User

if TYPE_CHECKING:
    from django.utils.functional import _StrOrPromise

WORDS: dict[str, Any] = {"class": "form-control", "autocomplete": "off"}


class MonthInput(forms.DateInput):
    input_type = "month"


class MonthField(forms.Field):
    """A month, as a month picker sends it: YYYY-MM. Its value is the month's first day."""

    def __init__(self, label: _StrOrPromise, *, required: bool = True) -> None:
        super().__init__(label=label, required=required, widget=MonthInput(attrs=WORDS, format="%Y-%m"))

    def to_python(self, value: Any) -> date | None:
        text = (value or "").strip()
        found = month_named(text)
        if text and found is None:
            raise forms.ValidationError(_("Write a month, such as 2024-05."))
        return found


class BudgetForm(forms.Form):
    """A budget; of one that is there, what it is for stays."""

    category = forms.CharField(
        label=_("Category"), max_length=60, widget=forms.TextInput(attrs=WORDS | {"list": "budget-categories"})
    )
    amount = AmountField(label=_("Amount a month"))
    currency = forms.CharField(
        label=_("Currency"),
        max_length=3,
        required=False,
        widget=forms.TextInput(attrs=WORDS | {"placeholder": _("The owner's")}),
    )
    first_month = MonthField(_("From"))
    last_month = MonthField(_("To"), required=False)
    carries_over = forms.BooleanField(
        label=_("What is left or overspent counts in the next month"),
        required=False,
        widget=forms.CheckboxInput(attrs={"class": "form-check-input"}),
    )
    holder = HolderField()
    use_required_attribute = False

    def __init__(
        self,
        data: Mapping[str, Any] | None = None,
        *,
        reader: User,
        budget: Budget | None = None,
        initial: dict[str, Any] | None = None,
    ) -> None:
        super().__init__(data, initial=(_typed(budget) if budget else {}) | (initial or {}), auto_id="budget-%s")
        self.label_suffix = ""
        if budget:
            for name in ("category", "currency", "holder"):
                del self.fields[name]
        else:
            self.fields["holder"].offer(reader)  # type: ignore[attr-defined]

    def terms(self) -> dict[str, Any]:
        given = {name: value for name, value in self.cleaned_data.items() if name != "holder"}
        if "currency" in given:
            given["currency"] = given["currency"].upper()
        return given


def _typed(budget: Budget) -> dict[str, Any]:
    shown = {name: getattr(budget, name) for name in ("first_month", "last_month", "carries_over")}
    return shown | {"amount": typable(plain(Decimal(budget.amount)))}
