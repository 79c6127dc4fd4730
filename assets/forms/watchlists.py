"""What people type on the pages of market data."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

from django import forms
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _

from assets.models import Asset
from core.api import PLAIN_DECIMAL
from core.fields import QUANTITY_LIMIT
from users.models import User

CONTROL = {"class": "form-control"}


class PriceField(forms.CharField):
    """A plain positive number: digits, at most one point and 10 decimals. Empty is None."""

    def clean(self, value: Any) -> Any:
        text = str(super().clean(value))
        if not text:
            return None
        price = Decimal(text) if PLAIN_DECIMAL.fullmatch(text) else Decimal(0)
        if not 0 < price < QUANTITY_LIMIT or price != round(price, 10):
            raise forms.ValidationError(
                gettext("Write a plain number above 0, such as 12.50, with at most 10 decimals.")
            )
        return price


class WatchlistForm(forms.Form):
    name = forms.CharField(label=_("Name"), max_length=100, widget=forms.TextInput(CONTROL | {"autocomplete": "off"}))


class EntryForm(forms.Form):
    """What somebody notes about a watched asset."""

    target_price = PriceField(
        label=_("Target price"),
        max_length=40,
        required=False,
        widget=forms.TextInput(CONTROL | {"inputmode": "decimal", "autocomplete": "off"}),
    )
    note = forms.CharField(
        label=_("Note"), max_length=500, required=False, widget=forms.TextInput(CONTROL | {"autocomplete": "off"})
    )


class NewEntryForm(EntryForm):
    """The same with the asset, by its symbol in capitals or not."""

    asset = forms.CharField(
        label=_("Symbol"),
        max_length=32,
        widget=forms.TextInput(
            CONTROL | {"autocomplete": "off", "autocapitalize": "characters", "spellcheck": "false"}
        ),
    )
    field_order = ("asset", "target_price", "note")

    def __init__(self, *args: Any, user: User, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.user = user

    def clean_asset(self) -> Asset:
        symbol = str(self.cleaned_data["asset"])
        asset = Asset.objects.visible_to(self.user).filter(symbol=symbol.upper()).first()
        if asset is None:
            raise forms.ValidationError(gettext("There is no asset with the symbol “%(symbol)s”.") % {"symbol": symbol})
        return asset
