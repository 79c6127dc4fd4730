"""Rebalancing over HTTP: trades for target weights, kept as proposals, booked whole."""

from __future__ import annotations

from collections.abc import Sequence
from decimal import Decimal
from typing import Any, ClassVar

from django.db.models import QuerySet
from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import OpenApiParameter, extend_schema
from rest_framework import mixins, serializers, status
from rest_framework.decorators import action
from rest_framework.request import Request
from rest_framework.response import Response

from analytics.models import RebalanceProposal
from analytics.proposed import from_json
from analytics.queries.proposals import mark_moved_prices
from analytics.services.rebalance_request import FRACTIONAL, GAIN, TAX, WHOLE, request_of
from analytics.services.rebalancing import (
    book_proposal,
    discard_proposal,
    preview_rebalance,
    save_proposal,
    take_back_proposal,
    trades_of,
)
from core.api import AwareDateTimeField, DecimalStringField, RatioField, StrictIntegerField, StrictSerializer
from core.web import Right, obtain
from portfolios.api.targets import TargetSerializer, named_targets
from portfolios.api.views import WithinPortfolio, caller
from portfolios.book.allocation import Mode, Reach
from portfolios.models import Portfolio, TradeKind
from portfolios.services.targets import MOST_TARGETS, NewTarget

ONE, ZERO = Decimal(1), Decimal(0)
RUN = OpenApiParameter(
    "run",
    OpenApiTypes.INT,
    description="Take the weights of this optimisation of the portfolio. They are shares of what is invested: they are "
    "scaled by 1 − `cash`, and without `cash` by 1 − the share that cash has now, which it keeps.",
)


class MoneyInput(DecimalStringField):
    """An amount in the portfolio's currency that is not negative."""

    def __init__(self, **kwargs: Any) -> None:
        super().__init__(19, 4, **{"min_value": ZERO, "required": False} | kwargs)


class RateInput(DecimalStringField):
    """A fraction from 0 to 1."""

    def __init__(self, **kwargs: Any) -> None:
        super().__init__(11, 10, **{"min_value": ZERO, "max_value": ONE, "required": False} | kwargs)


class RebalanceRequestSerializer(StrictSerializer):
    """What to rebalance to, and how. Without ``targets`` and ``?run=`` to the portfolio's own targets."""

    targets = TargetSerializer(many=True, required=False, max_length=MOST_TARGETS)  # type: ignore[call-arg]
    cash = RateInput(
        help_text="The weight of cash among the targets, also beside those of `?run=`; what they leave over stays in "
        "cash as well."
    )
    mode = serializers.ChoiceField(
        [mode.value for mode in Mode], required=False, help_text="Buy and sell, or only one."
    )
    amount = MoneyInput(help_text="Paid in; in the mode withdrawal paid out.")
    use_cash = serializers.BooleanField(required=False, help_text="A contribution spends the free cash as well.")
    threshold = DecimalStringField(
        5, 4, required=False, min_value=ZERO, max_value=ONE, help_text="The portfolio's for its own targets, else 0."
    )
    reach = serializers.ChoiceField([reach.value for reach in Reach], required=False)
    units = serializers.ChoiceField([WHOLE, FRACTIONAL], required=False)
    minimum = MoneyInput(help_text="Smaller trades are not made.")
    fee_flat = MoneyInput(help_text="Of each trade.")
    fee_rate = RateInput(max_value=Decimal("0.5"), help_text="Of each trade's gross amount.")
    keep_others = serializers.BooleanField(
        required=False, help_text="Leave alone what has no target, and not count it."
    )
    short_rate = RateInput(help_text="The tax on gains of lots held short, to estimate it.")
    long_rate = RateInput()
    objective = serializers.ChoiceField([GAIN, TAX], required=False, help_text="What picking lots keeps low.")
    save = serializers.BooleanField(required=False, help_text="Keep it as a proposal.")  # type: ignore[assignment]

    def validate_targets(self, rows: Sequence[dict[str, Any]]) -> list[NewTarget]:
        return named_targets(rows, self.context)


class RealisedSerializer(serializers.Serializer[Any]):
    """What is realised, in the portfolio's currency. Tax is null without rates; negative where losses outweigh."""

    gain_short = DecimalStringField()
    gain_long = DecimalStringField()
    gain = DecimalStringField()
    tax = DecimalStringField(allow_null=True)


class ProposedLotSerializer(serializers.Serializer[Any]):
    """The part of one lot that a trade closes; amounts in the portfolio's currency."""

    opened_by = serializers.IntegerField()
    sequence = serializers.IntegerField()
    short = serializers.BooleanField()
    opened_on = serializers.DateField()
    quantity = DecimalStringField()
    proceeds = DecimalStringField()
    cost = DecimalStringField()
    gain = DecimalStringField()
    holding_days = serializers.IntegerField()
    long_term = serializers.BooleanField()


class PickedLotSerializer(serializers.Serializer[Any]):
    opened_by = serializers.IntegerField()
    sequence = serializers.IntegerField()
    quantity = DecimalStringField()


