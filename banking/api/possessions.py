"""Possessions and their values over HTTP."""

from __future__ import annotations

from functools import cached_property
from typing import Any, ClassVar

from django.db.models import QuerySet
from django_filters import rest_framework as filters
from drf_spectacular.utils import extend_schema
from rest_framework import mixins, serializers, status
from rest_framework.decorators import action
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.viewsets import GenericViewSet, ReadOnlyModelViewSet

from banking.api.base import METHODS, IdFilter, OrganisationField, caller, checked_input, holder_of
from banking.models import Possession, PossessionKind, Valuation
from banking.queries.possessions import with_worth
from banking.services.possessions import (
    add_possession,
    change_possession,
    delete_possession,
    dispose,
    keep_possession,
    value_possession,
    void_valuation,
)
from core.api import AwareDateTimeField, DecimalStringField, IsoDateField, StrictSerializer, right_above
from core.web import Right, obtain
from users.models import Role


class PossessionSerializer(StrictSerializer, serializers.Serializer[Any]):
    """Something that its owner values by hand. ``worth`` is the newest value; it counts until ``disposed_on``."""

    id = serializers.IntegerField(read_only=True, source="pk")
    name = serializers.CharField(max_length=100)
    kind = serializers.ChoiceField(PossessionKind.choices, default=PossessionKind.PROPERTY)
    currency = serializers.CharField(max_length=3, required=False, help_text="The holder's own when left out.")
    organisation = OrganisationField()
    value = DecimalStringField(19, 4, required=False, write_only=True, help_text="Its first value, if it is known.")
    day = IsoDateField(required=False, write_only=True, help_text="The day of that value; today when left out.")
    worth = DecimalStringField(read_only=True, allow_null=True)
    valued_on = serializers.DateField(read_only=True, allow_null=True)
    disposed_on = serializers.DateField(read_only=True, allow_null=True)

    def get_fields(self) -> dict[str, Any]:
        fields = super().get_fields()
        if self.partial:
            for name in ("currency", "value", "day"):
                fields[name] = type(fields[name])(read_only=True)
            fields["organisation"] = OrganisationField(read_only=True)
        return fields


class DisposalSerializer(StrictSerializer, serializers.Serializer[Any]):
    disposed_on = IsoDateField(help_text="It counts no more from this day on.")


class PossessionFilter(filters.FilterSet):
    organisation = IdFilter("organisation")
    kind = filters.ChoiceFilter(choices=PossessionKind.choices)
    disposed = filters.BooleanFilter("disposed_on", "isnull", exclude=True)

    class Meta:
        model = Possession
        fields: ClassVar[list[str]] = []


class PossessionViewSet(ReadOnlyModelViewSet[Possession]):
    """What one owns, and what the organisations own whose books one reads; those who manage it change it."""

    http_method_names = METHODS
    queryset = Possession.objects.none()
    serializer_class = PossessionSerializer
    filterset_class = PossessionFilter
    ordering_fields: ClassVar = ["name", "kind", "created_at"]
    rights: ClassVar = dict.fromkeys(("partial_update", "destroy", "dispose", "keep"), Right.MANAGE)

    def get_queryset(self) -> QuerySet[Possession]:
        return with_worth(Possession.objects.visible_to(caller(self.request)))

    def create(self, request: Request, *args: Any, **kwargs: Any) -> Response:
        user, given = caller(request), checked_input(self.get_serializer(data=request.data))
        holder = holder_of(given.pop("organisation_id", None), user, Role.MANAGER)
        return self._shown(add_possession(holder=holder, actor=user, **given), status.HTTP_201_CREATED)

    def partial_update(self, request: Request, *args: Any, **kwargs: Any) -> Response:
        row = self.get_object()
        given = checked_input(self.get_serializer(row, data=request.data, partial=True))
        return self._shown(change_possession(possession=row, actor=caller(request), **given))

    def destroy(self, request: Request, *args: Any, **kwargs: Any) -> Response:
        """Only while no value of it stands."""
        delete_possession(possession=self.get_object(), actor=caller(request))
        return Response(status=status.HTTP_204_NO_CONTENT)

    @extend_schema(request=DisposalSerializer, responses=PossessionSerializer)
    @action(detail=True, methods=["post"])
    def dispose(self, request: Request, *args: Any, **kwargs: Any) -> Response:
        """It was sold or given away."""
        row, given = self.get_object(), checked_input(DisposalSerializer(data=request.data))
        return self._shown(dispose(possession=row, actor=caller(request), **given))

    @extend_schema(request=None, responses=PossessionSerializer)
    @action(detail=True, methods=["post"])
    def keep(self, request: Request, *args: Any, **kwargs: Any) -> Response:
        """Take it back that it was given away."""
        return self._shown(keep_possession(possession=self.get_object(), actor=caller(request)))

    def _shown(self, row: Possession, code: int = status.HTTP_200_OK) -> Response:
        found = with_worth(Possession.objects.all()).get(pk=row.pk)
        return Response(PossessionSerializer(found).data, status=code)


class ValuationSerializer(StrictSerializer, serializers.Serializer[Any]):
    """What a possession was worth from a day on, in its currency."""

    id = serializers.IntegerField(read_only=True, source="pk")
    day = IsoDateField()
    value = DecimalStringField(19, 4, min_value=0)
    note = serializers.CharField(max_length=255, required=False, allow_blank=True)
    created_at = AwareDateTimeField(read_only=True)
    voided_at = AwareDateTimeField(read_only=True)


class ValuationViewSet(
    mixins.ListModelMixin, mixins.RetrieveModelMixin, mixins.DestroyModelMixin, GenericViewSet[Valuation]
):
    """The values of one possession, the newest first. Deleting one takes it back; state another one instead."""

    http_method_names = ["get", "post", "delete", "head", "options"]
    queryset = Valuation.objects.none()
    serializer_class = ValuationSerializer
    filterset_fields: ClassVar = ["day"]
    ordering_fields: ClassVar = ["day", "created_at"]

    @cached_property
    def possession(self) -> Possession:
        user, right = caller(self.request), right_above(self, self.request)
        possession: Possession = obtain(Possession.objects.all(), user, right, pk=self.kwargs["possession_id"])
        return possession

    def initial(self, request: Request, *args: Any, **kwargs: Any) -> None:
        super().initial(request, *args, **kwargs)
        self.possession  # noqa: B018  before any other check of the request

    def get_queryset(self) -> QuerySet[Valuation]:
        return Valuation.objects.filter(possession=self.possession)

    def create(self, request: Request, *args: Any, **kwargs: Any) -> Response:
        given = checked_input(self.get_serializer(data=request.data))
        made = value_possession(possession=self.possession, actor=caller(request), **given)
        return Response(self.get_serializer(made).data, status=status.HTTP_201_CREATED)

    def perform_destroy(self, instance: Valuation) -> None:
        void_valuation(valuation=instance, actor=caller(self.request))
