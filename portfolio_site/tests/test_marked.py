"""Every word that a template writes is marked for translation: what a reader sees, hears or hovers over."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

import pytest
from django.template.base import Lexer, TokenType

from portfolio_site.catalogue import BASE_DIR

TEMPLATES = sorted(path for path in (BASE_DIR / "templates").rglob("*") if path.suffix in (".html", ".txt"))
NAMES = {"Portfolio", "server", "IBAN", "ISIN", "API", "CSV", "PDF", "JSON", "Celery", "Flower", "EUR", "USD"}
SPOKEN = re.compile(r"""\b(?:aria-label|aria-description|title|placeholder|alt|data-label|label)="([^"]*)\"""")
SILENT = re.compile(r"<(script|style)\b.*?</\1>|<!--.*?-->|<[^>]*>|&\w+;", re.DOTALL)
WORD = re.compile(r"[A-Za-zÀ-ÿ]{2,}")


def said(text: str) -> Iterator[str]:
    """The words between the tags of a piece of a page, and those of attributes that are read to people."""
    for attribute in SPOKEN.findall(text):
        yield from WORD.findall(attribute)
    yield from WORD.findall(SILENT.sub(" ", text))


def unmarked(source: str) -> list[str]:
    """The words of a template that no mark encloses, in order."""
    kept, marked = [], False
    for token in Lexer(source).tokenize():
        name = token.contents.split(" ", 1)[0] if token.token_type is TokenType.BLOCK else ""
        if name in ("blocktranslate", "comment", "blocktrans"):
            marked = True
        elif name in ("endblocktranslate", "endcomment", "endblocktrans"):
            marked = False
        elif token.token_type is TokenType.TEXT and not marked:
            kept.append(token.contents)
        elif token.token_type is not TokenType.COMMENT:
            kept.append("\x00")  # a value: it may stand inside a tag or an attribute
    return [word for word in said("".join(kept)) if word not in NAMES]


@pytest.mark.parametrize("path", TEMPLATES, ids=lambda path: path.relative_to(BASE_DIR / "templates").as_posix())
def test_every_word_is_marked(path: Path) -> None:
    assert unmarked(path.read_text(encoding="utf-8")) == []


def test_what_is_found() -> None:
    assert unmarked('{% load i18n %}<p class="note">Hello {{ name }}</p>') == ["Hello"]
    assert unmarked('<a title="Go {{ there }}">{% translate "Away" %}</a>') == ["Go"]
    assert unmarked("{% blocktranslate %}Dear {{ name }}{% endblocktranslate %}<b>!</b>") == []


# Days and times whose parts a template orders itself; months alone ("M Y") are the same everywhere.
ORDERED = re.compile(r"""\|date:(["'])(?=[^"']*[jdgH])[^"']* [^"']*\1""")


def test_days_and_times_are_written_as_the_readers_country_does() -> None:
    """By the formats of portfolio_site/formats, or the filter ``moment``."""
    wrong = [path.name for path in TEMPLATES if ORDERED.search(path.read_text(encoding="utf-8"))]
    assert wrong == []
    assert ORDERED.search('{{ at|date:"j M, H:i" }}')
    assert not ORDERED.search('{{ at|date:"F Y" }}{{ at|date:"T" }}')
