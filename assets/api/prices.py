"""Lists of prices over HTTP: looked at first, then stored whole or not at all."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING, Any, cast

from django.utils import timezone
from drf_spectacular.utils import extend_schema
from rest_framework import exceptions, serializers, status
from rest_framework.generics import GenericAPIView
from rest_framework.request import Request
from rest_framework.response import Response

from assets.api.quarantine import StaffOnly
from assets.models import HistoricValue
from assets.price_lists import COLUMNS, MOST_BYTES, Problem
from assets.services.manual_prices import PriceListRefused, UnlikelyPrices, enter_list, preview
from core.api import DecimalStringField, StrictSerializer
from core.parsing import StrictMultiPartParser

if TYPE_CHECKING:
    from users.models import User

SHOWN = 100
UPLOAD = "multipart/form-data"


class PriceListSerializer(StrictSerializer):
    file = serializers.FileField(
        write_only=True,
        allow_empty_file=True,  # which is refused as a list without prices
        help_text=f"CSV in UTF-8 of at most {MOST_BYTES:,} bytes. Its first line names the columns, of "
        f"{', '.join(COLUMNS)}; the first three must be there.",
    )

    def validate_file(self, upload: Any) -> bytes:
        if upload.size > MOST_BYTES:
            raise serializers.ValidationError(f"The file is larger than {MOST_BYTES:,} bytes.")
        content: bytes = upload.read()
        return content


class StoredPriceListSerializer(PriceListSerializer):
    confirmed = serializers.BooleanField(
        default=False, write_only=True, help_text="Also store prices more than 50 % away from the one before."
    )
    changed = serializers.IntegerField(read_only=True, help_text="Prices that were new or other than before.")


class ProblemSerializer(serializers.Serializer[Any]):
    line = serializers.IntegerField(help_text="Of the file, from 1 on; 0 is the file itself.")
    text = serializers.CharField()


class ListedPriceSerializer(serializers.Serializer[Any]):
    line = serializers.IntegerField()
    symbol = serializers.CharField()
    day = serializers.DateField()
    figures = serializers.DictField(child=DecimalStringField(), help_text="In what the asset is quoted in.")


class PriceListPreviewSerializer(serializers.Serializer[Any]):
    """What a list would store, its wrong lines, and prices that are far from the one before. ``rows`` are the first."""

    count = serializers.IntegerField(help_text="Rows that are right.")
    rows = ListedPriceSerializer(many=True)
    problems = ProblemSerializer(many=True)
    unlikely = ProblemSerializer(many=True)


class PriceListView(GenericAPIView[HistoricValue]):
    """Prices that staff enter as a list, which no provider overwrites."""

    queryset = HistoricValue.objects.none()  # for the schema
    serializer_class = StoredPriceListSerializer
    parser_classes = [StrictMultiPartParser]
    permission_classes = [StaffOnly]
    filter_backends = ()

    @extend_schema(
        operation_id="price_list_create",
        request={UPLOAD: StoredPriceListSerializer},
        responses={201: StoredPriceListSerializer},
    )
    def post(self, request: Request) -> Response:
        """Store every price of a CSV file, or none. A refusal names each line in `errors`, as `rows.<line>`."""
        given = self.get_serializer(data=request.data)
        given.is_valid(raise_exception=True)
        content, confirmed = given.validated_data["file"], given.validated_data["confirmed"]
        try:
            changed = enter_list(content=content, actor=cast("User", request.user), confirmed=confirmed)
        except (PriceListRefused, UnlikelyPrices) as error:
            raise _by_line(error) from error
        return Response({"changed": changed}, status=status.HTTP_201_CREATED)


class PriceListPreviewView(GenericAPIView[HistoricValue]):
    queryset = HistoricValue.objects.none()  # for the schema
    serializer_class = PriceListSerializer
    parser_classes = [StrictMultiPartParser]
    permission_classes = [StaffOnly]
    filter_backends = ()

    @extend_schema(
        operation_id="price_list_preview",
        request={UPLOAD: PriceListSerializer},
        responses=PriceListPreviewSerializer,
    )
    def post(self, request: Request) -> Response:
        """What a CSV file would store and what is wrong with it; nothing is stored."""
        given = self.get_serializer(data=request.data)
        given.is_valid(raise_exception=True)
        found = preview(given.validated_data["file"], now=timezone.now())
        shown = {"count": len(found.rows), "rows": found.rows[:SHOWN], "problems": found.problems}
        return Response(PriceListPreviewSerializer(shown | {"unlikely": found.unlikely}).data)


def _by_line(error: PriceListRefused | UnlikelyPrices) -> exceptions.ValidationError:
    refusal = exceptions.ValidationError(_texts(error.problems))
    named: Any = refusal
    named.problem_code, named.problem_detail = error.code, error.message
    return refusal


def _texts(problems: Iterable[Problem]) -> Mapping[str, Any]:
    rows: dict[str, list[str]] = {}
    for problem in problems:
        rows.setdefault(str(problem.line), []).append(problem.text)
    whole = rows.pop("0", None)
    return ({"file": whole} if whole else {}) | ({"rows": rows} if rows else {})
