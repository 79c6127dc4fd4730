"""What models and fields are called, and what helps with them, in the reader's language: see docs/adr/0012."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from typing import Any

from django.apps import apps
from django.db.models import Field, Model
from django.utils.functional import Promise
from django.utils.translation import pgettext_lazy

OURS = ("activity", "users", "assets", "banking", "portfolios", "analytics")
MODEL, MODELS, FIELD, HELP = "name of a model", "name of several of a model", "name of a field", "help with a field"
# Fields that are called like others and mean something else: their context names them.
APART = {
    "activity.AuditEvent.action",
    "assets.CorporateAction.target_price",
    "banking.Schedule.position",
    "banking.Schedule.source",
    "banking.Schedule.target",
    "banking.Transfer.rate",
    "portfolios.CostMethodChange.method",
    "portfolios.Trade.source",
}


@dataclass(frozen=True, slots=True)
class Words:
    """A plain English text that ``holder`` has as ``attribute``, and the file in which its model is written."""

    holder: Any
    attribute: str
    context: str
    text: str
    place: str


@cache
def words() -> tuple[Words, ...]:
    """Those of all models of our own, as they were before ``translate`` made them lazy: it is the first to ask.

    What is lazy from the beginning, such as the fields of people that Django brings, has its words already.
    """
    models = [model for label in OURS for model in apps.get_app_config(label).get_models(include_auto_created=True)]
    return tuple(each for model in models for each in _words_of(model))


def _words_of(model: type[Model]) -> Iterator[Words]:
    options, place = model._meta, f"{model.__module__.replace('.', '/')}.py"  # noqa: SLF001  Django's public name
    if not isinstance(options.verbose_name, Promise):
        yield Words(options, "verbose_name", MODEL, str(options.verbose_name), place)
        yield Words(options, "verbose_name_plural", MODELS, str(options.verbose_name_plural), place)
    for field in (*options.local_fields, *options.local_many_to_many):
        yield from _words_of_field(field, place)


def _words_of_field(field: Field[Any, Any], place: str) -> Iterator[Words]:
    named = f"{FIELD}, {field}" if str(field) in APART else FIELD
    for attribute, context in (("verbose_name", named), ("help_text", HELP)):
        text = getattr(field, attribute)
        if text and not isinstance(text, Promise):
            yield Words(field, attribute, context, text, place)


def translate() -> None:
    """Have the models say these words in the language that is active when they are read."""
    for each in words():
        setattr(each.holder, each.attribute, pgettext_lazy(each.context, each.text))
