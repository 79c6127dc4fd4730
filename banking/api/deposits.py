"""Term deposits over HTTP."""

from __future__ import annotations

from datetime import date
from typing import Any, ClassVar, cast

from django.db.models import QuerySet
from django.http import Http404
from django.utils import timezone
from drf_spectacular.utils import extend_schema
from rest_framework import mixins, serializers, status
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.viewsets import GenericViewSet

from assets.bonds import DayCount
from banking.models import Account, DepositState, TermDeposit
from banking.models.deposit import DAY_COUNT_NAMES
from banking.services.deposits import DepositTerms, cancel_deposit, open_deposit
from core.api import AwareDateTimeField, DecimalStringField, IsoDateField, StrictIntegerField, StrictSerializer
from core.money import EXACT
from core.web import Right, obtain
from users.models import User

TERMS = ("principal", "rate", "started_on", "matures_on")


class TermDepositSerializer(StrictSerializer, serializers.Serializer[Any]):
    """Money lent until a day. It leaves the account ``returns_to`` and comes back there with the interest.

    ``accrued`` and ``value`` (principal and interest while it runs) are those of ``as_of``.
    """

    id = serializers.IntegerField(read_only=True)
    name = serializers.CharField(max_length=100, source="account.name", help_text="Of the deposit's own account.")
    returns_to = StrictIntegerField(
        min_value=1, source="returns_to_id", help_text="The id of the account that pays, and is paid back."
    )
    currency = serializers.CharField(read_only=True, source="account.currency")
    principal = DecimalStringField(19, 4)
    rate = DecimalStringField(help_text="A year's interest as a fraction: 0.03 is 3 %.")
    started_on = IsoDateField()
    matures_on = IsoDateField()
    day_count = serializers.ChoiceField(DAY_COUNT_NAMES, default=DayCount.ACTUAL_365.value)
    account = serializers.IntegerField(read_only=True, source="account_id", help_text="The deposit's own account.")
    state = serializers.ChoiceField(DepositState.choices, read_only=True)
    interest_at_maturity = DecimalStringField(read_only=True, source="full_interest")
    as_of = serializers.SerializerMethodField()
    accrued = serializers.SerializerMethodField(help_text="Interest that has run by the end of the day, not paid yet.")
    value = serializers.SerializerMethodField(
        "worth", help_text="Principal and accrued interest while it runs, else 0."
    )
    created_at = AwareDateTimeField(read_only=True)

    def _day(self) -> date:
        day: date = self.context["as_of"]
        return day

    def get_as_of(self, deposit: TermDeposit) -> date:
        return self._day()

    def get_accrued(self, deposit: TermDeposit) -> str:
        return str(DecimalStringField().to_representation(deposit.accrued_on(self._day())))

    def worth(self, deposit: TermDeposit) -> str:
        day = self._day()
        value = EXACT.add(deposit.principal_on(day), deposit.accrued_on(day))
        return str(DecimalStringField().to_representation(value))


class DepositQuery(serializers.Serializer[Any]):
    as_of = IsoDateField(required=False, help_text="The day of the accrued interest; today (UTC) when left out.")


class TermDepositViewSet(
    mixins.ListModelMixin, mixins.RetrieveModelMixin, mixins.DestroyModelMixin, GenericViewSet[TermDeposit]
):
    """The term deposits that the caller sees. Who manages the account that pays opens one, and takes it back by
    deleting it, unless it has been paid.
    """

    http_method_names = ["get", "post", "delete", "head", "options"]
    queryset = TermDeposit.objects.none()
    serializer_class = TermDepositSerializer
    filterset_fields: ClassVar = ["matures_on"]
    ordering_fields: ClassVar = ["matures_on", "started_on", "created_at"]
    rights: ClassVar = {"destroy": Right.MANAGE}  # it closes an account, as opening one opens it

    @property
    def _caller(self) -> User:
        return cast("User", self.request.user)

    def get_queryset(self) -> QuerySet[TermDeposit]:
        return TermDeposit.objects.whole().visible_to(self._caller)

    def get_serializer_context(self) -> dict[str, Any]:
        query = DepositQuery(data=self.request.query_params.dict() if self.request else {})
        query.is_valid(raise_exception=True)
        day = query.validated_data.get("as_of") or timezone.now().date()
        return {**super().get_serializer_context(), "as_of": day}

    @extend_schema(parameters=[DepositQuery])
    def list(self, request: Request, *args: Any, **kwargs: Any) -> Response:
        return super().list(request, *args, **kwargs)

    @extend_schema(parameters=[DepositQuery])
    def retrieve(self, request: Request, *args: Any, **kwargs: Any) -> Response:
        return super().retrieve(request, *args, **kwargs)

    def create(self, request: Request) -> Response:
        """Open a deposit: its principal moves to an account of its own."""
        given = self.get_serializer(data=request.data)
        given.is_valid(raise_exception=True)
        values = given.validated_data
        try:
            source = obtain(Account.objects.all(), self._caller, Right.MANAGE, pk=values["returns_to_id"])
        except Http404 as error:
            raise serializers.ValidationError({"returns_to": ["You have no such account."]}) from error
        terms = DepositTerms(**{name: values[name] for name in TERMS}, day_count=DayCount(values["day_count"]))
        name, now = values["account"]["name"], timezone.now()
        made = open_deposit(source=source, name=name, terms=terms, actor=self._caller, now=now)
        return Response(self.get_serializer(made).data, status=status.HTTP_201_CREATED)

    def perform_destroy(self, instance: TermDeposit) -> None:
        cancel_deposit(deposit=instance, actor=self._caller)
