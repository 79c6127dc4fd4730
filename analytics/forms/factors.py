"""What staff sends to load factor returns."""

from __future__ import annotations

import base64
import binascii
import gzip
from typing import Any

from django import forms
from django.conf import settings
from django.core.validators import RegexValidator
from django.utils.translation import gettext_lazy as _

from analytics.factor_files import MOST_BYTES
from analytics.models.factor import LONGEST_KEY, validate_key
from analytics.services.factors import NewFactorSet
from core.web import localised

UNITS = {"auto": _("As the file says"), "percent": _("Percent"), "fraction": _("Fractions")}
PERCENT = {"auto": None, "percent": True, "fraction": False}
OTHER_FIELDS = 10_000  # bytes of the form that stores, beside the file
CONTROL = {"class": "form-control"}
SELECT = {"class": "form-select"}


class LoadForm(forms.Form):
    """A file for a factor set; a key that no set has makes a new one, with the words that are given."""

    use_required_attribute = False

    key = forms.CharField(
        max_length=LONGEST_KEY,
        label=_("Key of the set"),
        validators=[validate_key],
        widget=forms.TextInput(CONTROL | {"list": "factor-set-keys", "autocomplete": "off", "autocapitalize": "none"}),
    )
    name = forms.CharField(max_length=100, required=False, label=_("Name"), widget=forms.TextInput(CONTROL))
    source = forms.CharField(max_length=200, required=False, label=_("Source"), widget=forms.TextInput(CONTROL))
    region = forms.CharField(max_length=100, required=False, label=_("Region"), widget=forms.TextInput(CONTROL))
    currency = forms.CharField(
        max_length=3,
        required=False,
        label=_("Currency"),
        validators=[RegexValidator(r"\A[A-Z]{3}\Z", "Write three capital letters, such as USD.")],
        widget=forms.TextInput(CONTROL),
    )
    unit = forms.ChoiceField(
        choices=list(UNITS.items()), label=_("Values are"), required=False, widget=forms.Select(SELECT)
    )
    new_factors = forms.BooleanField(
        required=False, label=_("Columns that the set does not have are new factors"), widget=forms.CheckboxInput()
    )

    @property
    def new(self) -> NewFactorSet:
        """The set as it would be made; its frequency is the file's."""
        given = self.cleaned_data
        words = {name: given[name] for name in ("source", "region", "currency")}
        return NewFactorSet(key=given["key"], name=given["name"] or given["key"], frequency="", **words)

    @property
    def percent(self) -> bool | None:
        return PERCENT[self.cleaned_data["unit"] or "auto"]


class UploadForm(LoadForm):
    """With the file itself, to be looked at first."""

    file = forms.FileField(label=_("File"), widget=forms.ClearableFileInput(CONTROL))

    def clean_file(self) -> bytes:
        upload = self.cleaned_data["file"]
        if upload.size > MOST_BYTES:
            raise forms.ValidationError(
                _("The file is larger than %(most)s bytes.") % {"most": localised(f"{MOST_BYTES:,}")}
            )
        content: bytes = upload.read()
        if len(packed(content)) > settings.DATA_UPLOAD_MAX_MEMORY_SIZE - OTHER_FIELDS:
            raise forms.ValidationError(_("The file is too large for this page; manage.py load_factors takes it."))
        return content


class StoreForm(LoadForm):
    """With the file that was looked at, packed into text."""

    packed = forms.CharField(widget=forms.HiddenInput)

    def clean_packed(self) -> bytes:
        try:
            return base64.b64decode(self.cleaned_data["packed"].encode("ascii", "replace"), validate=True)
        except (binascii.Error, ValueError) as error:
            raise forms.ValidationError(_("The file did not come back whole; choose it again.")) from error


def packed(content: bytes) -> str:
    """A file as text that goes through a form; the reader of factor files unpacks it as it does any archive."""
    return base64.b64encode(content if content[:2] in (b"PK", b"\x1f\x8b") else gzip.compress(content)).decode()


def words_of(form: LoadForm) -> dict[str, Any]:
    """What was typed, for the form that stores."""
    return {name: form.cleaned_data[name] for name in LoadForm.base_fields}
