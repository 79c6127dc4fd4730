"""The field that a security is written into."""

from __future__ import annotations

from typing import Any

from django import forms
from django.core.exceptions import ValidationError
from django.utils.translation import gettext_lazy as _

from assets.models import Asset
from users.models import User

LONGEST_NAME = 200


class AssetField(forms.CharField):
    """A security by its symbol, ISIN or name; several of the same name are told apart by their symbols."""

    user: User | None = None

    default_error_messages = {
        "unknown": _("There is no security with the symbol, ISIN or name “%(text)s”."),
        "several": _("Several securities are named so: %(symbols)s. Write the symbol."),
    }

    def __init__(self, **kwargs: Any) -> None:
        super().__init__(**{"max_length": LONGEST_NAME, "strip": True} | kwargs)

    def clean(self, value: Any) -> Any:
        text = super().clean(value)
        if not text:
            return None
        found = Asset.objects.visible_to(self.user).named(text) if self.user else []
        if not found:
            raise ValidationError(self.error_messages["unknown"], code="unknown", params={"text": text})
        if len(found) > 1:
            symbols = ", ".join(asset.symbol for asset in found)
            raise ValidationError(self.error_messages["several"], code="several", params={"symbols": symbols})
        return found[0]
