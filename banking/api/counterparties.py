"""Counterparties over HTTP."""

from __future__ import annotations

from typing import Any, ClassVar

from django_filters import rest_framework as filters
from rest_framework import serializers

from banking.api.base import IdFilter, OrganisationField, caller, holder_of
from banking.api.categories import UsesInteger
from banking.api.named import NamedViewSet
from banking.models import Counterparty
from banking.queries import counterparty_uses
from banking.services.counterparties import change_counterparty, create_counterparty, delete_named, merge_into
from core.api import AwareDateTimeField, StrictSerializer
from users.models import Role


class CounterpartySerializer(StrictSerializer, serializers.Serializer[Any]):
    """Whom cash comes from or goes to. An IBAN is checked by its check digits; anything else is a handle."""

    id = serializers.IntegerField(read_only=True, source="pk")
    name = serializers.CharField(max_length=140)
    iban = serializers.CharField(max_length=60, required=False, allow_blank=True)
    organisation = OrganisationField()
    internal = serializers.SerializerMethodField(
        help_text="Whether an account of this server receives under its IBAN or handle."
    )
    uses = UsesInteger()
    created_at = AwareDateTimeField(read_only=True)

    def get_internal(self, row: Counterparty) -> bool:
        return row.account_id is not None

    def get_fields(self) -> dict[str, Any]:
        fields = super().get_fields()
        if self.partial:
            fields["organisation"] = OrganisationField(read_only=True)
        return fields


class CounterpartyFilter(filters.FilterSet):
    organisation = IdFilter("organisation")
    name = filters.CharFilter("name", "icontains")
    internal = filters.BooleanFilter("account", "isnull", exclude=True)

    class Meta:
        model = Counterparty
        fields: ClassVar = ["iban"]


class CounterpartyViewSet(NamedViewSet):
    """One's own counterparties and those of the organisations whose books one reads."""

    model = Counterparty
    queryset = Counterparty.objects.none()
    serializer_class = CounterpartySerializer
    filterset_class = CounterpartyFilter
    ordering_fields: ClassVar = ["name", "iban", "created_at"]
    uses = staticmethod(counterparty_uses)

    def make(self, given: dict[str, Any]) -> Counterparty:
        user = caller(self.request)
        holder = holder_of(given.pop("organisation_id", None), user, Role.MEMBER)
        return create_counterparty(holder=holder, actor=user, **given)

    def change(self, row: Counterparty, given: dict[str, Any]) -> Counterparty:
        return change_counterparty(counterparty=row, actor=caller(self.request), **given)

    def remove(self, row: Counterparty) -> None:
        delete_named(row=row, actor=caller(self.request))

    def join(self, source: Counterparty, target: Counterparty) -> dict[str, int]:
        return merge_into(source=source, target=target, actor=caller(self.request))
