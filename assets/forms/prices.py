"""What staff types in about prices."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

from django import forms
from django.utils.translation import gettext, pgettext_lazy
from django.utils.translation import gettext_lazy as _

from assets.models import Asset
from assets.price_lists import FIGURES, MOST_BYTES, NUMBER
from core.web import localised


class PlainNumberField(forms.CharField):
    """12.50 or 12,50: digits and at most one point or comma. Becomes a Decimal, or None when it is left empty."""

    def __init__(self, **kwargs: Any) -> None:
        super().__init__(max_length=30, widget=forms.TextInput(attrs={"inputmode": "decimal"}), **kwargs)

    def clean(self, value: Any) -> Any:
        text = super().clean(value)
        if not text:
            return None
        if not NUMBER.fullmatch(text):
            raise forms.ValidationError(gettext("Write a plain number, such as 12.50 or 12,50."))
        return Decimal(text.replace(",", "."))


class PriceForm(forms.Form):
    """One day's price of one asset."""

    symbol = forms.CharField(max_length=32, label=_("Symbol"))
    day = forms.DateField(
        label=_("Day"), input_formats=["%Y-%m-%d"], widget=forms.DateInput(format="%Y-%m-%d", attrs={"type": "date"})
    )
    close = PlainNumberField(label=pgettext_lazy("price", "Close"))
    open = PlainNumberField(label=_("Open"), required=False)
    high = PlainNumberField(label=_("High"), required=False)
    low = PlainNumberField(label=_("Low"), required=False)
    volume = PlainNumberField(label=_("Volume"), required=False)
    confirmed = forms.BooleanField(label=_("The price is right, although it is far from the last one"), required=False)

    def clean_symbol(self) -> Asset:
        symbol: str = self.cleaned_data["symbol"]
        asset = Asset.objects.filter(symbol=symbol).select_related("exchange").first()
        if asset is None:
            raise forms.ValidationError(gettext("There is no asset with this symbol."))
        return asset

    @property
    def figures(self) -> dict[str, Decimal | None]:
        return {name: self.cleaned_data[name] for name in FIGURES}


class PriceListForm(forms.Form):
    """A CSV file of prices, to be looked at first."""

    file = forms.FileField(label=_("CSV file"))

    def clean_file(self) -> bytes:
        upload = self.cleaned_data["file"]
        if upload.size > MOST_BYTES:
            raise forms.ValidationError(
                gettext("The file is larger than %(most)s bytes.") % {"most": localised(f"{MOST_BYTES:,}")}
            )
        content: bytes = upload.read()
        return content
