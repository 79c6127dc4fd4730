"""Factor sets over HTTP. Everybody who has logged in reads them; staff make and load them."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date
from typing import IO, Any, ClassVar, cast

import django_filters
from django.db.models import QuerySet
from drf_spectacular.utils import OpenApiTypes, extend_schema, extend_schema_field
from rest_framework import mixins, serializers, status
from rest_framework.decorators import action
from rest_framework.parsers import MultiPartParser
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.viewsets import GenericViewSet

from analytics.api.base import PeriodQuery
from analytics.factor_files import MOST_BYTES
from analytics.models import FactorReturn, FactorSet, Frequency
from analytics.models.factor import LONGEST_KEY, MOST_FACTORS
from analytics.queries.factors import factor_sets, span_of
from analytics.services.factors import (
    Loaded,
    NewFactor,
    NewFactorSet,
    create_factor_set,
    delete_factor_set,
    read_files,
    store_returns,
    table_of,
)
from assets.api.securities import StaffMayWrite
from core.api import (
    AwareDateTimeField,
    DecimalStringField,
    IsoDateField,
    Pagination,
    RatioField,
    StableOrdering,
    StrictSerializer,
)
from core.parsing import BodyTooLarge, StrictJSONParser
from users.models import User

MOST_ROWS = 20_000  # in one body
UNITS = {"percent": True, "fraction": False, "auto": None}
FORM_BYTES = 100_000  # what a form may hold beside its file


class FactorSerializer(StrictSerializer):
    """One series of a set; `name` and `description` of a usual factor such as `smb` may be left out."""

    key = serializers.CharField(max_length=LONGEST_KEY)
    name = serializers.CharField(max_length=100, required=False, allow_blank=True)
    description = serializers.CharField(max_length=2000, required=False, allow_blank=True)
    risk_free = serializers.BooleanField(
        default=False, help_text="It is the rate that is taken from a portfolio's returns, and explains nothing."
    )
    first = IsoDateField(read_only=True, allow_null=True)
    last = IsoDateField(read_only=True, allow_null=True)
    updated_at = AwareDateTimeField(read_only=True, allow_null=True, help_text="When a return of it last changed.")


class FactorSetSerializer(StrictSerializer):
    """Named series of returns of one source and frequency."""

    id = serializers.IntegerField(read_only=True)
    key = serializers.CharField(max_length=LONGEST_KEY, help_text="Also the name of the model over all its factors.")
    name = serializers.CharField(max_length=100)
    description = serializers.CharField(max_length=2000, required=False, allow_blank=True)
    source = serializers.CharField(max_length=200, required=False, allow_blank=True)  # type: ignore[assignment]
    frequency = serializers.ChoiceField(choices=Frequency.choices)
    region = serializers.CharField(max_length=100, required=False, allow_blank=True)
    currency = serializers.RegexField(r"\A[A-Z]{3}\Z", required=False, allow_blank=True)
    factors = FactorSerializer(many=True, required=False, help_text="In their order; a first file adds its own.")
    first = serializers.SerializerMethodField()
    last = serializers.SerializerMethodField()
    version = serializers.IntegerField(read_only=True, help_text="Moves with each load that changes a return.")
    updated_at = AwareDateTimeField(read_only=True, allow_null=True, help_text="When a return of it last changed.")

    def validate_factors(self, factors: list[dict[str, Any]]) -> list[dict[str, Any]]:
        if len(factors) > MOST_FACTORS:
            raise serializers.ValidationError(f"A set has at most {MOST_FACTORS} factors.")
        return factors

    def get_first(self, made: FactorSet) -> date | None:
        return span_of(made.factors.all())[0]

    def get_last(self, made: FactorSet) -> date | None:
        return span_of(made.factors.all())[1]


class FactorReturnsSerializer(serializers.Serializer[Any]):
    """The returns of one period, as fractions; null where one is not known."""

    day = serializers.DateField(help_text="The period's last day.")
    values = serializers.DictField(child=RatioField(allow_null=True), help_text="By the factor's key.")


class NewRowSerializer(StrictSerializer):
    day = IsoDateField(help_text="Of a monthly set any day of the month.")
    values = serializers.DictField(
        child=DecimalStringField(24, 18, allow_null=True), help_text="Fractions by the factor's key: 0.01 is 1 %."
    )


class NewReturnsSerializer(StrictSerializer):
    """Returns to store. What is there already and the same is left alone, what differs is changed."""

    rows = serializers.ListField(child=NewRowSerializer(), allow_empty=False, max_length=MOST_ROWS)
    new_factors = serializers.BooleanField(default=False, help_text="Keys that the set does not have are new factors.")


@extend_schema_field(OpenApiTypes.BINARY)
class UploadField(serializers.FileField):
    pass


class FactorFileSerializer(StrictSerializer):
    """A file of the Kenneth R. French library or any CSV file, plain, zipped or gzipped."""

    file = UploadField()
    unit = serializers.ChoiceField(
        choices=list(UNITS), default="auto", help_text="What the values are; the library's files say it themselves."
    )
    new_factors = serializers.BooleanField(
        default=False, help_text="Columns that the set does not have are new factors."
    )


class LoadedSerializer(serializers.Serializer[Any]):
    """What a load did, counted in returns of one factor in one period."""

    added = serializers.IntegerField()
    changed = serializers.IntegerField()
    unchanged = serializers.IntegerField()
    first = serializers.DateField(allow_null=True)
    last = serializers.DateField(allow_null=True)
    version = serializers.IntegerField(help_text="The set's, after it.")
    new_factors = serializers.ListField(child=serializers.CharField())


class ReturnsQuery(PeriodQuery):
    ordering = serializers.ChoiceField(choices=["day", "-day"], default="day")


class FactorSetFilter(django_filters.FilterSet):
    frequency = django_filters.ChoiceFilter(choices=Frequency.choices)

    class Meta:
        model = FactorSet
        fields: ClassVar = ["frequency"]


class FactorFileParser(MultiPartParser):
    """A form with a file; one that says it is larger than what is read is not read at all."""

    def parse(
        self, stream: IO[Any], media_type: str | None = None, parser_context: Mapping[str, Any] | None = None
    ) -> Any:
        request = (parser_context or {})["request"]
        length = request.META.get("CONTENT_LENGTH") or "0"
        if not length.isdigit() or int(length) > MOST_BYTES + FORM_BYTES:
            raise BodyTooLarge(f"The file is larger than {MOST_BYTES:,} bytes, the most that is accepted.")
        return super().parse(stream, media_type, parser_context)


class FactorSetViewSet(
    mixins.CreateModelMixin,
    mixins.ListModelMixin,
    mixins.RetrieveModelMixin,
    mixins.DestroyModelMixin,
    GenericViewSet[FactorSet],
):
    """Factor sets, found by id or key."""

    queryset = FactorSet.objects.none()  # for the schema
    serializer_class = FactorSetSerializer
    permission_classes = [StaffMayWrite]
    filterset_class = FactorSetFilter
    filter_backends = [django_filters.rest_framework.DjangoFilterBackend, StableOrdering]
    ordering_fields: ClassVar = ["key", "name", "frequency", "updated_at"]
    lookup_value_regex = r"[0-9]{1,18}|[a-z][a-z0-9_]{0,31}"

    def get_queryset(self) -> QuerySet[FactorSet]:
        return factor_sets(FactorSet.objects.visible_to(cast("User", self.request.user)))

    def get_object(self) -> FactorSet:
        self.lookup_field = "pk" if self.kwargs["pk"].isdigit() else "key"
        self.kwargs[self.lookup_field] = self.kwargs["pk"]
        return super().get_object()

    def perform_create(self, serializer: serializers.BaseSerializer[FactorSet]) -> None:
        given = dict(serializer.validated_data)
        factors = [NewFactor(**factor) for factor in given.pop("factors", [])]
        made = create_factor_set(new=NewFactorSet(**given, factors=factors), actor=cast("User", self.request.user))
        serializer.instance = self.get_queryset().get(pk=made.pk)

    def perform_destroy(self, instance: FactorSet) -> None:
        delete_factor_set(factor_set=instance, actor=cast("User", self.request.user))

    @extend_schema(parameters=[ReturnsQuery], responses=FactorReturnsSerializer(many=True), filters=False)
    @action(detail=True, filter_backends=[], parser_classes=[StrictJSONParser, FactorFileParser])
    def returns(self, request: Request, pk: str) -> Response:
        """The returns of all factors of a set, a row for each period."""
        found = self.get_object()
        query = ReturnsQuery(data=request.query_params.dict())
        query.is_valid(raise_exception=True)
        wanted, pages = query.validated_data, Pagination()
        every = FactorReturn.objects.filter(factor__factor_set=found).between(wanted.get("start"), wanted.get("end"))
        days: Any = every.order_by(wanted["ordering"]).values_list("day", flat=True).distinct()
        page: Any = pages.paginate_queryset(days, request, view=self)
        return pages.get_paginated_response(FactorReturnsSerializer(_rows(found, page), many=True).data)

    @extend_schema(
        request={"application/json": NewReturnsSerializer, "multipart/form-data": FactorFileSerializer},
        responses=LoadedSerializer,
    )
    @returns.mapping.post
    def load(self, request: Request, pk: str) -> Response:
        """Store returns, as rows or as a file: all of them or, where one is wrong, none."""
        found = self.get_object()
        loaded = _load_file(found, request) if _is_form(request) else _load_rows(found, request)
        return Response(LoadedSerializer(loaded).data, status=status.HTTP_200_OK)


def _rows(found: FactorSet, days: list[date]) -> list[dict[str, Any]]:
    """The returns of some days, in their order; one query."""
    keys = {factor.pk: factor.key for factor in found.factors.all()}
    rows: dict[date, dict[str, float | None]] = {day: dict.fromkeys(keys.values()) for day in days}
    stored = FactorReturn.objects.filter(factor__in=list(keys), day__in=days).order_by()
    for factor, day, value in stored.values_list("factor_id", "day", "value"):
        rows[day][keys[factor]] = value
    return [{"day": day, "values": values} for day, values in rows.items()]


def _is_form(request: Request) -> bool:
    return (request.content_type or "").startswith("multipart/")


def _load_rows(found: FactorSet, request: Request) -> Loaded:
    given = NewReturnsSerializer(data=request.data)
    given.is_valid(raise_exception=True)
    rows = [
        (row["day"], {key: None if value is None else float(value) for key, value in row["values"].items()})
        for row in given.validated_data["rows"]
    ]
    table = table_of(rows, found.frequency)
    return store_returns(
        factor_set=found,
        table=table,
        actor=cast("User", request.user),
        new_factors=given.validated_data["new_factors"],
    )


def _load_file(found: FactorSet, request: Request) -> Loaded:
    given = FactorFileSerializer(data=request.data)
    given.is_valid(raise_exception=True)
    unit = UNITS[given.validated_data["unit"]]
    content: bytes = given.validated_data["file"].read()
    return store_returns(
        factor_set=found,
        table=read_files([content], percent=unit, frequency=found.frequency),
        actor=cast("User", request.user),
        new_factors=given.validated_data["new_factors"],
    )
