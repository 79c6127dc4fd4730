"""Tags over HTTP."""

from __future__ import annotations

from typing import Any, ClassVar

from django_filters import rest_framework as filters
from rest_framework import serializers

from banking.api.base import IdFilter, OrganisationField, caller, holder_of
from banking.api.categories import UsesInteger
from banking.api.named import NamedViewSet
from banking.models import Tag
from banking.queries import tag_uses
from banking.services.counterparties import create_tag, delete_named, merge_into, rename_tag
from core.api import StrictSerializer
from users.models import Role


class TagSerializer(StrictSerializer, serializers.Serializer[Any]):
    """A word that rows of any category are marked with."""

    id = serializers.IntegerField(read_only=True, source="pk")
    name = serializers.CharField(max_length=40)
    organisation = OrganisationField()
    uses = UsesInteger()

    def get_fields(self) -> dict[str, Any]:
        fields = super().get_fields()
        if self.partial:
            fields["organisation"] = OrganisationField(read_only=True)
        return fields


class TagFilter(filters.FilterSet):
    organisation = IdFilter("organisation")
    name = filters.CharFilter("name", "icontains")

    class Meta:
        model = Tag
        fields: ClassVar[list[str]] = []


class TagViewSet(NamedViewSet):
    """One's own tags and those of the organisations whose books one reads. Deleting one takes it off its rows."""

    model = Tag
    queryset = Tag.objects.none()
    serializer_class = TagSerializer
    filterset_class = TagFilter
    uses = staticmethod(tag_uses)

    def make(self, given: dict[str, Any]) -> Tag:
        user = caller(self.request)
        holder = holder_of(given.pop("organisation_id", None), user, Role.MEMBER)
        return create_tag(holder=holder, actor=user, **given)

    def change(self, row: Tag, given: dict[str, Any]) -> Tag:
        return rename_tag(tag=row, actor=caller(self.request), **given)

    def remove(self, row: Tag) -> None:
        delete_named(row=row, actor=caller(self.request))

    def join(self, source: Tag, target: Tag) -> dict[str, int]:
        return merge_into(source=source, target=target, actor=caller(self.request))
