"""Every text that is marked has its words in every language, and no language has words for texts that are gone."""

from __future__ import annotations

import ast
import re
import shutil
from collections.abc import Iterator
from pathlib import Path

import django
import pytest
from babel.messages.catalog import Catalog, Message
from django.template import Context, Template
from django.utils import translation

from portfolio_site.catalogue import (
    PLACE,
    catalogues,
    compile_stale,
    kinds_of_errors,
    marked,
    parsed,
    read,
    told,
    update,
    worded,
)

TAG = re.compile(r"<[^>]+>")
LANGUAGES = {path.parts[-3]: path for path in catalogues()}
OURS_FIT = {"Administration", "History", "Save"}  # other words for the very same thing


@pytest.fixture(scope="module")
def found() -> Catalog:
    return marked()


def test_there_is_more_than_english(found: Catalog) -> None:
    assert "de" in LANGUAGES
    assert len(found) > 100
    for text in ("Skip to the content", "Time zone"):  # of a template and of a module
        assert found.get(text)


@pytest.mark.parametrize("language", LANGUAGES)
def test_every_marked_text_is_translated(found: Catalog, language: str) -> None:
    known = read(LANGUAGES[language])
    waiting = []
    for message in found:
        there = known.get(message.id, message.context) if message.id else None
        if message.id and (there is None or there.fuzzy or not worded(there.string)):
            waiting.append(message.id)
    assert waiting == [], "run `make messages` and translate these"


@pytest.mark.parametrize("language", LANGUAGES)
def test_no_translation_outlives_its_text(found: Catalog, language: str) -> None:
    known = read(LANGUAGES[language])
    assert [message.id for message in known if message.id and found.get(message.id, message.context) is None] == []
    assert not known.obsolete


@pytest.mark.parametrize("language", LANGUAGES)
def test_a_translation_keeps_names_and_marks(language: str) -> None:
    known = read(LANGUAGES[language])
    for message in known:
        if not message.id:
            continue
        assert list(message.check(known)) == []
        first = message.id if isinstance(message.id, str) else message.id[0]
        for string in [message.string] if isinstance(message.string, str) else message.string or ():
            assert sorted(TAG.findall(string)) == sorted(TAG.findall(first)), first


def djangos(language: str) -> Iterator[Message]:
    """What Django itself and its administration say without a context."""
    for part in ("conf", "contrib/admin", "contrib/auth"):
        path = Path(django.__file__).parent / part / "locale" / language / PLACE
        yield from (message for message in read(path) if message.id and message.string and not message.context)


@pytest.mark.parametrize("language", LANGUAGES)
def test_our_words_do_not_change_those_of_the_administration(language: str) -> None:
    known, theirs = read(LANGUAGES[language]), list(djangos(language))
    changed = [
        message.id
        for message in theirs
        if (ours := known.get(message.id)) and ours.string != message.string and message.id not in OURS_FIT
    ]
    assert changed == [], "the same text means another thing in Django: give it a context"
    assert {message.id for message in theirs} >= OURS_FIT


def test_a_new_text_waits_until_it_has_words(tmp_path: Path) -> None:
    template = tmp_path / "templates" / "new.html"
    template.parent.mkdir()
    template.write_text(
        '{% load i18n %}{% translate "A text that is new" %}'
        "{% blocktranslate count n=n %}{{ n }} it{% plural %}{{ n }} them{% endblocktranslate %}"
    )
    (tmp_path / "users").mkdir()
    (tmp_path / "users" / "words.py").write_text('from x import gettext_lazy as _\nTEXT = _("A word")\n')
    (tmp_path / "users" / "refusals.py").write_text(
        'class Wrong(DomainError):\n    """This is\n    wrong."""\n'
        'class Worse(Wrong): ...\nerror = Worse("{it} is worse.", it=1)\n'
        'class Worst(Wrong):\n    def __init__(self):\n        super().__init__("It is worst.")\n'
        'class Last(Worst):\n    def __init__(self):\n        Wrong.__init__(self, "It is last.")\n'
    )
    path = tmp_path / "locale" / "de" / PLACE
    path.parent.mkdir(parents=True)
    shutil.copy(LANGUAGES["de"], path)
    assert update(path, marked(tmp_path)) == (7, 7)
    assert {str(message.id) for message in read(path) if message.id} == {
        "A text that is new",
        "A word",
        "This is wrong.",
        "{it} is worse.",
        "It is worst.",
        "It is last.",
        "('%(n)s it', '%(n)s them')",
    }


def put_together(tree: ast.Module, kinds: set[str]) -> list[str]:
    """The f-strings that errors are given, in which a catalogue finds no text: themselves, or by a name."""
    found = []
    for scope in (node for node in ast.walk(tree) if isinstance(node, ast.Module | ast.FunctionDef)):
        named = {
            target.id: node.value
            for node in ast.walk(scope)
            if isinstance(node, ast.Assign) and isinstance(scope, ast.FunctionDef)
            for target in node.targets
            if isinstance(target, ast.Name)
        }
        body = ast.Module(body=[scope] if isinstance(scope, ast.FunctionDef) else scope.body, type_ignores=[])
        for message in told(body, kinds):
            given = named.get(message.id) if isinstance(message, ast.Name) else message
            if isinstance(given, ast.JoinedStr):
                found.append(ast.unparse(given))
    return found


def test_refusals_are_templates_and_not_put_together() -> None:
    trees = parsed()
    kinds = kinds_of_errors(trees)
    # Providers speak to the log and in English; what the solvers say is worded by its patterns in analytics/texts.
    elsewhere = ("assets/providers/", "analytics/engine/")
    found = {name: put_together(tree, kinds) for name, tree in trees.items() if not name.startswith(elsewhere)}
    assert {name: texts for name, texts in found.items() if texts} == {}


def test_what_is_put_together_is_found() -> None:
    direct = 'class Wrong(DomainError): ...\nraise Wrong(f"{it} is wrong.")\n'
    by_name = 'def refuse(it):\n    text = f"{it} is bad."\n    raise DomainError(text)\n'
    within = (
        'class Worse(DomainError):\n    def __init__(self, it):\n        super().__init__(f"{it} is worse.")\n'
        'raise Worse("It is.")\n'
    )
    assert put_together(ast.parse(direct), {"Wrong"}) == ["f'{it} is wrong.'"]
    assert set(put_together(ast.parse(by_name), set())) == {"f'{it} is bad.'"}
    assert set(put_together(ast.parse(within), {"Worse"})) == {"f'{it} is worse.'"}


def test_a_stale_catalogue_is_made_anew(tmp_path: Path) -> None:
    path = tmp_path / "locale" / "de" / PLACE
    path.parent.mkdir(parents=True)
    shutil.copy(LANGUAGES["de"], path)
    compile_stale(tmp_path)
    made = path.with_suffix(".mo")
    first = made.stat().st_mtime_ns
    compile_stale(tmp_path)
    assert made.stat().st_mtime_ns == first
    assert [each.name for each in path.parent.iterdir() if each.suffix not in (".po", ".mo")] == []


def test_pages_speak_german() -> None:
    page = Template('{% load i18n %}{% translate "Log in" %}')
    for code, words in (("de", "Anmelden"), ("de-ch", "Anmelden"), ("de-at", "Anmelden"), ("en-gb", "Log in")):
        with translation.override(code):
            assert page.render(Context()) == words
