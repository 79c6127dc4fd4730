"""A portfolio's settings, as a page shows and takes them."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

from django import forms
from django.core.exceptions import ValidationError
from django.utils.translation import gettext_lazy as _

from assets.forms.fields import AssetField
from banking.forms.fields import CONTROL, SELECT, PlainDecimalField
from core.api import plain
from core.errors import DomainError
from core.money import EXACT
from core.web import typable
from portfolios.forms.fields import CASH_CHOICES
from portfolios.models import Portfolio, RiskTolerance
from portfolios.services.portfolios import LONGEST_NAME, MOST_DAYS
from users.models import User

MOST_DIGITS = 8
LONGEST_TEXT = 2000
AS_THEY_ARE = ("name", "description", "base_currency", "cash", "allow_short", "long_term_days", "risk_tolerance")


class ShareField(PlainDecimalField):
    """A fraction that is written in percent: 5 is 0.05."""

    def to_python(self, value: Any) -> Decimal | None:
        number = super().to_python(value)
        if number is None:
            return None
        if not 0 <= number <= 100 or len(number.as_tuple().digits) > MOST_DIGITS:
            raise ValidationError(_("Write a percentage from 0 to 100."), code="range")
        return EXACT.divide(number, Decimal(100))

    def prepare_value(self, value: Any) -> Any:
        return typable(plain(EXACT.multiply(value, Decimal(100)))) if isinstance(value, Decimal) else value


class PortfolioSettingsForm(forms.Form):
    """``terms`` are what ``change_portfolio`` takes."""

    use_required_attribute = False

    name = forms.CharField(label=_("Name"), max_length=LONGEST_NAME, widget=forms.TextInput(CONTROL))
    description = forms.CharField(
        label=_("Description"),
        max_length=LONGEST_TEXT,
        required=False,
        widget=forms.Textarea({"class": "form-control", "rows": 2}),
    )
    base_currency = forms.CharField(
        label=_("Base currency"),
        min_length=3,
        max_length=3,
        widget=forms.TextInput(CONTROL | {"size": 4, "autocapitalize": "characters"}),
    )
    benchmark = AssetField(
        label=_("Benchmark"),
        required=False,
        help_text=_("A security by its symbol, ISIN or name, to which returns are compared."),
        widget=forms.TextInput(CONTROL),
    )
    risk_tolerance = forms.ChoiceField(
        label=_("Risk tolerance"),
        required=False,
        choices=[("", _("Not stated")), *RiskTolerance.choices],
        widget=forms.Select(SELECT),
    )
    rebalance_threshold = ShareField(
        label=_("Rebalancing threshold, %"),
        help_text=_("How far a weight may drift from its target, in percentage points, before it is traded."),
        widget=forms.TextInput(CONTROL | {"inputmode": "decimal", "maxlength": 64}),
    )
    cash = forms.ChoiceField(
        label=_("Cash"),
        choices=CASH_CHOICES,
        help_text=_(
            "Tracked: trades move the portfolio’s accounts. "
            "Not tracked: each trade’s cash counts as a deposit or withdrawal."
        ),
        widget=forms.Select(SELECT),
    )
    long_term_days = forms.IntegerField(
        label=_("Long term after, days"),
        min_value=0,
        max_value=MOST_DAYS,
        help_text=_("A sale is long-term when its lot was held for more days than this."),
        widget=forms.TextInput(CONTROL | {"inputmode": "numeric", "maxlength": 6}),
    )
    allow_short = forms.BooleanField(
        label=_("More may be sold than is held"),
        required=False,
        widget=forms.CheckboxInput({"class": "form-check-input"}),
    )

    def __init__(self, data: Any = None, *, portfolio: Portfolio, user: User, currency_stands: bool) -> None:
        """``currency_stands``: trades were booked in it."""
        shown = {name: getattr(portfolio, name) for name in (*AS_THEY_ARE, "rebalance_threshold")}
        shown["benchmark"] = portfolio.benchmark.symbol if portfolio.benchmark else ""
        super().__init__(data, initial=shown)
        currency, benchmark = self.fields["base_currency"], self.fields["benchmark"]
        currency.disabled = currency_stands
        currency.help_text = _("It stays, since trades were booked in it.") if currency_stands else ""
        if isinstance(benchmark, AssetField):
            benchmark.user = user

    def clean_base_currency(self) -> str:
        return str(self.cleaned_data["base_currency"]).upper()

    def terms(self) -> dict[str, Any]:
        return dict(self.cleaned_data)

    def refuse(self, error: DomainError) -> None:
        """Put what is refused beside the input that it is about."""
        self.add_error(error.field if error.field in self.fields else None, error.message)
