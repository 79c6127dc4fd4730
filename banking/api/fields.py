"""Fields that name what belongs to people: anything that is not the caller's looks as if it did not exist."""

from __future__ import annotations

from typing import Any

from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import extend_schema_field
from rest_framework import serializers

from assets.api.fields import SymbolField
from banking.models import Account, Category, Counterparty
from core.api import StrictIntegerField

BY_ID_OR_NAME = {"oneOf": [{"type": "integer"}, {"type": "string"}], "nullable": True}


class BookableAccountField(serializers.PrimaryKeyRelatedField[Account]):
    """An account that the caller may book into."""

    default_error_messages = {"does_not_exist": "You have no such account."}

    def __init__(self, **kwargs: Any) -> None:
        super().__init__(pk_field=StrictIntegerField(), **kwargs)

    def get_queryset(self) -> Any:
        return Account.objects.editable_by(self.context["request"].user)


@extend_schema_field(BY_ID_OR_NAME)
class ByIdOrNameField(serializers.Field[Any, Any, Any, Any]):
    """Its id out. In: the id of one that the caller sees, or a name, which stays a text: the books know whose it is."""

    default_error_messages = {
        "invalid": "Write its id, or its name as a text.",
        "does_not_exist": "There is no such {what}.",
        "max_length": "A name has at most {most} characters.",
    }
    model: Any = None
    what = ""
    most = 0

    def to_internal_value(self, data: Any) -> Any:
        if isinstance(data, str):
            return self._name(data.strip())
        if not isinstance(data, int) or isinstance(data, bool) or not 0 < data < 10**18:
            self.fail("invalid")
        found = self.model.objects.visible_to(self.context["request"].user).filter(pk=data).first()
        return found or self.fail("does_not_exist", what=self.what)

    def _name(self, name: str) -> str:
        if not name:
            self.fail("invalid")
        if len(name) > self.most:
            self.fail("max_length", most=self.most)
        return name

    def to_representation(self, value: Any) -> int:
        return int(value.pk)


@extend_schema_field(OpenApiTypes.STR)
class AssetField(SymbolField):
    """An asset by its symbol, in a serializer that has no model."""


class CategoryField(ByIdOrNameField):
    model = Category
    what = "category"
    most = 60


class CounterpartyField(ByIdOrNameField):
    model = Counterparty
    what = "counterparty"
    most = 140
