"""The JSON of portfolios and what is in them: money, prices and quantities as strings, weights as numbers."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from django.db.models import QuerySet
from drf_spectacular.utils import extend_schema_field
from rest_framework import serializers

from assets.api.fields import SymbolField
from assets.models import Asset
from banking.models import Account
from core.api import (
    AwareDateTimeField,
    DecimalStringField,
    IsoDateField,
    RatioField,
    StrictIntegerField,
    StrictSerializer,
)
from portfolios.book.value import per_unit
from portfolios.models import Disposal, Lot, LotPick, Portfolio, PortfolioAccount, Trade, TradeKind
from portfolios.services.portfolios import NewInvestment
from portfolios.services.terms import MOST_LOTS, NewLot, NewPick
from users.api import OrganisationField

MOST_INVESTMENTS = 1000
ROLES = "What the caller is to it: owner, manager, member or viewer by organisation, editor or viewer by share."


class OwnAccountField(serializers.PrimaryKeyRelatedField[Account]):
    """An account that the caller sees or whose portfolio they edit; any other looks as if it did not exist."""

    def __init__(self, **kwargs: Any) -> None:
        super().__init__(pk_field=StrictIntegerField(), **kwargs)

    def get_queryset(self) -> QuerySet[Account]:
        user = self.context["request"].user
        paying = PortfolioAccount.objects.filter(portfolio__in=Portfolio.objects.editable_by(user))
        return Account.objects.visible_to(user) | Account.objects.filter(pk__in=paying.values("account"))


class HoldingSerializer(serializers.Serializer[Any]):
    """One asset of a portfolio. Cost in its currency; cost_base, value and gains in the portfolio's.

    Price and average_cost are per unit as the asset is quoted: × price_factor in its currency.
    """

    asset = serializers.CharField(source="symbol")
    name = serializers.CharField()
    sector = serializers.CharField()
    type = serializers.CharField(source="asset_type")
    currency = serializers.CharField()
    quote_currency = serializers.CharField(help_text="What price and average_cost are in: GBX for pence.")
    price_factor = DecimalStringField(help_text="What one unit costs at a price of 1.")
    quantity = DecimalStringField()
    average_cost = DecimalStringField()
    cost = DecimalStringField()
    cost_base = DecimalStringField()
    price = DecimalStringField(allow_null=True)
    price_day = serializers.DateField(allow_null=True)
    price_source = serializers.CharField(help_text="“simulated”: no market made this price; “trade”: the last own one.")
    price_basis = serializers.CharField()
    dirty_price = DecimalStringField(
        None, None, allow_null=True, help_text="Of a bond: the price with the interest accrued since its last coupon."
    )
    rate = DecimalStringField(None, None, allow_null=True)
    value = DecimalStringField(allow_null=True)
    unrealised_gain = DecimalStringField(allow_null=True)
    realised_gain = DecimalStringField()
    weight = RatioField()


class SectorSerializer(serializers.Serializer[Any]):
    sector = serializers.CharField()
    value = DecimalStringField()
    weight = RatioField()
    investments = HoldingSerializer(many=True, source="holdings")


class SectorsSerializer(serializers.Serializer[Any]):
    portfolio = serializers.IntegerField()
    as_of = serializers.DateField(allow_null=True)
    currency = serializers.CharField()
    total = DecimalStringField()
    complete = serializers.BooleanField(help_text="False when a price or rate is missing, and so an amount.")
    sectors = SectorSerializer(many=True)


class TotalsSerializer(serializers.Serializer[Any]):
    as_of = serializers.DateField(allow_null=True)
    currency = serializers.CharField()
    market_value = DecimalStringField()
    invested = DecimalStringField()
    unrealized_pnl = DecimalStringField(source="unrealised_gain")
    realized_pnl = DecimalStringField(source="realised_gain")
    cash = DecimalStringField(help_text="Balances of its accounts today, in UTC, or on the day asked for.")
    overdrawn = serializers.ListField(child=serializers.CharField(), help_text="Names of accounts below zero.")
    receivables = DecimalStringField(help_text="What actions owe between ex-date and payment, on the day asked for.")
    total_value = DecimalStringField()
    win_rate = serializers.DecimalField(
        7, 4, coerce_to_string=False, allow_null=True, help_text="Percent of the closed disposals that had a gain."
    )
    complete = serializers.BooleanField()


class NewInvestmentSerializer(StrictSerializer):
    """A position that a portfolio opens with."""

    asset = serializers.CharField(max_length=32)
    quantity = DecimalStringField()
    unit_cost = DecimalStringField(required=False, allow_null=True, help_text="As the asset is quoted, like a price.")
    opened_on = IsoDateField(required=False, allow_null=True)


class RoleField(serializers.CharField):
    """What the caller is to a portfolio: owner, manager, member, editor or viewer."""

    def __init__(self, **kwargs: Any) -> None:
        super().__init__(**kwargs | {"source": "*", "read_only": True, "help_text": ROLES})

    def to_representation(self, value: Any) -> str:
        return str(value.role_for(self.context["request"].user))


class PortfolioSerializer(StrictSerializer, serializers.ModelSerializer[Portfolio]):
    """A portfolio's settings; when it is created, also the positions that it opens with."""

    organisation = OrganisationField(required=False, allow_null=True, help_text="Whose it is; null: a person’s.")
    role = RoleField()
    benchmark = SymbolField(required=False, allow_null=True)
    investments = NewInvestmentSerializer(many=True, required=False, write_only=True, max_length=MOST_INVESTMENTS)  # type: ignore[call-arg]

    class Meta:
        model = Portfolio
        fields = [
            "id",
            "name",
            "description",
            "base_currency",
            "cost_method",
            "allow_short",
            "long_term_days",
            "rebalance_threshold",
            "risk_tolerance",
            "cash",
            "benchmark",
            "organisation",
            "role",
            "created_at",
            "investments",
        ]

    def get_fields(self) -> dict[str, Any]:
        fields = super().get_fields()
        if self.partial:  # positions are changed by trades, and it stays whose it is
            del fields["investments"]
            fields["organisation"] = serializers.PrimaryKeyRelatedField(read_only=True)
        return fields

    def validate_investments(self, rows: Sequence[dict[str, Any]]) -> list[NewInvestment]:
        """The rows with their assets, all found by one query."""
        symbols = {row["asset"] for row in rows}
        assets = Asset.objects.visible_to(self.context["request"].user).select_related("exchange")
        known = assets.in_bulk(symbols, field_name="symbol")
        errors = [{} if row["asset"] in known else _unknown_symbol(row["asset"]) for row in rows]
        if any(errors):
            raise serializers.ValidationError(errors)
        return [NewInvestment(**row | {"asset": known[row["asset"]]}) for row in rows]


