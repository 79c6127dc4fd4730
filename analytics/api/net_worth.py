"""Net worth over HTTP."""

from __future__ import annotations

from datetime import date
from typing import Any, cast

from django.http import Http404
from django.utils import timezone
from drf_spectacular.utils import extend_schema
from rest_framework import serializers
from rest_framework.permissions import IsAuthenticated
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from analytics.api.base import has_come
from analytics.queries.bank import month_ends
from analytics.queries.net_worth import Item, NetWorth, Part, scope_of, shown_until, worth_of
from core.api import DecimalStringField, IsoDateField, StrictIntegerField, plain
from core.money import UnknownCurrency, minor_units
from users.models import Organisation, Role, User

EARLIEST = date(1900, 1, 1)
MOST_MONTHS = 360
USUAL_MONTHS = 12


class NetWorthQuery(serializers.Serializer[Any]):
    as_of = IsoDateField(
        required=False,
        validators=[has_come],
        help_text="The last day; the last one that anything is known of when left out.",
    )
    currency = serializers.CharField(required=False, help_text="The holder's own when left out.")
    months = StrictIntegerField(
        required=False, default=USUAL_MONTHS, min_value=0, max_value=MOST_MONTHS, help_text="Month ends before it."
    )
    organisation = StrictIntegerField(required=False, min_value=1, help_text="One whose books the caller reads.")

    def validate_as_of(self, day: date) -> date:
        if day < EARLIEST:
            raise serializers.ValidationError(f"Nothing is known before {EARLIEST.year}.")
        return day

    def validate_currency(self, code: str) -> str:
        try:
            minor_units(code)
        except UnknownCurrency as error:
            raise serializers.ValidationError(error.message) from error
        return code


class NetWorthItemSerializer(serializers.Serializer[Any]):
    """One account, portfolio or possession; ``id`` is of the kind that ``part`` says. ``worth`` is in its currency.

    ``values`` are in the answer's, on each of its days; null where an exchange rate is missing.
    """

    part = serializers.ChoiceField([part.value for part in Part])
    id = serializers.IntegerField()
    name = serializers.CharField()
    currency = serializers.CharField()
    worth = DecimalStringField()
    values = serializers.ListField(child=DecimalStringField(allow_null=True))


class NetWorthSerializer(serializers.Serializer[Any]):
    """At the close of each of ``days``; debts are negative. ``missing`` names what is not counted, and why."""

    as_of = serializers.DateField()
    currency = serializers.CharField()
    organisation = serializers.IntegerField(allow_null=True)
    days = serializers.ListField(child=serializers.DateField())
    parts = serializers.DictField(child=serializers.ListField(child=DecimalStringField()))
    total = serializers.ListField(child=DecimalStringField())
    items = NetWorthItemSerializer(many=True)
    missing = serializers.ListField(child=serializers.CharField())


class NetWorthView(APIView):
    """What the caller has that is their own, or what an organisation has: at a day and at the month ends before it."""

    permission_classes = [IsAuthenticated]

    @extend_schema(parameters=[NetWorthQuery], responses=NetWorthSerializer)
    def get(self, request: Request) -> Response:
        query = NetWorthQuery(data=request.query_params.dict())
        query.is_valid(raise_exception=True)
        given = query.validated_data
        holder = _holder(cast("User", request.user), given.get("organisation"))
        as_of = given.get("as_of") or shown_until(scope_of(holder), timezone.now().date())
        days = month_ends(as_of, given["months"] + 1)
        worth = worth_of(holder, days, given.get("currency", holder.base_currency))
        return Response({"as_of": as_of, "organisation": given.get("organisation"), **_shown(worth)})


def _holder(user: User, organisation: int | None) -> User | Organisation:
    if organisation is None:
        return user
    firm = Organisation.objects.where(user, Role.VIEWER).filter(pk=organisation).first()
    if firm is None:
        raise Http404
    return firm


def _shown(worth: NetWorth) -> dict[str, Any]:
    return {
        "currency": worth.currency,
        "days": worth.days,
        "parts": {part.value: [plain(amount) for amount in worth.parts[part]] for part in Part},
        "total": [plain(amount) for amount in worth.totals],
        "items": [_item(item, values) for item, values in worth.items],
        "missing": list(dict.fromkeys(worth.missing)),
    }


def _item(item: Item, values: list[Any]) -> dict[str, Any]:
    return {
        "part": item.part.value,
        "id": item.pk,
        "name": item.name,
        "currency": item.currency,
        "worth": plain(item.worth[-1]),
        "values": [None if value is None else plain(value) for value in values],
    }
