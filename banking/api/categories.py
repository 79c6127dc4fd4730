"""Categories over HTTP: everybody's tree, and what people and organisations add to it."""

from __future__ import annotations

from typing import Any, ClassVar

from django_filters import rest_framework as filters
from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import extend_schema_field
from rest_framework import serializers

from banking.api.base import IdFilter, OrganisationField, caller, holder_of
from banking.api.named import NamedViewSet, UsesField
from banking.models import Category, Section
from banking.queries import category_uses
from banking.services.categories import change_category, create_category, delete_category, merge_category
from core.api import StrictIntegerField, StrictSerializer
from users.models import Role

UsesInteger = extend_schema_field(OpenApiTypes.INT)(UsesField)


class CategorySerializer(StrictSerializer, serializers.Serializer[Any]):
    """What cash is for, in a tree of at most four levels below its section."""

    id = serializers.IntegerField(read_only=True, source="pk")
    section = serializers.ChoiceField(Section.choices)
    name = serializers.CharField(max_length=60)
    parent = StrictIntegerField(  # type: ignore[assignment]
        min_value=1, required=False, allow_null=True, source="parent_id", help_text="Null: directly below the section."
    )
    organisation = OrganisationField()
    everybodys = serializers.BooleanField(read_only=True, source="is_everybodys", help_text="Staff look after it.")
    uses = UsesInteger()

    def get_fields(self) -> dict[str, Any]:
        fields = super().get_fields()
        if self.partial:  # a category stays in its section and with its owner
            fields["section"] = serializers.ChoiceField(Section.choices, read_only=True)
            fields["organisation"] = OrganisationField(read_only=True)
        return fields


class CategoryFilter(filters.FilterSet):
    organisation = IdFilter("organisation")
    parent = IdFilter("parent")
    name = filters.CharFilter("name", "icontains")

    class Meta:
        model = Category
        fields: ClassVar = ["section"]


class CategoryViewSet(NamedViewSet):
    """Everybody's categories, one's own and those of the organisations whose books one reads."""

    model = Category
    queryset = Category.objects.none()
    serializer_class = CategorySerializer
    filterset_class = CategoryFilter
    ordering_fields: ClassVar = ["section", "name"]
    uses = staticmethod(category_uses)

    def make(self, given: dict[str, Any]) -> Category:
        user = caller(self.request)
        holder = holder_of(given.pop("organisation_id", None), user, Role.MEMBER)
        parent = self._parent(given.pop("parent_id", None))
        return create_category(holder=holder, parent=parent, actor=user, **given)

    def change(self, row: Category, given: dict[str, Any]) -> Category:
        if "parent_id" in given:
            given["parent"] = self._parent(given.pop("parent_id"))
        return change_category(category=row, actor=caller(self.request), **given)

    def remove(self, row: Category) -> None:
        delete_category(category=row, actor=caller(self.request))

    def join(self, source: Category, target: Category) -> dict[str, int]:
        return merge_category(source=source, target=target, actor=caller(self.request))

    def _parent(self, pk: int | None) -> Category | None:
        found = Category.objects.visible_to(caller(self.request)).filter(pk=pk).first() if pk else None
        if pk and found is None:
            raise serializers.ValidationError({"parent": ["There is no such category."]})
        return found