def _unknown_symbol(symbol: str) -> dict[str, list[str]]:
    return {"asset": [f"There is no asset with the symbol “{symbol}”."]}


class PortfolioDetailSerializer(serializers.ModelSerializer[Portfolio]):
    """A portfolio with its investments and totals, which the context holds."""

    benchmark = SymbolField(read_only=True)
    organisation = serializers.IntegerField(source="organisation_id", read_only=True, allow_null=True)
    role = RoleField()
    created_at = AwareDateTimeField(read_only=True)
    rebalance_threshold = DecimalStringField(5, 4, read_only=True)
    totals = serializers.SerializerMethodField()
    investments = serializers.SerializerMethodField()

    class Meta:
        model = Portfolio
        fields = [name for name in PortfolioSerializer.Meta.fields if name != "investments"] + ["totals", "investments"]

    @extend_schema_field(TotalsSerializer)
    def get_totals(self, portfolio: Portfolio) -> Any:
        return TotalsSerializer(self.context["totals"]).data

    @extend_schema_field(HoldingSerializer(many=True))
    def get_investments(self, portfolio: Portfolio) -> Any:
        return HoldingSerializer(self.context["holdings"], many=True).data


class TradeLotSerializer(StrictSerializer):
    """A lot that a transfer in brings (opened_on, quantity, cost), or one that a sale picks (opened_by, quantity)."""

    opened_by = StrictIntegerField(required=False, min_value=1, help_text="The trade that opened the lot.")
    sequence = StrictIntegerField(required=False, min_value=0, max_value=10**6)
    opened_on = IsoDateField(required=False)
    quantity = DecimalStringField()
    cost = DecimalStringField(19, 4, required=False)
    cost_base = DecimalStringField(19, 4, required=False)

    def validate(self, row: dict[str, Any]) -> dict[str, Any]:
        needed, other = ({"opened_by"}, BROUGHT) if "opened_by" in row else ({"opened_on", "cost"}, {"sequence"})
        errors = {name: ["This field is required."] for name in needed - row.keys()}
        errors |= {name: ["A lot is either brought or picked."] for name in other & row.keys()}
        if errors:
            raise serializers.ValidationError(errors)
        return row

    def to_representation(self, row: Any) -> dict[str, Any]:
        names = PICKED if isinstance(row, LotPick) else ("opened_on", "quantity", "cost", "cost_base")
        values = {"opened_by": getattr(row, "opened_by_id", None), "sequence": row.sequence, "quantity": row.quantity}
        values |= {name: getattr(row, name) for name in names if name not in values}
        return {name: self.fields[name].to_representation(values[name]) for name in names}


