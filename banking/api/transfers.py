"""Transfers over HTTP: booked, voided, restored, and matched of rows that were booked apart."""

from __future__ import annotations

from datetime import date, timedelta
from typing import Any, ClassVar, cast

import django_filters
from django.db.models import Q, QuerySet
from django.utils import timezone
from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import OpenApiParameter, extend_schema
from rest_framework import mixins, serializers, status
from rest_framework.decorators import action
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.viewsets import GenericViewSet

from banking.api.accounts_of import editable_account, editable_row, known_category
from banking.matching.transfers import Certainty, Pair
from banking.models import Account, MatchedBy, Transfer
from banking.queries.matches import suggestions
from banking.queries.transfers import seen_transfers
from banking.services.matching import match_transfer, match_unique, refuse_match, unmatch_transfer
from banking.services.payments import Payment, check_day, pay
from banking.services.transfers import restore_transfer, void_transfer
from core.api import AwareDateTimeField, DecimalStringField, IsoDateField, StrictIntegerField, StrictSerializer, plain
from users.models import User

WINDOW = timedelta(days=120)  # how far back transfers are looked for
SINCE = OpenApiParameter("since", OpenApiTypes.DATE, description="The first day looked at; 120 days ago if left out.")


class NewTransferSerializer(StrictSerializer, serializers.Serializer[Any]):
    """Money to one of your accounts (``target``), or to one of this server that receives by its IBAN or alias."""

    source = StrictIntegerField(min_value=1, help_text="The account that pays.")  # type: ignore[assignment]
    target = StrictIntegerField(min_value=1, required=False, allow_null=True, help_text="The account that is paid.")
    target_iban = serializers.CharField(max_length=64, required=False, allow_blank=True)
    target_name = serializers.CharField(
        max_length=140, required=False, allow_blank=True, help_text="As whom you know whoever has the IBAN."
    )
    amount = DecimalStringField(19, 4, help_text="What leaves, in the source's currency.")
    rate = DecimalStringField(
        required=False, allow_null=True, help_text="Units of the target's currency for one of the source's."
    )
    received = DecimalStringField(
        19, 4, required=False, allow_null=True, help_text="What arrives; in two currencies this or the rate is needed."
    )
    booked_on = IsoDateField()
    note = serializers.CharField(max_length=255, required=False, allow_blank=True)
    category = StrictIntegerField(min_value=1, required=False, allow_null=True, help_text="Of the paying end.")


class TransferSerializer(serializers.Serializer[Any]):
    """Money that left one account and arrived in another: both legs are booked, or neither.

    Of somebody else's account the id is null; ``counterparty`` then says who it is.
    """

    id = serializers.IntegerField(read_only=True)
    source = serializers.SerializerMethodField("of_source")  # type: ignore[assignment]
    target = serializers.SerializerMethodField("of_target")
    counterparty = serializers.CharField(source="seen.counterparty.name", default=None, read_only=True)
    amount = serializers.SerializerMethodField("left", help_text="What left, in ``currency``.")
    currency = serializers.CharField(read_only=True, source="sent.account.currency")
    rate = DecimalStringField(read_only=True, help_text="Units of the target's currency for one of the source's.")
    received = DecimalStringField(19, 4, read_only=True, source="received.amount")
    received_currency = serializers.CharField(read_only=True, source="received.account.currency")
    booked_on = IsoDateField(read_only=True, source="sent.booked_on")
    received_on = IsoDateField(read_only=True, source="received.booked_on")
    note = serializers.CharField(read_only=True, source="seen.description")
    category = serializers.IntegerField(read_only=True, source="seen.category_id", allow_null=True)
    matched_by = serializers.ChoiceField(MatchedBy.choices, read_only=True)
    created_at = AwareDateTimeField(read_only=True)
    voided_at = AwareDateTimeField(read_only=True, source="sent.voided_at")

    def of_source(self, transfer: Any) -> int | None:
        account: int = transfer.sent.account_id
        return account if transfer.sees_source else None

    def of_target(self, transfer: Any) -> int | None:
        account: int = transfer.received.account_id
        return account if transfer.sees_target else None

    def left(self, transfer: Any) -> str:
        return plain(-transfer.sent.amount)


class MatchSerializer(StrictSerializer, serializers.Serializer[Any]):
    """Two rows by their ids: money left by ``sent`` and arrived by ``received``."""

    sent = StrictIntegerField(min_value=1)
    received = StrictIntegerField(min_value=1)


class MatchedRowSerializer(serializers.Serializer[Any]):
    id = serializers.IntegerField()
    account = serializers.IntegerField()
    amount = DecimalStringField(19, 4)
    currency = serializers.CharField()
    day = IsoDateField()


class SuggestionSerializer(serializers.Serializer[Pair]):
    """``off``: by which fraction the amounts differ from the day's exchange rate."""

    sent = MatchedRowSerializer()
    received = MatchedRowSerializer()
    days = serializers.IntegerField()
    certainty = serializers.ChoiceField([(each.value, each.value) for each in Certainty])
    off = DecimalStringField()


class CountSerializer(serializers.Serializer[Any]):
    matched = serializers.IntegerField()


