"""Accounts over HTTP, with what is in them."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date, timedelta
from typing import Any, ClassVar

from django.db.models import QuerySet
from django.utils import timezone
from django_filters import rest_framework as filters
from drf_spectacular.utils import extend_schema
from rest_framework import mixins, serializers, status
from rest_framework.decorators import action
from rest_framework.permissions import SAFE_METHODS
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.viewsets import GenericViewSet

from banking.api.base import (
    METHODS,
    AsOfQuery,
    IdFilter,
    OrganisationField,
    caller,
    checked_input,
    day_asked,
    holder_of,
)
from banking.models import Account, AccountKind
from banking.queries import AccountBalance, account_balances, daily_balances
from banking.services.accounts import change_account, close_account, delete_account, open_account, reopen_account
from core.api import AwareDateTimeField, DecimalStringField, IsoDateField, StrictIntegerField, StrictSerializer
from core.web import Right
from users.models import Organisation, Role

LONGEST_SPAN = timedelta(days=3660)
USUAL_SPAN = timedelta(days=365)


class AccountSerializer(StrictSerializer, serializers.Serializer[Any]):
    """Money in one currency. ``balance`` is what is in it at the close of ``as_of``; on opening, what is put in."""

    id = serializers.IntegerField(read_only=True, source="account.pk")
    name = serializers.CharField(max_length=100, source="account.name")
    kind = serializers.ChoiceField(AccountKind.choices, default=AccountKind.CHECKING, source="account.kind")
    currency = serializers.CharField(
        max_length=3, required=False, source="account.currency", help_text="The holder's own when left out."
    )
    iban = serializers.CharField(
        max_length=60,
        required=False,
        allow_blank=True,
        source="account.iban",
        help_text="Or an alias, once per holder.",
    )
    balance = DecimalStringField(19, 4, required=False)
    as_of = serializers.SerializerMethodField(help_text="Null: now.")
    overdrawn = serializers.BooleanField(
        read_only=True, help_text="Less than nothing is in an account that is not made to owe, as cards and loans are."
    )
    owner = serializers.CharField(read_only=True, allow_null=True, source="account.owner.username", default=None)
    organisation = OrganisationField(source="account.organisation_id")
    employer = StrictIntegerField(
        min_value=1,
        required=False,
        allow_null=True,
        source="account.employer_id",
        help_text="The organisation whose money is spent here, of an expense account of somebody who belongs to it.",
    )
    receives = serializers.BooleanField(
        required=False,
        source="account.receives",
        help_text="Others may pay into it by its IBAN or alias.",
    )
    opened_on = IsoDateField(required=False, allow_null=True, source="account.opened_on")
    closed_on = IsoDateField(read_only=True, source="account.closed_on")
    created_at = AwareDateTimeField(read_only=True, source="account.created_at")

    def get_as_of(self, row: AccountBalance) -> date | None:
        day: date | None = self.context["as_of"]
        return day


class AccountChangeSerializer(StrictSerializer, serializers.Serializer[Any]):
    name = serializers.CharField(max_length=100)
    kind = serializers.ChoiceField(
        AccountKind.choices,
        help_text="Among checking, savings, cash and expense (an employer goes with that), or credit and loan.",
    )
    iban = serializers.CharField(max_length=60, allow_blank=True)
    receives = serializers.BooleanField()
    employer = StrictIntegerField(min_value=1, allow_null=True)


class ClosingSerializer(StrictSerializer, serializers.Serializer[Any]):
    closed_on = IsoDateField(required=False, help_text="Nothing is booked from this day on; today when left out.")


class SpanQuery(serializers.Serializer[Any]):
    """At most ten years."""

    start = IsoDateField(required=False, help_text="A year before the end when left out.")
    end = IsoDateField(required=False, help_text="Today (UTC) when left out.")

    def validate(self, attrs: dict[str, Any]) -> dict[str, Any]:
        end = attrs.get("end") or timezone.now().date()
        start = attrs.get("start") or max(end, date.min + USUAL_SPAN) - USUAL_SPAN
        if start > end:
            raise serializers.ValidationError({"start": ["It begins after its end."]})
        if end - start > LONGEST_SPAN:
            raise serializers.ValidationError({"start": ["Ask for ten years at most."]})
        return {"start": start, "end": end}


class DayBalanceSerializer(serializers.Serializer[Any]):
    day = IsoDateField()
    balance = DecimalStringField()


class BalancesSerializer(serializers.Serializer[Any]):
    account = serializers.IntegerField()
    currency = serializers.CharField()
    start = IsoDateField()
    end = IsoDateField()
    balances = DayBalanceSerializer(many=True)


class AccountFilter(filters.FilterSet):
    open = filters.BooleanFilter(method="opened", help_text="Whether it is open today (UTC).")
    organisation = IdFilter("organisation")
    employer = IdFilter("employer")

    class Meta:
        model = Account
        fields: ClassVar = ["kind", "currency"]

    def opened(self, accounts: Any, name: str, value: bool) -> Any:
        still = Account.objects.open_on(timezone.now().date()).values("pk")
        return accounts.filter(pk__in=still) if value else accounts.exclude(pk__in=still)


class AccountViewSet(mixins.DestroyModelMixin, GenericViewSet[Account]):
    """The accounts that the caller sees: own ones, organisations', shared ones, and employees' for their managers."""

    http_method_names = METHODS
    queryset = Account.objects.none()
    serializer_class = AccountSerializer
    filterset_class = AccountFilter
    rights: ClassVar = dict.fromkeys(("partial_update", "destroy", "close", "reopen"), Right.MANAGE)
    ordering_fields: ClassVar = ["name", "kind", "currency", "opened_on", "created_at"]

    def get_queryset(self) -> QuerySet[Account]:
        rows = Account.objects.select_related("owner", "organisation", "employer")
        return rows.visible_to(caller(self.request)).order_by("name", "pk")

    @extend_schema(parameters=[AsOfQuery], responses=AccountSerializer(many=True))
    def list(self, request: Request) -> Response:
        page = self.paginate_queryset(self.filter_queryset(self.get_queryset())) or []
        return self.get_paginated_response(self._shown(page))

    @extend_schema(parameters=[AsOfQuery])
    def retrieve(self, request: Request, pk: str) -> Response:
        return Response(self._shown([self.get_object()])[0])

    def create(self, request: Request) -> Response:
        """Open an account of the caller's, or of an organisation that they manage."""
        given = checked_input(self.get_serializer(data=request.data))
        terms, user = dict(given.pop("account")), caller(request)
        holder = holder_of(terms.pop("organisation_id", None), user, Role.MANAGER)
        terms["employer"] = self._employer(terms.pop("employer_id", None))
        made = open_account(holder=holder, actor=user, **terms, **given)
        return Response(self._shown([made])[0], status=status.HTTP_201_CREATED)

    @extend_schema(request=AccountChangeSerializer(partial=True), responses=AccountSerializer)
    def partial_update(self, request: Request, pk: str) -> Response:
        account = self.get_object()
        changes = checked_input(AccountChangeSerializer(data=request.data, partial=True))
        if "employer" in changes:
            same = changes["employer"] == account.employer_id
            changes["employer"] = account.employer if same else self._employer(changes["employer"])
        changed = change_account(account=account, actor=caller(request), **changes)
        return Response(self._shown([changed])[0])

    def perform_destroy(self, instance: Account) -> None:
        delete_account(account=instance, actor=caller(self.request))

    @extend_schema(request=ClosingSerializer, responses=AccountSerializer)
    @action(detail=True, methods=["post"])
    def close(self, request: Request, pk: str) -> Response:
        """Close an empty account from a day on."""
        account = self.get_object()
        day = checked_input(ClosingSerializer(data=request.data)).get("closed_on") or timezone.now().date()
        return Response(self._shown([close_account(account=account, closed_on=day, actor=caller(request))])[0])

    @extend_schema(request=None, responses=AccountSerializer)
    @action(detail=True, methods=["post"])
    def reopen(self, request: Request, pk: str) -> Response:
        """Take the closing back; an open account stays as it is."""
        return Response(self._shown([reopen_account(account=self.get_object(), actor=caller(request))])[0])

    @extend_schema(parameters=[SpanQuery], responses=BalancesSerializer, filters=False)
    @action(detail=True, methods=["get"], pagination_class=None)
    def balances(self, request: Request, pk: str) -> Response:
        """The balance at the close of each day."""
        account = self.get_object()
        query = SpanQuery(data=request.query_params.dict())
        query.is_valid(raise_exception=True)
        span = query.validated_data
        days = [{"day": day, "balance": balance} for day, balance in daily_balances(account, **span)]
        answer = {"account": account.pk, "currency": account.currency, **span, "balances": days}
        return Response(BalancesSerializer(answer).data)

    def _shown(self, accounts: Sequence[Account]) -> Any:
        reading = self.request.method in SAFE_METHODS
        as_of = day_asked(self.request) if reading else None
        rows = account_balances(accounts, "", as_of)
        return AccountSerializer(rows, many=True, context={**self.get_serializer_context(), "as_of": as_of}).data

    def _employer(self, pk: int | None) -> Organisation | None:
        found = Organisation.objects.visible_to(caller(self.request)).filter(pk=pk).first() if pk else None
        if pk and found is None:
            raise serializers.ValidationError({"employer": ["You belong to no such organisation."]})
        return found