class ProposedTradeSerializer(RealisedSerializer):
    """One trade, with the lots that it closes. Gross and fee are in the settlement currency, cash in the base."""

    kind = serializers.ChoiceField([TradeKind.BUY.value, TradeKind.SELL.value])
    asset = serializers.CharField()
    name = serializers.CharField()
    quantity = DecimalStringField()
    price = DecimalStringField()
    price_currency = serializers.CharField()
    price_day = serializers.DateField(allow_null=True)
    price_source = serializers.CharField()
    settlement_currency = serializers.CharField()
    gross = DecimalStringField()
    fee = DecimalStringField()
    accrued = DecimalStringField(default="0", help_text="The interest of a bond that is paid beside the gross amount.")
    exchange_rate = DecimalStringField(allow_null=True)
    cash = DecimalStringField()
    traded_at = AwareDateTimeField()
    account = serializers.IntegerField(allow_null=True)
    picked = PickedLotSerializer(many=True, help_text="The lots that the trade names, where lots are picked.")
    lots = ProposedLotSerializer(many=True)


class ProposedDriftSerializer(serializers.Serializer[Any]):
    """A holding beside its target, before and after; without ``asset`` it is the cash."""

    asset = serializers.CharField(allow_null=True)
    name = serializers.CharField()
    value = DecimalStringField()
    weight = RatioField()
    target = RatioField()
    drift = RatioField()
    outside = serializers.BooleanField()
    value_after = DecimalStringField()
    weight_after = RatioField()
    drift_after = RatioField()
    outside_after = serializers.BooleanField()


class LotChoicesSerializer(serializers.Serializer[Any]):
    """The same sales with other lots: by the cost method alone, all lots pro rata, and the least that is possible."""

    proposed = RealisedSerializer()
    method = RealisedSerializer()
    pro_rata = RealisedSerializer()
    least = RealisedSerializer()


class VersionsSerializer(serializers.Serializer[Any]):
    portfolio = serializers.IntegerField()
    prices = serializers.IntegerField()


class UsedOptionsSerializer(serializers.Serializer[Any]):
    mode = serializers.CharField()
    amount = DecimalStringField()
    use_cash = serializers.BooleanField()
    threshold = DecimalStringField()
    reach = serializers.CharField()
    units = serializers.CharField()
    minimum = DecimalStringField()
    fee_flat = DecimalStringField()
    fee_rate = DecimalStringField()
    keep_others = serializers.BooleanField()
    short_rate = DecimalStringField(allow_null=True)
    long_rate = DecimalStringField(allow_null=True)
    objective = serializers.CharField()


class RebalanceSerializer(RealisedSerializer):
    """The trades that bring a portfolio to its targets, and what they mean. Nothing of it is booked."""

    proposal = serializers.IntegerField(allow_null=True, default=None, help_text="Its id, where it was saved.")
    portfolio = serializers.IntegerField()
    currency = serializers.CharField()
    as_of = serializers.DateField(allow_null=True, help_text="The day of the newest price.")
    versions = VersionsSerializer()
    method = serializers.CharField(help_text="The cost method; lots are picked where it is “specific”.")
    long_term_days = serializers.IntegerField()
    targets = TargetSerializer(many=True)
    options = UsedOptionsSerializer()
    cash_before = DecimalStringField(help_text="With what is paid in or out.")
    cash_after = DecimalStringField()
    turnover = DecimalStringField()
    fees = DecimalStringField()
    comparison = LotChoicesSerializer()
    trades = ProposedTradeSerializer(many=True)
    drift = ProposedDriftSerializer(many=True)
    overdrawn = serializers.ListField(
        child=serializers.CharField(), help_text="Accounts that would end below zero while others hold enough."
    )


class RebalanceProposalSerializer(serializers.ModelSerializer[RebalanceProposal]):
    """A kept proposal. It is booked whole, and only while the books are as they were.

    ``stale`` says that they or the prices are not. Where only ``prices_moved`` it can be booked with ``accept_prices``.
    """

    created_by = serializers.CharField(source="created_by.username", default=None, allow_null=True)
    decided_by = serializers.CharField(source="decided_by.username", default=None, allow_null=True)
    stale = serializers.SerializerMethodField()
    prices_moved = serializers.BooleanField(read_only=True)
    trade_count = serializers.SerializerMethodField()

    class Meta:
        model = RebalanceProposal
        fields: ClassVar = [
            *(
                "id",
                "state",
                "stale",
                "prices_moved",
                "as_of",
                "currency",
                "trade_count",
                "turnover",
                "fees",
                "gain_short",
                "gain_long",
            ),
            *("tax", "cash_after", "created_by", "created_at", "decided_by", "decided_at"),
        ]
        read_only_fields: ClassVar = fields

    serializer_field_mapping = StrictSerializer.serializer_field_mapping

    def get_stale(self, proposal: RebalanceProposal) -> bool:
        return proposal.stale

    def get_trade_count(self, proposal: RebalanceProposal) -> int:
        return len(proposal.result["trades"])


