"""How each figure comes about, over HTTP: formula, inputs with their sources, and every step, as JSON and as CSV."""

from __future__ import annotations

import csv
import io
from collections.abc import Mapping
from decimal import Decimal
from typing import Any

from django.http import Http404
from django.urls import reverse
from drf_spectacular.utils import extend_schema
from rest_framework import serializers
from rest_framework.renderers import BaseRenderer, JSONRenderer
from rest_framework.request import Request
from rest_framework.response import Response

from analytics.api.base import PeriodQuery, PortfolioView, RefusalsInJson
from analytics.api.risk import LONGEST_HORIZON
from analytics.api.value_at_risk import LONGEST_WINDOW
from analytics.dependence import ESTIMATORS
from analytics.engine import METHODS
from analytics.exposure import MIN_SESSIONS
from analytics.queries.explain import (
    FIGURES,
    MOST_HOLDINGS,
    MOST_ID,
    MOST_PLACES,
    NEEDED,
    PERIODS,
    Explained,
    Question,
    explain,
)
from analytics.queries.explain.document import every_figure, rows_of, told
from analytics.queries.factors import BASES
from core.api import DecimalStringField, StrictIntegerField
from core.web import BrowsableRenderer
from portfolios.models import Portfolio


class ExplainQuery(PeriodQuery):
    """Which value is explained: of which day, of which period, of which asset. Each figure says what it takes."""

    period = serializers.ChoiceField(list(PERIODS), required=False, help_text="A usual period; or send start.")
    asset = serializers.CharField(required=False, max_length=32, help_text="Its symbol, for a figure of one holding.")
    level = DecimalStringField(6, 5, required=False, min_value=Decimal("0.5"), max_value=Decimal("0.999"))
    horizon = StrictIntegerField(required=False, min_value=1, max_value=LONGEST_HORIZON)
    method = serializers.ChoiceField(METHODS, required=False, help_text="Of a loss ahead; historical.")
    window = StrictIntegerField(
        required=False,
        min_value=MIN_SESSIONS,
        max_value=LONGEST_WINDOW,
        help_text="The last so many sessions, of a factor model the last so many of its periods; all.",
    )
    estimator = serializers.ChoiceField(tuple(ESTIMATORS), required=False, help_text="Of the covariance; sample.")
    other = serializers.CharField(required=False, max_length=32, help_text="The symbol of the second of a pair.")
    limit = StrictIntegerField(
        required=False, min_value=1, max_value=MOST_HOLDINGS, help_text="The largest holdings, taken together; 30."
    )
    place = StrictIntegerField(
        required=False, min_value=1, max_value=MOST_PLACES, help_text="Of a drawdown or a point of a frontier, from 1."
    )
    scenario = serializers.CharField(
        required=False,
        max_length=40,
        help_text="The key of a stretch of history, or the id of a scenario of one's own.",
    )
    move = DecimalStringField(
        6, 4, required=False, min_value=Decimal(-1), max_value=Decimal(10), help_text="A return of the benchmark."
    )
    factors = serializers.CharField(
        required=False, max_length=200, help_text="Returns of factors: mkt_rf:-0.2,smb:0.1; others stay."
    )
    model = serializers.CharField(required=False, max_length=40, help_text="A factor model; that of the newest set.")
    set = serializers.CharField(required=False, max_length=40, help_text="Key or id of the set that serves the model.")
    basis = serializers.ChoiceField(tuple(BASES), required=False, help_text="Of a factor model; ex-ante.")
    factor = serializers.CharField(
        required=False,
        max_length=40,
        help_text="A factor's key; of a contribution also specific, of a return also risk_free, specific and total.",
    )
    year = StrictIntegerField(required=False, min_value=1900, max_value=9999, help_text="Of a return; all years.")
    run = StrictIntegerField(required=False, min_value=1, max_value=MOST_ID, help_text="The id of an optimisation.")

    def validate(self, attrs: dict[str, Any]) -> dict[str, Any]:
        if "start" in attrs and "period" in attrs:
            raise serializers.ValidationError({"period": ["Send start or period, not both."]})
        return super().validate(attrs)


class ExplainedWindowSerializer(serializers.Serializer[Any]):
    start = serializers.DateField(allow_null=True)
    end = serializers.DateField(allow_null=True)
    observations = serializers.IntegerField(allow_null=True)


