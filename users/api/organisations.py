"""Organisations, their members and invitations over HTTP."""

from __future__ import annotations

from functools import cached_property
from typing import Any, ClassVar, cast

from django.db.models import QuerySet
from drf_spectacular.utils import extend_schema
from rest_framework import mixins, serializers, status
from rest_framework.permissions import IsAuthenticated
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView
from rest_framework.viewsets import GenericViewSet

from core.api import AwareDateTimeField, StrictSerializer, right_above
from core.web import Right, obtain
from users.links import link_of
from users.models import Invitation, Membership, Organisation, Role, User
from users.services.invitations import accept, invite, withdraw
from users.services.organisations import (
    change_organisation,
    change_role,
    create_organisation,
    delete_organisation,
    remove_member,
)

METHODS = ["get", "post", "patch", "delete", "head", "options"]


def caller(request: Request) -> User:
    return cast("User", request.user)


class OrganisationSerializer(StrictSerializer, serializers.ModelSerializer[Organisation]):
    """A firm, a family or a club. ``role`` is the caller's in it."""

    name = serializers.CharField(max_length=100)
    base_currency = serializers.CharField(max_length=3, required=False, help_text="The caller’s when left out.")
    role = serializers.ChoiceField(Role.choices, read_only=True)

    class Meta:
        model = Organisation
        fields: ClassVar = ["id", "name", "base_currency", "role", "created_at"]
        read_only_fields: ClassVar = ["id", "created_at"]


class OrganisationViewSet(
    mixins.ListModelMixin,
    mixins.CreateModelMixin,
    mixins.RetrieveModelMixin,
    mixins.UpdateModelMixin,
    mixins.DestroyModelMixin,
    GenericViewSet[Organisation],
):
    """The organisations that the caller belongs to. Owners change them, and delete one that owns nothing."""

    http_method_names = METHODS
    queryset = Organisation.objects.none()
    serializer_class = OrganisationSerializer
    filterset_fields: ClassVar = ["name", "base_currency"]
    ordering_fields: ClassVar = ["name", "created_at"]

    def get_queryset(self) -> QuerySet[Organisation]:
        return Organisation.objects.visible_to(caller(self.request)).with_role(caller(self.request))

    def _known(self, organisation: Organisation) -> Organisation:
        return self.get_queryset().get(pk=organisation.pk)

    def perform_create(self, serializer: serializers.BaseSerializer[Organisation]) -> None:
        serializer.instance = self._known(create_organisation(actor=caller(self.request), **serializer.validated_data))

    def perform_update(self, serializer: serializers.BaseSerializer[Organisation]) -> None:
        changes, found = serializer.validated_data, cast("Organisation", serializer.instance)
        changed = change_organisation(organisation=found, actor=caller(self.request), **changes)
        serializer.instance = self._known(changed)

    def perform_destroy(self, instance: Organisation) -> None:
        delete_organisation(organisation=instance, actor=caller(self.request))


class WithinOrganisation(GenericViewSet[Any]):
    """What belongs to the organisation in the path; one that the caller is not of is a 404 on every method.

    ``rights`` names, by action, the right to the organisation that an action takes.
    """

    rights: ClassVar[dict[str, Right]] = {}

    @cached_property
    def organisation(self) -> Organisation:
        right = self.rights.get(self.action, right_above(self, self.request))
        return obtain(Organisation.objects.all(), caller(self.request), right, pk=self.kwargs["organisation_id"])

    def initial(self, request: Request, *args: Any, **kwargs: Any) -> None:
        super().initial(request, *args, **kwargs)
        self.organisation  # noqa: B018  before any other check of the request


class MemberSerializer(StrictSerializer, serializers.ModelSerializer[Membership]):
    user = serializers.CharField(source="user.username", read_only=True)
    name = serializers.CharField(source="user.get_full_name", read_only=True)

    class Meta:
        model = Membership
        fields: ClassVar = ["id", "user", "name", "role", "created_at"]
        read_only_fields: ClassVar = ["id", "created_at"]