class RebalanceProposalDetailSerializer(RebalanceProposalSerializer):
    """A proposal with all that it says, and the ids of the trades that it became."""

    result = serializers.SerializerMethodField()
    booked_trades = serializers.SerializerMethodField()

    class Meta(RebalanceProposalSerializer.Meta):
        fields: ClassVar = [*RebalanceProposalSerializer.Meta.fields, "booked_trades", "result"]
        read_only_fields: ClassVar = fields

    @extend_schema(responses=RebalanceSerializer)
    def get_result(self, proposal: RebalanceProposal) -> Any:
        return RebalanceSerializer(from_json(proposal.result) | {"proposal": proposal.pk}).data

    def get_booked_trades(self, proposal: RebalanceProposal) -> list[int]:
        return [trade.pk for trade in trades_of(proposal)]


class ProposalBookingSerializer(StrictSerializer):
    """How a proposal is booked."""

    accept_prices = serializers.BooleanField(
        required=False, help_text="Book it at its own prices although they have moved since."
    )


class RebalanceViewSet(WithinPortfolio):
    """The trades that bring a portfolio to its targets."""

    http_method_names = ["post", "options"]
    serializer_class = RebalanceRequestSerializer
    rights: ClassVar = {"create": Right.SEE}  # unless it is to be kept

    @extend_schema(parameters=[RUN], responses={200: RebalanceSerializer, 201: RebalanceSerializer})
    def create(self, request: Request, *args: Any, **kwargs: Any) -> Response:
        """Work the trades out; with ``save`` they are kept as a proposal."""
        serializer = self.get_serializer(data=request.data)
        serializer.is_valid(raise_exception=True)
        given = dict(serializer.validated_data)
        save = given.pop("save", False)
        if save:
            obtain(Portfolio.objects.all(), caller(request), Right.BOOK, pk=self.portfolio.pk)
        asked = request_of(self.portfolio, run=self._run(request), **given)
        if not save:
            return Response(RebalanceSerializer(preview_rebalance(portfolio=self.portfolio, request=asked)).data)
        kept = save_proposal(portfolio=self.portfolio, request=asked, actor=caller(request))
        answer = from_json(kept.result) | {"proposal": kept.pk}
        return Response(RebalanceSerializer(answer).data, status=status.HTTP_201_CREATED)

    def _run(self, request: Request) -> int | None:
        text = request.query_params.get("run")
        if text is None:
            return None
        try:
            return StrictIntegerField(min_value=1).run_validation(text)
        except serializers.ValidationError as error:
            raise serializers.ValidationError({"run": error.detail}) from error


class RebalanceProposalViewSet(
    mixins.ListModelMixin, mixins.RetrieveModelMixin, mixins.DestroyModelMixin, WithinPortfolio
):
    """The proposals of a portfolio, the newest first. Deleting one discards it; one that was booked stays."""

    http_method_names = ["get", "post", "delete", "head", "options"]
    queryset = RebalanceProposal.objects.none()
    serializer_class = RebalanceProposalSerializer
    filterset_fields: ClassVar = ["state"]
    ordering_fields: ClassVar = ["created_at", "turnover", "state"]

    def get_queryset(self) -> QuerySet[RebalanceProposal]:
        proposals = RebalanceProposal.objects.visible_to(caller(self.request)).kept().filter(portfolio=self.portfolio)
        return proposals.select_related("portfolio", "created_by", "decided_by").order_by("-pk")

    def paginate_queryset(self, queryset: Any) -> Any:
        page = super().paginate_queryset(queryset)
        mark_moved_prices(page or ())
        return page

    def _detail(self) -> Response:
        proposal = self.get_object()
        mark_moved_prices([proposal])
        return Response(RebalanceProposalDetailSerializer(proposal).data)

    @extend_schema(responses=RebalanceProposalDetailSerializer)
    def retrieve(self, request: Request, *args: Any, **kwargs: Any) -> Response:
        return self._detail()

    def perform_destroy(self, instance: RebalanceProposal) -> None:
        discard_proposal(proposal=instance, actor=caller(self.request))

    @extend_schema(request=ProposalBookingSerializer, responses=RebalanceProposalDetailSerializer)
    @action(detail=True, methods=["post"])
    def book(self, request: Request, *args: Any, **kwargs: Any) -> Response:
        """Book all of its trades, or none where the book has changed since; a second call changes nothing.

        Where prices have moved since, only with `accept_prices`.
        """
        serializer = ProposalBookingSerializer(data=request.data)
        serializer.is_valid(raise_exception=True)
        book_proposal(proposal=self.get_object(), actor=caller(request), **serializer.validated_data)
        return self._detail()

    @extend_schema(request=None, responses=RebalanceProposalDetailSerializer)
    @action(detail=True, methods=["post"])
    def undo(self, request: Request, *args: Any, **kwargs: Any) -> Response:
        """Void all of its trades that still stand."""
        take_back_proposal(proposal=self.get_object(), actor=caller(request))
        return self._detail()
