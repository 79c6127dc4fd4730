"""A portfolio's goals over HTTP."""

from __future__ import annotations

from decimal import Decimal
from typing import Any, ClassVar, cast

from django.db.models import QuerySet
from rest_framework import mixins, serializers
from rest_framework.request import Request

from core.api import AwareDateTimeField, DecimalStringField, IsoDateField, StrictSerializer
from core.web import Right
from portfolios.api.views import WithinPortfolio, caller
from portfolios.models import Goal
from portfolios.services.goals import LONGEST_NAME, GoalTerms, add_goal, change_goal, delete_goal


class GoalSerializer(StrictSerializer, serializers.Serializer[Any]):
    """What a portfolio is to be worth by ``due_on``; ``start_on`` is when the way to it began."""

    id = serializers.IntegerField(read_only=True)
    name = serializers.CharField(max_length=LONGEST_NAME)
    amount = DecimalStringField(19, 4, min_value=Decimal(0))
    currency = serializers.CharField(min_length=3, max_length=3, required=False, help_text="Else the portfolio's.")
    due_on = IsoDateField()
    start_on = IsoDateField(required=False, allow_null=True)
    created_at = AwareDateTimeField(read_only=True)


class GoalViewSet(
    mixins.ListModelMixin,
    mixins.CreateModelMixin,
    mixins.RetrieveModelMixin,
    mixins.UpdateModelMixin,
    mixins.DestroyModelMixin,
    WithinPortfolio,
):
    """The goals of a portfolio, for who sees it; who manages it sets them."""

    http_method_names = ["get", "post", "patch", "delete", "head", "options"]
    queryset = Goal.objects.none()
    serializer_class = GoalSerializer
    filterset_fields: ClassVar = ["currency"]
    ordering_fields: ClassVar = ["due_on", "amount"]
    rights: ClassVar = dict.fromkeys(("create", "partial_update", "destroy"), Right.MANAGE)
    request: Request

    def get_queryset(self) -> QuerySet[Goal]:
        return Goal.objects.visible_to(caller(self.request)).filter(portfolio=self.portfolio)

    def perform_create(self, serializer: serializers.BaseSerializer[Any]) -> None:
        terms = GoalTerms(**{"currency": self.portfolio.base_currency} | serializer.validated_data)
        serializer.instance = add_goal(portfolio=self.portfolio, terms=terms, actor=caller(self.request))

    def perform_update(self, serializer: serializers.BaseSerializer[Any]) -> None:
        goal = cast("Goal", serializer.instance)
        serializer.instance = change_goal(goal=goal, actor=caller(self.request), **serializer.validated_data)

    def perform_destroy(self, instance: Goal) -> None:
        delete_goal(goal=instance, actor=caller(self.request))
