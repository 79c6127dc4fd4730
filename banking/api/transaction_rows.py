"""The JSON of cash rows."""

from __future__ import annotations

from typing import Any

from rest_framework import serializers

from banking.api.fields import AssetField, BookableAccountField, CategoryField, CounterpartyField
from banking.models import Account, CashTransaction, ClassifiedBy, Origin, Section
from banking.queries.transactions import with_other
from banking.services.classification import category_named, counterparty_named, tags_named
from core.api import AwareDateTimeField, DecimalStringField, IsoDateField, StrictIntegerField, StrictSerializer

MOST_TAGS = 20
MOST_IDS = 1000
CLASSIFYING = {"category", "counterparty", "tags"}


class PartSerializer(StrictSerializer, serializers.Serializer[Any]):
    """A part of a split: in the row's section and its account's currency."""

    category = CategoryField()
    category_name = serializers.CharField(source="category.name", read_only=True)
    amount = DecimalStringField(19, 4)
    note = serializers.CharField(max_length=255, required=False, allow_blank=True, default="")


class PartsSerializer(StrictSerializer, serializers.Serializer[Any]):
    parts = PartSerializer(many=True, max_length=50)  # type: ignore[call-arg]


class TagNamesField(serializers.ListField):
    child = serializers.CharField(max_length=40)

    def to_representation(self, data: Any) -> list[str]:
        return sorted((tag.name for tag in data.all()), key=str.lower)  # databases differ in the order of letters


class TransactionSerializer(StrictSerializer, serializers.Serializer[Any]):
    """A signed amount in its account's currency on one day. A category or counterparty is named by its id or its name;
    a name that is new is made.
    """

    id = serializers.IntegerField(read_only=True)
    account = BookableAccountField()
    account_name = serializers.CharField(source="account.name", read_only=True)
    currency = serializers.CharField(source="account.currency", read_only=True)
    booked_on = IsoDateField()
    amount = DecimalStringField(19, 4, help_text="Positive: money came in.")
    section = serializers.ChoiceField(Section.choices)
    description = serializers.CharField(max_length=255, required=False, allow_blank=True)
    category = CategoryField(required=False, allow_null=True)
    category_name = serializers.CharField(source="category.name", read_only=True, default=None, allow_null=True)
    classified_by = serializers.ChoiceField(ClassifiedBy.choices, read_only=True, allow_blank=True)
    counterparty = CounterpartyField(required=False, allow_null=True)
    counterparty_name = serializers.CharField(source="counterparty.name", read_only=True, default=None, allow_null=True)
    tags = TagNamesField(required=False, max_length=MOST_TAGS)
    asset = AssetField(required=False, allow_null=True)
    external_id = serializers.CharField(max_length=64, required=False, allow_blank=True)
    origin = serializers.ChoiceField(Origin.choices, read_only=True)
    transfer = serializers.SerializerMethodField(help_text="The id of the transfer that it is a leg of.")
    transfer_account = serializers.SerializerMethodField(help_text="The id of the other leg's account, if one sees it.")
    splits = PartSerializer(many=True, read_only=True)
    original = serializers.IntegerField(
        source="original_id", read_only=True, allow_null=True, help_text="The first version of a corrected row."
    )
    created_at = AwareDateTimeField(read_only=True)
    voided_at = AwareDateTimeField(read_only=True, allow_null=True)

    def get_transfer(self, row: CashTransaction) -> int | None:
        return with_other(row).transfer

    def get_transfer_account(self, row: CashTransaction) -> int | None:
        other = with_other(row).other
        return other.account_id if other and other.account_id in self.context["accounts"] else None


class CategoriseSerializer(StrictSerializer, serializers.Serializer[Any]):
    """Which rows, by their ids or by the filters of the list, and what they become. Tags are added to their own."""

    ids = serializers.ListField(
        child=StrictIntegerField(min_value=1), required=False, min_length=1, max_length=MOST_IDS
    )
    filter = serializers.DictField(
        child=serializers.CharField(allow_blank=True),
        required=False,
        help_text="As the list's query: at most 10,000 rows.",
    )
    category = CategoryField(required=False, allow_null=True)
    counterparty = CounterpartyField(required=False, allow_null=True)
    tags = serializers.ListField(child=serializers.CharField(max_length=40), required=False, max_length=MOST_TAGS)

    def validate(self, given: dict[str, Any]) -> dict[str, Any]:
        if ("ids" in given) == ("filter" in given):
            raise serializers.ValidationError({"ids": ["Name the rows by their ids or by a filter."]})
        if not CLASSIFYING & given.keys():
            raise serializers.ValidationError({"category": ["Send a category, a counterparty or tags."]})
        return given


class RecategorisationSerializer(serializers.Serializer[Any]):
    """What was classified at once. ``restored`` says how many rows the undo changed back."""

    id = serializers.IntegerField()
    count = serializers.IntegerField()
    created_at = AwareDateTimeField()
    undone_at = AwareDateTimeField(allow_null=True)
    restored = serializers.IntegerField()


def resolved(values: dict[str, Any], account: Account, section: str) -> dict[str, Any]:
    """``values`` with categories, counterparties and tags for names, of the account's owner; new ones are made."""
    found = dict(values)
    if isinstance(found.get("category"), str):
        found["category"] = category_named(found["category"], section, books=account)
    if isinstance(found.get("counterparty"), str):
        found["counterparty"] = counterparty_named(found["counterparty"], books=account)
    if "tags" in found:
        found["tags"] = tags_named(found["tags"], books=account)
    return found
