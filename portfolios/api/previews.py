"""The JSON of a trade's preview: what booking it would do, and nothing stored."""

from __future__ import annotations

from typing import Any

from drf_spectacular.utils import extend_schema_field
from rest_framework import serializers

from core.api import DecimalStringField
from portfolios.api.serializers import DisposalSerializer
from portfolios.models import Disposal
from portfolios.services.preview import Preview


class CashEffectSerializer(serializers.Serializer[Any]):
    """What moves on the account; without one, the external flow in the base currency of untracked cash."""

    account = serializers.IntegerField(source="account.pk", default=None, allow_null=True)
    currency = serializers.CharField()
    amount = DecimalStringField()
    rate = DecimalStringField(None, None, help_text="Units of this currency for one of the trade's.")
    rate_day = serializers.DateField(allow_null=True)
    rate_source = serializers.CharField(help_text="“broker”, “market”, or nothing where the currencies are the same.")
    balance_before = DecimalStringField(allow_null=True)
    balance_after = DecimalStringField(allow_null=True)
    negative_from = serializers.DateField(
        allow_null=True, help_text="The first day from the trade's on that ends below zero."
    )


class OpenedLotSerializer(serializers.Serializer[Any]):
    """A lot that the trade opens, right after it; a short one is negative."""

    opened_on = serializers.DateField()
    quantity = DecimalStringField()
    cost = DecimalStringField()
    cost_base = DecimalStringField()


class TakenLotSerializer(DisposalSerializer):
    """The part of one lot that the trade closes, and what that realises."""

    class Meta:
        model = Disposal
        fields = [
            name for name in DisposalSerializer.Meta.fields if name not in ("trade", "action", "asset", "currency")
        ]


class DepartedLotSerializer(OpenedLotSerializer):
    """The part of one lot that leaves with its basis."""

    opened_by = serializers.IntegerField()
    sequence = serializers.IntegerField()


class AverageCostField(DecimalStringField):
    """The cost per unit of a whole position, as the asset is quoted."""

    def to_representation(self, value: Any) -> str | None:  # type: ignore[override]
        preview: Preview = self.parent.parent.instance  # type: ignore[assignment]
        return super().to_representation(preview.average_cost_of(value))


class PreviewPositionSerializer(serializers.Serializer[Any]):
    """The whole position in the asset; ``_base`` in the portfolio's currency."""

    quantity = DecimalStringField()
    average_cost = AverageCostField(source="*")
    cost = DecimalStringField()
    cost_base = DecimalStringField()
    realised_gain = DecimalStringField()
    realised_gain_base = DecimalStringField()


class MovedSerializer(serializers.Serializer[Any]):
    """A closing elsewhere that would take other lots; gains in the base currency."""

    trade = serializers.IntegerField(source="trade_id", allow_null=True)
    action = serializers.IntegerField(source="action_id", allow_null=True)
    day = serializers.DateField()
    gain_before = DecimalStringField()
    gain_after = DecimalStringField()


class LegSerializer(serializers.Serializer[Any]):
    """What one trade would do in its portfolio."""

    kind = serializers.CharField(source="trade.kind")
    asset = serializers.CharField(source="trade.asset.symbol")
    day = serializers.DateField(source="trade.day", help_text="At the exchange.")
    quantity = DecimalStringField(source="trade.quantity")
    price = DecimalStringField(source="trade.stated_price")
    currency = serializers.CharField(source="trade.price_currency", help_text="What the price is in: GBX for pence.")
    settlement_currency = serializers.CharField(source="trade.currency", help_text="What gross, net, fee, tax are in.")
    gross = DecimalStringField(source="trade.gross")
    fee = DecimalStringField(source="trade.fee")
    tax = DecimalStringField(source="trade.tax")
    net = DecimalStringField(source="trade.net")
    accrued = DecimalStringField(source="trade.accrued", help_text="The interest of a bond, beside the net amount.")
    asset_currency = serializers.CharField(source="trade.asset.currency")
    amount = DecimalStringField(help_text="Cost or net proceeds in the asset's currency.")
    base_currency = serializers.CharField(source="trade.portfolio.base_currency")
    amount_base = DecimalStringField(help_text="The same in the base currency.")
    cash = CashEffectSerializer(allow_null=True)
    opened = OpenedLotSerializer(many=True)
    pooled = serializers.BooleanField(help_text="The units join the average pool instead of opening a lot.")
    taken = TakenLotSerializer(many=True)
    departed = DepartedLotSerializer(many=True)
    gain = DecimalStringField(allow_null=True, help_text="Realised, in the asset's currency; null if nothing closes.")
    gain_base = DecimalStringField(allow_null=True)
    price_gain = DecimalStringField(allow_null=True)
    currency_gain = DecimalStringField(allow_null=True)
    before = PreviewPositionSerializer(help_text="The position as it is.")
    then = PreviewPositionSerializer(help_text="The position right after the trade.")
    after = PreviewPositionSerializer(help_text="The position as it would be, later trades included.")
    later = serializers.IntegerField(help_text="How many trades of the asset come after this one.")
    moved = MovedSerializer(many=True)


class TradePreviewSerializer(LegSerializer):
    """What a trade would do. A transfer to another portfolio has the leg that arrives there as ``arrival``."""

    arrival = serializers.SerializerMethodField()

    @extend_schema_field(LegSerializer(allow_null=True))
    def get_arrival(self, preview: Preview) -> Any:
        return LegSerializer(preview.arrival).data if preview.arrival else None