class TransferFilter(django_filters.FilterSet):
    """``start`` and ``end`` are days on which money left, both included."""

    account = django_filters.NumberFilter(method="of_account", max_value=10**15, help_text="Either end.")
    start = django_filters.DateFilter("sent__booked_on", "gte")
    end = django_filters.DateFilter("sent__booked_on", "lte")
    voided = django_filters.BooleanFilter("sent__voided_at", "isnull", exclude=True)
    matched_by = django_filters.ChoiceFilter(choices=MatchedBy.choices[1:])

    class Meta:
        model = Transfer
        fields = ["account", "start", "end", "voided", "matched_by"]

    def of_account(self, rows: QuerySet[Transfer], name: str, value: Any) -> QuerySet[Transfer]:
        """An account that the caller sees; somebody else's gives nothing."""
        account = Account.objects.visible_to(cast("User", self.request.user)).filter(pk=value).values("pk")
        return rows.filter(Q(sent__account__in=account) | Q(received__account__in=account))


class TransferViewSet(
    mixins.ListModelMixin, mixins.RetrieveModelMixin, mixins.DestroyModelMixin, GenericViewSet[Transfer]
):
    """The transfers of which the caller sees an end. Deleting one voids both legs, if the caller may book both."""

    http_method_names = ["get", "post", "delete", "head", "options"]
    queryset = Transfer.objects.none()
    serializer_class = TransferSerializer
    filterset_class = TransferFilter
    ordering_fields: ClassVar = ["sent__booked_on", "created_at"]

    @property
    def _caller(self) -> User:
        return cast("User", self.request.user)

    def get_queryset(self) -> QuerySet[Transfer]:
        return seen_transfers(self._caller)

    @extend_schema(request=NewTransferSerializer, responses={201: TransferSerializer})
    def create(self, request: Request) -> Response:
        """Move money to one of your accounts, or to one of this server that receives by an IBAN or alias."""
        given = NewTransferSerializer(data=request.data)
        given.is_valid(raise_exception=True)
        values = given.validated_data
        check_day(values["booked_on"], timezone.now())
        source = editable_account(self._caller, values["source"], "source")
        made = pay(source=source, payment=self._payment(values), actor=self._caller, here=True)
        return Response(self.get_serializer(self._fresh(made.pk)).data, status=status.HTTP_201_CREATED)

    def perform_destroy(self, instance: Transfer) -> None:
        void_transfer(transfer=instance, actor=self._caller)

    @extend_schema(request=None, responses=TransferSerializer)
    @action(["post"], detail=True)
    def restore(self, request: Request, pk: str) -> Response:
        """Take the void of both legs back."""
        transfer = restore_transfer(transfer=self.get_object(), actor=self._caller)
        return Response(self.get_serializer(self._fresh(transfer.pk)).data)

    @extend_schema(parameters=[SINCE], responses=SuggestionSerializer(many=True), filters=False)
    @action(["get"], detail=False, filterset_class=None, ordering_fields=())
    def suggestions(self, request: Request) -> Response:
        """Rows that may be the two legs of one transfer, the newest first."""
        page: Any = self.paginate_queryset(self._suggested())
        return self.get_paginated_response(SuggestionSerializer(page, many=True).data)

    @extend_schema(request=MatchSerializer, responses={201: TransferSerializer})
    @action(["post"], detail=False)
    def match(self, request: Request) -> Response:
        """Make one transfer of two rows that were booked apart."""
        sent, received = self._two(request)
        made = match_transfer(sent=sent, received=received, actor=self._caller)
        return Response(self.get_serializer(self._fresh(made.pk)).data, status=status.HTTP_201_CREATED)

    @extend_schema(request=MatchSerializer, responses={204: None})
    @action(["post"], detail=False)
    def refuse(self, request: Request) -> Response:
        """Say that two rows are no transfer, so that they are not offered again."""
        sent, received = self._two(request)
        refuse_match(sent=sent, received=received, actor=self._caller)
        return Response(status=status.HTTP_204_NO_CONTENT)

    @extend_schema(request=None, responses=CountSerializer)
    @action(["post"], detail=False, url_path="match-unique", url_name="match-unique")
    def match_unique(self, request: Request) -> Response:
        """Match every pair of the last 120 days of which neither row fits another one."""
        accounts = Account.objects.editable_by(self._caller)
        made = match_unique(accounts=accounts, since=_since(None), actor=self._caller)
        return Response({"matched": len(made)})

    @extend_schema(request=None, responses={204: None})
    @action(["post"], detail=True)
    def unmatch(self, request: Request, pk: str) -> Response:
        """Make two rows again of a transfer that was matched."""
        unmatch_transfer(transfer=self.get_object(), actor=self._caller)
        return Response(status=status.HTTP_204_NO_CONTENT)

    def _payment(self, values: dict[str, Any]) -> Payment:
        target, iban = values.get("target"), values.get("target_iban", "")
        if target is not None and iban:
            raise serializers.ValidationError({"target_iban": ["Name the target by its id or by its IBAN, not both."]})
        return Payment(
            amount=values["amount"],
            booked_on=values["booked_on"],
            target=None if target is None else editable_account(self._caller, target, "target"),
            iban=iban,
            name=values.get("target_name", ""),
            received=values.get("received"),
            rate=values.get("rate"),
            description=values.get("note", ""),
            category=known_category(self._caller, values.get("category")),
        )

    def _two(self, request: Request) -> tuple[Any, Any]:
        given = MatchSerializer(data=request.data)
        given.is_valid(raise_exception=True)
        named = given.validated_data
        return tuple(editable_row(self._caller, named[name], name) for name in ("sent", "received"))  # type: ignore[return-value]

    def _suggested(self) -> list[Pair]:
        text = self.request.query_params.get("since")
        since = IsoDateField().run_validation(text) if text is not None else None
        return suggestions(Account.objects.editable_by(self._caller), _since(since))

    def _fresh(self, pk: int) -> Transfer:
        return seen_transfers(self._caller).get(pk=pk)


def _since(day: date | None) -> date:
    return day or timezone.now().date() - WINDOW
