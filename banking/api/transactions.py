"""Cash rows over HTTP: listed over all of the caller's accounts, booked, corrected, voided, split and classified."""

from __future__ import annotations

from collections.abc import Sequence
from functools import cached_property
from typing import Any, cast

from django.db import transaction
from django.db.models import QuerySet
from django.http import QueryDict
from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import OpenApiParameter, extend_schema
from rest_framework import mixins, serializers, status
from rest_framework.decorators import action
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.viewsets import GenericViewSet

from banking.api.transaction_rows import (
    CLASSIFYING,
    CategoriseSerializer,
    PartsSerializer,
    RecategorisationSerializer,
    TransactionSerializer,
    resolved,
)
from banking.forms.transactions import FLAGS, TransactionFilter
from banking.models import Account, CashTransaction, Origin, Recategorisation, Section
from banking.queries.transactions import NEWEST, ORDERS, CashList, rows_of, whole
from banking.services.classification import category_named
from banking.services.classifying import (
    MOST_ROWS,
    Classification,
    TooManyRows,
    classify,
    lock_accounts_of,
    undo_recategorisation,
)
from banking.services.corrections import correct_cash
from banking.services.splits import Part, split_cash, unsplit_cash
from banking.services.transactions import book_cash, lock_accounts, lock_with, restore_cash, void_cash
from users.models import User

INTEGERS = {
    "account": "The id of an account.",
    "organisation": "The id of an organisation that the accounts belong to; 0: the caller's own, "
    "without those that are spent for an employer.",
    "category": "The id of a category; those below it count, and the parts of split rows.",
    "counterparty": "The id of a counterparty.",
    "tag": "The id of a tag.",
}
FILTERS = [
    OpenApiParameter("q", description="Part of the description, the counterparty's name or the external id."),
    *(OpenApiParameter(name, OpenApiTypes.INT, description=said) for name, said in INTEGERS.items()),
    OpenApiParameter("section", enum=Section.values),
    OpenApiParameter("uncategorised", OpenApiTypes.BOOL, description="Rows without a category and without parts."),
    OpenApiParameter("amount_min", description="The smallest amount, without sign."),
    OpenApiParameter("amount_max", description="The largest amount, without sign."),
    OpenApiParameter("start", OpenApiTypes.DATE),
    OpenApiParameter("end", OpenApiTypes.DATE),
    OpenApiParameter("origin", enum=Origin.values),
    OpenApiParameter("voided", OpenApiTypes.BOOL, description="Voided rows, too."),
    OpenApiParameter("ordering", enum=sorted(ORDERS), description="The newest first when left out."),
]
PAGES = [OpenApiParameter(name, OpenApiTypes.INT) for name in ("limit", "offset")]


class _Rows:
    """The list as a paginator takes it: counted exactly, and read from one position to another."""

    def __init__(self, found: CashList) -> None:
        self._found = found

    def count(self) -> int:
        return self._found.count()

    def __getitem__(self, span: slice) -> list[CashTransaction]:
        return [each.row for each in rows_of(self._found[span])]


