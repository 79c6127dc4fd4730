"""Rules over HTTP: what cash that looks alike is for, tried on the past, moved, and applied to it."""

from __future__ import annotations

from datetime import date, timedelta
from typing import Any, ClassVar

from django.db import transaction
from django.db.models import QuerySet
from django.utils import timezone
from django_filters import rest_framework as filters
from drf_spectacular.utils import extend_schema
from rest_framework import mixins, serializers, status
from rest_framework.decorators import action
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.viewsets import GenericViewSet

from banking.api.base import METHODS, IdFilter, OrganisationField, caller, checked_input, holder_of
from banking.api.fields import BookableAccountField, CategoryField, CounterpartyField
from banking.api.transaction_rows import MOST_TAGS, RecategorisationSerializer, TagNamesField
from banking.models import Rule, Section
from banking.services.reclassifying import apply, preview
from banking.services.rule_changes import change_rule, create_rule, delete_rule, drafted, move_rule, typed_words
from banking.services.rule_names import with_names
from banking.services.rules import spoken
from core.api import AwareDateTimeField, DecimalStringField, IsoDateField, StrictIntegerField, StrictSerializer
from users.models import Role

MOST_WORDS = 50
PAST = timedelta(days=365)  # how far back is looked when no day is given


class WordsField(serializers.ListField):
    child = serializers.CharField(max_length=100)

    def to_representation(self, data: Any) -> list[str]:
        return list(spoken(data))


class RuleSerializer(StrictSerializer, serializers.Serializer[Any]):
    """Conditions, of which those that are left out or null do not count, and what rows become for which all hold.

    ``words``: the description holds any of them as a whole, whatever the case, accents and punctuation. A category
    or counterparty is named by its id or its name; a name that is new is made, and so are tags.
    """

    id = serializers.IntegerField(read_only=True, source="pk")
    organisation = OrganisationField()
    position = serializers.IntegerField(read_only=True, help_text="Rules are tried from the lowest on.")
    name = serializers.CharField(max_length=100, required=False, allow_blank=True)
    active = serializers.BooleanField(required=False)
    words = WordsField(required=False, max_length=MOST_WORDS)
    amount_min = DecimalStringField(19, 4, source="least", required=False, allow_null=True)
    amount_max = DecimalStringField(19, 4, source="most", required=False, allow_null=True)
    signed = serializers.BooleanField(
        required=False, help_text="Whether the limits are of the amount with its sign; otherwise of its size."
    )
    account = BookableAccountField(required=False, allow_null=True)
    section = serializers.ChoiceField(Section.choices, required=False, allow_blank=True)
    counterparty = CounterpartyField(required=False, allow_null=True)
    iban = serializers.CharField(max_length=50, required=False, allow_blank=True, help_text="The counterparty's.")
    category = CategoryField(required=False, allow_null=True)
    category_name = serializers.CharField(source="category.name", read_only=True, default=None, allow_null=True)
    set_counterparty = CounterpartyField(
        required=False, allow_null=True, help_text="What rows without a counterparty get."
    )
    tags = TagNamesField(required=False, max_length=MOST_TAGS)
    created_at = AwareDateTimeField(read_only=True)

    def get_fields(self) -> dict[str, Any]:
        fields = super().get_fields()
        if self.partial:  # a rule stays with its owner
            fields["organisation"] = OrganisationField(read_only=True)
        return fields

    def validate_words(self, given: list[str]) -> str:
        text = typed_words(given)
        if len(text) > 500:
            raise serializers.ValidationError("All words together have at most 500 characters.")
        return text


class SinceField(IsoDateField):
    """From which day on; a year ago when left out."""

    def __init__(self, **kwargs: Any) -> None:
        super().__init__(**{"required": False, "help_text": self.__doc__} | kwargs)


class TrySerializer(RuleSerializer):
    """A rule that is not stored, or with ``id`` a stored one as it would be with these fields."""

    id = StrictIntegerField(min_value=1, required=False)
    since = SinceField()


class BeforeSerializer(serializers.Serializer[Any]):
    """A row and what it would become; null is what stays."""

    id = serializers.IntegerField(source="row.pk")
    booked_on = serializers.DateField(source="row.booked_on")
    account = serializers.IntegerField(source="row.account_id")
    amount = DecimalStringField(19, 4, source="row.amount")
    currency = serializers.CharField(source="row.account.currency")
    description = serializers.CharField(source="row.description")
    category_before = serializers.CharField(source="row.category.name", default=None, allow_null=True)
    category_after = serializers.CharField(source="category.name", default=None, allow_null=True)
    counterparty_after = serializers.CharField(source="counterparty.name", default=None, allow_null=True)
    tags_added = serializers.SerializerMethodField()

    def get_tags_added(self, found: Any) -> list[str]:
        return [tag.name for tag in found.tags]


class PreviewSerializer(serializers.Serializer[Any]):
    """How many rows would change, and the newest 50 of them."""

    count = serializers.IntegerField()
    rows = BeforeSerializer(many=True)
    tried = serializers.IntegerField(
        allow_null=True, help_text="Only so many rows, the newest, were looked at; null: all of them."
    )


