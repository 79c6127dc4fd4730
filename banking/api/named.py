"""What the endpoints of categories, counterparties and tags have in common."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping, Sequence
from typing import Any, ClassVar

from django.db.models import Model, QuerySet
from drf_spectacular.utils import extend_schema
from rest_framework import mixins, serializers, status
from rest_framework.decorators import action
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.viewsets import GenericViewSet

from banking.api.base import METHODS, MergedSerializer, MergeSerializer, caller, checked_input
from banking.models import Account


class NamedViewSet(mixins.DestroyModelMixin, GenericViewSet[Any], ABC):
    """Rows with a name that belong to a person or an organisation, each with how often it is used."""

    http_method_names = METHODS
    model: type[Any]
    uses: Callable[..., Mapping[int, int]]
    ordering_fields: ClassVar = ["name"]

    def get_queryset(self) -> QuerySet[Any]:
        return self.model.objects.visible_to(caller(self.request))

    def list(self, request: Request) -> Response:
        page = self.paginate_queryset(self.filter_queryset(self.get_queryset())) or []
        return self.get_paginated_response(self.shown(page))

    def retrieve(self, request: Request, pk: str) -> Response:
        return self.one(self.get_object())

    def create(self, request: Request) -> Response:
        given = checked_input(self.get_serializer(data=request.data))
        return self.one(self.make(given), status.HTTP_201_CREATED)

    def partial_update(self, request: Request, pk: str) -> Response:
        row = self.get_object()
        given = checked_input(self.get_serializer(row, data=request.data, partial=True))
        return self.one(self.change(row, given))

    def perform_destroy(self, instance: Any) -> None:
        self.remove(instance)

    @extend_schema(request=MergeSerializer, responses=MergedSerializer)
    @action(detail=True, methods=["post"])
    def merge(self, request: Request, pk: str) -> Response:
        """Put another one wherever this one stands, and delete this one. It cannot be taken back."""
        row = self.get_object()
        wanted = checked_input(MergeSerializer(data=request.data))["into"]
        target = self.get_queryset().filter(pk=wanted).first()
        if target is None:
            raise serializers.ValidationError({"into": ["There is no such one."]})
        return Response({"changed": self.join(row, target)})

    @abstractmethod
    def make(self, given: dict[str, Any]) -> Any:
        """A new row."""

    @abstractmethod
    def change(self, row: Any, given: dict[str, Any]) -> Any:
        """The row as changed."""

    @abstractmethod
    def remove(self, row: Any) -> None:
        """Delete the row."""

    @abstractmethod
    def join(self, source: Any, target: Any) -> dict[str, int]:
        """Put ``target`` wherever ``source`` stands; returns how many of what were changed."""

    def one(self, row: Model, code: int = status.HTTP_200_OK) -> Response:
        return Response(self.shown([row])[0], status=code)

    def shown(self, rows: Sequence[Any]) -> Any:
        accounts = Account.objects.visible_to(caller(self.request))
        uses = type(self).uses(accounts, [row.pk for row in rows])
        context = {**self.get_serializer_context(), "uses": uses}
        return self.get_serializer_class()(rows, many=True, context=context).data


class UsesField(serializers.Field[Any, Any, Any, Any]):
    """How many rows of the caller's accounts it is used in, voided ones included."""

    def __init__(self) -> None:
        super().__init__(read_only=True, source="pk")

    def to_representation(self, value: int) -> int:
        return int(self.context["uses"].get(value, 0))