class TransactionViewSet(mixins.RetrieveModelMixin, mixins.DestroyModelMixin, GenericViewSet[CashTransaction]):
    """Cash rows of all accounts that the caller sees. A change voids the row and books its replacement; a deletion
    voids it. Changes of category, counterparty and tags alone change the row itself.
    """

    http_method_names = ["get", "post", "patch", "delete", "head", "options"]
    queryset = CashTransaction.objects.none()
    serializer_class = TransactionSerializer
    filter_backends = ()

    @property
    def _caller(self) -> User:
        return cast("User", self.request.user)

    @cached_property
    def _accounts(self) -> list[Account]:
        return list(Account.objects.visible_to(self._caller).order_by("name", "pk"))

    def get_queryset(self) -> QuerySet[CashTransaction]:
        return whole(CashTransaction.objects.visible_to(self._caller))

    def get_serializer_context(self) -> dict[str, Any]:
        known = {each.pk for each in self._accounts} if self.request and self.request.user.is_authenticated else set()
        return {**super().get_serializer_context(), "accounts": known}

    @extend_schema(parameters=[*FILTERS, *PAGES], responses=TransactionSerializer(many=True))
    def list(self, request: Request) -> Response:
        order = request.query_params.get("ordering", NEWEST)
        if order not in ORDERS:
            message = f"Rows cannot be ordered by that; use one of: {', '.join(sorted(ORDERS))}."
            raise serializers.ValidationError({"ordering": [message]})
        found = CashList(self._filter(request.query_params, self._accounts).wanted(), order)
        page = self.paginate_queryset(cast("Any", _Rows(found)))
        return self.get_paginated_response(self.get_serializer(page, many=True).data)

    def _filter(self, query: QueryDict, accounts: Sequence[Account]) -> TransactionFilter:
        wrong = [name for name in FLAGS if query.get(name, "false") not in ("true", "false")]
        if wrong:
            raise serializers.ValidationError({name: ["Write true or false."] for name in wrong})
        form = TransactionFilter(query, self._caller, accounts)
        if form.errors:
            raise serializers.ValidationError(cast("Any", form.errors))
        return form

    def create(self, request: Request) -> Response:
        given = self._checked(self.get_serializer(data=request.data))
        with transaction.atomic():
            lock_accounts(given["account"].pk)
            values = resolved(given, given["account"], given["section"])
            row = book_cash(actor=self._caller, **values)
        return Response(self._shown(row), status=status.HTTP_201_CREATED)

    @extend_schema(request=TransactionSerializer(partial=True), responses=TransactionSerializer)
    def partial_update(self, request: Request, *args: Any, **kwargs: Any) -> Response:
        """A change of the facts voids the row and books another in its place, whose id the answer has."""
        row = self.get_object()
        given = self._checked(self.get_serializer(row, data=request.data, partial=True))
        with transaction.atomic():
            account = given.get("account", row.account)
            lock_with(row, account)
            values = resolved(given, account, given.get("section", row.section))
            if values.keys() <= CLASSIFYING:
                _classify_one(row, values, self._caller)
            else:
                row = correct_cash(row=row, actor=self._caller, **values)
        return Response(self._shown(row))

    def perform_destroy(self, instance: CashTransaction) -> None:
        void_cash(row=instance, actor=self._caller)

    @extend_schema(request=None, responses=TransactionSerializer)
    @action(detail=True, methods=["post"])
    def restore(self, request: Request, *args: Any, **kwargs: Any) -> Response:
        """Take the void of a row back; what was booked in its place is voided instead."""
        row = self.get_object()
        return Response(self._shown(restore_cash(row=row, actor=self._caller)))

    @extend_schema(methods=["post"], request=PartsSerializer, responses=TransactionSerializer)
    @extend_schema(methods=["delete"], request=None, responses={204: None})
    @action(detail=True, methods=["post", "delete"])
    def split(self, request: Request, *args: Any, **kwargs: Any) -> Response:
        """POST what the parts of the amount were for, in place of the category; DELETE takes it back."""
        row = self.get_object()
        if request.method == "DELETE":
            unsplit_cash(row=row, actor=self._caller)
            return Response(status=status.HTTP_204_NO_CONTENT)
        given = self._checked(PartsSerializer(data=request.data, context=self.get_serializer_context()))
        with transaction.atomic():
            lock_accounts(row.account_id)
            parts = [Part(_category_of(part, row), part["amount"], part["note"]) for part in given["parts"]]
            row = split_cash(row=row, parts=parts, actor=self._caller)
        return Response(self._shown(row))

    @extend_schema(request=CategoriseSerializer, responses=RecategorisationSerializer)
    @action(detail=False, methods=["post"])
    def categorise(self, request: Request) -> Response:
        """Classify many rows at once, all or none. The answer's id undoes it."""
        given = self._checked(CategoriseSerializer(data=request.data, context=self.get_serializer_context()))
        with transaction.atomic():
            ids = self._named(given)
            lock_accounts_of(ids)
            values = {name: given[name] for name in CLASSIFYING & given.keys()}
            act = classify(row_ids=ids, to=_classification(values, ids, more=True), actor=self._caller)
        return Response(RecategorisationSerializer(act).data)

    def _named(self, given: dict[str, Any]) -> Sequence[int]:
        """The ids of the rows that are meant, all of which the caller may change."""
        if "ids" in given:
            ids = sorted(set(given["ids"]))
            mine = CashTransaction.objects.editable_by(self._caller).filter(pk__in=ids)
            if mine.count() < len(ids):
                raise serializers.ValidationError({"ids": ["You have no such row among them."]})
            return ids
        query = QueryDict(mutable=True)
        query.update(given["filter"])
        unknown = query.keys() - TransactionFilter.base_fields.keys()
        if unknown:
            raise serializers.ValidationError({"filter": [f"There is no filter “{min(unknown)[:50]}”."]})
        accounts = list(Account.objects.editable_by(self._caller))
        ids = CashList(self._filter(query, accounts).wanted()).every(MOST_ROWS + 1)
        if len(ids) > MOST_ROWS:
            raise TooManyRows(field="filter")
        return ids

    def _checked(self, serializer: serializers.BaseSerializer[Any]) -> dict[str, Any]:
        serializer.is_valid(raise_exception=True)
        return dict(serializer.validated_data)

    def _shown(self, row: CashTransaction) -> Any:
        return self.get_serializer(whole(CashTransaction.objects.all()).get(pk=row.pk)).data


class RecategorisationViewSet(GenericViewSet[Recategorisation]):
    """What the caller classified."""

    queryset = Recategorisation.objects.none()
    serializer_class = RecategorisationSerializer

    def get_queryset(self) -> QuerySet[Recategorisation]:
        return Recategorisation.objects.visible_to(cast("User", self.request.user))

    @extend_schema(request=None, responses=RecategorisationSerializer)
    @action(detail=True, methods=["post"])
    def undo(self, request: Request, *args: Any, **kwargs: Any) -> Response:
        """Give back what the rows were, each unless somebody changed it since. Once."""
        act = undo_recategorisation(act=self.get_object(), actor=cast("User", request.user))
        return Response(self.get_serializer(act).data)


def _classify_one(row: CashTransaction, values: dict[str, Any], caller: User) -> None:
    to = Classification(
        sets=frozenset(values),
        category=values.get("category"),
        counterparty=values.get("counterparty"),
        tags=values.get("tags", ()),
    )
    classify(row_ids=[row.pk], to=to, actor=caller)


def _classification(values: dict[str, Any], ids: Sequence[int], *, more: bool) -> Classification:
    """What is asked for, with names resolved for the owner of the first of the rows; the service checks the others."""
    first = CashTransaction.objects.select_related("account").filter(pk__in=ids).order_by("pk").first()
    found = resolved(values, first.account, first.section) if first else {}
    sets = frozenset(found) - ({"tags"} if more else set())
    return Classification(sets, found.get("category"), found.get("counterparty"), found.get("tags", ()))


def _category_of(part: dict[str, Any], row: CashTransaction) -> Any:
    given = part["category"]
    return category_named(given, row.section, books=row.account) if isinstance(given, str) else given
