"""What the endpoints of banking share: who asks, for whom something is made, and the day of a balance."""

from __future__ import annotations

from datetime import date
from typing import Any, cast

from django import forms
from django_filters import rest_framework as filters
from rest_framework import serializers
from rest_framework.request import Request

from core.api import IsoDateField, StrictIntegerField, StrictSerializer
from users.models import Organisation, Role, User

METHODS = ["get", "post", "patch", "delete", "head", "options"]


class OrganisationField(StrictIntegerField):
    """The organisation that something belongs to; null: the caller's own."""

    def __init__(self, **kwargs: Any) -> None:
        given: dict[str, Any] = {"allow_null": True, "source": "organisation_id"}
        if not kwargs.get("read_only"):
            given |= {"required": False, "min_value": 1}
        super().__init__(**given | kwargs)


class IdFilter(filters.NumberFilter):
    """Rows by the id of what they refer to; one that nobody has finds nothing, like somebody else's."""

    field_class = forms.IntegerField

    def __init__(self, field_name: str, **options: Any) -> None:
        super().__init__(field_name, min_value=0, max_value=2**63 - 1, **options)


class AsOfQuery(serializers.Serializer[Any]):
    as_of = IsoDateField(required=False, help_text="Balances at the close of this day; of now when left out.")


class MergeSerializer(StrictSerializer, serializers.Serializer[Any]):
    into = StrictIntegerField(min_value=1, help_text="The id of the one that takes its place.")


class MergedSerializer(serializers.Serializer[Any]):
    changed = serializers.DictField(
        child=serializers.IntegerField(), help_text="How many rows of what were changed: cashtransaction, cashsplit, …"
    )


def caller(request: Request) -> User:
    return cast("User", request.user)


def holder_of(organisation_id: int | None, user: User, role: Role) -> User | Organisation:
    """The organisation with this id, in which the user has ``role``; the user for None."""
    if organisation_id is None:
        return user
    found = Organisation.objects.where(user, role).filter(pk=organisation_id).first()
    if found is None:
        raise serializers.ValidationError({"organisation": ["There is no such organisation in which you may do this."]})
    return found


def day_asked(request: Request) -> date | None:
    """``?as_of=``"""
    query = AsOfQuery(data=request.query_params.dict())
    query.is_valid(raise_exception=True)
    day: date | None = query.validated_data.get("as_of")
    return day


def checked_input(serializer: serializers.BaseSerializer[Any]) -> dict[str, Any]:
    serializer.is_valid(raise_exception=True)
    return dict(serializer.validated_data)