class MemberViewSet(
    mixins.ListModelMixin,
    mixins.RetrieveModelMixin,
    mixins.UpdateModelMixin,
    mixins.DestroyModelMixin,
    WithinOrganisation,
):
    """Who belongs to the organisation; an employee sees themselves only. Deleting one's own membership is leaving."""

    http_method_names = ["get", "patch", "delete", "head", "options"]
    queryset = Membership.objects.none()
    serializer_class = MemberSerializer
    filterset_fields: ClassVar = ["role"]
    ordering_fields: ClassVar = ["created_at", "user__username"]
    permission_classes = (IsAuthenticated,)  # the services know who may do what to whom
    rights: ClassVar = dict.fromkeys(("partial_update", "destroy"), Right.SEE)

    def get_queryset(self) -> QuerySet[Membership]:
        members = Membership.objects.visible_to(caller(self.request)).filter(organisation=self.organisation)
        return members.select_related("user", "organisation").order_by("pk")

    def perform_update(self, serializer: serializers.BaseSerializer[Membership]) -> None:
        member, role = cast("Membership", serializer.instance), serializer.validated_data["role"]
        serializer.instance = change_role(membership=member, role=role, actor=caller(self.request))

    def perform_destroy(self, instance: Membership) -> None:
        remove_member(membership=instance, actor=caller(self.request))


class InvitationSerializer(StrictSerializer, serializers.ModelSerializer[Invitation]):
    """``link`` is there once, in the answer to the POST: the server keeps a hash of its secret only."""

    invited_by = serializers.CharField(source="invited_by.username", read_only=True, default=None, allow_null=True)
    link = serializers.CharField(read_only=True, required=False)

    class Meta:
        model = Invitation
        fields: ClassVar = ["id", "email", "role", "invited_by", "created_at", "expires_at", "link"]
        read_only_fields: ClassVar = ["id", "created_at", "expires_at"]


class InvitationViewSet(mixins.ListModelMixin, mixins.DestroyModelMixin, WithinOrganisation):
    """The organisation's open invitations, for its managers. Deleting one withdraws it."""

    http_method_names = ["get", "post", "delete", "head", "options"]
    queryset = Invitation.objects.none()
    serializer_class = InvitationSerializer
    filterset_fields: ClassVar = ["email", "role"]
    ordering_fields: ClassVar = ["created_at", "expires_at", "email"]
    permission_classes = (IsAuthenticated,)
    rights: ClassVar = dict.fromkeys(("list", "create", "destroy"), Right.MANAGE)

    def get_queryset(self) -> QuerySet[Invitation]:
        found = Invitation.objects.visible_to(caller(self.request)).open().filter(organisation=self.organisation)
        return found.select_related("invited_by", "organisation").order_by("-pk")

    def create(self, request: Request, *args: Any, **kwargs: Any) -> Response:
        """Invite an address; an open invitation of it is withdrawn. An Idempotency-Key is ignored."""
        given = self.get_serializer(data=request.data)
        given.is_valid(raise_exception=True)
        sent = invite(
            organisation=self.organisation,
            actor=caller(request),
            link=link_of(request._request),  # noqa: SLF001
            **given.validated_data,
        )
        answer = self.get_serializer(sent.invitation).data | {"link": sent.link}
        return Response(answer, status=status.HTTP_201_CREATED, headers={"Cache-Control": "no-store"})

    def perform_destroy(self, instance: Invitation) -> None:
        withdraw(invitation=instance, actor=caller(self.request))


class SecretSerializer(StrictSerializer):
    secret = serializers.CharField(max_length=200, help_text="The end of the link.")


class JoinedSerializer(serializers.Serializer[Any]):
    organisation = serializers.IntegerField()
    name = serializers.CharField()
    role = serializers.ChoiceField(Role.choices)
    joined_at = AwareDateTimeField()


class AcceptInvitationView(APIView):
    @extend_schema(operation_id="invitations_accept", request=SecretSerializer, responses={201: JoinedSerializer})
    def post(self, request: Request) -> Response:
        """Join the organisation of an invitation; its address need not be that of the caller."""
        given = SecretSerializer(data=request.data)
        given.is_valid(raise_exception=True)
        member = accept(secret=given.validated_data["secret"], user=caller(request))
        firm = member.organisation
        joined = {
            "organisation": firm.pk,
            "name": firm.name,
            "role": member.role,
            "joined_at": member.created_at,
        }
        return Response(JoinedSerializer(joined).data, status=status.HTTP_201_CREATED)