class ListedSerializer(serializers.Serializer[Any]):
    """A figure that can be explained. ``takes`` are the names that it may be asked with, ``asks`` those it must."""

    figure = serializers.CharField()
    label = serializers.CharField()  # type: ignore[assignment]  # a field of the answer, not this field's label
    unit = serializers.CharField()
    basis = serializers.CharField(help_text="books, ex-post or ex-ante.")
    takes = serializers.ListField(child=serializers.CharField())
    asks = serializers.ListField(child=serializers.CharField())
    method = serializers.SerializerMethodField(help_text="Where its formula stands.")

    def get_method(self, figure: Mapping[str, Any]) -> str:
        return f"{reverse('methods')}#{figure['heading']}"


class FiguresSerializer(serializers.Serializer[Any]):
    portfolio = serializers.IntegerField()
    figures = ListedSerializer(many=True)


class GivenSerializer(serializers.Serializer[Any]):
    """An input: a number, or a column of them. ``source`` says where it stands; of a column it has columns as long."""

    id = serializers.CharField()
    name = serializers.CharField()
    value = serializers.JSONField(help_text="A JSON number, or all digits of a decimal as a string.")
    source = serializers.DictField()  # type: ignore[assignment]  # a field of the answer, too


class StepSerializer(serializers.Serializer[Any]):
    """An operation of docs/explain.md. An argument is ``{"ref": id}`` of an input or an earlier step, or a constant.

    ``value`` is null for an array of more than 5,000 numbers: it has ``shape``, and its ends as ``first`` and ``last``.
    """

    id = serializers.CharField()
    part = serializers.CharField(help_text="The function in which it was computed.")
    operation = serializers.CharField()
    arguments = serializers.ListField()
    options = serializers.DictField()
    value = serializers.JSONField(allow_null=True)


class ExplanationSerializer(ListedSerializer):
    portfolio = serializers.IntegerField()
    asset = serializers.CharField(allow_null=True)
    currency = serializers.CharField()
    as_of = serializers.DateField(allow_null=True)
    window = ExplainedWindowSerializer(allow_null=True)
    parameters = serializers.DictField()
    formula = serializers.CharField()
    value = serializers.JSONField(allow_null=True)
    problem = serializers.CharField(allow_null=True)
    inputs = GivenSerializer(many=True)
    steps = StepSerializer(many=True)
    result = serializers.JSONField(allow_null=True)


class InputsRenderer(BaseRenderer):
    """The inputs of a figure, a line each, with the names of their columns above."""

    media_type = "text/csv"
    format = "csv"
    charset = "utf-8"

    def render(
        self, data: Any, accepted_media_type: str | None = None, renderer_context: Mapping[str, Any] | None = None
    ) -> str:
        text = io.StringIO()
        csv.writer(text).writerows(rows_of(data["inputs"]))
        return text.getvalue()


class ExplainListView(PortfolioView):
    """Every figure of a portfolio that can be explained."""

    serializer_class = FiguresSerializer

    @extend_schema(operation_id="portfolios_explain_list", responses=FiguresSerializer)
    def get(self, request: Request, pk: int) -> Response:
        body = {"portfolio": self.get_object().pk, "figures": every_figure()}
        return Response(FiguresSerializer(body).data)


class ExplainView(RefusalsInJson, PortfolioView):
    """How one figure comes about, written down while it is computed: enough to compute it again by hand.

    With ``?format=csv`` or ``Accept: text/csv`` the inputs as a file.
    """

    serializer_class = ExplanationSerializer
    renderer_classes = (JSONRenderer, BrowsableRenderer, InputsRenderer)
    file_renderer = InputsRenderer

    @extend_schema(parameters=[ExplainQuery], responses=ExplanationSerializer)
    def get(self, request: Request, pk: int, figure: str) -> Response:
        portfolio = self.get_object()
        found = FIGURES.get(figure)
        if found is None:
            raise Http404
        question = _question(request, portfolio, found, self.asked(ExplainQuery))
        answer = Response(_body(told(explain(found, question), question)))
        if getattr(request.accepted_renderer, "format", "") == InputsRenderer.format:
            answer["Content-Disposition"] = f'attachment; filename="{found.key}-{portfolio.pk}.csv"'
        return answer


def _question(request: Request, portfolio: Portfolio, figure: Explained, asked: Mapping[str, Any]) -> Question:
    missing = {name: [f"This figure needs {NEEDED[name]}."] for name in figure.asks if asked.get(name) in (None, "")}
    if missing:
        raise serializers.ValidationError(missing)
    return Question.of(portfolio, {**asked, "as_of": asked.get("end"), "asker": request.user})


def _body(explanation: dict[str, Any]) -> dict[str, Any]:
    """Inputs and steps are plain already, and many: a serializer would take longer than the figure."""
    rest = ("inputs", "steps", "result", "value", "parameters")
    body = dict(ExplanationSerializer(explanation | {"inputs": [], "steps": []}).data)
    return body | {name: explanation[name] for name in rest}
