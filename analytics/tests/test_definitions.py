"""Each figure that a page marks has its one sentence, with a unit and a basis that are known."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from django.conf import settings
from django.test import Client
from django.utils.text import slugify

from analytics.definitions import BASES, FIGURES, METHODS, UNITS
from analytics.figures import ALL_LABELS, EX_ANTE_LABELS
from analytics.queries.explain import FIGURES as EXPLAINED
from users.models import User

ROOT = Path(settings.BASE_DIR)
MARKS = re.compile(r'_how\.html" with anchor="([\w-]+)"')
ONE_SENTENCE = re.compile(r"[A-Z][^.!?]{15,150}\.")


def marked() -> set[str]:
    """The headings to which question marks of templates lead."""
    texts = [path.read_text() for path in (ROOT / "templates").rglob("*.html")]
    return {anchor for text in texts for anchor in MARKS.findall(text)}


def test_every_explained_figure_has_a_sentence_and_every_sentence_a_figure() -> None:
    assert EXPLAINED.keys() == FIGURES.keys()
    assert {figure.unit for figure in EXPLAINED.values()} <= UNITS.keys()
    assert {str(figure.basis) for figure in EXPLAINED.values()} <= BASES.keys()


def test_every_question_mark_has_one() -> None:
    labels = {label.heading for label in (*ALL_LABELS.values(), *EX_ANTE_LABELS.values())}
    assert len(marked()) > 20
    assert marked() | labels <= METHODS.keys()


def test_every_heading_is_one_of_the_methods() -> None:
    methods = (ROOT / "docs" / "methods.md").read_text()
    headings = {slugify(line) for line in re.findall(r"^#+ (.+)$", methods, re.MULTILINE)}
    assert METHODS.keys() <= headings
    assert {figure.heading for figure in EXPLAINED.values()} <= METHODS.keys()


@pytest.mark.parametrize("text", [*FIGURES.values(), *(found.text for found in METHODS.values())], ids=str)
def test_it_is_one_sentence(text: object) -> None:
    assert ONE_SENTENCE.fullmatch(re.sub(r"0\.05", "", str(text)))


def test_units_and_bases_are_known() -> None:
    assert {found.unit for found in METHODS.values()} <= {"", *UNITS}
    assert {found.basis for found in METHODS.values()} <= {"", *BASES}


def test_pages_say_where_the_sentences_are(client: Client, alice: User) -> None:
    client.force_login(alice)
    assert 'data-definitions="/methods/definitions/?language=en"' in client.get("/methods/").content.decode()
    answer = client.get("/methods/definitions/?language=en")
    assert (answer.status_code, answer["Content-Type"]) == (200, "application/json")
    assert "private" in answer["Cache-Control"]
    found = answer.json()
    assert found["figures"]["sharpe_ratio"] == {
        "text": "Return above the risk-free rate for each unit of volatility; higher is better.",
        "unit": "a plain number",
        "basis": "ex-post",
    }
    assert found["methods"]["net-worth"]["unit"] == "money"
    assert found["bases"].keys() == BASES.keys()


def test_strangers_are_sent_to_the_login(client: Client) -> None:
    assert client.get("/methods/definitions/").status_code == 302
    assert "data-definitions" not in client.get("/login/").content.decode()
