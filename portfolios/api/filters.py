"""What lists can be narrowed by."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import date, timedelta
from operator import attrgetter
from typing import Any

import django_filters
from django import forms
from django.utils import timezone
from rest_framework.exceptions import ValidationError
from rest_framework.request import Request

from core.api import PLAIN_INTEGER, IsoDateField
from portfolios.models import Disposal, Lot, Trade, TradeKind
from portfolios.queries import Holding

EARLIEST_ZONE = timedelta(hours=14)  # where a day begins first
HOLDING_ORDER: dict[str, Callable[[Holding], Any]] = {
    "asset": lambda holding: holding.symbol,
    "sector": lambda holding: holding.sector,
    "quantity": lambda holding: holding.quantity,
    "cost_base": lambda holding: holding.cost_base,
    "value": lambda holding: holding.value,
    "unrealised_gain": lambda holding: holding.unrealised_gain,
    "realised_gain": lambda holding: holding.realised_gain,
}


class PlainIntegerField(forms.IntegerField):
    """Digits only: an exponent would be written out, and that can take minutes."""

    def to_python(self, value: Any) -> int | None:
        if value not in self.empty_values and not PLAIN_INTEGER.fullmatch(str(value)):
            raise forms.ValidationError(self.error_messages["invalid"], code="invalid")
        return super().to_python(value)


class IntegerFilter(django_filters.Filter):
    field_class = PlainIntegerField


class TradeFilter(django_filters.FilterSet):
    """``start`` and ``end`` are days at the exchange, both included."""

    asset = django_filters.CharFilter("asset__symbol")
    kind = django_filters.ChoiceFilter(choices=TradeKind)
    start = django_filters.DateFilter("day", "gte")
    end = django_filters.DateFilter("day", "lte")
    external_id = django_filters.CharFilter()

    class Meta:
        model = Trade
        fields = ["asset", "kind", "start", "end", "external_id"]


class LotFilter(django_filters.FilterSet):
    asset = django_filters.CharFilter("asset__symbol")
    start = django_filters.DateFilter("opened_on", "gte")
    end = django_filters.DateFilter("opened_on", "lte")

    class Meta:
        model = Lot
        fields = ["asset", "start", "end"]


class DisposalFilter(django_filters.FilterSet):
    """``start`` and ``end`` are closing days, both included; ``as_of`` is another name for ``end``."""

    asset = django_filters.CharFilter("asset__symbol")
    trade = IntegerFilter("trade")
    start = django_filters.DateFilter("closed_on", "gte")
    end = django_filters.DateFilter("closed_on", "lte")
    as_of = django_filters.DateFilter("closed_on", "lte")

    class Meta:
        model = Disposal
        fields = ["asset", "trade", "start", "end", "as_of"]


def day_parameter(request: Request, name: str) -> date | None:
    """A day in the query string, or None; anything else, and a day that has begun nowhere, is refused by name."""
    text = request.query_params.get(name)
    if text is None:
        return None
    try:
        day: date = IsoDateField().to_internal_value(text)
    except ValidationError as error:
        raise ValidationError({name: error.detail}) from error
    if day > (timezone.now() + EARLIEST_ZONE).date():
        raise ValidationError({name: ["This day is in the future."]})
    return day


def flag_parameter(request: Request, name: str) -> bool:
    """``true`` or ``false`` in the query string; false when it is not there."""
    text = request.query_params.get(name, "false")
    if text not in ("true", "false"):
        raise ValidationError({name: ["Write true or false."]})
    return text == "true"


def narrowed(holdings: Sequence[Holding], request: Request) -> list[Holding]:
    """``?asset=``, ``?sector=`` and ``?ordering=`` for rows that are computed and not selected."""
    wanted = {name: request.query_params[name] for name in ("asset", "sector") if name in request.query_params}
    kept = [holding for holding in holdings if wanted.get("asset", holding.symbol) == holding.symbol]
    kept = [holding for holding in kept if wanted.get("sector", holding.sector) == holding.sector]
    for name in reversed(request.query_params.get("ordering", "asset").split(",")):
        kept = _ordered(kept, name.strip())
    return kept


LOT_ORDER = ("opened_on", "quantity", "cost")


def narrowed_lots(lots: Sequence[Lot], request: Request) -> list[Lot]:
    """The filters and orders of stored lots for lots that are computed."""
    asked = LotFilter(request.query_params, queryset=Lot.objects.none()).form
    if not asked.is_valid():
        raise ValidationError(asked.errors)
    asset, start, end = (asked.cleaned_data[name] for name in ("asset", "start", "end"))
    kept = [lot for lot in lots if asset in ("", lot.asset.symbol)]
    kept = [lot for lot in kept if (start or date.min) <= lot.opened_on <= (end or date.max)]
    orders = [name.strip() for name in request.query_params.get("ordering", "").split(",") if name.strip()]
    for name in reversed([order for order in orders if order.removeprefix("-") in LOT_ORDER]):
        kept = sorted(kept, key=attrgetter(name.removeprefix("-")), reverse=name.startswith("-"))
    return kept


def _ordered(holdings: Sequence[Holding], name: str) -> list[Holding]:
    """What has no value comes last, whichever way."""
    key = HOLDING_ORDER.get(name.removeprefix("-"))
    if key is None:
        raise ValidationError(
            {"ordering": [f"Rows cannot be ordered by that; use one of: {', '.join(HOLDING_ORDER)}."]}
        )
    known = [holding for holding in holdings if key(holding) is not None]
    unknown = [holding for holding in holdings if key(holding) is None]
    return sorted(known, key=key, reverse=name.startswith("-")) + unknown
