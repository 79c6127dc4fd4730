"""Files that are booked, over HTTP: uploaded, looked at, booked whole or not at all, and undone."""

from __future__ import annotations

from typing import Any, ClassVar, cast

from django.conf import settings
from django.core.files.uploadedfile import UploadedFile
from django.db.models import QuerySet
from django.shortcuts import get_object_or_404
from drf_spectacular.utils import extend_schema, extend_schema_field
from rest_framework import mixins, serializers, status
from rest_framework.decorators import action
from rest_framework.generics import ListAPIView
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.viewsets import GenericViewSet

from banking.models import ImportBatch, ImportKind, ImportName, ImportRow
from banking.services.import_mapping import mapping_of
from banking.services.imports import discard, receive, request_commit, request_undo
from core.api import AwareDateTimeField, DecimalStringField, IsoDateField, StrictSerializer
from core.parsing import StrictJSONParser, StrictMultiPartParser, parse_json
from portfolios.tasks import import_wanted
from users.models import User

UPLOAD = "multipart/form-data"
MOST_TOLD = 6_000  # characters of a mapping
AROUND = 10_000  # bytes that a form has beside its file


class FileParser(StrictMultiPartParser):
    """Takes files up to IMPORT_MOST_BYTES; they are spooled to disk and never held whole."""

    @property
    def most(self) -> int:
        return int(settings.IMPORT_MOST_BYTES) + AROUND


@extend_schema_field(
    {
        "type": "object",
        "description": "Which column is which, as JSON, where they are not the documented ones.",
        "required": ["columns"],
        "additionalProperties": False,
        "properties": {
            "kind": {"type": "string", "enum": ImportKind.values, "default": ImportKind.TRANSACTIONS.value},
            "columns": {
                "type": "object",
                "additionalProperties": {"type": "string"},
                "description": "Documented column to the file's; `paid_in` and `paid_out` may stand for `amount`.",
            },
            "constants": {
                "type": "object",
                "additionalProperties": {"type": "string"},
                "description": "What every row has that the file does not say: `account_ref`, `currency`, `section`, "
                "`category`, `side` or `fees`; a section or side that is `sign` follows the sign of the amount or "
                "quantity, and with `fees` as `sign` what is paid has a minus.",
            },
            "decimal": {"type": "string", "enum": [".", ","], "default": "."},
            "dates": {"type": "string", "enum": ["ymd", "dmy", "mdy"], "default": "ymd"},
        },
    }
)
class MappingField(serializers.CharField):
    """JSON in a field of a form; the service says what it has to be."""

    def to_internal_value(self, data: Any) -> Any:
        text = super().to_internal_value(data)
        if len(text) > MOST_TOLD:
            raise serializers.ValidationError(f"At most {MOST_TOLD:,} characters.")
        return parse_json(text.encode())


class UploadSerializer(StrictSerializer, serializers.Serializer[Any]):
    file = serializers.FileField(
        write_only=True,
        allow_empty_file=True,  # which is refused when it is read
        max_length=1_000,
        help_text="transactions.csv or trades.csv, with exactly the documented columns, or with those of `mapping`.",
    )
    kind = serializers.ChoiceField(
        ImportKind.choices, required=False, write_only=True, help_text="Told from the columns when it is left out."
    )
    mapping = MappingField(required=False, write_only=True)


class ImportSerializer(serializers.ModelSerializer[ImportBatch]):
    """A file and how far it is: `uploaded`, `checking`, then `ready` or `failed`; `committing`, then `committed`.

    `mapping` is the state of a file from a page, which waits for its person to say which column is which.
    """

    job = serializers.UUIDField(source="job_id", allow_null=True, read_only=True)
    created_at = AwareDateTimeField(read_only=True)
    checked_at = AwareDateTimeField(read_only=True)
    committed_at = AwareDateTimeField(read_only=True)
    undone_at = AwareDateTimeField(read_only=True)

    class Meta:
        model = ImportBatch
        fields: ClassVar = [
            *("id", "kind", "file_name", "size", "sha256", "encoding", "delimiter", "state", "message", "job"),
            *("rows", "new", "known", "wrong", "transfers", "created_at", "checked_at", "committed_at", "undone_at"),
        ]
        read_only_fields: ClassVar = fields