class MoveSerializer(StrictSerializer, serializers.Serializer[Any]):
    place = StrictIntegerField(min_value=0, help_text="Among the owner's rules, counted from 0; at most to the end.")


class ApplySerializer(StrictSerializer, serializers.Serializer[Any]):
    """All running rules of the caller, or of the organisation; ``rule``: of them that one alone."""

    organisation = OrganisationField()
    rule = StrictIntegerField(min_value=1, required=False, allow_null=True)
    since = IsoDateField(help_text="From which day on.")


class RuleFilter(filters.FilterSet):
    organisation = IdFilter("organisation")
    category = IdFilter("category")

    class Meta:
        model = Rule
        fields: ClassVar = ["active"]


class RuleViewSet(mixins.ListModelMixin, mixins.RetrieveModelMixin, mixins.DestroyModelMixin, GenericViewSet[Rule]):
    """The caller's rules and those of the organisations whose books they read, in their order."""

    http_method_names = METHODS
    queryset = Rule.objects.none()
    serializer_class = RuleSerializer
    filterset_class = RuleFilter
    ordering_fields: ClassVar = ["position", "name", "created_at"]

    def get_queryset(self) -> QuerySet[Rule]:
        user, rules = caller(self.request), Rule.objects.whole()
        return rules.visible_to(user)

    def create(self, request: Request) -> Response:
        """Add a rule behind the others."""
        given = checked_input(self.get_serializer(data=request.data))
        holder = holder_of(given.pop("organisation_id", None), caller(request), Role.MEMBER)
        with transaction.atomic():
            values = with_names(given, holder=holder, make=True)
            made = create_rule(holder=holder, actor=caller(request), **values)
        return Response(self._shown(made), status=status.HTTP_201_CREATED)

    @extend_schema(request=RuleSerializer(partial=True), responses=RuleSerializer)
    def partial_update(self, request: Request, *args: Any, **kwargs: Any) -> Response:
        rule = self.get_object()
        given = checked_input(self.get_serializer(rule, data=request.data, partial=True))
        with transaction.atomic():
            values = with_names(_beside(given, rule), holder=rule.holder, make=True)
            rule = change_rule(rule=rule, actor=caller(request), **values)
        return Response(self._shown(rule))

    def perform_destroy(self, instance: Rule) -> None:
        delete_rule(rule=instance, actor=caller(self.request))

    @extend_schema(request=MoveSerializer, responses=RuleSerializer)
    @action(detail=True, methods=["post"])
    def move(self, request: Request, *args: Any, **kwargs: Any) -> Response:
        """Put the rule at another place."""
        rule, given = self.get_object(), checked_input(MoveSerializer(data=request.data))
        return Response(self._shown(move_rule(rule=rule, place=given["place"], actor=caller(request))))

    @extend_schema(request=TrySerializer, responses=PreviewSerializer)
    @action(detail=False, methods=["post"])
    def preview(self, request: Request) -> Response:
        """What the rule would change over the past, at its place behind the rules before it. Nothing is stored."""
        given = checked_input(TrySerializer(data=request.data, context=self.get_serializer_context()))
        since, pk = given.pop("since", None), given.pop("id", None)
        rule = self.get_queryset().filter(pk=pk).first() if pk else None
        if pk and rule is None:
            raise serializers.ValidationError({"id": ["You have no such rule."]})
        organisation = given.pop("organisation_id", None)
        holder = rule.holder if rule else holder_of(organisation, caller(request), Role.MEMBER)
        values = with_names(_beside(given, rule), holder=holder, make=False)
        draft = drafted(holder=holder, rule=rule, values=values)
        found = preview(draft=draft, holder=holder, since=since or a_year_ago())
        return Response(PreviewSerializer(found).data)

    @extend_schema(request=ApplySerializer, responses=RecategorisationSerializer)
    @action(detail=False, methods=["post"])
    def apply(self, request: Request) -> Response:
        """Classify the past by the rules as they are. The answer's id undoes it (`/api/banking/recategorisations/`)."""
        given = checked_input(ApplySerializer(data=request.data))
        holder = holder_of(given.get("organisation_id"), caller(request), Role.MEMBER)
        pk = given.get("rule")
        rule = Rule.objects.of(holder).filter(pk=pk).first() if pk else None
        if pk and rule is None:
            raise serializers.ValidationError({"rule": ["There is no such rule among them."]})
        act = apply(holder=holder, since=given["since"], actor=caller(request), rule=rule)
        return Response(RecategorisationSerializer(act).data)

    def _shown(self, rule: Rule) -> Any:
        return self.get_serializer(Rule.objects.whole().get(pk=rule.pk)).data


def a_year_ago() -> date:
    return timezone.now().date() - PAST


def _beside(given: dict[str, Any], rule: Rule | None) -> dict[str, Any]:
    """``given`` with the section that the rule has, so that a category's name is looked for there."""
    return ({"section": rule.section} if rule and rule.section else {}) | given
