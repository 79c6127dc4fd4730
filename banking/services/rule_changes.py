"""Keeping rules: made, changed, moved and deleted. The owner's row is locked first, so that no place is taken twice."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from django.contrib.auth import get_user_model
from django.db import transaction
from django.db.models import Case, F, Max, Model, Value, When
from django.utils.translation import gettext as _

from activity.services import record
from banking.matching.words import words
from banking.models import Rule, Section, Tag
from banking.services.accounts import clean_iban
from banking.services.rules import spoken
from banking.services.transactions import CategoryOfAnother, SectionOfAnother
from core.errors import DomainError, Gone
from core.fields import MONEY_LIMIT, MONEY_SCALE
from users.models import Organisation, User, owned_by

MOST_RULES = 200
ASIDE = 1_000_000  # beyond every place
CONDITIONS = ("words", "least", "most", "account", "section", "counterparty", "iban")
COLUMNS = ("name", "active", *CONDITIONS, "signed", "category", "set_counterparty")


class ConditionNeeded(DomainError):
    """A rule says which rows it is for: give words, an amount, a counterparty, an account or a section."""


class ActionNeeded(DomainError):
    """A rule says what rows become: give a category, a counterparty or tags."""


class NoWord(DomainError):
    """Between two commas stands no word: a word has letters or digits."""


class TextTooLong(DomainError):
    """This text is longer than a rule keeps."""


class LimitOfAmount(DomainError):
    """The limits of an amount are money, and the first is not above the second; without a sign neither is below 0."""


class UnknownRuleSection(DomainError):
    """A row is income, expense or transfer."""


class TooManyRules(DomainError):
    """There are 200 rules already, and no more are kept."""


@dataclass(frozen=True, slots=True)
class Draft:
    """A rule that is checked and not stored, with its tags."""

    rule: Rule
    tags: Sequence[Tag]


def drafted(*, holder: User | Organisation, rule: Rule | None = None, values: Mapping[str, Any]) -> Draft:
    """A new rule of ``holder`` with ``values``, columns and "tags", or ``rule`` with them instead of its own.

    Raises ConditionNeeded, ActionNeeded, NoWord, TextTooLong, LimitOfAmount, UnknownRuleSection, CategoryOfAnother,
    SectionOfAnother and what ``clean_iban`` raises.
    """
    given = {name: getattr(rule, name) for name in COLUMNS} if rule else {}
    given |= {name: value for name, value in values.items() if name != "tags"}
    tags = list(values["tags"]) if "tags" in values else list(rule.tags.all()) if rule and rule.pk else []
    if given.get("iban"):
        given["iban"] = clean_iban(given["iban"])
    found = Rule(**owned_by(holder), **given)
    if rule:
        found.pk, found.position = rule.pk, rule.position
    _check_conditions(found)
    _check_actions(found, tags)
    return Draft(found, tags)


@transaction.atomic
def create_rule(*, holder: User | Organisation, actor: User | None, **values: Any) -> Rule:
    """A rule behind all others of ``holder``. Raises TooManyRules and what ``drafted`` raises."""
    lock_holder(holder)
    mine = Rule.objects.of(holder)
    if mine.count() >= MOST_RULES:
        raise TooManyRules
    draft = drafted(holder=holder, values=values)
    last = mine.aggregate(last=Max("position"))["last"]
    draft.rule.position = 0 if last is None else last + 1
    draft.rule.save(force_insert=True)
    draft.rule.tags.set(draft.tags)
    record(actor=actor, action="rule.created", subject=draft.rule, data=_said(draft))
    return draft.rule


@transaction.atomic
def change_rule(*, rule: Rule, actor: User | None, **changes: Any) -> Rule:
    """Raises Gone and what ``drafted`` raises. The rows that it classified stay as they are."""
    rule = _locked(rule)
    before = _said(Draft(rule, list(rule.tags.all())))
    draft = drafted(holder=rule.holder, rule=rule, values=changes)
    if (after := _said(draft)) == before:
        return rule
    for name in COLUMNS:
        setattr(rule, name, getattr(draft.rule, name))
    rule.save(update_fields=COLUMNS)
    rule.tags.set(draft.tags)
    record(actor=actor, action="rule.changed", subject=rule, data={"from": before, "to": after})
    return rule


@transaction.atomic
def delete_rule(*, rule: Rule, actor: User | None) -> None:
    """The rows that it classified stay as they are. Raises Gone."""
    rule = _locked(rule)
    record(actor=actor, action="rule.deleted", subject=rule, data=_said(Draft(rule, list(rule.tags.all()))))
    rule.delete()


@transaction.atomic
def move_rule(*, rule: Rule, place: int, actor: User | None) -> Rule:
    """Put the rule at ``place`` among its owner's, counted from 0, at most to the end. Raises Gone."""
    rule = _locked(rule)
    mine = Rule.objects.belonging_with(rule)
    ids = list(mine.order_by("position", "pk").values_list("pk", flat=True))
    order = [pk for pk in ids if pk != rule.pk]
    place = max(0, min(place, len(order)))
    order.insert(place, rule.pk)
    if order != ids:
        # Databases check each row as it changes: first out of the way, then in order.
        mine.update(position=F("position") + ASIDE)
        mine.update(position=Case(*(When(pk=pk, then=Value(at)) for at, pk in enumerate(order))))
        record(actor=actor, action="rule.moved", subject=rule, data={"from": ids.index(rule.pk), "to": place})
    rule.refresh_from_db(fields=["position"])
    return rule


