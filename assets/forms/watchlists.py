"""What people type on the pages of market data."""

from __future__ import annotations

from decimal import Decimal
from typing import Any, cast

from django import forms
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _

from assets.forms.fields import AssetField
from core.api import PLAIN_DECIMAL
from core.fields import QUANTITY_LIMIT
from core.web import plain_number, two_numbers
from users.models import User

CONTROL = {"class": "form-control"}


class PriceField(forms.CharField):
    """A positive number as the reader writes them, with at most 10 decimals. Empty is None."""

    def clean(self, value: Any) -> Any:
        written = str(super().clean(value))
        if not written:
            return None
        text = plain_number(written)
        if not text:
            raise forms.ValidationError(two_numbers(written))
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
    """The same with the asset, by its symbol, ISIN or name, in capitals or not."""

    asset = AssetField(
        label=_("Security"),
        widget=forms.TextInput(
            CONTROL
            | {"autocomplete": "off", "spellcheck": "false", "list": "watched-assets"}
            | {"placeholder": _("Symbol, name or ISIN")}
        ),
    )
    field_order = ("asset", "target_price", "note")

    def __init__(self, *args: Any, user: User, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        cast("AssetField", self.fields["asset"]).user = user