class StagedRowSerializer(serializers.ModelSerializer[ImportRow]):
    """One line of a file that is not booked yet. ``raw`` is the line as it stands there, if it is wrong."""

    account = serializers.IntegerField(read_only=True, allow_null=True)
    booked_on = IsoDateField(read_only=True)
    amount = DecimalStringField(19, 4, read_only=True, allow_null=True)
    terms = serializers.DictField(read_only=True, allow_null=True, help_text="Of a trade, as the file has them.")

    class Meta:
        model = ImportRow
        fields: ClassVar = [
            *("line", "outcome", "error", "raw", "account", "booked_on", "amount", "currency", "section"),
            *("description", "transfer_group", "external_id", "terms"),
        ]
        read_only_fields: ClassVar = fields


class MissingNameSerializer(serializers.ModelSerializer[ImportName]):
    """A category, counterparty or instrument that booking the file will make. ``code`` is an IBAN, handle or ISIN."""

    class Meta:
        model = ImportName
        fields: ClassVar = ["kind", "section", "name", "code", "currency"]
        read_only_fields: ClassVar = fields


class ImportViewSet(mixins.ListModelMixin, mixins.RetrieveModelMixin, GenericViewSet[ImportBatch]):
    """The files that the caller has uploaded, the newest first."""

    queryset = ImportBatch.objects.none()  # for the schema
    serializer_class = ImportSerializer
    lookup_value_converter = "int"
    parser_classes = [FileParser, StrictJSONParser]
    filterset_fields: ClassVar = ["kind", "state"]
    ordering_fields: ClassVar = ["created_at", "state", "kind"]

    def get_queryset(self) -> QuerySet[ImportBatch]:
        return ImportBatch.objects.visible_to(self.request.user)

    @extend_schema(request={UPLOAD: UploadSerializer}, responses={202: ImportSerializer})
    def create(self, request: Request) -> Response:
        """Upload a file. It is read and checked in the background, and nothing is booked before `commit`."""
        given = UploadSerializer(data=request.data)
        given.is_valid(raise_exception=True)
        upload: UploadedFile = given.validated_data["file"]
        kind, said = given.validated_data.get("kind", ""), "mapping" in given.validated_data
        batch = receive(
            actor=cast("User", request.user),
            file_name=upload.name or "",
            pieces=upload.chunks(),
            kind=kind,
            mapping=mapping_of(given.validated_data["mapping"], kind) if said else None,
        )
        import_wanted(batch.pk)
        return self._answer(batch)

    @extend_schema(request=None, responses={202: ImportSerializer})
    @action(detail=True, methods=["post"])
    def commit(self, request: Request, pk: int) -> Response:
        """Book the file: every new row, or none."""
        batch = request_commit(batch=self.get_object(), actor=cast("User", request.user))
        import_wanted(batch.pk)
        return self._answer(batch)

    @extend_schema(request=None, responses={202: ImportSerializer})
    @action(detail=True, methods=["post"])
    def undo(self, request: Request, pk: int) -> Response:
        """Void everything that the file brought, or nothing; `message` then says what depends on it."""
        batch = request_undo(batch=self.get_object(), actor=cast("User", request.user))
        import_wanted(batch.pk)
        return self._answer(batch)

    @extend_schema(responses={204: None})
    def destroy(self, request: Request, pk: int) -> Response:
        """Forget a file that was not booked."""
        discard(batch=self.get_object(), actor=cast("User", request.user))
        return Response(status=status.HTTP_204_NO_CONTENT)

    def _answer(self, batch: ImportBatch) -> Response:
        return Response(ImportSerializer(batch).data, status=status.HTTP_202_ACCEPTED)


class OfImportView(ListAPIView[Any]):
    """What belongs to one file of the caller's."""

    def batch(self) -> ImportBatch:
        return get_object_or_404(ImportBatch.objects.visible_to(self.request.user), pk=self.kwargs["pk"])


class ImportRowsView(OfImportView):
    """What was read of a file that is not booked yet; `?outcome=wrong` are the rows with an error."""

    queryset = ImportRow.objects.none()  # for the schema
    serializer_class = StagedRowSerializer
    filterset_fields: ClassVar = ["outcome", "section", "account"]
    ordering_fields: ClassVar = ["line", "booked_on"]

    def get_queryset(self) -> QuerySet[ImportRow]:
        return ImportRow.objects.filter(batch=self.batch())


class ImportMissingView(OfImportView):
    """The categories, counterparties and instruments that booking a file will make."""

    queryset = ImportName.objects.none()  # for the schema
    serializer_class = MissingNameSerializer
    filterset_fields: ClassVar = ["kind", "section"]
    ordering_fields: ClassVar = ["name", "kind"]

    def get_queryset(self) -> QuerySet[ImportName]:
        return ImportName.objects.filter(batch=self.batch()).missing()
