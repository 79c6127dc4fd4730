"""What statements say of an account, over HTTP."""

from __future__ import annotations

from collections.abc import Sequence
from functools import cached_property
from typing import Any, ClassVar

from django.db.models import QuerySet
from drf_spectacular.utils import extend_schema
from rest_framework import mixins, serializers, status
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.viewsets import GenericViewSet

from banking.api.base import caller, checked_input
from banking.models import Account, BalanceAssertion
from banking.queries import AssertionState, checked
from banking.services.assertions import assert_balance, restore_assertion, void_assertion
from core.api import AwareDateTimeField, DecimalStringField, IsoDateField, StrictSerializer, right_above
from core.web import obtain


class AssertionSerializer(StrictSerializer, serializers.Serializer[Any]):
    """What a statement says that the account held at the close of a day, and what the books say of that day."""

    id = serializers.IntegerField(read_only=True, source="assertion.pk")
    day = IsoDateField(source="assertion.day")
    balance = DecimalStringField(19, 4, source="assertion.balance", help_text="Negative: overdrawn.")
    booked = DecimalStringField(read_only=True, help_text="The sum of what stands in the books to that day.")
    difference = DecimalStringField(read_only=True, help_text="What the statement says more than the books.")
    state = serializers.ChoiceField([state.value for state in AssertionState], read_only=True)
    created_at = AwareDateTimeField(read_only=True, source="assertion.created_at")
    voided_at = AwareDateTimeField(read_only=True, source="assertion.voided_at")


class AssertionViewSet(
    mixins.ListModelMixin, mixins.RetrieveModelMixin, mixins.DestroyModelMixin, GenericViewSet[BalanceAssertion]
):
    """The statements of one account. Deleting one takes it back; ``restore/`` lets it stand again."""

    http_method_names = ["get", "post", "delete", "head", "options"]
    queryset = BalanceAssertion.objects.none()
    serializer_class = AssertionSerializer
    filterset_fields: ClassVar = ["day"]
    ordering_fields: ClassVar = ["day", "created_at"]

    @cached_property
    def account(self) -> Account:
        right = right_above(self, self.request)
        account: Account = obtain(Account.objects.all(), caller(self.request), right, pk=self.kwargs["account_id"])
        return account

    def initial(self, request: Request, *args: Any, **kwargs: Any) -> None:
        super().initial(request, *args, **kwargs)
        self.account  # noqa: B018  before any other check of the request

    def get_queryset(self) -> QuerySet[BalanceAssertion]:
        return BalanceAssertion.objects.filter(account=self.account)

    def list(self, request: Request, *args: Any, **kwargs: Any) -> Response:
        page = self.paginate_queryset(self.filter_queryset(self.get_queryset())) or []
        rows = {row.assertion.pk: row for row in checked(self._of([each.pk for each in page]))}
        shown = AssertionSerializer([rows[each.pk] for each in page], many=True)
        return self.get_paginated_response(shown.data)

    def retrieve(self, request: Request, *args: Any, **kwargs: Any) -> Response:
        return Response(self._shown(self.get_object()))

    def create(self, request: Request, *args: Any, **kwargs: Any) -> Response:
        """Note what a statement says."""
        terms = checked_input(self.get_serializer(data=request.data))["assertion"]
        made = assert_balance(account=self.account, actor=caller(request), **terms)
        return Response(self._shown(made), status=status.HTTP_201_CREATED)

    def perform_destroy(self, instance: BalanceAssertion) -> None:
        void_assertion(assertion=instance, actor=caller(self.request))

    @extend_schema(request=None, responses=AssertionSerializer)
    def restore(self, request: Request, *args: Any, **kwargs: Any) -> Response:
        """Let it stand again."""
        return Response(self._shown(restore_assertion(assertion=self.get_object(), actor=caller(request))))

    def _shown(self, assertion: BalanceAssertion) -> Any:
        [row] = checked(self._of([assertion.pk]))
        return AssertionSerializer(row).data

    def _of(self, ids: Sequence[int]) -> QuerySet[BalanceAssertion]:
        return BalanceAssertion.objects.filter(pk__in=ids)
