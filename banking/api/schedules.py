"""Scheduled payments over HTTP."""

from __future__ import annotations

from datetime import date
from typing import Any, ClassVar, cast

from django.db.models import QuerySet
from django.utils import timezone
from drf_spectacular.utils import extend_schema
from rest_framework import mixins, serializers, status
from rest_framework.decorators import action
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.viewsets import GenericViewSet

from banking.api.accounts_of import editable_account, known_category
from banking.models import Every, OnWeekend, Schedule, ScheduleRun, ScheduleState
from banking.models.schedule import MOST_INTERVAL, MOST_TIMES
from banking.queries.upcoming import HORIZON, Upcoming, upcoming
from banking.services import schedules as service
from banking.services.schedules import ScheduleTerms
from banking.services.standing_orders import run_now
from core.api import AwareDateTimeField, DecimalStringField, IsoDateField, StrictIntegerField, StrictSerializer
from users.models import User

CHANGEABLE = ("amount", "description", "category", "until", "count")


class RunSerializer(serializers.ModelSerializer[ScheduleRun]):
    """What became of one due day."""

    class Meta:
        model = ScheduleRun
        fields = ["due_on", "state", "transfer", "row", "error", "attempts", "overdrawn", "tried_at"]


class ScheduleSerializer(StrictSerializer, serializers.Serializer[Any]):
    """A payment to come, once or every ``interval`` weeks, months or years from ``first_on`` on.

    It is paid to ``target``, an account of yours, or to whoever has ``target_iban`` or ``target_name``. Days are those
    of the calendar of the account's owner. Only amount, description, category, until and count can be changed.
    """

    id = serializers.IntegerField(read_only=True)
    source = StrictIntegerField(  # type: ignore[assignment]
        min_value=1, source="source_id", help_text="The account that pays."
    )
    target = StrictIntegerField(min_value=1, source="target_id", required=False, allow_null=True)
    target_iban = serializers.CharField(max_length=64, required=False, allow_blank=True)
    target_name = serializers.CharField(max_length=140, required=False, allow_blank=True)
    amount = DecimalStringField(19, 4, help_text="In the paying account's currency.")
    currency = serializers.CharField(read_only=True, source="source.currency")
    category = StrictIntegerField(min_value=1, source="category_id", required=False, allow_null=True)
    description = serializers.CharField(max_length=255, required=False, allow_blank=True)
    first_on = IsoDateField()
    unit = serializers.ChoiceField(Every.choices, default=Every.MONTH)
    interval = StrictIntegerField(min_value=1, max_value=MOST_INTERVAL, default=1)
    until = IsoDateField(required=False, allow_null=True)
    count = StrictIntegerField(min_value=1, max_value=MOST_TIMES, required=False, allow_null=True)
    weekend = serializers.ChoiceField(OnWeekend.choices, default=OnWeekend.STAYS, allow_blank=True)
    state = serializers.ChoiceField(ScheduleState.choices, read_only=True)
    due_on = IsoDateField(read_only=True, help_text="The next occurrence.")
    next_on = IsoDateField(read_only=True, help_text="When it is paid, after the rule for weekends.")
    retry_at = AwareDateTimeField(read_only=True, help_text="When a payment that failed is tried again.")
    created_at = AwareDateTimeField(read_only=True)

    def validate(self, attrs: dict[str, Any]) -> dict[str, Any]:
        fixed = [name for name in self.initial_data if name not in CHANGEABLE] if self.partial else []
        if fixed:
            raise serializers.ValidationError(
                {name: ["This cannot be changed; end it and set up another."] for name in fixed}
            )
        return attrs


class ScheduleDetailSerializer(ScheduleSerializer):
    runs = serializers.SerializerMethodField(help_text="The last 50 due days, the newest first.")

    @extend_schema(responses=RunSerializer(many=True))
    def get_runs(self, schedule: Schedule) -> list[dict[str, Any]]:
        return list(RunSerializer(schedule.runs.all()[:50], many=True).data)


class UpcomingSerializer(serializers.Serializer[Upcoming]):
    schedule = serializers.IntegerField(source="schedule.pk")
    source = serializers.IntegerField(source="schedule.source_id")  # type: ignore[assignment]
    payee = serializers.CharField(source="schedule.payee")
    amount = DecimalStringField(19, 4, source="schedule.amount")
    currency = serializers.CharField(source="schedule.source.currency")
    due_on = IsoDateField()
    paid_on = IsoDateField()
    skipped = serializers.BooleanField()
    error = serializers.CharField()


class OccurrenceSerializer(StrictSerializer, serializers.Serializer[Any]):
    """One occurrence, by the day on which it is due."""

    due_on = IsoDateField()


