"""A portfolio's target weights over HTTP, and how far its holdings have drifted from them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from decimal import Decimal
from typing import Any

from drf_spectacular.utils import extend_schema
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response

from assets.models import Asset
from core.api import AwareDateTimeField, DecimalStringField, RatioField, StrictSerializer
from portfolios.api.views import WithinPortfolio, caller
from portfolios.queries.drift import Drift, drift_of
from portfolios.queries.targets import targets_of
from portfolios.services.targets import MOST_TARGETS, NewTarget, set_targets


class TargetSerializer(StrictSerializer):
    """The share of a security: ``weight`` is a fraction of the portfolio's value, cash included."""

    asset = serializers.CharField(max_length=32, help_text="Its symbol.")
    weight = DecimalStringField(11, 10, min_value=Decimal(0), max_value=Decimal(1))
    lot_size = DecimalStringField(
        required=False, allow_null=True, help_text="Units are traded in multiples of it; null: as those of its type."
    )


def named_targets(rows: Sequence[dict[str, Any]], context: Mapping[str, Any]) -> list[NewTarget]:
    """``rows`` with their assets, all found by one query. Raises ValidationError for symbols that nobody knows."""
    assets = Asset.objects.visible_to(context["request"].user).select_related("exchange")
    known = assets.in_bulk({row["asset"] for row in rows}, field_name="symbol")
    errors = [
        {} if row["asset"] in known else {"asset": [f"There is no asset with the symbol “{row['asset']}”."]}
        for row in rows
    ]
    if any(errors):
        raise serializers.ValidationError(errors)
    return [NewTarget(known[row["asset"]], row["weight"], row.get("lot_size")) for row in rows]


class DriftSerializer(serializers.Serializer[Any]):
    """A holding beside its target; without ``asset`` it is the cash. ``drift`` is weight − target."""

    asset = serializers.CharField(source="symbol", allow_null=True)
    name = serializers.CharField()
    value = DecimalStringField()
    weight = RatioField()
    target = RatioField(allow_null=True)
    drift = RatioField(allow_null=True)
    outside = serializers.BooleanField(help_text="The drift is more than the threshold.")


class TargetsSerializer(StrictSerializer):
    """What a portfolio shall hold. What the weights leave over stays in cash, beside the weight of ``cash``."""

    targets = TargetSerializer(many=True, max_length=MOST_TARGETS)  # type: ignore[call-arg]
    cash = DecimalStringField(11, 10, required=False, min_value=Decimal(0), max_value=Decimal(1))
    threshold = DecimalStringField(5, 4, required=False, min_value=Decimal(0), max_value=Decimal(1))
    set_at = AwareDateTimeField(read_only=True, allow_null=True)
    set_by = serializers.CharField(read_only=True, allow_null=True)
    currency = serializers.CharField(read_only=True)
    drift = DriftSerializer(many=True, read_only=True)

    def validate_targets(self, rows: Sequence[dict[str, Any]]) -> list[NewTarget]:
        return named_targets(rows, self.context)


class TargetsViewSet(WithinPortfolio):
    """The portfolio's own targets, replaced as a whole, with the drift of what it holds."""

    http_method_names = ["get", "put", "head", "options"]
    serializer_class = TargetsSerializer
    pagination_class = None
    filter_backends = ()

    def retrieve(self, request: Request, *args: Any, **kwargs: Any) -> Response:
        return Response(self._shown())

    @extend_schema(responses=TargetsSerializer)
    def update(self, request: Request, *args: Any, **kwargs: Any) -> Response:
        """Lay down new targets; the old ones stay in the history."""
        serializer = self.get_serializer(data=request.data)
        serializer.is_valid(raise_exception=True)
        set_targets(portfolio=self.portfolio, actor=caller(request), **serializer.validated_data)
        return Response(self._shown())

    def _shown(self) -> Any:
        found = targets_of(self.portfolio)
        weights = list(found.weights.all()) if found else []
        drifts: list[Drift] = drift_of(self.portfolio, {row.asset_id: row.weight for row in weights})
        rows = [{"asset": row.asset.symbol, "weight": row.weight, "lot_size": row.lot_size} for row in weights]
        answer = {
            "targets": rows,
            "cash": found.cash if found else Decimal(0),
            "threshold": self.portfolio.rebalance_threshold,
            "set_at": found and found.created_at,
            "set_by": found.created_by.get_username() if found and found.created_by else None,
            "currency": self.portfolio.base_currency,
            "drift": drifts,
        }
        return TargetsSerializer(answer, context=self.get_serializer_context()).data
