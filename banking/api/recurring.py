"""What recurs in the caller's accounts, over HTTP."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from django.utils import timezone
from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import OpenApiParameter, extend_schema
from rest_framework import serializers, status
from rest_framework.decorators import action
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.viewsets import GenericViewSet

from banking.api.base import caller, checked_input
from banking.api.fields import BookableAccountField
from banking.matching.recurring import Interval
from banking.models import Account
from banking.queries.recurring import Suggestion, suggestions
from banking.services import recurring as service
from core.api import DecimalStringField, StrictSerializer


class RecurringSerializer(serializers.Serializer[Any]):
    """Payments that recur. ``amount`` is the last one's, signed; ``yearly`` what it comes to in a year."""

    key = serializers.CharField(source="found.key")
    name = serializers.CharField(source="found.name")
    account = serializers.IntegerField(source="account.pk")
    currency = serializers.CharField(source="account.currency")
    counterparty = serializers.IntegerField(source="found.counterparty", allow_null=True)
    amount = DecimalStringField(source="found.amount")
    interval = serializers.ChoiceField([each.word for each in Interval], source="found.interval.word")
    times = serializers.IntegerField(source="found.times")
    first = serializers.DateField(source="found.first")
    last = serializers.DateField(source="found.last")
    expected = serializers.DateField(source="found.expected", help_text="When the next one is expected.")
    yearly = DecimalStringField(source="found.yearly")
    dismissed = serializers.BooleanField()


class SuggestionKeySerializer(StrictSerializer, serializers.Serializer[Any]):
    key = serializers.RegexField("^[0-9a-f]{64}$", help_text="Of a suggestion.")
    account = BookableAccountField()


FLAG = OpenApiParameter("dismissed", OpenApiTypes.BOOL, description="Those that were dismissed, instead of the others.")


class RecurringViewSet(GenericViewSet[Account]):
    """What comes again and again: found in the last 25 months of the accounts that the caller sees."""

    queryset = Account.objects.none()
    serializer_class = RecurringSerializer
    filter_backends = ()

    @extend_schema(parameters=[FLAG])
    def list(self, request: Request) -> Response:
        asked = request.query_params.get("dismissed", "false")
        if asked not in ("true", "false"):
            raise serializers.ValidationError({"dismissed": ["Write true or false."]})
        accounts = Account.objects.visible_to(caller(request))
        every = suggestions(accounts, timezone.now().date())
        found: list[Suggestion] = [each for each in every if each.dismissed == (asked == "true")]
        page: Any = self.paginate_queryset(found)
        return self.get_paginated_response(self.get_serializer(page, many=True).data)

    @extend_schema(request=SuggestionKeySerializer, responses={204: None})
    @action(detail=False, methods=["post"])
    def dismiss(self, request: Request) -> Response:
        """Hide a suggestion."""
        return self._kept(request, service.dismiss)

    @extend_schema(request=SuggestionKeySerializer, responses={204: None})
    @action(detail=False, methods=["post"])
    def restore(self, request: Request) -> Response:
        """Show a dismissed suggestion again."""
        return self._kept(request, service.restore)

    def _kept(self, request: Request, change: Callable[..., None]) -> Response:
        given = checked_input(SuggestionKeySerializer(data=request.data, context=self.get_serializer_context()))
        change(**given, actor=caller(request))
        return Response(status=status.HTTP_204_NO_CONTENT)
