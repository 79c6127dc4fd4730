"""Models, fields and helps are read in the reader's language; English, migrations and permissions stay as they were."""

from __future__ import annotations

import re
from io import StringIO
from typing import Any

import pytest
from django.apps import apps
from django.contrib.auth.models import Permission
from django.core.management import call_command
from django.db.migrations.loader import MigrationLoader
from django.forms import modelform_factory
from django.utils.functional import Promise
from django.utils.translation import override, pgettext

from banking.models import Account, CashTransaction, Transfer
from portfolio_site.names import APART, FIELD, OURS, words
from portfolios.models import Trade
from users.models import User

MODELS = [model for label in OURS for model in apps.get_app_config(label).get_models(include_auto_created=True)]


def fields(model: Any) -> list[Any]:
    return [*model._meta.local_fields, *model._meta.local_many_to_many]


def said(model: Any) -> dict[str, str]:
    """What a model and its fields are called, and the helps, in the language that is active."""
    options = model._meta
    found = {"": str(options.verbose_name), "s": str(options.verbose_name_plural)}
    for field in fields(model):
        found |= {field.name: str(field.verbose_name), f"{field.name}?": str(field.help_text)}
    return found


@pytest.fixture(scope="module")
def plainly() -> Any:
    """The models as the migrations leave them, whose names Django derives by itself."""
    return MigrationLoader(None).project_state().apps


@pytest.mark.parametrize("model", MODELS, ids=lambda model: model._meta.label)
def test_english_is_what_django_derives(model: Any, plainly: Any) -> None:
    if model._meta.auto_created:
        assert str(model._meta.verbose_name).endswith(" relationship")
        return
    plain = plainly.get_model(model._meta.label)
    with override("en"):
        assert said(model) == said(plain)
    with override("de"):
        assert model._meta.verbose_name_raw == plain._meta.verbose_name_raw


@pytest.mark.parametrize("model", MODELS, ids=lambda model: model._meta.label)
def test_nothing_is_left_plain(model: Any) -> None:
    options = model._meta
    assert isinstance(options.verbose_name, Promise)
    assert isinstance(options.verbose_name_plural, Promise)
    assert [field.name for field in fields(model) if not isinstance(field.verbose_name, Promise)] == []
    assert [field.name for field in fields(model) if field.help_text and not isinstance(field.help_text, Promise)] == []


def test_each_word_is_said_in_german() -> None:
    with override("de"):
        assert {str(getattr(each.holder, each.attribute)) == pgettext(each.context, each.text) for each in words()} == {
            True
        }
        assert str(Account._meta.verbose_name_plural) == "Konten"
        assert str(CashTransaction._meta.get_field("booked_on").verbose_name) == "gebucht am"
        assert str(Transfer._meta.get_field("rate").verbose_name) == "Wechselkurs"
        assert str(User._meta.get_field("username").verbose_name) == "Benutzername"  # Django's own words


@pytest.mark.parametrize(
    ("field", "words"),
    [
        ("assets.Bond.matures", "fällig am"),
        ("assets.CorporateAction.target_price", "Kurs des Ziels"),
        ("assets.WatchlistEntry.target_price", "Kursziel"),
        ("banking.ImportRow.units", "Betrag"),
        ("banking.Rule.position", "Position"),
        ("banking.Schedule.position", "erledigte Termine"),
        ("portfolios.CostMethodChange.method", "Verbrauchsfolge"),
        ("analytics.VarBacktest.method", "Methode"),
    ],
)
def test_a_field_is_called_by_what_it_holds(field: str, words: str) -> None:
    model, _, name = field.rpartition(".")
    with override("de"):
        assert str(apps.get_model(model)._meta.get_field(name).verbose_name) == words


def test_several_are_called_in_english_words() -> None:
    with override("en"):
        plurals = {str(model._meta.verbose_name_plural) for model in MODELS}
    assert {"holder figures", "unknown here"} <= plurals
    wrong = re.compile(r".*(ss|[^aeiou]ys|(x|ch|sh|z)s|heres)")
    assert {plural for plural in plurals if wrong.fullmatch(plural)} == set()


def test_what_is_set_apart_is_there_and_needs_it() -> None:
    names = {str(each.holder): each.text for each in words() if each.attribute == "verbose_name"}
    elsewhere = {each.text for each in words() if each.context == FIELD}
    assert names.keys() >= APART
    assert {names[field] for field in APART} <= elsewhere


@pytest.mark.django_db
def test_no_migration_sees_it() -> None:
    out = StringIO()
    with override("de"):
        call_command("makemigrations", check_changes=True, dry_run=True, stdout=out)
    assert "No changes" in out.getvalue()
    assert "verbose_name" not in Trade._meta.get_field("traded_at").deconstruct()[3]
    assert "verbose_name" not in Trade._meta.original_attrs


@pytest.mark.django_db
def test_permissions_are_stored_in_english() -> None:
    assert Permission.objects.get(codename="add_cashtransaction").name == "Can add cash transaction"


@pytest.mark.parametrize(
    ("language", "label", "refusal"),
    [
        ("en", "Closed on", "Account with this Owner and Currency already exists."),
        ("de", "Geschlossen am", "Konto mit diesem Wert für das Feld Eigentümer und Währung existiert bereits."),
    ],
)
def test_forms_and_what_is_there_twice(language: str, label: str, refusal: str) -> None:
    form: Any = modelform_factory(Account, fields=["closed_on"])
    with override(language):
        assert str(form().fields["closed_on"].label) == label
        assert Account().unique_error_message(Account, ("owner", "currency")).messages == [refusal]
