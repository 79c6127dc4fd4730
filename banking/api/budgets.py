"""Budgets over HTTP, with what is spent and left of them in a month."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import date
from typing import Any, ClassVar

from django.db import transaction
from django.db.models import QuerySet
from django.utils import timezone
from django_filters import rest_framework as filters
from drf_spectacular.utils import OpenApiParameter, extend_schema, extend_schema_field
from rest_framework import mixins, serializers, status
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.viewsets import GenericViewSet

from banking.api.base import METHODS, IdFilter, OrganisationField, caller, checked_input, holder_of
from banking.api.fields import CategoryField
from banking.budgeting import Pace, month_named
from banking.models import Budget, Rule, Section
from banking.queries.budgets import BudgetMonth, budget_months
from banking.services.budgets import change_budget, create_budget, delete_budget
from banking.services.classification import category_named
from core.api import AwareDateTimeField, DecimalStringField, StrictSerializer
from users.models import Role, owned_by

MONTH_PARAMETER = OpenApiParameter("month", description="YYYY-MM: those that count in it, with its figures.")
NO_MONTH = "Write a month, such as “2024-05”."


@extend_schema_field({"type": "string", "pattern": "^[0-9]{4}-[0-9]{2}$"})
class MonthField(serializers.Field[Any, Any, Any, Any]):
    """A month, written YYYY-MM."""

    default_error_messages = {"invalid": NO_MONTH}

    def to_internal_value(self, data: Any) -> date:
        found = month_named(data) if isinstance(data, str) else None
        return found or self.fail("invalid")

    def to_representation(self, value: date) -> str:
        return f"{value:%Y-%m}"


class BudgetFiguresSerializer(serializers.Serializer[Any]):
    """The budget in one month, in its currency.

    ``available`` is its amount and what is carried over; ``share`` the part of the month that has passed; ``expected``
    that part of what is available; ``projected`` what the month comes to at the same speed.
    """

    carried = DecimalStringField(read_only=True, source="figures.carried")
    available = DecimalStringField(read_only=True, source="figures.available")
    spent = DecimalStringField(read_only=True, source="figures.spent")
    left = DecimalStringField(read_only=True, source="figures.left")
    share = serializers.FloatField(read_only=True, source="figures.share")
    expected = DecimalStringField(read_only=True, source="figures.expected")
    projected = DecimalStringField(read_only=True, source="figures.projected", allow_null=True)
    pace = serializers.ChoiceField([each.value for each in Pace], read_only=True, source="figures.pace.value")
    missing_rates = serializers.ListField(
        child=serializers.CharField(), source="missing", help_text="Currencies left out for want of a rate."
    )
    within = serializers.IntegerField(
        source="within.pk", default=None, allow_null=True, help_text="The budget above it, in which it counts as well."
    )


class BudgetSerializer(StrictSerializer, serializers.Serializer[Any]):
    """An amount for each month of a category of expenses and all below it. ``last_month`` null: without end."""

    id = serializers.IntegerField(read_only=True, source="pk")
    organisation = OrganisationField()
    category = CategoryField()
    category_name = serializers.CharField(source="category.name", read_only=True)
    amount = DecimalStringField(19, 4)
    currency = serializers.CharField(max_length=3, required=False, help_text="The owner's when left out.")
    first_month = MonthField()
    last_month = MonthField(required=False, allow_null=True)
    carries_over = serializers.BooleanField(required=False)
    figures = serializers.SerializerMethodField(help_text="Of the month that was asked for; else null.")
    created_at = AwareDateTimeField(read_only=True)

    def get_fields(self) -> dict[str, Any]:
        fields = super().get_fields()
        if self.partial:  # what it is for stays
            fields["organisation"] = OrganisationField(read_only=True)
            fields["category"] = serializers.IntegerField(read_only=True, source="category_id")
            fields["currency"] = serializers.CharField(read_only=True)
        return fields

    @extend_schema_field(BudgetFiguresSerializer(allow_null=True))
    def get_figures(self, budget: Budget) -> Any:
        found = self.context.get("figures", {}).get(budget.pk)
        return BudgetFiguresSerializer(found).data if found else None


class BudgetFilter(filters.FilterSet):
    organisation = IdFilter("organisation")
    category = IdFilter("category")

    class Meta:
        model = Budget
        fields: ClassVar = ["currency"]


class BudgetViewSet(mixins.DestroyModelMixin, GenericViewSet[Budget]):
    """The caller's budgets and those of the organisations whose books they read."""

    http_method_names = METHODS
    queryset = Budget.objects.none()
    serializer_class = BudgetSerializer
    filterset_class = BudgetFilter
    ordering_fields: ClassVar = ["first_month", "amount", "created_at"]

    def get_queryset(self) -> QuerySet[Budget]:
        user, budgets = caller(self.request), Budget.objects.select_related("category", "owner", "organisation")
        return budgets.visible_to(user)

    @extend_schema(parameters=[MONTH_PARAMETER], responses=BudgetSerializer(many=True))
    def list(self, request: Request) -> Response:
        month, budgets = self._month(request), self.get_queryset()
        if month:
            budgets = budgets.filter(pk__in=Budget.objects.in_month(month).order_by().values("pk"))
        found = self.paginate_queryset(self.filter_queryset(budgets))
        return self.get_paginated_response(self._shown(found or [], month))

    @extend_schema(parameters=[MONTH_PARAMETER], responses=BudgetSerializer)
    def retrieve(self, request: Request, *args: Any, **kwargs: Any) -> Response:
        return Response(self._shown([self.get_object()], self._month(request))[0])

    def create(self, request: Request) -> Response:
        given = checked_input(self.get_serializer(data=request.data))
        holder = holder_of(given.pop("organisation_id", None), caller(request), Role.MEMBER)
        with transaction.atomic():
            if isinstance(given["category"], str):
                books = Rule(**owned_by(holder))
                given["category"] = category_named(given["category"], Section.EXPENSE, books=books)
            made = create_budget(holder=holder, actor=caller(request), **given)
        return Response(self.get_serializer(made).data, status=status.HTTP_201_CREATED)

    @extend_schema(request=BudgetSerializer(partial=True), responses=BudgetSerializer)
    def partial_update(self, request: Request, *args: Any, **kwargs: Any) -> Response:
        """Change amount, months or carry-over, for all of its months."""
        budget = self.get_object()
        given = checked_input(self.get_serializer(budget, data=request.data, partial=True))
        return Response(self.get_serializer(change_budget(budget=budget, actor=caller(request), **given)).data)

    def perform_destroy(self, instance: Budget) -> None:
        delete_budget(budget=instance, actor=caller(self.request))

    def _shown(self, budgets: Iterable[Budget], month: date | None) -> Any:
        found = list(budgets)
        stated: Iterable[BudgetMonth] = budget_months(found, month, timezone.now().date()) if month else ()
        context = {**self.get_serializer_context(), "figures": {each.budget.pk: each for each in stated}}
        return BudgetSerializer(found, many=True, context=context).data

    def _month(self, request: Request) -> date | None:
        text = request.query_params.get("month")
        if text is None:
            return None
        found = month_named(text)
        if found is None:
            raise serializers.ValidationError({"month": [NO_MONTH]})
        return found