class ScheduleViewSet(
    mixins.ListModelMixin, mixins.RetrieveModelMixin, mixins.DestroyModelMixin, GenericViewSet[Schedule]
):
    """The schedules of the accounts that the caller sees. Deleting one ends it; what it paid stays."""

    http_method_names = ["get", "post", "patch", "delete", "head", "options"]
    queryset = Schedule.objects.none()
    serializer_class = ScheduleSerializer
    filterset_fields: ClassVar = ["source", "state", "unit"]
    ordering_fields: ClassVar = ["next_on", "amount", "created_at"]

    @property
    def _caller(self) -> User:
        return cast("User", self.request.user)

    def get_queryset(self) -> QuerySet[Schedule]:
        return Schedule.objects.whole().visible_to(self._caller)

    def get_serializer_class(self) -> type[serializers.BaseSerializer[Any]]:
        return ScheduleSerializer if self.action in ("list", "create", "partial_update") else ScheduleDetailSerializer

    def create(self, request: Request) -> Response:
        """Set up a payment that begins today or later."""
        given = self.get_serializer(data=request.data)
        given.is_valid(raise_exception=True)
        values = given.validated_data
        source = editable_account(self._caller, values["source_id"], "source")
        made = service.create_schedule(source=source, terms=self._terms(values), actor=self._caller, now=timezone.now())
        return self._answer(made, status.HTTP_201_CREATED)

    def partial_update(self, request: Request, pk: str) -> Response:
        schedule = self.get_object()
        given = self.get_serializer(schedule, data=request.data, partial=True)
        given.is_valid(raise_exception=True)
        changes = dict(given.validated_data)
        if "category_id" in changes:
            changes["category"] = known_category(self._caller, changes.pop("category_id"))
        return self._answer(service.change_schedule(schedule=schedule, actor=self._caller, **changes))

    def perform_destroy(self, instance: Schedule) -> None:
        service.end_schedule(schedule=instance, actor=self._caller)

    @extend_schema(request=None)
    @action(["post"], detail=True)
    def pause(self, request: Request, pk: str) -> Response:
        """Pay nothing until it is resumed."""
        return self._answer(service.pause_schedule(schedule=self.get_object(), actor=self._caller))

    @extend_schema(request=None)
    @action(["post"], detail=True)
    def resume(self, request: Request, pk: str) -> Response:
        """Go on; what was due meanwhile is left out."""
        return self._answer(service.resume_schedule(schedule=self.get_object(), actor=self._caller, now=timezone.now()))

    @extend_schema(request=OccurrenceSerializer)
    @action(["post"], detail=True)
    def skip(self, request: Request, pk: str) -> Response:
        """Leave one occurrence out."""
        schedule = self.get_object()
        return self._answer(service.skip_occurrence(schedule=schedule, due_on=_due_on(request), actor=self._caller))

    @extend_schema(request=OccurrenceSerializer)
    @action(["post"], detail=True)
    def run(self, request: Request, pk: str) -> Response:
        """Pay the next occurrence today. It is named by its due day, so that asking twice pays it once."""
        schedule = self.get_object()
        run_now(schedule=schedule, due_on=_due_on(request), actor=self._caller, now=timezone.now())
        return self._answer(schedule)

    @extend_schema(responses=UpcomingSerializer(many=True), filters=False)
    @action(["get"], detail=False, filterset_fields=(), ordering_fields=(), filter_backends=())
    def upcoming(self, request: Request) -> Response:
        """What is paid in the next 60 days, what is overdue first."""
        rows = Schedule.objects.whole().visible_to(self._caller).filter(state=ScheduleState.ACTIVE)
        page: Any = self.paginate_queryset(upcoming(rows, timezone.now().date() + HORIZON))
        return self.get_paginated_response(UpcomingSerializer(page, many=True).data)

    def _terms(self, values: dict[str, Any]) -> ScheduleTerms:
        target, iban = values.get("target_id"), values.get("target_iban", "")
        if target is not None and (iban or values.get("target_name")):
            raise serializers.ValidationError({"target_iban": ["Name the target by its id or by its IBAN, not both."]})
        return ScheduleTerms(
            amount=values["amount"],
            first_on=values["first_on"],
            target=None if target is None else editable_account(self._caller, target, "target"),
            iban=iban,
            name=values.get("target_name", ""),
            unit=values["unit"],
            interval=values["interval"],
            until=values.get("until"),
            count=values.get("count"),
            weekend=values["weekend"],
            description=values.get("description", ""),
            category=known_category(self._caller, values.get("category_id")),
        )

    def _answer(self, schedule: Schedule, code: int = status.HTTP_200_OK) -> Response:
        fresh = Schedule.objects.whole().get(pk=schedule.pk)
        return Response(self.get_serializer(fresh).data, status=code)


def _due_on(request: Request) -> date:
    given = OccurrenceSerializer(data=request.data)
    given.is_valid(raise_exception=True)
    day: date = given.validated_data["due_on"]
    return day