BROUGHT = {"opened_on", "cost", "cost_base"}
PICKED = ("opened_by", "sequence", "quantity")
OWN_TERMS = ("currency", "fee", "tax", "accrued", "exchange_rate", "account", "external_id")


class TradeSerializer(StrictSerializer, serializers.ModelSerializer[Trade]):
    """One trade. ``gross`` is quantity × price (× the asset's price factor), ``net`` a purchase's cost or a sale's
    proceeds after fee and tax; ``accrued`` is paid or received beside it. They, fee and tax are in the settlement
    currency.
    """

    asset = SymbolField()
    account = OwnAccountField(required=False, allow_null=True)
    price = DecimalStringField(required=False, help_text="Per unit. A transfer in without one takes the day's close.")
    currency = serializers.CharField(
        max_length=3,
        required=False,
        help_text="What the price is in; the asset's quote currency when left out. GBX is for shares quoted in pence.",
    )
    settlement_currency = serializers.CharField(source="currency", read_only=True, help_text="GBP for prices in GBX.")
    accrued = DecimalStringField(
        19,
        4,
        required=False,
        allow_null=True,
        help_text="Of a bond: the interest since its last coupon, paid beside the price. Left out or null, it is "
        "computed from the bond's terms for the trade's day, and anew when quantity, day, asset or currency change. "
        "Nothing else has any, nor has a transfer.",
    )
    gross = DecimalStringField(read_only=True)
    net = DecimalStringField(read_only=True)
    lots = TradeLotSerializer(many=True, required=False, source="named_lots", max_length=MOST_LOTS)  # type: ignore[call-arg]
    target = serializers.IntegerField(
        required=False, write_only=True, help_text="For a transfer out: the portfolio of yours where the lots arrive."
    )

    class Meta:
        model = Trade
        fields = [
            "id",
            "kind",
            "asset",
            "quantity",
            "price",
            "traded_at",
            "day",
            "currency",
            "settlement_currency",
            "fee",
            "tax",
            "accrued",
            "gross",
            "net",
            "exchange_rate",
            "account",
            "external_id",
            "note",
            "lots",
            "target",
            "source",
            "replaces",
            "created_at",
            "voided_at",
        ]
        read_only_fields = ["day", "source", "replaces", "created_at", "voided_at"]

    def get_fields(self) -> dict[str, Any]:
        fields = super().get_fields()
        if self.partial:  # a transfer between two portfolios is voided and booked anew
            del fields["target"]
        return fields

    def validate(self, attrs: dict[str, Any]) -> dict[str, Any]:
        rows = attrs.get("named_lots", ())
        if len({"opened_by" in row for row in rows}) > 1:
            raise serializers.ValidationError({"lots": ["Lots are either all brought or all picked."]})
        if "target" in attrs:
            errors = {name: ["A transfer between two portfolios has none."] for name in OWN_TERMS if attrs.get(name)}
            if attrs["kind"] != TradeKind.TRANSFER_OUT:
                errors["target"] = ["Only a transfer out has a target."]
            if errors:
                raise serializers.ValidationError(errors)
        return attrs

    def to_representation(self, instance: Trade) -> dict[str, Any]:
        price, currency = instance.stated_price, instance.price_currency
        row = super().to_representation(instance)
        return row | {"price": self.fields["price"].to_representation(price), "currency": currency}

    def terms(self) -> dict[str, Any]:
        """What the service takes: the fields that were sent, lots as such."""
        terms = dict(self.validated_data)
        if "named_lots" in terms:
            rows = terms.pop("named_lots")
            picked = any("opened_by" in row for row in rows)
            terms["picks"] = tuple(NewPick(**row) for row in rows) if picked else ()
            terms["lots"] = () if picked else tuple(NewLot(**row) for row in rows)
        return terms


