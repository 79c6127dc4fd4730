"""Naming an organisation in a request."""

from __future__ import annotations

from typing import Any

from django.http import Http404
from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import extend_schema_field
from rest_framework import serializers

from core.api import StrictIntegerField
from core.web import Right, obtain
from users.models import Organisation


@extend_schema_field(OpenApiTypes.INT)
class OrganisationField(serializers.Field[Any, Any, Any, Any]):
    """An organisation that the caller manages, by its id. One that they only belong to is a 403."""

    default_error_messages = {"does_not_exist": "You have no such organisation."}

    def to_internal_value(self, data: Any) -> Organisation:
        number = StrictIntegerField(min_value=1).run_validation(data)
        try:
            return obtain(Organisation.objects.all(), self.context["request"].user, Right.MANAGE, pk=number)
        except Http404:
            self.fail("does_not_exist")

    def to_representation(self, value: Organisation) -> int:
        return int(value.pk)
