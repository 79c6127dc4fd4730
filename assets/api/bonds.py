"""The terms of a bond over HTTP: everybody who has logged in reads them, staff set them."""

from __future__ import annotations

from dataclasses import asdict
from datetime import date
from typing import Any, cast

from django.http import Http404
from django.shortcuts import get_object_or_404
from django.utils import timezone
from drf_spectacular.utils import extend_schema
from rest_framework import serializers, status
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from assets.api.securities import StaffMayWrite
from assets.bonds import PAR, BondTerms, DayCount, accrued, cash_flows
from assets.models import Asset, Bond
from assets.models.bond import COUPONS, DAY_COUNT_NAMES
from assets.services.bonds import remove_terms, set_terms
from core.api import DecimalStringField, IsoDateField, StrictIntegerField, StrictSerializer
from users.models import User


class FrequencyField(StrictIntegerField):
    def to_internal_value(self, data: Any) -> int:
        value: int = super().to_internal_value(data)
        if value not in dict(COUPONS):
            raise serializers.ValidationError("A bond pays 0, 1, 2, 4 or 12 coupons a year.")
        return value


class BondTermsSerializer(StrictSerializer, serializers.Serializer[Any]):
    """What the bond promises; interest runs from ``issued``, coupon days count back from ``matures``."""

    issued = IsoDateField()
    matures = IsoDateField()
    coupon = DecimalStringField(help_text="A year's rate as a fraction: 0.05 is 5 %.")
    frequency = FrequencyField(help_text="Coupons a year: 0, 1, 2, 4 or 12.")
    day_count = serializers.ChoiceField(DAY_COUNT_NAMES)
    redemption = DecimalStringField(default=PAR, help_text="At maturity, per 100 of nominal value.")


class FlowSerializer(serializers.Serializer[Any]):
    day = IsoDateField()
    amount = DecimalStringField(max_digits=None, decimal_places=None, help_text="Per 100 of nominal value.")


class BondSerializer(BondTermsSerializer):
    """The terms with the payments to come after ``as_of`` and the interest that has accrued by its end."""

    as_of = IsoDateField(read_only=True)
    accrued = DecimalStringField(
        max_digits=None, decimal_places=None, read_only=True, help_text="Per 100 of nominal value."
    )
    schedule = FlowSerializer(many=True, read_only=True, help_text="What is paid after that day, the next first.")


class BondQuery(serializers.Serializer[Any]):
    as_of = IsoDateField(required=False, help_text="The day of the accrued interest; today (UTC) when left out.")


class BondView(APIView):
    """What one bond promises."""

    permission_classes = [StaffMayWrite]

    def initial(self, request: Request, *args: Any, **kwargs: Any) -> None:
        super().initial(request, *args, **kwargs)
        known = Asset.objects.visible_to(cast("User", request.user))
        self.asset = get_object_or_404(known, symbol=kwargs["symbol"])

    @extend_schema(operation_id="assets_bond_retrieve", parameters=[BondQuery], responses=BondSerializer)
    def get(self, request: Request, symbol: str) -> Response:
        """The terms, the payments to come and the accrued interest; 404 where no terms are known."""
        query = BondQuery(data=request.query_params.dict())
        query.is_valid(raise_exception=True)
        bond = Bond.objects.filter(asset=self.asset).first()
        if bond is None:
            raise Http404
        return Response(_told(bond.terms, query.validated_data.get("as_of")))

    @extend_schema(operation_id="assets_bond_update", request=BondTermsSerializer, responses=BondSerializer)
    def put(self, request: Request, symbol: str) -> Response:
        """Set the terms, in the place of what was known."""
        given = BondTermsSerializer(data=request.data)
        given.is_valid(raise_exception=True)
        values = given.validated_data
        terms = BondTerms(**values | {"day_count": DayCount(values["day_count"])})
        set_terms(asset=self.asset, terms=terms, actor=cast("User", request.user))
        return Response(_told(terms, None))

    @extend_schema(operation_id="assets_bond_destroy", responses={204: None})
    def delete(self, request: Request, symbol: str) -> Response:
        """Forget the terms; what was booked stays."""
        if not Bond.objects.filter(asset=self.asset).exists():
            raise Http404
        remove_terms(asset=self.asset, actor=cast("User", request.user))
        return Response(status=status.HTTP_204_NO_CONTENT)


def _told(terms: BondTerms, day: date | None) -> Any:
    day = day or timezone.now().date()
    facts = {"as_of": day, "accrued": accrued(terms, day), "schedule": cash_flows(terms, day)}
    return BondSerializer(asdict(terms) | facts).data