class UnitCostField(DecimalStringField):
    """A price per unit: a quotient, so rounded to the 10 decimals of prices."""

    def to_representation(self, value: Any) -> str | None:  # type: ignore[override]
        return super().to_representation(per_unit(value))


class LotSerializer(serializers.ModelSerializer[Lot]):
    """An open lot: what is left of the units that came in together, in the asset's currency.

    But unit_cost is as the asset is quoted, in quote_currency, and cost_base is in the portfolio's.
    """

    asset = serializers.CharField(source="asset.symbol")
    currency = serializers.CharField(source="asset.currency")
    quantity = DecimalStringField()
    opened_quantity = DecimalStringField()
    unit_cost = UnitCostField(help_text="As the asset is quoted, like a price: in quote_currency.")
    quote_currency = serializers.CharField(source="asset.quote_currency", help_text="GBX for pence.")
    cost = DecimalStringField()
    cost_base = DecimalStringField()

    class Meta:
        model = Lot
        fields = [
            "opened_by",
            "sequence",
            "asset",
            "opened_on",
            "opened_quantity",
            "quantity",
            "unit_cost",
            "cost",
            "cost_base",
            "currency",
            "quote_currency",
            "actions",
        ]


class DisposalSerializer(serializers.ModelSerializer[Disposal]):
    """Proceeds, cost and gain in the asset's currency; what ends in _base, price_gain and currency_gain in the base."""

    asset = serializers.CharField(source="asset.symbol")
    currency = serializers.CharField(source="asset.currency")
    quantity = DecimalStringField()
    proceeds = DecimalStringField()
    cost = DecimalStringField()
    gain = DecimalStringField()
    proceeds_base = DecimalStringField()
    cost_base = DecimalStringField()
    gain_base = DecimalStringField()
    price_gain = DecimalStringField()
    currency_gain = DecimalStringField()
    holding_days = serializers.IntegerField()
    long_term = serializers.BooleanField(help_text="Held for more days than the portfolio's long_term_days.")

    class Meta:
        model = Disposal
        fields = [
            "trade",
            "action",
            "short",
            "opened_by",
            "sequence",
            "asset",
            "currency",
            "opened_on",
            "closed_on",
            "quantity",
            "proceeds",
            "cost",
            "gain",
            "proceeds_base",
            "cost_base",
            "gain_base",
            "price_gain",
            "currency_gain",
            "holding_days",
            "long_term",
        ]
