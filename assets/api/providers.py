"""The providers of prices over HTTP, for staff: how each is doing, and its key, which goes in and never comes out."""

from __future__ import annotations

from typing import Any, cast

from django.http import Http404
from django.utils import timezone
from drf_spectacular.utils import extend_schema
from rest_framework import serializers
from rest_framework.generics import GenericAPIView
from rest_framework.permissions import IsAdminUser
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from assets.models import ProviderState
from assets.services.keys import WITH_KEY, enter_key, forget_key
from assets.services.standing import STATES, standings
from core.api import AwareDateTimeField, StrictSerializer
from users.models import User


class CallsSerializer(serializers.Serializer[Any]):
    """Calls by span; null where there is no limit. A day is the last 24 hours."""

    second = serializers.IntegerField(allow_null=True)
    minute = serializers.IntegerField(allow_null=True)
    day = serializers.IntegerField(allow_null=True)


class ProviderSerializer(serializers.Serializer[Any]):
    """How a provider is doing, for all processes of the server together."""

    name = serializers.CharField()
    state = serializers.ChoiceField(choices=list(STATES), help_text="“open”: its breaker is, and nobody asks it.")
    until = AwareDateTimeField(allow_null=True, help_text="When it is asked again.")
    capabilities = serializers.ListField(child=serializers.CharField())
    key = serializers.CharField(
        allow_null=True, help_text="“environment”, “stored”, “unreadable” or “”; null where it needs none."
    )
    failures = serializers.IntegerField(source="record.failures", help_text="In a row.")
    answered = serializers.IntegerField(source="record.answers", help_text="Since the installation.")
    failed = serializers.IntegerField(source="record.errors", help_text="Since the installation.")
    last_success_at = AwareDateTimeField(source="record.last_success_at", allow_null=True)
    last_failure_at = AwareDateTimeField(source="record.last_failure_at", allow_null=True)
    last_error = serializers.CharField(source="record.last_error")
    calls_left = CallsSerializer(source="left")


class KeySerializer(StrictSerializer):
    key = serializers.CharField(max_length=200, write_only=True)


class ProvidersView(GenericAPIView[ProviderState]):
    queryset = ProviderState.objects.none()  # for the schema
    serializer_class = ProviderSerializer
    permission_classes = [IsAdminUser]
    filter_backends = ()

    @extend_schema(responses=ProviderSerializer(many=True))
    def get(self, request: Request) -> Response:
        """Every provider that there is, those that may be asked first, in their order."""
        page = self.paginate_queryset(cast("Any", standings(timezone.now())))
        return self.get_paginated_response(self.get_serializer(page, many=True).data)


class ProviderKeyView(APIView):
    """A stored key. One in the environment goes before it."""

    permission_classes = [IsAdminUser]

    @extend_schema(request=KeySerializer, responses={204: None})
    def put(self, request: Request, provider: str) -> Response:
        """Store a key in place of any that was there."""
        _require_known(provider)
        given = KeySerializer(data=request.data)
        given.is_valid(raise_exception=True)
        enter_key(actor=cast("User", request.user), provider=provider, key=given.validated_data["key"])
        return Response(status=204)

    @extend_schema(responses={204: None})
    def delete(self, request: Request, provider: str) -> Response:
        """Delete the stored key, if there is one."""
        _require_known(provider)
        forget_key(actor=cast("User", request.user), provider=provider)
        return Response(status=204)


def _require_known(provider: str) -> None:
    if provider not in WITH_KEY:
        raise Http404
