"""With whom one account is shared, over HTTP. Portfolios are shared in the same way."""

from __future__ import annotations

from functools import cached_property
from typing import Any, ClassVar, cast

from django.db.models import QuerySet
from rest_framework import mixins, serializers
from rest_framework.permissions import IsAuthenticated
from rest_framework.request import Request
from rest_framework.viewsets import GenericViewSet

from banking.models import Account, AccountShare, ShareRole
from banking.services.sharing import change_account_share, share_account, unshare_account
from core.api import AwareDateTimeField, StrictSerializer
from core.web import Right, obtain
from users.models import User


class ShareSerializer(StrictSerializer, serializers.Serializer[Any]):
    """One more person who sees it (viewer) or books into it (editor)."""

    id = serializers.IntegerField(read_only=True)
    person = serializers.CharField(max_length=150, source="user.username", help_text="The name that they log in with.")
    name = serializers.CharField(source="user.get_full_name", read_only=True)
    role = serializers.ChoiceField(ShareRole.choices, default=ShareRole.VIEWER)
    shared_by = serializers.CharField(source="created_by.username", read_only=True, default=None, allow_null=True)
    created_at = AwareDateTimeField(read_only=True)

    def get_fields(self) -> dict[str, Any]:
        fields = super().get_fields()
        if self.partial:
            fields["person"] = serializers.CharField(source="user.username", read_only=True)
        return fields


class SharesViewSet(
    mixins.ListModelMixin,
    mixins.CreateModelMixin,
    mixins.UpdateModelMixin,
    mixins.DestroyModelMixin,
    GenericViewSet[Any],
):
    """Who else sees it or books into it, for who manages it; somebody else sees their own share and may give it up."""

    http_method_names = ["get", "post", "patch", "delete", "head", "options"]
    serializer_class = ShareSerializer
    filterset_fields: ClassVar = ["role"]
    ordering_fields: ClassVar = ["created_at", "role"]
    permission_classes = (IsAuthenticated,)  # by what is shared, below
    shared: ClassVar[Any]
    path: ClassVar[str]

    @property
    def caller(self) -> User:
        return cast("User", self.request.user)

    @cached_property
    def row(self) -> Any:
        """What is shared. Raises Http404 and PermissionDenied; a share is given up by who has it, so later."""
        managing = self.action in {"create", "partial_update"}
        right = Right.MANAGE if managing else Right.SEE
        return obtain(self.shared.objects.all(), self.caller, right, pk=self.kwargs[f"{self.path}_id"])

    def initial(self, request: Request, *args: Any, **kwargs: Any) -> None:
        super().initial(request, *args, **kwargs)
        self.row  # noqa: B018  before any other check of the request

    def get_queryset(self) -> QuerySet[Any]:
        shares = self.row.shares.all().visible_to(self.caller)
        return cast("QuerySet[Any]", shares.select_related("user", "created_by", self.path).order_by("pk"))


class AccountSharesViewSet(SharesViewSet):
    queryset = AccountShare.objects.none()
    shared, path = Account, "account"

    def perform_create(self, serializer: serializers.BaseSerializer[Any]) -> None:
        given = serializer.validated_data
        person, role = given["user"]["username"], given["role"]
        serializer.instance = share_account(account=self.row, person=person, role=role, actor=self.caller)

    def perform_update(self, serializer: serializers.BaseSerializer[Any]) -> None:
        share, role = cast("AccountShare", serializer.instance), serializer.validated_data["role"]
        serializer.instance = change_account_share(share=share, role=role, actor=self.caller)

    def perform_destroy(self, instance: AccountShare) -> None:
        unshare_account(share=instance, actor=self.caller)