def lock_holder(holder: User | Organisation) -> None:
    """Of two who change the holder's rules at once, the second waits for the first."""
    model: Any = Organisation if isinstance(holder, Organisation) else get_user_model()
    model.objects.select_for_update(no_key=True).get(pk=holder.pk)


def _locked(rule: Rule) -> Rule:
    lock_holder(rule.holder)
    found: Rule | None = Rule.objects.whole().filter(pk=rule.pk).first()
    if found is None:
        raise Gone(_("This rule was deleted meanwhile."))
    return found


def _check_conditions(rule: Rule) -> None:
    for name, most in (("name", 100), ("words", 500)):
        if len(getattr(rule, name)) > most:
            raise TextTooLong(_("This text has at most %(number)s characters.") % {"number": most}, field=name)
    if not any(getattr(rule, name) not in (None, "") for name in CONDITIONS):
        raise ConditionNeeded(field="words")
    if rule.words and not all(words(part) for part in rule.words.split(",")):
        raise NoWord(field="words")
    if rule.section and rule.section not in Section.values:
        raise UnknownRuleSection(field="section")
    _check_limits(rule)
    _check_owner(rule, "account", rule.account)
    _check_owner(rule, "counterparty", rule.counterparty)


def _check_limits(rule: Rule) -> None:
    for name in ("least", "most"):
        limit = getattr(rule, name)
        if limit is None:
            continue
        money = limit.is_finite() and abs(limit) < MONEY_LIMIT and limit == limit.quantize(MONEY_SCALE)
        if not money or (limit < 0 and not rule.signed):
            raise LimitOfAmount(field=name)
    if rule.least is not None and rule.most is not None and rule.least > rule.most:
        raise LimitOfAmount(field="most")


def _check_actions(rule: Rule, tags: Sequence[Tag]) -> None:
    if rule.category is None and rule.set_counterparty is None and not tags:
        raise ActionNeeded(field="category")
    category = rule.category
    if category and not category.is_everybodys:
        _check_owner(rule, "category", category)
    if category and rule.section and rule.section != category.section:
        raise SectionOfAnother(
            _("%(name)s is a category of %(section)s.")
            % {"name": category.label, "section": category.get_section_display().lower()},
            field="category",
        )
    _check_owner(rule, "set_counterparty", rule.set_counterparty)
    for tag in tags:
        _check_owner(rule, "tags", tag)


def _check_owner(rule: Rule, field: str, found: Any) -> None:
    if found is not None and not rule.belongs_with(found):
        raise CategoryOfAnother(_("A rule names what belongs to its own owner."), field=field)


def _said(draft: Draft) -> dict[str, Any]:
    """The rule, for the audit trail."""
    said: dict[str, Any] = {}
    for name in COLUMNS:
        value = getattr(draft.rule, name)
        if value not in (None, "") and name != "active":
            said[name] = value if isinstance(value, bool) else _plain(value)
    return said | {"active": draft.rule.active, "tags": sorted(tag.pk for tag in draft.tags)}


def _plain(value: Any) -> Any:
    return value.pk if isinstance(value, Model) else str(value)


def typed_words(parts: Sequence[str]) -> str:
    """Words as one text, as a rule keeps them."""
    return ", ".join(spoken(",".join(parts)))
