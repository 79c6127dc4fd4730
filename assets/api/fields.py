"""Naming a security in a request."""

from __future__ import annotations

from typing import Any

from django.db.models import QuerySet
from rest_framework import serializers

from assets.models import Asset


class SymbolField(serializers.SlugRelatedField[Asset]):
    """An asset by its symbol."""

    default_error_messages = {"does_not_exist": "There is no asset with the symbol “{value}”."}

    def __init__(self, **kwargs: Any) -> None:
        super().__init__(slug_field="symbol", **kwargs)

    def get_queryset(self) -> QuerySet[Asset]:
        return Asset.objects.visible_to(self.context["request"].user).select_related("exchange")

    def to_internal_value(self, data: Any) -> Asset:
        if not isinstance(data, str):
            self.fail("invalid")
        return super().to_internal_value(data)
